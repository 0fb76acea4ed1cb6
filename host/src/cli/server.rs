//! Asks a running server: its address and token, and what it answers.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_mins(5);

/// A running server.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// Address of the server
    #[arg(
        long,
        value_name = "URL",
        env = "LEEWAY_SERVER",
        default_value = "http://127.0.0.1:5000"
    )]
    server: String,
    /// Token with the scope read
    #[arg(
        long,
        value_name = "TOKEN",
        env = "LEEWAY_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

impl ServerArgs {
    /// Posts to a path and waits for the answer.
    ///
    /// # Errors
    /// What the server says is wrong, in its words.
    pub(super) fn post(&self, path: &[&str], body: Option<&Value>) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.ask(path, body))
    }

    async fn ask(&self, path: &[&str], body: Option<&Value>) -> anyhow::Result<Value> {
        let base = self.server.trim_end_matches('/');
        let mut url: reqwest::Url = base
            .parse()
            .with_context(|| format!("'{base}' is no address"))?;
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => bail!("'{base}' is no address"),
        };
        let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
        let mut request = client.post(url);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("no server answers at {base}"))?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let body: Value = serde_json::from_slice(&body).with_context(|| {
            format!("{base} answers {status}, and not in JSON: is that leeway?")
        })?;
        if status.is_success() {
            return Ok(body);
        }
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        match text("detail") {
            detail if detail.is_empty() => bail!("{} ({status})", text("title")),
            detail => bail!("{detail}"),
        }
    }
}
