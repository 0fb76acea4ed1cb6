//! The audit of detectors: steps are added and read, never changed.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::domain::version::{Actor, DetectorEvent, NewEvent};

use super::models::named;
use super::{Store, StoreError, StoreResult};

/// Longest detail that is kept, in characters.
const DETAIL_CHARS_MAX: usize = 2_000;

/// Which steps to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of this detector.
    pub name: Option<String>,
    /// Of this version.
    pub version: Option<String>,
    /// Before this one in the order.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Notes a step that changed nothing, such as a refusal.
    pub async fn note_detector_event(&self, event: &NewEvent, now: Timestamp) -> StoreResult<()> {
        let mut connection = self.pool.acquire().await?;
        insert(&mut connection, event, now).await
    }

    /// Steps, newest first.
    pub async fn detector_events(&self, filter: &EventFilter) -> StoreResult<Vec<DetectorEvent>> {
        let rows = sqlx::query(
            "SELECT event_no, at, token_id, token_name, action, name, version, digest, outcome, detail FROM detector_event
             WHERE ($1::text IS NULL OR name = $1) AND ($2::text IS NULL OR version = $2) AND ($3::int8 IS NULL OR event_no < $3)
             ORDER BY event_no DESC LIMIT $4",
        )
        .bind(&filter.name)
        .bind(&filter.version)
        .bind(filter.before)
        .bind(i64::from(filter.limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(event).collect()
    }
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    event: &NewEvent,
    now: Timestamp,
) -> StoreResult<()> {
    let token = event.actor.token.as_ref();
    let (id, name) = (token.map(|(id, _)| id), token.map(|(_, name)| name));
    let detail: Option<String> = event.detail.as_ref().map(|detail| {
        detail
            .replace('\0', "")
            .chars()
            .take(DETAIL_CHARS_MAX)
            .collect()
    });
    sqlx::query(
        "INSERT INTO detector_event (at, token_id, token_name, action, name, version, digest, outcome, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(now.to_sqlx())
    .bind(id)
    .bind(name)
    .bind(event.action.to_string())
    .bind(&event.name)
    .bind(&event.version)
    .bind(&event.digest)
    .bind(if event.done { "done" } else { "refused" })
    .bind(detail)
    .execute(connection)
    .await?;
    Ok(())
}

fn event(row: &PgRow) -> StoreResult<DetectorEvent> {
    let event_no: i64 = row.try_get("event_no")?;
    let token: (Option<String>, Option<String>) =
        (row.try_get("token_id")?, row.try_get("token_name")?);
    Ok(DetectorEvent {
        event_no,
        at: row.try_get::<SqlTimestamp, _>("at")?.to_jiff(),
        event: NewEvent {
            actor: Actor {
                token: token.0.zip(token.1),
            },
            action: named(row.try_get("action")?).map_err(|error| StoreError::Corrupt {
                table: "detector_event",
                key: format!("event_no {event_no}"),
                reason: error.to_string(),
            })?,
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            digest: row.try_get("digest")?,
            done: row.try_get::<&str, _>("outcome")? == "done",
            detail: row.try_get("detail")?,
        },
    })
}
