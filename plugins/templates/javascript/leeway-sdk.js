// What a detector in JavaScript is written with. Part of leeway; change `detector.js` instead.
//
// A column answers questions (quantiles, cdf, countsInBins, distinct, categoryCounts, moments), computed by the host
// and quick however many rows there are; or it hands over its rows (numbers, codes, embeddings) as typed arrays, if
// the detector says `needs: "rows"`. They come as bytes: a list costs 50 ns an element. Whole numbers of 64 bits are
// BigInt in one engine and numbers in another: here they are numbers.

import * as kernels from "leeway:detector/kernels@1.0.0";
import { log as write } from "leeway:detector/logging@1.0.0";

export const MISSING_CODE = 0xffffffff;
const CHUNK = 65536;

/** Throw it where a window cannot be judged at all: the message says why. */
export class Declined extends Error {}

/** Writes a line that whoever reads the evaluation sees; `console.log` does the same. */
export function log(...parts) {
  write("info", parts.map(String).join(" "));
}

globalThis.console = { debug: log, error: log, info: log, log, warn: log };

// There is no clock. Times come with the rows.
const noClock = () => {
  throw new Error("a detector has no clock; times come with the rows");
};
globalThis.Date = new Proxy(Date, {
  apply: noClock,
  construct: (date, parts) => (parts.length > 0 ? new date(...parts) : noClock()),
  get: (date, name) => (name === "now" ? noClock : date[name]),
});

// Chance comes with the call: the same seed, the same numbers (Mulberry32).
let chance = 0;
function seedWith(seed) {
  chance = (Number(seed) % 2 ** 32) ^ Math.floor(Number(seed) / 2 ** 32);
}
Math.random = () => {
  chance = (chance + 0x6d2b79f5) | 0;
  let mixed = Math.imul(chance ^ (chance >>> 15), chance | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

// Whatever offset the bytes have: a typed array wants an aligned one.
function as(type, bytes) {
  const copy = Uint8Array.from(bytes);
  return new type(copy.buffer, 0, Math.floor(copy.length / type.BYTES_PER_ELEMENT));
}

class Column {
  #window;
  #index;

  constructor(window, index, about) {
    this.#window = window;
    this.#index = index;
    for (const field of ["name", "role", "kind", "exact", "rankError", "dimension"]) this[field] = about[field];
    for (const field of ["rows", "missing", "nonFinite"]) this[field] = Number(about[field]);
  }

  quantiles(levels) {
    return Array.from(kernels.quantiles(this.#window, this.#index, Float64Array.from(levels)));
  }

  cdf(points) {
    return Array.from(kernels.cdf(this.#window, this.#index, Float64Array.from(points)));
  }

  countsInBins(edges) {
    return Array.from(kernels.countsInBins(this.#window, this.#index, Float64Array.from(edges)));
  }

  /** All distinct values, ascending, and how often each occurs. */
  distinct() {
    const both = as(Float64Array, kernels.distinctLe(this.#window, this.#index));
    return { values: both.subarray(0, both.length / 2), counts: both.subarray(both.length / 2) };
  }

  /** Names with their counts, and the count of all names beyond the dictionary's limit. */
  categoryCounts() {
    const { names, counts, rest } = kernels.categoryCounts(this.#window, this.#index);
    return { counts: new Map(names.map((name, at) => [name, counts[at]])), rest };
  }

  moments() {
    return kernels.valueMoments(this.#window, this.#index);
  }

  #rows(type, width, read) {
    const rows = this.#window.keptRows();
    const values = new type(rows * width);
    for (let offset = 0; offset < rows; offset += CHUNK) {
      const bytes = read(this.#index, offset, Math.min(CHUNK, rows - offset));
      values.set(as(type, bytes), offset * width);
    }
    return values;
  }

  /** Kept rows of a numeric column; missing is NaN. */
  numbers() {
    return this.#rows(Float64Array, 1, (...range) => this.#window.numbersLe(...range));
  }

  /** Kept rows of a categorical column: places in `dictionary()`; missing is MISSING_CODE. */
  codes() {
    return this.#rows(Uint32Array, 1, (...range) => this.#window.codesLe(...range));
  }

  dictionary() {
    return this.#window.dictionary(this.#index, 0, this.#window.dictionarySize(this.#index));
  }

  /** Kept rows of an embedding column, `dimension` a row. */
  embeddings() {
    return this.#rows(Float32Array, this.dimension, (...range) => this.#window.embeddingsLe(...range));
  }
}

class Window {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  rows() {
    return Number(this.#handle.rows());
  }

  keptRows() {
    return this.#handle.keptRows();
  }

  complete() {
    return this.#handle.complete();
  }

  span() {
    return this.#handle.span();
  }

  columns() {
    return this.#handle.columns().map((about, index) => new Column(this.#handle, index, about));
  }
}

/** A column judged against a fixed threshold. NaN and infinity leave it `insufficient`. */
export function judge(metric, column, value, threshold, drifted, more = {}) {
  const known = Number.isFinite(value) && Number.isFinite(threshold);
  return {
    metric,
    column: column?.name,
    value: known ? value : 0,
    effect: more.effect,
    pValue: more.pValue,
    pAdjusted: undefined,
    threshold: known ? threshold : undefined,
    thresholdKind: known ? "fixed" : undefined,
    referenceRows: 0,
    currentRows: column ? column.rows - column.missing - column.nonFinite : 0,
    missingShare: column && column.rows > 0 ? column.missing / column.rows : 0,
    unseenShare: 0,
    verdict: known ? (drifted ? "drifted" : "stable") : "insufficient",
    row: undefined,
    detail: more.detail === undefined ? undefined : JSON.stringify(more.detail),
  };
}

// An exception's text leaves the sandbox through the log; the trap alone would not tell it. What is thrown as an
// object of the contract declines.
export function guarded(call) {
  try {
    return call();
  } catch (error) {
    if (error instanceof Declined) throw { tag: "unusable-data", val: error.message };
    if (error?.tag !== undefined && error?.val !== undefined) throw error;
    if (error?.payload?.tag !== undefined) throw { tag: "unusable-data", val: JSON.stringify(error.payload) };
    write("error", told(error));
    throw error;
  }
}

// What went wrong and where: the lines of the detector alone.
function told(error) {
  const places = [...String(error?.stack ?? "").matchAll(/at (?:(\S+) )?\(?(?:.*\/)?(?:detector\.js|<eval>|<input>):(\d+)/g)];
  const inside = (name) => (name && !name.startsWith("<") ? `, in ${name}` : "");
  const [place, ...callers] = places.map(([, name, line]) => `line ${line}${inside(name)}`);
  const called = callers.slice(0, 4).map((caller) => `; called at ${caller}`);
  return `${place ? `detector.js, ${place}: ` : ""}${error}${called.join("")}`;
}

function describe(own) {
  return {
    name: own.name,
    version: own.version,
    summary: own.summary ?? "",
    kind: own.kind ?? "data",
    accepts: own.accepts ?? ["numeric"],
    roles: own.roles ?? ["feature"],
    needs: own.needs ?? "profiles",
    rowsMin: own.rowsMin ?? 1,
    metrics: own.metrics.map((metric) => ({
      name: metric.name,
      help: metric.help,
      unit: metric.unit ?? "",
      direction: metric.direction,
      minimum: metric.minimum,
      maximum: metric.maximum,
      defaultThreshold: metric.defaultThreshold,
    })),
    configSchema: JSON.stringify(own.configSchema ?? { type: "object", additionalProperties: false }),
    stateFormat: own.stateFormat ?? 1,
  };
}

/** What the component exports: `export const batch = exportBatch({ name, version, metrics, fit, evaluate })`. */
export function exportBatch(own) {
  return {
    describe: () => guarded(() => describe(own)),
    checkConfig(config) {
      const wrong = guarded(() => own.checkConfig?.(JSON.parse(config)));
      if (wrong) throw { tag: "invalid-config", val: wrong };
    },
    fit(reference, config, seed) {
      seedWith(seed);
      return guarded(() => bytesOf(JSON.stringify(own.fit(new Window(reference), JSON.parse(config), Number(seed)))));
    },
    evaluate(baseline, current, config, seed) {
      const whole = typeof seed === "bigint" ? BigInt : Number;
      seedWith(seed);
      return guarded(() => {
        const learned = JSON.parse(textOf(baseline));
        const judged = own.evaluate(learned, new Window(current), JSON.parse(config), Number(seed));
        return Array.from(judged, (one) => ({
          ...one,
          referenceRows: whole(one.referenceRows),
          currentRows: whole(one.currentRows),
        }));
      });
    },
  };
}

// UTF-8 by hand: not every engine has TextEncoder. Escapes make the text ASCII.
function bytesOf(json) {
  const ascii = json.replace(/[\u0080-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  return Uint8Array.from(ascii, (c) => c.charCodeAt(0));
}

function textOf(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
