//! The rows and labels of a few requests in one statement: small groups are not worth a COPY each.
//!
//! The statement takes numbers under the lock of the models' `arrival` rows, inserts what is not there yet, and says
//! what it inserted. Rows travel as an array of a composite type of the connection, in the binary form that they have
//! for COPY, so that rows with different numbers of values stand side by side.

use std::collections::BTreeMap;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgConnection, PgTypeInfo};
use sqlx::{Encode, Executor, Postgres, Row, Type};

use super::StoreResult;
use super::arrivals::{Arrival, Numbers, Wanted, stored_of};
use super::copy::Tuples;

/// Most rows and labels of a group that goes in this way. COPY is quicker for more; for less its own exchanges weigh more.
const SMALL_ROWS_MAX: usize = 512;
/// Most bytes of such a group.
const SMALL_BYTES_MAX: usize = 1024 * 1024;

const INT8: i32 = 20;
const INT4: i32 = 23;
const TEXT: i32 = 25;
const FLOAT8: i32 = 701;
const TIMESTAMPTZ: i32 = 1_184;
const INT4_ARRAY: i32 = 1_007;
const FLOAT4_ARRAY: i32 = 1_021;
const FLOAT8_ARRAY: i32 = 1_022;
/// Types of the fields of a row, in the order of its tuple. Those of the server itself have the same numbers everywhere.
const ROW_FIELDS: [i32; 7] = [
    INT8,
    INT4,
    TIMESTAMPTZ,
    TEXT,
    FLOAT8_ARRAY,
    INT4_ARRAY,
    FLOAT4_ARRAY,
];
/// Types of the fields of a label.
const LABEL_FIELDS: [i32; 6] = [INT8, INT4, TIMESTAMPTZ, TEXT, FLOAT8, INT4];

/// Types of one connection, by their numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowTypes {
    row: (Oid, Oid),
    label: (Oid, Oid),
}

/// Whether a group goes in this way.
pub(super) fn is_small(arrivals: &[Arrival]) -> bool {
    let (mut rows, mut bytes) = (0, 0);
    for arrival in arrivals {
        rows += arrival.rows.len() + arrival.labels.len();
        bytes += arrival.rows.bytes() + arrival.labels.bytes();
    }
    rows <= SMALL_ROWS_MAX && bytes <= SMALL_BYTES_MAX
}

/// Makes the types of a connection. They are its own: a table's row type would change under a host when a newer one
/// adds a column.
pub(super) async fn make_types(connection: &mut PgConnection) -> StoreResult<RowTypes> {
    connection
        .execute(
            "CREATE TYPE pg_temp.new_row AS (seq int8, model_no int4, prediction_time timestamptz, record_id text, numbers float8[], codes int4[], embedding float4[]);
             CREATE TYPE pg_temp.new_label AS (seq int8, model_no int4, received_at timestamptz, record_id text, number float8, code int4)",
        )
        .await?;
    let (row, rows, label, labels) = sqlx::query_as(
        "SELECT 'pg_temp.new_row'::regtype::oid, 'pg_temp.new_row[]'::regtype::oid,
                'pg_temp.new_label'::regtype::oid, 'pg_temp.new_label[]'::regtype::oid",
    )
    .fetch_one(connection)
    .await?;
    Ok(RowTypes {
        row: (row, rows),
        label: (label, labels),
    })
}

/// Stores a group inside of a transaction. Gives the transaction's number, empty where all models are gone, and for each
/// request the rows that were not there; `None` where its model is gone.
pub(super) async fn insert(
    connection: &mut PgConnection,
    types: RowTypes,
    arrivals: &mut [Arrival],
) -> StoreResult<(String, Vec<Option<u64>>)> {
    let wanted = Wanted::of(arrivals);
    // Numbers from 1 inside of the group; the statement adds what was given out before.
    let mut next: BTreeMap<i32, Numbers> = BTreeMap::new();
    let mut first = Vec::with_capacity(arrivals.len());
    let (mut rows, mut labels) = (Elements::new(types.row), Elements::new(types.label));
    for arrival in arrivals.iter_mut() {
        let numbers = next.entry(arrival.model_no).or_insert(Numbers::FIRST);
        first.push(Some(*numbers));
        arrival.number(numbers);
        rows.add(&arrival.rows.tuples, &ROW_FIELDS);
        labels.add(&arrival.labels.tuples, &LABEL_FIELDS);
    }
    // Rows of one record in one group: the first of them is stored, so their order counts.
    let answer = sqlx::query(
        "WITH locked AS MATERIALIZED (
             SELECT model_no FROM arrival WHERE model_no = ANY ($1) ORDER BY model_no FOR UPDATE
         ), moved AS (
             UPDATE arrival a SET last_seq = a.last_seq + n.rows, last_label_seq = a.last_label_seq + n.labels
             FROM locked l JOIN unnest($1, $2, $3) AS n (model_no, rows, labels) USING (model_no)
             WHERE a.model_no = l.model_no
             RETURNING a.model_no, a.last_seq - n.rows AS rows, a.last_label_seq - n.labels AS labels
         ), stored AS (
             INSERT INTO prediction (seq, model_no, prediction_time, record_id, numbers, codes, embedding)
             SELECT m.rows + r.seq, r.model_no, r.prediction_time, r.record_id, r.numbers, r.codes, r.embedding
             FROM unnest($4) AS r JOIN moved m USING (model_no) ORDER BY r.model_no, r.seq
             ON CONFLICT DO NOTHING RETURNING model_no, seq
         ), labelled AS (
             INSERT INTO label (seq, model_no, received_at, record_id, number, code)
             SELECT m.labels + l.seq, l.model_no, l.received_at, l.record_id, l.number, l.code
             FROM unnest($5) AS l JOIN moved m USING (model_no)
         )
         SELECT m.model_no, pg_current_xact_id()::text AS transaction,
                array_agg(s.seq - m.rows) FILTER (WHERE s.seq IS NOT NULL) AS stored
         FROM moved m LEFT JOIN stored s USING (model_no) GROUP BY m.model_no",
    )
    .bind(wanted.models)
    .bind(wanted.rows)
    .bind(wanted.labels)
    .bind(rows)
    .bind(labels)
    .fetch_all(connection)
    .await?;
    let mut transaction = String::new();
    let mut stored: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for row in answer {
        transaction = row.try_get("transaction")?;
        let numbers: Option<Vec<i64>> = row.try_get("stored")?;
        stored.insert(row.try_get("model_no")?, numbers.unwrap_or_default());
    }
    for (arrival, first) in arrivals.iter().zip(&mut first) {
        if !stored.contains_key(&arrival.model_no) {
            *first = None;
        }
    }
    let stored = stored
        .into_iter()
        .flat_map(|(model, numbers)| numbers.into_iter().map(move |number| (model, number)));
    Ok((transaction, stored_of(arrivals, &first, stored)))
}

/// Rows as the elements of an array.
struct Elements {
    element: Oid,
    array: Oid,
    count: usize,
    bytes: Vec<u8>,
}

impl Elements {
    fn new((element, array): (Oid, Oid)) -> Self {
        Self {
            element,
            array,
            count: 0,
            bytes: Vec::new(),
        }
    }

    fn add(&mut self, tuples: &Tuples, types: &[i32]) {
        self.count += tuples.rows();
        tuples.append_composites(types, &mut self.bytes);
    }
}

impl Type<Postgres> for Elements {
    /// Of no use: which type it is shows at each value.
    fn type_info() -> PgTypeInfo {
        <Vec<u8> as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Elements {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let dimensions = i32::from(self.count > 0);
        buffer.extend_from_slice(&dimensions.to_be_bytes());
        buffer.extend_from_slice(&0_i32.to_be_bytes()); // No element is null.
        buffer.extend_from_slice(&self.element.0.to_be_bytes());
        if self.count > 0 {
            buffer.extend_from_slice(&i32::try_from(self.count)?.to_be_bytes());
            buffer.extend_from_slice(&1_i32.to_be_bytes());
            buffer.extend_from_slice(&self.bytes);
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(self.array))
    }
}
