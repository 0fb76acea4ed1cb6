//! The byte form: gives back what went in, and refuses everything else.

use proptest::prelude::*;

use super::super::encode::{HEADER_BYTES, VERSION, checksum};
use super::super::{DecodeError, Profile, ProfileBuilder, ProfileConfig};
use super::{profile, random, schema, tiny, values};

/// Puts a checksum on bytes that fits.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(VERSION, &bytes[HEADER_BYTES..]);
    bytes[6..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// A profile with a sketch of several levels and a dictionary with a rest.
fn sketched() -> Profile {
    profile(&random(300), tiny())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_profile_comes_back_from_its_bytes(values in values(200), small in any::<bool>()) {
        let config = if small { tiny() } else { ProfileConfig::default() };
        let profile = profile(&values, config);
        let bytes = profile.to_bytes();
        let back = Profile::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&back, &profile);
        prop_assert_eq!(back.to_bytes(), bytes);
    }

    #[test]
    fn a_changed_byte_is_refused(values in values(60), at in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let mut bytes = profile(&values, tiny()).to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(Profile::from_bytes(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Profile::from_bytes(&bytes).is_err());
        let mut headed = profile(&[], tiny()).to_bytes()[..HEADER_BYTES].to_vec();
        headed.extend(bytes);
        prop_assert!(Profile::from_bytes(&headed).is_err());
    }

    #[test]
    fn bytes_with_a_forged_checksum_are_refused_or_a_profile_that_holds_together(
        values in values(60), at in any::<prop::sample::Index>(), byte in any::<u8>(), small in any::<bool>(),
    ) {
        let profile = profile(&values, if small { tiny() } else { ProfileConfig::default() });
        let mut bytes = profile.to_bytes();
        let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
        bytes[at] = byte;
        let bytes = sealed(bytes);
        if let Ok(other) = Profile::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes, "no two forms of one profile");
            let _ = other.merge(&profile);
            let twice = other.merge(&other).unwrap();
            for column in twice.columns() {
                prop_assert!((0.0..=1.0).contains(&column.rank_error()));
                if let Some(distribution) = column.distribution() {
                    distribution.quantiles(&[0.0, 0.3, 1.0]);
                    distribution.ranks(&[f64::NEG_INFINITY, 0.0, 1.0]);
                    prop_assert_eq!(distribution.run().total(), distribution.count());
                    prop_assert!(distribution.moments().variance() >= 0.0);
                }
            }
        }
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let bytes = sketched().to_bytes();
    assert!(Profile::from_bytes(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(Profile::from_bytes(&bytes[..length]).is_err(), "{length}");
        let payload = length.saturating_sub(HEADER_BYTES);
        assert!(
            payload == 0 || Profile::from_bytes(&sealed(bytes[..length].to_vec())).is_err(),
            "{length}"
        );
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Profile::from_bytes(&flipped).is_err(), "{bit}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let bytes = sketched().to_bytes();
    assert_eq!(Profile::from_bytes(&[]), Err(DecodeError::NotAProfile));
    assert_eq!(Profile::from_bytes(b"LWPF"), Err(DecodeError::NotAProfile));
    let mut other = bytes.clone();
    other[4] = 9;
    assert_eq!(
        Profile::from_bytes(&other),
        Err(DecodeError::UnknownVersion(9))
    );
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(Profile::from_bytes(&longer), Err(DecodeError::Damaged));
    let follows = DecodeError::Malformed("something follows the last column");
    assert_eq!(Profile::from_bytes(&sealed(longer)), Err(follows));
}

#[test]
fn the_layout_is_the_one_of_version_2() {
    // Another checksum means that stored profiles can no longer be read: raise the version.
    let stored = [
        profile(&[1.0, 2.0, 2.0, f64::NAN], ProfileConfig::default()),
        sketched(),
    ];
    let checksums = stored.map(|profile| checksum(VERSION, &profile.to_bytes()[HEADER_BYTES..]));
    assert_eq!(checksums, [0x969b_dccf_8d74_ca5b, 0xac88_42ab_8b2b_6966]);
}

#[test]
fn a_profile_of_no_rows_comes_back() {
    let empty = ProfileBuilder::new(schema(), tiny()).finish();
    assert_eq!(Profile::from_bytes(&empty.to_bytes()).as_ref(), Ok(&empty));
    assert_eq!(empty.merge(&empty).as_ref(), Ok(&empty));
}
