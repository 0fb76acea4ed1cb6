//! One transaction that stores the rows and labels of many requests.
//!
//! Numbers are given out under the lock of each model's `arrival` row, which is held until the commit: whoever
//! sees a number sees all smaller ones.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};

use super::copy::{HEADER, TRAILER, Tuples};
use super::labels::NewLabels;
use super::partitions::{Month, Partitioned};
use super::rows::NewRows;
use super::small_groups::{self, RowTypes};
use super::{Store, StoreError, StoreResult};

/// What one request brings to one model.
#[derive(Debug, Default)]
pub struct Arrival {
    /// The model.
    pub model_no: i32,
    /// Rows.
    pub rows: NewRows,
    /// Labels.
    pub labels: NewLabels,
}

/// How the rows of a large group get into their table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Straight: quick, and fails if one of them is there already.
    Straight,
    /// Through a table of the connection: rows that are there already are left out and counted.
    Staged,
}

/// What became of a group of requests.
#[derive(Debug)]
pub enum Written {
    /// It is committed: of each request the rows that were not there before; `None` where the model is gone.
    Committed(Vec<Option<u64>>),
    /// Nothing is stored, because some row is there already: take [`Way::Staged`].
    Duplicates,
    /// The connection broke while the answer to the commit was awaited: ask [`Store::outcome_of`].
    Unknown {
        /// The transaction.
        transaction: String,
        /// What it comes to if it was committed.
        counts: Vec<Option<u64>>,
        /// How the connection broke.
        error: StoreError,
    },
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is committed.
    Committed,
    /// It is not, and will not be.
    Aborted,
    /// It still runs.
    Running,
}

/// What all models come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Registered models.
    pub models: u64,
    /// Rows that are committed and not profiled.
    pub rows_not_profiled: u64,
}

/// Bytes that are sent at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// Unique violation, as an SQLSTATE.
const UNIQUE_VIOLATION: &str = "23505";

/// A connection that writes.
#[derive(Debug)]
pub struct WriteConnection {
    connection: PgConnection,
    has_staging: bool,
    types: Option<RowTypes>,
}

/// Numbers for the rows and labels of one model.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Numbers {
    rows: i64,
    labels: i64,
}

impl Numbers {
    /// The first of each.
    pub(super) const FIRST: Self = Self { rows: 1, labels: 1 };
}

/// How many numbers each model needs: three lists of one length, in the order of the models.
pub(super) struct Wanted {
    pub(super) models: Vec<i32>,
    pub(super) rows: Vec<i64>,
    pub(super) labels: Vec<i64>,
}

impl Wanted {
    /// What a group needs.
    pub(super) fn of(arrivals: &[Arrival]) -> Self {
        let mut wanted: BTreeMap<i32, Numbers> = BTreeMap::new();
        for arrival in arrivals {
            let numbers = wanted.entry(arrival.model_no).or_default();
            numbers.rows += count(arrival.rows.len());
            numbers.labels += count(arrival.labels.len());
        }
        Self {
            models: wanted.keys().copied().collect(),
            rows: wanted.values().map(|numbers| numbers.rows).collect(),
            labels: wanted.values().map(|numbers| numbers.labels).collect(),
        }
    }
}

impl Arrival {
    /// Takes the next numbers of its model.
    pub(super) fn number(&mut self, next: &mut Numbers) {
        self.rows.tuples.number(next.rows);
        self.labels.tuples.number(next.labels);
        next.rows += count(self.rows.len());
        next.labels += count(self.labels.len());
    }
}

/// Counts for each request the rows that were stored, out of their models and numbers. `first` of each request:
/// `None` where its model is gone.
pub(super) fn stored_of(
    arrivals: &[Arrival],
    first: &[Option<Numbers>],
    stored: impl Iterator<Item = (i32, i64)>,
) -> Vec<Option<u64>> {
    let mut counts: Vec<Option<u64>> = first.iter().map(|first| first.map(|_| 0)).collect();
    // The requests of a model by the number of their first row.
    let mut starts: BTreeMap<(i32, i64), usize> = BTreeMap::new();
    for (at, (arrival, first)) in arrivals.iter().zip(first).enumerate() {
        if let Some(first) = first.filter(|_| !arrival.rows.is_empty()) {
            starts.insert((arrival.model_no, first.rows), at);
        }
    }
    for key in stored {
        if let Some((_, &at)) = starts.range(..=key).next_back()
            && let Some(count) = &mut counts[at]
        {
            *count += 1;
        }
    }
    counts
}

impl Store {
    /// A connection of its own, outside of the pool.
    pub async fn write_connection(&self) -> StoreResult<WriteConnection> {
        let connection = PgConnection::connect_with(&self.pool.connect_options()).await?;
        Ok(WriteConnection {
            connection,
            has_staging: false,
            types: None,
        })
    }

    /// Makes sure that all rows and labels have a partition to go to.
    pub async fn prepare(&self, arrivals: &[Arrival]) -> StoreResult<()> {
        let months = |of: fn(&Arrival) -> &std::collections::BTreeSet<Month>| {
            arrivals.iter().flat_map(of).copied()
        };
        self.ensure_each(Partitioned::Prediction, months(|it| &it.rows.months))
            .await?;
        self.ensure_each(Partitioned::Label, months(|it| &it.labels.months))
            .await
    }

    /// Models, and rows that wait to be profiled.
    pub async fn totals(&self) -> StoreResult<Totals> {
        let row = sqlx::query(
            "SELECT count(*) AS models, coalesce(sum(greatest(a.last_seq - p.profiled_seq, 0)), 0)::int8 AS behind
             FROM arrival a JOIN progress p USING (model_no)",
        )
        .fetch_one(&self.pool)
        .await?;
        let count = |name| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        Ok(Totals {
            models: count("models")?,
            rows_not_profiled: count("behind")?,
        })
    }

    /// How a transaction ended that [`Written::Unknown`] named.
    pub async fn outcome_of(&self, transaction: &str) -> StoreResult<Outcome> {
        let status: Option<String> = sqlx::query_scalar("SELECT pg_xact_status($1::text::xid8)")
            .bind(transaction)
            .fetch_one(&self.pool)
            .await?;
        Ok(match status.as_deref() {
            Some("committed") => Outcome::Committed,
            Some("in progress") => Outcome::Running,
            // Forgotten ones are millions of transactions old; this one just was.
            _ => Outcome::Aborted,
        })
    }
}

impl WriteConnection {
    /// Stores everything in one transaction. Partitions must be there: see [`Store::prepare`]. A small group goes in
    /// with one statement, whichever way is said.
    pub async fn write(&mut self, arrivals: &mut [Arrival], way: Way) -> StoreResult<Written> {
        let small = small_groups::is_small(arrivals);
        if small && self.types.is_none() {
            self.types = Some(small_groups::make_types(&mut self.connection).await?);
        }
        if !small && way == Way::Staged && !self.has_staging {
            self.connection
                .execute(
                    "CREATE TEMP TABLE incoming (seq int8 NOT NULL, model_no int4 NOT NULL, prediction_time timestamptz NOT NULL,
                     record_id text NOT NULL, numbers float8[] NOT NULL, codes int4[] NOT NULL, embedding float4[]) ON COMMIT DELETE ROWS",
                )
                .await?;
            self.has_staging = true;
        }
        self.connection.execute("BEGIN").await?;
        let filled = match self.types.filter(|_| small) {
            Some(types) => small_groups::insert(&mut self.connection, types, arrivals)
                .await
                .map(Some),
            None => self.fill(arrivals, way).await,
        };
        match filled {
            Ok(Some((transaction, counts))) => match self.connection.execute("COMMIT").await {
                Ok(_) => Ok(Written::Committed(counts)),
                // The server said that it did not commit.
                Err(error @ sqlx::Error::Database(_)) => Err(error.into()),
                // Of models that are all gone nothing was to be stored, however it ended.
                Err(_) if transaction.is_empty() => Ok(Written::Committed(counts)),
                Err(error) => Ok(Written::Unknown {
                    transaction,
                    counts,
                    error: error.into(),
                }),
            },
            Ok(None) => {
                self.connection.execute("ROLLBACK").await?;
                Ok(Written::Duplicates)
            }
            Err(error) => {
                // The first error counts; a broken connection cannot roll back, and need not.
                let _ = self.connection.execute("ROLLBACK").await;
                Err(error)
            }
        }
    }

    /// Everything up to the commit. `None`: some row is there already.
    async fn fill(
        &mut self,
        arrivals: &mut [Arrival],
        way: Way,
    ) -> StoreResult<Option<(String, Vec<Option<u64>>)>> {
        let (transaction, mut next) = self.reserve(arrivals).await?;
        let mut first = Vec::with_capacity(arrivals.len());
        for arrival in arrivals.iter_mut() {
            let Some(numbers) = next.get_mut(&arrival.model_no) else {
                first.push(None);
                continue;
            };
            first.push(Some(*numbers));
            arrival.number(numbers);
        }
        // Requests of models that are gone bring nothing.
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for (arrival, first) in arrivals.iter().zip(&first) {
            if first.is_some() {
                rows.push(&arrival.rows.tuples);
                labels.push(&arrival.labels.tuples);
            }
        }
        let counts = match way {
            Way::Straight => {
                let copied = copy_in(
                        &mut self.connection,
                        "COPY prediction (seq, model_no, prediction_time, record_id, numbers, codes, embedding) FROM STDIN (FORMAT binary)",
                        &rows,
                    )
                    .await;
                match copied {
                    Ok(()) => {}
                    Err(StoreError::Database(sqlx::Error::Database(error)))
                        if error.code().as_deref() == Some(UNIQUE_VIOLATION) =>
                    {
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                }
                let count = |(arrival, first): (&Arrival, &Option<Numbers>)| {
                    first.map(|_| arrival.rows.len() as u64)
                };
                arrivals.iter().zip(&first).map(count).collect()
            }
            Way::Staged => {
                copy_in(
                    &mut self.connection,
                    "COPY incoming FROM STDIN (FORMAT binary)",
                    &rows,
                )
                .await?;
                self.insert_staged(arrivals, &first).await?
            }
        };
        copy_in(
            &mut self.connection,
            "COPY label (seq, model_no, received_at, record_id, number, code) FROM STDIN (FORMAT binary)",
            &labels,
        )
        .await?;
        Ok(Some((transaction, counts)))
    }

    /// Locks each model's counters in the order of their numbers, and takes what is needed. Models that are
    /// gone are not in the answer.
    async fn reserve(
        &mut self,
        arrivals: &[Arrival],
    ) -> StoreResult<(String, BTreeMap<i32, Numbers>)> {
        let wanted = Wanted::of(arrivals);
        let reserved = sqlx::query(
            "WITH locked AS MATERIALIZED (
                 SELECT model_no FROM arrival WHERE model_no = ANY ($1) ORDER BY model_no FOR UPDATE
             )
             UPDATE arrival a SET last_seq = a.last_seq + n.rows, last_label_seq = a.last_label_seq + n.labels
             FROM locked l JOIN unnest($1, $2, $3) AS n (model_no, rows, labels) USING (model_no)
             WHERE a.model_no = l.model_no
             RETURNING a.model_no, a.last_seq - n.rows + 1 AS rows, a.last_label_seq - n.labels + 1 AS labels,
                       pg_current_xact_id()::text AS transaction",
        )
        .bind(wanted.models)
        .bind(wanted.rows)
        .bind(wanted.labels)
        .fetch_all(&mut self.connection)
        .await?;
        let mut transaction = String::new();
        let mut next = BTreeMap::new();
        for row in reserved {
            transaction = row.try_get("transaction")?;
            let numbers = Numbers {
                rows: row.try_get("rows")?,
                labels: row.try_get("labels")?,
            };
            next.insert(row.try_get("model_no")?, numbers);
        }
        Ok((transaction, next))
    }

    /// Moves staged rows on, and counts for each request those that were not there.
    async fn insert_staged(
        &mut self,
        arrivals: &[Arrival],
        first: &[Option<Numbers>],
    ) -> StoreResult<Vec<Option<u64>>> {
        let inserted = sqlx::query(
            "INSERT INTO prediction (seq, model_no, prediction_time, record_id, numbers, codes, embedding)
             SELECT seq, model_no, prediction_time, record_id, numbers, codes, embedding FROM incoming ORDER BY model_no, seq
             ON CONFLICT DO NOTHING RETURNING model_no, seq",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let mut stored = Vec::with_capacity(inserted.len());
        for row in inserted {
            stored.push((row.try_get(0)?, row.try_get(1)?));
        }
        Ok(stored_of(arrivals, first, stored.into_iter()))
    }
}

/// Sends rows. Small ones are put together first: each message costs a system call.
pub(super) async fn copy_in(
    connection: &mut PgConnection,
    statement: &'static str,
    tuples: &[&Tuples],
) -> StoreResult<()> {
    if tuples.iter().all(|tuples| tuples.rows() == 0) {
        return Ok(());
    }
    let mut copy = connection.copy_in_raw(statement).await?;
    let mut piece = HEADER.to_vec();
    for tuples in tuples {
        for bytes in tuples.bytes().chunks(PIECE_BYTES) {
            if piece.len() + bytes.len() > PIECE_BYTES {
                copy.send(piece.as_slice()).await?;
                piece.clear();
            }
            piece.extend_from_slice(bytes);
        }
    }
    piece.extend_from_slice(&TRAILER);
    copy.send(piece.as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).expect("a request has far fewer rows than 2^63")
}
