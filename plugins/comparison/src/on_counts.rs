//! Tests on counts: over bins, values or categories.

use std::rc::Rc;

use leeway_statistics::chi_square::chi_square;
use leeway_statistics::chi_squared::chi_squared_isf;
use leeway_statistics::counts::CountsError;
use leeway_statistics::dealt::{Binned, dealt_bins, dealt_categories};
use leeway_statistics::divergence_null as null;
use leeway_statistics::hellinger::hellinger;
use leeway_statistics::jensen_shannon::jensen_shannon;
use leeway_statistics::l_infinity::l_infinity;
use leeway_statistics::pool_sparse::{Pooled, pool_sparse};
use leeway_statistics::power::{POWER_QUANTILE, detectable_noncentrality};
use leeway_statistics::psi::psi;
use leeway_statistics::simulated_law::SimulatedLaw;
use leeway_statistics::two_proportions::two_proportions;

use crate::Test;
use crate::finding::{Finding, Law, finite, scaled};

/// Expected rows of a cell below which it is put together with others (Cochran 1954).
const EXPECTED_MIN: f64 = 5.0;
/// Expected rows of every category from which the large-sample laws of the divergences hold: their error falls as one over this.
const EXPECTED_LARGE: f64 = 100.0;
/// Part of the level that goes to cells so rare that even together they are below the least.
const RARE_LEVEL: f64 = 0.2;
/// Random tables behind a p-value: with few cells; at least, with many.
const REPEATS_MAX: usize = 1999;
const REPEATS_MIN: usize = 499;
/// Random tables that are looked at first. Where so many of them are at least as far apart as the windows, the p-value is above a quarter,
/// and more tables would only say so again (Besag & Clifford 1991): every p-value below that is still one of all tables.
const REPEATS_FIRST: usize = 399;
const FARTHER_ENOUGH: usize = 100;
/// Cells that are drawn for a p-value, as far as that leaves enough tables: some 20 ms.
const CELLS_DRAWN: usize = 200_000;

/// The counts of both windows over the same cells.
pub(crate) struct Table {
    pub(crate) reference: Vec<f64>,
    pub(crate) current: Vec<f64>,
    /// The cells are quantile bins of the reference, and one more of missing values, the last.
    pub(crate) binned: bool,
}

/// What a test on counts can say.
pub(crate) enum OnCounts {
    Tested(Finding),
    /// Every cell is too sparse to be compared: no law holds. The value alone is known.
    TooSparse {
        value: f64,
    },
}

/// A test on counts over the same cells.
///
/// Bins cut at quantiles of the reference are judged as they are, against random windows cut the same way, however large they are: the
/// two bins outside the reference's range are empty there by construction, so neither the large-sample laws nor Fisher's test hold for them.
/// Other cells: the value is of the cells as they are; p-value and threshold are of the cells after sparse ones
/// were put together, without which no law would hold. What the sparse cells add to the value is added to the threshold too.
///
/// Where the sparse cells together are still too few rows for a cell, they join the smallest dense
/// one, in which a new category or the first errors of a model could hide. So there Fisher's exact
/// test of the sparse cells against all others gets a fifth of the level, and the law the rest; with
/// one dense cell alone, Fisher's test is all there is. Where no cell is dense there is no finding.
///
/// # Errors
/// [`CountsError`] if a window is empty.
pub(crate) fn on_counts(test: Test, table: &Table, seed: u64) -> Result<OnCounts, CountsError> {
    let Table {
        reference, current, ..
    } = table;
    let value = divergence(test, reference, current)?;
    let (p_value, critical_value): (f64, Law) = if table.binned && inside(table) {
        by_dealt_bins(test, value, table, seed)?
    } else {
        let pooled = pool_sparse(reference, current, EXPECTED_MIN)?;
        match by_pooled_cells(test, value, table, pooled, seed)? {
            Some(law) => law,
            None => return Ok(OnCounts::TooSparse { value }),
        }
    };
    let (n, m): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    let (effect, value_at_effect): (f64, Law) = match test {
        // Cramér's V of a table with two rows.
        Test::ChiSquare => (
            chi_square(reference, current)?.cramers_v,
            Box::new(move |v| v * v * (n + m)),
        ),
        _ => (value, Box::new(|effect| effect)),
    };
    Ok(OnCounts::Tested(Finding {
        test: Some(test),
        value,
        effect,
        p_value,
        critical_value,
        value_at_effect,
        detectable: detectable(test, reference, current),
    }))
}

/// The true effect at which four of five windows have a value above a threshold.
///
/// Value and effect are taken for a noncentral chi-squared number and its noncentrality, the psi as `1/n + 1/m` times it, squared
/// distances an eighth of that; a largest share moves as the normal law of the share with the largest variance.
fn detectable(test: Test, reference: &[f64], current: &[f64]) -> Law {
    let (n, m): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    let filled = reference.iter().zip(current).filter(|(p, q)| *p + *q > 0.0);
    let degrees = (filled.clone().count().max(2) - 1) as f64;
    let scale = 1.0 / n + 1.0 / m;
    let noncentrality = move |statistic: f64| detectable_noncentrality(statistic, degrees);
    match test {
        Test::Psi => Box::new(move |value| finite(scale * noncentrality(value / scale))),
        Test::JensenShannon | Test::Hellinger => {
            Box::new(move |value| (scale / 8.0 * noncentrality(8.0 * value * value / scale)).sqrt())
        }
        Test::LInfinity => {
            let variance = filled
                .map(|(p, q)| (p + q) / (n + m))
                .map(|share| share * (1.0 - share))
                .fold(0.0, f64::max);
            Box::new(move |value| value + POWER_QUANTILE * (variance * scale).sqrt())
        }
        _ => Box::new(move |value| (noncentrality(value) / (n + m)).sqrt()),
    }
}

/// Whether both windows have values at all: the last cell is of those that are missing.
fn inside(table: &Table) -> bool {
    [&table.reference, &table.current]
        .into_iter()
        .all(|cells| cells[..cells.len().saturating_sub(1)].iter().sum::<f64>() > 0.0)
}

/// Random tables for so many cells.
fn repeats(cells: usize) -> usize {
    (CELLS_DRAWN / cells.max(1)).clamp(REPEATS_MIN, REPEATS_MAX)
}

/// Distances are roots of what is about chi-squared.
fn is_root(test: Test) -> bool {
    matches!(
        test,
        Test::JensenShannon | Test::Hellinger | Test::LInfinity
    )
}

/// The values of a test on random tables. A table that has none is an error, as it is of the windows: to count it as no distance would
/// make p-values too small.
fn valued(
    test: Test,
    deal: impl FnOnce(&mut dyn FnMut(&[f64], &[f64]) -> f64) -> Result<Vec<f64>, CountsError>,
) -> Result<Vec<f64>, CountsError> {
    let mut refused = None;
    let values = deal(&mut |p, q| {
        divergence(test, p, q).unwrap_or_else(|error| {
            refused = Some(error);
            0.0
        })
    })?;
    refused.map_or(Ok(values), Err)
}

/// Values of random tables: of all, unless the first ones say that the value is nothing special.
fn drawn(
    value: f64,
    all: usize,
    draw: impl Fn(usize) -> Result<Vec<f64>, CountsError>,
) -> Result<Vec<f64>, CountsError> {
    let first = draw(all.min(REPEATS_FIRST))?;
    if first.iter().filter(|one| **one >= value).count() >= FARTHER_ENOUGH {
        return Ok(first);
    }
    draw(all)
}

/// The law of a value among simulated ones.
fn simulated(test: Test, value: f64, repeats: Vec<f64>) -> (f64, Law) {
    let root = is_root(test);
    let squared = |value: f64| if root { value * value } else { value };
    let law = Rc::new(SimulatedLaw::new(
        repeats.into_iter().map(squared).collect(),
    ));
    let p_value = law.p_value(squared(value));
    let largest = match test {
        Test::JensenShannon => core::f64::consts::LN_2.sqrt(),
        Test::Hellinger | Test::LInfinity => 1.0,
        _ => f64::MAX,
    };
    let critical = move |level| {
        let critical = law.critical_value(level);
        (if root { critical.sqrt() } else { critical }).min(largest)
    };
    (p_value, Box::new(critical))
}

fn by_dealt_bins(
    test: Test,
    value: f64,
    table: &Table,
    seed: u64,
) -> Result<(f64, Law), CountsError> {
    let last = table.reference.len().saturating_sub(1);
    let windows = Binned {
        reference: &table.reference[..last],
        current_rows: table.current[..last].iter().sum(),
        missing: (table.reference[last], table.current[last]),
    };
    let values = drawn(value, repeats(last), |repeats| {
        valued(test, |statistic| {
            dealt_bins(windows, repeats, seed, statistic)
        })
    })?;
    Ok(simulated(test, value, values))
}

/// P-value and threshold by the cells after sparse ones were put together; nothing where none is dense.
fn by_pooled_cells(
    test: Test,
    value: f64,
    table: &Table,
    pooled: Pooled,
    seed: u64,
) -> Result<Option<(f64, Law)>, CountsError> {
    let (n, m): (f64, f64) = (table.reference.iter().sum(), table.current.iter().sum());
    let bins = pooled.reference.len();
    let all_sparse = pooled.rare.is_none_or(|(p, q)| p + q >= n + m);
    if bins == 1 && all_sparse {
        return Ok(None);
    }
    let rare = pooled.rare;
    let judged = divergence(test, &pooled.reference, &pooled.current)?;
    let (p_value, critical_value) = by_law(test, judged, pooled, seed)?;
    let Some((p, q)) = rare else {
        return Ok(Some((p_value, beside(value, judged, critical_value))));
    };
    let exact = two_proportions((p, n), (q, m)).p_value;
    let both = if bins == 1 {
        exact
    } else {
        (p_value / (1.0 - RARE_LEVEL))
            .min(exact / RARE_LEVEL)
            .min(1.0)
    };
    let degrees = (bins.max(2) - 1) as f64;
    let quantile = move |level: f64| {
        let quantile = chi_squared_isf(level, degrees);
        if is_root(test) {
            quantile.sqrt()
        } else {
            quantile
        }
    };
    Ok(Some((both, scaled(value, both, quantile))))
}

/// The law of cells none of which is sparse.
fn by_law(test: Test, judged: f64, pooled: Pooled, seed: u64) -> Result<(f64, Law), CountsError> {
    let (n, m): (f64, f64) = (pooled.reference.iter().sum(), pooled.current.iter().sum());
    let bins = pooled.reference.len();
    let both = pooled
        .reference
        .iter()
        .zip(&pooled.current)
        .map(|(p, q)| p + q);
    let smallest = both.fold(f64::MAX, f64::min) * (n.min(m) / (n + m));
    let divergent = matches!(test, Test::Psi | Test::JensenShannon | Test::Hellinger);
    if divergent && bins > 1 && smallest < EXPECTED_LARGE {
        let values = drawn(judged, repeats(bins), |repeats| {
            let (p, q) = (&pooled.reference, &pooled.current);
            valued(test, |statistic| {
                dealt_categories(p, q, repeats, seed, statistic)
            })
        })?;
        return Ok(simulated(test, judged, values));
    }
    Ok(match test {
        Test::Psi => (
            null::psi_p_value(judged, bins, n, m),
            Box::new(move |level| null::psi_critical_value(level, bins, n, m)),
        ),
        Test::JensenShannon => (
            null::jensen_shannon_p_value(judged, bins, n, m),
            Box::new(move |level| null::jensen_shannon_critical_value(level, bins, n, m)),
        ),
        Test::Hellinger => (
            null::hellinger_p_value(judged, bins, n, m),
            Box::new(move |level| null::hellinger_critical_value(level, bins, n, m)),
        ),
        Test::LInfinity => (
            null::l_infinity_p_value(judged, &pooled.reference, &pooled.current),
            Box::new(move |level| {
                null::l_infinity_critical_value(level, &pooled.reference, &pooled.current)
            }),
        ),
        _ => {
            let tested = chi_square(&pooled.reference, &pooled.current)?;
            (
                tested.p_value,
                Box::new(move |level| finite(chi_squared_isf(level, tested.degrees))),
            )
        }
    })
}

/// A threshold on the value out of one on what was judged, the value of the pooled cells: it is as
/// far from the value as the other is from what was judged; or as far in proportion, where pooling
/// has made the value larger and the difference could be negative.
fn beside(value: f64, judged: f64, critical_value: Law) -> Law {
    if judged <= value {
        Box::new(move |level| finite(critical_value(level) + (value - judged)))
    } else {
        Box::new(move |level| critical_value(level) * (value / judged))
    }
}

fn divergence(test: Test, reference: &[f64], current: &[f64]) -> Result<f64, CountsError> {
    match test {
        Test::Psi => psi(reference, current),
        Test::JensenShannon => jensen_shannon(reference, current),
        Test::Hellinger => hellinger(reference, current),
        Test::LInfinity => l_infinity(reference, current),
        _ => Ok(chi_square(reference, current)?.statistic),
    }
}
