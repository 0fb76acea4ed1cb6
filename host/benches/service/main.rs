//! The service under load, client included, beside what Postgres alone can do in the same run.
//!
//! `cargo bench -p leeway --bench service [-- PART ...]`; parts: `ingest`, `visible`, `models`. Starts a private
//! Postgres and the server on loopback, and ends both.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod bodies;
mod client;
mod fsync;
mod limit;
mod server;

use std::time::{Duration, Instant};

use anyhow::Context;
use bodies::Shape;
use client::{Load, Report};
use server::Served;

/// Length of one measurement.
const SECONDS: u64 = 6;
/// Clients at once.
const CONNECTIONS: [usize; 2] = [1, 64];

fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let part = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let served = Served::start().await?;
        println!(
            "fsync of 8 KiB in the data directory: median {:.0} us",
            fsync::median(served.directory())?.as_secs_f64() * 1e6
        );
        if part("ingest") {
            ingest(&served).await?;
        }
        if part("visible") {
            visible(&served).await?;
        }
        if part("models") {
            models(&served).await?;
        }
        served.stop().await
    })
}

async fn ingest(served: &Served) -> anyhow::Result<()> {
    println!(
        "\ningest over HTTP: 20 numeric and 5 categorical features, {SECONDS} s each, client on the same cores"
    );
    println!(
        "{:<28} {:>6} {:>12} {:>10} {:>10} {:>8} {:>8} {:>12} {:>12}",
        "request",
        "conns",
        "rows/s",
        "p50 ms",
        "p99 ms",
        "5xx/429",
        "of COPY",
        "COPY rows/s",
        "profiled s"
    );
    let mut copies = Vec::new();
    for (shape, name) in [
        (Shape::Arrow, "10,000 rows, Arrow"),
        (Shape::Batch, "1,000 rows, JSON"),
        (Shape::Single, "one row, JSON"),
    ] {
        for connections in CONNECTIONS {
            // The limit is taken beside each figure: the machine is shared, and its disk has moods.
            let copy = limit::staged_copy(served.database(), Duration::from_secs(3)).await?;
            let model = format!("bench-{shape:?}-{connections}").to_lowercase();
            let load = Load {
                address: served.address(),
                model,
                shape,
                connections,
                length: Duration::from_secs(SECONDS),
            };
            let report: Report = client::run(&load).await?;
            // Rows are counted while others arrive; what is left of that must not run beside the next figure.
            let settled = served.settle().await?;
            let stored = served.rows_of(&load.model).await?;
            anyhow::ensure!(
                stored >= report.rows,
                "{stored} rows are stored, {} were acknowledged",
                report.rows
            );
            println!(
                "{name:<28} {connections:>6} {:>12.0} {:>10.2} {:>10.2} {:>8} {:>7.0}% {copy:>12.0} {:>12.1}",
                report.rows_per_second(),
                report.quantile(50).as_secs_f64() * 1e3,
                report.quantile(99).as_secs_f64() * 1e3,
                report.refused,
                report.rows_per_second() / copy * 100.0,
                settled.as_secs_f64(),
            );
            copies.push(copy);
        }
    }
    copies.sort_by(f64::total_cmp);
    println!(
        "binary COPY through a staging table, one connection: {:.0} rows/s (median; {:.0} to {:.0})",
        copies[copies.len() / 2],
        copies[0],
        copies[copies.len() - 1]
    );
    Ok(())
}

/// From the answer to a row of one model, to its number on /metrics, while another model is under load.
async fn visible(served: &Served) -> anyhow::Result<()> {
    let load = Load {
        address: served.address(),
        model: "bench-background".to_owned(),
        shape: Shape::Batch,
        connections: 8,
        length: Duration::from_secs(20),
    };
    // A window of all rows, so that its size tells which rows it has seen.
    client::post(
        served.address(),
        "/v1/models/bench-probe/reference",
        "application/json",
        &Shape::Batch.body(1, 0),
    )
    .await?;
    let spec = r#"{"detector":"data-drift","reference":{"from":"data-set"},"current":{"of":"since-training"}}"#;
    client::put(
        served.address(),
        "/v1/models/bench-probe/monitors/probe",
        spec,
    )
    .await?;
    let background = tokio::spawn(async move { client::run(&load).await });
    let mut waits = Vec::new();
    let until = Instant::now() + Duration::from_secs(18);
    let mut rows = 0;
    while Instant::now() < until {
        rows += client::send_batch(served.address(), "bench-probe", rows).await?;
        let sent = Instant::now();
        served
            .wait_for_rows_on_metrics("bench-probe", rows)
            .await
            .context("the probe never became visible")?;
        waits.push(sent.elapsed());
    }
    let report = background.await??;
    waits.sort();
    let at = |share| client::quantile(&waits, share).as_secs_f64();
    println!(
        "\nfrom acknowledged to /metrics, under {:.0} rows/s: median {:.2} s, p99 {:.2} s, largest {:.2} s ({} probes)",
        report.rows_per_second(),
        at(50),
        at(99),
        at(100),
        waits.len()
    );
    Ok(())
}

/// Resident memory with registered models that are idle.
async fn models(served: &Served) -> anyhow::Result<()> {
    println!("\nregistered models, idle");
    served.set_durable(false).await?;
    let before = served.resident_bytes()?;
    let mut registered = 0;
    for count in [10, 1_000, 100_000] {
        let start = Instant::now();
        client::register(served.address(), registered..count).await?;
        let spent = start.elapsed();
        let resident = served.resident_bytes()?;
        println!(
            "{count:>8} models: {:.1} MB resident, {:.2} KB a model above none ({:.0} registered/s)",
            resident as f64 / 1e6,
            (resident as f64 - before as f64) / 1e3 / count as f64,
            (count - registered) as f64 / spent.as_secs_f64(),
        );
        registered = count;
    }
    served.set_durable(true).await
}
