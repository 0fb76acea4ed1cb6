//! Rows of models on their way into `prediction`.

use std::collections::BTreeSet;

use super::copy::Tuples;
use super::partitions::Month;

/// Fields of a row in `COPY prediction (seq, model_no, prediction_time, record_id, numbers, codes)`.
const FIELDS: i16 = 6;
/// Bytes of a row without its record, numbers and codes.
const ROW_BYTES: usize = 90;

/// Rows of one model, ready to be sent; their numbers are given out when they are written.
#[derive(Debug, Default, Clone)]
pub struct NewRows {
    pub(super) tuples: Tuples,
    pub(super) months: BTreeSet<Month>,
    last_month: Option<(i64, i64)>,
}

impl NewRows {
    /// Room for rows with so many numbers and codes.
    pub fn with_capacity(rows: usize, numbers: usize, codes: usize) -> Self {
        Self {
            tuples: Tuples::with_capacity(rows, ROW_BYTES + 12 * numbers + 8 * codes),
            ..Self::default()
        }
    }

    /// Adds a row. `time` in microseconds since 1970-01-01T00:00:00Z; of the numbers NaN is missing, of the codes -1.
    pub fn push(
        &mut self,
        model_no: i32,
        time: i64,
        record_id: &str,
        numbers: &[f64],
        codes: &[i32],
    ) {
        self.see(time);
        self.tuples.begin(FIELDS);
        self.tuples.int4(model_no);
        self.tuples.timestamp(time);
        self.tuples.text(record_id);
        self.tuples.float8s(numbers);
        self.tuples.int4s(codes);
    }

    /// Number of rows.
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

    /// Takes note of the month. Rows mostly come in the order of time, so the last one is remembered.
    fn see(&mut self, time: i64) {
        if self
            .last_month
            .is_some_and(|(from, to)| from <= time && time < to)
        {
            return;
        }
        let month = Month::of_micros(time);
        self.months.insert(month);
        self.last_month = Some((month.start().as_microsecond(), month.end().as_microsecond()));
    }
}
