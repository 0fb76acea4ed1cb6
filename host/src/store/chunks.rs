//! Chunks and their profiles.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::arrivals::copy_in;
use super::copy::Tuples;
use super::read_rows::{RowSet, at, micros};
use super::row_columns::MicrosRange;
use super::{Store, StoreError, StoreResult};

/// A chunk without its profiles.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkInfo {
    /// Order in which the model's chunks were opened, from 1.
    pub chunk_no: i64,
    /// Prediction times in `[start, end)`.
    pub start: Timestamp,
    /// See `start`.
    pub end: Timestamp,
    /// Seq of its first row.
    pub seq_from: i64,
    /// Seq of the last row that it counts.
    pub seq_to: i64,
    /// Rows.
    pub rows: u64,
    /// Rows whose label has arrived.
    pub labelled_rows: u64,
    /// Sum of the label delays of the labelled rows, in seconds: from the prediction to the record's first label, 0 where
    /// that was there before.
    pub label_delay_seconds: f64,
    /// Smallest prediction time.
    pub first_time: Timestamp,
    /// Largest prediction time.
    pub last_time: Timestamp,
    /// Raised by every change of the profiles.
    pub revision: i64,
    /// Whether labels wait to be counted anew. Until then the labelled profile is of an earlier state.
    pub stale: bool,
}

impl ChunkInfo {
    /// The rows that it counts.
    pub fn row_set(&self) -> RowSet {
        RowSet {
            times: self.times(),
            seq_from: self.seq_from,
            seq_to: self.seq_to,
        }
    }

    /// Prediction times, in microseconds.
    pub fn times(&self) -> MicrosRange {
        self.start.as_microsecond()..self.end.as_microsecond()
    }
}

/// The profiles of a chunk, as bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkProfiles {
    /// Which chunk.
    pub chunk_no: i64,
    /// Revision that they are of.
    pub revision: i64,
    /// Features, prediction and probability of all rows.
    pub profile: Vec<u8>,
    /// Label and derived columns of labelled rows; absent where there never was one.
    pub labelled: Option<Vec<u8>>,
}

/// The newest chunk of a stretch: the only one that may take rows.
pub type NewestChunk = ChunkInfo;

const INFO: &str = "c.chunk_no, c.start_time, c.end_time, c.seq_from, c.seq_to, c.rows, c.labelled_rows, c.label_delay_seconds, c.first_time, c.last_time, c.revision, c.stale";

fn select(rest: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("SELECT {INFO} FROM chunk c {rest}"))
}

impl Store {
    /// All chunks of a model, ordered by `(start, seq_from)`.
    pub async fn chunks(&self, model_no: i32) -> StoreResult<Vec<ChunkInfo>> {
        let rows = sqlx::query(select(
            "WHERE c.model_no = $1 ORDER BY c.start_time, c.seq_from",
        ))
        .bind(model_no)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(info).collect()
    }

    /// The same, and up to which label their labels count: both as of one moment.
    pub async fn chunks_and_labels(&self, model_no: i32) -> StoreResult<(Vec<ChunkInfo>, i64)> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {INFO}, p.profiled_label_seq FROM chunk c JOIN progress p USING (model_no)
             WHERE c.model_no = $1 ORDER BY c.start_time, c.seq_from"
        )))
        .bind(model_no)
        .fetch_all(self.pool())
        .await?;
        let label_seq = match rows.first() {
            Some(row) => row.try_get("profiled_label_seq")?,
            None => 0,
        };
        Ok((
            rows.iter().map(info).collect::<StoreResult<_>>()?,
            label_seq,
        ))
    }

    /// Profiles of some chunks, in the order of their numbers. Chunks that are gone are left out.
    pub async fn chunk_profiles(
        &self,
        model_no: i32,
        chunk_nos: &[i64],
    ) -> StoreResult<Vec<ChunkProfiles>> {
        profiles(&mut *self.pool().acquire().await?, model_no, chunk_nos).await
    }
}

/// See [`Store::chunk_profiles`].
pub(super) async fn profiles(
    connection: &mut PgConnection,
    model_no: i32,
    chunk_nos: &[i64],
) -> StoreResult<Vec<ChunkProfiles>> {
    if chunk_nos.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT chunk_no, revision, profile, labelled_profile FROM chunk
         WHERE model_no = $1 AND chunk_no = ANY($2) ORDER BY chunk_no",
    )
    .bind(model_no)
    .bind(chunk_nos)
    .fetch_all(connection)
    .await?;
    let read = |row: PgRow| {
        Ok(ChunkProfiles {
            chunk_no: row.try_get(0)?,
            revision: row.try_get(1)?,
            profile: row.try_get(2)?,
            labelled: row.try_get(3)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// The newest chunk of every stretch that has one inside these ranges. No stretch crosses the ends of a range.
pub(super) async fn newest_inside(
    connection: &mut PgConnection,
    model_no: i32,
    ranges: &[MicrosRange],
) -> StoreResult<Vec<NewestChunk>> {
    let mut found = Vec::new();
    let mut open: Vec<MicrosRange> = ranges.to_vec();
    // Nearly always a range is one stretch; where it was cut, what lies before the last stretch is asked for next.
    while !open.is_empty() {
        let times = |end: fn(&MicrosRange) -> i64| -> Vec<SqlTimestamp> {
            open.iter().map(|range| at(end(range)).to_sqlx()).collect()
        };
        let rows = sqlx::query(select(
            "JOIN (
                 SELECT newest.chunk_no FROM unnest($2::timestamptz[], $3::timestamptz[]) r (start_time, end_time)
                 CROSS JOIN LATERAL (
                     SELECT n.chunk_no FROM chunk n
                     WHERE n.model_no = $1 AND n.start_time >= r.start_time AND n.start_time < r.end_time
                     ORDER BY n.start_time DESC, n.seq_from DESC LIMIT 1
                 ) newest
             ) f ON f.chunk_no = c.chunk_no WHERE c.model_no = $1",
        ))
        .bind(model_no)
        .bind(times(|range| range.start))
        .bind(times(|range| range.end))
        .fetch_all(&mut *connection)
        .await?;
        let newest: Vec<ChunkInfo> = rows.iter().map(info).collect::<StoreResult<_>>()?;
        let starts: BTreeSet<i64> = newest
            .iter()
            .map(|chunk| chunk.start.as_microsecond())
            .collect();
        let before = |range: &MicrosRange| {
            let start = *starts.range(range.clone()).next_back()?;
            (start > range.start).then_some(range.start..start)
        };
        open = open.iter().filter_map(before).collect();
        found.extend(newest);
    }
    Ok(found)
}

/// The chunk that counts each of some rows, given their times, seqs, and the start of the aligned stretch of each.
pub(super) async fn chunks_of_rows(
    connection: &mut PgConnection,
    model_no: i32,
    rows: &[(i64, i64, i64)],
) -> StoreResult<Vec<Option<i64>>> {
    let times = |of: fn(&(i64, i64, i64)) -> i64| -> Vec<SqlTimestamp> {
        rows.iter().map(|row| at(of(row)).to_sqlx()).collect()
    };
    let seqs: Vec<i64> = rows.iter().map(|row| row.1).collect();
    // Stretches do not overlap: the one that begins last before the row is the row's. Inside it chunks follow in order.
    let found = sqlx::query(
        "SELECT c.chunk_no FROM unnest($2::timestamptz[], $3::int8[], $4::timestamptz[]) WITH ORDINALITY r (time, seq, aligned, place)
         LEFT JOIN LATERAL (
             SELECT s.start_time FROM chunk s
             WHERE s.model_no = $1 AND s.start_time <= r.time AND s.start_time >= r.aligned
             ORDER BY s.start_time DESC LIMIT 1
         ) stretch ON true
         LEFT JOIN LATERAL (
             SELECT n.chunk_no, n.seq_to FROM chunk n
             WHERE n.model_no = $1 AND n.start_time = stretch.start_time AND n.seq_from <= r.seq
             ORDER BY n.seq_from DESC LIMIT 1
         ) c ON c.seq_to >= r.seq
         ORDER BY r.place",
    )
    .bind(model_no)
    .bind(times(|row| row.0))
    .bind(seqs)
    .bind(times(|row| row.2))
    .fetch_all(connection)
    .await?;
    found.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Some chunks by their numbers.
pub(super) async fn infos(
    connection: &mut PgConnection,
    model_no: i32,
    chunk_nos: &[i64],
) -> StoreResult<Vec<ChunkInfo>> {
    if chunk_nos.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(select("WHERE c.model_no = $1 AND c.chunk_no = ANY($2)"))
        .bind(model_no)
        .bind(chunk_nos)
        .fetch_all(connection)
        .await?;
    rows.iter().map(info).collect()
}

/// Chunks that a moment lies inside, and not as the last of their stretch; `aligned` is where stretches may begin at the
/// earliest.
pub(super) async fn around(
    connection: &mut PgConnection,
    model_no: i32,
    aligned: i64,
    time: Timestamp,
    limit: i64,
) -> StoreResult<Vec<ChunkInfo>> {
    let rows = sqlx::query(select(
        "WHERE c.model_no = $1 AND c.start_time >= $3 AND c.start_time <= $2 AND c.end_time > $2 + interval '1 microsecond'
         ORDER BY c.start_time, c.seq_from LIMIT $4",
    ))
    .bind(model_no)
    .bind(time.to_sqlx())
    .bind(at(aligned).to_sqlx())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(info).collect()
}

/// Chunks whose labels wait to be counted anew, at most `limit`.
pub(super) async fn stale(
    connection: &mut PgConnection,
    model_no: i32,
    limit: i64,
) -> StoreResult<Vec<ChunkInfo>> {
    let rows = sqlx::query(select(
        "WHERE c.model_no = $1 AND c.stale ORDER BY c.chunk_no LIMIT $2",
    ))
    .bind(model_no)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(info).collect()
}

/// Marks chunks as stale: these, or all that have labels.
pub(super) async fn mark_stale(
    connection: &mut PgConnection,
    model_no: i32,
    chunk_nos: Option<&[i64]>,
) -> StoreResult<()> {
    let query = match chunk_nos {
        Some(chunk_nos) => sqlx::query(
            "UPDATE chunk SET stale = true WHERE model_no = $1 AND NOT stale AND chunk_no = ANY($2)",
        )
        .bind(model_no)
        .bind(chunk_nos),
        None => sqlx::query(
            "UPDATE chunk SET stale = true WHERE model_no = $1 AND NOT stale AND labelled_rows > 0",
        )
        .bind(model_no),
    };
    query.execute(connection).await?;
    Ok(())
}

macro_rules! update {
    () => {
        "UPDATE chunk SET start_time = $3, end_time = $4, seq_from = $5, seq_to = $6, rows = $7, labelled_rows = $8,
             label_delay_seconds = $9, first_time = $10, last_time = $11, revision = $12, stale = $13"
    };
}

macro_rules! one {
    () => {
        " WHERE model_no = $1 AND chunk_no = $2"
    };
}

/// A chunk, the profile of its rows, and of those that have labels.
pub type NewChunk<'a> = (&'a ChunkInfo, &'a [u8], Option<&'a [u8]>);

/// Opens chunks.
pub(super) async fn insert(
    connection: &mut PgConnection,
    model_no: i32,
    chunks: &[NewChunk<'_>],
) -> StoreResult<()> {
    let mut tuples = Tuples::default();
    for (chunk, profile, labelled) in chunks {
        tuples.begin_numbered(15, chunk.chunk_no);
        tuples.int4(model_no);
        tuples.timestamp(chunk.start.as_microsecond());
        tuples.timestamp(chunk.end.as_microsecond());
        tuples.int8(chunk.seq_from);
        tuples.int8(chunk.seq_to);
        tuples.int8(chunk.rows.cast_signed());
        tuples.int8(chunk.labelled_rows.cast_signed());
        tuples.float8(chunk.label_delay_seconds);
        tuples.timestamp(chunk.first_time.as_microsecond());
        tuples.timestamp(chunk.last_time.as_microsecond());
        tuples.int8(chunk.revision);
        tuples.bool(chunk.stale);
        tuples.bytea(profile);
        match labelled {
            Some(labelled) => tuples.bytea(labelled),
            None => tuples.null(),
        }
    }
    copy_in(
        connection,
        "COPY chunk (chunk_no, model_no, start_time, end_time, seq_from, seq_to, rows, labelled_rows, label_delay_seconds,
             first_time, last_time, revision, stale, profile, labelled_profile) FROM STDIN (FORMAT binary)",
        &[&tuples],
    )
    .await
}

/// Changes a chunk; a profile that is not given stays as it is.
pub(super) async fn write(
    connection: &mut PgConnection,
    model_no: i32,
    chunk: &ChunkInfo,
    profile: Option<&[u8]>,
    labelled: Option<&[u8]>,
) -> StoreResult<()> {
    // What is not assigned anew keeps its place outside the row and is not written again.
    let statement = match (profile.is_some(), labelled.is_some()) {
        (true, true) => concat!(update!(), ", profile = $14, labelled_profile = $15", one!()),
        (true, false) => concat!(
            update!(),
            ", profile = $14",
            one!(),
            " AND $15::bytea IS NULL"
        ),
        (false, true) => concat!(
            update!(),
            ", labelled_profile = $15",
            one!(),
            " AND $14::bytea IS NULL"
        ),
        (false, false) => {
            concat!(
                update!(),
                one!(),
                " AND $14::bytea IS NULL AND $15::bytea IS NULL"
            )
        }
    };
    let done = sqlx::query(statement)
        .bind(model_no)
        .bind(chunk.chunk_no)
        .bind(chunk.start.to_sqlx())
        .bind(chunk.end.to_sqlx())
        .bind(chunk.seq_from)
        .bind(chunk.seq_to)
        .bind(chunk.rows.cast_signed())
        .bind(chunk.labelled_rows.cast_signed())
        .bind(chunk.label_delay_seconds)
        .bind(chunk.first_time.to_sqlx())
        .bind(chunk.last_time.to_sqlx())
        .bind(chunk.revision)
        .bind(chunk.stale)
        .bind(profile)
        .bind(labelled)
        .execute(connection)
        .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Corrupt {
            table: "chunk",
            key: format!("model_no {model_no}, chunk_no {}", chunk.chunk_no),
            reason: "it is gone while it is being changed".into(),
        })
    }
}

fn info(row: &PgRow) -> StoreResult<ChunkInfo> {
    let count = |at: usize| -> StoreResult<u64> {
        let count: i64 = row.try_get(at)?;
        u64::try_from(count).map_err(|_| StoreError::Corrupt {
            table: "chunk",
            key: format!("column {at}"),
            reason: format!("a number of rows is {count}"),
        })
    };
    let time = |column: usize| -> StoreResult<Timestamp> { Ok(at(micros(row.try_get(column)?))) };
    Ok(ChunkInfo {
        chunk_no: row.try_get(0)?,
        start: time(1)?,
        end: time(2)?,
        seq_from: row.try_get(3)?,
        seq_to: row.try_get(4)?,
        rows: count(5)?,
        labelled_rows: count(6)?,
        label_delay_seconds: row.try_get(7)?,
        first_time: time(8)?,
        last_time: time(9)?,
        revision: row.try_get(10)?,
        stale: row.try_get(11)?,
    })
}
