// The answer: sentences with their citations as buttons and the verdict in the margin.

const piece = (box, part) =>
  part.n === undefined
    ? el("span", {}, part.t)
    : el("button", { class: "cite", type: "button", "aria-label": part.name, onclick: () => box.send("cite", part.n) }, String(part.n));

const verdict = (sentence) => {
  if (!sentence.verdict) return null;
  const reason = el("span", { class: "reason", hidden: true }, sentence.reason);
  const mark = el(
    "button",
    {
      class: "mark",
      type: "button",
      title: sentence.reason || sentence.word,
      "aria-expanded": "false",
      onclick: () => {
        reason.hidden = !reason.hidden || !sentence.reason;
        mark.setAttribute("aria-expanded", String(!reason.hidden));
      },
    },
    `${sentence.sign} ${sentence.word}`,
  );
  return el("span", { class: "margin" }, mark, reason);
};

export default function (component) {
  const { data } = component;
  const box = boxOf(component, "section");
  if (!box.body) {
    box.thinking = el("details", { class: "thinking" }, el("summary"), el("p"));
    box.body = el("div", { class: "answer" });
    box.append(box.thinking, box.body);
  }
  box.setAttribute("aria-label", data.name);
  box.thinking.hidden = !data.thinking;
  box.thinking.firstChild.textContent = data.thinking_name;
  box.thinking.lastChild.textContent = data.thinking;
  box.body.lang = data.language;
  box.body.setAttribute("aria-live", "polite");
  box.body.setAttribute("aria-busy", String(data.writing));
  box.body.classList.toggle("writing", data.writing);
  while (box.body.children.length > data.sentences.length) box.body.lastElementChild.remove();
  data.sentences.forEach((sentence, position) => {
    let row = box.body.children[position];
    if (!row) {
      row = el("div", {}, el("p"), el("div"));
      box.body.append(row);
    }
    row.className = `sentence ${sentence.verdict || "open"}`;
    patch(row.firstChild, sentence.parts, (part) => piece(box, part));
    patch(row.lastChild, sentence.verdict ? [sentence] : [], verdict);
  });
}
