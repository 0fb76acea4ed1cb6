//! Decimal numbers out of text.

/// Powers of ten that are exact in `f64`.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Every integer up to here is exact in `f64`.
const EXACT_INTEGER_MAX: u64 = 1 << 53;
/// So many digits fit into a `u64`.
const DIGITS_MAX: usize = 19;

/// The `f64` nearest to a decimal number, as Rust's own parser has it: `12`, `-.5`, `1e-3`, `inf`,
/// `nan`. `None` for anything else, spaces included.
pub(crate) fn parse(text: &[u8]) -> Option<f64> {
    parse_plain(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

/// The common case, digits around at most one point: both parts of the quotient are exact, so its
/// one rounding is the right one. Source: Clinger (1990), "How to Read Floating Point Numbers
/// Accurately".
fn parse_plain(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut point = None;
    for (at, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let fraction = point.map_or(0, |at| digits.len() - at - 1);
    if mantissa > EXACT_INTEGER_MAX || (point.is_some() && digits.len() == 1) {
        return None;
    }
    let value = mantissa as f64 / POWERS_OF_TEN[fraction];
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_is_no_number_is_none() {
        for text in [
            "", "-", ".", "-.", "abc", "1,5", "1.2.3", "0x10", "1_000", " 1", "true", "--1", "1e",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse(b"\xff1"), None);
    }

    #[test]
    fn edges_of_the_quick_way_read_as_the_standard_library_reads_them() {
        let texts = [
            "0",
            "-0",
            "5.",
            ".5",
            "-.5",
            "+3",
            "9007199254740992",
            "9007199254740993",
            "1e308",
            "1e999",
            "9999999999999999999",
            "18446744073709551616",
            "0.000000000000000001",
            "inf",
            "-Infinity",
            "1E5",
        ];
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(
                parse(text.as_bytes()).unwrap().to_bits(),
                expected.to_bits(),
                "{text}"
            );
        }
        assert!(parse(b"NaN").unwrap().is_nan());
    }

    proptest! {
        #[test]
        fn every_finite_number_survives_its_own_text(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn short_decimals_read_as_the_standard_library_reads_them(text in "-?[0-9]{1,12}\\.[0-9]{0,9}") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(parse(text.as_bytes()).unwrap().to_bits(), expected.to_bits());
        }
    }
}
