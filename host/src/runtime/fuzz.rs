//! What comes back from a guest, out of any bytes: for fuzzing the checks that stand between a guest and the host.

use std::collections::HashMap;

use crate::domain::{
    ColumnKind, Descriptor, Direction, DriftKind, Measurement, Metric, Needs, Role, ThresholdKind,
    Verdict,
};

use super::limits::{DETAIL_BYTES_MAX, DETAILS_BYTES_MAX};
use super::text::plain;
use super::verify::{Expected, Raw, check};

/// Measurements that an answer may have here.
const MEASUREMENTS_MAX: usize = 16;

/// Reads bytes as the answer of a detector and checks it, as after a call; how many measurements were taken, none where the answer
/// was refused.
///
/// # Panics
/// If an answer is taken that should not be. That is what a fuzzer looks for.
pub fn answer(bytes: &[u8]) -> Option<usize> {
    let mut bytes = Bytes(bytes);
    let stream = bytes.bit();
    let descriptor = descriptor(&mut bytes);
    let columns: HashMap<String, u64> =
        [("age".to_owned(), bytes.small()), (String::new(), 3)].into();
    let (current_rows, reference_rows) = (bytes.small(), bytes.small());
    let expected = Expected {
        descriptor: &descriptor,
        columns: &columns,
        current_rows,
        reference_rows: (!stream).then_some(reference_rows),
        measurements_max: MEASUREMENTS_MAX,
    };
    let mut raw = Vec::new();
    while !bytes.0.is_empty() && raw.len() <= MEASUREMENTS_MAX {
        raw.push(measurement(&mut bytes));
    }
    let taken = match check(raw.into_iter(), &expected) {
        Ok(taken) => taken,
        Err(violation) => {
            // What is said of a stranger's words is plain, and not longer than it may be.
            let said = violation.to_string();
            assert_eq!(plain(&said), said);
            assert!(said.len() < 1_000, "{} bytes", said.len());
            return None;
        }
    };
    assert!(taken.len() <= MEASUREMENTS_MAX);
    let mut details = 0;
    for (at, one) in taken.iter().enumerate() {
        holds(one, &expected);
        details += one
            .detail
            .as_ref()
            .map_or(0, |detail| detail.to_string().len());
        let same = |other: &&Measurement| {
            (&other.metric, &other.column, other.row) == (&one.metric, &one.column, one.row)
        };
        assert_eq!(
            taken[..at].iter().filter(same).count(),
            0,
            "it stands twice"
        );
    }
    assert!(details <= 8 * DETAILS_BYTES_MAX);
    Some(taken.len())
}

fn holds(one: &Measurement, expected: &Expected<'_>) {
    let metric = expected
        .descriptor
        .metric(&one.metric)
        .expect("it is declared");
    let numbers = [
        Some(one.value),
        one.effect,
        one.p_value,
        one.p_adjusted,
        one.threshold,
        Some(one.missing_share),
        Some(one.unseen_share),
    ];
    assert!(numbers.into_iter().flatten().all(f64::is_finite));
    assert!(metric.minimum.is_none_or(|minimum| one.value >= minimum));
    assert!(metric.maximum.is_none_or(|maximum| one.value <= maximum));
    for share in [
        one.p_value,
        one.p_adjusted,
        Some(one.missing_share),
        Some(one.unseen_share),
    ] {
        assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)));
    }
    assert_eq!(one.threshold.is_some(), one.threshold_kind.is_some());
    let rows = match &one.column {
        None => expected.current_rows,
        Some(column) => *expected.columns.get(column).expect("the window has it"),
    };
    match expected.reference_rows {
        Some(reference) => {
            assert!(
                one.current_rows <= rows && one.reference_rows <= reference && one.row.is_none()
            );
        }
        None => assert!(one.row.is_none_or(|row| row < expected.current_rows)),
    }
    assert!(one.detail.as_ref().is_none_or(serde_json::Value::is_object));
}

/// Bytes that are read as whatever is wanted; zeros when they are spent.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn bit(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn small(&mut self) -> u64 {
        self.byte().into()
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Any number, the odd ones often.
    fn number(&mut self) -> f64 {
        match self.byte() % 12 {
            0 => 0.0,
            1 => -0.0,
            2 => 1.0,
            3 => 1.0 + f64::EPSILON,
            4 => f64::NAN,
            5 => f64::INFINITY,
            6 => f64::NEG_INFINITY,
            7 => f64::MIN_POSITIVE / 2.0,
            8 => f64::MAX,
            9 | 10 => f64::from(self.byte()) / 255.0,
            _ => f64::from_bits(self.word()),
        }
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bit().then(|| read(self))
    }

    fn text(&mut self, known: &[&str]) -> String {
        let choice = usize::from(self.byte());
        if let Some(known) = known.get(choice % (known.len() + 1)) {
            return (*known).to_owned();
        }
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn rows(&mut self) -> u64 {
        if self.byte().is_multiple_of(8) {
            self.word()
        } else {
            self.small()
        }
    }
}

fn descriptor(bytes: &mut Bytes<'_>) -> Descriptor {
    let (minimum, maximum) = (bytes.bit().then_some(0.0), bytes.bit().then_some(1.0));
    let metric = |name: &str| Metric {
        name: name.into(),
        help: String::new(),
        unit: String::new(),
        direction: Direction::HigherIsDrift,
        minimum,
        maximum,
        default_threshold: None,
    };
    Descriptor {
        name: "fuzz".into(),
        version: "1.0.0".into(),
        summary: String::new(),
        kind: DriftKind::Data,
        accepts: vec![ColumnKind::Numeric],
        roles: vec![Role::Feature],
        needs: Needs::Profiles,
        rows_min: 1,
        metrics: vec![metric("one"), metric("two")],
        config_schema: "{}".into(),
        state_format: 1,
    }
}

fn measurement(bytes: &mut Bytes<'_>) -> Raw {
    let kinds = [
        ThresholdKind::Calibrated,
        ThresholdKind::Floor,
        ThresholdKind::Fixed,
    ];
    let verdicts = [
        Verdict::Stable,
        Verdict::Drifted,
        Verdict::Insufficient,
        Verdict::Constant,
        Verdict::Failed,
    ];
    let measurement = Measurement {
        metric: bytes.text(&["one", "two"]),
        column: bytes.maybe(|bytes| bytes.text(&["age", ""])),
        value: bytes.number(),
        effect: bytes.maybe(Bytes::number),
        p_value: bytes.maybe(Bytes::number),
        p_adjusted: bytes.maybe(Bytes::number),
        threshold: bytes.maybe(Bytes::number),
        threshold_kind: bytes.maybe(|bytes| kinds[usize::from(bytes.byte()) % kinds.len()]),
        reference_rows: bytes.rows(),
        current_rows: bytes.rows(),
        missing_share: bytes.number(),
        unseen_share: bytes.number(),
        verdict: verdicts[usize::from(bytes.byte()) % verdicts.len()],
        row: bytes.maybe(Bytes::rows),
        detail: None,
        segment: None,
        began: None,
    };
    let detail = bytes.maybe(|bytes| match bytes.byte() % 4 {
        0 => bytes.text(&["{}", "{\"a\":1}", "[]", "null"]),
        1 => format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)),
        2 => format!("{{\"a\":\"{}\"}}", "x".repeat(DETAIL_BYTES_MAX - 8)),
        _ => format!("{{\"a\":\"{}\"}}", "x".repeat(DETAIL_BYTES_MAX - 7)),
    });
    Raw {
        measurement,
        detail,
    }
}
