// All models: which drift, how much, since when.

import { ask, part } from "./api.js";
import { attribute, fill as put, h, id, keyed, say, state, text } from "./dom.js";
import { KINDS, VERDICTS, ago, columnName, count, day, moment, number, percent, plural, short, span } from "./format.js";
import { header, walk } from "./table.js";

export const name = "overview";
const PAGE = 50;
const COLUMNS = [
  { key: "model", title: "Model", sorts: true },
  ...Object.entries(KINDS).map(([key, kind]) => ({ key, title: kind.short, sorts: true, class: "kind", hint: `${kind.title}: ${kind.about}` })),
  { key: "drift", title: "Largest change", sorts: true, class: "wide", hint: "The column with the largest effect" },
  { key: "since", title: "Since", sorts: true, class: "mid", hint: "End of the first window of the drift that lasts" },
  { key: "rows", title: "Rows", sorts: true, class: "number mid" },
  { key: "labelled", title: "Labelled", class: "number wide", hint: "Share of the current window's rows whose label has arrived" },
  { key: "evaluated", title: "Evaluated", sorts: true, class: "wide" },
];

// What is asked for, as it stands in the address.
const read = (query) => ({
  search: query.get("search") ?? "", kind: query.get("kind") ?? "", verdict: query.get("verdict") ?? "",
  sort: query.get("sort") ?? "drift", reverse: query.get("reverse") === "true", offset: Math.max(0, Number(query.get("offset")) || 0),
});

export function show(main, here) {
  let asked = read(here.query);
  let stopped = false;
  let typing = 0;

  const title = h("h1", { tabindex: "-1" }, "Models");
  const sentence = h("p.sentence", {}, "\u00a0");
  const tiles = h("div.tiles", { role: "group", "aria-label": "Show models by kind of drift" });
  const field = id("search");
  const search = h("input", { type: "search", id: field, placeholder: "Search models", value: asked.search, autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/",
    oninput: () => { clearTimeout(typing); typing = setTimeout(() => go({ search: search.value, offset: 0 }), 150); },
    onkeydown: (event) => { if (event.key === "ArrowDown") { event.preventDefault(); body.querySelector("[data-row]")?.focus(); } } });
  const found = h("p.found", { role: "status" });
  const head = header(COLUMNS, () => ({ key: asked.sort, down: (asked.sort !== "model") !== asked.reverse }),
    (key) => go({ sort: key, reverse: key === asked.sort ? !asked.reverse : false, offset: 0 }));
  const body = h("tbody");
  const table = h("table.models", { "aria-label": "Models with their verdicts" }, head.row, body);
  const place = h("div.card.flush", {}, state("loading", "Reading how the models stand"));
  const pager = h("nav.pager", { "aria-label": "Pages of models", hidden: true });
  main.append(h("div.heading", {}, title, sentence), tiles,
    h("div.bar", {}, h("div.search", { role: "search" }, h("label.sr", { for: field }, "Search models by name"), search, h("kbd", { "aria-hidden": "true" }, "/")), found),
    place, pager);
  walk(body);
  body.addEventListener("click", (event) => {
    // The whole row leads to its model; what a reader selects stays selected.
    if (!event.target.closest("a, button") && !getSelection().toString()) event.target.closest("tr")?.querySelector("a")?.click();
  });

  function go(change) {
    const next = { ...asked, ...change };
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(next)) if (value && !(key === "sort" && value === "drift")) query.set(key, value);
    const hash = `#/models${query.size ? `?${query}` : ""}`;
    if (hash === location.hash) return;
    history.replaceState(null, "", hash);
    asked = next;
    head.show();
    page.refresh().catch(() => {});
  }

  function show(answer) {
    const { totals, items } = answer;
    const broken = totals.failing ? `, ${plural(totals.failing, "model")} with a failing monitor` : "";
    text(sentence, totals.models === 0 ? "No model yet"
      : totals.drifted === 0 ? `No drift in ${plural(totals.models, "model")}${broken}` : `${count(totals.drifted)} of ${plural(totals.models, "model")} ${totals.drifted === 1 ? "drifts" : "drift"}${broken}`);
    tile(totals);
    text(found, asked.search || asked.kind || asked.verdict ? `${plural(answer.found, "model")} found` : "");
    if (totals.models === 0) return fill(firstSteps());
    if (answer.found === 0) return fill(state("empty", "No model is like that", "Nothing fits the search and the chosen tile.", h("button", { type: "button", onclick: () => { search.value = ""; go({ search: "", kind: "", verdict: "", offset: 0 }); } }, "Show all models")));
    fill(table);
    keyed(body, items, (one) => one.model_id, row, update);
    pages(answer.found);
  }

  function fill(content) {
    if (content !== table) pager.hidden = true;
    if (place.firstChild !== content || place.childNodes.length > 1) place.replaceChildren(content);
  }

  function tile(totals) {
    const all = [{ key: "", title: "All models", many: totals.models, rest: `${count(totals.drifted)} with drift`, verdict: "" },
      ...Object.entries(KINDS).map(([key, kind]) => {
        const counts = totals.kinds[key] ?? { drifted: 0, stable: 0, insufficient: 0, failed: 0 };
        const rest = [[counts.stable, "stable"], [counts.insufficient, "not judged"], [counts.failed, "failed"]];
        return { key, title: kind.title, many: counts.drifted, rest: rest.filter(([many]) => many).map(([many, word]) => `${count(many)} ${word}`).join(" · ") || kind.about, verdict: "drifted" };
      })];
    keyed(tiles, all, (one) => one.key, (one) => h("button.tile", { type: "button", onclick: () => go({ kind: one.key, verdict: one.verdict, offset: 0 }) }, h("span.what"), h("span.many"), h("span.rest")),
      (element, one) => {
        const [what, many, rest] = element.children;
        text(what, one.title); text(many, count(one.many)); text(rest, one.rest);
        attribute(element, "aria-pressed", String(asked.kind === one.key));
        element.classList.toggle("drifted", one.key !== "" && one.many > 0);
      });
  }

  function pages(total) {
    const last = Math.min(total, asked.offset + PAGE);
    pager.hidden = total <= PAGE && asked.offset === 0;
    const button = (words, to, usable) => h("button", { type: "button", disabled: !usable, onclick: () => { go({ offset: to }); title.focus(); } }, words);
    const key = `${asked.offset}/${total}`;
    if (pager.dataset.key === key) return;
    pager.dataset.key = key;
    pager.replaceChildren(button("← Previous", Math.max(0, asked.offset - PAGE), asked.offset > 0), h("span", {}, `${count(asked.offset + 1)}–${count(last)} of ${count(total)}`), button("Next →", asked.offset + PAGE, last < total));
  }

  const page = {
    title: "Models",
    stop: () => { stopped = true; clearTimeout(typing); },
    refresh: async () => {
      const of = asked;
      try {
        const answer = await ask("/v1/overview", { query: { ...of, reverse: of.reverse || undefined, limit: PAGE } });
        if (!stopped && of === asked) {
          show(answer);
          if (answer.found !== page.found && (of.search || of.kind)) say(`${plural(answer.found, "model")} found`);
          page.found = answer.found;
        }
      } catch (error) {
        if (!stopped && !table.isConnected) fill(state("broken", "The models cannot be shown", error.message, h("button", { type: "button", onclick: () => page.refresh().catch(() => {}) }, "Try again")));
        throw error;
      }
    },
  };
  return page;
}

function row() {
  return h("tr", {}, h("th", { scope: "row", class: "model" }, h("a", { "data-row": true }), h("span.sub")),
    ...Object.keys(KINDS).map(() => h("td.kind")), h("td.wide.worst"), h("td.mid.since"), h("td.number.mid"), h("td.number.wide"), h("td.wide.dim"));
}

function update(element, one) {
  const [model, data, prior, concept, worst, since, rows, labelled, evaluated] = element.children;
  const [link, sub] = model.children;
  text(link, one.model_id);
  attribute(link, "href", `#/models/${part(one.model_id)}`);
  text(sub, [one.model_type ?? "type unknown", one.failing ? `${one.failing} of ${one.monitors} monitors fail` : ""].filter(Boolean).join(" · "));
  sub.classList.toggle("bad", one.failing > 0);
  [data, prior, concept].forEach((cell, at) => kind(cell, one.kinds[Object.keys(KINDS)[at]]));
  const far = Object.values(one.kinds).filter((kind) => kind.worst).sort((a, b) => (b.verdict === "drifted") - (a.verdict === "drifted") || (b.worst.effect ?? 0) - (a.worst.effect ?? 0))[0]?.worst;
  const words = far ? [columnName(far.column), `${far.metric} ${number(far.value)}${far.threshold === null ? "" : `, threshold ${number(far.threshold)}`}`] : ["–", ""];
  if (worst.childNodes.length === 0) worst.append(h("span"), h("span.sub"));
  text(worst.firstChild, words[0]);
  text(worst.lastChild, words[1]);
  if (since.childNodes.length === 0) since.append(h("span"), h("span.sub"));
  const long = one.since && one.window_to ? new Date(one.window_to) - new Date(one.since) : 0;
  text(since.firstChild, one.since ? day(one.since) : "–");
  text(since.lastChild, one.since ? [one.since_known ? "" : "or earlier", long > 60_000 ? `for ${span(long)}` : "the newest window"].filter(Boolean).join(", ") : "");
  attribute(since, "title", one.since ? `${one.since_known ? "First drifted window ended" : "Drifts since the first window that is known, which ended"} ${moment(one.since)}` : null);
  text(rows, short(one.rows));
  attribute(rows, "title", count(one.rows));
  text(labelled, one.current_rows ? percent(one.labelled_rows / one.current_rows) : "–");
  text(evaluated, ago(one.evaluated_at));
  attribute(evaluated, "title", moment(one.evaluated_at));
  element.classList.toggle("calm", !Object.values(one.kinds).some((kind) => kind.verdict === "drifted"));
}

// A verdict with the size of its worst change.
function kind(cell, standing) {
  const key = standing ? `${standing.verdict} ${standing.drifted}/${standing.judged} ${standing.worst?.effect} ${standing.reason}` : "none";
  if (cell.dataset.key === key) return;
  cell.dataset.key = key;
  if (!standing) {
    put(cell, h("span.dim", { title: "No monitor of this kind was evaluated yet" }, "–", h("span.sr", {}, " not evaluated")));
    return;
  }
  const { mark, word } = VERDICTS[standing.verdict];
  const effect = standing.worst?.effect ?? null;
  const judged = standing.verdict === "drifted" || standing.verdict === "stable";
  const several = judged && standing.judged > 1;
  const many = several ? [` ${standing.verdict === "drifted" ? standing.drifted : standing.judged}`, h("span.all", {}, standing.verdict === "drifted" ? ` of ${standing.judged}` : ` ${word}`)] : h("span.all", {}, ` ${word}`);
  put(cell, h(`span.badge.${standing.verdict}`, { title: standing.reason ?? `${standing.monitor}: ${word}` },
    h("span", { "aria-hidden": "true" }, mark), many, h("span.sr", {}, standing.verdict === "drifted" && standing.judged > 1 ? " columns drifted" : "")),
    judged && effect !== null ? effectBar(effect, standing.verdict) : null);
}

// The size of a change, from 0 for none to 1: it does not grow with the rows, so that columns and models compare.
export function effectBar(effect, verdict) {
  const bar = h("span.strength", { title: `Effect ${number(effect)}: 0 is no change, 1 a complete one` }, h("span.track", { "aria-hidden": "true" }, h(`span.fill.${verdict}`)), h("span.times", {}, h("span.sr", {}, "effect "), effect.toFixed(2)));
  bar.querySelector(".fill").style.width = `${Math.max(2, 100 * Math.min(1, effect))}%`;
  return bar;
}

function firstSteps() {
  return h("div.state.empty", {}, h("p.title", {}, "No model yet"), h("p", {}, "A model appears here with its first rows. To see one:"),
    h("pre", {}, "curl HOST/v1/models/churn/predictions -H 'content-type: application/json' -d '{\"predictions\": [\n  {\"record_id\": \"r-1\", \"prediction_time\": \"2026-02-01T12:00:00Z\", \"features\": {\"age\": 41}, \"prediction\": \"yes\"}]}'".replace("HOST", location.origin)),
    h("p", {}, "or ", h("code", {}, "leeway demo"), ", which streams nine months of flights."));
}
