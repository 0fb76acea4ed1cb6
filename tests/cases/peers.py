"""How often the peers' default verdicts are wrong without drift: the samples of docs/false-alarms.md, drawn by the same generator.

`peers.py evidently | nannyml | scouter | alibi [repeats]`, each in an environment with the pins below. The seeds of sample and trial are
those of `cargo run --release -p leeway-comparison --example simulate`, so both judge the same numbers. It prints rows of a Markdown table.
"""

import math
import os
import sys
import warnings
from importlib.metadata import version

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
import numpy as np

PINS = {"evidently": ("evidently", "0.7.23"), "nannyml": ("nannyml", "0.13.1"), "scouter": ("scouter-ml", "0.25.0"), "alibi": ("alibi-detect", "0.13.0")}
# As in the simulation: their order makes the seeds.
SIZES = [(50, 50), (100, 100), (1000, 50), (1000, 100), (200, 200), (1000, 1000), (10000, 500), (10000, 10000), (100000, 1000), (100000, 100000)]
LAWS = ["normal", "lognormal", "ties", "discrete", "heavy", "exponential",
        "2 even", "5 even", "20 even", "100 even", "1000 even", "5 zipf", "20 zipf", "100 zipf", "1000 zipf"]
TRIED_SIZES = [1, 3, 5, 6, 7]
# NannyML takes its thresholds from chunks of the reference: there must be some.
CHUNKED_SIZES = [2, 3, 6]
TRIED_LAWS = ["normal", "lognormal", "ties", "heavy", "5 even", "20 zipf", "100 even"]
ROWS_MAX = 1_500_000


def uniforms(seed, rows):
    """SplitMix64, all at once."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, rows + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(float) * 2.0**-53


def sample(law, sizes, trial, window):
    """The rows of one window of one trial: numbers, or names."""
    rows = SIZES[sizes][window]
    seed = ((LAWS.index(law) * 100 + sizes) * 1_000_000 + trial) * 2 + window
    if law in ("normal", "lognormal", "ties"):
        u = uniforms(seed, 2 * rows)
        z = np.sqrt(-2 * np.log(1 - u[0::2])) * np.cos(2 * np.pi * u[1::2])
        return {"normal": z, "lognormal": np.exp(z), "ties": np.round(10 * z) / 10}[law]
    u = uniforms(seed, rows)
    if law == "heavy":
        u = np.maximum(u, 1e-300)
        return (2 * u - 1) / np.sqrt(2 * u * (1 - u))
    k, kind = law.split()
    k = int(k)
    if kind == "even":
        place = np.floor(u * k).astype(int)
    else:
        share = 1 / np.arange(1, k + 1)
        place = np.minimum(np.searchsorted(np.cumsum(share / share.sum()), u, side="right"), k - 1)
    return np.array([f"c{i:04d}" for i in range(k)])[place]


def evidently(reference, current):
    """The default test of a column by the rows of the reference, and its default threshold."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    names = reference.dtype.kind == "U"
    definition = DataDefinition(categorical_columns=["x"]) if names else DataDefinition(numerical_columns=["x"])
    frames = [Dataset.from_pandas(pd.DataFrame({"x": rows}), definition) for rows in (current, reference)]
    for metric in Report([DataDriftPreset()]).run(*frames).dict()["metrics"]:
        value = metric["value"]
        if isinstance(value, dict) and "count" in value:
            return value["count"] > 0
    raise SystemExit("no count of drifted columns")


def nannyml(reference, current):
    """The default methods: Jensen-Shannon, thresholds from ten chunks of the reference, the current window one chunk."""
    import pandas as pd
    from nannyml import UnivariateDriftCalculator
    from nannyml.chunk import SizeBasedChunker

    names = reference.dtype.kind == "U"
    frames = [pd.DataFrame({"x": pd.Series(rows, dtype="category") if names else rows}) for rows in (reference, current)]
    chunker = SizeBasedChunker(chunk_size=len(current))
    calculator = UnivariateDriftCalculator(column_names=["x"], treat_as_categorical=["x"] if names else None, chunker=chunker).fit(frames[0])
    result = calculator.calculate(frames[1]).filter(period="analysis").to_df()
    return bool(result[("x", "jensen_shannon", "alert")].any())


def scouter(reference, current):
    """PSI over ten quantile bins against q_B(0.05) / m, the rule and the default of the library (statistics of its documentation)."""
    names = reference.dtype.kind == "U"
    if names:
        kinds = np.unique(reference)
        p = np.array([(reference == k).mean() for k in kinds])
        q = np.array([(current == k).mean() for k in kinds])
    else:
        edges = np.quantile(reference, np.arange(1, 10) / 10)
        count = lambda rows: np.bincount(np.searchsorted(edges, rows, side="left"), minlength=10) / len(rows)
        p, q = count(reference), count(current)
    p, q = p + 1e-10, q + 1e-10
    return float(((q - p) * np.log(q / p)).sum()) > chi2_isf(0.05, len(p) - 1) / len(current)


def chi2_isf(level, degrees):
    """By bisection on the regularised gamma function, as there is no SciPy beside Scouter."""
    def upper(x):
        a, total, term, k = degrees / 2, 0.0, 1.0, degrees / 2
        while term > 1e-17 * max(total, 1e-300) and k < a + 10_000:
            total += term
            k += 1
            term *= x / 2 / k
        return 1 - math.exp(a * math.log(x / 2) - x / 2 - math.lgamma(a + 1)) * total

    low, high = 1e-9, 20.0 + 4 * degrees
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if upper(middle) > level else (low, middle)
    return low


def alibi(reference, current):
    """KSDrift and ChiSquareDrift at their defaults."""
    from alibi_detect.cd import ChiSquareDrift, KSDrift

    if reference.dtype.kind == "U":
        kinds, codes = np.unique(np.concatenate([reference, current]), return_inverse=True)
        codes = codes.reshape(-1, 1)
        detector = ChiSquareDrift(codes[: len(reference)], categories_per_feature={0: len(kinds)})
        return bool(detector.predict(codes[len(reference):])["data"]["is_drift"])
    return bool(KSDrift(reference.reshape(-1, 1)).predict(current.reshape(-1, 1))["data"]["is_drift"])


def interval(hits, n, z=1.96):
    """Wilson's interval at 95%."""
    p = hits / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return f"{100 * p:.1f} ({100 * max(middle - half, 0):.1f}–{100 * (middle + half):.1f})"


def main():
    peer = sys.argv[1] if len(sys.argv) > 1 else ""
    if peer not in PINS:
        raise SystemExit("usage: peers.py evidently | nannyml | scouter | alibi [repeats]")
    package, pinned = PINS[peer]
    if version(package) != pinned:
        raise SystemExit(f"{package} {pinned} is wanted, {version(package)} is installed")
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    warnings.simplefilter("ignore")
    judge = globals()[peer]
    tried = CHUNKED_SIZES if peer == "nannyml" else TRIED_SIZES
    print(f"| {package} {pinned} | " + " | ".join("%d / %d" % SIZES[s] for s in tried) + " |")
    print("| --- |" + " --- |" * len(tried))
    for law in TRIED_LAWS:
        told = []
        for sizes in tried:
            repeats = max(20, min(wanted, ROWS_MAX // sum(SIZES[sizes])))
            hits = sum(judge(sample(law, sizes, t, 0), sample(law, sizes, t, 1)) for t in range(repeats))
            told.append(interval(hits, repeats))
        print(f"| {law} | " + " | ".join(told) + " |", flush=True)


if __name__ == "__main__":
    main()
