"""Makes the golden case file of change points. README.md says how to run it.

The profile over cuts is half the G statistic that scipy gives for the two-by-K table of the rows before and after each cut.
"""

from importlib.metadata import version

import numpy as np
from scipy.stats import chi2_contingency

from make import case, splitmix64, write

for name, pin in {"numpy": "2.4.6", "scipy": "1.17.1"}.items():
    assert version(name) == pin, f"{name} {version(name)}, not {pin}"

# Hansen (2000), table I, rounded to 7.35 there: -2 ln(1 - sqrt(0.95)).
DROP = -2 * np.log(1 - np.sqrt(0.95))


def profile(reference, pieces):
    """The log-likelihood ratio at every cut, `None` where a side has no rows."""
    found = []
    for cut in range(len(pieces)):
        left = np.sum([reference] + pieces[:cut], axis=0)
        right = np.sum(pieces[cut:], axis=0)
        table = np.array([left, right], dtype=float)
        table = table[:, table.sum(axis=0) > 0]
        if left.sum() == 0 or right.sum() == 0:
            found.append(None)
        elif table.shape[1] == 1:
            found.append(0.0)
        else:
            found.append(chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic / 2)
    return found


def expected(reference, pieces):
    ratios = profile(reference, pieces)
    told = [r for r in ratios if r is not None]
    top = max(told)
    first = ratios.index(top)
    cut = next(i for i in range(first, len(pieces)) if sum(pieces[i]) > 0)
    inside = [i for i, r in enumerate(ratios) if r is not None and 2 * (top - r) <= DROP]
    # Nothing here may hang on the last bits.
    assert all(abs(2 * (top - r) - DROP) > 1e-6 for r in told)
    assert all(r == top or top - r > 1e-9 * top or i > first and sum(pieces[i - 1]) == 0 for i, r in enumerate(ratios) if r is not None)
    return {"cut": cut, "log_likelihood_ratio": top, "limit_low": inside[0], "limit_high": inside[-1]}


def drawn(seed, shares, rows):
    """Counts of rows whose uniform falls between the cumulated shares."""
    edges = np.cumsum(shares)[:-1]
    counts = np.zeros(len(shares), dtype=int)
    for u in splitmix64(seed, rows):
        counts[int(np.searchsorted(edges, u, side="right"))] += 1
    return [int(c) for c in counts]


def sequence(seed, before, after, cut, pieces, rows):
    return [drawn(seed + i, before if i < cut else after, rows) for i in range(pieces)]


def main():
    even, lean, ten, tilted = [0.5, 0.5], [0.6, 0.4], [0.1] * 10, [0.12, 0.08] * 5
    skewed, moved = [0.7, 0.2, 0.06, 0.03, 0.01], [0.6, 0.2, 0.1, 0.05, 0.05]
    none2, none10, none5 = [0, 0], [0] * 10, [0] * 5
    cases = [
        ("four pieces, on paper", none2, [[3, 1], [3, 1], [1, 3], [1, 3]]),
        ("the same, a thousand times the rows", none2, [[3000, 1000], [3000, 1000], [1000, 3000], [1000, 3000]]),
        ("two bins, a change in the middle", none2, sequence(100, even, lean, 10, 20, 100)),
        ("two bins, a change at the start", none2, sequence(200, even, lean, 2, 20, 100)),
        ("two bins, a change at the end", none2, sequence(300, even, lean, 18, 20, 100)),
        ("two bins, no change", none2, sequence(400, even, even, 10, 20, 100)),
        ("ten bins, neither side known", none10, sequence(500, ten, tilted, 12, 30, 200)),
        ("ten bins, from a reference", drawn(600, ten, 2000), sequence(601, ten, tilted, 12, 30, 200)),
        ("ten bins, all after the change", drawn(700, ten, 2000), sequence(701, ten, tilted, 0, 12, 200)),
        ("ten bins, the last piece alone", drawn(800, ten, 2000), sequence(801, ten, tilted, 11, 12, 400)),
        ("few rows in rare bins", none5, sequence(900, skewed, moved, 15, 30, 20)),
        ("rare bins and a reference", drawn(1000, skewed, 500), sequence(1001, skewed, moved, 15, 30, 20)),
        ("pieces of different sizes", none5, [drawn(1100 + i, skewed if i < 9 else moved, 10 * (1 + i * i % 17)) for i in range(25)]),
        ("empty pieces around the change", none5, [none5 if i in (0, 8, 9, 10, 19) else drawn(1200 + i, skewed if i < 10 else moved, 150) for i in range(20)]),
        ("a bin that appears", [500, 500, 0], [[50, 50, 0], [49, 51, 0], [45, 50, 5], [48, 44, 8]]),
        ("a bin that vanishes", [400, 400, 200], [[40, 41, 19], [50, 50, 0], [49, 51, 0]]),
        ("counts of a large service", none2, [[5_000_000_000, 5_000_000_000], [5_000_010_000, 4_999_990_000], [5_000_500_000, 4_999_500_000]]),
        ("a row a piece", none2, [[1, 0]] * 5 + [[0, 1], [1, 0]] + [[0, 1]] * 8),
    ]
    # scipy subtracts sums of terms as large as the counts, which leaves 1e-16 of them.
    written = [
        case(name, {"inputs": {"reference": reference, "pieces": pieces}}, found := expected(reference, pieces),
             {"cut": 0, "limit_low": 0, "limit_high": 0, "log_likelihood_ratio": 1e-10 if np.sum(pieces) < 1e8 else 1e-6})
        for name, reference, pieces in cases
    ]
    write("change_point.json", {
        "statistic": "change_point",
        "function": "scipy.stats.chi2_contingency([before, after], correction=False, lambda_='log-likelihood').statistic / 2 at every cut",
        "version": "scipy " + version("scipy"),
        "definition": "cut is the first piece after the likeliest change; limit_low and limit_high are the ends of the cuts whose 2 (max - ratio) is at most -2 ln(1 - sqrt(0.95)); "
                      "with more than two bins the function's interval holds that one",
    }, written)


main()
