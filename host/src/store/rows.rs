//! Rows of models on their way into `prediction`.

use std::collections::BTreeSet;

use super::copy::Tuples;
use super::partitions::Month;

/// Fields of a row in `COPY prediction (seq, model_no, prediction_time, record_id, numbers, codes, embedding)`.
const FIELDS: i16 = 7;
/// Bytes of a row without its record, numbers, codes and vectors.
const ROW_BYTES: usize = 94;

/// Rows of one model, ready to be sent; their numbers are given out when they are written.
#[derive(Debug, Default, Clone)]
pub struct NewRows {
    pub(super) tuples: Tuples,
    pub(super) months: BTreeSet<Month>,
    last_month: Option<(i64, i64)>,
}

impl NewRows {
    /// Room for rows with so many numbers and codes, and so many numbers of vectors.
    pub fn with_capacity(rows: usize, numbers: usize, codes: usize, embedding: usize) -> Self {
        let values = 12 * numbers + 8 * codes + 8 * embedding;
        Self {
            tuples: Tuples::with_capacity(rows, ROW_BYTES + values),
            ..Self::default()
        }
    }

    /// Adds a row without vectors. `time` in microseconds since 1970-01-01T00:00:00Z; of the numbers NaN is missing, of
    /// the codes -1.
    pub fn push(
        &mut self,
        model_no: i32,
        time: i64,
        record_id: &str,
        numbers: &[f64],
        codes: &[i32],
    ) {
        self.push_embedded(model_no, time, record_id, (numbers, codes, &[]));
    }

    /// Adds a row whose values are its numbers, its codes and its vectors, one behind the other. Of their numbers NaN is
    /// missing; a vector of which all are is missing as a whole.
    pub fn push_embedded(
        &mut self,
        model_no: i32,
        time: i64,
        record_id: &str,
        (numbers, codes, embedding): (&[f64], &[i32], &[f32]),
    ) {
        self.see(time);
        self.tuples.begin(FIELDS);
        self.tuples.int4(model_no);
        self.tuples.timestamp(time);
        self.tuples.text(record_id);
        self.tuples.float8s(numbers);
        self.tuples.int4s(codes);
        self.tuples.float4s(embedding);
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
