"""Checks the monthly files and prints the statistics in README.md.

1. March split at random into two halves, many times: nothing should drift.
2. Every month against March.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

HERE = Path(__file__).parent
CATEGORIES = ["carrier", "origin", "destination", "weekday", "late", "late_predicted"]
LOSSES = ["error", "squared_error", "residual", "absolute_residual"]
SPLITS = 400
LEVEL = 0.05


def read(month):
    """A month; only an empty field is missing, so codes such as "NA" stay text."""
    table = pd.read_csv(
        HERE / f"2013-{month:02}.csv.gz", keep_default_na=False, na_values=[""]
    )
    late = table["late"] == "late"
    table["error"] = (table["late"] != table["late_predicted"]).astype(float)
    table["squared_error"] = (table["late_probability"] - late) ** 2
    table["residual"] = table["arrival_delay"] - table["delay_predicted"]
    table["absolute_residual"] = table["residual"].abs()
    return table


def columns(table):
    """Features, truths and predictions."""
    skipped = {"flight_id", "scheduled_at", *LOSSES}
    return [name for name in table.columns if name not in skipped]


def chi_square(a, b):
    """Test of homogeneity; categories expected less than 5 times are pooled."""
    counts = pd.crosstab(
        np.repeat([0, 1], [len(a), len(b)]), np.concatenate([a, b])
    ).to_numpy()
    smallest = min(len(a), len(b)) / (len(a) + len(b))
    rare = counts.sum(axis=0) * smallest < 5
    if rare.any():
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    result = stats.chi2_contingency(counts, correction=False)
    return np.sqrt(result.statistic / counts.sum()), result.pvalue


def drift(a, b, name):
    """Statistic and p-value: Cramér's V or the two-sample KS distance."""
    if name in CATEGORIES:
        return chi_square(a[name].to_numpy(), b[name].to_numpy())
    result = stats.ks_2samp(a[name].dropna(), b[name].dropna(), method="asymp")
    return result.statistic, result.pvalue


def losses(a, b, name):
    """Means, their difference in standard errors, and the p-value (Welch)."""
    result = stats.ttest_ind(b[name], a[name], equal_var=False)
    return a[name].mean(), b[name].mean(), result.statistic, result.pvalue


def by_day(a, b, name):
    """Difference of means in standard errors that let a day's flights depend."""
    variance = 0.0
    for table in (a, b):
        mean = table[name].mean()
        day = table["scheduled_at"].str[:10]
        sums = (table[name] - mean).groupby(day).sum()
        days = len(sums)
        variance += (sums**2).sum() / len(table) ** 2 * days / (days - 1)
    return (b[name].mean() - a[name].mean()) / np.sqrt(variance)


def auc(table):
    late = table["late"] == "late"
    ranks = stats.rankdata(table["late_probability"])
    n, m = late.sum(), (~late).sum()
    return (ranks[late].sum() - n * (n + 1) / 2) / (n * m)


def no_drift(march):
    names = columns(march)
    tested = names + LOSSES
    found = []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(march))
        a = march.iloc[order[: len(march) // 2]]
        b = march.iloc[order[len(march) // 2 :]]
        found.append(
            [drift(a, b, name)[1] for name in names]
            + [losses(a, b, name)[3] for name in LOSSES]
        )
    found = pd.DataFrame(found, columns=tested)
    print(f"March against itself, {SPLITS} random splits")
    print("column, share of p < 0.05, median p, KS distance of p from uniform")
    for name in tested:
        p = found[name]
        uniform = stats.kstest(p, "uniform").statistic
        print(f"  {name:27} {(p < LEVEL).mean():.3f} {p.median():.2f} {uniform:.3f}")
    for label, part in (("data and prior", names), ("losses", LOSSES)):
        adjusted = found[part].apply(
            lambda row: stats.false_discovery_control(row).min(), axis=1
        )
        share = (adjusted <= LEVEL).mean()
        print(f"  Benjamini-Hochberg at 5% rejects any of {label}: {share:.3f}")
    print("First five splits, smallest p and smallest adjusted p of the columns")
    for seed in range(5):
        row = found.loc[seed, names]
        smallest = stats.false_discovery_control(row.astype(float)).min()
        print(f"  {seed}: {row.min():.3f} {smallest:.3f}; error {found.error[seed]:.2f}")


def between(march, july):
    names = columns(march)
    rows = [drift(march, july, name) for name in names]
    adjusted = stats.false_discovery_control([p for _, p in rows])
    print("March against July: statistic, p, adjusted p, missing share of both")
    for name, (statistic, p), q in zip(names, rows, adjusted):
        gaps = f"{march[name].isna().mean():.4f} {july[name].isna().mean():.4f}"
        means = ""
        if name not in CATEGORIES:
            means = f"  means {march[name].mean():.4g} {july[name].mean():.4g}"
        print(f"  {name:27} {statistic:.3f} {p:9.2g} {q:9.2g}  {gaps}{means}")
    print("March, July, difference in standard errors, p; standard errors by day")
    for name in LOSSES:
        a, b, z, p = losses(march, july, name)
        print(
            f"  {name:27} {a:.4f} {b:.4f} {z:.1f} {p:.2g}; "
            f"{by_day(march, july, name):.1f}"
        )


def months(tables):
    march = tables[3]
    print("Each month, and its drift from March")
    for month, table in tables.items():
        late = (table["late"] == "late").mean()
        predicted = (table["late_predicted"] == "late").mean()
        found = (table.loc[table["late"] == "late", "late_predicted"] == "late").mean()
        line = (
            f"  2013-{month:02} late {late:.3f} predicted {predicted:.3f} "
            f"found {found:.3f} "
            f"probability {table['late_probability'].mean():.3f} "
            f"error {table['error'].mean():.3f} "
            f"Brier {table['squared_error'].mean():.3f} AUC {auc(table):.3f} "
            f"residual {table['residual'].mean():.1f} "
            f"absolute {table['absolute_residual'].mean():.1f} "
            f"temperature {table['temperature'].mean():.1f} "
            f"predictions {table['delay_predicted'].mean():.1f}"
        )
        if month != 3:
            line += f"; error z {losses(march, table, 'error')[2]:.1f}"
            line += f", Brier z {losses(march, table, 'squared_error')[2]:.1f}"
        print(line)


def integrity(tables):
    everything = pd.concat(tables.values())
    assert everything["flight_id"].is_unique
    for month, table in tables.items():
        instants = pd.to_datetime(table["scheduled_at"], utc=True)
        assert instants.is_monotonic_increasing
        assert table["scheduled_at"].str.startswith(f"2013-{month:02}").all()
        assert table["late_probability"].between(0, 1).all()
        assert ((table["arrival_delay"] >= 15) == (table["late"] == "late")).all()
        assert table["late"].nunique() == table["late_predicted"].nunique() == 2
    gaps = everything.isna().sum()
    print(f"{len(everything)} rows, {everything['destination'].nunique()} destinations")
    print(f"missing: {gaps[gaps > 0].to_dict()}")


def main():
    tables = {month: read(month) for month in range(1, 13)}
    integrity(tables)
    no_drift(tables[3])
    between(tables[3], tables[7])
    months(tables)


if __name__ == "__main__":
    main()
