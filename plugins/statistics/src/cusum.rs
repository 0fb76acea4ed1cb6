//! CUSUM: the sum of deviations beyond a slack, which never falls below zero.

use serde::Deserialize;

use crate::adwin::VALUE_MAX;
use crate::change::{ChangeDetector, within};
use crate::page_hinkley::Direction;
use crate::setting::{A_SIZE, SettingError, check, is_size};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`Cusum`]. With `direction` up the defaults are those of Frouros 0.9.0.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CusumParams {
    /// Rows before the first possible detection.
    pub min_rows: u32,
    /// Deviation from the mean that is tolerated at each row (k), in the unit of the values, `>= 0`.
    pub delta: f64,
    /// Sum of deviations that is a detection (h), in the unit of the values, `>= 0`.
    pub threshold: f64,
    /// The mean that the stream should have; without it, the running mean since the last detection.
    pub target: Option<f64>,
    /// Which changes count.
    #[serde(rename = "mode")]
    pub direction: Direction,
}

impl Default for CusumParams {
    fn default() -> Self {
        Self {
            min_rows: 30,
            delta: 0.005,
            threshold: 50.0,
            target: None,
            direction: Direction::Both,
        }
    }
}

/// The tabular two-sided cumulative sum.
///
/// With `m` the target, or the mean of all rows including `x`: `up = max(0, up + x - m - delta)` and
/// `down = max(0, down - x + m - delta)`; one above `threshold` is a detection from row `min_rows` on. The row after it starts afresh.
/// Values beyond [`VALUE_MAX`] and NaN are passed over.
///
/// Source: Page (1954), "Continuous Inspection Schemes"; Montgomery (2019), "Introduction to Statistical Quality Control", section 9.1,
/// for both sides at once. Upwards and with the running mean its rows are those of Frouros 0.9.0.
#[derive(Debug, Clone, PartialEq)]
pub struct Cusum {
    params: CusumParams,
    rows: f64,
    mean: f64,
    up: f64,
    down: f64,
    detected: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

/// More than a sum of deviations can be.
const SUM_MAX: f64 = 1e120;

impl Default for Cusum {
    fn default() -> Self {
        Self::empty(CusumParams::default())
    }
}

impl Cusum {
    /// A test that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: CusumParams) -> Result<Self, SettingError> {
        let target = params
            .target
            .is_none_or(|target| within(target, Self::RANGE));
        check([
            (is_size(params.delta), "delta", A_SIZE),
            (is_size(params.threshold), "threshold", A_SIZE),
            (target, "target", "a number in [-1e100, 1e100]"),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: CusumParams) -> Self {
        Self {
            params,
            rows: 0.0,
            mean: 0.0,
            up: 0.0,
            down: 0.0,
            detected: false,
        }
    }
}

impl ChangeDetector for Cusum {
    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            *self = Self::empty(self.params);
        }
        self.rows += 1.0;
        self.mean += (value - self.mean) / self.rows;
        let centre = self.params.target.unwrap_or(self.mean);
        let CusumParams {
            delta,
            threshold,
            direction,
            ..
        } = self.params;
        self.up = (self.up + value - centre - delta).max(0.0);
        self.down = (self.down - value + centre - delta).max(0.0);
        let rises = direction != Direction::Down && self.up > threshold;
        let falls = direction != Direction::Up && self.down > threshold;
        self.detected = self.ready() && (rises || falls);
        self.detected
    }
    fn ready(&self) -> bool {
        self.rows >= f64::from(self.params.min_rows)
    }
    fn mean(&self) -> f64 {
        self.mean
    }
    fn rows(&self) -> f64 {
        self.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let CusumParams {
            min_rows,
            delta,
            threshold,
            target,
            direction,
        } = self.params;
        let direction = match direction {
            Direction::Up => 0,
            Direction::Down => 1,
            Direction::Both => 2,
        };
        Writer::new(FORMAT)
            .u32(min_rows)
            .f64s([delta, threshold])
            .bool(target.is_some())
            .f64(target.unwrap_or_default())
            .u8(direction)
            .f64s([self.rows, self.mean, self.up, self.down])
            .bool(self.detected)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let min_rows = reader.u32()?;
        let (delta, threshold) = (reader.f64_within(VALUE_MAX)?, reader.f64_within(VALUE_MAX)?);
        let (given, target) = (reader.bool()?, reader.f64_within(VALUE_MAX)?);
        let direction = match reader.u8()? {
            0 => Direction::Up,
            1 => Direction::Down,
            2 => Direction::Both,
            _ => return Err(StateError::Damaged("direction")),
        };
        let params = CusumParams {
            min_rows,
            delta,
            threshold,
            target: given.then_some(target),
            direction,
        };
        let mut test = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        test.rows = reader.rows()?;
        test.mean = reader.f64_within(VALUE_MAX)?;
        test.up = reader.f64_within(SUM_MAX)?;
        test.down = reader.f64_within(SUM_MAX)?;
        test.detected = reader.bool()?;
        reader.finish()?;
        Ok(test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{any_cut_goes_on, damage_is_refused_or_harmless};
    use proptest::prelude::*;

    fn with(direction: Direction, target: Option<f64>) -> Cusum {
        Cusum::new(CusumParams {
            direction,
            target,
            threshold: 5.0,
            delta: 0.5,
            min_rows: 1,
        })
        .unwrap()
    }

    #[test]
    fn a_shift_of_two_from_the_target_takes_the_sum_past_five_in_four_rows() {
        // Each row adds 2 - 0.5: 1.5, 3, 4.5, 6.
        let mut rows = vec![0.0; 10];
        rows.extend([2.0; 4]);
        assert_eq!(with(Direction::Both, Some(0.0)).update_all(&rows), [13]);
        assert_eq!(with(Direction::Down, Some(0.0)).update_all(&rows), [0; 0]);
        let mirrored: Vec<f64> = rows.iter().map(|x| -x).collect();
        assert_eq!(with(Direction::Both, Some(0.0)).update_all(&mirrored), [13]);
        assert_eq!(with(Direction::Up, Some(0.0)).update_all(&mirrored), [0; 0]);
    }

    #[test]
    fn settings_out_of_range_are_named_and_nothing_odd_gets_in() {
        let wrong = |change: fn(&mut CusumParams)| {
            let mut params = CusumParams::default();
            change(&mut params);
            Cusum::new(params).map_err(|error| error.setting)
        };
        assert_eq!(wrong(|params| params.delta = -0.1).err(), Some("delta"));
        assert_eq!(
            wrong(|params| params.threshold = f64::NAN).err(),
            Some("threshold")
        );
        assert_eq!(
            wrong(|params| params.target = Some(f64::INFINITY)).err(),
            Some("target")
        );
        let mut test = Cusum::default();
        assert!(!test.update(f64::NAN) && !test.update(f64::INFINITY) && !test.update(1e200));
        assert_eq!(test, Cusum::default());
    }

    proptest! {
        #[test]
        fn a_restored_test_goes_on_as_the_original(values in prop::collection::vec(-1e3f64..1e3, 0..300), cut in 0usize..300) {
            any_cut_goes_on(&Cusum::default(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..100, byte in any::<u8>()) {
            damage_is_refused_or_harmless(Cusum::default(), at, byte)?;
        }
    }
}
