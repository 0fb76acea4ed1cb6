//! The law of the Wasserstein distance between two samples of one distribution.
//!
//! Without drift, `sqrt(n m / (n + m)) W1` is about `integral |B(F(x))| dx` for a Brownian bridge `B` and the distribution function `F`, which
//! the reference stands in for. The law depends on `F` but the bridges do not: they are simulated once, and each column
//! weighs them with the gaps between its values, so ties and discrete data need no care of their own.
//! Source: del Barrio, Giné & Matrán (1999), "Central Limit Theorems for the Wasserstein Distance Between the Empirical and the
//! True Distributions".

use crate::normal::{normal_isf, normal_sf};
use crate::rng::Rng;
use crate::sample::Sample;
use core::fmt;

/// Number of paths that [`BridgePaths::simulate`] is meant for: a p-value of 5% is then known to 0.35 points.
pub const PATHS: usize = 4000;

/// Number of points of a path that [`BridgePaths::simulate`] is meant for.
pub const GRID: usize = 512;

/// Absolute values of simulated Brownian bridges at the points of a grid that is dense near 0 and 1.
#[derive(Debug, Clone)]
pub struct BridgePaths {
    /// Points of time in `(0, 1)`, ascending: the logistic function at equal steps.
    times: Vec<f64>,
    /// Standard deviation of a bridge at each time, `sqrt(t (1 - t))`.
    deviations: Vec<f64>,
    /// `|B|`, all paths at the first time, then all at the second...; single precision is far finer than the sampling error.
    sizes: Vec<f32>,
    paths: usize,
}

impl BridgePaths {
    /// Simulates `paths` bridges (at least 200) at `grid` times (at least 16). The same arguments give the same bits.
    ///
    /// About 30 ms and 8 MB for [`PATHS`] and [`GRID`].
    pub fn simulate(seed: u64, paths: usize, grid: usize) -> Self {
        let (paths, grid) = (paths.max(200), grid.max(16));
        let mut rng = Rng::new(seed);
        let step = 2.0 * REACH / (grid - 1) as f64;
        let mut times = Vec::with_capacity(grid);
        let mut deviations = Vec::with_capacity(grid);
        let mut sizes = Vec::with_capacity(grid * paths);
        let mut bridges = vec![0.0; paths];
        let (mut last, mut last_left) = (0.0, 1.0); // The time before, and what is left of 1 after it.
        for point in 0..grid {
            let odds = libm::exp(-REACH + step * point as f64);
            let (time, left) = (odds / (1.0 + odds), 1.0 / (1.0 + odds));
            // From B(s) to B(t): mean B(s) (1 - t) / (1 - s), variance (t - s) (1 - t) / (1 - s).
            let pull = left / last_left;
            let passed = if time < 0.5 {
                time - last
            } else {
                last_left - left
            };
            let noise = (passed * pull).sqrt();
            for bridge in &mut bridges {
                *bridge = *bridge * pull + noise * rng.normal();
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "rounding to single precision is wanted"
                )]
                sizes.push(bridge.abs() as f32);
            }
            times.push(time);
            deviations.push((time * left).sqrt());
            (last, last_left) = (time, left);
        }
        Self {
            times,
            deviations,
            sizes,
            paths,
        }
    }

    /// The law of the Wasserstein distance between windows of the distribution that `reference` is a sample of.
    ///
    /// `reference` may also be both windows pooled ([`SampleBuf::pooled`](crate::sample::SampleBuf::pooled)), which is slower because it
    /// is not fitted once, and keeps the level better where the tails are heavy and the windows small. Measured false alarms at 5% and at
    /// 0.1%, 1500 repeats, reference only / pooled: normal 200 and 200 rows 5.5% / 5.8% and 0% / 0%; lognormal 200 and 200 rows 6.1% / 2.7% and
    /// 0.9% / 0%, 1000 and 50 rows 4.1% / 3.2% and 0.6% / 0.1%, 1000 and 1000 rows 6.1% / 3.5% and 0.3% / 0%.
    ///
    /// `O(distinct + grid paths)`, about a millisecond. A constant reference gives a law that is all at zero.
    pub fn wasserstein_null(&self, reference: &Sample<'_>) -> WassersteinNull {
        // Distances are measured in half the range, which is finite even where the range is not.
        let unit = 0.5 * reference.maximum() - 0.5 * reference.minimum();
        if unit <= 0.0 {
            return WassersteinNull {
                quantiles: vec![0.0; QUANTILES],
                deviation: 0.0,
            };
        }
        let weights = self.weights(reference, unit);
        let mut areas = vec![0.0; self.paths];
        for (weight, sizes) in weights.iter().zip(self.sizes.chunks_exact(self.paths)) {
            if *weight > 0.0 {
                for (area, &size) in areas.iter_mut().zip(sizes) {
                    *area += weight * f64::from(size);
                }
            }
        }
        areas.sort_unstable_by(f64::total_cmp);
        let quantiles = (0..QUANTILES).map(|i| {
            let h = (self.paths - 1) as f64 * (i as f64 / LAST);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a position among the paths"
            )]
            let at = h.floor() as usize;
            let next = (at + 1).min(self.paths - 1);
            ((areas[at] + (h - h.floor()) * (areas[next] - areas[at])) * unit).min(f64::MAX)
        });
        WassersteinNull {
            quantiles: quantiles.collect(),
            deviation: reference.standard_deviation(),
        }
    }

    /// `a` such that `sum(a_g |B(t_g)|)` stands for `integral |B(F(x))| dx`, in half units.
    fn weights(&self, reference: &Sample<'_>, unit: f64) -> Vec<f64> {
        let rows = reference.rows();
        let (values, counts) = (reference.values(), reference.counts());
        let mut weights = vec![0.0; self.times.len()];
        let (mut below, mut next) = (0.0, 0); // Rows so far; the first time that is not before their share.
        for (pair, count) in values.windows(2).zip(counts) {
            below += count;
            let share = below / rows;
            while next < self.times.len() && self.times[next] < share {
                next += 1;
            }
            let gap = (0.5 * pair[1] - 0.5 * pair[0]) / unit * 2.0;
            self.place(
                &mut weights,
                next,
                share,
                gap * (share * (rows - below).max(0.0) / rows).sqrt(),
            );
        }
        // Beyond either end, an exponential tail: with 1 - F = exp(-y / s) / n, the integral of sqrt(1 - F) is 2 s / sqrt(n).
        let ascending = values.iter().copied().zip(counts.iter().copied());
        let tails = [
            (1.0 / rows, mean_excess(ascending.clone(), rows)),
            (1.0 - 1.0 / rows, mean_excess(ascending.rev(), rows)),
        ];
        for (share, excess) in tails {
            let next = self.times.partition_point(|&time| time < share);
            self.place(
                &mut weights,
                next,
                share,
                2.0 * (excess / unit) * 2.0 / rows.sqrt(),
            );
        }
        weights
    }

    /// Adds a gap after a `share` of the rows, where a bridge has the standard deviation `size` over the gap as a whole.
    ///
    /// It goes to the two times around the share, by linear interpolation, times the factor that makes its mean, proportional to the
    /// standard deviation, exact. `next` is the first time not before `share`.
    fn place(&self, weights: &mut [f64], next: usize, share: f64, size: f64) {
        let (times, deviations) = (&self.times, &self.deviations);
        if next == 0 || next == times.len() {
            let nearest = next.min(times.len() - 1);
            weights[nearest] += size / deviations[nearest];
        } else {
            let later = (share - times[next - 1]) / (times[next] - times[next - 1]);
            let scale = size / ((1.0 - later) * deviations[next - 1] + later * deviations[next]);
            weights[next - 1] += scale * (1.0 - later);
            weights[next] += scale * later;
        }
    }
}

/// Half the mean distance of the outermost `sqrt(rows)` rows from the next one inward, `outside_in` beginning with the outermost.
///
/// The scale of an exponential tail, by maximum likelihood; halved because halves cannot overflow.
fn mean_excess(outside_in: impl Iterator<Item = (f64, f64)>, rows: f64) -> f64 {
    let wanted = rows.sqrt().ceil();
    let (mut taken, mut sum, mut first) = (0.0, 0.0, None);
    for (value, count) in outside_in {
        let first = *first.get_or_insert(value);
        let distance = (0.5 * value - 0.5 * first).abs();
        if taken + count > wanted {
            // The threshold: every row taken lies `distance` less its own distance beyond it.
            return if taken > 0.0 {
                (distance - sum / taken).max(0.0)
            } else {
                0.0
            };
        }
        taken += count;
        sum += count * distance;
    }
    0.0
}

/// The law of `sqrt(n m / (n + m)) W1` without drift, as a table of quantiles with a tail.
///
/// Invariant: [`QUANTILES`] values, ascending, finite and not negative; `deviation` finite and not negative.
#[derive(Debug, Clone, PartialEq)]
pub struct WassersteinNull {
    /// Quantiles at the levels `0, 1/256, 2/256, ..., 1`.
    quantiles: Vec<f64>,
    /// Standard deviation of the reference: no unit of noise moves the distance further.
    deviation: f64,
}

/// Length of the table.
pub const QUANTILES: usize = 257;

/// The last position of the table, of level 1.
const LAST: f64 = (QUANTILES - 1) as f64;

/// Probability beyond which the table gives way to the tail.
const TAIL: f64 = 0.01;

/// The grid of times reaches from `1 / (1 + e^REACH)`, three in ten million, to as close to 1.
const REACH: f64 = 15.0;

/// The numbers are not those of a [`WassersteinNull`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedNull;

impl fmt::Display for DamagedNull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the null law is damaged")
    }
}

impl core::error::Error for DamagedNull {}

impl WassersteinNull {
    /// The median of the law, in the unit of the values.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// `P(W1 >= distance)` for windows of `n` and `m` rows without drift. Range `[0, 1]`, continuous and decreasing.
    ///
    /// Down to 1% from the table. Beyond it `P(Z > z + (x - q) / s)`, with `z` and `q` the normal and the tabled 99% points and `s` the standard
    /// deviation of the reference: an upper bound, because the distance is a seminorm of a Gaussian process, so that the normal score of
    /// its distribution function is concave, with slope `1 / s` at the far end.
    /// `1` for a window without rows. A law all at zero gives `1` at zero, else `0`.
    /// Source: Ehrhard (1983), "Symétrisation dans l'espace de Gauss"; Borell (1975) for the far end.
    pub fn p_value(&self, distance: f64, n: f64, m: f64) -> f64 {
        let x = distance * root_rows(n, m);
        if x.is_nan() || x <= 0.0 {
            return 1.0;
        }
        let tail_from = self.quantile(1.0 - TAIL);
        if x >= tail_from {
            let slope = if self.deviation > 0.0 {
                (x - tail_from) / self.deviation
            } else {
                f64::INFINITY
            };
            return normal_sf(normal_isf(TAIL) + slope);
        }
        let above = self.quantiles.partition_point(|&quantile| quantile <= x);
        if above == 0 {
            return 1.0;
        }
        let (low, high) = (self.quantiles[above - 1], self.quantiles[above]);
        let level = ((above - 1) as f64 + (x - low) / (high - low)) / LAST;
        1.0 - level.min(1.0 - TAIL)
    }

    /// The distance that windows of `n` and `m` rows exceed with probability `level` without drift, in the unit of the values.
    ///
    /// The inverse of [`WassersteinNull::p_value`]. `f64::MAX` for a level of zero or a window without rows.
    pub fn critical_value(&self, level: f64, n: f64, m: f64) -> f64 {
        let root = root_rows(n, m);
        if !(level > 0.0 && root > 0.0) {
            return f64::MAX;
        }
        let x = if level >= TAIL {
            self.quantile(1.0 - level.min(1.0))
        } else {
            self.quantile(1.0 - TAIL) + self.deviation * (normal_isf(level) - normal_isf(TAIL))
        };
        (x / root).min(f64::MAX)
    }

    /// The law as [`QUANTILES`]` + 1` numbers, to be kept in a baseline.
    pub fn to_parts(&self) -> Vec<f64> {
        let mut parts = vec![self.deviation];
        parts.extend(&self.quantiles);
        parts
    }

    /// The law that [`WassersteinNull::to_parts`] wrote.
    ///
    /// # Errors
    /// [`DamagedNull`] if the invariant does not hold.
    pub fn from_parts(parts: &[f64]) -> Result<Self, DamagedNull> {
        let (&deviation, quantiles) = parts.split_first().ok_or(DamagedNull)?;
        let ascending = quantiles.windows(2).all(|pair| pair[0] <= pair[1]);
        let usable = parts.iter().all(|part| *part >= 0.0 && part.is_finite());
        if quantiles.len() == QUANTILES && ascending && usable {
            Ok(Self {
                quantiles: quantiles.to_vec(),
                deviation,
            })
        } else {
            Err(DamagedNull)
        }
    }

    fn quantile(&self, level: f64) -> f64 {
        let h = LAST * level;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a level in [0, 1]"
        )]
        let at = (h.floor() as usize).min(QUANTILES - 2);
        self.quantiles[at] + (h - at as f64) * (self.quantiles[at + 1] - self.quantiles[at])
    }
}

/// `sqrt(n m / (n + m))`; zero if a window is empty.
fn root_rows(n: f64, m: f64) -> f64 {
    if n > 0.0 && m > 0.0 {
        (n / (n + m) * m).sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{close, sample};
    use crate::sample::SampleBuf;
    use crate::wasserstein::wasserstein;

    /// Share of 300 pairs of windows without drift that are called drifted at a level of 5%.
    fn false_alarms(n: usize, m: usize, draw: impl Fn(&mut Rng) -> f64) -> f64 {
        let paths = BridgePaths::simulate(5, 500, 96);
        let mut rng = Rng::new(23);
        let repeats = 300;
        let mut alarms = 0;
        for _ in 0..repeats {
            let mut window =
                |rows: usize| sample(&(0..rows).map(|_| draw(&mut rng)).collect::<Vec<_>>());
            let (reference, current): (SampleBuf, SampleBuf) = (window(n), window(m));
            let (reference, current) = (reference.as_sample(), current.as_sample());
            let null = paths.wasserstein_null(&reference);
            let distance = wasserstein(&reference, &current);
            alarms += i32::from(null.p_value(distance, reference.rows(), current.rows()) <= 0.05);
        }
        f64::from(alarms) / f64::from(repeats)
    }

    #[test]
    fn one_window_in_twenty_is_a_false_alarm() {
        // Three standard errors around 5%.
        let rates = [
            false_alarms(300, 50, Rng::normal),
            false_alarms(200, 200, |rng| libm::exp(rng.normal())),
            false_alarms(200, 100, |rng| (3.0 * rng.uniform()).floor()),
        ];
        assert!(
            rates.iter().all(|rate| (0.012..0.09).contains(rate)),
            "{rates:?}"
        );
    }

    #[test]
    fn two_values_give_the_folded_normal_law() {
        // W1 = |p - q|, so sqrt(n m / (n + m)) W1 is |N(0, p (1 - p))|; half a unit at p = 1/2 has median 0.674 / 2.
        let paths = BridgePaths::simulate(1, PATHS, GRID);
        let null = paths.wasserstein_null(&sample(&[0.0, 1.0]).as_sample());
        assert!(
            (null.median() / 0.337_24 - 1.0).abs() < 0.05,
            "{}",
            null.median()
        );
        assert!(
            (null.critical_value(0.05, 100.0, 100.0) * 50_f64.sqrt() / 0.98 - 1.0).abs() < 0.05
        );
        // Far out the tail is that normal's: 2 P(Z > 6) at six deviations, here bounded from above.
        let p = null.p_value(3.0 / 50_f64.sqrt(), 100.0, 100.0);
        assert!(
            p >= 2.0 * normal_sf(6.0) && p < 100.0 * normal_sf(6.0),
            "{p}"
        );
    }

    #[test]
    fn critical_values_and_p_values_are_inverse() {
        let rows: Vec<f64> = (0..100).map(|i| f64::from(i * i)).collect();
        let null = BridgePaths::simulate(1, 400, 64).wasserstein_null(&sample(&rows).as_sample());
        for level in [0.9, 0.5, 0.05, 0.011, 0.01, 0.003, 1e-9] {
            close(
                null.p_value(null.critical_value(level, 80.0, 30.0), 80.0, 30.0),
                level,
                1e-9,
            );
        }
        let mut last = 1.0;
        for step in 0..400 {
            let p = null.p_value(f64::from(step) * 10.0, 80.0, 30.0);
            assert!(p <= last && p >= 0.0);
            last = p;
        }
    }

    #[test]
    fn degenerate_input_has_documented_values() {
        let paths = BridgePaths::simulate(1, 200, 16);
        let null = paths.wasserstein_null(&sample(&[4.0, 4.0]).as_sample());
        assert_eq!(
            (null.p_value(0.0, 9.0, 9.0), null.p_value(1.0, 9.0, 9.0)),
            (1.0, 0.0)
        );
        assert_eq!(null.critical_value(0.05, 9.0, 9.0), 0.0);
        assert_eq!(
            (
                null.p_value(1.0, 0.0, 9.0),
                null.critical_value(0.05, 0.0, 9.0)
            ),
            (1.0, f64::MAX)
        );
        let wide = paths.wasserstein_null(&sample(&[-f64::MAX, 0.0, f64::MAX]).as_sample());
        assert!(wide.critical_value(1e-300, 9.0, 9.0).is_finite());
        assert!((0.0..=1.0).contains(&wide.p_value(f64::MAX, 9.0, 9.0)));
    }

    #[test]
    fn parts_come_back_and_damaged_ones_do_not() {
        let null = BridgePaths::simulate(1, 200, 16)
            .wasserstein_null(&sample(&[1.0, 2.0, 7.0]).as_sample());
        let mut parts = null.to_parts();
        assert_eq!(WassersteinNull::from_parts(&parts), Ok(null));
        parts[5] = f64::NAN;
        assert_eq!(WassersteinNull::from_parts(&parts), Err(DamagedNull));
        assert_eq!(WassersteinNull::from_parts(&parts[..9]), Err(DamagedNull));
        assert_eq!(WassersteinNull::from_parts(&[]), Err(DamagedNull));
    }
}
