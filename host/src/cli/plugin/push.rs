//! `leeway plugin push`: uploads a detector to a server, and shows its report card.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{ArgGroup, Args};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::certify::{Card, Change};
use crate::cli::screen::print;
use crate::domain::Language;

/// Longest wait for one answer: a report card takes a minute at most, and the server gives up waiting before.
const ANSWER_MAX: Duration = Duration::from_mins(3);
/// Answers that say "not yet" before that is taken for an error.
const TRIES_MAX: u32 = 100;
/// Wait after one that names no time.
const RETRY_DEFAULT: Duration = Duration::from_secs(1);
/// Longest wait, whatever the server names.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Uploads a detector to a server, waits for its report card and prints it.
///
/// Exit code 0: certified, 1: refused, 2: error. The same upload again changes nothing.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("then").args(["activate", "shadow"]))]
pub(in crate::cli) struct PushArgs {
    /// The detector: a component (.wasm), or source in Python (.py) or JavaScript (.js)
    component: PathBuf,
    /// The server
    #[arg(long, env = "LEEWAY_URL", default_value = "http://127.0.0.1:5000")]
    url: String,
    /// A token with the scope detectors, where the server asks for one
    #[arg(long, env = "LEEWAY_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Make it the active version, once it is certified
    #[arg(long)]
    activate: bool,
    /// Make it the shadow of the active version, once it is certified
    #[arg(long)]
    shadow: bool,
    /// Milliseconds that one call may take [default: what the server allows]
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u64>,
    /// Bytes of memory that one call may use [default: what the server allows]
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
}

/// What the server says of a version, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Pushed {
    name: String,
    version: String,
    state: String,
    reason: Option<String>,
    report: Report,
}

#[derive(Debug, Deserialize)]
struct Report {
    card: Option<Card>,
    compared: Option<String>,
    changes: Option<Vec<Change>>,
}

/// The problem document of an answer that is an error.
#[derive(Debug, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

/// Uploads and prints; returns the exit code.
pub(super) fn run(args: &PushArgs) -> anyhow::Result<u8> {
    let component = super::read(&args.component)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(push(args, component))
}

async fn push(args: &PushArgs, component: Vec<u8>) -> anyhow::Result<u8> {
    let server = Server {
        http: Client::builder().timeout(ANSWER_MAX).build()?,
        base: args.url.trim_end_matches('/').to_owned(),
        token: args.token.clone(),
    };
    let Some(version) = upload(&server, args, component).await? else {
        return Ok(1);
    };
    let full_name = format!("{}@{}", version.name, version.version);
    if let Some(card) = &version.report.card {
        let changes = version.report.changes.as_deref();
        print(&crate::cli::plugin::card::table(card, changes))?;
        if let Some(compared) = &version.report.compared {
            print(&format!("compared with version {compared}\n"))?;
        }
    }
    if version.state == "refused" {
        let reason = version.reason.unwrap_or_default();
        print(&format!("{full_name} is refused: {reason}\n"))?;
        return Ok(1);
    }
    let action = match (args.activate, args.shadow) {
        (true, _) => "activate",
        (_, true) => "shadow",
        _ => {
            print(&format!("{full_name} is {}\n", version.state))?;
            return Ok(0);
        }
    };
    let path = format!(
        "/v1/detectors/{}/versions/{}/{action}",
        version.name, version.version
    );
    let changed: Pushed = read(server.request(&path).send().await).await?;
    print(&format!("{full_name} is {}\n", changed.state))?;
    Ok(0)
}

/// The version with its report card; none where it was refused before it had one, which is printed.
async fn upload(
    server: &Server,
    args: &PushArgs,
    component: Vec<u8>,
) -> anyhow::Result<Option<Pushed>> {
    let mut path = "/v1/detectors?wait=true".to_owned();
    for (name, value) in [
        ("deadline_ms", args.deadline_ms),
        ("memory_bytes", args.memory_bytes),
    ] {
        if let Some(value) = value {
            path = format!("{path}&{name}={value}");
        }
    }
    for _ in 0..TRIES_MAX {
        // The same bytes are the same version: whoever sends them again waits for the same card.
        let request = server
            .request(&path)
            .header(CONTENT_TYPE, media_type(&args.component))
            .body(component.clone());
        let answer = sent(request.send().await)?;
        match answer.status() {
            StatusCode::ACCEPTED => {}
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(pause(&answer)).await,
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT => {
                let problem: Problem = answer.json().await.context("the server's answer")?;
                print(&format!("refused: {}\n", words(problem)))?;
                return Ok(None);
            }
            _ => return read(Ok(answer)).await.map(Some),
        }
    }
    bail!("the server is busy and made no report card; try again later")
}

/// What the file says it is.
fn media_type(file: &Path) -> &'static str {
    match Language::of_file(file) {
        None => "application/wasm",
        Some(Language::Python) => "text/x-python",
        Some(Language::Javascript) => "text/javascript",
    }
}

struct Server {
    http: Client,
    base: String,
    token: Option<String>,
}

impl Server {
    fn request(&self, path: &str) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

fn sent(answer: reqwest::Result<Response>) -> anyhow::Result<Response> {
    answer.map_err(|error| {
        let url = error.url().map(ToString::to_string).unwrap_or_default();
        anyhow!(
            "the server cannot be reached ({url}): {:#}",
            anyhow!(error.without_url())
        )
    })
}

/// What a successful answer says.
async fn read(answer: reqwest::Result<Response>) -> anyhow::Result<Pushed> {
    let answer = sent(answer)?;
    let status = answer.status();
    let body: Value = answer
        .json()
        .await
        .with_context(|| format!("the answer ({status}) is not that of a leeway server"))?;
    if status.is_success() {
        return serde_json::from_value(body).context("the server's answer");
    }
    let problem = serde_json::from_value(body).context("the server's answer")?;
    bail!("{} ({status})", words(problem))
}

fn words(problem: Problem) -> String {
    let title = problem.title.unwrap_or_default();
    match problem.detail {
        Some(detail) => format!("{title}: {detail}"),
        None => title,
    }
}

fn pause(answer: &Response) -> Duration {
    let seconds = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    seconds
        .map_or(RETRY_DEFAULT, Duration::from_secs)
        .min(RETRY_MAX)
}
