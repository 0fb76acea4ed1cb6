//! A setting that lies outside its range.

use core::fmt;

/// Which setting, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingError {
    /// The name of the setting.
    pub setting: &'static str,
    /// What it must be, such as `a number in (0, 1)`.
    pub must_be: &'static str,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.setting, self.must_be)
    }
}

impl core::error::Error for SettingError {}

/// Whether every setting is what it must be, else the first that is not.
pub(crate) fn check<const N: usize>(
    settings: [(bool, &'static str, &'static str); N],
) -> Result<(), SettingError> {
    match settings.into_iter().find(|(holds, ..)| !holds) {
        Some((_, setting, must_be)) => Err(SettingError { setting, must_be }),
        None => Ok(()),
    }
}

/// A level or a confidence: `0` and `1` would never or always alarm.
pub(crate) fn is_level(value: f64) -> bool {
    value > 0.0 && value < 1.0
}
/// What [`is_level`] wants.
pub(crate) const A_LEVEL: &str = "a number in (0, 1)";

/// A deviation or a sum of them, in the unit of the values.
pub(crate) fn is_size(value: f64) -> bool {
    (0.0..=crate::adwin::VALUE_MAX).contains(&value)
}
/// What [`is_size`] wants.
pub(crate) const A_SIZE: &str = "a number in [0, 1e100]";
