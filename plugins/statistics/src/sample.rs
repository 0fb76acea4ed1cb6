//! A sample as its sorted distinct values with how often each occurs.

use crate::pooled::walk;
use core::fmt;

/// A sample of numbers: distinct finite values in ascending order, each with a positive count. Never empty.
///
/// Invariant: `values` and `counts` have the same length `>= 1`; `values` is strictly ascending and finite; `counts` is positive and
/// finite. Whatever takes a `Sample` relies on this and needs no error of its own. `rows` is the sum of `counts`, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    values: &'a [f64],
    counts: &'a [f64],
    rows: f64,
}

impl<'a> Sample<'a> {
    /// Checks the invariant, in one pass.
    pub fn new(values: &'a [f64], counts: &'a [f64]) -> Result<Self, SampleError> {
        let rows = check(values, counts)?;
        Ok(Self {
            values,
            counts,
            rows,
        })
    }

    /// A sample whose invariant the caller vouches for, such as one the host has sorted. Checked in debug builds only.
    ///
    /// A broken promise gives wrong numbers or a panic, never undefined behaviour.
    pub fn trusted(values: &'a [f64], counts: &'a [f64]) -> Self {
        debug_assert!(check(values, counts).is_ok());
        Self {
            values,
            counts,
            rows: counts.iter().sum(),
        }
    }

    /// Distinct values, ascending.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// How often each value occurs.
    pub fn counts(&self) -> &'a [f64] {
        self.counts
    }

    /// Number of distinct values, `>= 1`.
    pub fn distinct(&self) -> usize {
        self.values.len()
    }

    /// Number of rows: the sum of the counts.
    pub fn rows(&self) -> f64 {
        self.rows
    }

    /// Smallest value.
    pub fn minimum(&self) -> f64 {
        self.values[0]
    }

    /// Largest value.
    pub fn maximum(&self) -> f64 {
        self.values[self.values.len() - 1]
    }

    /// Arithmetic mean, in the unit of the values; between the minimum and the maximum.
    pub fn mean(&self) -> f64 {
        self.mean_and_variance().0
    }

    /// Population variance `sum(c (x - mean)^2) / sum(c)`, in the square of the values' unit; `0` for a constant sample.
    ///
    /// Two passes around the mean with the correction of Chan, Golub & `LeVeque` (1983), "Algorithms for Computing the Sample
    /// Variance", so values near `1e15` that differ by one keep their spread. Saturates at `f64::MAX`.
    pub fn variance(&self) -> f64 {
        self.mean_and_variance().1
    }

    /// [`Sample::mean`] and [`Sample::variance`] for the cost of one.
    pub fn mean_and_variance(&self) -> (f64, f64) {
        let Moments {
            scale,
            mean,
            variance,
        } = Moments::of(self);
        (
            (mean / scale).clamp(self.minimum(), self.maximum()),
            (variance / scale / scale).min(f64::MAX),
        )
    }

    /// Population standard deviation, the root of [`Sample::variance`]; positive unless the sample is constant.
    pub fn standard_deviation(&self) -> f64 {
        let moments = Moments::of(self);
        (moments.variance.sqrt() / moments.scale).min(f64::MAX)
    }

    /// Quantile of the expanded sample at `level`, by linear interpolation between order statistics (R-7, `NumPy`'s default).
    ///
    /// `h = (rows - 1) level`; the result lies between the order statistics at `floor(h)` and `floor(h) + 1`. A `level` outside
    /// `[0, 1]` is taken to the nearer end, NaN to `0`.
    /// Source: Hyndman & Fan (1996), "Sample Quantiles in Statistical Packages", definition 7.
    pub fn quantile(&self, level: f64) -> f64 {
        self.quantiles(&[level])[0]
    }

    /// [`Sample::quantile`] at each of `levels`, which ascend, in one pass over the sample.
    pub fn quantiles(&self, levels: &[f64]) -> Vec<f64> {
        let last = (self.rows() - 1.0).max(0.0);
        let mut at = 0; // The value that holds order statistic `floor(h)`.
        let mut through = self.counts[0]; // Rows up to that value, itself included.
        let mut quantiles = Vec::with_capacity(levels.len());
        let mut previous = 0.0;
        for &level in levels {
            debug_assert!(level.is_nan() || level >= previous, "levels ascend");
            previous = level;
            let h = last
                * if level.is_nan() {
                    0.0
                } else {
                    level.clamp(0.0, 1.0)
                };
            let floor = h.floor();
            while through <= floor && at + 1 < self.values.len() {
                at += 1;
                through += self.counts[at];
            }
            let low = self.values[at];
            let share = h - floor;
            let crosses = floor + 1.0 >= through && at + 1 < self.values.len();
            quantiles.push(if share > 0.0 && crosses {
                between(low, self.values[at + 1], share)
            } else {
                low
            });
        }
        quantiles
    }

    /// Share of rows at or below `x`, in `[0, 1]`.
    pub fn share_up_to(&self, x: f64) -> f64 {
        let end = self.values.partition_point(|&value| value <= x);
        let below: f64 = self.counts[..end].iter().sum();
        below / self.rows()
    }
}

/// A sample that owns its values. The same invariant as [`Sample`].
#[derive(Debug, Clone, PartialEq)]
pub struct SampleBuf {
    values: Vec<f64>,
    counts: Vec<f64>,
    rows: f64,
}

impl SampleBuf {
    /// Sorts `rows` and counts equal values; negative zero counts as zero. Nothing is dropped.
    ///
    /// # Errors
    /// [`SampleError::Empty`] without rows; [`SampleError::NotFinite`] if a row is NaN or infinite.
    pub fn from_unsorted(rows: &[f64]) -> Result<Self, SampleError> {
        if let Some(index) = rows.iter().position(|value| !value.is_finite()) {
            return Err(SampleError::NotFinite { index });
        }
        let mut sorted: Vec<f64> = rows.iter().map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut counted = Self::with_capacity(0);
        for value in sorted {
            counted.push(value, 1.0);
        }
        if counted.values.is_empty() {
            Err(SampleError::Empty)
        } else {
            Ok(counted.finish())
        }
    }

    /// Takes over values and counts, checking them as [`Sample::new`] does.
    pub fn new(values: Vec<f64>, counts: Vec<f64>) -> Result<Self, SampleError> {
        let rows = check(&values, &counts)?;
        Ok(Self {
            values,
            counts,
            rows,
        })
    }

    /// The rows of two samples as one.
    pub fn pooled(a: &Sample<'_>, b: &Sample<'_>) -> Self {
        let mut pooled = Self::with_capacity(a.distinct().max(b.distinct()));
        walk(a, b, |step| {
            pooled.push(step.value, step.reference + step.current);
        });
        pooled.finish()
    }

    /// This sample, borrowed.
    pub fn as_sample(&self) -> Sample<'_> {
        Sample {
            values: &self.values,
            counts: &self.counts,
            rows: self.rows,
        }
    }

    /// An empty buffer for [`SampleBuf::push`]. Not a sample until something is pushed, and [`SampleBuf::finish`] called.
    pub(crate) fn with_capacity(distinct: usize) -> Self {
        Self {
            values: Vec::with_capacity(distinct),
            counts: Vec::with_capacity(distinct),
            rows: 0.0,
        }
    }

    /// The sample of what was pushed.
    pub(crate) fn finish(mut self) -> Self {
        self.rows = self.counts.iter().sum();
        self
    }

    /// Appends `count` rows of `value`, which is not below the last one.
    pub(crate) fn push(&mut self, value: f64, count: f64) {
        if self.values.last() == Some(&value) {
            let last = self.counts.len() - 1;
            self.counts[last] += count;
        } else {
            self.values.push(value);
            self.counts.push(count);
        }
    }
}

/// Why values and counts are not a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// There are no values.
    Empty,
    /// Values and counts differ in length.
    LengthMismatch {
        /// Number of values.
        values: usize,
        /// Number of counts.
        counts: usize,
    },
    /// A value is NaN or infinite.
    NotFinite {
        /// Its position.
        index: usize,
    },
    /// A value is not above the one before it.
    NotAscending {
        /// Position of the later one.
        index: usize,
    },
    /// A count is not a positive finite number.
    BadCount {
        /// Its position.
        index: usize,
    },
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the sample is empty"),
            Self::LengthMismatch { values, counts } => {
                write!(f, "{values} values but {counts} counts")
            }
            Self::NotFinite { index } => write!(f, "value {index} is not finite"),
            Self::NotAscending { index } => {
                write!(f, "value {index} is not above the one before it")
            }
            Self::BadCount { index } => write!(f, "count {index} is not positive and finite"),
        }
    }
}

impl core::error::Error for SampleError {}

/// Checks the invariant; the sum of the counts.
fn check(values: &[f64], counts: &[f64]) -> Result<f64, SampleError> {
    if values.len() != counts.len() {
        return Err(SampleError::LengthMismatch {
            values: values.len(),
            counts: counts.len(),
        });
    }
    if values.is_empty() {
        return Err(SampleError::Empty);
    }
    let mut rows = 0.0;
    for (index, (&value, &count)) in values.iter().zip(counts).enumerate() {
        if !value.is_finite() {
            return Err(SampleError::NotFinite { index });
        }
        if index > 0 && value <= values[index - 1] {
            return Err(SampleError::NotAscending { index });
        }
        if !(count > 0.0 && count.is_finite()) {
            return Err(SampleError::BadCount { index });
        }
        rows += count;
    }
    Ok(rows)
}

/// The point a `share` of the way from `low` to `high`, exact at both ends, also where `high - low` overflows.
fn between(low: f64, high: f64, share: f64) -> f64 {
    let gap = high - low;
    let point = if gap.is_finite() {
        low + share * gap
    } else {
        low * (1.0 - share) + high * share
    };
    point.clamp(low, high)
}

/// Mean and variance of the values times `scale`, a power of two that keeps squares inside the range of `f64`.
struct Moments {
    scale: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(sample: &Sample<'_>) -> Self {
        let scale = scale_for(sample.minimum(), sample.maximum());
        let rows = sample.rows();
        let origin = sample.minimum() * scale;
        let weighted = || sample.values.iter().zip(sample.counts);
        let shift = weighted()
            .map(|(&value, &count)| count * (value * scale - origin))
            .sum::<f64>()
            / rows;
        let (mut squares, mut residue) = (0.0, 0.0);
        for (&value, &count) in weighted() {
            let deviation = (value * scale - origin) - shift;
            squares += count * deviation * deviation;
            residue += count * deviation;
        }
        let variance = ((squares - residue * (residue / rows)) / rows).max(0.0);
        Self {
            scale,
            mean: origin + shift,
            variance,
        }
    }
}

/// `1` for values of everyday size; else the power of two that brings their spread to about one.
fn scale_for(minimum: f64, maximum: f64) -> f64 {
    let spread = 0.5 * maximum - 0.5 * minimum;
    let size = minimum.abs().max(maximum.abs());
    let everyday = (spread == 0.0 || spread > 1e-100) && size < 1e100;
    if everyday {
        return 1.0;
    }
    let (_, exponent) = libm::frexp(if size >= 1e100 { size } else { spread });
    libm::ldexp(1.0, (-exponent).clamp(-1000, 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{close, sample};
    use proptest::prelude::*;

    #[test]
    fn new_names_what_is_wrong() {
        assert_eq!(Sample::new(&[], &[]), Err(SampleError::Empty));
        assert_eq!(
            Sample::new(&[1.0], &[]),
            Err(SampleError::LengthMismatch {
                values: 1,
                counts: 0
            })
        );
        assert_eq!(
            Sample::new(&[1.0, f64::NAN], &[1.0, 1.0]),
            Err(SampleError::NotFinite { index: 1 })
        );
        assert_eq!(
            Sample::new(&[1.0, 1.0], &[1.0, 1.0]),
            Err(SampleError::NotAscending { index: 1 })
        );
        assert_eq!(
            Sample::new(&[0.0, 1.0], &[1.0, 0.0]),
            Err(SampleError::BadCount { index: 1 })
        );
        assert_eq!(SampleBuf::from_unsorted(&[]), Err(SampleError::Empty));
        assert_eq!(
            SampleBuf::from_unsorted(&[f64::INFINITY]),
            Err(SampleError::NotFinite { index: 0 })
        );
    }

    #[test]
    fn both_zeros_are_one_value() {
        assert_eq!(sample(&[0.0, -0.0, 1.0]).as_sample().counts(), &[2.0, 1.0]);
    }

    #[test]
    fn pooling_adds_the_rows() {
        let (a, b) = (sample(&[1.0, 2.0, 2.0]), sample(&[0.0, 2.0]));
        let pooled = SampleBuf::pooled(&a.as_sample(), &b.as_sample());
        assert_eq!(pooled, sample(&[0.0, 1.0, 2.0, 2.0, 2.0]));
    }

    #[test]
    fn moments_of_five_rows_done_by_hand() {
        let buffer = sample(&[5.0, 1.0, 1.0, 3.0, 5.0]);
        let five = buffer.as_sample();
        assert_eq!((five.rows(), five.distinct(), five.mean()), (5.0, 3, 3.0));
        close(five.variance(), 16.0 / 5.0, 1e-15);
        assert_eq!((five.minimum(), five.maximum()), (1.0, 5.0));
    }

    #[test]
    fn a_spread_of_one_survives_an_offset_of_1e15() {
        let buffer = sample(&[1e15, 1e15 + 1.0, 1e15 + 2.0]);
        close(buffer.as_sample().variance(), 2.0 / 3.0, 1e-15);
        assert_eq!(buffer.as_sample().mean(), 1e15 + 1.0);
    }

    #[test]
    fn huge_and_tiny_values_keep_their_spread() {
        let huge = sample(&[-f64::MAX, f64::MAX]);
        assert_eq!(huge.as_sample().mean(), 0.0);
        close(huge.as_sample().standard_deviation(), f64::MAX, 1e-15);
        assert_eq!(huge.as_sample().variance(), f64::MAX);
        let tiny = sample(&[1e-300, 3e-300]);
        close(tiny.as_sample().standard_deviation(), 1e-300, 1e-12);
    }

    #[test]
    fn quantiles_equal_numpy_2_4_6() {
        // numpy.quantile([1, 1, 2, 4, 8, 8, 9], [0, .1, .25, .5, .8, .95, 1])
        let buffer = sample(&[1.0, 1.0, 2.0, 4.0, 8.0, 8.0, 9.0]);
        let quantiles = buffer
            .as_sample()
            .quantiles(&[0.0, 0.1, 0.25, 0.5, 0.8, 0.95, 1.0]);
        for (got, want) in quantiles.iter().zip([1.0, 1.0, 1.5, 4.0, 8.0, 8.7, 9.0]) {
            close(*got, want, 1e-14);
        }
    }

    proptest! {
        #[test]
        fn row_order_is_irrelevant(mut rows in prop::collection::vec(-1e6f64..1e6, 1..50)) {
            let forward = sample(&rows);
            rows.reverse();
            prop_assert_eq!(forward, sample(&rows));
        }

        #[test]
        fn quantiles_are_those_of_the_expanded_sample(rows in prop::collection::vec(0u8..6, 1..30), level in 0.0f64..1.0) {
            let mut rows: Vec<f64> = rows.into_iter().map(f64::from).collect();
            let got = sample(&rows).as_sample().quantile(level);
            rows.sort_by(f64::total_cmp);
            let h = (rows.len() - 1) as f64 * level;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small non-negative position")]
            let at = h.floor() as usize;
            let next = rows[(at + 1).min(rows.len() - 1)];
            let want = rows[at] + (h - h.floor()) * (next - rows[at]);
            prop_assert!((got - want).abs() < 1e-12);
        }

        #[test]
        fn moments_are_finite_whatever_the_size(rows in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL, 1..20)) {
            let buffer = sample(&rows);
            let any = buffer.as_sample();
            prop_assert!(any.mean().is_finite() && any.variance().is_finite() && any.standard_deviation().is_finite());
            prop_assert!(any.quantile(0.3).is_finite());
        }
    }
}
