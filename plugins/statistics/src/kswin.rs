//! KSWIN: do the newest rows of a sliding window differ from rows drawn out of the older ones?

use std::collections::VecDeque;

use serde::Deserialize;

use crate::change::{ChangeDetector, within};
use crate::ks::ks_p_value;
use crate::mersenne_twister::MersenneTwister;
use crate::setting::{SettingError, check};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`Kswin`]. The defaults are those of River 0.26.1, but for the seed, which River leaves to chance.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KswinParams {
    /// P-value at which rows differ, in `(0, 1)`.
    pub alpha: f64,
    /// Rows of the sliding window, at least twice `stat_size`, at most [`WINDOW_MAX`].
    pub window_size: u32,
    /// Newest rows that are compared with as many older ones, `>= 1`.
    pub stat_size: u32,
    /// Seed of the draws, as for Python's `random.Random`.
    pub seed: u64,
}

/// Longest window: a state holds all of its rows.
pub const WINDOW_MAX: u32 = 10_000;

/// A distance of the distribution functions that is never enough, whatever its p-value.
const DISTANCE_MIN: f64 = 0.1;

impl Default for KswinParams {
    fn default() -> Self {
        Self {
            alpha: 0.005,
            window_size: 100,
            stat_size: 30,
            seed: 0,
        }
    }
}

/// The two-sample Kolmogorov-Smirnov test in a sliding window.
///
/// Once the window is full, every row draws `stat_size` of the older rows without replacement, by Python's generator and algorithm
/// ([`MersenneTwister::sample`]), and compares them with the newest `stat_size`. A change is `p <= alpha` with `D > 0.1`, the p-value
/// the exact one of [`ks_p_value`]. The row after a change starts afresh, the draws included. Rows of changes are those of River
/// 0.26.1 with the same seed. Values beyond 1e100 and NaN are passed over.
///
/// Noisy: `alpha` is the level of one of many looks, each row one more; some 12 false alarms in 10,000 rows of a continuous law.
/// For compatibility; ADWIN is the default. A row costs some microseconds, since it sorts.
/// Source: Raab, Heusinger & Schleif (2020), "Reactive Soft Prototype Computing for Concept Drift Streams".
#[derive(Debug, Clone, PartialEq)]
pub struct Kswin {
    params: KswinParams,
    /// Fewest rows between the two distribution functions that are a change, times `1 / stat_size`.
    critical: u32,
    rows: f64,
    window: VecDeque<f64>,
    draws: MersenneTwister,
    detected: bool,
    /// Room for the two samples, empty between rows.
    older: Vec<f64>,
    newest: Vec<f64>,
}

/// First byte of a state.
const FORMAT: u8 = 1;

impl Default for Kswin {
    fn default() -> Self {
        Self::empty(KswinParams::default())
    }
}

impl Kswin {
    /// A detector that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: KswinParams) -> Result<Self, SettingError> {
        let KswinParams {
            alpha,
            window_size,
            stat_size,
            ..
        } = params;
        check([
            (
                crate::setting::is_level(alpha),
                "alpha",
                crate::setting::A_LEVEL,
            ),
            (
                (2..=WINDOW_MAX).contains(&window_size),
                "window_size",
                "a whole number from 2 to 10,000",
            ),
            (
                stat_size >= 1 && stat_size <= window_size / 2,
                "stat_size",
                "a whole number from 1 to half of window_size",
            ),
        ])?;
        Ok(Self::empty(params))
    }

    fn empty(params: KswinParams) -> Self {
        Self {
            params,
            critical: critical(params.stat_size, params.alpha),
            rows: 0.0,
            window: VecDeque::new(),
            draws: MersenneTwister::new(params.seed),
            detected: false,
            older: Vec::new(),
            newest: Vec::new(),
        }
    }

    fn full(&self) -> bool {
        self.window.len() >= self.params.window_size as usize
    }

    /// Whether the newest rows are too far from as many drawn out of the older ones.
    fn differs(&mut self) -> bool {
        let KswinParams {
            window_size,
            stat_size,
            ..
        } = self.params;
        let start = window_size - stat_size;
        for drawn in self.draws.sample(start, stat_size) {
            self.older.push(self.window[drawn as usize]);
        }
        self.newest
            .extend(self.window.iter().skip(start as usize).copied());
        self.older.sort_unstable_by(f64::total_cmp);
        self.newest.sort_unstable_by(f64::total_cmp);
        let differs = largest_lead(&self.older, &self.newest) >= self.critical;
        self.older.clear();
        self.newest.clear();
        differs
    }
}

/// Largest difference of the counts of values up to each point, of two sorted samples of the same size.
fn largest_lead(a: &[f64], b: &[f64]) -> u32 {
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let here = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&value| value <= here).count();
        j += b[j..].iter().take_while(|&&value| value <= here).count();
        largest = largest.max(i.abs_diff(j));
    }
    u32::try_from(largest).unwrap_or(u32::MAX)
}

/// The smallest difference in counts that is a change; one more than there are rows where none is.
fn critical(rows: u32, alpha: f64) -> u32 {
    let size = f64::from(rows);
    let enough = |count: u32| {
        let distance = f64::from(count) / size;
        distance > DISTANCE_MIN && ks_p_value(distance, size, size) <= alpha
    };
    let (mut none, mut all) = (0, rows + 1);
    while all - none > 1 {
        let middle = none + (all - none) / 2;
        if enough(middle) {
            all = middle;
        } else {
            none = middle;
        }
    }
    all
}

impl ChangeDetector for Kswin {
    fn update(&mut self, value: f64) -> bool {
        if !within(value, Self::RANGE) {
            return false;
        }
        if self.detected {
            self.rows = 0.0;
            self.window.clear();
            self.draws = MersenneTwister::new(self.params.seed);
        }
        self.rows += 1.0;
        if self.full() {
            self.window.pop_front();
        }
        self.window.push_back(value);
        self.detected = self.full() && self.differs();
        self.detected
    }
    fn ready(&self) -> bool {
        self.full()
    }
    /// The mean of the window.
    fn mean(&self) -> f64 {
        let rows = self.window.len().max(1) as f64;
        self.window.iter().map(|value| value / rows).sum()
    }
    fn rows(&self) -> f64 {
        self.rows
    }

    fn to_bytes(&self) -> Vec<u8> {
        let KswinParams {
            alpha,
            window_size,
            stat_size,
            seed,
        } = self.params;
        let start = Writer::new(FORMAT)
            .f64(alpha)
            .u32(window_size)
            .u32(stat_size)
            .u64(seed)
            .f64(self.rows)
            .bool(self.detected);
        self.draws
            .write(start)
            .u64(self.window.len() as u64)
            .f64s(self.window.iter().copied())
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let params = KswinParams {
            alpha: reader.f64_within(1.0)?,
            window_size: reader.u32()?,
            stat_size: reader.u32()?,
            seed: reader.u64()?,
        };
        let mut detector = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        detector.rows = reader.rows()?;
        detector.detected = reader.bool()?;
        detector.draws = MersenneTwister::read(&mut reader)?;
        let length = reader.length(params.window_size as usize)?;
        for _ in 0..length {
            detector
                .window
                .push_back(reader.f64_within(crate::adwin::VALUE_MAX)?);
        }
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
    fn thirty_rows_against_thirty_need_a_lead_of_fourteen() {
        // scipy 1.17.1: ks_2samp of 30 and 30 gives p = 0.0065 for 13/30 and 0.0025 for 14/30.
        assert_eq!(critical(30, 0.005), 14);
        // A level that every distance reaches: D > 0.1 decides.
        assert_eq!(critical(30, 1.0 - 1e-12), 4);
        // No sample of one row is ever significant.
        assert_eq!(critical(1, 0.005), 2);
    }

    #[test]
    fn leads_are_counted_with_ties_stepping_together() {
        assert_eq!(largest_lead(&[1.0, 3.0, 3.0], &[2.0, 3.0, 3.0]), 1);
        assert_eq!(largest_lead(&[1.0, 2.0], &[5.0, 6.0]), 2);
        assert_eq!(largest_lead(&[-0.0, 1.0], &[0.0, 1.0]), 0);
    }

    #[test]
    fn a_jump_is_found_once_and_all_starts_afresh() {
        let rows: Vec<f64> = (0..400_u32)
            .map(|row| f64::from(row % 7) + if row < 200 { 0.0 } else { 50.0 })
            .collect();
        let mut detector = Kswin::default();
        let found = detector.update_all(&rows);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!((200..230).contains(&found[0]));
        assert_eq!(detector.rows(), (399 - found[0]) as f64);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |window_size, stat_size| {
            Kswin::new(KswinParams {
                window_size,
                stat_size,
                ..KswinParams::default()
            })
            .map(|_| ())
            .map_err(|error| error.setting)
        };
        assert_eq!(with(2, 1), Ok(()));
        assert_eq!(with(WINDOW_MAX, WINDOW_MAX / 2), Ok(()));
        assert_eq!(with(1, 1), Err("window_size"));
        assert_eq!(with(WINDOW_MAX + 1, 30), Err("window_size"));
        assert_eq!(with(100, 51), Err("stat_size"));
        assert_eq!(with(100, 0), Err("stat_size"));
    }

    proptest! {
        #[test]
        fn a_restored_detector_goes_on_as_the_original(values in prop::collection::vec(-1e3f64..1e3, 0..300), cut in 0usize..300) {
            any_cut_goes_on(&Kswin::default(), &values, cut)?;
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..4000, byte in any::<u8>()) {
            damage_is_refused_or_harmless(Kswin::default(), at, byte)?;
        }
    }
}
