//! EDDM: have errors come closer together than they were?

use serde::Deserialize;

use crate::change::{ChangeDetector, UNIT, within};
use crate::running_mean::RunningMean;
use crate::setting::{SettingError, check};
use crate::state::{ROWS_MAX, Reader, StateError, Writer};

/// Settings of [`Eddm`]. The defaults are those of River 0.26.1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EddmParams {
    /// Rows, and errors, that are only learned from.
    pub min_errors: u32,
    /// Share of the largest distance below which there is a warning, in `[0, 1]`, at least `beta`.
    pub alpha: f64,
    /// Share of the largest distance below which there is a change, in `[0, 1]`.
    pub beta: f64,
}

impl Default for EddmParams {
    fn default() -> Self {
        Self {
            min_errors: 30,
            alpha: 0.95,
            beta: 0.9,
        }
    }
}

/// The early drift detection method: mean `p` and standard deviation `s` (divisor `n - 1`) of the rows from one error to the next.
///
/// An error is a row whose value is exactly 1. At every error `d = p + 2 s` is compared with the largest it has been: a share below
/// `beta` is a change, below `alpha` a warning. The row after a change starts afresh; a warning lasts until the next error.
/// Rows of changes and warnings are those of River 0.26.1.
///
/// Noisy: `d` is compared with its own maximum, which a run of good luck sets. Some 15 false alarms in 10,000 rows.
/// For compatibility; ADWIN is the default. Source: Baena-García et al. (2006), "Early Drift Detection Method".
#[derive(Debug, Clone, PartialEq)]
pub struct Eddm {
    params: EddmParams,
    rows: f64,
    last_error: f64,
    distance: RunningMean,
    /// Sum of squared deviations of the distances from their mean.
    squares: f64,
    largest: Option<f64>,
    warned: bool,
    detected: bool,
}

/// First byte of a state.
const FORMAT: u8 = 1;

impl Default for Eddm {
    fn default() -> Self {
        Self::empty(EddmParams::default())
    }
}

impl Eddm {
    /// A detector that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: EddmParams) -> Result<Self, SettingError> {
        let (alpha, beta) = (params.alpha, params.beta);
        check([
            (within(beta, UNIT), "beta", "a number in [0, 1]"),
            (
                within(alpha, (beta, 1.0)),
                "alpha",
                "a number in [0, 1] of at least beta",
            ),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: EddmParams) -> Self {
        Self {
            params,
            rows: 0.0,
            last_error: 0.0,
            distance: RunningMean::default(),
            squares: 0.0,
            largest: None,
            warned: false,
            detected: false,
        }
    }

    /// Takes in the distance to the error before; `p + 2 s`.
    fn measure(&mut self, distance: f64) -> f64 {
        let before = self.distance.mean;
        self.distance.update(distance);
        let p = self.distance.mean;
        self.squares += (distance - before) * (distance - p);
        let errors = self.distance.rows;
        let variance = if errors > 1.0 {
            self.squares / (errors - 1.0)
        } else {
            0.0
        };
        p + 2.0 * variance.max(0.0).sqrt()
    }
}

impl ChangeDetector for Eddm {
    const RANGE: (f64, f64) = UNIT;
    const WARNS: bool = true;

    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            *self = Self::empty(self.params);
        }
        self.rows += 1.0;
        #[expect(clippy::float_cmp, reason = "an error is marked by this very number")]
        if value == 1.0 {
            let d = self.measure(self.rows - self.last_error);
            self.last_error = self.rows;
            let learning = f64::from(self.params.min_errors);
            if self.rows > learning {
                match self.largest {
                    Some(largest) if d <= largest => {
                        if self.distance.rows > learning {
                            let level = d / largest;
                            self.detected = level < self.params.beta;
                            self.warned =
                                level < self.params.alpha && (!self.detected || self.warned);
                        }
                    }
                    _ => self.largest = Some(d),
                }
            }
        }
        self.detected
    }
    fn warned(&self) -> bool {
        self.warned
    }
    fn ready(&self) -> bool {
        self.distance.rows > f64::from(self.params.min_errors)
    }
    /// Mean distance between two errors, in rows.
    fn mean(&self) -> f64 {
        self.distance.mean
    }
    fn rows(&self) -> f64 {
        self.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let EddmParams {
            min_errors,
            alpha,
            beta,
        } = self.params;
        let start =
            Writer::new(FORMAT)
                .u32(min_errors)
                .f64s([alpha, beta, self.rows, self.last_error]);
        self.distance
            .write(start)
            .f64(self.squares)
            .bool(self.largest.is_some())
            .f64(self.largest.unwrap_or_default())
            .bool(self.warned)
            .bool(self.detected)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let params = EddmParams {
            min_errors: reader.u32()?,
            alpha: reader.f64_within(1.0)?,
            beta: reader.f64_within(1.0)?,
        };
        let mut detector = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        detector.rows = reader.rows()?;
        detector.last_error = reader.rows()?;
        detector.distance = RunningMean::read(&mut reader, ROWS_MAX)?;
        if detector.last_error > detector.rows || detector.distance.rows > detector.last_error {
            return Err(StateError::Damaged("more errors than rows"));
        }
        detector.squares = reader.f64_within(ROWS_MAX * ROWS_MAX * ROWS_MAX)?;
        let (known, largest) = (reader.bool()?, reader.f64_within(ROWS_MAX * ROWS_MAX)?);
        detector.largest = known.then_some(largest);
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
    fn errors_twice_as_close_are_a_change() {
        // Every tenth row, then every fifth: d = 10 until the distances shrink.
        let rows: Vec<f64> = (1..=1_200)
            .map(|row| f64::from(u8::from(row % if row <= 600 { 10 } else { 5 } == 0)))
            .collect();
        let mut detector = Eddm::default();
        let found = detector.update_all(&rows);
        // Of 60 tens and k fives p + 2 s is above 10 at first: the change is seen once the mean has fallen far enough.
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0] > 600);
    }

    #[test]
    fn a_warning_at_the_error_before_stays_with_the_alarm_and_goes_with_the_next_row() {
        let mut detector = Eddm::new(EddmParams {
            min_errors: 0,
            ..EddmParams::default()
        })
        .unwrap();
        // d = 10, then (10 + 9)/2 + 2 sqrt(1/2) = 10.91, then with another 9: 9.33 + 1.15 = 10.49 (0.961), 9.25 + 1 (0.939: warning).
        let mut rows = Vec::new();
        for distance in [10, 9, 9, 9] {
            rows.extend(vec![0.0; distance - 1]);
            rows.push(1.0);
        }
        assert_eq!(detector.update_all(&rows), [0_usize; 0]);
        assert!(detector.warned());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |alpha, beta| {
            Eddm::new(EddmParams {
                alpha,
                beta,
                ..EddmParams::default()
            })
            .map(|_| ())
            .map_err(|error| error.setting)
        };
        assert_eq!(with(0.9, 0.9), Ok(()));
        assert_eq!(with(0.8, 0.9), Err("alpha"));
        assert_eq!(with(1.1, 0.9), Err("alpha"));
        assert_eq!(with(1.0, f64::NAN), Err("beta"));
    }

    proptest! {
        #[test]
        fn a_restored_detector_goes_on_as_the_original(values in prop::collection::vec(0u8..=1, 0..300), cut in 0usize..300) {
            any_cut_goes_on(&Eddm::default(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..100, byte in any::<u8>()) {
            damage_is_refused_or_harmless(Eddm::default(), at, byte)?;
        }
    }
}
