// Numbers, times and verdicts as people read them.

const counts = new Intl.NumberFormat("en");
const moments = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const NONE = "–";

export const count = (value) => (value === null || value === undefined ? NONE : counts.format(value));

// 12,345 as 12.3k: where room is short.
export function short(value) {
  if (value === null || value === undefined) return NONE;
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (Math.abs(value) >= size) return `${trim((value / (size === 1e4 ? 1e3 : size)).toPrecision(3))}${unit}`;
  }
  return counts.format(value);
}

// Three significant digits; very small and very large numbers with an exponent.
export function number(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e7) return value.toExponential(1).replace("e+", "e").replace("e-", "e−").replace("-", "−");
  return (size >= 1000 ? counts.format(Math.round(value)) : trim(value.toPrecision(3))).replace("-", "−");
}

const trim = (digits) => (digits.includes(".") && !digits.includes("e") ? digits.replace(/\.?0+$/, "") : digits);

export function probability(value) {
  if (value === null || value === undefined) return NONE;
  return value < 1e-4 ? (value === 0 ? "0" : value.toExponential(0).replace("e-", "e−")) : number(value);
}

export const percent = (share) => (share === null || !Number.isFinite(share) ? NONE : `${trim((100 * share).toPrecision(share >= 0.995 ? 3 : 2))}%`);

export const moment = (time) => (time ? moments.format(new Date(time)) : NONE);
export const day = (time) => (time ? days.format(new Date(time)) : NONE);

// How long between two times, in one unit.
export function span(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  for (const [size, unit] of [[63_072_000, "year"], [31_536_000, "year"], [5_184_000, "month"], [2_592_000, "month"], [86_400, "day"], [3600, "hour"], [60, "minute"]]) {
    if (seconds >= size) {
      const length = unit === "year" ? 31_536_000 : unit === "month" ? 2_592_000 : size;
      const many = Math.floor(seconds / length);
      return `${many} ${unit}${many === 1 ? "" : "s"}`;
    }
  }
  return `${Math.floor(seconds)} second${Math.floor(seconds) === 1 ? "" : "s"}`;
}

export function ago(time, now = Date.now()) {
  if (!time) return "never";
  const past = now - new Date(time).getTime();
  return past < 1000 ? "just now" : `${span(past)} ago`;
}

export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 1e-3) return `${number(value * 1e6)} µs`;
  if (value < 1) return `${number(value * 1e3)} ms`;
  return value < 120 ? `${number(value)} s` : span(value * 1000);
}

export function bytes(value) {
  if (value === null || value === undefined) return NONE;
  for (const [size, unit] of [[1 << 30, "GiB"], [1 << 20, "MiB"], [1 << 10, "KiB"]]) if (value >= size) return `${number(value / size)} ${unit}`;
  return `${value} B`;
}

// Mark and word of each verdict. Marks differ in shape, so that nobody needs the colours.
export const VERDICTS = {
  drifted: { mark: "◆", word: "drifted" },
  stable: { mark: "✓", word: "stable" },
  constant: { mark: "=", word: "constant" },
  insufficient: { mark: "…", word: "too little to judge" },
  failed: { mark: "✕", word: "failed" },
};

export const KINDS = {
  data: { title: "Data drift", short: "Data", about: "the inputs changed" },
  prior: { title: "Prior drift", short: "Prior", about: "the answers or labels changed" },
  concept: { title: "Concept drift", short: "Concept", about: "the errors changed" },
};

// How far a value is beyond its threshold, 1 on it; none where there is no threshold above 0. Drift may lie below: the verdict says where.
export function beyond({ value, threshold, verdict }) {
  if (!(threshold > 0)) return null;
  const below = value !== threshold && (verdict === "drifted") === (value < threshold);
  return below ? threshold / Math.max(value, Number.MIN_VALUE) : value / threshold;
}

// Steps of colour for a verdict and the size of its change.
export function level(one) {
  const { verdict, effect } = one;
  if (verdict === "drifted") return (effect ?? 0) < 0.1 ? "d1" : effect < 0.25 ? "d2" : effect < 0.5 ? "d3" : "d4";
  if (verdict === "stable") return (beyond(one) ?? 0) > 0.8 ? "s2" : "s1";
  return verdict === "failed" ? "f" : "n";
}

export const columnName = (name) => name ?? "all columns together";
export const plural = (many, one, more = `${one}s`) => `${count(many)} ${many === 1 ? one : more}`;
