// The columns of a monitor: how far each is beyond its threshold now, and how it came there.

import { attribute, breakable, fill, h, keyed, s, text } from "./dom.js";
import { VERDICTS, beyond, columnName, day, level, moment, number, percent, plural, probability } from "./format.js";
import { effectBar } from "./overview.js";
import { walk } from "./table.js";

const CELLS = 48;
const REACH = 3;
const SHOWN = 20;
const RANK = { drifted: 3, failed: 2, stable: 1, constant: 0, insufficient: 0 };

// The worse of two measurements: by verdict, then one that is judged before one that is told only, then by the size of the change, then by how
// near it is to its threshold.
const worse = (a, b) => RANK[a.verdict] - RANK[b.verdict] || (a.threshold !== null) - (b.threshold !== null) || (a.effect ?? -1) - (b.effect ?? -1) || (beyond(a) ?? -1) - (beyond(b) ?? -1);

// Whether it is about all columns, of all rows or of a segment.
const ofAll = (one) => one.column === null || one.whole === true;

// Columns as they stand: the worst measurement of each, the worst first, and what is about all of them last.
export function ranked(measurements) {
  const columns = new Map();
  for (const one of measurements) {
    if (one.row !== null && one.row !== undefined) continue;
    const key = one.column ?? "";
    const old = columns.get(key);
    if (!old || worse(one, old) > 0) columns.set(key, one);
  }
  return [...columns.values()].sort((a, b) => ofAll(a) - ofAll(b) || worse(b, a) || (a.column ?? "").localeCompare(b.column ?? ""));
}

// A table with a row a column. `choose(column, metric)` is called when one is chosen.
export function driftMap(choose) {
  let all = false;
  let search = "";
  let given = null;
  const span = h("span.sub");
  const body = h("tbody");
  const more = h("button", { type: "button", hidden: true, onclick: () => { all = !all; draw(); } });
  const field = h("input.small", { type: "search", placeholder: "Find a column", "aria-label": "Find a column", hidden: true, oninput: () => { search = field.value.toLowerCase(); draw(); } });
  const table = h("table.map", { "aria-label": "Columns and how far each is beyond its threshold" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Column"), h("th.kind", { scope: "col", title: "The verdict and the size of the change: 0 for none, 1 for a complete one" }, "Effect"), h("th.history", { scope: "col" }, "Over time", span),
      h("th.number.mid", { scope: "col" }, "Value"), h("th.number.mid", { scope: "col" }, "Threshold"), h("th.number.roomy", { scope: "col", title: "Probability of such a value without drift, corrected for the columns judged together" }, "p"))), body);
  walk(body);
  body.addEventListener("click", (event) => { if (!event.target.closest("button")) event.target.closest("tr")?.querySelector("button")?.click(); });
  const element = h("div", {}, h("div.bar.tight", {}, field), h("div.flush", {}, table), h("p.more", {}, more));

  function draw() {
    const { now, history, chosen } = given;
    const rows = ranked(now);
    field.hidden = rows.length <= SHOWN;
    const found = rows.filter((one) => columnName(one.column).toLowerCase().includes(search));
    const shown = all || search ? found.slice(0, 500) : found.slice(0, SHOWN);
    const range = extent(history);
    text(span, range ? `${day(range[0])} – ${day(range[1])}` : "");
    keyed(body, shown, (one) => one.column ?? "", make, (row, one) => {
      const [name, verdict, strip, value, threshold, p] = row.children;
      const button = name.firstChild;
      row.one = one;
      breakable(button.firstChild, columnName(one.column));
      text(button.lastChild, one.metric);
      attribute(button, "aria-pressed", String((one.column ?? "") === chosen));
      row.classList.toggle("chosen", (one.column ?? "") === chosen);
      drawVerdict(verdict, one);
      drawStrip(strip.firstChild, history.get(`${one.column ?? ""}\n${one.metric}`) ?? [], range);
      text(value, number(one.value)); text(threshold, number(one.threshold)); text(p, probability(one.p_adjusted ?? one.p_value));
      attribute(threshold, "title", one.threshold_kind);
      attribute(row, "title", one.missing_share > 0.01 || one.unseen_share > 0.01 ? [one.missing_share > 0.01 ? `${percent(one.missing_share)} missing` : "", one.unseen_share > 0.01 ? `${percent(one.unseen_share)} never seen in the reference` : ""].filter(Boolean).join(", ") : null);
    });
    more.hidden = search !== "" || found.length <= SHOWN;
    text(more, all ? "Show fewer columns" : `Show all ${plural(found.length, "column")}`);
  }

  function make() {
    const strip = s("svg", { class: "strip", viewBox: `0 0 ${CELLS} 1`, preserveAspectRatio: "none", role: "img" });
    const row = h("tr", {}, h("th", { scope: "row" }, h("button.link", { type: "button", "data-row": true, onclick: () => choose(row.one.column ?? "", row.one.metric) }, h("span"), h("span.sub"))),
      h("td.kind"), h("td.history"), h("td.number.mid"), h("td.number.mid"), h("td.number.roomy"));
    row.children[2].append(strip);
    return row;
  }

  return { element, show(next) { given = next; draw(); } };
}

function drawVerdict(cell, one) {
  const { effect } = one;
  const key = `${one.verdict} ${effect}`;
  if (cell.dataset.key === key) return;
  cell.dataset.key = key;
  const { mark, word } = VERDICTS[one.verdict];
  const shown = effect !== null && ["drifted", "stable"].includes(one.verdict);
  fill(cell, h(`span.badge.${one.verdict}`, { title: word }, h("span", { "aria-hidden": "true" }, mark), shown ? h("span.sr", {}, ` ${word}`) : ` ${word}`),
    shown ? effectBar(effect, one.verdict) : null);
}

function extent(history) {
  let [low, high] = [Infinity, -Infinity];
  for (const points of history.values()) for (const point of points) { low = Math.min(low, point.at); high = Math.max(high, point.at); }
  return low <= high ? [low, high] : null;
}

// One cell for each stretch of time, in the colour of the worst there.
function drawStrip(strip, points, range) {
  const key = `${points.length} ${points.at(-1)?.at} ${points.at(-1)?.value} ${range}`;
  if (strip.dataset.key === key) return;
  strip.dataset.key = key;
  const cells = new Map();
  const [low, high] = range ?? [0, 1];
  for (const point of points) {
    const at = high > low ? Math.min(CELLS - 1, Math.floor((CELLS * (point.at - low)) / (high - low))) : CELLS - 1;
    const old = cells.get(at);
    if (!old || worse(point, old) > 0) cells.set(at, point);
  }
  const sorted = [...cells].sort((a, b) => a[0] - b[0]);
  strip.replaceChildren(...sorted.map(([at, point], place) => {
    // A cell reaches to the next one that is known: windows need not come as often as there are cells.
    const end = sorted[place + 1]?.[0] ?? at + 1;
    const reach = Math.min(end, at + Math.max(REACH, Math.ceil(CELLS / Math.max(points.length, 1)))) - at;
    return s("rect", { x: at, y: 0, width: reach, height: 1, class: `l-${level(point)}` }, s("title", {}, `${moment(point.at)}: ${VERDICTS[point.verdict].word}, ${point.metric} ${number(point.value)}, threshold ${number(point.threshold)}, effect ${number(point.effect)}`));
  }));
  const drifted = points.filter((point) => point.verdict === "drifted").length;
  attribute(strip, "aria-label", points.length ? `drifted in ${drifted} of ${plural(points.length, "window")}` : "no history");
}
