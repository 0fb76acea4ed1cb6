//! Vectors out of text such as `[0.5, 1, -2e3]`.

use super::error::quote;
use super::number;
use super::{DIMENSION_MAX, ValueProblem};

/// Appends the components of a list in brackets, separated by commas or by spaces; gives their
/// number. A component `nan` or `null` is NaN. Where it fails, `values` may have grown.
pub(crate) fn parse_into(text: &[u8], values: &mut Vec<f32>) -> Result<usize, ValueProblem> {
    let bad = || ValueProblem::NotAVector(quote(text));
    let inside = text
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .ok_or_else(bad)?;
    let start = values.len();
    if inside.contains(&b',') {
        for part in inside.split(|&byte| byte == b',') {
            values.push(component(part.trim_ascii()).ok_or_else(bad)?);
        }
    } else {
        for part in inside
            .split(u8::is_ascii_whitespace)
            .filter(|part| !part.is_empty())
        {
            values.push(component(part).ok_or_else(bad)?);
        }
    }
    Ok(values.len() - start)
}

/// The dimension of a text, if it is a vector: for inference.
pub(crate) fn dimension(text: &[u8]) -> Option<usize> {
    if !text.starts_with(b"[") {
        return None;
    }
    let dimension = parse_into(text, &mut Vec::new()).ok()?;
    (1..=DIMENSION_MAX)
        .contains(&dimension)
        .then_some(dimension)
}

fn component(text: &[u8]) -> Option<f32> {
    if text == b"null" {
        Some(f32::NAN)
    } else {
        number::parse(text).map(narrow)
    }
}

/// Embeddings are stored in single precision.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the nearest f32 is what is wanted"
)]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_or_spaces_separate_components() {
        let mut values = Vec::new();
        assert_eq!(parse_into(b"[0.5, 1,-2e3]", &mut values), Ok(3));
        assert_eq!(parse_into(b"[ 4  5\n6 ]", &mut values), Ok(3));
        assert_eq!(parse_into(b"[]", &mut values), Ok(0));
        assert_eq!(values, [0.5, 1.0, -2e3, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn anything_else_is_no_vector() {
        for text in ["", "1,2", "[1,2", "[1,,2]", "[a]", "[[1]]"] {
            let expected = Err(ValueProblem::NotAVector(text.into()));
            assert_eq!(
                parse_into(text.as_bytes(), &mut Vec::new()),
                expected,
                "{text}"
            );
            assert_eq!(dimension(text.as_bytes()), None);
        }
    }
}
