// A list of things to open: passages, articles, earlier questions.

const card = (box, item) =>
  el(
    "li",
    { class: item.active ? "card active" : "card" },
    el(
      "button",
      { type: "button", class: "open", onclick: () => box.send("open", item.id) },
      item.n ? el("span", { class: "number" }, String(item.n)) : null,
      el("span", { class: "title", lang: item.language }, item.title),
    ),
    item.meta ? el("p", { class: "meta" }, item.meta) : null,
    item.note ? el("p", { class: "note" }, item.note) : null,
    item.text ? el("p", { class: "text", lang: item.language }, item.text) : null,
  );

export default function (component) {
  const box = boxOf(component, "ol");
  box.setAttribute("aria-label", component.data.name);
  patch(box, component.data.items, (item) => card(box, item));
}
