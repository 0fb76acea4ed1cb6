//! A large sample reduced to few weighted values.

use crate::ks::ks_statistic;
use crate::sample::{Sample, SampleBuf};

/// A reduced sample, with what the reduction cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Compressed {
    /// At most the number of values asked for. The rows, the minimum and the maximum are those of the full sample.
    pub sample: SampleBuf,
    /// `max |F - F'|` between the two distribution functions, in `[0, 1]`; measured, not estimated.
    pub rank_error: f64,
}

/// Reduces `sample` to at most `points` values (at least 2) of about equal weight.
///
/// With `g = points - 1`, the values are the order statistics nearest to the levels `0, 1/g, 2/g, ..., 1`; each inner one stands for
/// `1/g` of the rows around it, the two ends for half as much. So the rank error is at most `1 / (2 g)` plus half a row, and less
/// where values repeat. Counts stay whole if they were. A sample of no more than `points` distinct values comes back unchanged.
pub fn compress(sample: &Sample<'_>, points: usize) -> Compressed {
    let points = points.max(2);
    if sample.distinct() <= points {
        let mut same = SampleBuf::with_capacity(sample.distinct());
        for (&value, &count) in sample.values().iter().zip(sample.counts()) {
            same.push(value, count);
        }
        return Compressed {
            sample: same.finish(),
            rank_error: 0.0,
        };
    }
    let rows = sample.rows();
    let gaps = (points - 1) as f64;
    let mut reduced = SampleBuf::with_capacity(points);
    let (mut at, mut through, mut taken) = (0, sample.counts()[0], 0.0);
    for point in 0..points {
        let until = if point + 1 == points {
            rows
        } else {
            (rows * ((point as f64 + 0.5) / gaps)).round()
        };
        let value = if point + 1 == points {
            sample.maximum()
        } else {
            let rank = rows * (point as f64 / gaps);
            while through <= rank && at + 1 < sample.distinct() {
                at += 1;
                through += sample.counts()[at];
            }
            sample.values()[at]
        };
        if until > taken {
            reduced.push(value, until - taken);
            taken = until;
        }
    }
    let reduced = reduced.finish();
    let rank_error = ks_statistic(sample, &reduced.as_sample());
    Compressed {
        sample: reduced,
        rank_error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;
    use proptest::prelude::*;

    #[test]
    fn a_thousand_rows_become_five_quarters() {
        let rows: Vec<f64> = (0..1000).map(f64::from).collect();
        let reduced = compress(&sample(&rows).as_sample(), 5);
        assert_eq!(
            reduced.sample.as_sample().values(),
            &[0.0, 250.0, 500.0, 750.0, 999.0]
        );
        assert_eq!(
            reduced.sample.as_sample().counts(),
            &[125.0, 250.0, 250.0, 250.0, 125.0]
        );
        assert!(reduced.rank_error <= 0.125 + 0.0005);
    }

    proptest! {
        #[test]
        fn the_stated_error_holds(rows in prop::collection::vec(0i32..400, 1..600), points in 2usize..40) {
            let rows: Vec<f64> = rows.into_iter().map(f64::from).collect();
            let buffer = sample(&rows);
            let full = buffer.as_sample();
            let reduced = compress(&full, points);
            let short = reduced.sample.as_sample();
            prop_assert!(short.distinct() <= points.max(2));
            prop_assert_eq!(short.rows(), full.rows());
            prop_assert_eq!((short.minimum(), short.maximum()), (full.minimum(), full.maximum()));
            prop_assert!(reduced.rank_error <= 0.5 / (points - 1) as f64 + 0.5001 / full.rows(), "{}", reduced.rank_error);
            prop_assert!(Sample::new(short.values(), short.counts()).is_ok());
        }
    }
}
