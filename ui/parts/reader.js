// An article with a passage marked in it: as a sheet at the side of the page, or on the page itself.

const paragraph = (block) =>
  el("p", {}, ...block.map((segment) => (segment.as ? el(segment.as, { class: segment.as }, segment.t) : segment.t)));

const article = (box, data) =>
  el(
    "article",
    {},
    data.close ? el("button", { class: "close", type: "button", onclick: () => box.firstChild.close() }, `✕ ${data.close}`) : null,
    el("h2", { lang: data.language }, data.title),
    el("p", { class: "meta" }, data.meta),
    el("ul", { class: "links" }, ...data.links.map((each) => el("li", {}, el("span", {}, `${each.name} `), link(each.address, each.address)))),
    ...data.notes.map((note) => el("p", { class: "note" }, note)),
    el("div", { class: "body", lang: data.language }, ...data.blocks.map(paragraph)),
  );

export default function (component) {
  const { data } = component;
  const box = boxOf(component, "div");
  const key = JSON.stringify(data);
  if (box.key === key) return;
  box.key = key;
  if (!data.close) {
    box.replaceChildren(article(box, data));
    return;
  }
  const sheet = el("dialog", { "aria-label": data.title, onclose: () => box.send("closed", data.token) });
  sheet.append(article(box, data));
  sheet.onclick = (event) => {
    if (event.target === sheet) sheet.close();
  };
  box.replaceChildren(sheet);
  sheet.showModal();
  sheet.querySelector("mark")?.scrollIntoView({ block: "center" });
}
