// The reference window and the current one side by side: a column's histogram, or its categories.

import { fill, h, s, text } from "./dom.js";
import { count, number, percent, plural } from "./format.js";
import { plain, unfold } from "./table.js";

const WIDTH_MIN = 280;
const HEIGHT = 170;
const LEFT = 40;
const BOTTOM = 20;
const TOP = 8;
const FROM = { "data-set": "the uploaded data set", training: "the training's rows", trailing: "the rows before the current window" };

// A picture of an answer of `/v1/models/{id}/distributions`.
export function distribution() {
  const place = h("div.picture.distribution");
  const about = h("span.about");
  const caption = h("figcaption", {}, h("span.title", {}, "Distribution"), about,
    h("span.keys", { "aria-hidden": "true" }, h("span.key", {}, h("i.block.c-reference"), "reference"), h("span.key", {}, h("i.block.c-current"), "current")));
  const summary = h("div.summary");
  let answer = null;
  const numbers = unfold("Numbers", () => table(answer));
  const figure = h("figure.chart", {}, caption, place, summary, numbers);
  let drawn = "";
  let width = 0;
  const draw = () => {
    width = place.clientWidth;
    place.replaceChildren(answer.kind === null ? h("p.dim", {}, "Neither window has rows") : answer.kind === "categorical" ? categories(answer) : histogram(answer, Math.max(WIDTH_MIN, width)));
  };
  // A histogram is drawn in pixels, so that its words have the size of others.
  new ResizeObserver(() => { if (answer && drawn && Math.abs(place.clientWidth - width) > 8) draw(); }).observe(place);
  return {
    figure,
    show(next) {
      const same = JSON.stringify(next);
      if (same === drawn) return;
      drawn = same;
      answer = next;
      text(about, [next.kind === "embedding" ? "norms of the vectors" : null, next.reference_from ? `reference: ${FROM[next.reference_from]}` : "no reference window", next.reason].filter(Boolean).join(" · "));
      draw();
      fill(summary, sides(next));
      numbers.hidden = next.kind === null;
      numbers.renew();
    },
    broken(words) {
      drawn = "";
      place.replaceChildren(h("p.dim", {}, words));
      summary.replaceChildren();
      numbers.hidden = true;
    },
  };
}

const total = (items, side, rest = 0) => items.reduce((sum, item) => sum + item[side], rest) || 1;
const single = (bin) => bin.from === bin.to;
const label = (bin) => (single(bin) ? number(bin.from) : `${number(bin.from)} to ${number(bin.to)}`);

function histogram({ bins, column }, whole) {
  if (bins.length === 0) return h("p.dim", {}, "No number in either window");
  const all = { reference: total(bins, "reference"), current: total(bins, "current") };
  const shares = bins.map((bin) => ({ reference: bin.reference / all.reference, current: bin.current / all.current }));
  const top = Math.max(...shares.flatMap((share) => [share.reference, share.current])) || 1;
  const width = (whole - LEFT - 4) / bins.length;
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share / top);
  const floor = HEIGHT - BOTTOM;
  const picture = s("svg", { viewBox: `0 0 ${whole} ${HEIGHT}`, role: "img", "aria-label": `Histogram of ${column}: shares of the rows in ${plural(bins.length, "bin")}, reference and current window. The numbers are in the table below.`, class: "histogram" });
  for (const share of [top, top / 2]) {
    picture.append(s("line", { x1: LEFT, x2: whole, y1: y(share), y2: y(share), class: "grid" }), s("text", { x: LEFT - 6, y: y(share) + 4, class: "axis end" }, percent(share)));
  }
  const gap = Math.min(2, width / 6);
  bins.forEach((bin, at) => {
    const x = LEFT + at * width;
    const { reference, current } = shares[at];
    const bar = s("g", {}, s("title", {}, `${label(bin)}\nreference ${percent(reference)}, current ${percent(current)}`),
      s("rect", { x, y: TOP, width, height: floor - TOP, class: "hover" }),
      s("rect", { x: x + gap / 2, y: y(reference), width: Math.max(1, width - gap), height: floor - y(reference), class: "reference" }),
      s("rect", { x: x + gap / 2 + (width - gap) * 0.18, y: y(current), width: Math.max(1, (width - gap) * 0.64), height: floor - y(current), class: "current" }));
    picture.append(bar);
  });
  picture.append(s("line", { x1: LEFT, x2: whole, y1: floor, y2: floor, class: "floor" }), ...ticks(bins, width, floor));
  return picture;
}

// Ends of bins, or single values, as often as there is room.
function ticks(bins, width, floor) {
  const marks = bins.every(single)
    ? bins.map((bin, at) => [LEFT + (at + 0.5) * width, number(bin.from)])
    : bins.slice(1).map((bin, at) => [LEFT + (at + 1) * width, number(bin.from)]);
  const room = 8 + 6.5 * Math.max(...marks.map(([, words]) => words.length), 1);
  const every = Math.max(1, Math.ceil(room / width));
  return marks.filter((_, at) => at % every === 0).map(([x, words]) => s("text", { x, y: floor + 14, class: "axis middle" }, words));
}

const NAMES_MAX = 12;

function categories({ categories: named, others, column }) {
  const rest = others ?? { names: 0, reference: 0, current: 0 };
  const all = { reference: total(named, "reference", rest.reference), current: total(named, "current", rest.current) };
  const shown = named.slice(0, NAMES_MAX);
  const hidden = named.slice(NAMES_MAX);
  const more = { names: rest.names + hidden.length, reference: hidden.reduce((sum, one) => sum + one.reference, rest.reference), current: hidden.reduce((sum, one) => sum + one.current, rest.current) };
  const top = Math.max(...[...shown, more].flatMap((one) => [one.reference / all.reference, one.current / all.current])) || 1;
  const row = (name, one, className) => {
    const [reference, current] = [one.reference / all.reference, one.current / all.current];
    const bars = h("span.bars", {}, h("i.reference"), h("i.current"));
    bars.children[0].style.width = `${(100 * reference) / top}%`;
    bars.children[1].style.width = `${(100 * current) / top}%`;
    return h(`li${className}`, { title: `${name}: reference ${percent(reference)}, current ${percent(current)}` }, h("span.name", {}, name), bars,
      h("span.share", {}, percent(current), h("span.dim", {}, ` ${current >= reference ? "+" : "−"}${number(Math.abs(100 * (current - reference)))}`)));
  };
  return h("ul.categories", { "aria-label": `Shares of ${column} in the current window, and by how many points they changed` }, ...shown.map((one) => row(one.name, one, "")),
    more.names || more.reference || more.current ? row(more.names ? `${plural(more.names, "other")}` : "others", more, ".others") : null);
}

function sides({ reference, current, kind }) {
  if (!reference && !current) return [];
  const of = (pick) => [pick(reference), pick(current)];
  const missing = (side) => (side ? percent(side.rows ? side.missing / side.rows : 0) : "–");
  const lines = [["rows", ...of((side) => count(side?.rows))], ["missing", ...of(missing)]];
  if (kind === "numeric" || kind === "embedding") {
    lines.push(["mean", ...of((side) => number(side?.mean))], ["deviation", ...of((side) => number(side?.deviation))], ["median", ...of((side) => number(side?.quartiles?.[1]))],
      ["middle half", ...of((side) => (side?.quartiles ? `${number(side.quartiles[0])} … ${number(side.quartiles[2])}` : "–"))], ["range", ...of((side) => (side?.minimum === null || !side ? "–" : `${number(side.minimum)} … ${number(side.maximum)}`))]);
  }
  const sketched = [reference, current].some((side) => side && !side.exact);
  return [h("table.sides", { "aria-label": "Both windows in numbers" }, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, "Reference"), h("th", { scope: "col" }, "Current"))),
    h("tbody", {}, ...lines.map(([name, before, now]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, before), h("td", {}, now))))),
  sketched ? h("p.hint", {}, `Out of a sketch: counts may be off by ${percent(Math.max(reference?.rank_error ?? 0, current?.rank_error ?? 0))} of the rows.`) : null].filter(Boolean);
}

function table({ bins, categories: named, others, column }) {
  const items = bins.length ? bins.map((bin) => ({ ...bin, name: label(bin) })) : [...named, ...(others && (others.reference || others.current) ? [{ ...others, name: `${count(others.names)} others` }] : [])];
  const all = { reference: total(items, "reference"), current: total(items, "current") };
  return plain(`${column}, by window`, [bins.length ? "Above, up to and with" : "Category", "Reference", "share", "Current", "share"],
    items.map((one) => [one.name, count(one.reference), percent(one.reference / all.reference), count(one.current), percent(one.current / all.current)]));
}
