//! Count, mean, variance and range that stay right when they are merged.

/// Sums run in this many lanes, in a fixed order: quick, and the same bits everywhere.
const LANES: usize = 4;

/// Moments of finite numbers. All zero where `count` is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// Number of values.
    pub count: u64,
    /// Their mean, in `[minimum, maximum]`.
    pub mean: f64,
    /// What rounding took from the mean: next to 1e15 a double is off by up to 0.06, which would go
    /// into the variance when moments merge.
    pub(super) mean_rest: f64,
    /// Sum of squared deviations from the mean; `f64::MAX` where it is larger than that.
    pub squares: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
}

impl Moments {
    /// Moments of ascending numbers, the one at `index` occurring `counts[index]` times, or once
    /// where `counts` is empty.
    ///
    /// Two passes, the first from a pivot and the second corrected for the rounding of the mean
    /// (Chan, Golub & `LeVeque` 1983, "Algorithms for computing the sample variance", eq. 1.7), so that a
    /// mean of 1e15 leaves a variance of 1 intact.
    pub fn of_sorted(sorted: &[f64], counts: &[u64]) -> Self {
        let (Some(&minimum), Some(&maximum)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let every_count = || counts.iter().sum();
        let count = if counts.is_empty() {
            sorted.len() as u64
        } else {
            every_count()
        };
        let n = count as f64;
        let pivot = sorted[sorted.len() / 2];
        let (mean, rest) = exact_sum(pivot, sum(sorted, counts, |x| x - pivot) / n);
        let (mean, rest) = if mean.is_finite() {
            (mean, rest)
        } else {
            (sum(sorted, counts, |x| x / n), 0.0)
        };
        let rounding = sum(sorted, counts, |x| (x - mean) - rest);
        let squares = sum(sorted, counts, |x| square((x - mean) - rest)) - square(rounding) / n;
        Self {
            count,
            mean,
            mean_rest: rest,
            squares: bounded(squares),
            minimum,
            maximum,
        }
        .clamped()
    }

    /// Moments of both sets of values together (Chan, Golub & `LeVeque` 1983, eq. 2.1).
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { *other } else { *self };
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let (share, others_share) = (n / (n + m), m / (n + m));
        let difference = (other.mean - self.mean) + (other.mean_rest - self.mean_rest);
        let (mean, rest) = exact_sum(self.mean, self.mean_rest + difference * others_share);
        let overflown = || (self.mean * share + other.mean * others_share, 0.0);
        let (mean, mean_rest) = if mean.is_finite() {
            (mean, rest)
        } else {
            overflown()
        };
        let merged = Self {
            count: self.count + other.count,
            mean,
            mean_rest,
            squares: bounded(self.squares + other.squares + square(difference) * share * m),
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        };
        merged.clamped()
    }

    /// Puts a mean that rounding moved out of the range back to its end.
    fn clamped(self) -> Self {
        let mean = self.mean.clamp(self.minimum, self.maximum);
        let mean_rest = if mean == self.mean {
            self.mean_rest
        } else {
            0.0
        };
        Self {
            mean,
            mean_rest,
            ..self
        }
    }

    /// Variance with divisor `count`; `0` where there is no value.
    pub fn variance(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.squares / self.count as f64
        }
    }
}

/// The sum and what rounding took from it (Knuth, TAOCP 2, section 4.2.2, theorem B).
fn exact_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

fn square(x: f64) -> f64 {
    x * x
}

/// Sums of squares that overflow, and the NaN of an overflow less another, end at the largest number.
fn bounded(squares: f64) -> f64 {
    if squares.is_finite() {
        squares.max(0.0)
    } else {
        f64::MAX
    }
}

fn sum(values: &[f64], counts: &[u64], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    if counts.is_empty() {
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, &value) in lanes.iter_mut().zip(chunk) {
                *lane += term(value);
            }
        }
        for (lane, &value) in lanes.iter_mut().zip(rest) {
            *lane += term(value);
        }
    } else {
        for (index, (&value, &count)) in values.iter().zip(counts).enumerate() {
            lanes[index % LANES] += term(value) * count as f64;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64, relative: f64) -> bool {
        (a - b).abs() <= relative * a.abs().max(b.abs())
    }

    fn moments(values: &[f64]) -> Moments {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Moments::of_sorted(&sorted, &[])
    }

    #[test]
    fn two_four_four_four_five_five_seven_nine_have_mean_5_and_variance_4() {
        let moments = Moments::of_sorted(&[2.0, 4.0, 5.0, 7.0, 9.0], &[1, 3, 2, 1, 1]);
        assert_eq!(
            (moments.count, moments.mean, moments.variance()),
            (8, 5.0, 4.0)
        );
        assert_eq!((moments.minimum, moments.maximum), (2.0, 9.0));
    }

    #[test]
    fn no_values_have_no_moments() {
        assert_eq!(moments(&[]), Moments::default());
        assert_eq!(moments(&[]).variance(), 0.0);
        assert_eq!(moments(&[3.0]).merge(&moments(&[])), moments(&[3.0]));
    }

    #[test]
    fn a_mean_of_1e15_leaves_a_variance_of_one_quarter_intact() {
        let values: Vec<f64> = (0..100_000).map(|i| 1e15 + f64::from(i % 2)).collect();
        assert!(close(moments(&values).variance(), 0.25, 1e-12));
        let merged = values
            .chunks(777)
            .map(moments)
            .fold(Moments::default(), |all, part| all.merge(&part));
        assert!(
            close(merged.variance(), 0.25, 1e-9),
            "{}",
            merged.variance()
        );
    }

    #[test]
    fn numbers_at_the_end_of_the_range_leave_every_moment_finite() {
        let far = moments(&[-f64::MAX, f64::MAX, f64::MAX]);
        assert!(far.mean.is_finite() && far.variance().is_finite());
        let merged = moments(&[-f64::MAX]).merge(&moments(&[f64::MAX]));
        assert_eq!((merged.mean, merged.squares), (0.0, f64::MAX));
    }

    proptest! {
        #[test]
        fn parts_merge_to_the_moments_of_the_whole(
            values in prop::collection::vec(-1e6..1e6_f64, 1..200), at in 0..200_usize,
        ) {
            let (left, right) = values.split_at(at.min(values.len()));
            let (whole, merged) = (moments(&values), moments(left).merge(&moments(right)));
            prop_assert_eq!(whole.count, merged.count);
            prop_assert!((whole.mean - merged.mean).abs() < 1e-8);
            prop_assert!((whole.squares - merged.squares).abs() <= 1e-9 * whole.squares + 1e-3);
            prop_assert_eq!((whole.minimum, whole.maximum), (merged.minimum, merged.maximum));
        }
    }
}
