// The monitors of a model: what they do, how they fare, and what one can ask of them.

import { ask, part, post } from "./api.js";
import { attribute, fill, h, keyed, text } from "./dom.js";
import { VERDICTS, ago, count, moment, plural, seconds, span } from "./format.js";
import { verdictOf } from "./model.js";

const POLL = 1_000;

// In words.
const extent = (of) => (of.rows === undefined ? span(of.seconds * 1000) : `${count(of.rows)} rows`);
const REFERENCE = { auto: () => "what is known to be normal", "data-set": () => "the uploaded data set", training: () => "the training's rows", trailing: (of) => `the ${extent(of.extent)} before` };
const CURRENT = { "since-training": () => "all rows since the training", sliding: (of) => `the newest ${extent(of.extent)}`, tumbling: (of) => `each ${extent(of.extent)}` };
const CADENCE = { "new-data": (on) => (on.seconds_min ? `on new data, at most every ${span(on.seconds_min * 1000)}` : "on new data"), schedule: (on) => `every ${span(on.every_seconds * 1000)}`, request: () => "when asked" };
const words = (spec) => `compares ${CURRENT[spec.current.of]?.(spec.current) ?? spec.current.of} with ${REFERENCE[spec.reference.from]?.(spec.reference) ?? spec.reference.from}, ${CADENCE[spec.cadence.on]?.(spec.cadence) ?? spec.cadence.on}`;

export function monitors(modelId, renew) {
  const path = (name) => `/v1/models/${part(modelId)}/monitors/${part(name)}`;
  const list = h("ul.monitors");
  const element = h("section.card", { "aria-labelledby": "monitors-title" }, h("h2", { id: "monitors-title" }, "Monitors"), list);
  let stopped = false;

  function make() {
    const told = h("p.told", { role: "status" });
    const act = (button, work) => async () => {
      button.disabled = true;
      try { await work(told); } catch (error) { text(told, error.message); } finally { button.disabled = false; }
    };
    const evaluate = h("button", { type: "button" }, "Evaluate now");
    const backtest = h("button", { type: "button" }, "Backtest");
    const item = h("li.monitor", {}, h("div.who", {}, h("b"), h("span.sub")), h("div.what", {}, h("span"), h("span.sub")), h("div.how"), h("div.actions", {}, evaluate, backtest),
      h("details.spec", {}, h("summary", {}, "Specification"), h("pre")), told);
    evaluate.addEventListener("click", act(evaluate, async () => {
      text(told, "Evaluating…");
      const answer = await post(`${path(item.one.name)}/evaluate?wait=true`);
      const done = answer.evaluations[0];
      text(told, done ? `${VERDICTS[verdictOf(done).verdict].word}, in ${seconds(done.duration_seconds)}${done.reason ? `: ${done.reason}` : ""}.` : "There was nothing to evaluate.");
      await renew();
    }));
    backtest.addEventListener("click", act(backtest, async () => {
      let state = await post(`${path(item.one.name)}/backtest`);
      while (!stopped && (state.state === "waiting" || state.state === "running")) {
        text(told, state.windows ? `Backtest: ${count(state.windows_done)} of ${plural(state.windows, "window")}` : "The backtest waits for its turn");
        await new Promise((done) => setTimeout(done, POLL));
        state = await ask(`/v1/backtests/${state.backtest_no}`);
      }
      text(told, state.state === "failed" ? `The backtest failed: ${state.reason}` : `Backtest done: ${plural(state.windows_done, "window")}.`);
      await renew();
    }));
    return item;
  }

  function update(item, { monitor, evaluation }) {
    item.one = monitor;
    const [who, what, how, , details] = item.children;
    const { spec } = monitor;
    text(who.firstChild, monitor.name);
    text(who.lastChild, evaluation ? evaluation.detector : spec.detector);
    text(what.firstChild, words(spec));
    const rules = [`at least ${plural(spec.rows_min, "row")}`, spec.labelled_share_min ? `${100 * spec.labelled_share_min}% labelled` : "", spec.label_maturity_seconds ? `labels mature ${span(spec.label_maturity_seconds * 1000)}` : ""];
    text(what.lastChild, rules.filter(Boolean).join(" · "));
    const verdict = !spec.enabled ? null : monitor.failures > 0 ? "failed" : evaluation ? verdictOf(evaluation).verdict : "insufficient";
    const key = JSON.stringify([verdict, monitor.evaluated_at, monitor.failures, monitor.last_error, evaluation?.reason, ago(monitor.evaluated_at)]);
    if (how.dataset.key !== key) {
      how.dataset.key = key;
      const reason = monitor.failures > 0 ? `${plural(monitor.failures, "failure")} in a row: ${monitor.last_error ?? "unknown"}${monitor.retry_at ? ` Tried again ${moment(monitor.retry_at)}.` : ""}` : evaluation?.reason;
      fill(how, verdict ? h(`span.badge.${verdict}`, {}, h("span", { "aria-hidden": "true" }, VERDICTS[verdict].mark), ` ${VERDICTS[verdict].word}`) : h("span.badge.insufficient", {}, "switched off"),
        h("span.sub", { title: moment(monitor.evaluated_at) }, monitor.evaluated_at ? `evaluated ${ago(monitor.evaluated_at)}` : "never evaluated"), reason ? h("p.reason", {}, reason) : null);
    }
    attribute(item, "class", `monitor${monitor.failures > 0 ? " failing" : ""}`);
    text(details.lastChild, JSON.stringify(spec, null, 2));
  }

  return {
    element,
    stop() { stopped = true; },
    show(all, evaluations) {
      const of = new Map(evaluations.map((one) => [one.monitor, one]));
      keyed(list, all.map((monitor) => ({ monitor, evaluation: of.get(monitor.name) })), (one) => one.monitor.name, make, update);
    },
  };
}
