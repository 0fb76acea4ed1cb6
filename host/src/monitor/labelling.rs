//! Which label of a record counts, and what new labels change.

use rustc_hash::FxHashMap;

use crate::store::StoredLabel;

/// A label's value.
#[derive(Debug, Clone, Copy)]
pub(super) enum LabelValue {
    /// Where labels are numbers.
    Number(f64),
    /// Where they are categories.
    Code(i32),
}

impl PartialEq for LabelValue {
    /// Bit by bit, so that a value is always equal to itself.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.to_bits() == right.to_bits(),
            (Self::Code(left), Self::Code(right)) => left == right,
            _ => false,
        }
    }
}

/// The truth about the rows of one record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Truth {
    /// The label that counts: the one with the largest seq.
    pub(super) value: LabelValue,
    /// When the record's first label arrived, which the delay is counted to, in microseconds. A correction leaves it.
    pub(super) first_received_at: i64,
}

impl Truth {
    /// How long the label was on its way, in microseconds; 0 where it was there before the prediction.
    pub(super) fn delay_micros(&self, prediction_time: i64) -> i64 {
        self.first_received_at
            .saturating_sub(prediction_time)
            .max(0)
    }
}

/// What new labels do to a record whose rows are profiled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// Nothing: the label says the same as before.
    None,
    /// Its rows are labelled now.
    Labelled(Truth),
    /// A label that was counted is replaced by another one, or by none.
    Replaced,
}

/// The labels of some records.
#[derive(Debug, Default)]
pub(super) struct Labels<'a> {
    records: FxHashMap<&'a str, Vec<&'a StoredLabel>>,
}

impl<'a> Labels<'a> {
    /// All labels of some records, in any order.
    pub(super) fn new(labels: &'a [StoredLabel]) -> Self {
        let mut records: FxHashMap<&str, Vec<&StoredLabel>> = FxHashMap::default();
        for label in labels {
            records.entry(&label.record_id).or_default().push(label);
        }
        for labels in records.values_mut() {
            labels.sort_unstable_by_key(|label| label.seq);
            labels.dedup_by_key(|label| label.seq);
        }
        Self { records }
    }

    /// What is known of a record from labels with a seq up to this.
    pub(super) fn truth(&self, record_id: &str, label_seq: i64) -> Option<Truth> {
        let labels = self.records.get(record_id)?;
        let known = &labels[..labels.partition_point(|label| label.seq <= label_seq)];
        let first = known.iter().find(|label| value(label).is_some())?;
        // A label without a value takes an earlier one back.
        let value = value(known.last()?)?;
        Some(Truth {
            value,
            first_received_at: first.received_at,
        })
    }

    /// What the labels with a seq in `(from, to]` change for a record whose rows count those up to `from`.
    pub(super) fn change(&self, record_id: &str, from: i64, to: i64) -> Change {
        match (self.truth(record_id, from), self.truth(record_id, to)) {
            (None, Some(truth)) => Change::Labelled(truth),
            (Some(before), Some(after)) if before.value == after.value => Change::None,
            (None, None) => Change::None,
            (Some(_), _) => Change::Replaced,
        }
    }
}

fn value(label: &StoredLabel) -> Option<LabelValue> {
    label
        .code
        .map(LabelValue::Code)
        .or(label.number.map(LabelValue::Number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(seq: i64, record_id: &str, number: Option<f64>) -> StoredLabel {
        StoredLabel {
            seq,
            received_at: 100 * seq,
            record_id: record_id.to_owned(),
            number,
            code: None,
        }
    }

    fn truth(number: f64, first_received_at: i64) -> Truth {
        Truth {
            value: LabelValue::Number(number),
            first_received_at,
        }
    }

    #[test]
    fn the_last_label_counts_and_the_first_sets_the_delay() {
        let stored = [
            label(5, "a", Some(2.0)),
            label(3, "a", Some(1.0)),
            label(4, "b", Some(9.0)),
        ];
        let labels = Labels::new(&stored);
        assert_eq!(labels.truth("a", 2), None);
        assert_eq!(labels.truth("a", 4), Some(truth(1.0, 300)));
        assert_eq!(labels.truth("a", 5), Some(truth(2.0, 300)));
        assert_eq!(labels.truth("c", 5), None);
        assert_eq!(truth(1.0, 300).delay_micros(250), 50);
        assert_eq!(truth(1.0, 300).delay_micros(301), 0, "it was there before");
    }

    #[test]
    fn changes_are_told_from_what_was_counted() {
        let stored = [
            label(1, "same", Some(1.0)),
            label(2, "same", Some(1.0)),
            label(1, "new", None),
            label(2, "new", Some(1.0)),
            label(1, "corrected", Some(1.0)),
            label(2, "corrected", Some(0.0)),
            label(1, "taken back", Some(1.0)),
            label(2, "taken back", None),
            label(1, "back and forth", Some(1.0)),
            label(2, "back and forth", Some(0.0)),
            label(3, "back and forth", Some(1.0)),
        ];
        let labels = Labels::new(&stored);
        assert_eq!(labels.change("same", 1, 2), Change::None);
        assert_eq!(
            labels.change("new", 1, 2),
            Change::Labelled(truth(1.0, 200))
        );
        assert_eq!(labels.change("corrected", 1, 2), Change::Replaced);
        assert_eq!(labels.change("taken back", 1, 2), Change::Replaced);
        assert_eq!(labels.change("back and forth", 1, 3), Change::None);
        assert_eq!(labels.change("never heard of", 1, 3), Change::None);
    }

    #[test]
    fn several_labels_of_one_batch_are_one_change() {
        let stored = [label(4, "a", Some(0.0)), label(5, "a", Some(1.0))];
        let change = Labels::new(&stored).change("a", 3, 5);
        assert_eq!(change, Change::Labelled(truth(1.0, 400)));
    }
}
