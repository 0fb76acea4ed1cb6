//! One client: sends its rows to the model API, the answers to the drift service, and the labels after them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::data_set::Row;
use super::plan::{Plan, Plot};
use super::position::Position;
use crate::demo::board::Seen;
use crate::demo::client::Client;
use crate::domain::Clock;

/// Reference rows of a request to the model API.
const REFERENCE_BATCH: usize = 500;
/// Rows within which a text comes once: the window that its monitor has, and the chunk by which it may be longer.
const TEXT_ROWS_APART: usize = 6_000;
const JSON: &str = "application/json";

/// What all clients share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) rows: Vec<Row>,
    pub(super) service: Client,
    pub(super) model_api: Client,
    pub(super) interval: Duration,
    pub(super) batch_rows: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: CancellationToken,
}

/// What the model API answers.
#[derive(Debug, Deserialize)]
struct Predictions {
    predictions: Vec<Prediction>,
}

/// What the model says of an instance.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "as the model API writes them")]
struct Prediction {
    prediction: String,
    probability: f64,
    features: Map<String, Value>,
}

/// A client on its way.
pub(super) struct Courier<'a> {
    shared: &'a Shared,
    plot: &'a Plot,
    number: usize,
    folder: &'a Path,
    position: Position,
    /// Whether each row of the production came shortly before.
    again: Vec<bool>,
    seen: Seen,
    /// Rows that were sent before this run.
    before: usize,
    started: Instant,
    /// Takes what the monitors said last.
    news: &'a UnboundedSender<(usize, Seen)>,
}

impl<'a> Courier<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        number: usize,
        folder: &'a Path,
        position: Position,
        news: &'a UnboundedSender<(usize, Seen)>,
    ) -> Self {
        let plot = &shared.plan.clients[number];
        Self {
            shared,
            plot,
            number,
            folder,
            before: position.rows,
            position,
            again: again(&plot.production, TEXT_ROWS_APART),
            seen: Seen {
                model: plot.model_id.clone(),
                model_type: plot.drift.name().to_owned(),
                rows_total: plot.production.len() as u64,
                ..Seen::default()
            },
            started: Instant::now(),
            news,
        }
    }

    /// Sends everything that is left, a batch each interval, until the end or until told to stop.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        if !self.position.begun {
            self.begin().await?;
            self.position.begun = true;
            self.save()?;
        }
        let mut next = Instant::now();
        while self.position.rows < self.plot.production.len() {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(next) => {}
            }
            next = Instant::now() + self.shared.interval;
            let sent = self.position.rows;
            self.send_rows().await?;
            // Labels come a batch after their rows.
            self.send_labels(sent).await?;
            self.look().await?;
        }
        self.send_labels(self.position.rows).await?;
        self.shared.service.evaluate(&self.plot.model_id).await?;
        self.look().await
    }

    /// Registers the model, makes its monitors and uploads its reference.
    async fn begin(&self) -> anyhow::Result<()> {
        let plan = &self.shared.plan;
        let column =
            |name: &str, kind: &str, role: &str| json!({"name": name, "kind": kind, "role": role});
        let mut columns: Vec<Value> = plan
            .columns
            .iter()
            .map(|(name, numeric)| {
                let kind = if *numeric { "numeric" } else { "categorical" };
                column(name, kind, "feature")
            })
            .collect();
        columns.push(column("prediction", "categorical", "prediction"));
        columns.push(column("probability", "numeric", "probability"));
        columns.push(column("label", "categorical", "label"));
        let body = json!({
            "model_id": self.plot.model_id,
            "model_type": "classifier",
            "positive_label": plan.classes[1],
            "last_training_time": plan.prepared_at,
            "columns": columns,
        });
        let service = &self.shared.service;
        let body = serde_json::to_vec(&body)?;
        service
            .send(Method::POST, "/v1/models", JSON, body, &[])
            .await?;
        for (name, spec) in &plan.monitors {
            let path = format!("/v1/models/{}/monitors/{name}", self.plot.model_id);
            let spec = serde_json::to_vec(spec)?;
            service.send(Method::PUT, &path, JSON, spec, &[]).await?;
        }
        let csv = self.reference().await?;
        service.reference(&self.plot.model_id, csv).await
    }

    /// The reference as CSV: rows of the time before the training, with the model's answers and with labels.
    async fn reference(&self) -> anyhow::Result<Vec<u8>> {
        let plan = &self.shared.plan;
        let mut writer = csv::Writer::from_writer(Vec::new());
        let fixed = [
            "record_id",
            "prediction_time",
            "prediction",
            "probability",
            "label",
        ];
        let names = plan.columns.iter().map(|(name, _)| name.as_str());
        writer.write_record(fixed.into_iter().chain(names))?;
        let rows = &self.plot.reference;
        let first = i64::try_from(rows.len())?;
        let mut time = plan
            .prepared_at
            .checked_sub(SignedDuration::from_secs(first))?;
        for (batch, places) in rows.chunks(REFERENCE_BATCH).enumerate() {
            for (at, (&row, answer)) in places.iter().zip(self.predict(places).await?).enumerate() {
                let number = batch * REFERENCE_BATCH + at + 1;
                let label = &plan.classes[usize::from(self.shared.rows[row].label)];
                let mut record = vec![
                    format!("reference-{number:06}"),
                    time.to_string(),
                    answer.prediction,
                    answer.probability.to_string(),
                    label.clone(),
                ];
                for (name, _) in &plan.columns {
                    record.push(text(answer.features.get(name)));
                }
                writer.write_record(record)?;
                time = time.checked_add(SignedDuration::from_secs(1))?;
            }
        }
        Ok(writer.into_inner()?)
    }

    /// What the model API says of rows.
    async fn predict(&self, places: &[usize]) -> anyhow::Result<Vec<Prediction>> {
        let instances: Vec<&Map<String, Value>> = places
            .iter()
            .map(|&row| &self.shared.rows[row].instance)
            .collect();
        let body = serde_json::to_vec(&json!({"instances": instances}))?;
        let api = &self.shared.model_api;
        let answer = api.send(Method::POST, "/predict", JSON, body, &[]).await?;
        let found: Predictions =
            serde_json::from_slice(&answer).context("the answer to POST /predict")?;
        if found.predictions.len() != places.len() {
            let found = found.predictions.len();
            bail!("the model API answered {found} of {} rows", places.len());
        }
        Ok(found.predictions)
    }

    /// Sends the next batch: to the model API, and its answers to the drift service.
    async fn send_rows(&mut self) -> anyhow::Result<()> {
        let begin = self.position.rows;
        let (end, time) = self.position.sending.unwrap_or_else(|| {
            let end = (begin + self.shared.batch_rows).min(self.plot.production.len());
            (end, self.shared.clock.now())
        });
        self.position.sending = Some((end, time));
        self.save()?;
        let places: Vec<usize> = self.plot.production[begin..end]
            .iter()
            .map(|(row, _)| *row)
            .collect();
        let answers = self.predict(&places).await?;
        let rows: Value = (begin..end)
            .zip(answers)
            .map(|(at, mut answer)| {
                if let Some(text) = &self.shared.plan.text
                    && self.again[at]
                {
                    answer.features.remove(text);
                }
                json!({
                    "record_id": self.record_id(at),
                    "prediction_time": time,
                    "prediction": answer.prediction,
                    "probability": answer.probability,
                    "features": answer.features,
                })
            })
            .collect();
        let id = &self.plot.model_id;
        self.shared.service.rows(id, "predictions", &rows).await?;
        self.position.rows = end;
        self.position.sending = None;
        self.seen.newest = Some(time);
        self.save()
    }

    /// Sends labels of all rows up to one.
    async fn send_labels(&mut self, end: usize) -> anyhow::Result<()> {
        let begin = self.position.labels;
        for at in (begin..end).step_by(self.shared.batch_rows) {
            let to = (at + self.shared.batch_rows).min(end);
            let labels: Value = (at..to)
                .map(|at| {
                    let (_, label) = self.plot.production[at];
                    let label = &self.shared.plan.classes[usize::from(label)];
                    json!({"record_id": self.record_id(at), "label": label})
                })
                .collect();
            let id = &self.plot.model_id;
            self.shared.service.rows(id, "labels", &labels).await?;
            self.position.labels = to;
            self.save()?;
        }
        Ok(())
    }

    /// Asks for the results, and passes them on.
    async fn look(&mut self) -> anyhow::Result<()> {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        self.seen.rows = self.position.rows as u64;
        self.seen.labels = self.position.labels as u64;
        self.seen.rows_per_second = (self.position.rows - self.before) as f64 / seconds;
        self.seen.evaluations = self.shared.service.results(&self.plot.model_id).await?;
        // Nobody listens any more where the run was given up.
        let _ = self.news.send((self.number, self.seen.clone()));
        Ok(())
    }

    /// Each preparation has ids of its own.
    fn record_id(&self, at: usize) -> String {
        let prepared: Timestamp = self.shared.plan.prepared_at;
        format!("{}-{:06}", prepared.as_millisecond(), at + 1)
    }

    fn save(&self) -> anyhow::Result<()> {
        self.position.save(self.folder, self.number)
    }
}

/// Whether each row was among the `apart` before it.
fn again(production: &[(usize, bool)], apart: usize) -> Vec<bool> {
    let mut last: FxHashMap<usize, usize> = FxHashMap::default();
    let rows = production.iter().enumerate();
    rows.map(|(at, (row, _))| {
        let before = last.insert(*row, at);
        before.is_some_and(|before| at - before <= apart)
    })
    .collect()
}

/// A value as CSV has it; empty where there is none.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_again_where_it_was_among_those_before_whatever_its_label() {
        let production = [
            (7, true),
            (8, true),
            (7, false),
            (9, true),
            (8, true),
            (9, true),
        ];
        let found = again(&production, 2);
        assert_eq!(found, [false, false, true, false, false, true]);
        assert_eq!(again(&[], 2), [] as [bool; 0]);
    }
}
