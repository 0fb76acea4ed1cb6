"""The whole comparison with Evidently's preset: Wasserstein of 20 numeric columns, Jensen-Shannon of 5
categorical ones. `compare_evidently.py REFERENCE_ROWS CURRENT_ROWS`."""

import pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from measure import Measured, rows, sizes


def dataset(columns):
    frame = pandas.DataFrame(columns)
    names = [name for name in frame if name.startswith("c")]
    frame[names] = frame[names].astype("category")
    numeric = [name for name in frame if name.startswith("x")]
    return Dataset.from_pandas(frame, DataDefinition(numerical_columns=numeric, categorical_columns=names))


def main():
    reference_rows, current_rows = sizes()
    reference, current = dataset(rows(1, reference_rows, 0.0)), dataset(rows(2, current_rows, 0.01))
    with Measured():
        Report([DataDriftPreset()]).run(current, reference)


main()
