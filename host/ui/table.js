// Tables: headers that sort, rows that arrow keys walk through.

import { attribute, h } from "./dom.js";

// A header of columns `{key, title, sorts, class, hint}`. `chosen()` is `{key, down}`; `choose(key)` is called on a click.
export function header(columns, chosen, choose) {
  const cells = columns.map((column) => {
    const inside = column.sorts
      ? h("button", { type: "button", title: column.hint, onclick: () => choose(column.key) }, column.title, h("span.arrow", { "aria-hidden": "true" }))
      : column.title;
    return h("th", { scope: "col", class: column.class, title: column.sorts ? undefined : column.hint }, inside);
  });
  const show = () => cells.forEach((cell, at) => {
    const { key, down } = chosen();
    const mine = columns[at].sorts && columns[at].key === key;
    attribute(cell, "aria-sort", mine ? (down ? "descending" : "ascending") : null);
  });
  show();
  return { row: h("thead", {}, h("tr", {}, ...cells)), show };
}

const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

// Arrow keys, Home, End and the page keys go from one row's main link or button to another's.
export function walk(body, what = "[data-row]") {
  body.addEventListener("keydown", (event) => {
    const step = MOVES[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...body.querySelectorAll(what)];
    const at = rows.indexOf(event.target.closest("tr, li")?.querySelector(what));
    if (at < 0) return;
    event.preventDefault();
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });
}

// A plain table for those who cannot see a picture, or want the numbers.
export function plain(caption, columns, rows) {
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": caption },
    h("table.plain", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, column)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, at) => (at ? h("td", {}, cell) : h("th", { scope: "row" }, cell))))))));
}

// Such a table that is made when somebody opens it, and again when its rows change while it is open.
export function unfold(words, make) {
  const place = h("div");
  const details = h("details.numbers", { ontoggle: () => details.renew() }, h("summary", {}, words), place);
  details.renew = () => { if (details.open) place.replaceChildren(make()); };
  return details;
}
