// Reading statements over the history, and their answers.

import { ask } from "./api.js";
import { h, id, say, state, text } from "./dom.js";
import { count, plural } from "./format.js";

export const name = "sql";
const KEPT = "leeway-sql";
const SHOWN = 500;
const EXAMPLES = [
  ["What drifts now", "SELECT DISTINCT ON (model_id, monitor, column_name) model_id, monitor, column_name, metric,\n       round(value::numeric, 4) AS value, round(threshold::numeric, 4) AS threshold, measured_at\nFROM history.measurements\nWHERE verdict = 'drifted' AND column_name IS NOT NULL\nORDER BY model_id, monitor, column_name, measured_at DESC\nLIMIT 100"],
  ["Worst columns", "SELECT model_id, column_name, metric, max(value / nullif(threshold, 0)) AS times_its_threshold\nFROM history.measurements\nWHERE column_name IS NOT NULL\nGROUP BY 1, 2, 3\nORDER BY 4 DESC NULLS LAST\nLIMIT 20"],
  ["Models", "SELECT model_id, model_type, rows_received, rows_profiled, last_training_time\nFROM history.models\nORDER BY rows_received DESC"],
  ["Drift by day", "SELECT date_trunc('day', window_to) AS day, model_id, kind,\n       count(*) FILTER (WHERE verdict = 'drifted') AS drifted, count(*) AS judged\nFROM history.measurements\nWHERE column_name IS NOT NULL\nGROUP BY 1, 2, 3\nORDER BY 1 DESC, 2, 3\nLIMIT 100"],
  ["Failing monitors", "SELECT model_id, monitor, detector, failures, last_error, evaluated_at\nFROM history.monitors\nWHERE failures > 0\nORDER BY failures DESC"],
  ["Label delay", "SELECT model_id, sum(rows) AS rows, sum(labelled_rows) AS labelled,\n       round((sum(mean_label_delay_seconds * labelled_rows) / nullif(sum(labelled_rows), 0) / 3600)::numeric, 1) AS mean_delay_hours\nFROM history.chunks\nGROUP BY 1"],
];

export function show(main, here) {
  const field = id("statement");
  const given = here.query.get("q");
  const box = h("textarea", { id: field, rows: 9, spellcheck: "false", autocapitalize: "off", value: given ?? sessionStorage.getItem(KEPT) ?? EXAMPLES[0][1], "aria-describedby": `${field}-hint`, "aria-keyshortcuts": "Control+Enter",
    onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); } } });
  const button = h("button.primary", { type: "button", onclick: () => run() }, "Run");
  const link = h("button", { type: "button", onclick: share }, "Copy link");
  const took = h("p.found", { role: "status" });
  const place = h("div.card.flush", {}, state("empty", "No statement was run yet", "Choose an example or write one, then press Ctrl+Enter."));
  main.append(h("div.heading", {}, h("h1", { tabindex: "-1" }, "SQL"), h("p.sentence", {}, "One reading statement over the views of the schema ", h("code", {}, "history"), ": models, columns, monitors, evaluations, measurements, chunks, labels, predictions.")),
    h("section.card", { "aria-label": "Statement" }, h("div.examples", { role: "group", "aria-label": "Examples" }, ...EXAMPLES.map(([title, sql]) => h("button.chip", { type: "button", onclick: () => { box.value = sql; run(); } }, title))),
      h("label.sr", { for: field }, "SQL statement"), box, h("div.bar.tight", {}, button, link, h("p.hint", { id: `${field}-hint` }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " runs it"), h("div.spread"), took)), place);
  let number = 0;

  async function run() {
    const mine = ++number;
    sessionStorage.setItem(KEPT, box.value);
    button.disabled = true;
    text(took, "Running…");
    const started = performance.now();
    try {
      const answer = await ask("/v1/sql", { method: "POST", body: { sql: box.value } });
      if (mine !== number) return;
      const words = `${plural(answer.rows.length, "row")}${answer.truncated ? ", cut off" : ""} in ${Math.round(performance.now() - started)} ms`;
      text(took, words);
      say(words);
      place.replaceChildren(...table(answer));
    } catch (error) {
      if (mine !== number) return;
      text(took, "");
      place.replaceChildren(state("broken", error.status === 403 || error.status === 401 ? "Not allowed" : "The statement was not run", error.message));
    } finally {
      button.disabled = false;
    }
  }

  async function share() {
    history.replaceState(null, "", `#/sql?${new URLSearchParams({ q: box.value })}`);
    try { await navigator.clipboard.writeText(location.href); text(took, "The link is copied."); } catch { text(took, "The link is in the address bar."); }
  }

  return { title: "SQL", stop: () => { number += 1; }, refresh: async () => {} };
}

function table({ columns, rows, truncated }) {
  const numeric = columns.map((column) => /^(int|float|numeric)/.test(column.type));
  const cell = (value) => (value === null ? h("span.dim", {}, "null") : typeof value === "object" ? JSON.stringify(value) : String(value));
  const shown = rows.slice(0, SHOWN);
  const words = [truncated ? "The answer was cut off at the server's limit." : "", rows.length > SHOWN ? `The first ${SHOWN} of ${count(rows.length)} rows are shown; the download has all.` : ""].filter(Boolean).join(" ");
  return [h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Answer" },
    h("table.answer", {}, h("thead", {}, h("tr", {}, ...columns.map((column, at) => h(`th${numeric[at] ? ".number" : ""}`, { scope: "col", title: column.type }, column.name)))),
      h("tbody", {}, ...shown.map((row) => h("tr", {}, ...row.map((value, at) => h(`td${numeric[at] ? ".number" : ""}`, {}, cell(value)))))))),
  rows.length === 0 ? state("empty", "No rows") : null,
  h("div.bar.foot", {}, h("p.hint", {}, words), h("div.spread"), h("button", { type: "button", onclick: () => download(columns, rows) }, "Download CSV"))].filter(Boolean);
}

function download(columns, rows) {
  // A field that begins like a formula would be run by a spreadsheet.
  const quote = (value) => {
    const words = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(words) ? `'${words}` : words;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [columns.map((column) => column.name), ...rows].map((row) => row.map(quote).join(","));
  const url = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  h("a", { href: url, download: "leeway.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
