//! A baseline as bytes: its format, then its fields.

use leeway_sdk::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of what was learned. `format` is raised when the layout changes.
///
/// # Errors
/// [`Failure::Internal`] if the fields cannot be written.
pub fn to_bytes(format: u8, learned: &impl Serialize) -> Result<Vec<u8>, Failure> {
    postcard::to_extend(learned, vec![format]).map_err(|error| Failure::Internal(error.to_string()))
}

/// Reads what [`to_bytes`] wrote. Whether its parts fit each other is for the caller to see.
///
/// # Errors
/// [`Failure::UnusableBaseline`] for another format or fields that cannot be read.
pub fn from_bytes<T: DeserializeOwned>(format: u8, bytes: &[u8]) -> Result<T, Failure> {
    let why = match bytes.split_first() {
        Some((&first, fields)) if first == format => match postcard::from_bytes(fields) {
            Ok(learned) => return Ok(learned),
            Err(error) => error.to_string(),
        },
        Some((first, _)) => format!("its format is {first}, not {format}"),
        None => "it is empty".to_owned(),
    };
    Err(Failure::UnusableBaseline(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_others_are_refused_with_the_reason() {
        let bytes = to_bytes(3, &vec![1.5, -2.0]).unwrap();
        assert_eq!(from_bytes(3, &bytes), Ok(vec![1.5, -2.0]));
        let why = |format, bytes: &[u8]| match from_bytes::<Vec<f64>>(format, bytes) {
            Err(Failure::UnusableBaseline(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(4, &bytes), "its format is 3, not 4");
        assert_eq!(why(3, &[]), "it is empty");
        assert!(!why(3, &bytes[..bytes.len() - 1]).is_empty());
    }
}
