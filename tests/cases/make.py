"""Makes the golden case files of this folder again. README.md says how to run it.

`make.py scipy` writes every file whose numbers come from scipy, numpy, River, scikit-learn or a closed form.
`make.py nannyml` writes the files whose numbers come from NannyML, which needs older libraries.
Nothing here uses a clock or a random source: the same pins give the same bytes.
"""

import json
import math
import sys
import warnings
from decimal import Decimal, localcontext
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
MASK = (1 << 64) - 1
PINS = {
    "scipy": {"numpy": "2.4.6", "scipy": "1.17.1", "river": "0.26.1", "scikit-learn": "1.9.1"},
    "nannyml": {"numpy": "1.26.4", "scipy": "1.13.1", "pandas": "2.2.3", "nannyml": "0.13.1"},
}
# Below this a p-value nears the end of the double range: libraries return 0 or a subnormal number.
TINY_P = 1e-290


# ---------------------------------------------------------------- samples


def splitmix64(seed, rows):
    """The `rows` first uniforms of SplitMix64 started at `seed`: multiples of 2^-53 in [0, 1)."""
    state = seed & MASK
    out = []
    for _ in range(rows):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        out.append((z >> 11) * 2.0**-53)
    return out


def generated(seed, rows, levels, power, scale, offset):
    """One generated sample. Each step is one IEEE double operation, in this order."""
    out = []
    for u in splitmix64(seed, rows):
        if levels is not None:
            u = math.floor(u * float(levels)) / float(levels)
        if power == 2:
            u = u * u
        elif power == 3:
            u = u * u * u
        out.append(offset + scale * u)
    return out


def streamed(segments):
    """The rows of all segments, one after the other. Every segment starts its own generator."""
    out = []
    for s in segments:
        uniforms = splitmix64(s["seed"], s["rows"])
        if "probability" in s:
            out += [1.0 if u < s["probability"] else 0.0 for u in uniforms]
        else:
            out += [s["offset"] + s["scale"] * u for u in uniforms]
    return out


def V(values):
    return {"values": [None if v is None else float(v) for v in values]}


def G(seed, rows, levels=None, power=1, scale=1.0, offset=0.0):
    return {"generate": {"seed": seed, "rows": rows, "levels": levels, "power": power,
                         "scale": float(scale), "offset": float(offset)}}


def C(counts):
    return {"counts": [int(c) for c in counts]}


def P(seed, rows, probability):
    return {"seed": seed, "rows": rows, "probability": float(probability)}


def R(seed, rows, scale, offset):
    return {"seed": seed, "rows": rows, "scale": float(scale), "offset": float(offset)}


def rows_of(sample):
    """The numbers of a sample, missing ones dropped."""
    if "values" in sample:
        return [v for v in sample["values"] if v is not None]
    if "stream" in sample:
        return streamed(sample["stream"])
    return generated(**sample["generate"])


def counts_of(reference, current):
    """The two count rows of a case over the same categories, sorted by name if they are given row by row."""
    if "counts" in reference:
        return reference["counts"], current["counts"]
    a = [v for v in reference["categories"] if v is not None]
    b = [v for v in current["categories"] if v is not None]
    names = sorted(set(a) | set(b))
    return [a.count(n) for n in names], [b.count(n) for n in names]


# ---------------------------------------------------------------- writing


def write(file, header, cases):
    """Writes one file: a field per line, arrays on one line, shortest numbers that read back the same."""
    names = [c["name"] for c in cases]
    assert len(names) == len(set(names)), f"{file}: a name occurs twice"
    assert 15 <= len(cases) <= 60, f"{file}: {len(cases)} cases"
    lines = ["{"]
    for key, value in header.items():
        lines.append(f"  {one_line(key)}: {one_line(value)},")
    lines.append('  "cases": [')
    for i, case in enumerate(cases):
        lines.append("    {")
        fields = [f"      {one_line(k)}: {one_line(v)}" for k, v in case.items()]
        lines.append(",\n".join(fields))
        lines.append("    }" + ("," if i + 1 < len(cases) else ""))
    lines += ["  ]", "}", ""]
    (FOLDER / file).write_text("\n".join(lines), encoding="utf-8")
    print(f"{file}: {len(cases)} cases")


def one_line(value):
    return json.dumps(value, allow_nan=False, ensure_ascii=False, default=lambda v: v.item())


def close(name, got, want, relative, absolute=0.0):
    """Stops the run if an independent calculation disagrees with the number to be written."""
    got, want = Fraction(got), Fraction(want)
    if abs(got - want) > max(Fraction(absolute), Fraction(relative) * abs(want)):
        raise SystemExit(f"{name}: {float(got)!r} but an independent calculation gives {float(want)!r}")


def case(name, inputs, expected, tolerance, absolute=None, note=None):
    out = {"name": name, **inputs, "expected": expected, "tolerance": tolerance}
    if absolute:
        out["absolute"] = absolute
    if note:
        out["note"] = note
    return out


# ---------------------------------------------------------------- exact moments


def exact_moments(values):
    """Mean and variance (ddof 0) as rationals, without any rounding."""
    ratios = [v.as_integer_ratio() for v in values]
    unit = max(d for _, d in ratios)  # Denominators are powers of two, so the largest is common to all.
    whole = [a * (unit // d) for a, d in ratios]
    n, total, squares = len(whole), sum(whole), sum(w * w for w in whole)
    return Fraction(total, n * unit), Fraction(n * squares - total * total, n * n * unit * unit)


def root(x):
    """Square root of a rational, rounded to a double."""
    with localcontext() as context:
        context.prec = 60
        return float((Decimal(x.numerator) / Decimal(x.denominator)).sqrt())


# ---------------------------------------------------------------- shared samples


def cauchy(n, scale=1.0, offset=0.0):
    """Quantiles of a Cauchy law at (i - 1/2)/n: tails so heavy that the law has no mean."""
    return [offset + scale * math.tan(math.pi * ((i + 0.5) / n - 0.5)) for i in range(n)]


def pairs_of_numbers():
    """Pairs of samples that every two-sample statistic on numbers must survive: (name, reference, current)."""
    step = lambda n, start=0.0, by=1.0: [start + by * i for i in range(n)]
    return [
        ("one value against a larger one", V([1]), V([2])),
        ("one value against the same value", V([3]), V([3])),
        ("one value against nine around it", V([5]), V(step(9, 1))),
        ("two against three without ties", V([1, 4]), V([2, 3, 5])),
        ("four against four wholly apart", V([1, 2, 3, 4]), V([5, 6, 7, 8])),
        ("eight nested inside the spread of eight", V([-20, -15, -10, -5, 5, 10, 15, 20]), V(step(8, -2, 0.5))),
        ("the same ten values in another order", V(step(10)), V([9, 0, 8, 1, 7, 2, 6, 3, 5, 4])),
        ("each value of the reference twice", V([1, 2, 3]), V([1, 1, 2, 2, 3, 3])),
        ("ties within and across, equal sizes", V([1, 1, 2, 2, 2, 3, 4, 4]), V([1, 2, 2, 3, 3, 3, 4, 5])),
        ("ties within and across, unequal sizes", V([1, 1, 2, 2, 2, 3, 4, 4, 4, 7]), V([1, 2, 3, 3, 3, 5, 5])),
        ("two levels only, shares three to one and one to three", V([0, 0, 0, 1] * 5), V([0, 1, 1, 1] * 5)),
        ("sizes six and nine share the divisor three", V(step(6, 0, 3)), V(step(9, 4, 1.5))),
        ("sizes twelve and eighteen share the divisor six", V(step(12)), V(step(18, 2.25, 0.75))),
        ("sizes five and twenty, one divides the other", V(step(5, 0, 4)), V(step(20, 3.5))),
        ("sizes seven and eleven are coprime", V(step(7, 0, 2)), V(step(11, 1, 1.25))),
        ("missing values are dropped on both sides", V([None, 1, 2, None, 3, 4, 5]), V([2.5, None, 3.5, 6, None, None])),
        ("a constant reference against varying values inside and outside", V([2] * 6), V([1, 2, 3, 4, 5, 6])),
        ("varying values against a constant", V([1, 2, 3, 4, 5, 6]), V([2] * 6)),
        ("two different constants", V([1] * 7), V([2] * 5)),
        ("negative zero equals zero", V([-0.0, -0.0, 0.0, 1.0]), V([0.0, 0.0, -0.0, -1.0, 1.0])),
        ("values near 1e15 with a spread of one", V([1e15 + d / 8 for d in range(9)]), V([1e15 + d / 8 for d in (2, 3, 3, 5, 7, 8, 9)])),
        ("very small and very large magnitudes", V([-1e100, -1.0, -1e-100, 1e-300, 1e-100, 1.0, 1e100]), V([-1e99, -2.0, 1e-200, 1e-100, 3.0, 2e100])),
        ("heavy tails, 200 against 150 moved by one", V(cauchy(200)), V(cauchy(150, 1.0, 1.0))),
        ("heavy tails, equal sizes, scale doubled", V(cauchy(120)), V(cauchy(120, 2.0))),
        ("a hundred against a hundred moved by 22.5 ranks", V(step(100)), V(step(100, 22.5))),
        ("one large outlier in a hundred", V(step(100)), V(step(99) + [1e9])),
        ("thirty interleaved with thirty", V(step(30)), V(step(30, 0.5))),
        ("twenty against twenty, the last sizes with an exact Cramér-von Mises law", G(11, 20), G(12, 20, offset=0.2)),
        ("twenty-one against twenty, the first sizes with its limit law", G(13, 21), G(14, 20, offset=0.2)),
        ("twenty against five, exact on both sides", G(15, 20, levels=10), G(16, 5, levels=10, offset=0.1)),
        ("a thousand against a thousand of the same law", G(101, 1000), G(102, 1000)),
        ("a thousand against a thousand moved a little", G(103, 1000), G(104, 1000, offset=0.05)),
        ("a thousand against seven hundred squared", G(105, 1000), G(106, 700, power=2)),
        ("five levels, 600 against 900", G(107, 600, levels=5), G(108, 900, levels=5)),
        ("five levels, 600 against 900 cubed", G(109, 600, levels=5), G(110, 900, levels=5, power=3)),
        ("a thousand against a thousand moved by half", G(111, 1000), G(112, 1000, offset=0.5)),
        ("900 against 1300 moved by half", G(113, 900), G(114, 1300, offset=0.5)),
        ("two thousand against two thousand wholly apart", G(115, 2000), G(116, 2000, offset=2.0)),
        ("2000 near 1e15 against 1500 near 1e15", G(117, 2000, scale=1.0, offset=1e15), G(118, 1500, scale=1.25, offset=1e15)),
        ("a hundred thousand against fifty of the same law", G(119, 100000), G(120, 50)),
        ("a hundred thousand against fifty moved", G(121, 100000), G(122, 50, offset=0.3)),
        ("fifty against a hundred thousand cubed", G(123, 50), G(124, 100000, power=3)),
        ("two hundred thousand against two hundred thousand of the same law", G(125, 200000), G(126, 200000)),
        ("two hundred thousand against two hundred thousand moved by a hundredth", G(127, 200000), G(128, 200000, offset=0.01)),
        ("two hundred thousand against ninety thousand, a hundred levels", G(129, 200000, levels=100), G(130, 90000, levels=100)),
    ]


# ---------------------------------------------------------------- numbers, two samples


def ks():
    from scipy.stats import ks_2samp

    cases = []
    extra = [
        ("ten thousand on both sides, the last sizes with an exact law", G(201, 10000), G(202, 10000, offset=0.01)),
        ("10,001 on both sides, whose half size 5000.5 rounds to even 5000", G(203, 10001), G(204, 10001, offset=0.01)),
        ("10,003 on both sides, whose half size 5001.5 rounds to even 5002", G(205, 10003), G(206, 10003, offset=0.01)),
        ("10,000 against 10,001 takes the limit law", G(207, 10000), G(208, 10001)),
        ("9,999 against 10,000 is exact with a large common multiple", G(209, 9999), G(210, 10000, offset=0.02)),
        ("10,000 against fifty is exact", G(211, 10000), G(212, 50, offset=0.15)),
        ("10,001 against fifty takes the limit law", G(213, 10001), G(214, 50, offset=0.15)),
        ("10,000 against 4,000 share the divisor 2,000", G(215, 10000), G(216, 4000, power=2, offset=0.1)),
        ("a hundred thousand against one value", G(217, 100000), V([0.75])),
        ("twenty thousand against themselves", G(220, 20000), G(220, 20000)),
        ("twenty thousand against a close copy, p near one", G(221, 20000), G(221, 20000, offset=0.0005)),
        ("two hundred thousand wholly apart, p below the double range", G(222, 200000), G(223, 200000, offset=3.0)),
        ("a hundred thousand moved so far that p is below 1e-150", G(224, 100000), G(225, 100000, offset=0.063)),
        ("3,000 against 2,999 moved so far that p is below 1e-80", G(226, 3000), G(227, 2999, offset=0.27)),
        ("400 against 300 wholly apart", G(228, 400), G(229, 300, offset=5.0)),
    ]
    for name, a, b in pairs_of_numbers() + extra:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = ks_2samp(rows_of(a), rows_of(b), method="auto")
        p, note = float(result.pvalue), None
        if caught:
            # Rounding took the exact law above one. Only a p of one may hide behind that.
            assert "Exact calculation unsuccessful" in str(caught[0].message) and abs(p - 1.0) < 1e-9, name
            note = "the exact law of the reference exceeds one by rounding, so it takes the limit law, which is one here too"
        cases.append(case(name, {"reference": a, "current": b}, {"value": float(result.statistic), "p_value": p},
                          {"value": 1e-9, "p_value": 1e-6}, {"p_value": 1e-290} if p < TINY_P else None, note))
    write("ks.json", {
        "statistic": "ks",
        "function": "scipy.stats.ks_2samp(reference, current, method='auto')",
        "version": "scipy " + version("scipy"),
        "definition": "exact law if both sizes are at most 10,000, else kstwo.sf(D, round_half_even(nm/(n+m)))",
    }, cases)


def ks_law():
    from scipy.stats import kstwo

    # Around every switch of the reference: n d at 0.5, 1 and n - 1; d at 0.5; n d^2 at 0.754693, 2.2, 4 and 370;
    # n at 140; n d^1.5 at 1.4.
    grid = [
        (1, [0.4, 0.6, 1.0]), (2, [0.2, 0.3, 0.9]), (5, [0.15, 0.3, 0.45, 0.5, 0.85]),
        (10, [0.0500001, 0.08, 0.2, 0.27, 0.28, 0.41]), (50, [0.015, 0.12, 0.13, 0.28, 0.29, 0.6]),
        (100, [0.05, 0.1, 0.19, 0.21, 0.45, 0.99]), (140, [0.07, 0.08, 0.165, 0.17, 0.3]),
        (141, [0.004, 0.08, 0.12, 0.13, 0.3]), (1000, [0.012, 0.013, 0.03, 0.046, 0.048, 0.2, 0.5]),
        (5000, [0.004, 0.0043, 0.01, 0.02, 0.022, 0.15, 0.25, 0.273]), (100000, [0.0005, 0.0046, 0.0048, 0.03]),
        (1000000, [0.001, 0.01]),
    ]
    cases = []
    for n, distances in grid:
        for d in distances:
            p, relative, note = float(kstwo.sf(d, n)), 1e-6, None
            if n <= 100000 and p > 1e-6:
                exact = exact_ks_law(n, d)
                error = abs(p / exact - 1)
                if error > 3e-7:
                    # Room for the reference and for the exact law alike.
                    relative = float(f"{3 * error:.0e}")
                    note = f"the reference is an approximation here; the exact law gives {exact:.10g}"
                close(f"n = {n}, d = {d}", p, exact, 2e-5)
            cases.append(case(f"n = {n}, d = {d}", {"inputs": {"n": n, "d": d}}, {"p_value": p}, {"p_value": relative},
                              {"p_value": 1e-290} if p < TINY_P else None, note))
    write("ks_law.json", {
        "statistic": "ks_law", "function": "scipy.stats.kstwo.sf(d, n)", "version": "scipy " + version("scipy"),
        "definition": "the chance that the largest distance between the distribution function and that of n draws is at least d",
    }, cases)


def exact_ks_law(n, d):
    """The chance that D_n >= d, from the counts that a sorted sample may have at each place (Pomeranz 1974).

    Every term is positive, so the chance of the opposite is right to about 13 digits.
    """
    if d <= 0.5 / n:
        return 1.0
    if d >= 1.0:
        return 0.0
    places = sorted({t for j in range(n + 1) for t in (j / n - d, j / n + d) if 0.0 < t < 1.0} | {1.0})
    log_factorials = np.array([math.lgamma(i + 1.0) for i in range(n + 1)])
    weights, first, last, log_scale = np.array([1.0]), 0, 0.0, 0.0
    for t in places:
        mean, last = n * (t - last), t
        k = np.arange(min(n + 1, int(mean + 12.0 * math.sqrt(mean) + 30.0)))
        weights = np.convolve(weights, np.exp(k * math.log(mean) - mean - log_factorials[: len(k)]))
        # Between j/n - d and j/n + d the count is j or more to the right, j - 1 or less to the left.
        low = n if t == 1.0 else max(0, math.floor(n * (t - d) + 1e-9) + 1)
        high = n if t == 1.0 else min(n, math.ceil(n * (t + d) - 1e-9) - 1)
        weights = weights[low - first : high - first + 1]
        first = low
        largest = weights.max(initial=0.0)
        if largest == 0.0:
            return 1.0
        weights, log_scale = weights / largest, log_scale + math.log(largest)
    return 1.0 - float(weights[0]) * math.exp(log_scale - (n * math.log(n) - n - math.lgamma(n + 1.0)))


def wasserstein():
    from scipy.stats import wasserstein_distance

    cases = []
    for name, a, b in pairs_of_numbers():
        x, y = rows_of(a), rows_of(b)
        value = float(wasserstein_distance(x, y))
        if len(x) * len(y) <= 40000:
            close(name, value, exact_wasserstein(x, y), 1e-11)
        expected, tolerance = {"value": value}, {"value": 1e-9}
        spread = exact_moments(x)[1]
        if spread > 0:
            expected["over_sd"] = value / root(spread)
            tolerance["over_sd"] = 1e-9
        cases.append(case(name, {"reference": a, "current": b}, expected, tolerance))
    write("wasserstein.json", {
        "statistic": "wasserstein", "function": "scipy.stats.wasserstein_distance(reference, current)",
        "version": "scipy " + version("scipy"),
        "definition": "over_sd is value divided by the standard deviation (ddof 0) of the reference, taken from exact rational sums; it is absent if the reference is constant",
    }, cases)


def exact_wasserstein(x, y):
    """The area between the two distribution functions as a rational."""
    points = sorted(set(x) | set(y))
    total, i, j = Fraction(0), 0, 0
    x, y = sorted(x), sorted(y)
    for left, right in zip(points, points[1:]):
        while i < len(x) and x[i] <= left:
            i += 1
        while j < len(y) and y[j] <= left:
            j += 1
        total += abs(Fraction(i, len(x)) - Fraction(j, len(y))) * (Fraction(right) - Fraction(left))
    return total


def cramer_von_mises():
    from scipy.stats import cramervonmises_2samp

    cases = []
    for name, a, b in pairs_of_numbers():
        x, y = rows_of(a), rows_of(b)
        if min(len(x), len(y)) < 2 or len(set(x + y)) == 1:
            continue
        result = cramervonmises_2samp(x, y)
        statistic, p = float(result.statistic), float(result.pvalue)
        exact = max(len(x), len(y)) <= 20
        expected, tolerance, note = {"value": statistic}, {"value": 1e-8}, None
        if exact or p >= 1e-6:
            expected["p_value"], tolerance["p_value"] = p, 1e-9 if exact else 1e-6
        else:
            note = "p is below 1e-6, where the reference stops its series: no p_value"
        cases.append(case(name, {"reference": a, "current": b}, expected, tolerance, None, note))
    write("cramer_von_mises.json", {
        "statistic": "cramer_von_mises", "function": "scipy.stats.cramervonmises_2samp(reference, current, method='auto')",
        "version": "scipy " + version("scipy"),
        "definition": "exact law if both sizes are at most 20, else the limit law; all values equal is left out, because the reference then gives p = 0.0096",
    }, cases)


# ---------------------------------------------------------------- counts


def drawn_counts(seed, k, top, power=1):
    """`k` counts from 1 to `top`, skewed towards small ones by `power`."""
    return [1 + math.floor(top * u) for u in generated(seed, k, None, power, 1.0, 0.0)]


def moved(seed, counts, factor, spread):
    """`counts` times `factor`, each changed by up to `spread` of itself, and at least 0."""
    return [math.floor(c * factor * (1.0 + spread * (2.0 * u - 1.0)) + 0.5) for c, u in zip(counts, splitmix64(seed, len(counts)))]


def tables():
    """Count tables: (name, reference, current, names of the categories or None)."""
    letters = lambda n: [chr(ord("a") + i) for i in range(n)]
    rare = [1] * 30
    twenty, skewed = drawn_counts(301, 20, 500), drawn_counts(303, 20, 5000, 3)
    hundred, many = drawn_counts(305, 100, 1000), drawn_counts(307, 300, 300, 3)
    return [
        ("ten points moved between two bins", [50, 50], [40, 60], None),
        ("equal shares of equal totals", [10, 20, 30], [10, 20, 30], None),
        ("equal shares of unequal totals", [1, 2, 3, 4], [100, 200, 300, 400], None),
        ("equal shares in thirds and sevenths", [1, 2, 4], [3, 6, 12], None),
        ("one row each, same category", [1, 0], [1, 0], None),
        ("one row each, different categories", [1, 0], [0, 1], None),
        ("wholly apart", [30, 20, 0, 0], [0, 0, 25, 25], letters(4)),
        ("a category that the reference has not seen", [60, 40, 0], [50, 40, 10], ["blue", "green", "violet"]),
        ("a category that is gone", [50, 40, 10], [60, 40, 0], ["blue", "green", "violet"]),
        ("gone and new at once", [40, 30, 30, 0], [45, 0, 35, 20], letters(4)),
        ("a category that neither window holds", [10, 0, 20], [20, 0, 10], letters(3)),
        ("the only category", [25], [40], ["all"]),
        ("three categories, a small change", [500, 300, 200], [480, 310, 210], None),
        ("three categories, a large change", [500, 300, 200], [200, 300, 500], None),
        ("unequal totals, a large change", [5000, 3000, 2000], [20, 30, 50], None),
        ("a hundred thousand rows against fifty", [60000, 30000, 9000, 1000], [28, 14, 6, 2], None),
        ("fifty rows against a hundred thousand", [28, 14, 6, 2], [60000, 30000, 9000, 1000], None),
        ("a rare category, one in a million", [999999, 1], [999990, 10], None),
        ("ten equal bins against a ramp", [100] * 10, [55, 65, 75, 85, 95, 105, 115, 125, 135, 145], None),
        ("ten equal bins against a ramp of a tenth of the rows", [1000] * 10, [55, 65, 75, 85, 95, 105, 115, 125, 135, 145], None),
        ("ten bins, three empty on one side or the other", [0, 12, 40, 80, 120, 80, 40, 12, 3, 0], [2, 0, 30, 70, 110, 95, 60, 22, 0, 1], None),
        ("twenty drawn bins", twenty, moved(302, twenty, 1.0, 0.2), None),
        ("twenty drawn bins, skewed", skewed, moved(304, skewed, 0.15, 0.3), None),
        ("a hundred drawn bins", hundred, moved(306, hundred, 2.0, 0.1), None),
        ("three hundred drawn bins, many of them empty in the smaller window", many, moved(308, many, 0.1, 0.5), None),
        ("thirty categories seen once each on one side", rare + [0] * 30, [0] * 30 + rare, None),
        ("counts of a billion, a change of one in a thousand", [1000000000, 1000000000], [1001000000, 999000000], None),
        ("counts of a billion, a change of one in a million", [1000000000, 1000000000], [1000001000, 999999000], None),
        ("counts up to 1e12", [10**12, 10**11, 10**10], [10**12, 10**11, 10**10 + 10**7], None),
        ("two categories, nearly all in one", [9990, 10], [9900, 100], None),
        ("a change so large that p is below the double range", [5000, 5000], [9900, 100], None),
        ("a change with p below 1e-100", [2000, 2000], [3000, 1000], None),
    ]


def row_tables():
    """Categories row by row: (name, reference, current)."""
    return [
        ("row by row, three colours", ["red"] * 5 + ["green"] * 3 + ["blue"] * 2, ["blue", "red", "green", "green", "red", "blue", "blue", "green"]),
        ("row by row, missing rows are dropped", ["x", None, "y", "x", "x", None, "y", "z"], [None, "z", "x", "y", "y", "z", None, None]),
        ("row by row, names that differ by case or space", ["a", "A", "a ", "a", "A"], ["A", "a ", "a ", "a", " a"]),
        ("row by row, names beyond ASCII and the empty name", ["ä", "ä", "日本", "", "z"], ["日本", "日本", "", "ä", "ö", "z"]),
        ("row by row, digits are names, not numbers", ["1", "10", "2", "1", "2", "2"], ["1", "1.0", "2", "10", "10", "01"]),
    ]


def table_cases():
    """All count tables as (name, inputs, reference counts, current counts)."""
    out = []
    for name, a, b, names in tables():
        inputs = {"categories": names} if names else {}
        inputs |= {"reference": C(a), "current": C(b)}
        out.append((name, inputs, a, b))
    for name, a, b in row_tables():
        inputs = {"reference": {"categories": a}, "current": {"categories": b}}
        out.append((name, inputs, *counts_of(inputs["reference"], inputs["current"])))
    return out


def without_empty(a, b):
    kept = [(x, y) for x, y in zip(a, b) if x + y > 0]
    return [x for x, _ in kept], [y for _, y in kept]


def same_shares(a, b):
    return all(x * sum(b) == y * sum(a) for x, y in zip(a, b))


def chi_square():
    from scipy.stats import chi2_contingency

    cases = []
    for name, inputs, a, b in table_cases():
        statistic, p, dof, v = homogeneity(chi2_contingency, name, a, b)
        absolute = {"p_value": 1e-290} if p < TINY_P else None
        if same_shares(a, b):
            absolute = {"value": 1e-9, "cramers_v": 1e-7}
        cases.append(case(name, inputs, {"value": statistic, "dof": dof, "p_value": p, "cramers_v": v},
                          {"value": 1e-9, "dof": 0, "p_value": 1e-8, "cramers_v": 1e-9}, absolute))
    write("chi_square.json", {
        "statistic": "chi_square", "function": "scipy.stats.chi2_contingency([reference, current], correction=False)",
        "version": "scipy " + version("scipy"),
        "definition": "categories that neither window holds are dropped first; cramers_v = sqrt(value / (n + m)) for a table of two rows",
    }, cases)


def homogeneity(chi2_contingency, name, a, b):
    a, b = without_empty(a, b)
    result = chi2_contingency([a, b], correction=False)
    total = sum(a) + sum(b)
    exact = Fraction(0)
    for side in (a, b):
        for own, both in zip(side, [x + y for x, y in zip(a, b)]):
            mean = Fraction(both * sum(side), total)
            exact += (own - mean) ** 2 / mean
    statistic = float(result.statistic) if exact else 0.0
    close(name, statistic, exact, 1e-10)
    return statistic, float(result.pvalue), int(result.dof), root(Fraction(statistic) / total)


def jensen_shannon():
    from scipy.spatial.distance import jensenshannon

    cases = []
    for name, inputs, a, b in table_cases():
        value = float(jensenshannon(a, b))
        cases.append(distance_case(name, inputs, value, exact_jensen_shannon(a, b)))
    write("jensen_shannon.json", {
        "statistic": "jensen_shannon", "function": "scipy.spatial.distance.jensenshannon(reference, current)",
        "version": "scipy " + version("scipy"), "base": "e",
        "definition": "the distance, which is the square root of the divergence, in natural units",
    }, cases)


def distance_case(name, inputs, value, exact):
    """A distance that ends in a square root loses half its digits near zero, so its tolerance widens there."""
    if exact == 0.0:
        assert abs(value) < 1e-7, name
        return case(name, inputs, {"value": 0.0}, {"value": 1e-9}, {"value": 1e-7})
    # An error of 1e-16 in the divergence is one of 1e-16 / (2 value) in the distance.
    relative = 1e-9 if exact > 1e-3 else 1e-6 if exact > 3e-5 else 1e-3
    absolute = 1e-8 if exact < 3e-5 else 0.0
    close(name, value, exact, relative, absolute)
    return case(name, inputs, {"value": value}, {"value": relative}, {"value": absolute} if absolute else None)


def exact_jensen_shannon(a, b):
    """The distance with 50 digits, rounded once."""
    with localcontext() as context:
        context.prec = 50
        n, m = Decimal(sum(a)), Decimal(sum(b))
        total = Decimal(0)
        for x, y in zip(a, b):
            p, q = x / n, y / m
            middle = (p + q) / 2
            for share in (p, q):
                if share:
                    total += share * (share / middle).ln()
        return 0.0 if same_shares(a, b) else float((total / 2).sqrt())


def hellinger():
    cases = []
    for name, inputs, a, b in table_cases():
        p, q = np.array(a) / sum(a), np.array(b) / sum(b)
        value = float(np.sqrt(max(0.0, 1.0 - np.sum(np.sqrt(p * q)))))
        cases.append(distance_case(name, inputs, value, exact_hellinger(a, b)))
    write("hellinger.json", {
        "statistic": "hellinger", "function": "numpy.sqrt(max(0, 1 - numpy.sum(numpy.sqrt(p * q))))",
        "version": "numpy " + version("numpy"),
        "definition": "p and q are the shares of the categories; checked against the same formula with 50 digits",
    }, cases)


def exact_hellinger(a, b):
    with localcontext() as context:
        context.prec = 50
        n, m = Decimal(sum(a)), Decimal(sum(b))
        overlap = sum(((x / n) * (y / m)).sqrt() for x, y in zip(map(Decimal, a), map(Decimal, b)))
        return 0.0 if same_shares(a, b) else float((1 - overlap).sqrt())


def psi():
    cases = []
    for name, inputs, a, b in table_cases():
        kept_a, kept_b = without_empty(a, b)
        with localcontext() as context:
            context.prec = 50
            filled_a = [Decimal(x) or Decimal("0.5") for x in kept_a]
            filled_b = [Decimal(y) or Decimal("0.5") for y in kept_b]
            n, m = sum(filled_a), sum(filled_b)
            value = sum(((y / m - x / n) * ((y / m) / (x / n)).ln() for x, y in zip(filled_a, filled_b)), Decimal(0))
            value = 0.0 if same_shares(a, b) else float(value)
        if 0 not in kept_a + kept_b and value:
            p, q = np.array(kept_a) / float(n), np.array(kept_b) / float(m)
            close(name, float(np.sum((q - p) * np.log(q / p))), value, 1e-9)
        # (q - p) is a difference of shares near one, so its error is about 1e-16 / |q - p|.
        relative = 1e-9 if value > 1e-10 else 1e-6
        cases.append(case(name, inputs, {"value": value}, {"value": relative}, None if value else {"value": 1e-12}))
    write("psi.json", {
        "statistic": "psi", "function": "sum((q - p) * ln(q / p)) over the categories",
        "version": "closed form with 50 digits, rounded once; numpy " + version("numpy") + " agrees where no count is 0",
        "definition": "categories with 0 in both windows are dropped; a count of 0 is then 0.5; p = reference count / total of the reference counts, halves included, so that shares add up to one; q likewise from current; natural logarithm",
    }, cases)


def two_proportions():
    from scipy.stats import chi2_contingency

    pairs = [
        ("ten errors of a hundred against twenty", (10, 100), (20, 100)),
        ("the same error rate, equal sizes", (15, 100), (15, 100)),
        ("the same error rate, unequal sizes", (3, 30), (100, 1000)),
        ("errors fall", (300, 1000), (240, 1000)),
        ("a small rise in large windows", (10000, 100000), (10300, 100000)),
        ("no errors against one", (0, 50), (1, 50)),
        ("no errors against fifty", (0, 50), (50, 50)),
        ("all wrong against half wrong", (40, 40), (20, 40)),
        ("one row each, right then wrong", (0, 1), (1, 1)),
        ("one row against a hundred thousand", (1, 1), (10000, 100000)),
        ("fifty rows against a hundred thousand, doubled rate", (10000, 100000), (10, 50)),
        ("a hundred thousand rows against fifty, the other way round", (10, 50), (10000, 100000)),
        ("thirty and thirty rows, the least that a test may take", (6, 30), (12, 30)),
        ("rare errors, one in ten thousand doubled", (100, 1000000), (200, 1000000)),
        ("rare successes", (999900, 1000000), (999800, 1000000)),
        ("p near five percent", (100, 1000), (128, 1000)),
        ("p below 1e-45", (1000, 10000), (1700, 10000)),
        ("p below 1e-180", (1000, 10000), (2550, 10000)),
        ("p below the double range", (1000, 100000), (30000, 100000)),
        ("p near one", (1000, 10000), (1001, 10001)),
        ("sizes 700 and 1,900", (77, 700), (250, 1900)),
        ("a billion rows, a change of one in a million", (100000000, 1000000000), (100001000, 1000000000)),
        ("seven of nine against two of eleven", (7, 9), (2, 11)),
        ("half against half less one row", (500, 1000), (499, 1000)),
    ]
    cases = []
    for name, (e, n), (f, m) in pairs:
        a, b = [e, n - e], [f, m - f]
        statistic, p, dof, _ = homogeneity(chi2_contingency, name, a, b)
        difference = float(Fraction(f, m) - Fraction(e, n))
        absolute = {"value": 1e-9} if same_shares(a, b) else {"p_value": 1e-290} if p < TINY_P else None
        # Large windows with close shares: the difference of two shares keeps fewer digits.
        cases.append(case(name, {"reference": C(a), "current": C(b)},
                          {"value": statistic, "p_value": p, "difference": difference},
                          {"value": 1e-8, "p_value": 1e-8, "difference": 1e-9}, absolute))
    write("two_proportions.json", {
        "statistic": "two_proportions", "function": "scipy.stats.chi2_contingency([reference, current], correction=False)",
        "version": "scipy " + version("scipy"),
        "definition": "counts are [wrong, right]; value is chi-square with one degree of freedom, which is the pooled z squared; difference is the current share of wrong rows less the reference share",
    }, cases)


# ---------------------------------------------------------------- one sample


def one_samples():
    return [
        ("one value", V([2.5])),
        ("two values", V([1, 2])),
        ("three values, unsorted", V([3, 1, 2])),
        ("ten steps", V(range(10))),
        ("eleven steps", V(range(11))),
        ("negative and positive", V([-7, -3.5, -1, 2, 4.25, 9])),
        ("ties", V([1, 1, 1, 2, 2, 3, 3, 3, 3, 9])),
        ("a constant", V([4.2] * 12)),
        ("tenths, which doubles cannot hold", V([i / 10 for i in range(1, 13)])),
        ("missing values are dropped", V([None, 5, None, 1, 3, None])),
        ("values near 1e15 with a spread of one", V([1e15 + d / 8 for d in range(9)])),
        ("values near -1e15 with a spread of one", V([-1e15 - d / 8 for d in (0, 1, 1, 2, 3, 5, 8)])),
        ("heavy tails", V(cauchy(101, 1.0, 2.0))),
        ("magnitudes from 1e-100 to 1e100", V([1e-100, 1e-50, 1.0, 1e50, 1e100])),
        ("one outlier", V([1.0] * 49 + [1e6])),
        ("a thousand uniform", G(401, 1000)),
        ("a thousand and one cubed", G(402, 1001, power=3, scale=100)),
        ("five levels", G(403, 5000, levels=5, scale=5, offset=1)),
        ("ten thousand near 1e15", G(404, 10000, offset=1e15)),
        ("ten thousand near 1e9, spread one", G(405, 10000, offset=1e9)),
        ("two hundred thousand uniform", G(406, 200000, scale=2, offset=3)),
        ("two hundred thousand squared", G(407, 200000, power=2, scale=1000, offset=-100)),
        ("two hundred thousand near 1e15", G(408, 200000, scale=1, offset=1e15)),
        ("the largest seed", G(MASK, 1000)),
        ("seed zero", G(0, 1000)),
    ]


def quantile():
    probabilities = [0.0, 0.001, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.6, 0.75, 0.9, 0.99, 0.999, 1.0]
    cases = []
    for name, sample in one_samples():
        values = rows_of(sample)
        found = [float(v) for v in np.quantile(values, probabilities, method="linear")]
        ordered = [Fraction(v) for v in sorted(values)]
        for p, got in zip(probabilities, found):
            at = (len(values) - 1) * Fraction(p)
            low = math.floor(at)
            high = min(low + 1, len(values) - 1)
            close(f"{name} at {p}", got, ordered[low] + (at - low) * (ordered[high] - ordered[low]), 1e-11)
        cases.append(case(name, {"sample": sample, "probabilities": probabilities}, {"quantiles": found}, {"quantiles": 1e-10}))
    write("quantile.json", {
        "statistic": "quantile", "function": "numpy.quantile(sample, probabilities, method='linear')",
        "version": "numpy " + version("numpy"),
        "definition": "linear between the sorted values at floor((n - 1) p) and the next one (rule R-7)",
    }, cases)


def moments():
    cases = []
    for name, sample in one_samples():
        values = rows_of(sample)
        mean, variance = (float(v) for v in exact_moments(values))
        far = variance > 0.0 and abs(mean) > 1e12 * math.sqrt(variance)
        if not far:
            close(name, float(np.mean(values)), mean, 1e-12)
            close(name, float(np.var(values)), variance, 1e-8, 1e-24)
        note, of_mean = None, 1e-12
        if far:
            of_mean = 2.5e-16  # Two steps between neighbouring doubles.
            note = f"numpy.mean gives {float(np.mean(values))!r} and numpy.var {float(np.var(values))!r}"
        if variance == 0.0:
            absolute = {"variance": 1e-24}
        else:
            absolute = None
        cases.append(case(name, {"sample": sample}, {"rows": len(values), "mean": mean, "variance": variance},
                          {"rows": 0, "mean": of_mean, "variance": 1e-8}, absolute, note))
    write("moments.json", {
        "statistic": "moments", "function": "numpy.mean(sample), numpy.var(sample, ddof=0)",
        "version": "exact rational sums, rounded once; numpy " + version("numpy") + " agrees except near 1e15, where a note gives its numbers",
    }, cases)


# ---------------------------------------------------------------- p-values, probabilities


def benjamini_hochberg():
    from scipy.stats import false_discovery_control

    lists = [
        ("one p-value", [0.03]),
        ("two p-values", [0.01, 0.04]),
        ("two p-values, falling", [0.04, 0.01]),
        ("two equal p-values", [0.02, 0.02]),
        ("the fifteen of Benjamini and Hochberg (1995)", [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]),
        ("all one", [1.0] * 6),
        ("all zero", [0.0] * 4),
        ("zero among others", [0.5, 0.0, 0.2, 0.9]),
        ("one small among many large", [0.001] + [0.5 + i / 100 for i in range(40)]),
        ("a later one pulls an earlier one down", [0.01, 0.02, 0.021, 0.022, 0.9]),
        ("all just below one", [0.97, 0.98, 0.99, 0.999]),
        ("very small", [1e-300, 1e-200, 1e-100, 1e-50, 1e-10, 0.5]),
        ("ties in groups, unsorted", [0.2, 0.01, 0.2, 0.01, 0.05, 0.05, 0.2, 0.9, 0.01]),
        ("subnormal", [5e-324, 1e-310, 0.1]),
        ("rising by steps of one fiftieth", [i / 50 for i in range(1, 51)]),
        ("falling by steps of one fiftieth", [i / 50 for i in range(50, 0, -1)]),
        ("a hundred uniform", splitmix64(501, 100)),
        ("two hundred, a fifth of them cubed", [u * u * u if i % 5 == 0 else u for i, u in enumerate(splitmix64(502, 200))]),
        ("three hundred in ten levels", [math.floor(u * 10.0) / 10.0 for u in splitmix64(503, 300)]),
    ]
    cases = []
    for name, p_values in lists:
        adjusted = [float(v) for v in false_discovery_control(p_values, method="bh")]
        # Twelve digits hold for normal numbers; a product of subnormal ones has fewer.
        absolute = {"adjusted": 1e-320} if name == "subnormal" else None
        cases.append(case(name, {"inputs": {"p_values": p_values}}, {"adjusted": adjusted}, {"adjusted": 1e-12}, absolute))
    write("benjamini_hochberg.json", {
        "statistic": "benjamini_hochberg", "function": "scipy.stats.false_discovery_control(p_values, method='bh')",
        "version": "scipy " + version("scipy"), "definition": "adjusted p-values in the order of the input",
    }, cases)


def brier():
    from sklearn.metrics import brier_score_loss

    def S(*segments):
        return {"stream": list(segments)}

    pairs = [
        ("sure and right", V([1, 0, 1, 0]), V([1, 0, 1, 0])),
        ("sure and wrong", V([1, 0, 1]), V([0, 1, 0])),
        ("always one half", V([1, 0, 0, 1, 1]), V([0.5] * 5)),
        ("one row", V([1]), V([0.9])),
        ("one row, wrong", V([0]), V([0.9])),
        ("four rows", V([0, 1, 1, 0]), V([0.1, 0.9, 0.8, 0.3])),
        ("only negatives", V([0, 0, 0]), V([0.1, 0.2, 0.3])),
        ("only positives", V([1, 1, 1]), V([0.1, 0.2, 0.3])),
        ("tenths, which doubles cannot hold", V([0, 1] * 5), V([i / 10 for i in range(1, 11)])),
        ("nearly perfect", V([1, 0, 1, 0]), V([1 - 1e-9, 1e-9, 1 - 1e-9, 1e-9])),
        ("very small probabilities, one of them wrong", V([0, 0, 1]), V([1e-300, 1e-12, 1e-12])),
        ("calibrated, a thousand rows", S(P(601, 1000, 0.3)), V([0.3] * 1000)),
        ("a thousand uniform scores, labels unrelated", S(P(602, 1000, 0.5)), G(603, 1000)),
        ("a thousand scores in ten levels", S(P(604, 1000, 0.2)), G(605, 1000, levels=10)),
        ("ten thousand squared scores", S(P(606, 10000, 1 / 3)), G(607, 10000, power=2)),
        ("two hundred thousand rows", S(P(608, 200000, 0.05)), G(609, 200000, power=3)),
        ("labels that turn half way", S(P(610, 5000, 0.1), P(611, 5000, 0.6)), G(612, 10000, scale=0.2)),
        ("labels and scores of the same generator", S(P(613, 20000, 0.4)), G(613, 20000)),
    ]
    cases = []
    for name, labels, probabilities in pairs:
        y, p = rows_of(labels), rows_of(probabilities)
        value = float(brier_score_loss(y, p, pos_label=1, labels=[0, 1]))
        # The reference also forms 1 - p for each row, which costs digits if every row is nearly perfect.
        relative = 1e-6 if name == "nearly perfect" else 1e-9
        close(name, value, sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(p, y)) / len(y), relative / 10)
        shown = {"labels": labels, "probabilities": probabilities}
        if set(p) == {0.3} and len(p) == 1000:
            shown["probabilities"] = G(601, 1000, scale=0.0, offset=0.3)
        cases.append(case(name, shown, {"rows": len(y), "value": value}, {"rows": 0, "value": relative}))
    write("brier.json", {
        "statistic": "brier", "function": "sklearn.metrics.brier_score_loss(labels, probabilities)",
        "version": "scikit-learn " + version("scikit-learn"),
        "definition": "the mean over rows of (probability - label) squared, labels 0 or 1",
    }, cases)


# ---------------------------------------------------------------- streams


def ramp(seed, rows, start, end, steps):
    """A gradual change: `steps` segments whose probabilities go from `start` to `end`."""
    return [P(seed + i, rows, round(start + (end - start) * i / (steps - 1), 6)) for i in range(steps)]


def streams():
    """Streams that every stream detector is run on: (name, segments)."""
    return [
        ("ten thousand rows without drift at one tenth", [P(701, 10000, 0.1)]),
        ("fifty thousand rows without drift at one half", [P(702, 50000, 0.5)]),
        ("twenty thousand rows without drift at one hundredth", [P(703, 20000, 0.01)]),
        ("all zeros", [P(704, 3000, 0.0)]),
        ("all ones", [P(705, 3000, 1.0)]),
        ("nine rows", [P(706, 9, 0.5)]),
        ("one tenth jumps to two tenths", [P(707, 3000, 0.1), P(708, 3000, 0.2)]),
        ("two tenths jump to four tenths", [P(709, 3000, 0.2), P(710, 3000, 0.4)]),
        ("four tenths fall to one tenth", [P(711, 3000, 0.4), P(712, 3000, 0.1)]),
        ("zeros, then ones", [P(713, 1000, 0.0), P(714, 1000, 1.0)]),
        ("ones, then zeros", [P(715, 1000, 1.0), P(716, 1000, 0.0)]),
        ("up, down and up again", [P(717, 4000, 0.1), P(718, 4000, 0.5), P(719, 4000, 0.2), P(720, 4000, 0.7)]),
        ("a slow rise over ten thousand rows", [P(721, 3000, 0.1), *ramp(722, 500, 0.11, 0.4, 20), P(750, 5000, 0.4)]),
        ("a slow fall over ten thousand rows", [P(751, 3000, 0.6), *ramp(752, 500, 0.59, 0.2, 20), P(780, 5000, 0.2)]),
        ("fifty thousand rows that change every five thousand", [P(781 + i, 5000, [0.1, 0.3][i % 2]) for i in range(10)]),
        ("an early change at row 100", [P(795, 100, 0.1), P(796, 4900, 0.8)]),
        ("a short burst of errors", [P(797, 5000, 0.05), P(798, 60, 0.95), P(799, 5000, 0.05)]),
        ("real values without drift", [R(801, 20000, 1.0, 0.0)]),
        ("real values whose mean rises by a tenth", [R(802, 5000, 1.0, 0.0), R(803, 5000, 1.0, 0.1)]),
        ("real values whose mean falls by a fifth", [R(804, 5000, 1.0, 0.0), R(805, 5000, 1.0, -0.2)]),
        ("real values whose spread alone doubles", [R(806, 5000, 1.0, 0.0), R(807, 5000, 2.0, -0.5)]),
        ("real values in hundreds", [R(808, 4000, 100.0, 500.0), R(809, 4000, 100.0, 520.0)]),
        ("real values below zero", [R(810, 4000, 3.0, -10.0), R(811, 4000, 3.0, -9.0), R(812, 4000, 3.0, -11.0)]),
    ]


def stream_file(file, header, make, parameter_sets):
    """Runs every stream with the defaults, and every other parameter set on the streams it names."""
    by_name = dict(streams())
    runs = [(name, {}, name) for name in by_name]
    for label, parameters, names in parameter_sets:
        runs += [(f"{name}, {label}", parameters, name) for name in names]
    cases = []
    for name, parameters, stream in runs:
        detector = make(**parameters)
        detections = []
        rows = streamed(by_name[stream])
        for i, x in enumerate(rows):
            detector.update(x)
            if detector.drift_detected:
                detections.append(i)
        cases.append({"name": name, "parameters": parameters, "sample": {"stream": by_name[stream]},
                      "expected": {"rows": len(rows), "detections": detections},
                      "tolerance": {"rows": 0, "detections": 0}})
    write(file, header, cases)


def adwin():
    from river.drift import ADWIN

    jump, fall, steady = "two tenths jump to four tenths", "four tenths fall to one tenth", "fifty thousand rows without drift at one half"
    burst, real, many = "a short burst of errors", "real values whose mean rises by a tenth", "fifty thousand rows that change every five thousand"
    stream_file("adwin.json", {
        "statistic": "adwin", "function": "river.drift.ADWIN(**parameters), update row by row",
        "version": "river " + version("river"),
        "defaults": {"delta": 0.002, "clock": 32, "max_buckets": 5, "min_window_length": 5, "grace_period": 10},
        "definition": "detections are the rows, counted from 0, after whose update drift_detected is true; the detector starts anew on the next row",
    }, ADWIN, [
        ("delta 0.3", {"delta": 0.3}, [jump, steady, many]),
        ("delta 1e-6", {"delta": 1e-6}, [jump, real]),
        ("clock 1", {"clock": 1}, [jump, fall, burst]),
        ("clock 100", {"clock": 100}, [jump, many]),
        ("two buckets a row", {"max_buckets": 2}, [jump, real]),
        ("ten buckets a row", {"max_buckets": 10}, [jump, real]),
        ("sides of at least fifty rows", {"min_window_length": 50}, [burst, fall]),
        ("grace of a thousand rows", {"grace_period": 1000}, [burst, many]),
        ("all five changed", {"delta": 0.05, "clock": 7, "max_buckets": 3, "min_window_length": 20, "grace_period": 100}, [jump, fall, real, many]),
    ])


def page_hinkley():
    from river.drift import PageHinkley

    jump, fall, steady = "two tenths jump to four tenths", "four tenths fall to one tenth", "ten thousand rows without drift at one tenth"
    turns, real, below = "up, down and up again", "real values in hundreds", "real values below zero"
    stream_file("page_hinkley.json", {
        "statistic": "page_hinkley", "function": "river.drift.PageHinkley(**parameters), update row by row",
        "version": "river " + version("river"),
        "defaults": {"min_instances": 30, "delta": 0.005, "threshold": 50.0, "alpha": 0.9999, "mode": "both"},
        "definition": "detections are the rows, counted from 0, after whose update drift_detected is true; the detector starts anew on the next row; the largest falling sum starts at -1, the smallest rising sum at infinity",
    }, PageHinkley, [
        ("upwards only", {"mode": "up"}, [turns, fall]),
        ("downwards only", {"mode": "down"}, [turns, fall]),
        ("threshold 10", {"threshold": 10.0}, [steady, jump, turns]),
        ("threshold 5000", {"threshold": 5000.0}, [real]),
        ("delta 0.1", {"delta": 0.1}, [jump, below]),
        ("no forgetting", {"alpha": 1.0}, [jump, fall]),
        ("fast forgetting", {"alpha": 0.99, "threshold": 5.0}, [jump, turns]),
        ("after five hundred rows", {"min_instances": 500}, [turns, real]),
        ("all changed", {"min_instances": 100, "delta": 0.02, "threshold": 20.0, "alpha": 0.999, "mode": "up"}, [turns, below]),
    ])


# ---------------------------------------------------------------- NannyML


def nannyml():
    import pandas as pd
    from nannyml.chunk import CountBasedChunker
    from nannyml.drift.univariate.methods import (
        CategoricalHellingerDistance, CategoricalJensenShannonDistance, LInfinityDistance)
    from nannyml.thresholds import ConstantThreshold

    def run(method, a, b, largest):
        """NannyML works on rows, so counts are written out; None if there would be too many rows."""
        if "counts" in a:
            if sum(a["counts"]) + sum(b["counts"]) > largest:
                return None
            width = len(str(len(a["counts"])))
            rows = [[f"{i:0{width}}" for i, c in enumerate(s["counts"]) for _ in range(c)] for s in (a, b)]
        else:
            rows = [a["categories"], b["categories"]]
        fitted = method(chunker=CountBasedChunker(1), threshold=ConstantThreshold(upper=0.1))
        fitted.fit(pd.Series(rows[0], name="feature", dtype=object))
        return float(fitted.calculate(pd.Series(rows[1], name="feature", dtype=object)))

    def cases_of(method, finish):
        cases = []
        for name, inputs, a, b in table_cases():
            value = run(method, inputs["reference"], inputs["current"], 2_200_000)
            if value is not None:
                cases.append(finish(name, inputs, value, a, b))
        return cases

    def l_infinity(name, inputs, value, a, b):
        exact = max(abs(Fraction(x, sum(a)) - Fraction(y, sum(b))) for x, y in zip(a, b))
        if exact == 0:
            return case(name, inputs, {"value": 0.0}, {"value": 1e-9}, {"value": 1e-12})
        close(name, value, exact, 1e-9)
        return case(name, inputs, {"value": value}, {"value": 1e-9})

    def jensen_shannon_base_2(name, inputs, value, a, b):
        return distance_case(name, inputs, value, exact_jensen_shannon(a, b) / math.sqrt(math.log(2)))

    def hellinger_rows(name, inputs, value, a, b):
        return distance_case(name, inputs, value, exact_hellinger(a, b))

    stated = "nannyml " + version("nannyml")
    how = "fitted on the reference rows, calculated on the current rows; missing rows are dropped; tables of more than 2,200,000 rows are left out"
    write("l_infinity.json", {
        "statistic": "l_infinity", "function": "nannyml LInfinityDistance, categorical", "version": stated,
        "definition": "the largest |p - q| over all categories of either window; " + how,
    }, cases_of(LInfinityDistance, l_infinity))
    write("nannyml_jensen_shannon.json", {
        "statistic": "jensen_shannon", "function": "nannyml CategoricalJensenShannonDistance", "version": stated, "base": 2,
        "definition": "a distance with natural logarithms equals this one times sqrt(ln 2); unseen categories share one bin, which leaves the distance as it is; " + how,
    }, cases_of(CategoricalJensenShannonDistance, jensen_shannon_base_2))
    write("nannyml_hellinger.json", {
        "statistic": "hellinger", "function": "nannyml CategoricalHellingerDistance", "version": stated,
        "definition": "sqrt(sum((sqrt(p) - sqrt(q))^2) / 2); unseen categories share one bin, which leaves the distance as it is; " + how,
    }, cases_of(CategoricalHellingerDistance, hellinger_rows))


def main():
    group = sys.argv[1] if len(sys.argv) == 2 else ""
    if group not in PINS:
        raise SystemExit("usage: make.py scipy | make.py nannyml")
    for package, pinned in PINS[group].items():
        if version(package) != pinned:
            raise SystemExit(f"{package} {pinned} is wanted, {version(package)} is installed")
    if group == "nannyml":
        warnings.simplefilter("ignore")
        nannyml()
        return
    # The published first outputs of SplitMix64 from 1234567.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert splitmix64(1234567, 3) == [(z >> 11) * 2.0**-53 for z in known]
    warnings.simplefilter("error")  # A silent change of method would make a case say less than it seems to.
    for make in (ks, ks_law, wasserstein, cramer_von_mises, chi_square, jensen_shannon, hellinger, psi,
                 two_proportions, quantile, moments, benjamini_hochberg, brier, adwin, page_hinkley):
        make()


if __name__ == "__main__":
    main()
