//! Reads a configuration.

use serde::de::DeserializeOwned;

use crate::Failure;

/// Reads a configuration, the text of a JSON object; no text at all means the defaults.
///
/// # Errors
/// [`Failure::InvalidConfig`] with the position and the reason.
pub fn parse_config<C: DeserializeOwned>(config: &str) -> Result<C, Failure> {
    let text = if config.is_empty() { "{}" } else { config };
    serde_json::from_str(text).map_err(|error| Failure::InvalidConfig(error.to_string()))
}
