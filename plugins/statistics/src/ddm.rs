//! DDM: has the error rate risen above the best it has been?

use serde::Deserialize;

use crate::change::{ChangeDetector, UNIT, within};
use crate::running_mean::RunningMean;
use crate::setting::{SettingError, check};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`Ddm`]. The defaults are those of River 0.26.1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DdmParams {
    /// Rows that are only learned from.
    pub min_rows: u32,
    /// Standard deviations above the best rate that are a warning, `>= 0`.
    pub warning_threshold: f64,
    /// Standard deviations above the best rate that are a change, `>= 0`.
    pub drift_threshold: f64,
}

impl Default for DdmParams {
    fn default() -> Self {
        Self {
            min_rows: 30,
            warning_threshold: 2.0,
            drift_threshold: 3.0,
        }
    }
}

/// The drift detection method over errors in `[0, 1]`: `p` their mean, `s = sqrt(p (1 - p) / n)`.
///
/// Where `p + s` is smallest, both are kept as `p0` and `s0`. A change is `p + s > p0 + drift_threshold s0`; a warning is the same with
/// `warning_threshold`. The row after a change starts afresh. Rows of changes and warnings are those of River 0.26.1.
///
/// Noisy: `p0 + s0` is the minimum of a random walk, so the threshold is passed without any change sooner or later, and a first
/// stretch without errors makes the first error an alarm. For compatibility; ADWIN is the default.
/// Source: Gama et al. (2004), "Learning with Drift Detection".
#[derive(Debug, Clone, PartialEq)]
pub struct Ddm {
    params: DdmParams,
    rate: RunningMean,
    /// `p0` and `s0`, once there are any.
    best: Option<(f64, f64)>,
    warned: bool,
    detected: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

/// More than a threshold can be: a standard deviation of errors is at most `1/2`.
const THRESHOLD_MAX: f64 = 1e6;

/// What a threshold must be.
const A_THRESHOLD: &str = "a number in [0, 1e6]";

impl Default for Ddm {
    fn default() -> Self {
        Self::empty(DdmParams::default())
    }
}

impl Ddm {
    /// A detector that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: DdmParams) -> Result<Self, SettingError> {
        let (warning, drift) = (params.warning_threshold, params.drift_threshold);
        check([
            (
                within(warning, (0.0, THRESHOLD_MAX)),
                "warning_threshold",
                A_THRESHOLD,
            ),
            (
                within(drift, (0.0, THRESHOLD_MAX)),
                "drift_threshold",
                A_THRESHOLD,
            ),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: DdmParams) -> Self {
        Self {
            params,
            rate: RunningMean::default(),
            best: None,
            warned: false,
            detected: false,
        }
    }
}

impl ChangeDetector for Ddm {
    const RANGE: (f64, f64) = UNIT;
    const WARNS: bool = true;

    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            *self = Self::empty(self.params);
        }
        self.rate.update(value);
        let (p, n) = (self.rate.mean, self.rate.rows);
        let s = (p * (1.0 - p) / n).max(0.0).sqrt();
        if n > f64::from(self.params.min_rows) {
            let (p0, s0) = match self.best {
                Some((p0, s0)) if p + s > p0 + s0 => (p0, s0),
                _ => (p, s),
            };
            self.best = Some((p0, s0));
            self.detected = p + s > p0 + self.params.drift_threshold * s0;
            self.warned = !self.detected && p + s > p0 + self.params.warning_threshold * s0;
        }
        self.detected
    }
    fn warned(&self) -> bool {
        self.warned
    }
    fn ready(&self) -> bool {
        self.rate.rows > f64::from(self.params.min_rows)
    }
    fn mean(&self) -> f64 {
        self.rate.mean
    }
    fn rows(&self) -> f64 {
        self.rate.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let DdmParams {
            min_rows,
            warning_threshold,
            drift_threshold,
        } = self.params;
        let (p0, s0) = self.best.unwrap_or_default();
        let start = Writer::new(FORMAT)
            .u32(min_rows)
            .f64s([warning_threshold, drift_threshold]);
        self.rate
            .write(start)
            .bool(self.best.is_some())
            .f64s([p0, s0])
            .bool(self.warned)
            .bool(self.detected)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let params = DdmParams {
            min_rows: reader.u32()?,
            warning_threshold: reader.f64_within(THRESHOLD_MAX)?,
            drift_threshold: reader.f64_within(THRESHOLD_MAX)?,
        };
        let mut detector = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        detector.rate = RunningMean::read(&mut reader, 1.0)?;
        let (known, best) = (
            reader.bool()?,
            (reader.f64_within(1.0)?, reader.f64_within(1.0)?),
        );
        detector.best = known.then_some(best);
        detector.warned = reader.bool()?;
        detector.detected = reader.bool()?;
        reader.finish()?;
        Ok(detector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{any_cut_goes_on, damage_is_refused_or_harmless};
    use proptest::prelude::*;

    #[test]
    fn a_first_error_after_none_is_an_alarm_and_the_next_row_starts_afresh() {
        // p0 = s0 = 0 after 40 rows without errors: anything is more.
        let mut rows = vec![0.0; 80];
        rows[40] = 1.0;
        let mut detector = Ddm::default();
        assert_eq!(detector.update_all(&rows), [40]);
        assert_eq!((detector.rows(), detector.mean()), (39.0, 0.0));
    }

    #[test]
    fn what_is_no_error_is_passed_over() {
        let mut detector = Ddm::default();
        for value in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            assert!(!detector.update(value));
        }
        assert_eq!(detector, Ddm::default());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |drift_threshold| {
            Ddm::new(DdmParams {
                drift_threshold,
                ..DdmParams::default()
            })
        };
        assert!(with(THRESHOLD_MAX).is_ok());
        for wrong in [-1.0, f64::NAN, 2.0 * THRESHOLD_MAX] {
            assert_eq!(
                with(wrong).map_err(|error| error.setting),
                Err("drift_threshold")
            );
        }
    }

    proptest! {
        #[test]
        fn a_restored_detector_goes_on_as_the_original(values in prop::collection::vec(0u8..=1, 0..300), cut in 0usize..300) {
            any_cut_goes_on(&Ddm::default(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..100, byte in any::<u8>()) {
            damage_is_refused_or_harmless(Ddm::default(), at, byte)?;
        }
    }
}
