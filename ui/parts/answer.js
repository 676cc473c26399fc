// The checked answer: sentences with their citations as buttons and the verdict in the margin.

const piece = (box, part) =>
  part.n === undefined
    ? el("span", {}, part.t)
    : el("button", { class: "cite", type: "button", "aria-label": part.name, onclick: () => box.send("cite", part.n) }, String(part.n));

const verdict = (sentence) => {
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

const row = (box) => (sentence) =>
  el(
    "div",
    { class: `sentence ${sentence.verdict}` },
    el("p", {}, ...sentence.parts.map((part) => piece(box, part))),
    verdict(sentence),
  );

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
  patch(box.body, data.sentences, row(box));
}
