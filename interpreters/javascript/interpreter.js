// Runs a detector that comes as text. `cargo xtask interpreters` makes a component of it, once for all detectors.

import * as kernels from "leeway:detector/kernels@1.0.0";
import * as logging from "leeway:detector/logging@1.0.0";
import { text } from "leeway:interpreter/source@1.0.0";

import * as sdk from "./leeway-sdk.js";
import { scriptOf } from "./script.js";

const MODULES = {
  "./leeway-sdk.js": sdk,
  "leeway:detector/kernels@1.0.0": kernels,
  "leeway:detector/logging@1.0.0": logging,
};
const evaluateScript = eval; // Under another name it sees globals only.

function load() {
  const script = evaluateScript(scriptOf(text(), Object.keys(MODULES)));
  const batch = script((name) => MODULES[name]);
  if (typeof batch?.describe !== "function") {
    throw new Error("there is no detector: write `export const batch = exportBatch({ ... })`");
  }
  return batch;
}

export const batch = {
  describe: () => sdk.guarded(load).describe(),
  checkConfig: (config) => sdk.guarded(load).checkConfig(config),
  fit: (reference, config, seed) => sdk.guarded(load).fit(reference, config, seed),
  evaluate: (baseline, current, config, seed) => sdk.guarded(load).evaluate(baseline, current, config, seed),
};
