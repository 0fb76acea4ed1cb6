//! How thorough a calibration is: counts alone bound its work, so that the same rows and seed give the same report.

use std::ops::RangeInclusive;

use crate::profile::ProfileConfig;

use super::error::CalibrateError;

/// Sizes of windows that are tried where none are named.
pub const SIZES_DEFAULT: [u32; 10] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000,
];
/// Sizes that may be named.
pub const SIZES_MAX: usize = 16;
/// Rows of a window that is tried.
pub const SIZE_RANGE: RangeInclusive<u32> = 10..=100_000;
/// A window has at most this part of the rows, so that a reference of twice its size is left.
pub(super) const PARTS_MIN: usize = 3;
/// Shuffled replays.
pub const REPLAYS_RANGE: RangeInclusive<u32> = 20..=2_000;
/// Shuffled replays where nothing else is said: the interval of a rate of 5% is then about 3 points to either side.
pub const REPLAYS_DEFAULT: u32 = 200;
/// Rows of the reference that are used; of more a uniform sample is.
pub const ROWS_RANGE: RangeInclusive<u32> = 150..=100_000;
/// Rows that are used where nothing else is said.
pub const ROWS_DEFAULT: u32 = 20_000;
/// Columns of a monitor that are moved.
pub const COLUMNS_RANGE: RangeInclusive<u32> = 0..=256;
/// Columns of a monitor that are moved where nothing else is said.
pub const COLUMNS_DEFAULT: u32 = 32;
/// Target of the smallest shift of a number where nothing else is said, in standard deviations.
pub const SHIFT_DEFAULT: f64 = 0.3;
/// Target of the smallest share of rows that move to another value where nothing else is said.
pub const SHARE_DEFAULT: f64 = 0.1;

/// Replays of which each moves the same rows, at each size of a shift.
pub(super) const SHIFT_REPLAYS: u32 = 40;
/// Share of these replays in which a shift must be seen.
pub(super) const POWER: f64 = 0.8;
/// False alarms that a suggested size may have: a level of 5%, and a point for what a law of finite rows misses.
pub(super) const ALARMS_MAX: f64 = 0.06;
/// Windows of one size that are judged in order; of more, so many spread evenly.
pub(super) const ORDER_WINDOWS_MAX: usize = 50;

/// How thorough a calibration is.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Shuffled replays.
    pub replays: u32,
    /// Sizes of windows; where empty, [`SIZES_DEFAULT`] as far as the rows go.
    pub sizes: Vec<u32>,
    /// Columns of each monitor that are moved; none leaves out the smallest shifts.
    pub columns: u32,
    /// Shift of a number that a suggested size must show, in standard deviations.
    pub shift: f64,
    /// Share of rows that moves to another value which a suggested size must show.
    pub share: f64,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// How much profiles remember.
    pub profile: ProfileConfig,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            replays: REPLAYS_DEFAULT,
            sizes: Vec::new(),
            columns: COLUMNS_DEFAULT,
            shift: SHIFT_DEFAULT,
            share: SHARE_DEFAULT,
            seed: 2013,
            profile: ProfileConfig::default(),
        }
    }
}

impl Settings {
    /// Holds every number against its range.
    ///
    /// # Errors
    /// [`CalibrateError::OutOfRange`], [`CalibrateError::TooManySizes`].
    pub fn check(&self) -> Result<(), CalibrateError> {
        within("replays", self.replays, &REPLAYS_RANGE)?;
        within("columns", self.columns, &COLUMNS_RANGE)?;
        for &size in &self.sizes {
            within("a size", size, &SIZE_RANGE)?;
        }
        if self.sizes.len() > SIZES_MAX {
            return Err(CalibrateError::TooManySizes(self.sizes.len()));
        }
        for (what, target, most) in [("shift", self.shift, 100.0), ("share", self.share, 1.0)] {
            if !(target > 0.0 && target <= most) {
                return Err(CalibrateError::Target { what, target, most });
            }
        }
        Ok(())
    }

    /// The sizes that so many rows allow, ascending: the named ones or the default ones, and the monitors' own.
    ///
    /// # Errors
    /// [`CalibrateError::TooFewRows`] where the smallest one is too large, or a named one is.
    pub(super) fn sizes(&self, rows: usize, own: &[u32]) -> Result<Vec<u32>, CalibrateError> {
        let fits = |size: u32| size as usize * PARTS_MIN <= rows;
        let wanted = if self.sizes.is_empty() {
            &SIZES_DEFAULT[..]
        } else {
            &self.sizes
        };
        let needed = if self.sizes.is_empty() {
            wanted.iter().min()
        } else {
            wanted.iter().max()
        };
        if let Some(&size) = needed.filter(|&&size| !fits(size)) {
            return Err(CalibrateError::TooFewRows {
                rows,
                needed: size as usize * PARTS_MIN,
                size,
            });
        }
        let mut sizes: Vec<u32> = wanted
            .iter()
            .chain(own)
            .copied()
            .filter(|&size| fits(size))
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        Ok(sizes)
    }
}

/// Holds the rows that are to be used against [`ROWS_RANGE`].
///
/// # Errors
/// [`CalibrateError::OutOfRange`].
pub fn check_rows(rows: u32) -> Result<u32, CalibrateError> {
    within("rows", rows, &ROWS_RANGE).map(|()| rows)
}

fn within(
    what: &'static str,
    value: u32,
    range: &RangeInclusive<u32>,
) -> Result<(), CalibrateError> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(CalibrateError::OutOfRange {
            what,
            value,
            least: *range.start(),
            most: *range.end(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_may_be_as_large_as_its_limit_and_no_larger() {
        let usual = Settings::default();
        let check = |change: &dyn Fn(&mut Settings)| {
            let mut settings = usual.clone();
            change(&mut settings);
            settings.check().is_ok()
        };
        for (least, most, set) in [
            (
                *REPLAYS_RANGE.start(),
                *REPLAYS_RANGE.end(),
                &(|settings: &mut Settings, value: u32| settings.replays = value)
                    as &dyn Fn(&mut Settings, u32),
            ),
            (
                *COLUMNS_RANGE.start(),
                *COLUMNS_RANGE.end(),
                &|settings, value| settings.columns = value,
            ),
            (
                *SIZE_RANGE.start(),
                *SIZE_RANGE.end(),
                &|settings, value| {
                    settings.sizes = vec![value];
                },
            ),
        ] {
            assert!(check(&|settings| set(settings, least)));
            assert!(check(&|settings| set(settings, most)));
            assert!(least == 0 || !check(&|settings| set(settings, least - 1)));
            assert!(!check(&|settings| set(settings, most + 1)));
        }
        assert!(check(&|settings| settings.sizes = vec![50; SIZES_MAX]));
        assert!(!check(&|settings| settings.sizes = vec![50; SIZES_MAX + 1]));
        assert!(check(&|settings| settings.share = 1.0));
        for share in [0.0, 1.001, f64::NAN] {
            assert!(!check(&|settings| settings.share = share), "{share}");
        }
        assert!(!check(&|settings| settings.shift = 0.0));
        assert!(!check(&|settings| settings.shift = 100.5));
        let (least, most) = (*ROWS_RANGE.start(), *ROWS_RANGE.end());
        assert!(check_rows(least).is_ok() && check_rows(most).is_ok());
        assert!(check_rows(least - 1).is_err() && check_rows(most + 1).is_err());
    }

    #[test]
    fn sizes_go_up_to_a_third_of_the_rows() {
        let usual = Settings::default();
        assert_eq!(usual.sizes(150, &[]).unwrap(), [50]);
        assert_eq!(
            usual.sizes(3_000, &[300, 1_001]).unwrap(),
            [50, 100, 200, 300, 500, 1_000]
        );
        assert_eq!(
            usual.sizes(149, &[]).unwrap_err().to_string(),
            "there are 149 rows; windows of 50 rows need at least 150"
        );
        let named = Settings {
            sizes: vec![80, 40],
            ..usual
        };
        assert_eq!(named.sizes(240, &[]).unwrap(), [40, 80]);
        assert!(named.sizes(239, &[]).is_err());
    }
}
