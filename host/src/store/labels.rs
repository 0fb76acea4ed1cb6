//! Labels of records on their way into `label`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::copy::Tuples;
use super::partitions::Month;

/// Fields of a label in `COPY label (seq, model_no, received_at, record_id, number, code)`.
const FIELDS: i16 = 6;
/// Bytes of a label without its record.
const LABEL_BYTES: usize = 70;

/// What a record turned out to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelValue {
    /// A number.
    Number(f64),
    /// A code of the label column's categories.
    Code(i32),
}

/// Labels of one model that came together, ready to be sent; their numbers are given out when they are written.
#[derive(Debug, Default, Clone)]
pub struct NewLabels {
    pub(super) tuples: Tuples,
    pub(super) months: BTreeSet<Month>,
}

impl NewLabels {
    /// Room for so many.
    pub fn with_capacity(labels: usize) -> Self {
        Self {
            tuples: Tuples::with_capacity(labels, LABEL_BYTES),
            ..Self::default()
        }
    }

    /// Adds the label of a record.
    pub fn push(
        &mut self,
        model_no: i32,
        received_at: Timestamp,
        record_id: &str,
        value: LabelValue,
    ) {
        if self.is_empty() {
            self.months.insert(Month::of(received_at));
        }
        self.tuples.begin(FIELDS);
        self.tuples.int4(model_no);
        self.tuples.timestamp(received_at.as_microsecond());
        self.tuples.text(record_id);
        match value {
            LabelValue::Number(number) => {
                self.tuples.float8(number);
                self.tuples.null();
            }
            LabelValue::Code(code) => {
                self.tuples.null();
                self.tuples.int4(code);
            }
        }
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.tuples.rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that will be sent.
    pub fn bytes(&self) -> usize {
        self.tuples.bytes().len()
    }
}
