"""Takes each column row by row, and counts the answers of the host that differ from what is found in there."""

import math

from leeway_sdk import MISSING_CODE, Detector, Metric, export, judge


def near(one, other):
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def numeric(column):
    rows = column.numbers()
    values = sorted(value for value in rows if math.isfinite(value))
    yield len(rows) == column.rows
    yield sum(math.isnan(value) for value in rows) == column.missing
    moments = column.moments()
    yield moments.count == len(values)
    if not values:
        return
    if -1e100 < values[0] and values[-1] < 1e100:  # Beyond, sums overflow.
        yield near(moments.mean, math.fsum(values) / len(values))
    yield (moments.minimum, moments.maximum) == (values[0], values[-1])
    at = (len(values) - 1) / 2
    median = (values[math.floor(at)] + values[math.ceil(at)]) / 2
    yield near(column.quantiles([0.5])[0], median)
    below = sum(value <= median for value in values)
    yield near(column.cdf([median])[0], below / len(values))
    yield column.counts_in_bins([median]) == [below, len(values) - below]
    distinct, counts = column.distinct()
    yield list(distinct) == sorted(set(values)) and sum(counts) == len(values)


def categorical(column):
    codes, names = column.codes(), column.dictionary()
    found = {}
    for code in codes:
        if code != MISSING_CODE:
            found[names[code]] = found.get(names[code], 0) + 1
    yield len(codes) == column.rows
    yield sum(code == MISSING_CODE for code in codes) == column.missing
    counts, rest = column.category_counts()
    yield rest > 0 or {name: count for name, count in counts.items() if count} == found


class Rows(Detector):
    name = "rows-agree"
    version = "0.1.0"
    summary = "Holds the host's answers against the rows."
    accepts = ["numeric", "categorical"]
    needs = "rows"
    metrics = [Metric("disagreements", "Answers that differ from the rows.", "higher-is-drift", minimum=0)]

    def fit(self, reference, config, seed):
        return None

    def evaluate(self, nothing, current, config, seed):
        for column in current.columns():
            known = current.complete() and column.exact
            answers = numeric(column) if column.kind == "numeric" else categorical(column)
            wrong = sum(not right for right in answers) if known else 0
            yield judge("disagreements", column, wrong, 0, wrong > 0)


Batch = export(Rows)
