//! A baseline as bytes: a format, a checksum, and what was learned.

use leeway_sdk::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where the fields begin: after the format and the checksum.
const FIELDS_AT: usize = 9;

/// What a detector learned, with its byte form. Implement it with the number of the layout.
pub trait Sealed: Serialize + DeserializeOwned {
    /// First byte; raised when the layout changes.
    const FORMAT: u8;

    /// Byte form.
    ///
    /// # Errors
    /// [`Failure::Internal`] if the fields cannot be written.
    fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let bytes = vec![Self::FORMAT; FIELDS_AT];
        let mut bytes = postcard::to_extend(self, bytes)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let sum = checksum(&bytes[FIELDS_AT..]).to_le_bytes();
        bytes[1..FIELDS_AT].copy_from_slice(&sum);
        Ok(bytes)
    }

    /// Reads what [`Sealed::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] for another format or damaged bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let unusable = |why: &str| Failure::UnusableBaseline(why.to_owned());
        let (&format, rest) = bytes.split_first().ok_or_else(|| unusable("it is empty"))?;
        if format != Self::FORMAT {
            return Err(Failure::UnusableBaseline(format!(
                "its format is {format}, this version reads {}",
                Self::FORMAT
            )));
        }
        let (sum, fields) = rest
            .split_first_chunk::<8>()
            .ok_or_else(|| unusable("it is cut off"))?;
        if u64::from_le_bytes(*sum) != checksum(fields) {
            return Err(unusable("it is damaged: its checksum does not fit"));
        }
        postcard::from_bytes(fields).map_err(|error| unusable(&error.to_string()))
    }
}

/// Every step is one-to-one in the sum so far, so a change of one word always shows. No guard against malice.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    words
        .iter()
        .chain([&last])
        .fold(bytes.len() as u64, |sum, word| {
            let mixed = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 29)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Learned(Vec<f64>);

    impl Sealed for Learned {
        const FORMAT: u8 = 3;
    }

    #[test]
    fn bytes_come_back_and_damage_is_refused_wherever_it_is() {
        let bytes = Learned(vec![1.5, -2.0]).to_bytes().unwrap();
        assert_eq!(Learned::from_bytes(&bytes), Ok(Learned(vec![1.5, -2.0])));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert!(
                matches!(
                    Learned::from_bytes(&damaged),
                    Err(Failure::UnusableBaseline(_))
                ),
                "byte {at}"
            );
        }
        for length in 0..bytes.len() {
            assert!(Learned::from_bytes(&bytes[..length]).is_err());
        }
    }
}
