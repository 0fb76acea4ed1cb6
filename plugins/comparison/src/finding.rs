//! One test on one column: value, effect, p-value, and the law that turns a level into a threshold.

use leeway_statistics::bridge_null::WassersteinNull;
use leeway_statistics::cramer_von_mises::{cramer_von_mises, cramer_von_mises_critical_value};
use leeway_statistics::ks::{ks_critical_value, ks_p_value, ks_statistic};
use leeway_statistics::normal::normal_isf;
use leeway_statistics::power::POWER_QUANTILE;
use leeway_statistics::sample::Sample;
use leeway_statistics::two_proportions::two_proportions;
use leeway_statistics::wasserstein::wasserstein;

use crate::Test;
use crate::test::MISSING_EFFECT_MIN;

/// A value for each level, or for each effect.
pub(crate) type Law = Box<dyn Fn(f64) -> f64>;

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
    /// The true effect that is seen in four of five windows, where values above the given one are drift.
    pub(crate) detectable: Law,
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
        // Where the functions are furthest apart their distance is about normal, at most half a unit of
        // noise wide (Massey 1950 bounds the power so, from below).
        detectable: Box::new(move |value| value + POWER_QUANTILE * 0.5 * noise(n, m)),
    }
}

/// Area between the distribution functions, in the column's unit.
///
/// A reference of one value has a law that is all at zero, by which a single odd row were certain
/// drift. There the rows that left the value are judged, by Fisher's exact test where they are few.
///
/// `pooled` is the law of both windows taken together. A reference whose tail happens to be short has too narrow a law of its own, which
/// raises more than 6% of false alarms where tails are long; where there are both, the larger p-value counts.
pub(crate) fn wasserstein_distance(
    reference: &Sample,
    current: &Sample,
    current_spread: Spread,
    null: WassersteinNull,
    pooled: Option<WassersteinNull>,
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
        let laws: Vec<WassersteinNull> = [null].into_iter().chain(pooled).collect();
        let p_values = laws.iter().map(|law| law.p_value(value, n, m));
        (
            p_values.fold(0.0, f64::max),
            Box::new(move |level| {
                let critical = laws.iter().map(|law| law.critical_value(level, n, m));
                critical.fold(0.0, f64::max)
            }),
        )
    };
    Finding {
        test: Some(Test::Wasserstein),
        value,
        effect: finite(value / unit),
        p_value,
        critical_value,
        value_at_effect: Box::new(move |effect| finite(effect * unit)),
        // The area of a shift is the shift, and it is as uncertain as the difference of the means.
        detectable: Box::new(move |value| finite(value / unit) + POWER_QUANTILE * noise(n, m)),
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
        // The root of the effect is a length; along any direction a bridge has a deviation of at most 1 / pi.
        detectable: Box::new(move |value| {
            let length = ((value - least) / per_effect).max(0.0).sqrt();
            let seen = length + POWER_QUANTILE * core::f64::consts::FRAC_1_PI * noise(n, m);
            seen * seen
        }),
    }
}

/// A threshold on the value where a p-value is all that is known: as far from the value in proportion
/// as the `quantile` at the level is from the one at the p-value.
pub(crate) fn scaled(value: f64, p_value: f64, quantile: impl Fn(f64) -> f64 + 'static) -> Law {
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
        // A share that grows is also less certain: a few turns settle it.
        detectable: Box::new(move |value| {
            let mut seen = value;
            for _ in 0..20 {
                let moved = (share + seen).min(1.0);
                let variance =
                    share * (1.0 - share) / reference.1 + moved * (1.0 - moved) / current.1;
                seen = value + POWER_QUANTILE * variance.sqrt();
            }
            seen
        }),
    }
}

impl Finding {
    /// Smallest effect that matters, if nothing else is configured.
    pub(crate) fn effect_min(&self) -> f64 {
        self.test.map_or(MISSING_EFFECT_MIN, Test::effect_min)
    }
}

/// One unit of the noise between two windows, `sqrt(1/n + 1/m)`.
fn noise(n: f64, m: f64) -> f64 {
    (1.0 / n + 1.0 / m).sqrt()
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
pub(crate) fn unit(reference: Spread, current: Spread) -> f64 {
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
pub(crate) fn finite(x: f64) -> f64 {
    if x.is_nan() {
        0.0
    } else {
        x.clamp(-f64::MAX, f64::MAX)
    }
}
