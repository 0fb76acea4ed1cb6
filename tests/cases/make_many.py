"""Makes the golden case files of the detectors that look at many columns at once. README.md says how to run it.

`make_many.py scipy` writes the files whose numbers come from numpy, scipy or scikit-learn, `make_many.py nannyml` the one from NannyML.
Nothing here uses a clock or a random source of its own: the same pins give the same bytes.
"""

import math
import os
import sys
import warnings
from importlib.metadata import version

import numpy as np

from make import PINS, generated, splitmix64, write

# ---------------------------------------------------------------- tables


def U(seed, rows, levels=None, power=1, scale=1.0, offset=0.0):
    """One stream of the generator, see README.md."""
    return {"seed": seed, "rows": rows, "levels": levels, "power": power, "scale": float(scale), "offset": float(offset)}


def term(times, seed, rows, offset=0.0, **more):
    """A stream times a factor."""
    return {"times": float(times), "generate": U(seed, rows, offset=offset, **more)}


def bell(seed, rows, times=1.0):
    """Nearly a normal number times a factor: twelve streams, each less a half, of seeds a thousand apart."""
    return [{"times": float(times), "bell": seed, "rows": rows}]


def terms_of(sum_of):
    """A sum with every bell written out."""
    for one in sum_of:
        if "bell" in one:
            for k in range(12):
                yield one["times"], U(one["bell"] + 1000 * k, one["rows"], offset=-0.5)
        else:
            yield one["times"], one["generate"]


def number(name, terms, missing=None):
    """A column that is a sum of streams, each times a factor."""
    column = {"name": name, "sum": terms}
    return column | ({"missing": missing} if missing else {})


def names(name, stream, missing=None):
    """A column of names: `n` and the whole part of a stream."""
    column = {"name": name, "names_of": stream}
    return column | ({"missing": missing} if missing else {})


def gaps(seed, share):
    return {"seed": seed, "share": share}


def values_of(column):
    """The values of a column, None where one is missing. Sums go from left to right."""
    if "sum" in column:
        streams = [(times, generated(**stream)) for times, stream in terms_of(column["sum"])]
        values = []
        for row in range(len(streams[0][1])):
            x = 0.0
            for times, stream in streams:
                x = x + times * stream[row]
            values.append(x)
    else:
        values = [f"n{math.floor(x)}" for x in generated(**column["names_of"])]
    if "missing" in column:
        uniforms = splitmix64(column["missing"]["seed"], len(values))
        values = [None if u < column["missing"]["share"] else v for u, v in zip(uniforms, values)]
    return values


def matrix(table):
    return np.array([values_of(c) for c in table["columns"]], dtype=float).T


def table(*columns):
    return {"columns": list(columns)}


def normals(seed, rows, columns, shift=0.0, rho=0.0):
    """`columns` columns `x0`, `x1`, ..; the first moved by `shift`; the first two share a part: correlation `rho`."""
    made = []
    for at in range(columns):
        own = math.sqrt(1.0 - rho) if at < 2 else 1.0
        terms = bell(seed + 17 * (at + 1), rows, own)
        if at < 2 and rho > 0.0:
            terms += bell(seed, rows, math.sqrt(rho))
        if at == 0 and shift:
            terms += [term(1.0, seed, rows, scale=0.0, offset=shift)]
        made.append(number(f"x{at}", terms))
    return table(*made)


# ---------------------------------------------------------------- spearman


def spearman():
    from scipy.stats import spearmanr

    cases = []

    def add(name, x, y):
        a, b = values_of(x), values_of(y)
        r = float(spearmanr(a, b).statistic)
        cases.append({"name": name, "reference": table(x, y), "expected": {"r": r}, "tolerance": {"r": 1e-12}, "absolute": {"r": 1e-14}})

    for rows in (5, 20, 333):
        add(f"{rows} rows without dependence", number("x", bell(1, rows)), number("y", bell(2, rows)))
        add(f"{rows} rows that go together", number("x", bell(1, rows)), number("y", bell(1, rows) + bell(2, rows, 0.5)))
        add(f"{rows} rows against each other", number("x", bell(3, rows)), number("y", bell(3, rows, -1.0) + bell(4, rows, 0.2)))
    for levels in (2, 3, 10):
        add(f"{levels} values against a normal", number("x", [term(1.0, 5, 200, levels=levels)]), number("y", bell(6, 200)))
        add(f"{levels} values against as many", number("x", [term(1.0, 7, 200, levels=levels)]), number("y", [term(1.0, 8, 200, levels=levels), term(1.0, 7, 200, levels=levels)]))
    add("a long tail", number("x", [term(1.0, 9, 500, power=3)]), number("y", [term(1.0, 9, 500, power=2), term(0.1, 10, 500)]))
    add("the same twice", number("x", bell(11, 50)), number("y", bell(11, 50)))
    write("spearman.json", {"statistic": "spearman", "function": "scipy.stats.spearmanr(x, y)", "version": "scipy " + version("scipy")}, cases)


# ---------------------------------------------------------------- mmd


def mmd2(rows, n, scale):
    """Equation 3 of Gretton et al. (2012), written out."""
    squares = ((rows[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2)
    kernel = np.exp(-squares / scale)
    np.fill_diagonal(kernel, 0.0)
    m = len(rows) - n
    return kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1)) - 2.0 * kernel[:n, n:].mean(), kernel


def median_scale(rows):
    """alibi-detect: sigma = sqrt(median / 2), the lower median of the squared distances of different rows."""
    squares = ((rows[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2).flatten()
    n = len(rows)
    sigma = math.sqrt(0.5 * np.sort(squares)[n + (len(squares) - n) // 2 - 1])
    return 2.0 * sigma * sigma


def mmd():
    cases = []
    permutations = 20_000

    def add(name, reference, current):
        x, y = matrix(reference), matrix(current)
        rows, n = np.vstack([x, y]), len(x)
        scale = median_scale(x)
        value, kernel = mmd2(rows, n, scale)
        total, sums = kernel.sum(), kernel.sum(axis=1)
        m, random = len(y), np.random.default_rng(len(cases))
        reached = 0
        for _ in range(permutations // 500):
            z = np.zeros((len(rows), 500))
            for column in range(500):
                z[random.permutation(len(rows))[:n], column] = 1.0
            inside = (z * (kernel @ z)).sum(axis=0)
            between = sums @ z - inside
            outside = total - inside - 2.0 * between
            found = inside / (n * (n - 1)) + outside / (m * (m - 1)) - 2.0 * between / (n * m)
            reached += int((found >= value - 1e-12).sum())
        cases.append({
            "name": name, "reference": reference, "current": current,
            "expected": {"mmd_squared": value, "bandwidth": 0.5 * scale, "p_value": (reached + 1) / (permutations + 1)},
            "tolerance": {"mmd_squared": 1e-9, "bandwidth": 1e-9, "p_value": 0.0},
            "absolute": {"mmd_squared": 1e-13, "p_value": 0.03},
        })

    for columns in (1, 2, 5):
        for n, m in ((20, 20), (60, 30), (15, 80)):
            add(f"no drift, {columns} columns, {n} and {m} rows", normals(100, n, columns), normals(200, m, columns))
        add(f"a shift of half a deviation, {columns} columns", normals(100, 60, columns), normals(200, 50, columns, shift=0.5))
    add("correlation alone", normals(100, 80, 2), normals(200, 80, 2, rho=0.6))
    add("a shift of two deviations", normals(100, 30, 3), normals(200, 40, 3, shift=2.0))
    add("values of few levels", table(number("x", [term(1.0, 1, 40, levels=4, scale=4.0)])), table(number("x", [term(1.0, 2, 30, levels=5, scale=5.0)])))
    add("a long tail", table(number("x", [term(1.0, 1, 50, power=3, scale=1e6)])), table(number("x", [term(1.0, 2, 40, power=3, scale=1e6)])))
    write("mmd.json", {
        "statistic": "mmd", "function": "equation 3 of Gretton et al. (2012) written out in numpy; the bandwidth of alibi-detect 0.13.0",
        "definition": "kernel exp(-|x - y|^2 / (2 sigma^2)), 2 sigma^2 the lower median of the squared distances of the reference's rows; the p-value is (k + 1)/(B + 1) of 20,000 permutations",
        "version": "numpy " + version("numpy"),
    }, cases)


# ---------------------------------------------------------------- domain classifier


def domain_auc():
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    cases = []

    def add(name, reference, current, drifted):
        x, y = matrix(reference), matrix(current)
        rows = np.vstack([x, y])
        label = np.r_[np.zeros(len(x)), np.ones(len(y))]
        folds = StratifiedKFold(5, shuffle=True, random_state=1)
        squares = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        trees = GradientBoostingClassifier(max_depth=3, n_estimators=40, learning_rate=0.2, min_samples_leaf=10, random_state=1)
        scores = sum(cross_val_predict(model, rows, label, cv=folds, method="decision_function") for model in (squares, trees))
        auc = float(roc_auc_score(label, scores))
        n, m = len(x), len(y)
        z = (auc - 0.5) / math.sqrt((n + m + 1) / (12.0 * n * m))
        assert (z > 1.645 and auc > 0.55) == drifted, f"{name}: {auc} {z}"
        cases.append({
            "name": name, "reference": reference, "current": current,
            "expected": {"auc": auc, "drifted": 1.0 if drifted else 0.0},
            "tolerance": {"auc": 0.0, "drifted": 0.0}, "absolute": {"auc": 0.05},
        })

    for columns in (1, 3, 8):
        for n, m in ((1500, 1500), (2500, 1200)):
            add(f"no drift, {columns} columns, {n} and {m} rows", normals(100, n, columns), normals(200, m, columns), False)
        add(f"a shift of half a deviation, {columns} columns", normals(100, 1500, columns), normals(200, 1500, columns, shift=0.5), True)
        add(f"a shift of one deviation, {columns} columns", normals(100, 1000, columns), normals(200, 1500, columns, shift=1.0), True)
    add("correlation alone, 2 columns", normals(100, 2000, 2), normals(200, 2000, 2, rho=0.6), True)
    add("correlation alone, 4 columns", normals(100, 2000, 4), normals(200, 2000, 4, rho=0.6), True)
    add("a wider column", normals(100, 1500, 2), table(number("x0", bell(217, 1500, 1.6)), number("x1", bell(234, 1500))), True)
    write("domain_auc.json", {
        "statistic": "domain_auc",
        "function": "roc_auc_score of cross_val_predict: LogisticRegression on squares and products, and GradientBoostingClassifier of depth 3, log-odds added",
        "definition": "drifted: the area is above 0.55 and more than 1.645 standard errors (Mann & Whitney) above 0.5",
        "version": "scikit-learn " + version("scikit-learn"),
    }, cases)


# ---------------------------------------------------------------- pca reconstruction


def pca_reconstruction():
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # It would report to its makers.
    import pandas as pd
    from nannyml import DataReconstructionDriftCalculator

    cases = []

    def frame(of):
        columns = {}
        for column in of["columns"]:
            values = values_of(column)
            columns[column["name"]] = pd.Series([math.nan if v is None else v for v in values], dtype="float64" if "sum" in column else "object")
        return pd.DataFrame(columns)

    def add(name, reference, current):
        a, b = frame(reference), frame(current)
        calculator = DataReconstructionDriftCalculator(column_names=list(a.columns), chunk_number=10)
        calculator.fit(a)
        found = calculator.calculate(b).filter(period="analysis").to_df()["reconstruction_error"]
        # The sampling error of a chunk is the deviation of its rows' errors, divisor rows less one, over the root of the rows.
        error = (found["upper_confidence_boundary"] - found["value"]) / 3.0 if "sampling_error" not in found else found["sampling_error"]
        cases.append({
            "name": name, "reference": reference, "current": current,
            "expected": {"values": found["value"].tolist(), "sampling_errors": error.tolist(),
                         "lower": float(found["lower_threshold"].iloc[0]), "upper": float(found["upper_threshold"].iloc[0])},
            "tolerance": {"values": 1e-7, "sampling_errors": 1e-7, "lower": 1e-7, "upper": 1e-7},
        })

    def shared(seed, rows, columns, noise, missing=None):
        """Columns of one common part: a few components carry most of the variance."""
        return [number(f"x{k}", bell(seed, rows) + bell(seed + 31 * (k + 1), rows, noise * (k + 1)), gaps(seed + k, missing) if missing else None)
                for k in range(columns)]

    def kinds(seed, rows, missing=None):
        """Names of unequal frequency; not all levels are in every sample."""
        gap = gaps(seed + 9, missing) if missing else None
        return [names("k", U(seed + 3, rows, power=2, scale=6.0), gap), names("b", U(seed + 4, rows, scale=2.0))]

    for rows in (100, 205, 1000):
        add(f"three numbers of one part, {rows} rows", table(*shared(1, rows, 3, 0.3)), table(*shared(2, 100, 3, 0.3)))
        add(f"six numbers, {rows} rows", table(*shared(3, rows, 6, 0.4)), table(*shared(4, 60, 6, 0.7)))
        add(f"numbers and names, {rows} rows", table(*shared(5, rows, 4, 0.5), *kinds(5, rows)), table(*shared(6, 60, 4, 0.5), *kinds(6, 60)))
        add(f"missing numbers and names, {rows} rows", table(*shared(7, rows, 4, 0.5, 0.1), *kinds(7, rows, 0.15)), table(*shared(8, 60, 4, 0.5, 0.3), *kinds(8, 60, 0.3)))
        add(f"names alone, {rows} rows", table(*kinds(9, rows), names("c", U(11, rows, power=3, scale=9.0))), table(*kinds(10, 100), names("c", U(12, 100, scale=9.0))))
    add("a name that the reference never had", table(*shared(1, 200, 2, 0.5), names("k", U(3, 200, scale=3.0))), table(*shared(2, 50, 2, 0.5), names("k", U(4, 50, scale=5.0))))
    add("columns of very different scale", table(number("a", bell(1, 300, 1e9)), number("b", bell(1, 300, 1e-6) + bell(2, 300, 1e-6)), number("c", bell(3, 300))),
        table(number("a", bell(4, 100, 1e9)), number("b", bell(5, 100, 1e-6)), number("c", bell(6, 100))))
    add("a column that does not vary", table(*shared(1, 150, 3, 0.4), number("z", [term(1.0, 1, 150, scale=0.0, offset=7.0)])),
        table(*shared(2, 50, 3, 0.4), number("z", [term(1.0, 1, 50, scale=0.0, offset=8.0)])))
    add("ten numbers that have nothing in common", normals(50, 400, 10), normals(60, 100, 10))
    add("two columns that go together now", normals(50, 400, 10), normals(60, 100, 10, rho=0.6))
    write("pca_reconstruction.json", {
        "statistic": "pca_reconstruction", "function": "nannyml DataReconstructionDriftCalculator(chunk_number=10).fit(reference).calculate(current)",
        "version": "nannyml " + version("nannyml"),
        "definition": "values and sampling errors of ten chunks of the current rows; thresholds of the reference's ten chunks, with one more for what is left over",
    }, cases)


def main():
    group = sys.argv[1] if len(sys.argv) == 2 else ""
    if group not in PINS:
        raise SystemExit("usage: make_many.py scipy | make_many.py nannyml")
    for package, pinned in PINS[group].items():
        if version(package) != pinned:
            raise SystemExit(f"{package} {pinned} is wanted, {version(package)} is installed")
    if group == "nannyml":
        warnings.simplefilter("ignore")
        pca_reconstruction()
        return
    for make in (spearman, mmd, domain_auc):
        make()


if __name__ == "__main__":
    main()
