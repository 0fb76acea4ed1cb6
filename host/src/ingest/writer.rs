//! Group commit: what waits while one transaction is under way goes into the next one together.
//!
//! Each writer has a connection of its own, and all requests of a model go to the same writer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::store::{
    Arrival, Outcome, Store, StoreError, StoreResult, Way, WriteConnection, Written,
};

use super::error::IngestError;
use super::events::IngestEvents;

/// Most requests of one transaction.
const GROUP_REQUESTS_MAX: usize = 4_096;
/// Most bytes of one transaction, unless a single request has more.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a writer waits before it tries again what failed for a reason that passes: 6.3 s in all. A database
/// that is killed is back by then, or will not be soon.
const RETRY_DELAYS: [Duration; 7] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
    Duration::from_millis(3_200),
];

/// A request on its way into the database.
pub(super) struct Job {
    pub(super) arrival: Arrival,
    /// Told after the commit how many rows were not there before.
    pub(super) answer: oneshot::Sender<Result<u64, IngestError>>,
}

/// Takes requests until all senders are gone, then ends.
pub(super) async fn run(
    store: Store,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    events: Arc<dyn IngestEvents>,
) {
    let mut writer = Writer {
        store,
        connection: None,
        way: Way::Straight,
        events,
    };
    let mut waiting: Vec<Job> = Vec::new();
    while jobs.recv_many(&mut waiting, GROUP_REQUESTS_MAX).await > 0 {
        while !waiting.is_empty() {
            let later = waiting.split_off(group(&waiting));
            let group = std::mem::replace(&mut waiting, later);
            writer.write(group).await;
        }
    }
}

/// How many of the first requests go into one transaction.
fn group(waiting: &[Job]) -> usize {
    let mut bytes = 0;
    let fits = |job: &&Job| {
        bytes += job.arrival.rows.bytes() + job.arrival.labels.bytes();
        bytes <= GROUP_BYTES_MAX
    };
    waiting.iter().take_while(fits).count().max(1)
}

struct Writer {
    store: Store,
    connection: Option<WriteConnection>,
    /// Clients that send rows again do it for a while: staged until a group has no duplicates.
    way: Way,
    events: Arc<dyn IngestEvents>,
}

impl Writer {
    /// Writes a group, and answers each of its requests.
    async fn write(&mut self, group: Vec<Job>) {
        let start = Instant::now();
        let (mut arrivals, answers): (Vec<Arrival>, Vec<_>) = group
            .into_iter()
            .map(|job| (job.arrival, job.answer))
            .unzip();
        let error = match self.commit(&mut arrivals).await {
            Ok(counts) => {
                self.tell(&arrivals, &counts, start);
                for (answer, count) in answers.into_iter().zip(counts) {
                    // Whoever asked may have gone.
                    let _ = answer.send(count.ok_or(StoreError::ModelGone.into()));
                }
                return;
            }
            Err(error) => error,
        };
        tracing::error!(
            error = &error as &dyn std::error::Error,
            requests = arrivals.len(),
            "rows were not written"
        );
        if arrivals.len() == 1 || error.is_transient() {
            let mut error = Some(error);
            for answer in answers {
                // One of them gets the error itself; it cannot be copied.
                let error = error.take().map_or(IngestError::Busy, IngestError::from);
                let _ = answer.send(Err(error));
            }
            return;
        }
        // One of the requests is to blame, and must not take the others with it.
        for (arrival, answer) in arrivals.into_iter().zip(answers) {
            let (start, mut one) = (Instant::now(), [arrival]);
            let result = self.commit(&mut one).await;
            let count = result.and_then(|counts| {
                self.tell(&one, &counts, start);
                counts
                    .first()
                    .copied()
                    .flatten()
                    .ok_or(StoreError::ModelGone)
            });
            let _ = answer.send(count.map_err(IngestError::from));
        }
    }

    fn tell(&self, arrivals: &[Arrival], counts: &[Option<u64>], start: Instant) {
        let mut models: Vec<i32> = arrivals
            .iter()
            .zip(counts)
            .filter(|(arrival, count)| {
                *count > &Some(0) || (count.is_some() && !arrival.labels.is_empty())
            })
            .map(|(arrival, _)| arrival.model_no)
            .collect();
        models.sort_unstable();
        models.dedup();
        self.events.committed(&models, start.elapsed());
    }

    /// Writes until it is committed, or has failed for good. Gives for each request the rows that were new;
    /// `None` where its model is gone.
    async fn commit(&mut self, arrivals: &mut [Arrival]) -> StoreResult<Vec<Option<u64>>> {
        let mut delays = RETRY_DELAYS.iter();
        loop {
            let error = match self.attempt(arrivals).await {
                Ok(Written::Committed(counts)) => {
                    let rows: usize = arrivals.iter().map(|arrival| arrival.rows.len()).sum();
                    let new: u64 = counts.iter().flatten().sum();
                    if self.way == Way::Staged && new == rows as u64 {
                        self.way = Way::Straight;
                    }
                    return Ok(counts);
                }
                Ok(Written::Duplicates) => {
                    self.way = Way::Staged;
                    continue;
                }
                Ok(Written::Unknown {
                    transaction,
                    counts,
                    error,
                }) => {
                    self.connection = None;
                    match self.outcome(&transaction, &mut delays).await {
                        Ok(Outcome::Committed) => return Ok(counts),
                        Ok(Outcome::Aborted | Outcome::Running) => error,
                        Err(later) => return Err(later),
                    }
                }
                Err(error) if error.is_missing_partition() => {
                    self.store.forget_months();
                    error
                }
                Err(error) if error.is_transient() => {
                    self.connection = None;
                    error
                }
                Err(error) => return Err(error),
            };
            let Some(&delay) = delays.next() else {
                return Err(error);
            };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                delay_ms = delay.as_millis(),
                "rows are written again"
            );
            tokio::time::sleep(delay).await;
        }
    }

    /// Finds out how a transaction ended whose answer was lost. What cannot be found out is an error: the same
    /// labels must not be written twice without need.
    async fn outcome(
        &self,
        transaction: &str,
        delays: &mut std::slice::Iter<'_, Duration>,
    ) -> StoreResult<Outcome> {
        loop {
            let error = match self.store.outcome_of(transaction).await {
                Ok(Outcome::Running) => None,
                Ok(outcome) => return Ok(outcome),
                Err(error) if error.is_transient() => Some(error),
                Err(error) => return Err(error),
            };
            match (delays.next(), error) {
                (Some(&delay), _) => tokio::time::sleep(delay).await,
                (None, Some(error)) => return Err(error),
                (None, None) => return Ok(Outcome::Running),
            }
        }
    }

    async fn attempt(&mut self, arrivals: &mut [Arrival]) -> StoreResult<Written> {
        self.store.prepare(arrivals).await?;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.store.write_connection().await?),
        };
        connection.write(arrivals, self.way).await
    }
}
