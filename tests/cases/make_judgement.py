"""Makes the golden case files of corrections for many columns and of data quality. README.md says how to run it.

`make_judgement.py corrections` writes holm.json and benjamini_yekutieli.json, `make_judgement.py quality` writes data_quality.json.
"""

import os
import sys
import warnings
from importlib.metadata import version

import numpy as np

from make import V, case, splitmix64, write

PINS = {
    "corrections": {"numpy": "2.4.6", "scipy": "1.17.1", "statsmodels": "0.15.0"},
    "quality": {"numpy": "1.26.4", "pandas": "2.2.3", "nannyml": "0.13.1"},
}


def lists():
    """The p-values of a run."""
    return [
        ("one p-value", [0.03]),
        ("two p-values", [0.01, 0.04]),
        ("two p-values, falling", [0.04, 0.01]),
        ("two equal p-values", [0.02, 0.02]),
        ("the fifteen of Benjamini and Hochberg (1995)", [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]),
        ("all one", [1.0] * 6),
        ("all zero", [0.0] * 4),
        ("zero among others", [0.5, 0.0, 0.2, 0.9]),
        ("one small among many large", [0.001] + [0.5 + i / 100 for i in range(40)]),
        ("an earlier one pulls a later one up", [0.01, 0.011, 0.012, 0.9]),
        ("very small", [1e-300, 1e-200, 1e-100, 1e-50, 1e-10, 0.5]),
        ("ties in groups, unsorted", [0.2, 0.01, 0.2, 0.01, 0.05, 0.05, 0.2, 0.9, 0.01]),
        ("subnormal", [5e-324, 1e-310, 0.1]),
        ("rising by steps of one fiftieth", [i / 50 for i in range(1, 51)]),
        ("a hundred uniform", splitmix64(501, 100)),
        ("two hundred, a fifth of them cubed", [u * u * u if i % 5 == 0 else u for i, u in enumerate(splitmix64(502, 200))]),
    ]


def corrections():
    from scipy.stats import false_discovery_control
    from statsmodels.stats.multitest import multipletests

    def cases(adjust):
        found = []
        for name, p_values in lists():
            adjusted = [float(p) for p in adjust(np.array(p_values))]
            # Twelve digits hold for normal numbers; a product of subnormal ones has fewer.
            absolute = {"adjusted": 1e-320} if name == "subnormal" else None
            found.append(case(name, {"inputs": {"p_values": p_values}}, {"adjusted": adjusted}, {"adjusted": 1e-12}, absolute))
        return found

    write("holm.json", {
        "statistic": "holm", "function": "statsmodels.stats.multitest.multipletests(p_values, method='holm')[1]",
        "version": "statsmodels " + version("statsmodels"), "definition": "adjusted p-values in the order of the input",
    }, cases(lambda p: multipletests(p, method="holm")[1]))

    def both(p):
        by, other = false_discovery_control(p, method="by"), multipletests(p, method="fdr_by")[1]
        assert np.allclose(by, other, rtol=1e-12, atol=0)
        return by

    write("benjamini_yekutieli.json", {
        "statistic": "benjamini_yekutieli", "function": "scipy.stats.false_discovery_control(p_values, method='by')",
        "version": "scipy " + version("scipy"), "definition": "adjusted p-values in the order of the input; statsmodels' fdr_by gives the same",
    }, cases(both))


def numbers(seed, rows, offset, scale, missing):
    """Numbers, every `missing`-th of them not there."""
    return [None if missing and i % missing == 0 else offset + scale * u for i, u in enumerate(splitmix64(seed, rows))]


def names(seed, rows, kinds, missing):
    return [None if missing and i % missing == 0 else "kind %d" % int(u * u * kinds) for i, u in enumerate(splitmix64(seed, rows))]


def quality():
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # Nothing here needs a network.
    import pandas as pd
    from nannyml.data_quality import MissingValuesCalculator, NumericalRangeCalculator, UnseenValuesCalculator

    def count(calculator, reference, current):
        frames = [pd.DataFrame({"x": rows}) for rows in (reference, current)]
        result = calculator(column_names=["x"], normalize=False, chunk_number=1).fit(frames[0]).calculate(frames[1])
        return int(result.filter(period="analysis").to_df()[("x", "value")].iloc[0])

    # Missing rows are in both windows: NannyML calls a missing name unseen where the reference has none.
    number_cases = [
        ("the same range", numbers(1, 100, 0, 1, 9), numbers(2, 100, 0, 1, 7)),
        ("moved up", numbers(3, 100, 0, 1, 10), numbers(4, 80, 0.5, 1, 3)),
        ("moved down", numbers(5, 100, 0, 1, 10), numbers(6, 80, -0.25, 1, 30)),
        ("wider", numbers(7, 120, 0, 1, 10), numbers(8, 120, -1, 3, 10)),
        ("narrower", numbers(9, 120, 0, 1, 10), numbers(10, 120, 0.25, 0.5, 50)),
        ("disjoint", numbers(11, 50, 0, 1, 10), numbers(12, 50, 10, 1, 10)),
        ("at the ends of the range, which are inside", [None, 1.0, 5.0] * 20, [None, 1.0, 5.0, 0.5, 5.5, 5.0000000001] * 10),
        ("one value", [None, 7.0] * 30, [None, 7.0, 7.5, 6.5] * 10),
        ("all missing now", numbers(13, 60, 0, 1, 6), [None] * 40),
        ("large numbers", numbers(14, 60, 1e15, 100, 8), numbers(15, 60, 1e15, 110, 8)),
    ]
    name_cases = [
        ("the same kinds", names(21, 60, 5, 9), names(22, 60, 5, 7)),
        ("more kinds", names(23, 60, 5, 9), names(24, 80, 9, 4)),
        ("fewer kinds", names(25, 60, 9, 9), names(26, 80, 3, 4)),
        ("many rare kinds", names(27, 80, 2000, 9), names(28, 80, 2000, 9)),
        ("a new kind in every row", ["a", None] * 30, ["new %d" % i for i in range(50)] + [None]),
        ("the empty name is a name", ["a", "", None] * 20, ["", "b", None, "a"] * 10),
        ("capitals and blanks tell names apart", ["a", "B", None] * 20, ["A", "b", " a", "a", None] * 8),
        ("letters beyond ASCII", ["é", "ß", None] * 20, ["é", "ss", "ß", "日本", None] * 8),
        ("all missing now", names(29, 60, 4, 6), [None] * 40),
    ]
    cases = []
    for name, reference, current in number_cases:
        expected = {"missing": count(MissingValuesCalculator, reference, current), "out_of_range": 0}
        if any(v is not None for v in current):
            expected["out_of_range"] = count(NumericalRangeCalculator, reference, current)
        cases.append(case("numbers: " + name, {"reference": V(reference), "current": V(current)}, expected, {"missing": 0, "out_of_range": 0}))
    for name, reference, current in name_cases:
        expected = {"missing": count(MissingValuesCalculator, reference, current),
                    "unseen": count(UnseenValuesCalculator, reference, current)}
        cases.append(case("names: " + name, {"reference": {"categories": reference}, "current": {"categories": current}}, expected, {"missing": 0, "unseen": 0}))
    write("data_quality.json", {
        "statistic": "data_quality", "function": "nannyml MissingValuesCalculator, UnseenValuesCalculator, NumericalRangeCalculator, normalize=False",
        "version": "nannyml " + version("nannyml"), "definition": "rows of the current window that are missing, of a name or outside the range that the reference does not have",
    }, cases)


def main():
    group = sys.argv[1] if len(sys.argv) == 2 else ""
    if group not in PINS:
        raise SystemExit("usage: make_judgement.py corrections | make_judgement.py quality")
    for package, pinned in PINS[group].items():
        if version(package) != pinned:
            raise SystemExit(f"{package} {pinned} is wanted, {version(package)} is installed")
    if group == "quality":
        warnings.simplefilter("ignore")
        quality()
    else:
        corrections()


if __name__ == "__main__":
    main()
