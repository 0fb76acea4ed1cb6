"""How far did the middle of each column move? The ratio of trimmed means."""

from leeway_sdk import Detector, Metric, export, judge

TOLERANCE = 0.1  # A mean that moved by more than this share has drifted.
LEVELS = [percent / 100 for percent in range(10, 91)]


def trimmed_mean(column):
    """The mean between the 10% and the 90% quantile; None of a column without values."""
    values = column.quantiles(LEVELS)
    return sum(values) / len(values) if values else None


class TrimmedMeanRatio(Detector):
    name = "NAME"
    version = "0.1.0"
    summary = "Compares trimmed means."
    metrics = [Metric("trimmed_mean_ratio", "Trimmed mean over the reference's.", "two-sided")]

    def fit(self, reference, config, seed):
        return {column.name: trimmed_mean(column) for column in reference.columns()}

    def evaluate(self, means, current, config, seed):
        for column in current.columns():
            before, now = means.get(column.name), trimmed_mean(column)
            ratio = now / before if before and now is not None else None
            drifted = ratio is not None and abs(ratio - 1) > TOLERANCE
            threshold = 1 - TOLERANCE if ratio is not None and ratio < 1 else 1 + TOLERANCE
            yield judge("trimmed_mean_ratio", column, ratio, threshold, drifted)


Batch = export(TrimmedMeanRatio)
