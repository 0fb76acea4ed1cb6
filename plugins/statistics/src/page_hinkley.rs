//! Page-Hinkley: a cumulative sum of deviations from the running mean.

use serde::Deserialize;

use crate::adwin::VALUE_MAX;
use crate::change::{ChangeDetector, UNIT, within};
use crate::setting::{A_SIZE, SettingError, check, is_size};
use crate::state::{Reader, StateError};

/// Which changes of the mean to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Increases only.
    Up,
    /// Decreases only.
    Down,
    /// Both.
    #[default]
    Both,
}

/// Settings of [`PageHinkley`]. The defaults are those of River 0.26.1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageHinkleyParams {
    /// Rows before the first possible detection.
    pub min_rows: u32,
    /// Deviation from the mean that is tolerated at each row, in the unit of the values, `>= 0`.
    pub delta: f64,
    /// Sum of deviations that is a detection (lambda), in the unit of the values, `>= 0`.
    pub threshold: f64,
    /// Share of the sum that is kept from row to row, in `[0, 1]`.
    pub alpha: f64,
    /// Which changes count.
    #[serde(rename = "mode")]
    pub direction: Direction,
}

impl Default for PageHinkleyParams {
    fn default() -> Self {
        Self {
            min_rows: 30,
            delta: 0.005,
            threshold: 50.0,
            alpha: 1.0 - 0.0001,
            direction: Direction::Both,
        }
    }
}

/// The Page-Hinkley test for a change of the mean of a stream.
///
/// With `e = x - mean`, the mean of all rows including `x`: `up = alpha up + e - delta` is compared with its smallest value,
/// `down = alpha down + e + delta` with its largest; a difference above `threshold` is a detection. The row after it starts afresh.
/// Values beyond [`VALUE_MAX`] and NaN are passed over. Detections are those of River 0.26.1, row by row.
/// Source: Page (1954), "Continuous Inspection Schemes"; Hinkley (1971).
#[derive(Debug, Clone, PartialEq)]
pub struct PageHinkley {
    params: PageHinkleyParams,
    rows: u64,
    mean: f64,
    up: f64,
    up_lowest: f64,
    down: f64,
    down_highest: f64,
    detected: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

/// `up_lowest` before the first row.
const LOWEST_START: f64 = f64::INFINITY;

/// `down_highest` before the first row: the value River starts from, which matters for sums that begin below it.
const HIGHEST_START: f64 = -1.0;

impl Default for PageHinkley {
    fn default() -> Self {
        Self::empty(PageHinkleyParams::default())
    }
}

impl PageHinkley {
    /// A test that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: PageHinkleyParams) -> Result<Self, SettingError> {
        check([
            (is_size(params.delta), "delta", A_SIZE),
            (is_size(params.threshold), "threshold", A_SIZE),
            (within(params.alpha, UNIT), "alpha", "a number in [0, 1]"),
        ])?;
        Ok(Self::empty(params))
    }

    /// Takes the next row; whether the mean has changed.
    pub fn update(&mut self, value: f64) -> bool {
        if value.is_nan() || value.abs() > VALUE_MAX {
            return false;
        }
        if self.detected {
            *self = Self::empty(self.params);
        }
        self.rows += 1;
        self.mean += (1.0 / self.rows as f64) * (value - self.mean);
        let deviation = value - self.mean;
        self.up = self.params.alpha * self.up + deviation - self.params.delta;
        self.down = self.params.alpha * self.down + deviation + self.params.delta;
        self.up_lowest = self.up_lowest.min(self.up);
        self.down_highest = self.down_highest.max(self.down);
        if self.rows >= u64::from(self.params.min_rows) {
            let rises = self.up - self.up_lowest > self.params.threshold;
            let falls = self.down_highest - self.down > self.params.threshold;
            self.detected = match self.params.direction {
                Direction::Up => rises,
                Direction::Down => falls,
                Direction::Both => rises || falls,
            };
        }
        self.detected
    }

    /// Takes rows in order; the positions in `values` at which the mean was found to have changed.
    pub fn update_all(&mut self, values: &[f64]) -> Vec<usize> {
        let mut detections = Vec::new();
        for (row, &value) in values.iter().enumerate() {
            if self.update(value) {
                detections.push(row);
            }
        }
        detections
    }

    /// Mean since the last detection; `0` without rows.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Rows since the last detection.
    pub fn rows(&self) -> f64 {
        self.rows as f64
    }

    /// Whether the last row was a detection.
    pub fn detected(&self) -> bool {
        self.detected
    }

    /// The settings.
    pub fn params(&self) -> PageHinkleyParams {
        self.params
    }

    /// The state, settings included. The same state gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let params = &self.params;
        let direction = match params.direction {
            Direction::Up => 0,
            Direction::Down => 1,
            Direction::Both => 2,
        };
        let mut bytes = vec![FORMAT, direction, u8::from(self.detected)];
        bytes.extend(params.min_rows.to_le_bytes());
        bytes.extend(self.rows.to_le_bytes());
        let numbers = [
            params.delta,
            params.threshold,
            params.alpha,
            self.mean,
            self.up,
            self.up_lowest,
        ];
        for number in numbers.into_iter().chain([self.down, self.down_highest]) {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    /// The test that [`PageHinkley::to_bytes`] wrote. Goes on exactly as the original would.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are cut off, of another format, or hold what no test could have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let direction = match reader.u8()? {
            0 => Direction::Up,
            1 => Direction::Down,
            2 => Direction::Both,
            _ => return Err(StateError::Damaged("direction")),
        };
        let detected = reader.bool()?;
        let (min_rows, rows) = (reader.u32()?, reader.u64()?);
        if rows > ROWS_MAX {
            return Err(StateError::Damaged("more rows than a stream can have"));
        }
        let [delta, threshold, alpha] = [
            reader.f64_within(VALUE_MAX)?,
            reader.f64_within(VALUE_MAX)?,
            reader.f64_within(1.0)?,
        ];
        let params = PageHinkleyParams {
            min_rows,
            delta,
            threshold,
            alpha,
            direction,
        };
        let mut test = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        test.rows = rows;
        test.detected = detected;
        test.mean = reader.f64_within(VALUE_MAX)?;
        test.up = reader.f64_within(SUM_MAX)?;
        test.up_lowest = reader.f64_within(if rows == 0 { f64::INFINITY } else { SUM_MAX })?;
        test.down = reader.f64_within(SUM_MAX)?;
        test.down_highest = reader.f64_within(SUM_MAX)?;
        reader.finish()?;
        if rows == 0 && test != Self::empty(params) {
            return Err(StateError::Damaged("sums without rows"));
        }
        Ok(test)
    }

    fn empty(params: PageHinkleyParams) -> Self {
        Self {
            params,
            rows: 0,
            mean: 0.0,
            up: 0.0,
            up_lowest: LOWEST_START,
            down: 0.0,
            down_highest: HIGHEST_START,
            detected: false,
        }
    }
}

/// `2^53`: beyond it a row no longer counts.
const ROWS_MAX: u64 = 1 << 53;

/// More than a sum of deviations can be.
const SUM_MAX: f64 = 1e120;

impl ChangeDetector for PageHinkley {
    fn update(&mut self, value: f64) -> bool {
        self.update(value)
    }
    fn mean(&self) -> f64 {
        self.mean()
    }
    fn rows(&self) -> f64 {
        self.rows()
    }
    fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }
    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        Self::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn detections_equal_river_0_26_1() {
        // river.drift.PageHinkley() over x = (i * i * 7919) % 1000 / 1000 + (1 if (i // 1500) % 2 else 0), i = 0..10000.
        let rows: Vec<f64> = (0_u64..10_000)
            .map(|i| ((i * i * 7919) % 1000) as f64 / 1000.0 + ((i / 1500) % 2) as f64)
            .collect();
        assert_eq!(
            PageHinkley::default().update_all(&rows),
            [1552, 3043, 4552, 6043, 7552, 9043]
        );
    }

    #[test]
    fn a_direction_sees_its_own_changes_only() {
        let rows: Vec<f64> = (0..400).map(|i| if i < 200 { 0.0 } else { 1.0 }).collect();
        let with = |direction| {
            let params = PageHinkleyParams {
                direction,
                threshold: 20.0,
                ..PageHinkleyParams::default()
            };
            PageHinkley::new(params).unwrap().update_all(&rows).len()
        };
        assert_eq!(
            (
                with(Direction::Up),
                with(Direction::Down),
                with(Direction::Both)
            ),
            (1, 0, 1)
        );
    }

    #[test]
    fn nothing_odd_gets_in() {
        let mut test = PageHinkley::default();
        assert!(!test.update(f64::NAN) && !test.update(f64::INFINITY) && !test.update(1e200));
        assert_eq!((test.rows(), test.mean()), (0.0, 0.0));
        let wrong = PageHinkleyParams {
            alpha: 1.5,
            ..PageHinkleyParams::default()
        };
        assert_eq!(
            PageHinkley::new(wrong).map_err(|error| error.setting),
            Err("alpha")
        );
    }

    proptest! {
        #[test]
        fn a_restored_test_goes_on_as_the_original(values in prop::collection::vec(-1e3f64..1e3, 0..200), cut in 0usize..200) {
            let cut = cut.min(values.len());
            let mut whole = PageHinkley::default();
            whole.update_all(&values[..cut]);
            let mut restored = PageHinkley::from_bytes(&whole.to_bytes()).unwrap();
            prop_assert_eq!(&restored, &whole);
            prop_assert_eq!(restored.update_all(&values[cut..]), whole.update_all(&values[cut..]));
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..100, byte in any::<u8>(), end in 0usize..100) {
            let mut test = PageHinkley::default();
            test.update_all(&[1.0, 2.0, 3.0]);
            let mut bytes = test.to_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(mut test) = PageHinkley::from_bytes(&bytes) {
                test.update(4.0);
                prop_assert!(test.mean().is_finite());
            }
            let end = end % bytes.len();
            prop_assert!(PageHinkley::from_bytes(&bytes[..end]).is_err());
        }
    }
}
