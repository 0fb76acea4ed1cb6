//! One test on one column: value, effect, p-value, and the law that turns a level into a threshold.

use leeway_statistics::bridge_null::WassersteinNull;
use leeway_statistics::chi_square::chi_square;
use leeway_statistics::chi_squared::chi_squared_isf;
use leeway_statistics::counts::CountsError;
use leeway_statistics::cramer_von_mises::{cramer_von_mises, cramer_von_mises_critical_value};
use leeway_statistics::divergence_null as null;
use leeway_statistics::hellinger::hellinger;
use leeway_statistics::jensen_shannon::jensen_shannon;
use leeway_statistics::ks::{ks_critical_value, ks_p_value, ks_statistic};
use leeway_statistics::l_infinity::l_infinity;
use leeway_statistics::normal::{normal_isf, normal_sf};
use leeway_statistics::pool_sparse::pool_sparse;
use leeway_statistics::psi::psi;
use leeway_statistics::sample::Sample;
use leeway_statistics::two_proportions::two_proportions;
use leeway_statistics::wasserstein::wasserstein;

use crate::Test;
use crate::test::MISSING_EFFECT_MIN;

/// Expected rows of a cell below which it is put together with others (Cochran 1954).
const EXPECTED_MIN: f64 = 5.0;
/// Part of the level that goes to cells so rare that even together they are below that.
const RARE_LEVEL: f64 = 0.2;

/// A value for each level, or for each effect.
type Law = Box<dyn Fn(f64) -> f64>;

/// What a test found.
pub(crate) struct Finding {
    /// The test behind it; absent for the share of missing values.
    pub(crate) test: Option<Test>,
    pub(crate) value: f64,
    /// Size on a scale that does not grow with the rows.
    pub(crate) effect: f64,
    pub(crate) p_value: f64,
    /// The value that is exceeded with a given probability without drift.
    pub(crate) critical_value: Law,
    /// The value at which the effect is as given.
    pub(crate) value_at_effect: Law,
}

/// Mean, variance (divisor: count) and number of values of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// Largest distance of the distribution functions. `rank_error` is what both windows' sketches may
/// be off by together: the p-value is that of the smallest distance which agrees with it.
pub(crate) fn ks(reference: &Sample, current: &Sample, rank_error: f64) -> Finding {
    let (n, m) = (reference.rows(), current.rows());
    let value = ks_statistic(reference, current);
    Finding {
        test: Some(Test::Ks),
        value,
        effect: value,
        p_value: ks_p_value((value - rank_error).max(0.0), n, m),
        critical_value: Box::new(move |level| ks_critical_value(n, m, level) + rank_error),
        value_at_effect: Box::new(|effect| effect),
    }
}

/// Area between the distribution functions, in the column's unit.
///
/// A reference of one value has a law that is all at zero, by which a single odd row were certain
/// drift. There the rows that left the value are judged, by Fisher's exact test where they are few.
pub(crate) fn wasserstein_distance(
    reference: &Sample,
    current: &Sample,
    current_spread: Spread,
    null: WassersteinNull,
) -> Finding {
    let (n, m) = (reference.rows(), current.rows());
    let value = wasserstein(reference, current);
    let unit = unit(spread(reference), current_spread);
    let (p_value, critical_value): (f64, Law) = if reference.distinct() == 1 {
        let stayed: f64 = current
            .values()
            .iter()
            .zip(current.counts())
            .filter(|(x, _)| **x == reference.minimum())
            .map(|(_, count)| count)
            .sum();
        let p_value = two_proportions((0.0, n), (m - stayed, m)).p_value;
        (
            p_value,
            scaled(value, p_value, |level| normal_isf(0.5 * level)),
        )
    } else {
        (
            null.p_value(value, n, m),
            Box::new(move |level| null.critical_value(level, n, m)),
        )
    };
    Finding {
        test: Some(Test::Wasserstein),
        value,
        effect: finite(value / unit),
        p_value,
        critical_value,
        value_at_effect: Box::new(move |effect| finite(effect * unit)),
    }
}

/// Mean squared distance of the distribution functions, as the statistic T. With ties T is the one
/// corrected for them: the usual one grows with them where the windows differ in size.
pub(crate) fn cramer_von_mises_test(reference: &Sample, current: &Sample) -> Finding {
    let (n, m) = (reference.rows(), current.rows());
    let found = cramer_von_mises(reference, current);
    let (value, p_value) = if found.tied {
        found.corrected_for_ties(n, m)
    } else {
        (found.statistic, found.p_value)
    };
    // T grows with the rows as n m / (n + m) does.
    let (per_effect, least) = (n * m / (n + m), 1.0 / (6.0 * (n + m)));
    Finding {
        test: Some(Test::CramerVonMises),
        value: value.max(0.0),
        effect: found.omega_squared,
        p_value,
        critical_value: Box::new(move |level| cramer_von_mises_critical_value(n, m, level)),
        value_at_effect: Box::new(move |effect| effect * per_effect + least),
    }
}

/// Distance of the means, by Welch's statistic under the normal law.
///
/// Source: Welch (1947), "The Generalization of Student's Problem when Several Different Population
/// Variances are Involved"; with thirty rows and more the law is normal to what a verdict needs.
pub(crate) fn mean_shift(reference: Spread, current: Spread) -> Finding {
    let value = finite((current.mean - reference.mean).abs());
    // One row has no spread of its own: it is taken to have the other window's.
    let variance_of_mean = |own: Spread, other: Spread| {
        if own.count > 1.0 {
            own.variance / (own.count - 1.0)
        } else {
            other.variance * (other.count / (other.count - 1.0).max(1.0))
        }
    };
    let error =
        (variance_of_mean(reference, current) + variance_of_mean(current, reference)).sqrt();
    // Two single rows tell nothing of any spread, so nothing is too far.
    let error = if reference.count.max(current.count) > 1.0 {
        error
    } else {
        f64::MAX
    };
    let unit = unit(reference, current);
    let p_value = if error > 0.0 {
        (2.0 * normal_sf(value / error)).min(1.0)
    } else {
        f64::from(value == 0.0)
    };
    Finding {
        test: Some(Test::MeanShift),
        value,
        effect: finite(value / unit),
        p_value,
        critical_value: Box::new(move |level| finite(normal_isf(level / 2.0) * error)),
        value_at_effect: Box::new(move |effect| finite(effect * unit)),
    }
}

/// A test on counts over the same cells, bins or categories.
///
/// The value is of the cells as they are; p-value and threshold are of the cells after sparse ones
/// were put together, without which no law would hold. What the sparse cells add to the value is
/// added to the threshold too.
///
/// Where the sparse cells together are still too few rows for a cell, they join the smallest dense
/// one, in which a new category or the first errors of a model could hide. So there Fisher's exact
/// test of the sparse cells against all others gets a fifth of the level, and the law the rest; with
/// one dense cell alone, Fisher's test is all there is. Where no cell is dense there is no finding.
///
/// # Errors
/// [`CountsError`] if a window is empty.
pub(crate) fn on_counts(
    test: Test,
    reference: &[f64],
    current: &[f64],
) -> Result<OnCounts, CountsError> {
    let value = divergence(test, reference, current)?;
    let pooled = pool_sparse(reference, current, EXPECTED_MIN)?;
    let judged = divergence(test, &pooled.reference, &pooled.current)?;
    let (n, m): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    let bins = pooled.reference.len();
    let all_sparse = pooled.rare.is_none_or(|(p, q)| p + q >= n + m);
    if bins == 1 && all_sparse {
        return Ok(OnCounts::TooSparse { value });
    }
    let (p_value, critical_value): (f64, Law) = match test {
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
        Test::LInfinity => {
            let p_value = null::l_infinity_p_value(judged, &pooled.reference, &pooled.current);
            let (reference, current) = (pooled.reference.clone(), pooled.current.clone());
            (
                p_value,
                Box::new(move |level| null::l_infinity_critical_value(level, &reference, &current)),
            )
        }
        _ => {
            let tested = chi_square(&pooled.reference, &pooled.current)?;
            (
                tested.p_value,
                Box::new(move |level| finite(chi_squared_isf(level, tested.degrees))),
            )
        }
    };
    let (effect, value_at_effect): (f64, Law) = match test {
        // Cramér's V of a table with two rows.
        Test::ChiSquare => (
            chi_square(reference, current)?.cramers_v,
            Box::new(move |v| v * v * (n + m)),
        ),
        _ => (value, Box::new(|effect| effect)),
    };
    let (p_value, critical_value) = match pooled.rare {
        None => (p_value, beside(value, judged, critical_value)),
        Some((p, q)) => {
            let exact = two_proportions((p, n), (q, m)).p_value;
            let both = if bins == 1 {
                exact
            } else {
                (p_value / (1.0 - RARE_LEVEL))
                    .min(exact / RARE_LEVEL)
                    .min(1.0)
            };
            let degrees = (bins.max(2) - 1) as f64;
            let root = matches!(
                test,
                Test::JensenShannon | Test::Hellinger | Test::LInfinity
            );
            let quantile = move |level: f64| {
                let quantile = chi_squared_isf(level, degrees);
                if root { quantile.sqrt() } else { quantile } // A distance grows as the root does.
            };
            (both, scaled(value, both, quantile))
        }
    };
    Ok(OnCounts::Tested(Finding {
        test: Some(test),
        value,
        effect,
        p_value,
        critical_value,
        value_at_effect,
    }))
}

/// What a test on counts can say.
pub(crate) enum OnCounts {
    Tested(Finding),
    /// Every cell is too sparse to be compared: no law holds. The value alone is known.
    TooSparse {
        value: f64,
    },
}

/// A threshold on the value out of one on what was judged, the value of the pooled cells: it is as
/// far from the value as the other is from what was judged; or as far in proportion, where pooling
/// has made the value larger and the difference could be negative.
fn beside(value: f64, judged: f64, critical_value: Law) -> Law {
    if judged <= value {
        Box::new(move |level| critical_value(level) + (value - judged))
    } else {
        Box::new(move |level| critical_value(level) * (value / judged))
    }
}

/// A threshold on the value where a p-value is all that is known: as far from the value in proportion
/// as the `quantile` at the level is from the one at the p-value.
fn scaled(value: f64, p_value: f64, quantile: impl Fn(f64) -> f64 + 'static) -> Law {
    let found = quantile(p_value);
    // No evidence at all: any bound above the value will do.
    Box::new(move |level| {
        if found > 0.0 {
            finite(value * (quantile(level) / found))
        } else {
            finite(value + quantile(level))
        }
    })
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

/// A change of the share of missing values; windows as `(missing, rows)`.
pub(crate) fn missing(reference: (f64, f64), current: (f64, f64)) -> Finding {
    let tested = two_proportions(reference, current);
    let share = (reference.0 + current.0) / (reference.1 + current.1);
    let error = (share * (1.0 - share) * (1.0 / reference.1 + 1.0 / current.1)).sqrt();
    Finding {
        test: None,
        value: tested.difference.abs(),
        effect: tested.difference.abs(),
        p_value: tested.p_value,
        critical_value: Box::new(move |level| (normal_isf(level / 2.0) * error).min(1.0)),
        value_at_effect: Box::new(|effect| effect),
    }
}

impl Finding {
    /// Smallest effect that matters, if nothing else is configured.
    pub(crate) fn effect_min(&self) -> f64 {
        self.test.map_or(MISSING_EFFECT_MIN, Test::effect_min)
    }
}

/// The spread of a sample: two passes over it.
pub(crate) fn spread(sample: &Sample) -> Spread {
    let (mean, variance) = sample.mean_and_variance();
    Spread {
        count: sample.rows(),
        mean,
        variance,
    }
}

/// The unit of an effect: the reference's standard deviation; where that is 0, the one of both
/// windows together. Positive unless both windows are the same one value.
fn unit(reference: Spread, current: Spread) -> f64 {
    if reference.variance > 0.0 {
        return reference.variance.sqrt();
    }
    let rows = reference.count + current.count;
    let (p, q) = (reference.count / rows, current.count / rows);
    let (within, between) = (
        (current.variance * q).sqrt(),
        finite(reference.mean - current.mean).abs() * (p * q).sqrt(),
    );
    // A hypotenuse in parts of its longer side, because squares of the largest numbers would overflow.
    let (longer, shorter) = (within.max(between), within.min(between));
    if longer > 0.0 {
        finite(longer * (1.0 + (shorter / longer) * (shorter / longer)).sqrt())
    } else {
        0.0
    }
}

/// Keeps a quotient of extreme numbers, or one by zero, inside what may be reported.
fn finite(x: f64) -> f64 {
    if x.is_nan() {
        0.0
    } else {
        x.clamp(-f64::MAX, f64::MAX)
    }
}
