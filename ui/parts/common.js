// Shared by all parts. Nothing here or in them ever parses a text as HTML: what comes from Python becomes
// text nodes, attributes are ours, and an address becomes a link only if it is one of the web.

const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

const link = (address, text) => {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    return el("span", {}, text);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return el("span", {}, text);
  return el("a", { href: url.href, target: "_blank", rel: "noreferrer noopener" }, text);
};

// The one element a part draws in; it remembers the component, whose callbacks change with every run.
const boxOf = (component, name) => {
  let box = [...component.parentElement.children].find((child) => child.className === "box");
  if (!box) {
    box = el(name, { class: "box" });
    component.parentElement.append(box);
  }
  box.send = (event, value) => component.setTriggerValue(event, value);
  return box;
};

// Makes the children of `parent` those of `items`; a child whose item is as before stays, with its focus.
const patch = (parent, items, make) => {
  items.forEach((item, position) => {
    const key = JSON.stringify(item);
    const there = parent.children[position];
    if (there && there.key === key) return;
    const node = make(item);
    node.key = key;
    if (there) there.replaceWith(node);
    else parent.append(node);
  });
  while (parent.children.length > items.length) parent.lastElementChild.remove();
};
