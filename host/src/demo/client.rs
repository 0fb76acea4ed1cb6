//! A server over HTTP, as any client sees it: the demo's and the example's.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{DriftKind, Measurement};

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_mins(2);
/// Times that a request is sent again because the server was busy.
const RETRIES_MAX: u32 = 20;
/// Wait before that where the server names none.
const RETRY_DEFAULT: Duration = Duration::from_secs(1);
/// Longest wait before that, whatever the server names.
const RETRY_MAX: Duration = Duration::from_secs(10);
/// Time between two looks at whether the server is ready.
const READY_INTERVAL: Duration = Duration::from_millis(100);

/// An evaluation, as far as the demo shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) monitor: String,
    pub(crate) kind: DriftKind,
    pub(crate) outcome: Outcome,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) window_from: Option<Timestamp>,
    #[serde(default)]
    pub(crate) window_to: Option<Timestamp>,
    pub(crate) reference_rows: u64,
    pub(crate) current_rows: u64,
    #[serde(default)]
    pub(crate) measurements: Vec<Measurement>,
}

/// What an evaluation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Judged,
    Insufficient,
    Failed,
}

/// The latest evaluation of each monitor.
#[derive(Debug, Deserialize)]
struct Results {
    evaluations: Vec<Evaluation>,
}

/// The problem document of an answer that is an error.
#[derive(Debug, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

/// A client of one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// `base` is an address such as `http://127.0.0.1:5000`.
    pub(crate) fn new(base: &str, token: Option<String>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER_MAX)
            .build()
            .context("an HTTP client")?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The address of a page.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Returns when the server is ready; forever else.
    pub(crate) async fn ready(&self) {
        loop {
            let asked = self.http.get(self.address("/health/ready")).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    }

    /// Registers a model. One that is there already stays as it is.
    pub(crate) async fn register(&self, body: &Value) -> anyhow::Result<()> {
        let body = serde_json::to_vec(body)?;
        self.send(
            Method::POST,
            "/v1/models",
            "application/json",
            body,
            &[StatusCode::CONFLICT],
        )
        .await?;
        Ok(())
    }

    /// Uploads reference data.
    pub(crate) async fn reference(&self, model: &str, csv: Vec<u8>) -> anyhow::Result<()> {
        let path = format!("/v1/models/{model}/reference");
        self.send(Method::POST, &path, "text/csv", csv, &[]).await?;
        Ok(())
    }

    /// Sends rows or labels: `what` is `predictions` or `labels`. They are committed when this returns.
    pub(crate) async fn rows(&self, model: &str, what: &str, rows: &Value) -> anyhow::Result<()> {
        let path = format!("/v1/models/{model}/{what}");
        let body = serde_json::to_vec(rows)?;
        self.send(Method::POST, &path, "application/json", body, &[])
            .await?;
        Ok(())
    }

    /// Has all monitors of a model evaluated, and waits for it.
    pub(crate) async fn evaluate(&self, model: &str) -> anyhow::Result<()> {
        let path = format!("/v1/models/{model}/evaluate?wait=true");
        self.send(Method::POST, &path, "application/json", Vec::new(), &[])
            .await?;
        Ok(())
    }

    /// The latest evaluation of each monitor.
    pub(crate) async fn results(&self, model: &str) -> anyhow::Result<Vec<Evaluation>> {
        let path = format!("/v1/models/{model}/results");
        let body = self
            .send(Method::GET, &path, "application/json", Vec::new(), &[])
            .await?;
        let results: Results =
            serde_json::from_slice(&body).with_context(|| format!("the answer to GET {path}"))?;
        Ok(results.evaluations)
    }

    /// Sends a request, again while the server is busy. Statuses in `fine` are no errors either.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
        fine: &[StatusCode],
    ) -> anyhow::Result<Vec<u8>> {
        let body = bytes::Bytes::from(body);
        for _ in 0..RETRIES_MAX {
            let mut request = self.http.request(method.clone(), self.address(path));
            if !body.is_empty() {
                request = request
                    .header(CONTENT_TYPE, content_type)
                    .body(body.clone());
            }
            if let Some(token) = &self.token {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            let what = || format!("{method} {path}");
            let answer = request.send().await.with_context(what)?;
            let status = answer.status();
            if matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ) {
                let after = answer
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok());
                tokio::time::sleep(wait(after)).await;
                continue;
            }
            let bytes = answer.bytes().await.with_context(what)?;
            if status.is_success() || fine.contains(&status) {
                return Ok(bytes.to_vec());
            }
            bail!("{} answered {status}: {}", what(), said(&bytes));
        }
        bail!("{method} {path}: the server was busy {RETRIES_MAX} times")
    }
}

/// How long to wait where the server said `Retry-After`.
fn wait(after: Option<&str>) -> Duration {
    after
        .and_then(|seconds| seconds.trim().parse().ok())
        .map_or(RETRY_DEFAULT, Duration::from_secs)
        .min(RETRY_MAX)
}

/// What an error's body says in one line.
fn said(body: &[u8]) -> String {
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    problem
        .and_then(|problem| problem.detail.or(problem.title))
        .unwrap_or_else(|| {
            String::from_utf8_lossy(body)
                .lines()
                .next()
                .unwrap_or("")
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_is_read_as_the_api_writes_it() {
        let text = r#"[{"evaluation_no": 7, "model_id": "flights", "monitor": "data-drift", "detector": "data-drift@0.1.0",
            "kind": "data", "digest": "ab", "cause": "data", "outcome": "judged", "reason": null,
            "evaluated_at": "2026-01-01T00:00:00Z", "window_from": "2013-04-01T00:00:00Z", "window_to": null,
            "reference_rows": 6000, "current_rows": 5000, "labelled_rows": 0, "duration_seconds": 0.1, "log": [],
            "measurements": [{"metric": "ks", "column": "age", "value": 0.5, "effect": 0.5, "p_value": 0.0,
              "p_adjusted": 0.0, "threshold": 0.05, "threshold_kind": "floor", "reference_rows": 6000,
              "current_rows": 5000, "missing_share": 0.0, "unseen_share": 0.0, "verdict": "drifted", "row": null,
              "detail": null}]}]"#;
        let results: Results = serde_json::from_str(&format!(
            r#"{{"model_id": "flights", "evaluations": {text}}}"#
        ))
        .unwrap();
        let list = results.evaluations;
        assert_eq!(
            (list[0].outcome, list[0].measurements.len()),
            (Outcome::Judged, 1)
        );
    }

    #[test]
    fn waits_are_bounded() {
        assert_eq!(wait(Some("3")), Duration::from_secs(3));
        assert_eq!(wait(Some("86400")), RETRY_MAX);
        assert_eq!(wait(Some("Fri, 31 Dec 1999 23:59:59 GMT")), RETRY_DEFAULT);
        assert_eq!(wait(None), RETRY_DEFAULT);
    }

    #[test]
    fn an_error_is_told_in_the_servers_words() {
        assert_eq!(
            said(br#"{"title": "No", "detail": "row 3: what?"}"#),
            "row 3: what?"
        );
        assert_eq!(said(br#"{"title": "No"}"#), "No");
        assert_eq!(said(b"plain\ntext"), "plain");
    }
}
