//! HDDM-W: has the mean risen, when recent rows weigh more?

use serde::Deserialize;

use crate::change::{ChangeDetector, UNIT, within};
use crate::setting::{A_LEVEL, SettingError, check, is_level};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`HddmW`]. The defaults are those of River 0.26.1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HddmWParams {
    /// Level of a change, in `(0, 1)`.
    pub drift_confidence: f64,
    /// Level of a warning, in `(0, 1)`.
    pub warning_confidence: f64,
    /// Weight of the newest row, in `(0, 1)`.
    pub lambda: f64,
    /// Whether falls count as well as rises.
    pub two_sided: bool,
}

impl Default for HddmWParams {
    fn default() -> Self {
        Self {
            drift_confidence: 0.001,
            warning_confidence: 0.005,
            lambda: 0.05,
            two_sided: false,
        }
    }
}

/// McDiarmid's bound on the difference of two exponentially weighted means of values in `[0, 1]`.
///
/// A mean `z` starts at its first row, then `z += lambda (x - z)`; its independent bounded condition starts at 1, then
/// `c = lambda^2 + (1 - lambda)^2 c`. The cut for rises is where `z + sqrt(c ln(1 / d) / 2)` of all rows was lowest: the mean up to
/// there stays, and a new one begins after it. A change is new - old `> sqrt((c_old + c_new) ln(1 / d) / 2)`, `d` the
/// `drift_confidence`; a warning is the same with the other one. Falls are the mirror image. The row after a change starts afresh.
/// Changes and warnings are those of River 0.26.1, row by row.
///
/// `d` is the level of one comparison, not of a stream.
/// Source: Frías-Blanco et al. (2015), "Online and Non-Parametric Drift Detection Methods Based on Hoeffding's Bounds".
#[derive(Debug, Clone, PartialEq)]
pub struct HddmW {
    params: HddmWParams,
    /// `ln(1 / d)` of a change and of a warning.
    log_drift: f64,
    log_warning: f64,
    rows: f64,
    all: Weighted,
    rise: Cut,
    fall: Cut,
    warned: bool,
    detected: bool,
}

/// An exponentially weighted mean, once there is one, and its bounded condition.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weighted {
    mean: Option<f64>,
    condition: f64,
}

/// The mean up to a cut, the mean after it, and the bound that made the cut.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cut {
    before: Weighted,
    after: Weighted,
    bound: Option<f64>,
}

impl Weighted {
    const EMPTY: Self = Self {
        mean: None,
        condition: 1.0,
    };

    fn update(&mut self, value: f64, lambda: f64) {
        self.mean = Some(
            self.mean
                .map_or(value, |mean| mean + lambda * (value - mean)),
        );
        let kept = 1.0 - lambda;
        self.condition = lambda * lambda + kept * kept * self.condition;
    }

    fn write(&self, to: Writer) -> Writer {
        to.bool(self.mean.is_some())
            .f64s([self.mean.unwrap_or_default(), self.condition])
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        let (known, mean) = (from.bool()?, from.f64_within(1.0)?);
        let condition = from.f64_within(1.0)?;
        if condition < 0.0 {
            return Err(StateError::Damaged("a condition below zero"));
        }
        Ok(Self {
            mean: known.then_some(mean),
            condition,
        })
    }
}

impl Cut {
    const EMPTY: Self = Self {
        before: Weighted::EMPTY,
        after: Weighted::EMPTY,
        bound: None,
    };

    /// `sign` is 1 for rises and -1 for falls, whose bound is the highest.
    fn update(&mut self, value: f64, all: &Weighted, log: f64, lambda: f64, sign: f64) {
        let mean = all.mean.unwrap_or(value);
        let bound = sign * mean + (all.condition * log / 2.0).sqrt();
        if self.bound.is_none_or(|lowest| bound < lowest) {
            *self = Self {
                before: *all,
                after: Weighted::EMPTY,
                bound: Some(bound),
            };
        } else {
            self.after.update(value, lambda);
        }
    }

    fn passed(&self, log: f64, sign: f64) -> bool {
        let (Some(before), Some(after)) = (self.before.mean, self.after.mean) else {
            return false;
        };
        let condition = self.before.condition + self.after.condition;
        sign * (after - before) > (condition * log / 2.0).sqrt()
    }

    fn write(&self, to: Writer) -> Writer {
        self.after
            .write(self.before.write(to))
            .bool(self.bound.is_some())
            .f64(self.bound.unwrap_or_default())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        let (before, after) = (Weighted::read(from)?, Weighted::read(from)?);
        let (known, bound) = (from.bool()?, from.f64_within(BOUND_MAX)?);
        Ok(Self {
            before,
            after,
            bound: known.then_some(bound),
        })
    }
}

/// First byte of a state.
const FORMAT: u8 = 1;

/// More than a mean and its bound can be: `ln(1 / d)` is at most 745.
const BOUND_MAX: f64 = 1e3;

impl Default for HddmW {
    fn default() -> Self {
        Self::empty(HddmWParams::default())
    }
}

impl HddmW {
    /// A detector that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: HddmWParams) -> Result<Self, SettingError> {
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
            (is_level(params.lambda), "lambda", A_LEVEL),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: HddmWParams) -> Self {
        Self {
            params,
            log_drift: libm::log(1.0 / params.drift_confidence),
            log_warning: libm::log(1.0 / params.warning_confidence),
            rows: 0.0,
            all: Weighted::EMPTY,
            rise: Cut::EMPTY,
            fall: Cut::EMPTY,
            warned: false,
            detected: false,
        }
    }
}

impl ChangeDetector for HddmW {
    const RANGE: (f64, f64) = UNIT;
    const WARNS: bool = true;

    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            (self.rows, self.all) = (0.0, Weighted::EMPTY);
            (self.rise, self.fall) = (Cut::EMPTY, Cut::EMPTY);
        }
        self.rows += 1.0;
        let lambda = self.params.lambda;
        self.all.update(value, lambda);
        self.rise
            .update(value, &self.all, self.log_drift, lambda, 1.0);
        self.detected = self.rise.passed(self.log_drift, 1.0);
        self.warned = !self.detected && self.rise.passed(self.log_warning, 1.0);
        if self.params.two_sided {
            self.fall
                .update(value, &self.all, self.log_drift, lambda, -1.0);
            if self.fall.passed(self.log_drift, -1.0) {
                self.detected = true;
            } else if self.fall.passed(self.log_warning, -1.0) {
                self.warned = true;
            }
        }
        self.detected
    }
    fn warned(&self) -> bool {
        self.warned
    }
    /// The weighted mean of all rows.
    fn mean(&self) -> f64 {
        self.all.mean.unwrap_or_default()
    }
    fn rows(&self) -> f64 {
        self.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let HddmWParams {
            drift_confidence,
            warning_confidence,
            lambda,
            two_sided,
        } = self.params;
        let start = Writer::new(FORMAT)
            .f64s([drift_confidence, warning_confidence, lambda])
            .bool(two_sided)
            .f64(self.rows);
        let means = self.all.write(start);
        self.fall
            .write(self.rise.write(means))
            .bool(self.warned)
            .bool(self.detected)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let params = HddmWParams {
            drift_confidence: reader.f64_within(1.0)?,
            warning_confidence: reader.f64_within(1.0)?,
            lambda: reader.f64_within(1.0)?,
            two_sided: reader.bool()?,
        };
        let mut detector = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        detector.rows = reader.rows()?;
        detector.all = Weighted::read(&mut reader)?;
        detector.rise = Cut::read(&mut reader)?;
        detector.fall = Cut::read(&mut reader)?;
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
    fn a_jump_from_none_to_all_is_seen_within_a_few_rows() {
        // The mean before is 0, the mean after 1: the first row for which 1 > sqrt((c_old + c_new) ln(1000) / 2).
        let rows: Vec<f64> = (0..400)
            .map(|row| f64::from(u8::from(row >= 200)))
            .collect();
        let (mut old, mut new, mut first) = (1.0_f64, 1.0_f64, 0);
        for _ in 0..200 {
            old = 0.05 * 0.05 + 0.95 * 0.95 * old;
        }
        for row in 200.. {
            new = 0.05 * 0.05 + 0.95 * 0.95 * new;
            if 1.0 > ((old + new) * libm::log(1000.0) / 2.0).sqrt() {
                first = row;
                break;
            }
        }
        assert_eq!(HddmW::default().update_all(&rows)[0], first);
    }

    #[test]
    fn falls_count_only_on_request_and_mirror_rises() {
        let both = HddmW::new(HddmWParams {
            two_sided: true,
            ..HddmWParams::default()
        });
        falls_mirror_rises(&HddmW::default(), &both.unwrap());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for wrong in [0.0, 1.0, f64::NAN] {
            let params = HddmWParams {
                lambda: wrong,
                ..HddmWParams::default()
            };
            assert_eq!(
                HddmW::new(params).map_err(|error| error.setting),
                Err("lambda")
            );
        }
    }

    proptest! {
        #[test]
        fn a_restored_detector_goes_on_as_the_original(values in prop::collection::vec(0f64..=1.0, 0..300), cut in 0usize..300) {
            any_cut_goes_on(&HddmW::default(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..300, byte in any::<u8>()) {
            damage_is_refused_or_harmless(HddmW::default(), at, byte)?;
        }
    }
}
