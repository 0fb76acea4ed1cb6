// Takes each column row by row, and counts the answers of the host that differ from what is found in there.

import { MISSING_CODE, exportBatch, judge } from "./leeway-sdk.js";

const near = (one, other) => Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(one), Math.abs(other));
const count = (rows, holds) => rows.reduce((sum, row) => sum + (holds(row) ? 1 : 0), 0);

function numeric(column) {
  const rows = column.numbers();
  const values = rows.filter(Number.isFinite).sort();
  const moments = column.moments();
  const answers = [
    rows.length === column.rows,
    count(rows, Number.isNaN) === column.missing,
    moments.count === values.length,
  ];
  if (values.length === 0) return answers;
  const at = (values.length - 1) / 2;
  const median = (values[Math.floor(at)] + values[Math.ceil(at)]) / 2;
  const below = count(values, (value) => value <= median);
  const bins = column.countsInBins([median]);
  const { values: distinct, counts } = column.distinct();
  return [
    ...answers,
    near(moments.mean, values.reduce((sum, value) => sum + value, 0) / values.length),
    moments.minimum === values[0] && moments.maximum === values.at(-1),
    near(column.quantiles([0.5])[0], median),
    near(column.cdf([median])[0], below / values.length),
    bins[0] === below && bins[1] === values.length - below,
    distinct.length === new Set(values).size && counts.reduce((sum, one) => sum + one, 0) === values.length,
  ];
}

function categorical(column) {
  const codes = column.codes();
  const names = column.dictionary();
  const found = new Map();
  for (const code of codes) {
    if (code !== MISSING_CODE) found.set(names[code], (found.get(names[code]) ?? 0) + 1);
  }
  const { counts, rest } = column.categoryCounts();
  return [
    codes.length === column.rows,
    count(codes, (code) => code === MISSING_CODE) === column.missing,
    rest > 0 || [...counts].every(([name, rows]) => rows === (found.get(name) ?? 0)),
    rest > 0 || [...found.keys()].every((name) => counts.has(name)),
  ];
}

export const batch = exportBatch({
  name: "rows-agree",
  version: "0.1.0",
  summary: "Holds the host's answers against the rows.",
  accepts: ["numeric", "categorical"],
  needs: "rows",
  metrics: [
    { name: "disagreements", help: "Answers that differ from the rows.", direction: "higher-is-drift", minimum: 0 },
  ],
  fit: () => null,
  evaluate(nothing, current) {
    return current.columns().map((column) => {
      const known = current.complete() && column.exact;
      const answers = column.kind === "numeric" ? numeric(column) : categorical(column);
      const wrong = known ? answers.filter((right) => !right).length : 0;
      return judge("disagreements", column, wrong, 0, wrong > 0);
    });
  },
});
