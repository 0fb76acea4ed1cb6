//! How quickly stored rows become profiles and profiles windows, on the database of `DATABASE_URL`.
//!
//! `ROWS=1100000 DATABASE_URL=... cargo bench -p leeway --bench profiling`: 20 continuous numbers and 5 categories a row, a label
//! for every second one, chunks of a thousand rows. Makes a model of its own in a database of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::time::Instant;

use jiff::Timestamp;
use leeway::domain::{ModelId, ModelSettings};
use leeway::monitor::{Profiler, WindowRequest, Windows};
use leeway::profile::Profile;
use leeway::store::{NewModel, Store};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

const NUMBERS: usize = 20;
const CATEGORIES: usize = 5;

fn main() {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        println!("DATABASE_URL names no server: nothing is measured");
        return;
    };
    let rows = std::env::var("ROWS").map_or(200_000, |rows| rows.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(&url, rows));
}

async fn run(url: &str, rows: u64) {
    let options: PgConnectOptions = url.parse().unwrap();
    let mut admin = options.connect().await.unwrap();
    for sql in [
        "DROP DATABASE IF EXISTS bench_profiling",
        "CREATE DATABASE bench_profiling",
    ] {
        admin.execute(sql).await.unwrap();
    }
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect_with(options.database("bench_profiling"))
        .await
        .unwrap();
    let store = Store::new(pool);
    store.migrate().await.unwrap();
    let id = ModelId::new("bench").unwrap();
    fill(&store, &id, rows).await;
    advance(&store, &id, rows).await;
    windows(&store, &id, rows).await;
}

async fn fill(store: &Store, id: &ModelId, rows: u64) {
    let model = NewModel {
        id: id.clone(),
        model_type: None,
        positive_label: None,
        last_training_time: None,
        settings: ModelSettings::default(),
    };
    store
        .create_model(&model, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let mut sql = vec![
        "CREATE TABLE prediction_all PARTITION OF prediction DEFAULT".to_owned(),
        "CREATE TABLE label_all PARTITION OF label DEFAULT".to_owned(),
    ];
    let mut column = |no: usize, name: String, kind: &str, role: &str, position: usize| {
        sql.push(format!(
            "INSERT INTO model_column VALUES (1, {no}, '{name}', '{kind}', '{role}', {position}, 1)"
        ));
    };
    for at in 0..NUMBERS {
        column(at, format!("x{at}"), "numeric", "feature", at);
    }
    for at in 0..CATEGORIES {
        column(NUMBERS + at, format!("c{at}"), "categorical", "feature", at);
    }
    column(25, "prediction".into(), "numeric", "prediction", NUMBERS);
    column(26, "label".into(), "numeric", "label", 0);
    for at in 0..CATEGORIES {
        let column = NUMBERS + at;
        sql.push(format!(
            "INSERT INTO category SELECT 1, {column}, g, 'category ' || g FROM generate_series(0, 9) g"
        ));
    }
    let numbers = vec!["random()"; NUMBERS + 1].join(", ");
    let codes = ["(random() * 9)::int4"; CATEGORIES].join(", ");
    sql.push(format!(
        "INSERT INTO prediction SELECT s, 1, timestamptz '2026-03-01Z' + s * interval '5 milliseconds', 'record ' || s,
         ARRAY[{numbers}], ARRAY[{codes}] FROM generate_series(1, {rows}) s"
    ));
    sql.push(format!(
        "INSERT INTO label SELECT s, 1, timestamptz '2026-03-02Z', 'record ' || 2 * s, random(), NULL FROM generate_series(1, {rows} / 2) s"
    ));
    for sql in sql {
        store.pool().execute(AssertSqlSafe(sql)).await.unwrap();
    }
}

async fn advance(store: &Store, id: &ModelId, rows: u64) {
    let no = store.model(id).await.unwrap().unwrap().no;
    let profiler = Profiler::new(store.clone());
    let (from, cpu) = (Instant::now(), cpu_seconds());
    let mut labels = 0;
    let mut calls = 0;
    loop {
        let advance = profiler.advance(no).await.unwrap();
        labels += advance.labels;
        calls += 1;
        if !advance.more {
            break;
        }
    }
    let (seconds, cpu) = (from.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "advance: {rows} rows and {labels} labels in {calls} calls, {seconds:.2} s: {:.0} rows/s; {:.2} us of this process's CPU a row",
        rows as f64 / seconds,
        cpu * 1e6 / rows as f64
    );
    let (chunks, bytes, labelled): (i64, f64, f64) = sqlx::query_as(
        "SELECT count(*), avg(octet_length(profile))::float8, avg(octet_length(labelled_profile))::float8 FROM chunk",
    )
    .fetch_one(store.pool())
    .await
    .unwrap();
    println!("chunks: {chunks}, {bytes:.0} bytes and {labelled:.0} bytes of labelled rows each");
}

/// Steps of one chunk that a window makes: every kind of step, most of them several times.
const STEPS: usize = 64;

async fn windows(store: &Store, id: &ModelId, rows: u64) {
    let model = store.model(id).await.unwrap().unwrap();
    let request = WindowRequest {
        keep_rows: None,
        segment: None,
    };
    let from = (Instant::now(), cpu_seconds());
    let all = Windows::new(store.clone(), 0).chunks(&model).await.unwrap();
    println!(
        "list of {} chunks: {:.1} ms, {:.1} ms of this process's CPU",
        all.len(),
        from.0.elapsed().as_secs_f64() * 1e3,
        (cpu_seconds() - from.1) * 1e3
    );
    println!(
        "window rows | bytes | first ms | again ms | {STEPS} steps of a chunk: mean wall ms | mean CPU ms | dearest CPU ms"
    );
    for window_rows in [10_000_usize, 100_000, 1_000_000] {
        let count = window_rows / 1_000 - 1;
        if window_rows as u64 > rows || all.len() <= count + STEPS {
            continue;
        }
        let windows = Windows::new(store.clone(), 256 << 20);
        let first = all.len() - count - STEPS;
        let mut timed = Vec::new();
        let mut bytes = 0;
        for at in [first; 2].into_iter().chain(first + 1..=first + STEPS) {
            let from = (Instant::now(), cpu_seconds());
            let chunks = &all[at..at + count];
            let window = windows
                .window(&model, chunks, request.clone())
                .await
                .unwrap();
            let wall = from.0.elapsed().as_secs_f64() * 1e3;
            timed.push((wall, (cpu_seconds() - from.1) * 1e3));
            bytes = window.profile().to_bytes().len();
        }
        let steps = &timed[2..];
        let mean = |of: fn(&(f64, f64)) -> f64| steps.iter().map(of).sum::<f64>() / STEPS as f64;
        let dearest = steps.iter().map(|step| step.1).fold(0.0, f64::max);
        println!(
            "{window_rows} | {bytes} | {:.1} | {:.3} | {:.1} | {:.1} | {dearest:.1}",
            timed[0].0,
            timed[1].0,
            mean(|step| step.0),
            mean(|step| step.1)
        );
    }
    let stored = store
        .chunk_profiles(model.no, &[all[0].chunk_no, all[1].chunk_no])
        .await
        .unwrap();
    let each = |name: &str, work: &mut dyn FnMut()| {
        let from = Instant::now();
        for _ in 0..100 {
            work();
        }
        println!("{name}: {:.0} us", from.elapsed().as_secs_f64() * 1e4);
    };
    let [left, right] = [0, 1].map(|at| Profile::from_bytes(&stored[at].profile).unwrap());
    each("read a chunk's profile", &mut || {
        Profile::from_bytes(&stored[0].profile).unwrap();
    });
    each("write it", &mut || drop(left.to_bytes()));
    each("merge two", &mut || drop(left.merge(&right).unwrap()));
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
