// A table whose first cell opens its row and whose headings ask for another order.

const ARROWS = { ascending: " ↑", descending: " ↓" };

const heading = (box, data) => (column) => {
  const order = data.sort.column === column.id ? (data.sort.descending ? "descending" : "ascending") : null;
  const name = `${column.name}${order ? ARROWS[order] : ""}`;
  const inside = column.sortable ? el("button", { type: "button", onclick: () => box.send("sort", column.id) }, name) : name;
  return el("th", { scope: "col", class: column.id, "aria-sort": order }, inside);
};

const row = (box, data) => (item) =>
  el(
    "tr",
    {},
    ...item.cells.map((cell, position) =>
      el(
        "td",
        { class: data.columns[position].id, lang: position ? null : item.language },
        position ? cell : el("button", { type: "button", class: "open", onclick: () => box.send("open", item.id) }, cell),
      ),
    ),
  );

export default function (component) {
  const { data } = component;
  const box = boxOf(component, "table");
  box.replaceChildren(
    el("caption", {}, data.name),
    el("thead", {}, el("tr", {}, ...data.columns.map(heading(box, data)))),
    el("tbody", {}, ...data.rows.map(row(box, data))),
  );
}
