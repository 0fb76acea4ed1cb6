// One model: its verdicts, its columns over time, both windows of a column, and its monitors.

import { ask, part, post } from "./api.js";
import { chart } from "./chart.js";
import { distribution } from "./distribution.js";
import { attribute, fill, h, id, keyed, say, state, text } from "./dom.js";
import { driftMap, ranked } from "./drift_map.js";
import { KINDS, VERDICTS, ago, columnName, count, day, moment, number, percent, plural, probability } from "./format.js";
import { monitors } from "./monitors.js";
import { effectBar } from "./overview.js";
import * as performances from "./performance.js";
import { words } from "./words.js";

export const name = "model";
const PAGE = 1_000;
const PAGES_MAX = 4;
const EVALUATIONS = 500;
const RANK = { drifted: 3, failed: 2, stable: 1, insufficient: 0 };

// A column in a segment of the rows is shown as a column of its own.
function bySegment(one) {
  if (one.segment === null || one.segment === undefined) return { ...one, segment: null };
  return { ...one, whole: one.column === null, column: `${one.column ?? "all columns"} in ${one.segment}` };
}

// The verdict of an evaluation, and how many of its columns drifted.
export function verdictOf(evaluation) {
  if (evaluation.outcome !== "judged") return { verdict: evaluation.outcome === "failed" ? "failed" : "insufficient", drifted: 0, judged: 0 };
  const columns = new Map();
  const ofAll = (one) => one.column === null || one.whole === true;
  const whole = evaluation.measurements.every(ofAll);
  for (const one of evaluation.measurements) {
    if (ofAll(one) && !whole) continue;
    const judged = ["stable", "drifted", "constant"].includes(one.verdict);
    const old = columns.get(one.column) ?? { judged: false, drifted: false };
    columns.set(one.column, { judged: old.judged || judged, drifted: old.drifted || one.verdict === "drifted" });
  }
  const all = [...columns.values()];
  const [drifted, judged] = [all.filter((one) => one.drifted).length, all.filter((one) => one.judged).length];
  return { verdict: drifted ? "drifted" : judged ? "stable" : "insufficient", drifted, judged };
}

export function show(main, here) {
  const modelId = here.parts[0];
  const path = `/v1/models/${part(modelId)}`;
  let asked = read(here.query);
  let stopped = false;
  let standing = null;
  const kept = new Map();

  const title = h("h1", { tabindex: "-1" }, modelId);
  const about = h("p.sentence", {}, "\u00a0");
  const outcome = h("p.outcome", { role: "status" });
  const evaluate = h("button", { type: "button", onclick: evaluateAll }, "Evaluate now");
  const cards = h("div.kinds");
  const picker = id("monitor");
  const select = h("select", { id: picker, onchange: () => go({ monitor: select.value, column: null, metric: null }) });
  const map = driftMap((column, metric) => { go({ column, metric }); if (matchMedia("(max-width: 1099px)").matches) { panel.scrollIntoView({ block: "start" }); } say(`${columnName(column)} is shown`); });
  const mapTitle = h("h2", {}, "Columns");
  const panelTitle = h("h2", {});
  const metrics = h("div.metrics", { role: "group", "aria-label": "Metric" });
  const sentence = h("p.reading");
  const value = chart({ title: "Value", about: "and its threshold", sync: "column", height: 190, series: [
    { label: "value", colour: "current", fill: true }, { label: "threshold", colour: "threshold", dash: [6, 4], stepped: true, width: 1.5 }, { label: "drifted", colour: "threshold", points: true }] });
  const effect = chart({ title: "Effect", about: "how large the change is", sync: "column", height: 130, series: [{ label: "effect", colour: "current" }] });
  const significance = chart({ title: "Significance", about: "p, corrected; higher is surer", sync: "column", height: 130, format: (power) => (power < 1.5 ? number(10 ** -power) : `1e−${Math.round(power)}`),
    series: [{ label: "p", colour: "current" }, { name: "0.05", label: "0.05", colour: "threshold", dash: [2, 4], width: 1 }] });
  const performance = performances.performance();
  const wordList = h("div");
  const wordFigure = h("figure.chart", { hidden: true }, h("figcaption", {}, h("span.title", {}, "Words"), h("span.about", {}, "that give the window away: share of the texts that have them"),
    h("span.keys", { "aria-hidden": "true" }, h("span.key", {}, h("i.block.c-reference"), "reference"), h("span.key", {}, h("i.block.c-current"), "current"))), wordList);
  const shape = distribution();
  const sizes = chart({ title: "Windows", about: "rows of the current window, and those with a label", height: 130, sync: "windows", format: count, series: [{ label: "rows", colour: "current", fill: true }, { label: "labelled", colour: "stable" }] });
  const coverage = chart({ title: "Label coverage", about: "share of the current window's rows with a label", height: 130, sync: "windows", format: percent, range: () => [0, 1.04], series: [{ label: "labelled", colour: "stable", fill: true }] });
  const empty = h("div", { hidden: true });
  const panel = h("section.card.panel", { "aria-labelledby": "column-title" }, panelTitle, sentence, metrics, value.figure, performance.figure, h("div.pair", {}, effect.figure, significance.figure), wordFigure, shape.figure);
  panelTitle.id = "column-title";
  const judged = h("div.two", {}, h("div.stack", {}, h("section.card.list", {}, h("div.bar.tight", {}, mapTitle, h("div.spread"), h("span.pick", {}, h("label", { for: picker }, "Monitor"), select)), map.element),
    h("section.card.windows", {}, h("h2", {}, "Windows and labels"), h("div.pair", {}, sizes.figure, coverage.figure))), panel);
  const watching = monitors(modelId, () => page.refresh());
  const content = h("div.content", {}, state("loading", "Reading what was measured"));
  main.append(h("p.crumbs", {}, h("a", { href: "#/models" }, "← All models")), h("div.heading.row", {}, h("div", {}, title, about), h("div.spread"), evaluate), outcome, content);

  function read(query) {
    return { monitor: query.get("monitor"), column: query.get("column"), metric: query.get("metric") };
  }

  function go(change) {
    asked = { ...asked, ...change };
    const query = new URLSearchParams();
    for (const [key, chosen] of Object.entries(asked)) if (chosen !== null && chosen !== undefined) query.set(key, chosen);
    history.replaceState(null, "", `#/models/${part(modelId)}${query.size ? `?${query}` : ""}`);
    draw();
    page.refresh().catch(() => {});
  }

  async function evaluateAll() {
    evaluate.disabled = true;
    text(outcome, "Evaluating…");
    try {
      const results = await post(`${path}/evaluate?wait=true`);
      const drifted = results.evaluations.filter((one) => verdictOf(one).verdict === "drifted").length;
      text(outcome, `${plural(results.evaluations.length, "monitor")} evaluated, ${drifted} with drift.`);
      await page.refresh();
    } catch (error) {
      text(outcome, error.message);
    } finally {
      evaluate.disabled = false;
    }
  }

  // Of the monitors that were evaluated the one that is asked for, or the worst; of several the first kind's.
  function chosen() {
    const evaluations = standing.results;
    const order = (a, b) => Object.keys(KINDS).indexOf(a.kind) - Object.keys(KINDS).indexOf(b.kind);
    return evaluations.find((one) => one.monitor === asked.monitor)
      ?? [...evaluations].sort((a, b) => RANK[verdictOf(b).verdict] - RANK[verdictOf(a).verdict] || order(a, b))[0];
  }

  // What was measured by a monitor: what is new since the last look, behind what is known.
  async function remember(monitor) {
    const memory = kept.get(monitor) ?? { measurements: new Map(), evaluations: new Map(), from: undefined };
    kept.set(monitor, memory);
    const query = { model_id: modelId, monitor, limit: PAGE, from: memory.from };
    let cursor;
    for (let page = 0; page < PAGES_MAX && !stopped; page += 1) {
      const answer = await ask("/v1/measurements", { query: { ...query, cursor } });
      for (const one of answer.items.map(bySegment)) memory.measurements.set(`${one.evaluation_no} ${one.metric} ${one.column} ${one.row}`, one);
      cursor = answer.next_cursor;
      if (!cursor) break;
    }
    const evaluations = await ask("/v1/evaluations", { query: { model_id: modelId, monitor, limit: EVALUATIONS, measurements: false, from: memory.from } });
    for (const one of evaluations.items) memory.evaluations.set(one.evaluation_no, one);
    const times = [...memory.evaluations.values()].map((one) => one.evaluated_at).sort();
    memory.from = times.at(-1);
    return memory;
  }

  // By column and metric what was measured, in the order of the windows; of the same window the newest.
  function histories(memory) {
    const series = new Map();
    for (const one of memory.measurements.values()) {
      if (one.row !== null && one.row !== undefined) continue;
      const key = `${one.column ?? ""}\n${one.metric}`;
      const at = Date.parse(one.window_to ?? one.measured_at);
      const points = series.get(key) ?? new Map();
      const old = points.get(at);
      if (!old || old.evaluation_no < one.evaluation_no) points.set(at, { ...one, at });
      series.set(key, points);
    }
    return new Map([...series].map(([key, points]) => [key, [...points.values()].sort((a, b) => a.at - b.at)]));
  }

  function draw() {
    if (!standing) return;
    const { model, results, list, memory } = standing;
    text(title, model.model_id);
    const newest = results.map((one) => one.window_to).filter(Boolean).sort().at(-1);
    text(about, [model.model_type ?? "type unknown", plural(model.columns.filter((one) => one.role === "feature").length, "feature"), model.last_training_time ? `trained up to ${day(model.last_training_time)}` : "no training time",
      newest ? `newest row ${moment(newest)}` : "no window yet"].join(" · "));
    drawKinds(results);
    const evaluation = chosen();
    keyed(select, results, (one) => one.monitor, (one) => h("option", { value: one.monitor }), (option, one) => text(option, `${one.monitor} – ${VERDICTS[verdictOf(one).verdict].word}`));
    if (evaluation && select.value !== evaluation.monitor) select.value = evaluation.monitor;
    const whole = evaluation?.measurements ?? [];
    const history = memory && memory.of === evaluation?.monitor ? memory.series : new Map();
    const rows = ranked(whole);
    const current = rows.find((one) => (one.column ?? "") === asked.column) ?? rows.find((one) => one.column !== null) ?? rows[0];
    if (!evaluation || (rows.length === 0 && history.size === 0)) {
      nothing(evaluation);
    } else {
      if (empty.parentElement) empty.remove();
      if (!judged.isConnected) content.replaceChildren(cards, judged, watching.element);
        map.show({ now: whole, history, chosen: current?.column ?? "" });
      drawColumn(evaluation, current, whole, history);
      drawWindows(memory && memory.of === evaluation.monitor ? memory.evaluations : []);
    }
    watching.show(list, results);
  }

  function nothing(evaluation) {
    const words = !evaluation ? "No monitor of this model was evaluated yet." : evaluation.reason ?? "There is nothing to show of this monitor yet.";
    empty.hidden = false;
    empty.replaceChildren(h("section.card", {}, h("div.bar.tight", {}, h("h2", {}, "Columns"), h("div.spread"), standing.results.length > 1 ? h("span.pick", {}, h("label", { for: picker }, "Monitor"), select) : null),
      state(evaluation?.outcome === "failed" ? "broken" : "empty", evaluation?.outcome === "failed" ? "The detector failed" : "Nothing is judged yet", words)));
    content.replaceChildren(cards, empty, watching.element);
  }

  function drawKinds(results) {
    const kinds = Object.keys(KINDS).map((kind) => {
      const of = results.filter((one) => one.kind === kind);
      const worst = [...of].sort((a, b) => RANK[verdictOf(b).verdict] - RANK[verdictOf(a).verdict])[0];
      return { kind, worst };
    });
    keyed(cards, kinds, (one) => one.kind, () => h("button.kind-card", { type: "button" }), (card, { kind, worst }) => {
      const key = JSON.stringify([worst?.evaluation_no, worst?.outcome, worst?.reason, worst?.monitor, standing.since?.[kind]]);
      attribute(card, "aria-pressed", String(worst?.monitor === chosen()?.monitor && worst !== undefined));
      card.disabled = !worst;
      card.onclick = () => go({ monitor: worst.monitor, column: null, metric: null });
      if (card.dataset.key === key) return;
      card.dataset.key = key;
      const verdict = worst ? verdictOf(worst) : null;
      const far = worst ? ranked(worst.measurements)[0] : null;
      const since = standing.since?.[kind];
      fill(card, h("span.what", {}, KINDS[kind].title), h("span.sub", {}, KINDS[kind].about),
        verdict ? h(`span.badge.big.${verdict.verdict}`, {}, h("span", { "aria-hidden": "true" }, VERDICTS[verdict.verdict].mark), verdict.verdict === "drifted" && verdict.judged > 1 ? ` ${verdict.drifted} of ${verdict.judged} columns` : ` ${VERDICTS[verdict.verdict].word}`)
          : h("span.badge.big.insufficient", {}, "not evaluated"),
        h("span.detail", {}, far && verdict.judged ? [h("b", {}, columnName(far.column)), ` ${far.metric} ${number(far.value)}`, far.threshold === null ? "" : `, threshold ${number(far.threshold)}`] : worst?.reason ?? ""),
        h("span.detail.dim", {}, since?.since ? `since ${day(since.since)}${since.since_known ? "" : " or earlier"}` : worst ? `judged ${ago(worst.evaluated_at)}` : ""),
        verdict?.judged && far && far.effect !== null ? effectBar(far.effect, far.verdict) : null);
    });
  }

  function drawColumn(evaluation, current, whole, history) {
    const column = current?.column ?? null;
    const all = whole.filter((one) => one.column === column);
    const one = all.find((found) => found.metric === asked.metric) ?? current;
    text(panelTitle, one ? columnName(column) : "Column");
    // Estimate and truth of a figure are one choice and one picture.
    const estimated = performances.estimated(all.map((found) => found.metric));
    const figureOf = (metric) => { const figure = performances.figureOf(metric); return estimated.has(figure) ? figure : null; };
    const choices = all.filter((found) => !(found.metric.startsWith("realized_") && figureOf(found.metric)));
    const same = (found) => found.metric === one.metric || (figureOf(found.metric) !== null && figureOf(found.metric) === figureOf(one.metric));
    keyed(metrics, choices.length > 1 ? choices : [], (found) => found.metric, (found) => h("button", { type: "button", onclick: () => go({ column: found.column ?? "", metric: found.metric }) }), (button, found) => {
      const figure = figureOf(found.metric);
      text(button, figure ? performances.figureName(figure) : found.metric);
      attribute(button, "aria-pressed", String(same(found)));
    });
    if (!one) return;
    const points = history.get(`${column ?? ""}\n${one.metric}`) ?? [{ ...one, at: Date.parse(evaluation.window_to ?? evaluation.evaluated_at) }];
    const times = points.map((point) => point.at);
    const figure = figureOf(one.metric);
    value.figure.hidden = figure !== null;
    performance.figure.hidden = figure === null;
    if (figure) {
      const of = (kind) => all.find((found) => found.metric === `${kind}_${figure}`);
      const over = (kind) => history.get(`${column ?? ""}\n${kind}_${figure}`) ?? (of(kind) ? [{ ...of(kind), at: times.at(-1) }] : []);
      text(sentence, performances.reading(figure, of("estimated"), of("realized")));
      performance.show(figure, over("estimated"), over("realized"));
    } else {
      text(sentence, reading(one, evaluation));
      const drifted = points.filter((point) => point.verdict === "drifted").length;
      value.show(times, [points.map((point) => point.value), points.map((point) => point.threshold), points.map((point) => (point.verdict === "drifted" ? point.value : null))],
        `${one.metric} of ${columnName(column)} over ${plural(points.length, "window")}: ${drifted} drifted, now ${number(one.value)}, threshold ${number(one.threshold)}.`);
    }
    const named = one.detail?.words;
    wordFigure.hidden = !Array.isArray(named) || named.length === 0;
    if (!wordFigure.hidden) drawWords(named);
    const has = (field) => points.some((point) => point[field] !== null && point[field] !== undefined);
    effect.figure.hidden = figure !== null || !has("effect");
    significance.figure.hidden = figure !== null || !has("p_value");
    effect.show(times, [points.map((point) => point.effect)], `Effect now ${number(one.effect)}.`);
    significance.show(times, [points.map((point) => power(point.p_adjusted ?? point.p_value)), points.map(() => power(0.05))], `Corrected p now ${probability(one.p_adjusted ?? one.p_value)}.`);
  }

  function drawWords(named) {
    const key = JSON.stringify(named);
    if (wordList.dataset.key === key) return;
    wordList.dataset.key = key;
    fill(wordList, words(named));
  }

  function drawWindows(evaluations) {
    const points = new Map();
    for (const one of evaluations) if (one.window_to) points.set(Date.parse(one.window_to), one);
    const sorted = [...points].sort((a, b) => a[0] - b[0]);
    const times = sorted.map(([time]) => time);
    const last = sorted.at(-1)?.[1];
    sizes.show(times, [sorted.map(([, one]) => one.current_rows), sorted.map(([, one]) => one.labelled_rows)], last ? `Now ${count(last.current_rows)} rows, compared with ${count(last.reference_rows)} of the reference.` : "");
    coverage.show(times, [sorted.map(([, one]) => (one.current_rows ? one.labelled_rows / one.current_rows : null))], last?.current_rows ? `Now ${percent(last.labelled_rows / last.current_rows)}.` : "");
  }

  async function drawShape() {
    const evaluation = chosen();
    const rows = ranked(evaluation?.measurements ?? []);
    const current = rows.find((one) => (one.column ?? "") === asked.column) ?? rows.find((one) => one.column !== null);
    // Distributions are of all rows.
    shape.figure.hidden = !current?.column || current.segment !== null;
    if (shape.figure.hidden) return;
    try {
      const answer = await ask(`${path}/distributions`, { query: { column: current.column, monitor: evaluation.monitor, bins: 40 } });
      if (!stopped && (asked.column === null || asked.column === answer.column || !rows.some((one) => one.column === asked.column))) shape.show(answer);
    } catch (error) {
      if (error.status === 0) throw error;
      shape.broken(error.message);
    }
  }

  const page = {
    title: modelId,
    stop: () => { stopped = true; [value, performance, effect, significance, sizes, coverage].forEach((one) => one.stop()); watching.stop(); },
    refresh: async () => {
      try {
        const [model, results, list, overview] = await Promise.all([ask(path), ask(`${path}/results`), ask(`${path}/monitors`), ask("/v1/overview", { query: { search: modelId, limit: 1000 } })]);
        if (stopped) return;
        const known = overview.items.find((one) => one.model_id === modelId);
        for (const one of results.evaluations) one.measurements = one.measurements.map(bySegment);
        standing = { ...standing, model, results: results.evaluations, list: list.items, since: known?.kinds };
        draw();
        const evaluation = chosen();
        if (evaluation) {
          const shapes = drawShape();
          const memory = await remember(evaluation.monitor);
          if (stopped) return;
          standing.memory = { of: evaluation.monitor, series: histories(memory), evaluations: [...memory.evaluations.values()].sort((a, b) => a.evaluation_no - b.evaluation_no) };
          draw();
          await shapes;
        }
      } catch (error) {
        if (!stopped && !standing) content.replaceChildren(state("broken", error.status === 404 ? "There is no such model" : "The model cannot be shown", error.message, h("a.button", { href: "#/models" }, "All models")));
        throw error;
      }
    },
  };
  return page;
}

const power = (p) => (p === null || p === undefined ? null : -Math.log10(Math.max(p, 1e-16)));

// A measurement in a sentence.
function reading(one, evaluation) {
  const what = `${one.metric} is ${number(one.value)}`;
  const rows = `${count(one.current_rows)} values against ${count(one.reference_rows)} of the reference`;
  if (one.verdict === "insufficient") return `Too little to judge: ${rows}.`;
  if (one.verdict === "constant") return "One value only, the same in both windows.";
  if (one.verdict === "failed") return "This column could not be judged.";
  const kind = { floor: " (the smallest change that matters)", calibrated: " (what chance alone allows)" }[one.threshold_kind] ?? "";
  const threshold = one.threshold === null ? "" : `, ${one.verdict === "drifted" ? "beyond" : "within"} its threshold of ${number(one.threshold)}${kind}`;
  const early = one.began?.earliest ? `${moment(one.began.earliest)}` : "earlier";
  const began = one.began ? ` It began about ${moment(one.began.at)} (95%: ${early} to ${moment(one.began.latest)}).` : "";
  return `${what}${threshold}. ${rows}, by ${evaluation.monitor}.${began}`;
}
