// Lines over time, drawn by uPlot in the colours of the page, with their numbers in a table for those who do not see them.

import { h, text } from "./dom.js";
import { moment, number } from "./format.js";
import { plain as plainTable, unfold } from "./table.js";
import * as theme from "./theme.js";

const HEIGHT = 180;
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
// Dashes shorter than this look like dots.
const DOT_MAX = 3;
const FONT = "11px system-ui, sans-serif";

// A picture `{title, about, series: [{label, name, colour, dash, stepped, points, fill, width, edge, gaps}], bands, height, format, range, sync}`.
// A series that is an `edge` has no line: `bands: [{upper, lower, label, colour}]` fills what lies between two of them, by their places.
// `show(times, values, summary)`: times in milliseconds, ascending; one list of values a series.
export function chart(options) {
  const picture = h("div.picture", { "aria-hidden": "true" });
  const caption = h("figcaption", {}, h("span.title", {}, options.title), h("span.about", {}, options.about ?? ""), keys(options));
  let data = [[], ...options.series.map(() => [])];
  const numbers = unfold("Numbers", () => rows(options, data));
  const summary = h("p.sr");
  const figure = h("figure.chart", {}, caption, picture, summary, numbers);
  let plot = null;

  const draw = () => {
    const width = picture.clientWidth;
    if (!figure.isConnected || width === 0 || data[0].length === 0) return;
    plot?.destroy();
    plot = new uPlot(settings(options, width, data), data, picture);
  };
  const sizes = new ResizeObserver(() => {
    if (!plot) draw();
    else if (Math.abs(plot.width - picture.clientWidth) > 1) plot.setSize({ width: picture.clientWidth, height: options.height ?? HEIGHT });
  });
  sizes.observe(picture);
  const forget = theme.onChange(draw);

  return {
    figure,
    show(times, values, words) {
      const next = [times.map((time) => time / 1000), ...values];
      // A single window is drawn in another way than several.
      const alike = (next[0].length === 1) === (data[0].length === 1);
      const same = JSON.stringify(next) === JSON.stringify(data);
      data = next;
      text(summary, words ?? "");
      if (same && plot) return;
      const empty = times.length === 0;
      picture.classList.toggle("empty", empty);
      if (empty) { plot?.destroy(); plot = null; picture.replaceChildren(h("p.dim", {}, "Nothing was measured yet")); return; }
      if (plot && alike) plot.setData(data);
      else { if (!plot) picture.replaceChildren(); draw(); }
      numbers.renew();
    },
    stop() { sizes.disconnect(); forget(); plot?.destroy(); plot = null; },
  };
}

function keys({ series, bands = [] }) {
  const key = (shape, { colour, label }) => h("span.key", {}, h(`i.${shape}.c-${colour}`), label);
  const lines = series.filter((one) => one.label && !one.edge).map((one) => key(one.points ? "dot" : !one.dash ? "solid" : one.dash[0] < DOT_MAX ? "dotted" : "dashed", one));
  return h("span.keys", { "aria-hidden": "true" }, ...bands.map((band) => key("block.soft", band)), ...lines);
}

// Whether there is room for a point at each window.
const sparse = (plot, _, first, last) => (last - first) * 10 < plot.bbox.width / devicePixelRatio;

function newest(plot) {
  if (plot.cursor.idx === null || plot.cursor.idx === undefined || plot.cursor.left < 0) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

function settings(options, width, data) {
  const ink = theme.colour("dim");
  const grid = { stroke: theme.colour("line"), width: 1 };
  const format = options.format ?? number;
  const single = data[0].length === 1;
  return {
    width, height: options.height ?? HEIGHT,
    padding: [8, 18, 0, 0],
    cursor: { sync: options.sync ? { key: options.sync } : undefined, drag: { x: true, y: false }, points: { size: 7 } },
    legend: { live: true, markers: { show: false } },
    // While nobody points at a time, the numbers are those of the newest window.
    hooks: { setCursor: [newest], ready: [newest], setData: [newest] },
    scales: {
      x: { time: true, range: single ? (_, min, max) => [min - 43_200, max + 43_200] : undefined },
      y: { range: options.range ?? ((_, min, max) => [Math.min(0, min), max > 0 ? max * 1.08 : 1]) },
    },
    axes: [
      { stroke: ink, font: FONT, grid: { show: false }, ticks: { ...grid, size: 4 }, space: 64, size: 28, values: (_, times, __, ___, step) => times.map((time) => (step >= 86_400 ? date : hour).format(time * 1000)) },
      { stroke: ink, font: FONT, grid, ticks: { show: false }, size: 52, space: 32, values: (_, values) => values.map((value) => (value === null ? "" : format(value))) },
    ],
    series: [
      { label: "Time", value: (_, value) => (value === null ? "" : moment(value * 1000)) },
      ...options.series.map((one) => {
        const colour = theme.colour(one.colour);
        return {
          label: one.label ?? "", class: one.label ? undefined : "unnamed", stroke: colour, width: one.points || one.edge ? 0 : one.width ?? 1.75, dash: one.dash,
          fill: one.fill ? theme.colour(`${one.colour}-soft`) : undefined,
          paths: one.stepped ? uPlot.paths.stepped({ align: 1 }) : one.points ? () => null : undefined,
          points: { show: one.points || single || (one.dash || one.edge ? () => false : sparse), filter: () => null, size: one.points ? 5 : 4, fill: one.points || single ? colour : undefined, stroke: colour, width: 1 },
          spanGaps: !one.gaps,
          value: (_, value) => (value === null || value === undefined ? "–" : format(value)),
        };
      }),
    ],
    bands: (options.bands ?? []).map((band) => ({ series: [band.upper + 1, band.lower + 1], fill: theme.colour(`${band.colour}-soft`) })),
  };
}

const ROWS_MAX = 200;

function rows(options, data) {
  const format = options.format ?? number;
  const newest = data[0].map((time, at) => [moment(time * 1000), ...data.slice(1).map((values) => (values[at] === null || values[at] === undefined ? "–" : format(values[at])))]).reverse();
  const columns = ["Window to", ...options.series.map((one) => one.name ?? one.label)];
  return plainTable(newest.length > ROWS_MAX ? `${options.title}, newest ${ROWS_MAX}` : options.title, columns, newest.slice(0, ROWS_MAX));
}

