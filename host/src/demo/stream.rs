//! Sends months of flights at an even pace, and shows what the server says of them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::Settings;
use super::board::{self, MonthEnd, Seen};
use super::client::Client;
use super::flights::{self, Flight, Month, Pending, WATCHED};
use super::screen::Screen;
use crate::check::output::number::count;

/// Rows of a request.
const BATCH_ROWS: usize = 200;
/// Time between two looks at the results.
const SHOW_INTERVAL: Duration = Duration::from_millis(500);

/// Months of flights on their way to a server.
pub(super) struct Stream<'a> {
    settings: &'a Settings,
    client: &'a Client,
    screen: &'a mut Screen,
    reference: (String, PathBuf),
    months: Vec<(String, PathBuf)>,
    pending: Pending,
    seen: [Seen; WATCHED.len()],
    ends: Vec<MonthEnd>,
    /// When the results were shown last, and how many rows of a model had been sent then.
    shown: (Instant, u64),
}

impl<'a> Stream<'a> {
    /// Finds the files.
    pub(super) fn new(
        settings: &'a Settings,
        client: &'a Client,
        screen: &'a mut Screen,
    ) -> anyhow::Result<Self> {
        let mut files = flights::files(&settings.data)?.into_iter();
        let wanted = &settings.reference_month;
        let reference = files
            .find(|(month, _)| month == wanted)
            .with_context(|| format!("{} has no month '{wanted}'", settings.data.display()))?;
        Ok(Self {
            settings,
            client,
            screen,
            reference,
            months: files.take(settings.months_max).collect(),
            pending: Pending::default(),
            seen: WATCHED.each_ref().map(|model| Seen {
                model: model.id.to_owned(),
                model_type: model.model_type.to_owned(),
                ..Seen::default()
            }),
            ends: Vec::new(),
            shown: (Instant::now(), 0),
        })
    }

    /// Registers the models, uploads their reference data, sends everything, and sums up.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        self.begin().await?;
        let files = std::mem::take(&mut self.months);
        let mut months = Vec::new();
        for (name, path) in &files {
            months.push(Month::open(name, path)?);
        }
        let total: usize = months.iter().map(|month| month.flights.len()).sum();
        for seen in &mut self.seen {
            seen.rows_total = total as u64;
        }
        let started = Instant::now();
        self.shown = (started, 0);
        let mut sent = 0_usize;
        for month in &months {
            for batch in month.flights.chunks(BATCH_ROWS) {
                sleep_until(started + self.time_of(sent)).await;
                self.send(month, batch).await?;
                sent += batch.len();
                if self.screen.is_live() && self.shown.0.elapsed() >= SHOW_INTERVAL {
                    self.look().await?;
                    self.draw()?;
                }
            }
            self.month_ends(&month.name).await?;
        }
        let rest = self.pending.known(None);
        self.send_labels(rest).await?;
        self.end().await
    }

    async fn begin(&mut self) -> anyhow::Result<()> {
        let (name, path) = &self.reference;
        let month = Month::open(name, path)?;
        for (what, path) in [
            ("page", "/ui/".to_owned()),
            ("Swagger", "/docs".to_owned()),
            ("metrics", "/metrics".to_owned()),
            ("results", format!("/v1/models/{}/results", WATCHED[0].id)),
        ] {
            let address = self.client.address(&path);
            self.screen.say(&format!("{what:<10} {address}"))?;
        }
        for model in &WATCHED {
            self.client.register(&model.registration()).await?;
            let csv = model.reference(&month)?;
            self.client.reference(model.id, csv).await?;
        }
        let flights = count(month.flights.len() as u64);
        self.screen
            .say(&format!("reference  {name}: {flights} flights"))?;
        if let (Some((first, _)), Some((last, _))) = (self.months.first(), self.months.last()) {
            let pace = count(u64::from(self.settings.rows_per_second));
            self.screen.say(&format!(
                "stream     {first} to {last}: {pace} rows/s to each of {} models, labels a day later\n",
                WATCHED.len()
            ))?;
        }
        Ok(())
    }

    /// When a row is to be sent, from the start.
    fn time_of(&self, row: usize) -> Duration {
        Duration::from_secs_f64(row as f64 / f64::from(self.settings.rows_per_second.max(1)))
    }

    /// Sends predictions to every model, and the labels that are known by then.
    async fn send(&mut self, month: &Month, flights: &[Flight]) -> anyhow::Result<()> {
        for (model, seen) in WATCHED.iter().zip(&mut self.seen) {
            let rows = model.predictions(month, flights);
            self.client.rows(model.id, "predictions", &rows).await?;
            seen.rows += flights.len() as u64;
            seen.newest = flights.last().map(|flight| flight.time);
        }
        self.pending.push(month, flights)?;
        let known = self.pending.known(flights.last().map(|flight| flight.time));
        self.send_labels(known).await
    }

    async fn send_labels(&mut self, known: [Vec<Value>; WATCHED.len()]) -> anyhow::Result<()> {
        for ((model, seen), labels) in WATCHED.iter().zip(&mut self.seen).zip(known) {
            if !labels.is_empty() {
                seen.labels += labels.len() as u64;
                let labels = Value::Array(labels);
                self.client.rows(model.id, "labels", &labels).await?;
            }
        }
        Ok(())
    }

    /// Asks for the results.
    async fn look(&mut self) -> anyhow::Result<()> {
        let (then, rows) = self.shown;
        let seconds = then.elapsed().as_secs_f64().max(1e-3);
        for seen in &mut self.seen {
            seen.evaluations = self.client.results(&seen.model).await?;
            seen.rows_per_second = (seen.rows - rows) as f64 / seconds;
        }
        self.shown = (Instant::now(), self.seen[0].rows);
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let (columns, lines) = self.screen.size();
        // The cursor stands on a line of its own below the table.
        let lines_max = lines.saturating_sub(1);
        let table = board::table(&self.seen, columns, lines_max, self.screen.has_colour());
        Ok(self.screen.show(&table)?)
    }

    /// What the monitors say of everything that was sent so far.
    async fn month_ends(&mut self, month: &str) -> anyhow::Result<()> {
        for model in &WATCHED {
            self.client.evaluate(model.id).await?;
        }
        self.look().await?;
        for seen in &self.seen {
            self.ends.push(MonthEnd::new(month, seen));
            if !self.screen.is_live() {
                self.screen.say(&board::line(month, seen))?;
            }
        }
        if self.screen.is_live() {
            self.draw()?;
        }
        Ok(())
    }

    async fn end(mut self) -> anyhow::Result<()> {
        for model in &WATCHED {
            self.client.evaluate(model.id).await?;
        }
        let pace = self.seen.each_ref().map(|seen| seen.rows_per_second);
        self.look().await?;
        for (seen, pace) in self.seen.iter_mut().zip(pace) {
            seen.rows_per_second = pace;
        }
        let (columns, _) = self.screen.size();
        if self.screen.is_live() {
            self.draw()?;
            self.screen.keep();
        }
        let summary = board::summary(&self.ends, columns, self.screen.has_colour());
        self.screen.say(&format!(
            "\nat the end of each month, against {}:\n{summary}",
            self.reference.0
        ))?;
        Ok(())
    }
}
