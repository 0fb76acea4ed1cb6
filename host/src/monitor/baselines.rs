//! What a monitor's detector learned, as it is stored: of all rows the detector's bytes alone, of segments one after the other.

use std::sync::Arc;

use crate::domain::segment::Segment;
use crate::runtime::Baseline;
use crate::store::StoredBaseline;

/// What was learned from the reference window, or from a segment of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Learned {
    /// None for all rows.
    pub(super) segment: Option<String>,
    /// Rows of the reference that are in it.
    pub(super) rows: u64,
    /// None where these are too few.
    pub(super) baseline: Option<Arc<Baseline>>,
}

/// Reads what is stored: none where it is not of this shape.
pub(super) fn read(stored: StoredBaseline, split: bool) -> Option<Vec<Learned>> {
    if !split {
        return Some(vec![Learned {
            segment: None,
            rows: stored.rows,
            baseline: Some(Arc::new(Baseline::new(stored.bytes, stored.rows))),
        }]);
    }
    let mut left = stored.bytes.as_slice();
    let mut all = Vec::new();
    while !left.is_empty() {
        let name = String::from_utf8(take_bytes(&mut left)?.to_vec()).ok()?;
        let rows = take_number(&mut left)?;
        let learned = take_number(&mut left)? == 1;
        let bytes = take_bytes(&mut left)?.to_vec();
        all.push(Learned {
            segment: Some(name),
            rows,
            baseline: learned.then(|| Arc::new(Baseline::new(bytes, rows))),
        });
    }
    Some(all)
}

/// What is stored: of segments name, rows, whether something was learned, and the detector's bytes, each text and each bytes
/// behind their length. All numbers are `u64`, the lowest byte first.
pub(super) fn write(all: &[Learned], split: bool) -> Vec<u8> {
    let bytes_of = |one: &Learned| {
        let baseline = one.baseline.as_deref();
        baseline.map_or(Vec::new(), |baseline| baseline.bytes().to_vec())
    };
    if !split {
        return all.first().map(bytes_of).unwrap_or_default();
    }
    let mut bytes = Vec::new();
    for one in all {
        put_bytes(
            &mut bytes,
            one.segment.as_deref().unwrap_or_default().as_bytes(),
        );
        bytes.extend(one.rows.to_le_bytes());
        bytes.extend(u64::from(one.baseline.is_some()).to_le_bytes());
        put_bytes(&mut bytes, &bytes_of(one));
    }
    bytes
}

/// Names of the segments, in their order.
pub(super) fn names(all: &[Learned]) -> Vec<String> {
    all.iter().filter_map(|one| one.segment.clone()).collect()
}

/// Takes out what was learned of a segment.
pub(super) fn take(all: &mut Vec<Learned>, segment: Option<&Segment>) -> Option<Learned> {
    let name = segment.map(|segment| segment.name.as_str());
    let at = all.iter().position(|one| one.segment.as_deref() == name)?;
    Some(all.remove(at))
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u64).to_le_bytes());
    to.extend_from_slice(bytes);
}

fn take_number(left: &mut &[u8]) -> Option<u64> {
    let (number, rest) = left.split_first_chunk::<8>()?;
    *left = rest;
    Some(u64::from_le_bytes(*number))
}

fn take_bytes<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(left)?).ok()?;
    let (bytes, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(name: &str, bytes: Option<&[u8]>) -> Learned {
        let baseline = |bytes: &[u8]| Arc::new(Baseline::new(bytes.to_vec(), 7));
        Learned {
            segment: Some(name.to_owned()),
            rows: 7,
            baseline: bytes.map(baseline),
        }
    }

    fn stored(bytes: Vec<u8>) -> StoredBaseline {
        StoredBaseline {
            digest: String::new(),
            bytes,
            rows: 7,
        }
    }

    #[test]
    fn segments_are_read_as_they_were_written() {
        let all = [
            learned("EU", Some(b"abc")),
            learned("", Some(b"")),
            learned("few", None),
        ];
        let bytes = write(&all, true);
        assert_eq!(read(stored(bytes.clone()), true).unwrap(), all);
        assert_eq!(names(&all), ["EU", "", "few"]);
        for end in 1..bytes.len() {
            let cut = read(stored(bytes[..end].to_vec()), true);
            assert!(cut.is_none_or(|read| read.len() < all.len()), "{end}");
        }
    }

    #[test]
    fn of_all_rows_the_detectors_bytes_are_stored_as_they_are() {
        let whole = Learned {
            segment: None,
            ..learned("", Some(b"abc"))
        };
        assert_eq!(write(std::slice::from_ref(&whole), false), b"abc");
        let read = read(stored(b"abc".to_vec()), false).unwrap();
        assert_eq!(read, std::slice::from_ref(&whole));
        assert_eq!(take(&mut vec![whole.clone()], None), Some(whole));
    }
}
