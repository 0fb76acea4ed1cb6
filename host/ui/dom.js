// Elements out of values. Text of the server becomes text nodes and attributes, never markup.

// h("td.number", {title: "..."}, "3", child): an element with classes, properties, listeners (`on...`) and children.
export function h(name, given, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  set(element, given);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// The same for pictures.
export function s(tag, given, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, given);
  element.append(...children);
  return element;
}

function set(element, given) {
  for (const [key, value] of Object.entries(given ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
}

// Replaces what is inside of an element; what is nothing is left out.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

// Writes text only where it differs, so that nothing that a reader selected is lost.
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
  return element;
}

// The same for a name, which may be broken behind its underscores, dots and hyphens.
export function breakable(element, name) {
  if (element.textContent !== name) element.replaceChildren(...name.split(/(?<=[_.\-])/).flatMap((piece, at) => (at ? [document.createElement("wbr"), piece] : [piece])));
}

export function attribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

// Makes the children of `parent` those of `items`, by key: elements stay where their items do, with their focus.
export function keyed(parent, items, key, make, update) {
  const known = parent.known ?? new Map();
  const next = new Map();
  let before = null;
  for (const item of items) {
    const name = key(item);
    const element = known.get(name) ?? make(item);
    update(element, item);
    next.set(name, element);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== element) parent.insertBefore(element, place);
    before = element;
  }
  for (const [name, element] of known) if (!next.has(name)) element.remove();
  parent.known = next;
}

let sayings;
// Says something to those who do not see.
export function say(words) {
  sayings ??= document.getElementById("said");
  sayings.textContent = words;
}

let ids = 0;
export const id = (name) => `${name}-${ids++}`;

// A state of a whole section: loading, empty or broken, with what can be done.
export function state(kind, title, words, ...actions) {
  return h(`div.state.${kind}`, { role: kind === "broken" ? "alert" : undefined },
    kind === "loading" ? h("span.spinner", { "aria-hidden": "true" }) : null,
    h("p.title", {}, title), words ? h("p", {}, words) : null, actions.length ? h("p.actions", {}, ...actions) : null);
}
