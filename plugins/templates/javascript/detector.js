// How far did the middle of each column move? The ratio of trimmed means.

import { exportBatch, judge } from "./leeway-sdk.js";

const TOLERANCE = 0.1; // A mean that moved by more than this share has drifted.
const LEVELS = Array.from({ length: 81 }, (_, at) => (10 + at) / 100);

// The mean between the 10% and the 90% quantile; NaN of a column without values.
function trimmedMean(column) {
  const values = column.quantiles(LEVELS);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export const batch = exportBatch({
  name: "NAME",
  version: "0.1.0",
  summary: "Compares trimmed means.",
  metrics: [
    { name: "trimmed_mean_ratio", help: "Trimmed mean over the reference's.", direction: "two-sided" },
  ],

  fit(reference) {
    return Object.fromEntries(reference.columns().map((column) => [column.name, trimmedMean(column)]));
  },

  evaluate(means, current) {
    return current.columns().map((column) => {
      const ratio = trimmedMean(column) / (means[column.name] ?? NaN);
      const threshold = ratio < 1 ? 1 - TOLERANCE : 1 + TOLERANCE;
      return judge("trimmed_mean_ratio", column, ratio, threshold, Math.abs(ratio - 1) > TOLERANCE);
    });
  },
});
