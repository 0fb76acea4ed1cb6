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

/// A load whose requests are ready, bytes and all.
pub(crate) struct Ready {
    load: Load,
    /// Of each client.
    requests: Vec<Vec<Vec<u8>>>,
}

/// Makes what a load needs before its clock starts: the model with its columns, and every client's requests.
pub(crate) async fn prepare(load: Load) -> anyhow::Result<Ready> {
    send(
        &mut Connection::open(load.address).await?,
        &load.model,
        load.shape,
        &load.shape.body(usize::MAX >> 32, 0),
    )
    .await?;
    let each = (PREPARED_BYTES / load.connections / load.shape.body(0, 0).len()).clamp(2, 40_000);
    let made = tokio::task::spawn_blocking(move || {
        let request = |client: usize, at: usize| {
            let body = load.shape.body(client, at as u64 * load.shape.rows());
            let path = format!("/v1/models/{}/predictions", load.model);
            request("POST", &path, load.shape.content_type(), &body)
        };
        let requests = (0..load.connections)
            .map(|client| (0..each).map(|at| request(client, at)).collect())
            .collect();
        Ready { load, requests }
    });
    Ok(made.await?)
}

/// Runs a load to its end.
pub(crate) async fn run(ready: Ready) -> anyhow::Result<Report> {
    let Ready { load, requests } = ready;
    let start = Instant::now();
    let until = start + load.length;
    let mut clients = tokio::task::JoinSet::new();
    for requests in requests {
        let load = load.clone();
        clients.spawn(async move {
            let mut connection = Connection::open(load.address).await?;
            let mut report = Report::default();
            for request in &requests {
                let sent = Instant::now();
                if sent >= until {
                    break;
                }
                match connection.exchange(request).await? {
                    (200..300, _) => {
                        report.rows += load.shape.rows();
                        report.latencies.push(sent.elapsed());
                    }
                    (429 | 503, _) => report.refused += 1,
                    (status, answer) => bail!("{status}: {}", String::from_utf8_lossy(answer)),
                }
            }
            // Freeing a client's requests is not part of the time either.
            anyhow::Ok((report, requests))
        });
    }
    let mut all = Report::default();
    let mut done = Vec::new();
    while let Some(client) = clients.join_next().await {
        let (report, requests) = client??;
        all.rows += report.rows;
        all.refused += report.refused;
        all.latencies.extend(report.latencies);
        done.push(requests);
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

/// Uploads 1,000 rows as the reference data of a model.
pub(crate) async fn post_reference(address: SocketAddr, model: &str) -> anyhow::Result<()> {
    let path = format!("/v1/models/{model}/reference");
    let body = Shape::Batch.body(1, 0);
    let mut connection = Connection::open(address).await?;
    let answer = connection
        .send("POST", &path, "application/json", &body)
        .await?;
    accepted(&path, answer)
}

/// Sends JSON with PUT, which must be taken.
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
        let request = request(method, path, content_type, body);
        let (status, answer) = self.exchange(&request).await?;
        Ok((status, String::from_utf8_lossy(answer).into_owned()))
    }

    /// Sends a request and waits for its answer: status and body. One write and, for a short answer, one read.
    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end])?;
            let status: u16 = head.get(9..12).context("no status")?.parse()?;
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            // An answer without one, such as 204, has no body.
            let length: usize = length.map_or(Ok(0), |(_, length)| length.trim().parse())?;
            while self.buffer.len() < end + 4 + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    bail!("the server closed the connection");
                }
            }
            return Ok((status, &self.buffer[end + 4..]));
        }
    }
}

/// A request as it goes over the wire.
fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Removes every monitor of a model, once the defaults are made: then its rows are stored and profiled only.
pub(crate) async fn remove_monitors(address: SocketAddr, model: &str) -> anyhow::Result<()> {
    for monitor in ["data-drift", "prior-drift", "concept-drift"] {
        let path = format!("/v1/models/{model}/monitors/{monitor}");
        loop {
            let mut connection = Connection::open(address).await?;
            match connection
                .send("DELETE", &path, "application/json", b"")
                .await?
            {
                (200..300, _) => break,
                (404, _) => tokio::time::sleep(Duration::from_millis(20)).await,
                (status, answer) => bail!("{path}: {status} {answer}"),
            }
        }
    }
    Ok(())
}
