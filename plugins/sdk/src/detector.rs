//! The two kinds of detector an author can write.

use crate::{Descriptor, Failure, Measurement, Step, Window};

/// Compares a current window with a reference window.
///
/// All functions are pure: the same arguments give the same bits. A configuration is the text of a
/// JSON object that fits the declared schema; [`crate::parse_config`] reads it.
pub trait BatchDetector {
    /// What the detector says of itself; always the same.
    fn describe() -> Descriptor;

    /// Checks a configuration beyond its schema.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field and what is wrong with it.
    fn check_config(config: &str) -> Result<(), Failure> {
        let _ = config;
        Ok(())
    }

    /// Learns from the reference window; the host keeps the bytes.
    fn fit(reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure>;

    /// Judges the current window.
    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure>;
}

/// Follows rows in their order. See [`BatchDetector`] for what holds of all functions.
pub trait StreamDetector {
    /// What the detector says of itself; always the same.
    fn describe() -> Descriptor;

    /// Checks a configuration beyond its schema.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field and what is wrong with it.
    fn check_config(config: &str) -> Result<(), Failure> {
        let _ = config;
        Ok(())
    }

    /// Takes in the kept rows. An empty `state` is the one before the first row.
    fn update(state: &[u8], rows: &dyn Window, config: &str, seed: u64) -> Result<Step, Failure>;
}
