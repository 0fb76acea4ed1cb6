//! What Postgres alone can do: binary COPY of ready rows through a staging table into the same partitions and indexes.

use std::time::{Duration, Instant};

use leeway_statistics::rng::Rng;
use sqlx::{Connection, Executor, PgConnection};

use super::bodies::{CATEGORICAL, NUMERIC};

/// Rows of one commit.
const ROWS: u64 = 10_000;

/// Rows a second on one connection, in commits of 10,000.
pub(crate) async fn staged_copy(database: &str, length: Duration) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(database).await?;
    connection
        .execute(
            "DROP TABLE IF EXISTS copy_limit; CREATE TABLE copy_limit (LIKE prediction INCLUDING INDEXES) PARTITION BY RANGE (prediction_time);
             CREATE TABLE copy_limit_part PARTITION OF copy_limit FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
             CREATE TABLE copy_limit_next PARTITION OF copy_limit FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
             CREATE TEMP TABLE IF NOT EXISTS copy_limit_staging (LIKE prediction) ON COMMIT DELETE ROWS",
        )
        .await?;
    let mut batches: Vec<Vec<u8>> = (0..64).map(batch).collect();
    let (start, mut rows) = (Instant::now(), 0);
    while start.elapsed() < length {
        let Some(bytes) = batches.pop() else { break };
        let mut transaction = connection.begin().await?;
        let mut copy = transaction
            .copy_in_raw("COPY copy_limit_staging FROM STDIN (FORMAT binary)")
            .await?;
        copy.send(bytes).await?;
        copy.finish().await?;
        transaction
            .execute(
                "INSERT INTO copy_limit SELECT * FROM copy_limit_staging ON CONFLICT DO NOTHING",
            )
            .await?;
        transaction.commit().await?;
        rows += ROWS;
    }
    let rate = rows as f64 / start.elapsed().as_secs_f64();
    connection.execute("DROP TABLE copy_limit").await?;
    Ok(rate)
}

fn batch(number: u64) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    let mut rng = Rng::new(number);
    let field = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend(i32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
        out.extend(bytes);
    };
    for row in 0..ROWS {
        let at = number * ROWS + row;
        out.extend(6_i16.to_be_bytes());
        field(&mut out, &at.to_be_bytes());
        field(&mut out, &1_i32.to_be_bytes());
        // 2026-01-05 in microseconds since 2000, a row a millisecond.
        field(&mut out, &(820_886_400_000_000 + at * 1_000).to_be_bytes());
        field(&mut out, format!("{}-{at}", rng.below(64)).as_bytes());
        field(
            &mut out,
            &array(
                701,
                [0; NUMERIC + 1].iter().map(|_| rng.normal().to_be_bytes()),
            ),
        );
        field(
            &mut out,
            &array(
                23,
                (0..CATEGORICAL).map(|_| i32::try_from(rng.below(50)).unwrap_or(0).to_be_bytes()),
            ),
        );
    }
    out.extend((-1_i16).to_be_bytes());
    out
}

/// A one-dimensional array in the binary form of Postgres.
fn array<const N: usize>(element: i32, values: impl ExactSizeIterator<Item = [u8; N]>) -> Vec<u8> {
    let length = i32::try_from(values.len()).unwrap_or(0);
    let mut out: Vec<u8> = [1, 0, element, length, 1]
        .into_iter()
        .flat_map(i32::to_be_bytes)
        .collect();
    for value in values {
        out.extend(i32::try_from(N).unwrap_or(0).to_be_bytes());
        out.extend(value);
    }
    out
}
