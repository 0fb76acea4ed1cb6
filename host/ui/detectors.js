// Detectors: what each measures, its versions with their report cards, and the life of a version.

import { ask, part, post } from "./api.js";
import { attribute, fill, h, id, keyed, state, text } from "./dom.js";
import { KINDS, ago, bytes, count, moment, number, percent, plural, seconds } from "./format.js";
import { plain } from "./table.js";

export const name = "detectors";
const LOGS = 20;

// What may be done with a version in each state, as the server has it.
const STATES = {
  uploaded: { word: "report card is being made", class: "insufficient", can: [] },
  refused: { word: "refused", class: "failed", can: [] },
  certified: { word: "certified", class: "stable", can: ["activate", "shadow", "retire"] },
  active: { word: "active", class: "active", can: ["retire"] },
  shadow: { word: "shadow", class: "shadow", can: ["activate", "retire"] },
  retired: { word: "retired", class: "insufficient", can: ["activate", "shadow"] },
  quarantined: { word: "quarantined", class: "failed", can: ["activate", "retire"] },
};
const ACTIONS = {
  activate: { title: "Activate", about: "Monitors that name the detector use this version from their next evaluation on." },
  shadow: { title: "Run as shadow", about: "It judges beside the active version and alerts nobody." },
  retire: { title: "Retire", about: "It is taken out of use." },
};
// Content types of an upload by the end of the file's name: the server tells text from a component by them. What has no such end is a component.
const SOURCES = { py: "text/x-python", js: "text/javascript", mjs: "text/javascript" };
const COMPONENT = "application/wasm";
const TAKEN = [".wasm", COMPONENT, ...Object.keys(SOURCES).map((end) => `.${end}`)].join(",");
const typeOf = (file) => SOURCES[file.name.match(/\.([^.]+)$/)?.[1].toLowerCase()] ?? COMPONENT;
const MARKS = { passed: "✓", noted: "!", failed: "✕" };

export function show(main) {
  const sentence = h("p.sentence", {}, "\u00a0");
  const list = h("ul.detectors");
  const place = h("div", {}, state("loading", "Reading which detectors there are"));
  const upload = uploading(() => page.refresh());
  main.append(h("div.heading", {}, h("h1", { tabindex: "-1" }, "Detectors"), sentence), upload, place);
  let stopped = false;
  const page = {
    title: "Detectors",
    stop: () => { stopped = true; },
    refresh: async () => {
      try {
        const { items } = await ask("/v1/detectors");
        if (stopped) return;
        const own = items.filter((one) => one.builtin === false).length;
        text(sentence, `${plural(items.length, "detector")}${own ? `, ${own} of them uploaded` : ""}; each runs in a sandbox of its own`);
        if (place.firstChild !== list) place.replaceChildren(list);
        // Those of the reader's own come first.
        items.sort((a, b) => (a.builtin !== false) - (b.builtin !== false) || a.name.localeCompare(b.name));
        keyed(list, items, (one) => `${one.name} ${one.builtin === false ? "" : one.version}`, make, (card, one) => card.update(one));
      } catch (error) {
        if (!stopped && !list.isConnected) place.replaceChildren(state("broken", "The detectors cannot be shown", error.message));
        throw error;
      }
    },
  };

  function make() {
    const title = h("h2");
    const kind = h("span.chip.flat");
    const summary = h("p");
    const facts = h("dl.facts");
    const versions = h("ul.versions");
    const metrics = h("details");
    const config = h("details");
    const card = h("li.card.detector", {}, h("div.row", {}, title, h("div.spread"), kind), summary, facts, versions, metrics, config);
    let drawn = "";
    card.update = (one) => {
      const key = JSON.stringify([one.version, one.digest, one.active, one.shadow]);
      if (key !== drawn) {
        drawn = key;
        fill(title, one.name, h("span.version", {}, ` ${one.active ?? one.version}`));
        text(kind, KINDS[one.kind]?.title ?? one.kind);
        text(summary, one.summary);
        fill(facts, fact("columns", one.accepts.join(", ")), fact("roles", one.roles.join(", ")), fact("needs", one.needs === "rows" ? "rows" : "profiles"), fact("at least", plural(one.rows_min, "value")),
          fact("component", h("code", { title: one.digest }, one.digest.slice(0, 12))), one.builtin === false ? null : fact("from", "the host"));
        fill(metrics, h("summary", {}, plural(one.metrics.length, "metric")), metricTable(one));
        fill(config, h("summary", {}, "Configuration"), h("pre", { tabindex: "0" }, JSON.stringify(one.config_schema, null, 2)));
      }
      keyed(versions, one.versions ?? [], (line) => line.version, (line) => version(one.name, line, () => page.refresh()), (element, line) => element.update(line));
    };
    return card;
  }
  return page;
}

const fact = (term, words) => h("div", {}, h("dt", {}, term), h("dd", {}, words));

function metricTable(one) {
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": `Metrics of ${one.name}` }, h("table.plain", {}, h("thead", {}, h("tr", {}, ...["Metric", "What it is", "Unit", "Drift lies", "Range"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...one.metrics.map((metric) => h("tr", {}, h("th", { scope: "row" }, metric.name), h("td.words", {}, metric.help), h("td", {}, metric.unit || "–"), h("td", {}, metric.direction.replaceAll("-", " ")), h("td", {}, metric.maximum === null ? (metric.minimum === null ? "any" : `from ${number(metric.minimum)}`) : `${number(metric.minimum)} … ${number(metric.maximum)}`))))));
}

// A detector of the reader's own, a component or text: chosen or dropped, sent, and its card awaited.
function uploading(renew) {
  const field = id("component");
  const told = h("p.told", { role: "status" });
  const input = h("input.sr", { id: field, type: "file", accept: TAKEN, onchange: () => input.files[0] && send(input.files[0]) });
  const area = h("section.card.drop", { "aria-label": "Upload a detector",
    ondragover: (event) => { event.preventDefault(); area.classList.add("over"); }, ondragleave: () => area.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); area.classList.remove("over"); const file = event.dataTransfer?.files[0]; if (file) send(file); } },
  h("p", {}, h("b", {}, "Upload a detector of your own. "), h("span.dim", {}, "A WebAssembly component, or one file of Python or JavaScript: ", h("code", {}, "leeway plugin new"), " writes its project, ", h("code", {}, "leeway plugin test"), " makes the same report card.")),
  input, h("label.button", { for: field }, "Choose a file…"), told);

  async function send(file) {
    text(told, `Sending ${file.name}, ${bytes(file.size)}…`);
    area.setAttribute("aria-busy", "true");
    try {
      const done = await ask("/v1/detectors", { method: "POST", query: { wait: "true" }, body: file, type: typeOf(file) });
      const words = { certified: "certified: it may be activated", refused: `refused: ${done.reason}`, uploaded: "its report card is being made" }[done.state] ?? done.state;
      text(told, `${done.name} ${done.version}: ${words}.`);
      await renew();
    } catch (error) {
      text(told, `${file.name} was not taken. ${error.message}`);
    } finally {
      area.removeAttribute("aria-busy");
      input.value = "";
    }
  }
  return area;
}

function version(detector, line, renew) {
  const path = `/v1/detectors/${part(detector)}/versions/${part(line.version)}`;
  const badge = h("span.badge");
  const about = h("span.sub");
  const actions = h("span.actions");
  const reason = h("p.reason");
  const told = h("p.told", { role: "status" });
  const place = h("div");
  const card = h("details", { ontoggle: () => card.open && open() }, h("summary", {}, "Report card"), place);
  const lines = h("div");
  const log = h("details", { ontoggle: () => log.open && read() }, h("summary", {}, "Log"), lines);
  const element = h("li.version-line", {}, h("div.row", {}, h("b", {}, line.version), badge, about, h("div.spread"), actions), reason, told, card, log);
  let known = "";

  element.update = (next) => {
    if (next.state === known) return;
    known = next.state;
    const { word, can, class: look } = STATES[next.state] ?? { word: next.state, can: [], class: "insufficient" };
    attribute(badge, "class", `badge ${look}`);
    text(badge, word);
    text(about, [next.uploaded_by ? `by ${next.uploaded_by}` : "", ago(next.created_at)].filter(Boolean).join(", "));
    attribute(about, "title", `${moment(next.created_at)}, ${next.digest}`);
    text(reason, next.reason ?? "");
    fill(actions, can.map((action) => h("button", { type: "button", title: ACTIONS[action].about, "aria-label": `${ACTIONS[action].title}: ${detector} ${next.version}`, onclick: () => act(action) }, ACTIONS[action].title)));
    if (card.open) open();
  };

  async function act(action) {
    actions.querySelectorAll("button").forEach((button) => { button.disabled = true; });
    try {
      const done = await post(`${path}/${action}`);
      text(told, `${detector} ${line.version} is ${STATES[done?.state]?.word ?? done?.state ?? "changed"} now.`);
    } catch (error) {
      text(told, error.message);
    } finally {
      actions.querySelectorAll("button").forEach((button) => { button.disabled = false; });
    }
    await renew();
  }

  async function open() {
    try {
      const report = await ask(`${path}/card`);
      fill(place, report.card ? reportCard(report, detector) : h("p.dim", {}, "It is being made."));
    } catch (error) {
      fill(place, h("p.reason", {}, error.message));
    }
  }

  async function read() {
    try {
      const { items } = await ask(`${path}/log`, { query: { limit: LOGS } });
      fill(lines, items.length ? h("pre", { tabindex: "0" }, items.map((one) => `${one.evaluated_at} ${one.model_id} ${one.monitor}${one.shadow ? " (shadow)" : ""}\n${one.lines.map((words) => `  ${words}`).join("\n")}`).join("\n")) : h("p.dim", {}, "It wrote nothing yet."));
    } catch (error) {
      fill(lines, h("p.reason", {}, error.message));
    }
  }
  return element;
}

const rate = (of) => `${percent(of.trials ? of.hits / of.trials : 0)} (${percent(of.low)} … ${percent(of.high)})`;

// What was checked, what it costs, how often it is wrong and how often it sees what is there.
function reportCard({ card, compared, changes }, detector) {
  const { cost } = card;
  const order = { failed: 0, noted: 1, passed: 2 };
  const checks = [...card.checks].sort((a, b) => order[a.outcome] - order[b.outcome]);
  const alarm = card.false_alarms;
  return h("div.report", {},
    h("p", {}, h(`span.badge.${card.certified ? "stable" : "failed"}`, {}, card.certified ? "✓ certified" : "✕ not certified"), h("span.dim", {}, ` ${plural(card.checks.length, "check")} in ${seconds(card.seconds)}, contract ${card.contract}, seed ${card.seed}`)),
    h("dl.facts", {},
      alarm ? fact("false alarms", h("span", { title: `${count(alarm.hits)} of ${plural(alarm.trials, "evaluation")} without drift; the interval is exact at 95%` }, rate(alarm))) : null,
      cost ? [fact(`time for ${count(cost.rows)} rows`, `${seconds(cost.fit_seconds)} + ${seconds(cost.evaluate_seconds)}`), cost.evaluate_fuel !== null && cost.evaluate_fuel !== undefined ? fact("fuel a row", number((cost.fit_fuel + cost.evaluate_fuel) / cost.rows)) : null, fact("memory", bytes(cost.memory_bytes_peak)), fact("output", bytes(cost.output_bytes))] : null),
    changes?.length ? h("div", {}, h("p.dim", {}, `Since ${compared}:`), h("ul.changes", {}, ...changes.map((change) => h(`li${change.worse ? ".worse" : ""}`, {}, h("span", { "aria-hidden": "true" }, change.worse ? "▼ " : "▲ "), h("b", {}, change.what), `: ${change.says}`)))) : null,
    card.power.length ? plain(`How often ${detector} sees a shift`, ["Shift", "seen", "95% interval"], card.power.map((one) => [one.shift, percent(one.seen.trials ? one.seen.hits / one.seen.trials : 0), `${percent(one.seen.low)} … ${percent(one.seen.high)}`])) : null,
    h("ul.checks", { "aria-label": "Checks" }, ...checks.map((check) => h(`li.${check.outcome}`, {}, h("span.mark", { "aria-hidden": "true" }, MARKS[check.outcome] ?? "?"), h("span", {}, h("b", {}, check.name), h("span.sr", {}, ` ${check.outcome}`), check.says ? h("span.dim", {}, ` ${check.says}`) : null)))));
}
