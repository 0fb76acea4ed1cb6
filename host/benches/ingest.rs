//! Rows a second through the way in, without HTTP, beside what Postgres itself takes.
//!
//! `cargo bench --bench ingest`, with `DATABASE_URL` naming a server on which databases can be made. Rows have
//! 20 numeric and 5 categorical features. The limit is binary COPY into a staging table and from there, without
//! duplicates, into the same partitions: what a careful program would do by hand, on one connection and on two.
//! Rounds alternate, so that a busy machine is busy for all of them; the best round of each counts.
#![allow(clippy::print_stdout, reason = "a bench prints its results")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on says where")]

use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use leeway::domain::{ModelId, SystemClock};
use leeway::ingest::{BodyFormat, Ingest, IngestOptions, IngestSettings};
use leeway::store::Store;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

const NUMERIC: usize = 20;
const CATEGORICAL: usize = 5;
const BATCH_ROWS: usize = 10_000;
const BATCHES: usize = 20;
const ROUNDS: usize = 3;
/// 2026-11-01T00:00:00Z.
const START_MICROS: i64 = 1_793_491_200_000_000;

fn main() {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        println!("DATABASE_URL names no server: nothing is measured");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(&url));
}

async fn run(url: &str) {
    let options = PgConnectOptions::from_str(url).unwrap();
    let name = format!("bench_{}", std::process::id());
    let mut server = PgConnection::connect_with(&options.clone().database("postgres"))
        .await
        .unwrap();
    server
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .await
        .unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .connect_with(options.database(&name))
        .await
        .unwrap();
    let store = Store::new(pool.clone());
    store.migrate().await.unwrap();
    let ingest = Arc::new(Ingest::start(
        store.clone(),
        Arc::new(SystemClock),
        IngestSettings::default(),
        Arc::new(|_| {}),
    ));

    println!("fsync of 8 KiB: {:.2} ms (median of 50)", fsync_ms());
    let mut best: Vec<(String, f64)> = Vec::new();
    let mut note = |name: &str, rows: usize, took: Duration| {
        let rate = rows as f64 / took.as_secs_f64();
        match best.iter_mut().find(|(there, _)| there == name) {
            Some((_, best)) => *best = best.max(rate),
            None => best.push((name.to_owned(), rate)),
        }
    };
    let mut serial = 0;
    for _ in 0..ROUNDS {
        for connections in [1, 2] {
            let took = staged_copy(&pool, connections, &mut serial).await;
            let name = format!("COPY through a staging table, {connections} connection(s)");
            note(&name, BATCHES * BATCH_ROWS, took);
        }
        for (format, models) in [
            (BodyFormat::Arrow, 1),
            (BodyFormat::Arrow, 2),
            (BodyFormat::Json, 2),
        ] {
            let took = batches(&ingest, format, models, &mut serial).await;
            let name = format!("{} of 10,000 rows, {models} model(s)", format.name());
            note(&name, BATCHES * BATCH_ROWS, took);
        }
        for clients in [1, 64] {
            let rows = 200 * clients;
            let took = singles(&ingest, clients, rows, &mut serial).await;
            note(
                &format!("single JSON rows from {clients} client(s)"),
                rows,
                took,
            );
        }
    }
    let limit = best[1].1.max(best[0].1);
    for (name, rate) in &best {
        println!(
            "{name:52} {rate:>10.0} rows/s {:>5.0}% of the better COPY",
            100.0 * rate / limit
        );
    }
    ingest.stop().await;
    pool.close().await;
    server
        .execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
        .await
        .unwrap();
}

fn fsync_ms() -> f64 {
    let mut file = tempfile::NamedTempFile::new_in(".").unwrap();
    let mut times: Vec<f64> = (0..50)
        .map(|_| {
            file.write_all(&[7; 8192]).unwrap();
            let start = Instant::now();
            file.as_file().sync_data().unwrap();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A value that looks like data, the same in every run.
fn value(row: usize, column: usize) -> f64 {
    let mixed = (row * 31 + column).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as f64 / 1e4
}

fn city(row: usize, column: usize) -> String {
    format!("city {}", (row * 7 + column) % 40)
}

fn time(serial: usize) -> i64 {
    START_MICROS + i64::try_from(serial).unwrap() * 100
}

fn arrow(serial: usize) -> Bytes {
    let rows = serial..serial + BATCH_ROWS;
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "record_id".into(),
            Arc::new(StringArray::from_iter_values(
                rows.clone().map(|row| format!("record-{row}")),
            )),
        ),
        (
            "prediction_time".into(),
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                rows.clone().map(time),
            )),
        ),
    ];
    for column in 0..NUMERIC {
        let values = rows.clone().map(|row| value(row, column));
        columns.push((
            format!("number_{column}"),
            Arc::new(Float64Array::from_iter_values(values)),
        ));
    }
    for column in 0..CATEGORICAL {
        let names = rows.clone().map(|row| city(row, column));
        columns.push((
            format!("name_{column}"),
            Arc::new(StringArray::from_iter_values(names)),
        ));
    }
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut bytes, batch.schema_ref()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes.into()
}

fn json_row(row: usize) -> String {
    let numbers = (0..NUMERIC).map(|column| format!("\"number_{column}\":{}", value(row, column)));
    let names =
        (0..CATEGORICAL).map(|column| format!("\"name_{column}\":\"{}\"", city(row, column)));
    let features: Vec<String> = numbers.chain(names).collect();
    let time = jiff::Timestamp::from_microsecond(time(row)).unwrap();
    format!(
        "{{\"record_id\":\"record-{row}\",\"prediction_time\":\"{time}\",\"features\":{{{}}}}}",
        features.join(",")
    )
}

fn json(serial: usize) -> Bytes {
    let rows: Vec<String> = (serial..serial + BATCH_ROWS).map(json_row).collect();
    format!("[{}]", rows.join(",")).into()
}

/// Batches, four under way at a time.
async fn batches(
    ingest: &Arc<Ingest>,
    format: BodyFormat,
    models: usize,
    serial: &mut usize,
) -> Duration {
    let mut bodies = Vec::new();
    for _ in 0..BATCHES {
        bodies.push(if format == BodyFormat::Arrow {
            arrow(*serial)
        } else {
            json(*serial)
        });
        *serial += BATCH_ROWS;
    }
    let bodies = Arc::new(std::sync::Mutex::new(bodies));
    let start = Instant::now();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (ingest, bodies) = (Arc::clone(ingest), Arc::clone(&bodies));
            let model = ModelId::new(format!("batches {}", task % models)).unwrap();
            tokio::spawn(async move {
                let options = IngestOptions::default();
                loop {
                    let Some(body) = bodies.lock().unwrap().pop() else {
                        return;
                    };
                    let receipt = ingest
                        .predictions(&model, format, body, &options)
                        .await
                        .unwrap();
                    assert_eq!(receipt.accepted, BATCH_ROWS as u64);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

async fn singles(
    ingest: &Arc<Ingest>,
    clients: usize,
    rows: usize,
    serial: &mut usize,
) -> Duration {
    let bodies: Vec<Bytes> = (*serial..*serial + rows)
        .map(|row| json_row(row).into())
        .collect();
    *serial += rows;
    let start = Instant::now();
    let tasks: Vec<_> = bodies
        .chunks(rows / clients)
        .enumerate()
        .map(|(client, bodies)| {
            let (ingest, bodies) = (Arc::clone(ingest), bodies.to_vec());
            let model = ModelId::new(format!("singles {}", client % 2)).unwrap();
            tokio::spawn(async move {
                let options = IngestOptions::default();
                for body in bodies {
                    ingest
                        .predictions(&model, BodyFormat::Json, body, &options)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

/// The limit: rows that are encoded beforehand, staged and inserted without duplicates, batch by batch.
async fn staged_copy(pool: &sqlx::PgPool, connections: usize, serial: &mut usize) -> Duration {
    let mut streams: Vec<Vec<Vec<u8>>> = Vec::new();
    for _ in 0..connections {
        let mut batches = Vec::new();
        for _ in 0..BATCHES / connections {
            batches.push(copy_stream(*serial));
            *serial += BATCH_ROWS;
        }
        streams.push(batches);
    }
    let store = Store::new(pool.clone());
    let day = jiff::Timestamp::from_microsecond(time(*serial)).unwrap();
    let first = jiff::Timestamp::from_microsecond(START_MICROS).unwrap();
    store
        .ensure_months(leeway::store::Partitioned::Prediction, first, day)
        .await
        .unwrap();
    let mut opened = Vec::new();
    for _ in 0..connections {
        let mut connection = PgConnection::connect_with(&pool.connect_options())
            .await
            .unwrap();
        connection
            .execute("CREATE TEMP TABLE stage (LIKE prediction) ON COMMIT DELETE ROWS")
            .await
            .unwrap();
        opened.push(connection);
    }
    let start = Instant::now();
    let tasks: Vec<_> = opened
        .into_iter()
        .zip(streams)
        .map(|(mut connection, batches)| {
            tokio::spawn(async move {
                for batch in batches {
                    connection.execute("BEGIN").await.unwrap();
                    let mut copy = connection
                        .copy_in_raw("COPY stage FROM STDIN (FORMAT binary)")
                        .await
                        .unwrap();
                    for piece in batch.chunks(256 * 1024) {
                        copy.send(piece).await.unwrap();
                    }
                    copy.finish().await.unwrap();
                    connection
                        .execute(
                            "INSERT INTO prediction SELECT * FROM stage ON CONFLICT DO NOTHING",
                        )
                        .await
                        .unwrap();
                    connection.execute("COMMIT").await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

fn copy_stream(serial: usize) -> Vec<u8> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in serial..serial + BATCH_ROWS {
        let field = |bytes: &mut Vec<u8>, value: &[u8]| {
            bytes.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(value);
        };
        bytes.extend_from_slice(&6_i16.to_be_bytes());
        field(&mut bytes, &i64::try_from(row).unwrap().to_be_bytes());
        // A model that nobody registered: its number is that of no other.
        field(&mut bytes, &1_000_000_i32.to_be_bytes());
        field(&mut bytes, &(time(row) - 946_684_800_000_000).to_be_bytes());
        field(&mut bytes, format!("record-{row}").as_bytes());
        let header = |oid: i32, values: usize| {
            [1, 0, oid, i32::try_from(values).unwrap(), 1]
                .map(i32::to_be_bytes)
                .concat()
        };
        let mut numbers = header(701, NUMERIC);
        for column in 0..NUMERIC {
            field(&mut numbers, &value(row, column).to_be_bytes());
        }
        field(&mut bytes, &numbers);
        let mut codes = header(23, CATEGORICAL);
        for column in 0..CATEGORICAL {
            let code = i32::try_from((row * 7 + column) % 40).unwrap();
            field(&mut codes, &code.to_be_bytes());
        }
        field(&mut bytes, &codes);
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    bytes
}
