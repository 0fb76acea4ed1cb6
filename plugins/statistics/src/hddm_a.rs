//! HDDM-A: has the mean risen since the row at which its bound was lowest?

use serde::Deserialize;

use crate::change::{ChangeDetector, UNIT, within};
use crate::running_mean::RunningMean;
use crate::setting::{A_LEVEL, SettingError, check, is_level};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`HddmA`]. The defaults are those of River 0.26.1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HddmAParams {
    /// Level of a change, in `(0, 1)`.
    pub drift_confidence: f64,
    /// Level of a warning, in `(0, 1)`.
    pub warning_confidence: f64,
    /// Whether falls count as well as rises.
    pub two_sided: bool,
}

impl Default for HddmAParams {
    fn default() -> Self {
        Self {
            drift_confidence: 0.001,
            warning_confidence: 0.005,
            two_sided: false,
        }
    }
}

/// Hoeffding's bound on the difference of two means of values in `[0, 1]`: all rows, and the rows up to a cut.
///
/// The cut is where `mean + sqrt(ln(1 / d) / 2 n)` was lowest. With `k` of the `n` rows before it and `m = (n - k) / (k n)`, a change
/// is `mean - mean at the cut >= sqrt(m / 2 ln(2 / d))`, `d` the `drift_confidence`; a warning is the same with the other one.
/// Falls are the mirror image. The row after a change starts afresh. Changes and warnings are those of River 0.26.1, row by row.
///
/// `d` is the level of one comparison, not of a stream: the cut is chosen by looking, and every row is one more look.
/// Source: Frías-Blanco et al. (2015), "Online and Non-Parametric Drift Detection Methods Based on Hoeffding's Bounds".
#[derive(Debug, Clone, PartialEq)]
pub struct HddmA {
    params: HddmAParams,
    /// `ln(1 / d)`.
    log_cut: f64,
    /// `ln(2 / d)` of a change and of a warning.
    log_drift: f64,
    log_warning: f64,
    all: RunningMean,
    /// The rows up to the cut for rises, and for falls.
    low: RunningMean,
    high: RunningMean,
    warned: bool,
    detected: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

impl Default for HddmA {
    fn default() -> Self {
        Self::empty(HddmAParams::default())
    }
}

impl HddmA {
    /// A detector that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: HddmAParams) -> Result<Self, SettingError> {
        check([
            (
                is_level(params.drift_confidence),
                "drift_confidence",
                A_LEVEL,
            ),
            (
                is_level(params.warning_confidence),
                "warning_confidence",
                A_LEVEL,
            ),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: HddmAParams) -> Self {
        Self {
            params,
            log_cut: libm::log(1.0 / params.drift_confidence),
            log_drift: libm::log(2.0 / params.drift_confidence),
            log_warning: libm::log(2.0 / params.warning_confidence),
            all: RunningMean::default(),
            low: RunningMean::default(),
            high: RunningMean::default(),
            warned: false,
            detected: false,
        }
    }

    fn reset(&mut self) {
        let none = RunningMean::default();
        (self.all, self.low, self.high) = (none, none, none);
        (self.warned, self.detected) = (false, false);
    }

    /// Half the width of the interval of a mean.
    fn bound(&self, of: &RunningMean) -> f64 {
        (1.0 / (2.0 * of.rows) * self.log_cut).sqrt()
    }

    /// Moves the cuts to here if the bound here is the furthest out.
    fn move_cuts(&mut self) {
        let here = self.bound(&self.all);
        let (low, high, all) = (&self.low, &self.high, self.all);
        let lower = low.rows == 0.0 || low.mean + self.bound(low) >= all.mean + here;
        let higher = high.rows == 0.0 || high.mean - self.bound(high) <= all.mean - here;
        if lower {
            self.low = all;
        }
        if higher {
            self.high = all;
        }
    }

    /// Whether `difference` of all rows and those up to a cut is more than the bound allows.
    fn beyond(&self, difference: f64, cut: &RunningMean, log: f64) -> bool {
        let (n, k) = (self.all.rows, cut.rows);
        n > k && difference >= ((n - k) / k * (1.0 / n) / 2.0 * log).sqrt()
    }
}

impl ChangeDetector for HddmA {
    const RANGE: (f64, f64) = UNIT;
    const WARNS: bool = true;

    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            self.reset();
        }
        self.all.update(value);
        self.move_cuts();
        let rise = self.all.mean - self.low.mean;
        let rises = self.beyond(rise, &self.low, self.log_drift);
        (self.detected, self.warned) = (
            rises,
            !rises && self.beyond(rise, &self.low, self.log_warning),
        );
        if self.params.two_sided {
            let fall = self.high.mean - self.all.mean;
            if self.beyond(fall, &self.high, self.log_drift) {
                self.detected = true;
            } else if self.beyond(fall, &self.high, self.log_warning) {
                self.warned = true;
            }
        }
        self.detected
    }
    fn warned(&self) -> bool {
        self.warned
    }
    fn mean(&self) -> f64 {
        self.all.mean
    }
    fn rows(&self) -> f64 {
        self.all.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let HddmAParams {
            drift_confidence,
            warning_confidence,
            two_sided,
        } = self.params;
        let start = Writer::new(FORMAT)
            .f64s([drift_confidence, warning_confidence])
            .bool(two_sided);
        [self.all, self.low, self.high]
            .iter()
            .fold(start, |to, mean| mean.write(to))
            .bool(self.warned)
            .bool(self.detected)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let params = HddmAParams {
            drift_confidence: reader.f64_within(1.0)?,
            warning_confidence: reader.f64_within(1.0)?,
            two_sided: reader.bool()?,
        };
        let mut detector = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        detector.all = RunningMean::read(&mut reader, 1.0)?;
        detector.low = RunningMean::read(&mut reader, 1.0)?;
        detector.high = RunningMean::read(&mut reader, 1.0)?;
        if detector.low.rows.max(detector.high.rows) > detector.all.rows {
            return Err(StateError::Damaged("a cut after the last row"));
        }
        detector.warned = reader.bool()?;
        detector.detected = reader.bool()?;
        reader.finish()?;
        Ok(detector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{any_cut_goes_on, damage_is_refused_or_harmless, falls_mirror_rises};
    use proptest::prelude::*;

    #[test]
    fn the_first_row_beyond_the_bound_is_the_alarm() {
        // 100 rows of 0, then ones: the cut stays at 100, and the first j with j / n >= sqrt(j / (100 n) / 2 ln 2000), n = 100 + j, is 4.
        let passes = |j: f64| {
            let n = 100.0 + j;
            j / n >= (j / (100.0 * n) / 2.0 * libm::log(2000.0)).sqrt()
        };
        assert!(!passes(3.0) && passes(4.0));
        let rows: Vec<f64> = (0..200)
            .map(|row| f64::from(u8::from(row >= 100)))
            .collect();
        assert_eq!(HddmA::default().update_all(&rows)[0], 103);
    }

    #[test]
    fn falls_count_only_on_request_and_mirror_rises() {
        let both = HddmA::new(HddmAParams {
            two_sided: true,
            ..HddmAParams::default()
        });
        falls_mirror_rises(&HddmA::default(), &both.unwrap());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for wrong in [0.0, 1.0, f64::NAN] {
            let params = HddmAParams {
                warning_confidence: wrong,
                ..HddmAParams::default()
            };
            assert_eq!(
                HddmA::new(params).map_err(|error| error.setting),
                Err("warning_confidence")
            );
        }
    }

    proptest! {
        #[test]
        fn a_restored_detector_goes_on_as_the_original(values in prop::collection::vec(0f64..=1.0, 0..300), cut in 0usize..300) {
            any_cut_goes_on(&HddmA::default(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..100, byte in any::<u8>()) {
            damage_is_refused_or_harmless(HddmA::default(), at, byte)?;
        }
    }
}
