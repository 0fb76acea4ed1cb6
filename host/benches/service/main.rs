//! The service under load, client included, beside what Postgres alone can do in the same run.
//!
//! `cargo bench -p leeway --bench service [-- PART ...]`; parts: `ingest` (or of it `arrow`, `batch`, `single`),
//! `visible`, `models`. Starts a private Postgres and the server on loopback, and ends both.
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
use server::{Cpu, Served};

/// Length of one measurement.
const SECONDS: u64 = 6;
/// How long idle models are watched: at least one thorough sweep lies in it.
const IDLE: Duration = Duration::from_secs(35);

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
        let mut served = Served::start().await?;
        println!(
            "fsync of 8 KiB in the data directory: median {:.0} us",
            fsync::median(served.directory())?.as_secs_f64() * 1e6
        );
        let shape = |shape| part("ingest") || part(Shape::name(shape));
        if [Shape::Arrow, Shape::Batch, Shape::Single]
            .into_iter()
            .any(shape)
        {
            ingest(&served, shape).await?;
        }
        if part("visible") {
            visible(&served).await?;
        }
        if part("models") {
            models(&mut served).await?;
        }
        served.stop().await
    })
}

/// One figure of the way in.
struct Case {
    name: &'static str,
    shape: Shape,
    connections: usize,
    watched: Watched,
}

/// What is evaluated as rows arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// The default monitors, against the rows before the current window: another baseline each time.
    ByRowsBefore,
    /// The default monitors, against uploaded reference data.
    ByReference,
    /// Nothing.
    Not,
}

const CASES: [Case; 8] = {
    const fn case(name: &'static str, shape: Shape, connections: usize) -> Case {
        Case {
            name,
            shape,
            connections,
            watched: Watched::ByRowsBefore,
        }
    }
    [
        case("10,000 rows, Arrow", Shape::Arrow, 1),
        case("10,000 rows, Arrow", Shape::Arrow, 64),
        case("1,000 rows, JSON", Shape::Batch, 1),
        case("1,000 rows, JSON", Shape::Batch, 64),
        case("one row, JSON", Shape::Single, 1),
        case("one row, JSON", Shape::Single, 64),
        Case {
            name: "one row, reference data",
            shape: Shape::Single,
            connections: 64,
            watched: Watched::ByReference,
        },
        Case {
            name: "one row, no monitors",
            shape: Shape::Single,
            connections: 64,
            watched: Watched::Not,
        },
    ]
};

async fn ingest(served: &Served, wanted: impl Fn(Shape) -> bool) -> anyhow::Result<()> {
    println!(
        "\ningest over HTTP: 20 numeric and 5 categorical features, {SECONDS} s each, client on the same cores"
    );
    println!(
        "{:<28} {:>6} {:>10} {:>9} {:>9} {:>8} {:>8} {:>12} {:>10}   {:>8} {:>8} {:>8}",
        "request",
        "conns",
        "rows/s",
        "p50 ms",
        "p99 ms",
        "5xx/429",
        "of COPY",
        "COPY rows/s",
        "profiled s",
        "server",
        "Postgres",
        "client",
    );
    println!("{:>136}", "CPU us a row");
    let mut copies = Vec::new();
    for (at, case) in CASES
        .iter()
        .enumerate()
        .filter(|(_, case)| wanted(case.shape))
    {
        // The limit is taken beside each figure: the machine is shared, and its disk has moods.
        let copy = limit::staged_copy(served.database(), Duration::from_secs(3)).await?;
        let load = Load {
            address: served.address(),
            model: format!("bench-{at}"),
            shape: case.shape,
            connections: case.connections,
            length: Duration::from_secs(SECONDS),
        };
        let model = load.model.clone();
        let ready = client::prepare(load).await?;
        match case.watched {
            Watched::ByRowsBefore => {}
            Watched::ByReference => client::post_reference(served.address(), &model).await?,
            Watched::Not => client::remove_monitors(served.address(), &model).await?,
        }
        let before = served.cpu()?;
        let report: Report = client::run(ready).await?;
        let after = served.cpu()?;
        // Rows are counted while others arrive; what is left of that must not run beside the next figure.
        let settled = served.settle().await?;
        let stored = served.rows_of(&model).await?;
        anyhow::ensure!(
            stored >= report.rows,
            "{stored} rows are stored, {} were acknowledged",
            report.rows
        );
        let each =
            |part: fn(&Cpu) -> f64| (part(&after) - part(&before)) * 1e6 / report.rows as f64;
        println!(
            "{:<28} {:>6} {:>10.0} {:>9.2} {:>9.2} {:>8} {:>7.0}% {copy:>12.0} {:>10.1}   {:>8.1} {:>8.1} {:>8.1}",
            case.name,
            case.connections,
            report.rows_per_second(),
            report.quantile(50).as_secs_f64() * 1e3,
            report.quantile(99).as_secs_f64() * 1e3,
            report.refused,
            report.rows_per_second() / copy * 100.0,
            settled.as_secs_f64(),
            each(|cpu| cpu.server),
            each(|cpu| cpu.postgres),
            each(|cpu| cpu.client),
        );
        copies.push(copy);
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
    client::post_reference(served.address(), "bench-probe").await?;
    let spec = r#"{"detector":"data-drift","reference":{"from":"data-set"},"current":{"of":"since-training"}}"#;
    client::put(
        served.address(),
        "/v1/models/bench-probe/monitors/probe",
        spec,
    )
    .await?;
    let ready = client::prepare(load).await?;
    let background = tokio::spawn(client::run(ready));
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

/// Resident memory with registered models that are idle, what they cost while nothing happens, and how the server starts
/// with them.
async fn models(served: &mut Served) -> anyhow::Result<()> {
    println!("\nregistered models, idle; commits do not wait for the disk");
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
    served.set_durable(true).await?;
    let cpu = served.cpu()?;
    tokio::time::sleep(IDLE).await;
    let after = served.cpu()?;
    println!(
        "{:.0} s in which nothing happens: {:.2} s of CPU in the server, {:.2} s in Postgres",
        IDLE.as_secs_f64(),
        after.server - cpu.server,
        after.postgres - cpu.postgres,
    );
    let start = served.restart().await?;
    let resident = served.resident_bytes()?;
    println!(
        "started again with them: ready after {:.2} s, {:.1} MB resident",
        start.as_secs_f64(),
        resident as f64 / 1e6
    );
    Ok(())
}
