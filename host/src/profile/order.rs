//! Doubles as whole numbers of the same order, so that sorting needs no comparison of floats.

const SIGN: u64 = 1 << 63;

/// A key with `key(a) < key(b)` exactly where `a < b`, for numbers that are not NaN.
/// Both zeros have the key of `0.0`.
pub(super) fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits(); // -0.0 + 0.0 is 0.0.
    // Negative: flip all bits, as a larger magnitude is a smaller number. Otherwise: set the sign.
    let negative = (bits.cast_signed() >> 63).cast_unsigned();
    bits ^ (negative | SIGN)
}

/// The number of a key.
pub(super) fn value(key: u64) -> f64 {
    let positive = (key.cast_signed() >> 63).cast_unsigned();
    f64::from_bits(key ^ (!positive | SIGN))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_zeros_are_one_number() {
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(value(key(-0.0)).to_bits(), 0.0_f64.to_bits());
    }

    proptest! {
        #[test]
        fn keys_keep_the_order_and_give_the_number_back(
            a in any::<f64>().prop_filter("a number", |x| !x.is_nan()),
            b in any::<f64>().prop_filter("a number", |x| !x.is_nan()),
        ) {
            prop_assert_eq!(key(a).cmp(&key(b)), a.partial_cmp(&b).unwrap());
            prop_assert_eq!(value(key(a)), a);
        }
    }
}
