"""Makes the golden cases of performance without labels and of label shift: cbpe, calibration, dle and label_shift.

It runs on the pins of NannyML (requirements-nannyml.txt): `make_unlabelled.py`. Nothing here uses a clock or a random source of its own:
the same pins give the same bytes. NannyML's data sets (Apache-2.0) stand in the cases as counts of equal rows.
"""

import math
import os
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd

from make import PINS, case, close, splitmix64, write

warnings.filterwarnings("ignore")
os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # It would tell its makers of every run.

TOLERANCE = 1e-9
FIGURES = {"accuracy": "accuracy", "f1": "f1", "precision": "precision", "recall": "recall",
           "specificity": "specificity", "roc_auc": "auroc"}


def uniforms(seed, rows):
    return np.array(splitmix64(seed, rows))


# ---------------------------------------------------------------- classifiers


def binary(seed, rows, power, threshold):
    """Scores, predictions and labels: a row is positive with chance score ** power."""
    scores = uniforms(seed, rows)
    chance = scores
    for _ in range(power - 1):
        chance = chance * scores
    truth = (uniforms(seed + 1, rows) < chance).astype(int)
    return pd.DataFrame({"p": scores, "said": (scores > threshold).astype(int), "truth": truth})


def many(seed, rows, classes, power):
    """Shares of uniform numbers as probabilities; labels are drawn with chances of their powers."""
    raw = np.array([uniforms(seed + k, rows) for k in range(classes)])
    total = raw[0]
    for k in range(1, classes):
        total = total + raw[k]
    p = raw / total
    weight = p
    for _ in range(power - 1):
        weight = weight * p
    total = weight[0]
    for k in range(1, classes):
        total = total + weight[k]
    draw = uniforms(seed + classes, rows) * total
    truth, passed = np.full(rows, classes - 1), np.zeros(rows)
    for k in range(classes - 1):
        passed = passed + weight[k]
        truth = np.where((draw < passed) & (truth == classes - 1), k, truth)
    frame = pd.DataFrame({f"p{k}": p[k] for k in range(classes)})
    frame["said"] = [f"c{k}" for k in np.argmax(p, axis=0)]
    frame["truth"] = [f"c{k}" for k in truth]
    return frame


def counted(frame, columns):
    """Equal rows with their number: [value of each column, rows]."""
    grouped = frame.groupby(columns).size()
    return [[*(v.item() if hasattr(v, "item") else v for v in (key if isinstance(key, tuple) else (key,))), int(n)]
            for key, n in grouped.items()]


def uncounted(rows, columns):
    return pd.DataFrame([row[:-1] for row in rows for _ in range(row[-1])], columns=columns)


def cbpe(reference, current, probabilities, kind):
    import nannyml as nml

    reference = reference.assign(period="reference").reset_index(drop=True)
    estimator = nml.CBPE(problem_type=kind, y_pred_proba=probabilities, y_pred="said", y_true="truth",
                         metrics=list(FIGURES), chunk_number=10)
    estimator.fit(reference)
    thresholds = {f"{name}_lower": float(metric.lower_threshold_value)
                  for metric in estimator.metrics for name in [FIGURES[metric.name]]}
    whole = nml.CBPE(problem_type=kind, y_pred_proba=probabilities, y_pred="said", y_true="truth",
                     metrics=list(FIGURES), chunk_number=1)
    whole.fit(reference)
    result = whole.estimate(current.drop(columns="truth", errors="ignore")).filter(period="analysis").to_df()
    values = {ours: float(result[(theirs, "value")].iloc[0]) for theirs, ours in FIGURES.items()}
    if kind == "classification_binary":
        calibrated = [bool(whole.needs_calibration)]
    else:
        calibrated = [type(c).__name__ != "NoopCalibrator" for c in whole._calibrators.values()]
    return values, thresholds, calibrated


def cbpe_cases():
    import nannyml as nml

    out = []
    for power in (1, 2, 3):
        for threshold in (0.5, 0.7):
            for rows in (400, 3000):
                n = {"seed": 100 * power + rows, "rows": 4000, "power": power, "threshold": threshold}
                m = {"seed": 100 * power + rows + 50, "rows": rows, "power": power, "threshold": threshold}
                values, lower, calibrated = cbpe(binary(**n), binary(**m), "p", "classification_binary")
                what = "are true" if power == 1 else f"should be their power of {power}"
                out.append(case(f"scores {what}, threshold {threshold}, {rows} rows",
                                {"inputs": {"shape": "binary", "reference": n, "current": m, "calibrated": calibrated}},
                                {**values, **lower},
                                dict.fromkeys([*values, *lower], TOLERANCE)))
    for power in (1, 2):
        for classes in (3, 4):
            n = {"seed": 9000 + 10 * power, "rows": 3000, "classes": classes, "power": power}
            m = {"seed": 9500 + 10 * power, "rows": 1200, "classes": classes, "power": power}
            columns = {f"c{k}": f"p{k}" for k in range(classes)}
            values, lower, calibrated = cbpe(many(**n), many(**m), columns, "classification_multiclass")
            what = "true" if power == 1 else "not true"
            out.append(case(f"{classes} classes, probabilities are {what}",
                            {"inputs": {"shape": "multiclass", "reference": n, "current": m, "calibrated": calibrated}},
                            {**values, **lower},
                            dict.fromkeys([*values, *lower], TOLERANCE)))
    reference, analysis, _ = nml.load_synthetic_car_loan_dataset()
    name = {"y_pred_proba": "p", "y_pred": "said", "repaid": "truth"}
    reference, analysis = reference.rename(columns=name), analysis.rename(columns=name)
    for first in (0, 25_000, 45_000):
        n = counted(reference, ["p", "said", "truth"])
        m = counted(analysis[first:first + 5000], ["p", "said"])
        values, _, calibrated = cbpe(uncounted(n, ["p", "said", "truth"]), uncounted(m, ["p", "said"]), "p",
                                     "classification_binary")
        out.append(case(f"car loans, rows {first} to {first + 5000}",
                        {"inputs": {"shape": "counted", "reference": n, "current": m, "calibrated": calibrated}},
                        {**values}, dict.fromkeys(values, TOLERANCE)))
    header = {"statistic": "cbpe", "function": "nannyml.CBPE(..., chunk_number=1), thresholds with chunk_number=10",
              "version": "nannyml 0.13.1"}
    write("cbpe.json", header, out)


# ---------------------------------------------------------------- calibration


def calibration_cases():
    from nannyml.calibration import _calculate_expected_calibration_error, _get_bin_index_edges
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import brier_score_loss

    out = []
    for rows in (25, 100, 1000, 20_000):
        for power in (1, 2, 3):
            for levels in (None, 20):
                if rows == 20_000 and levels:
                    continue
                seed = 7 * rows + power
                p = uniforms(seed, rows)
                if levels:
                    p = np.floor(p * float(levels)) / float(levels)
                chance = p
                for _ in range(power - 1):
                    chance = chance * p
                y = (uniforms(seed + 1, rows) < chance).astype(float)
                slope = 1.0 - 2.0 * p
                z = float(np.sum((y - p) * slope) / np.sqrt(np.sum(slope**2 * p * (1.0 - p))))
                fitted = IsotonicRegression(out_of_bounds="clip").fit(p, y)
                points = [0.0, 0.05, 0.123, 0.4, 0.5, 0.77, 0.9, 1.0]
                expected = {"brier": float(brier_score_loss(y, p)), "spiegelhalter_z": z,
                            "isotonic": [float(v) for v in fitted.predict(points)]}
                tolerance = {"brier": 1e-12, "spiegelhalter_z": TOLERANCE, "isotonic": TOLERANCE}
                if levels is None:
                    edges = _get_bin_index_edges(rows, 10)
                    expected["calibration_error"] = float(_calculate_expected_calibration_error(y, p, edges))
                    tolerance["calibration_error"] = TOLERANCE
                ties = f", {levels} levels" if levels else ""
                out.append(case(f"{rows} rows, chance is the power of {power}{ties}",
                                {"inputs": {"seed": seed, "rows": rows, "power": power, "levels": levels, "points": points}},
                                expected, tolerance, absolute=1e-15))
    header = {"statistic": "calibration",
              "function": "sklearn brier_score_loss, sklearn IsotonicRegression, nannyml.calibration, numpy for z",
              "definition": "z = sum (y - p)(1 - 2p) / sqrt(sum (1 - 2p)^2 p (1 - p)), Spiegelhalter 1986",
              "version": f"nannyml 0.13.1, scikit-learn {version('scikit-learn')}"}
    write("calibration.json", header, out)


# ---------------------------------------------------------------- loss of a regressor


def regression(seed, rows, low, high):
    """An error whose spread grows with c, which lies in [low, high]; a and b make the prediction, d is noise."""
    a, b = uniforms(seed, rows), uniforms(seed + 1, rows)
    c = low + (high - low) * uniforms(seed + 2, rows)
    said = 10.0 * a + 5.0 * b
    spread = 0.5 + 4.0 * c * c
    error = spread * (2.0 * uniforms(seed + 3, rows) - 1.0)
    return pd.DataFrame({"a": a, "b": b, "c": c, "d": uniforms(seed + 4, rows), "said": said, "truth": said + error})


def dle_cases():
    import nannyml as nml

    reference = {"seed": 31, "rows": 6000, "low": 0.0, "high": 1.0}
    estimator = nml.DLE(feature_column_names=["a", "b", "c", "d"], y_pred="said", y_true="truth",
                        metrics=["mae", "mse", "rmse"], chunk_number=1)
    estimator.fit(regression(**reference))
    out = []
    for at in range(16):
        low = at / 20.0
        current = {"seed": 1000 + 10 * at, "rows": 1000, "low": low, "high": low + 0.25}
        frame = regression(**current)
        result = estimator.estimate(frame.drop(columns="truth")).filter(period="analysis").to_df()
        error = (frame.truth - frame.said).to_numpy()
        expected = {"realized_mae": float(np.mean(np.abs(error))), "realized_mse": float(np.mean(error**2)),
                    "realized_rmse": float(np.sqrt(np.mean(error**2)))}
        # What NannyML estimates: LightGBM's trees are not ours, so these are held against ours by their errors alone.
        theirs = {f"nannyml_{m}": round(float(result[(m, "value")].iloc[-1]), 6) for m in ("mae", "mse", "rmse")}
        out.append(case(f"c between {low} and {low + 0.25}", {"inputs": {"reference": reference, "current": current}},
                        {**expected, **theirs}, dict.fromkeys(expected, 1e-9)))
    header = {"statistic": "dle", "function": "nannyml.DLE(..., metrics=['mae', 'mse', 'rmse'])", "version": "nannyml 0.13.1"}
    write("dle.json", header, out)


# ---------------------------------------------------------------- label shift


def black_box(confusions, predictions):
    """Least squares on the simplex, by trying every set of classes that may be present; variances by the delta method."""
    confusions, predictions = np.array(confusions, float), np.array(predictions, float)
    totals, rows = confusions.sum(axis=1), predictions.sum()
    matrix = (confusions / totals[:, None]).T
    said = predictions / rows
    size, best = len(said), (math.inf, None)
    for bits in range(1, 1 << size):
        present = [k for k in range(size) if bits >> k & 1]
        m = matrix[:, present]
        # Minimise |m w - said|^2 with sum w = 1: the Lagrange system.
        left = np.block([[m.T @ m, np.ones((len(present), 1))], [np.ones((1, len(present))), np.zeros((1, 1))]])
        w = np.linalg.lstsq(left, np.append(m.T @ said, 1.0), rcond=None)[0][:-1]
        if (w >= -1e-12).all():
            square = float(np.sum((m @ w - said) ** 2))
            if square < best[0] - 1e-15:
                full = np.zeros(size)
                full[present] = np.maximum(w, 0.0)
                best = (square, full)
    shares = best[1]
    inverse = np.linalg.inv(matrix)
    cov = (np.diag(said) - np.outer(said, said)) / rows
    for j in range(size):
        column = matrix[:, j]
        cov = cov + shares[j] ** 2 * (np.diag(column) - np.outer(column, column)) / totals[j]
    return shares, np.diag(inverse @ cov @ inverse.T), float(np.linalg.cond(matrix))


def expectation_maximisation(reference, labels, current):
    size = reference.shape[1]
    rows = np.bincount(labels, minlength=size).astype(float)
    priors = rows / rows.sum()
    like, shares = current / priors, priors.copy()
    for _ in range(200_000):
        posterior = like * shares
        posterior /= posterior.sum(axis=1, keepdims=True)
        following = posterior.mean(axis=0)
        moved = np.abs(following - shares).max()
        shares = following
        if moved < 1e-15:
            break
    t = like / (like @ shares)[:, None]
    information = t.T @ t / len(t)
    v = np.cov(t.T, bias=True) / len(t)
    back = reference / priors
    back = back / (back @ shares)[:, None]
    for k in range(size):
        v = v + shares[k] ** 2 * np.cov(back[labels == k].T, bias=True) / rows[k]
    plane = np.vstack([np.eye(size - 1), -np.ones(size - 1)])
    inner = np.linalg.inv(plane.T @ information @ plane)
    full = plane @ inner @ plane.T
    return shares, np.diag(full @ v @ full.T)


def label_shift_cases():
    out = []
    tables = [
        ("two classes, told apart well", [[900, 100], [50, 450]], [400, 600]),
        ("two classes, few rows", [[40, 10], [5, 20]], [12, 30]),
        ("two classes, told apart badly", [[600, 400], [450, 550]], [480, 520]),
        ("two classes, no shift", [[900, 100], [50, 450]], [950, 550]),
        ("a share that would be negative", [[900, 100], [50, 450]], [995, 5]),
        ("a share that would pass one", [[800, 200], [100, 400]], [50, 950]),
        ("three classes", [[90, 5, 5], [10, 80, 10], [20, 10, 70]], [300, 300, 400]),
        ("three classes, one gone", [[90, 5, 5], [10, 80, 10], [20, 10, 70]], [800, 195, 5]),
        ("three classes, two gone", [[90, 5, 5], [10, 80, 10], [20, 10, 70]], [990, 5, 5]),
        ("four classes of unequal size", [[500, 20, 10, 5], [30, 300, 20, 10], [2, 5, 60, 3], [10, 10, 10, 100]], [100, 200, 300, 400]),
        ("five classes", [[50 if i == j else 5 + (i + j) % 3 for j in range(5)] for i in range(5)], [20, 90, 60, 70, 30]),
    ]
    for name, confusions, predictions in tables:
        shares, variances, condition = black_box(confusions, predictions)
        out.append(case(f"black box: {name}", {"inputs": {"confusions": confusions, "predictions": predictions}},
                        {"shares": [float(v) for v in shares], "variances": [float(v) for v in variances], "condition": condition},
                        {"shares": 1e-8, "variances": 1e-8, "condition": 1e-9}, absolute=1e-10))
    for classes in (2, 3, 4):
        for weights in ([1, 1, 1, 1], [4, 1, 1, 1], [1, 3, 6, 2]):
            n = {"seed": 500 + classes, "rows": 1500, "classes": classes, "power": 1}
            reference = many(**n)
            labels = np.array([int(v[1:]) for v in reference.truth])
            m = {"seed": 700 + classes, "rows": 3000, "classes": classes, "power": 1}
            frame = many(**m)
            now = np.array([int(v[1:]) for v in frame.truth])
            # Keeps row i of a class of weight w if i mod 6 is below w: the classes come in other shares.
            kept = [i for i in range(len(now)) if i % 6 < weights[now[i]]]
            columns = [f"p{k}" for k in range(classes)]
            q, r = frame[columns].to_numpy()[kept], reference[columns].to_numpy()
            shares, variances = expectation_maximisation(r, labels, q)
            true = np.bincount(now[kept], minlength=classes) / len(kept)
            close("EM", float(np.abs(shares - true).max()), 0.0, 0.0, 0.25)
            out.append(case(f"EM: {classes} classes, weights {weights[:classes]}",
                            {"inputs": {"reference": n, "current": m, "weights": weights[:classes]}},
                            {"em_shares": [float(v) for v in shares], "em_variances": [float(v) for v in variances]},
                            {"em_shares": 1e-7, "em_variances": 1e-6}, absolute=1e-9))
    header = {"statistic": "label_shift", "function": "numpy, see make_unlabelled.py",
              "definition": "Lipton, Wang & Smola 2018; Saerens, Latinne & Decaestecker 2002", "version": "numpy 1.26.4"}
    write("label_shift.json", header, out)


if __name__ == "__main__":
    for package, pin in PINS["nannyml"].items():
        if version(package) != pin:
            raise SystemExit(f"{package} is {version(package)}, the pin is {pin}")
    cbpe_cases()
    calibration_cases()
    dle_cases()
    label_shift_cases()
