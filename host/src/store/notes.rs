//! Notes between the hosts on a database: what one did that another has to know soon.
//!
//! A note may be lost with a connection, so none is the only way to learn what it says: whoever missed some looks into the tables.

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{PgExecutor, Postgres, Transaction};

use super::{Store, StoreResult};

/// Notes of one database go to this channel.
const CHANNEL: &str = "leeway";
/// Models of one note: with ten digits each it stays below the 8,000 bytes that Postgres allows.
const MODELS_OF_NOTE: usize = 500;

/// What hosts tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// Rows or labels of these models were committed, or an evaluation was asked for.
    Rows(Vec<i32>),
    /// A monitor was evaluated, changed or removed elsewhere.
    Monitor {
        /// The model's number.
        model_no: i32,
        /// The model's name.
        model_id: String,
        /// The monitor's name.
        monitor: String,
    },
    /// A model was removed.
    Model(String),
    /// A host joined, left, or gave models up.
    Hosts,
}

/// Hears notes. Has a connection of its own.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Store {
    /// Listens to notes from now on.
    pub async fn listen(&self) -> StoreResult<Listener> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with((*self.pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Listener(listener))
    }

    /// Tells the other hosts, and this one.
    pub async fn tell(&self, note: &Note) -> StoreResult<()> {
        send(&self.pool, note).await
    }

    /// Tells that rows of these models were committed.
    pub async fn tell_rows(&self, models: &[i32]) -> StoreResult<()> {
        for some in models.chunks(MODELS_OF_NOTE) {
            self.tell(&Note::Rows(some.to_vec())).await?;
        }
        Ok(())
    }
}

impl Listener {
    /// The next note; `None` where the connection was lost, so that some may be missing. It listens again then.
    pub async fn next(&mut self) -> StoreResult<Option<Note>> {
        loop {
            let Some(heard) = self.0.try_recv().await? else {
                return Ok(None);
            };
            match serde_json::from_str(heard.payload()) {
                Ok(note) => return Ok(Some(note)),
                // A newer host may say what this one does not know.
                Err(error) => tracing::debug!(%error, "a note could not be read"),
            }
        }
    }
}

pub(super) async fn send(executor: impl PgExecutor<'_>, note: &Note) -> StoreResult<()> {
    let text = serde_json::to_string(note).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(text)
        .execute(executor)
        .await?;
    Ok(())
}

/// Tells once the transaction is committed, and not if it is not.
pub(super) async fn with_commit(
    transaction: &mut Transaction<'_, Postgres>,
    note: &Note,
) -> StoreResult<()> {
    send(&mut **transaction, note).await
}

/// The note of a monitor; none where there is no such monitor.
pub(super) async fn of_monitor(
    transaction: &mut Transaction<'_, Postgres>,
    monitor_no: i64,
) -> StoreResult<Option<Note>> {
    let found: Option<(i32, String, String)> = sqlx::query_as(
        "SELECT m.model_no, m.model_id, o.name FROM monitor o JOIN model m USING (model_no) WHERE o.monitor_no = $1",
    )
    .bind(monitor_no)
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(found.map(|(model_no, model_id, monitor)| Note::Monitor {
        model_no,
        model_id,
        monitor,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_note_of_models_fits() {
        let note = Note::Rows(vec![i32::MAX; MODELS_OF_NOTE]);
        assert!(serde_json::to_string(&note).unwrap().len() < 8_000);
    }

    #[test]
    fn notes_are_read_as_they_were_written() {
        for note in [
            Note::Rows(vec![1, 2]),
            Note::Model("m".into()),
            Note::Hosts,
            Note::Monitor {
                model_no: 1,
                model_id: "m".into(),
                monitor: "data-drift".into(),
            },
        ] {
            let text = serde_json::to_string(&note).unwrap();
            assert_eq!(serde_json::from_str::<Note>(&text).unwrap(), note);
        }
    }
}
