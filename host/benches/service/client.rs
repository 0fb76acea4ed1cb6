//! Clients that send as fast as they are answered: plain HTTP/1.1 on kept connections, so that little of the machine goes into them.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bodies::Shape;

/// Requests that are made before the clock starts; a client that needs more goes through them with new names.
const PREPARED_BYTES: usize = 256 << 20;

/// What to send, to whom, from how many, how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) model: String,
    pub(crate) shape: Shape,
    pub(crate) connections: usize,
    pub(crate) length: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Rows acknowledged.
    pub(crate) rows: u64,
    /// Requests answered with 429 or 503.
    pub(crate) refused: u64,
    seconds: f64,
    latencies: Vec<Duration>,
}

impl Report {
    pub(crate) fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.seconds
    }

    pub(crate) fn quantile(&self, share: usize) -> Duration {
        quantile(&self.latencies, share)
    }
}

/// The value below which so many hundredths of the sorted values lie.
pub(crate) fn quantile(sorted: &[Duration], share: usize) -> Duration {
    let at = sorted.len().saturating_sub(1) * share / 100;
    sorted.get(at).copied().unwrap_or_default()
}

/// Runs a load to its end. Making bodies is not part of the time: each client has its own ready, and waits for the start.
pub(crate) async fn run(load: &Load) -> anyhow::Result<Report> {
    // The model and its columns are there before the clock starts.
    send(
        &mut Connection::open(load.address).await?,
        &load.model,
        load.shape,
        &load.shape.body(usize::MAX >> 32, 0),
    )
    .await?;
    let each = (PREPARED_BYTES / load.connections / load.shape.body(0, 0).len()).clamp(2, 40_000);
    let prepared: Vec<Vec<Vec<u8>>> = tokio::task::spawn_blocking({
        let load = load.clone();
        move || {
            let request =
                |client: usize, at: usize| load.shape.body(client, at as u64 * load.shape.rows());
            (0..load.connections)
                .map(|client| (0..each).map(|at| request(client, at)).collect())
                .collect()
        }
    })
    .await?;
    let start = Instant::now();
    let until = start + load.length;
    let mut clients = tokio::task::JoinSet::new();
    for bodies in prepared {
        let load = load.clone();
        clients.spawn(async move {
            let mut connection = Connection::open(load.address).await?;
            let mut report = Report::default();
            for body in bodies {
                if Instant::now() >= until {
                    break;
                }
                let sent = Instant::now();
                if send(&mut connection, &load.model, load.shape, &body).await? {
                    report.rows += load.shape.rows();
                    report.latencies.push(sent.elapsed());
                } else {
                    report.refused += 1;
                }
            }
            anyhow::Ok(report)
        });
    }
    let mut all = Report::default();
    while let Some(report) = clients.join_next().await {
        let report = report??;
        all.rows += report.rows;
        all.refused += report.refused;
        all.latencies.extend(report.latencies);
    }
    all.seconds = start.elapsed().as_secs_f64();
    all.latencies.sort();
    Ok(all)
}

/// Sends 1,000 rows of a model from the `first` on; how many.
pub(crate) async fn send_batch(
    address: SocketAddr,
    model: &str,
    first: u64,
) -> anyhow::Result<u64> {
    let body = Shape::Batch.body(0, first);
    while !send(
        &mut Connection::open(address).await?,
        model,
        Shape::Batch,
        &body,
    )
    .await?
    {}
    Ok(Shape::Batch.rows())
}

/// Sends one body that must be taken.
pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    content_type: &str,
    body: &[u8],
) -> anyhow::Result<()> {
    accepted(
        path,
        Connection::open(address)
            .await?
            .send("POST", path, content_type, body)
            .await?,
    )
}

/// The same with PUT and JSON.
pub(crate) async fn put(address: SocketAddr, path: &str, body: &str) -> anyhow::Result<()> {
    accepted(
        path,
        Connection::open(address)
            .await?
            .send("PUT", path, "application/json", body.as_bytes())
            .await?,
    )
}

fn accepted(path: &str, (status, answer): (u16, String)) -> anyhow::Result<()> {
    if !(200..300).contains(&status) {
        bail!("{path}: {status} {answer}");
    }
    Ok(())
}

/// Registers models by name, from 16 connections.
pub(crate) async fn register(address: SocketAddr, models: Range<usize>) -> anyhow::Result<()> {
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..16 {
        let mine: Vec<usize> = models
            .clone()
            .filter(|model| model % 16 == client)
            .collect();
        clients.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for model in mine {
                let body =
                    format!("{{\"model_id\":\"idle-{model}\",\"model_type\":\"classifier\"}}");
                accepted(
                    "/v1/models",
                    connection
                        .send("POST", "/v1/models", "application/json", body.as_bytes())
                        .await?,
                )?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(())
}

/// Sends one body; whether it was taken.
async fn send(
    connection: &mut Connection,
    model: &str,
    shape: Shape,
    body: &[u8],
) -> anyhow::Result<bool> {
    let (status, answer) = connection
        .send(
            "POST",
            &format!("/v1/models/{model}/predictions"),
            shape.content_type(),
            body,
        )
        .await?;
    match status {
        200..300 => Ok(true),
        429 | 503 => Ok(false),
        _ => bail!("{status}: {answer}"),
    }
}

/// One kept connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> anyhow::Result<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.buffer.clear();
        self.buffer.extend_from_slice(head.as_bytes());
        if body.len() < 65_536 {
            self.buffer.extend_from_slice(body);
            self.stream.write_all(&self.buffer).await?;
        } else {
            self.stream.write_all(&self.buffer).await?;
            self.stream.write_all(body).await?;
        }
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<(u16, String)> {
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end])?.to_ascii_lowercase();
            let status: u16 = head.get(9..12).context("no status")?.parse()?;
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .context("no length")?
                .trim()
                .parse()?;
            while self.buffer.len() < end + 4 + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    bail!("the server closed the connection");
                }
            }
            return Ok((
                status,
                String::from_utf8_lossy(&self.buffer[end + 4..]).into_owned(),
            ));
        }
    }
}
