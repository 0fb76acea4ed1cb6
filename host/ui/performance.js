// How well a model does: estimated without labels, with its band, beside the truth where labels have come.

import { chart } from "./chart.js";
import { number, plural } from "./format.js";

// Figures that are shares of rows or areas: they end at 1.
const SHARES = new Set(["accuracy", "f1", "precision", "recall", "specificity", "auroc"]);
const NAMES = { f1: "F1", auroc: "AUROC", brier: "Brier score", mae: "MAE", mse: "MSE", rmse: "RMSE" };
// Room above and below what is drawn, as a share of its height; at least so much.
const ROOM = 0.1;
const ROOM_MIN = 0.005;

// The figure that a metric estimates, or tells the truth of; none of any other metric.
export const figureOf = (metric) => metric?.match(/^(?:estimated|realized)_(.+)$/)?.[1] ?? null;
export const figureName = (figure) => NAMES[figure] ?? figure;

// The same at the beginning of a sentence.
const title = (figure) => figureName(figure).replace(/^./, (first) => first.toUpperCase());

// Figures of which there is an estimate among these metrics.
export function estimated(metrics) {
  return new Set(metrics.filter((metric) => metric.startsWith("estimated_")).map(figureOf));
}

const LOWER = 0;
const UPPER = 1;

// Estimate, band, truth and the thresholds of both in one chart.
export function performance() {
  let share = false;
  const range = (_, min, max) => {
    const room = Math.max(ROOM * (max - min), ROOM_MIN * Math.max(Math.abs(max), Math.abs(min)));
    return [Math.max(0, min - room), share && max <= 1 ? Math.min(1, max + room) : max + room];
  };
  const picture = chart({
    title: "Performance", about: "estimated without labels, and the truth where they have come", sync: "column", height: 260, range,
    bands: [{ upper: UPPER, lower: LOWER, label: "where the truth is expected", colour: "current" }],
    series: [
      { label: "from", name: "band from", colour: "current", edge: true }, { label: "to", name: "band to", colour: "current", edge: true },
      { label: "estimate", colour: "current" }, { label: "truth", colour: "stable", gaps: true },
      { label: "threshold of the estimate", colour: "threshold", dash: [6, 4], width: 1.5 }, { label: "of the truth", name: "threshold of the truth", colour: "threshold", dash: [1, 4], width: 1.5, gaps: true },
      { label: "drifted", colour: "threshold", points: true }, { name: "truth drifted", colour: "threshold", points: true },
    ],
  });
  return {
    figure: picture.figure,
    stop: picture.stop,
    // Both histories are measurements in the order of their windows; either may have windows that the other has not.
    show(figure, estimates, truths) {
      share = SHARES.has(figure);
      const of = (points) => new Map(points.map((point) => [point.at, point]));
      const [estimate, truth] = [of(estimates), of(truths)];
      const times = [...new Set([...estimate.keys(), ...truth.keys()])].sort((a, b) => a - b);
      const told = (points, field) => times.map((at) => (known(points.get(at)) ? field(points.get(at)) ?? null : null));
      const drifted = (points) => told(points, (one) => (one.verdict === "drifted" ? one.value : null));
      picture.show(times, [
        told(estimate, (one) => one.detail?.lower), told(estimate, (one) => one.detail?.upper),
        told(estimate, (one) => one.value), told(truth, (one) => one.value),
        told(estimate, (one) => one.threshold), told(truth, (one) => one.threshold), drifted(estimate), drifted(truth),
      ], summary(figure, times, estimate, truth));
    },
  };
}

// Without a threshold there was nothing to judge, and the value says nothing.
const known = (one) => one !== undefined && one !== null && one.threshold !== null;

function summary(figure, times, estimate, truth) {
  const windows = (points) => times.map((at) => points.get(at)).filter(known);
  const drifted = (points) => windows(points).filter((one) => one.verdict === "drifted").length;
  return `${title(figure)} over ${plural(times.length, "window")}: the estimate drifted in ${drifted(estimate)} of them; the truth is known of ${windows(truth).length} and drifted in ${drifted(truth)}.`;
}

// Both numbers in sentences. Either may be missing.
export function reading(figure, estimate, truth) {
  const side = (one) => (one.verdict === "drifted" ? "beyond" : "within");
  const name = title(figure);
  const sentences = [];
  if (known(estimate)) {
    const { lower, upper, reference } = estimate.detail ?? {};
    const band = lower === undefined ? "" : `, and the truth of ${plural(estimate.current_rows, "row")} is expected from ${number(lower)} to ${number(upper)}`;
    sentences.push(`${name} is estimated at ${number(estimate.value)}${reference === undefined ? "" : ` (${number(reference)} in the reference)`}, ${side(estimate)} its threshold of ${number(estimate.threshold)}${band}.`);
  } else {
    sentences.push(`${name} cannot be estimated${estimate?.detail?.reason ? `: ${estimate.detail.reason}` : ""}.`);
  }
  if (known(truth)) {
    const few = truth.verdict === "insufficient" ? ", too few to judge" : `, ${side(truth)} its threshold of ${number(truth.threshold)}`;
    sentences.push(`The truth of ${plural(truth.current_rows, "row")} with labels is ${number(truth.value)}${few}.`);
  } else {
    sentences.push("No labels have come yet.");
  }
  return sentences.join(" ");
}
