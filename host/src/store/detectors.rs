//! Versions of uploaded detectors: each change in one transaction with its step of the audit and the revision that tells all hosts.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Row, Transaction};

use crate::domain::Descriptor;
use crate::domain::version::{
    Action, Actor, DetectorState, DetectorVersion, NewEvent, StoredCard, Upload,
};

use super::detector_events;
use super::models::named;
use super::{Store, StoreError, StoreResult};

/// Bytes are read apart, when a host loads the version; the card when somebody asks for it.
pub(super) const VERSION: &str = "SELECT name, version, digest, form, language, length(bytes)::int8 AS size_bytes, limits, descriptor, state, reason,
    uploaded_by, created_at, changed_at, activated_at FROM detector_version";

/// A version about to be stored, as `uploaded`.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// What was uploaded.
    pub upload: &'a Upload,
    /// Its digest.
    pub digest: &'a str,
    /// What one call may use.
    pub limits: &'a serde_json::Value,
    /// What it says of itself.
    pub descriptor: &'a Descriptor,
}

/// What became of a version that was to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// It is there now.
    New,
    /// Versions have changed since the caller looked: it looks again.
    Moved,
    /// The name has this version with other bytes, in this state.
    Taken(DetectorState),
    /// So many wait for their report card already.
    Full(u64),
}

/// A change of a version's state.
#[derive(Debug, Clone, Copy)]
pub struct StateChange<'a> {
    /// The detector.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// States that it may leave.
    pub from: &'a [DetectorState],
    /// The state that it shall have.
    pub to: DetectorState,
    /// Why, where that is to be remembered.
    pub reason: Option<&'a str>,
    /// As what it is noted.
    pub action: Action,
    /// Who does it.
    pub actor: &'a Actor,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is done; the version that had the place before, if there was one.
    Done {
        /// The version that was active, or the shadow, before.
        displaced: Option<String>,
    },
    /// There is no such version.
    Gone,
    /// It is in a state that it may not leave like this.
    Stays(DetectorState),
}

impl Store {
    /// Number of the last change of any version.
    pub async fn detectors_revision(&self) -> StoreResult<i64> {
        Ok(sqlx::query_scalar("SELECT revision FROM detector_revision")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Every version by name and time of upload, and the revision at which they stand so.
    pub async fn detector_versions(&self) -> StoreResult<(i64, Vec<DetectorVersion>)> {
        let mut transaction = self.pool.begin().await?;
        // The lock of whoever changes a version: what is read belongs together.
        let revision: i64 = sqlx::query_scalar("SELECT revision FROM detector_revision FOR SHARE")
            .fetch_one(&mut *transaction)
            .await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{VERSION} ORDER BY name, created_at, version"
        )))
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok((
            revision,
            rows.iter().map(version).collect::<StoreResult<_>>()?,
        ))
    }

    /// One version.
    pub async fn detector_version(
        &self,
        name: &str,
        of: &str,
    ) -> StoreResult<Option<DetectorVersion>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{VERSION} WHERE name = $1 AND version = $2"
        )))
        .bind(name)
        .bind(of)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(version).transpose()
    }

    /// The version of a digest.
    pub async fn detector_of_digest(&self, digest: &str) -> StoreResult<Option<DetectorVersion>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{VERSION} WHERE digest = $1")))
            .bind(digest)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(version).transpose()
    }

    /// What was uploaded as a digest.
    pub async fn detector_upload(&self, digest: &str) -> StoreResult<Option<Upload>> {
        let row =
            sqlx::query("SELECT form, language, bytes FROM detector_version WHERE digest = $1")
                .bind(digest)
                .fetch_optional(&self.pool)
                .await?;
        row.map(|row| {
            Ok(Upload {
                form: named(row.try_get("form")?).map_err(|error| corrupt(digest, &error))?,
                language: row.try_get("language")?,
                bytes: row.try_get("bytes")?,
            })
        })
        .transpose()
    }

    /// The report card of a version; empty where it has none yet.
    pub async fn detector_card(&self, name: &str, version: &str) -> StoreResult<StoredCard> {
        let row = sqlx::query(
            "SELECT card, compared, changes FROM detector_version WHERE name = $1 AND version = $2",
        )
        .bind(name)
        .bind(version)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(StoredCard::default());
        };
        Ok(StoredCard {
            card: row.try_get("card")?,
            compared: row.try_get("compared")?,
            changes: row.try_get("changes")?,
        })
    }

    /// Stores a version as `uploaded`, if nothing has changed since revision `seen` and fewer than `waiting_max` wait.
    /// A refused version of the same name gives way.
    pub async fn add_detector(
        &self,
        new: &NewVersion<'_>,
        seen: i64,
        waiting_max: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<Added> {
        let mut transaction = self.pool.begin().await?;
        if raise(&mut transaction).await? != seen + 1 {
            return Ok(Added::Moved);
        }
        let (name, version) = (&new.descriptor.name, &new.descriptor.version);
        let state: Option<String> = sqlx::query_scalar(
            "SELECT state FROM detector_version WHERE name = $1 AND version = $2 OR digest = $3",
        )
        .bind(name)
        .bind(version)
        .bind(new.digest)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(state) = state {
            let state = named(&state).map_err(|error| corrupt(new.digest, &error))?;
            if state != DetectorState::Refused {
                return Ok(Added::Taken(state));
            }
            sqlx::query("DELETE FROM detector_version WHERE (name = $1 AND version = $2 OR digest = $3) AND state = 'refused'")
                .bind(name)
                .bind(version)
                .bind(new.digest)
                .execute(&mut *transaction)
                .await?;
        }
        let waiting: i64 =
            sqlx::query_scalar("SELECT count(*) FROM detector_version WHERE state = 'uploaded'")
                .fetch_one(&mut *transaction)
                .await?;
        if waiting.unsigned_abs() >= waiting_max {
            return Ok(Added::Full(waiting.unsigned_abs()));
        }
        sqlx::query(
            "INSERT INTO detector_version (name, version, digest, form, language, bytes, limits, descriptor, state, uploaded_by, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'uploaded', $9, $10, $10)",
        )
        .bind(name)
        .bind(version)
        .bind(new.digest)
        .bind(new.upload.form.to_string())
        .bind(&new.upload.language)
        .bind(&new.upload.bytes)
        .bind(new.limits)
        .bind(Json(new.descriptor))
        .bind(actor.name())
        .bind(now.to_sqlx())
        .execute(&mut *transaction)
        .await?;
        let event = NewEvent {
            actor: actor.clone(),
            action: Action::Upload,
            name: Some(name.clone()),
            version: Some(version.clone()),
            digest: Some(new.digest.to_owned()),
            done: true,
            detail: None,
        };
        detector_events::insert(&mut transaction, &event, now).await?;
        transaction.commit().await?;
        Ok(Added::New)
    }

    /// Changes the state of a version. One that becomes active retires the one that was; one that becomes the shadow takes its place.
    pub async fn set_detector_state(
        &self,
        change: &StateChange<'_>,
        now: Timestamp,
    ) -> StoreResult<Changed> {
        let mut transaction = self.pool.begin().await?;
        raise(&mut transaction).await?;
        let changed = switch(&mut transaction, change, now).await?;
        if let Changed::Done { .. } = changed {
            transaction.commit().await?;
        }
        Ok(changed)
    }

    /// Removes a version that is in one of these states, with what monitors remember of it.
    pub async fn delete_detector(
        &self,
        name: &str,
        version: &str,
        from: &[DetectorState],
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<Changed> {
        let mut transaction = self.pool.begin().await?;
        raise(&mut transaction).await?;
        let Some((digest, state)) = locked(&mut transaction, name, version).await? else {
            return Ok(Changed::Gone);
        };
        if !from.contains(&state) {
            return Ok(Changed::Stays(state));
        }
        for statement in [
            "DELETE FROM detector_version WHERE digest = $1",
            "DELETE FROM stream_state WHERE digest = $1",
        ] {
            sqlx::query(statement)
                .bind(&digest)
                .execute(&mut *transaction)
                .await?;
        }
        let event = NewEvent {
            actor: actor.clone(),
            action: Action::Delete,
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            digest: Some(digest),
            done: true,
            detail: None,
        };
        detector_events::insert(&mut transaction, &event, now).await?;
        transaction.commit().await?;
        Ok(Changed::Done { displaced: None })
    }

    /// Monitors that name a detector exactly so, as `model / monitor`, at most `limit`.
    pub async fn monitors_naming(&self, detector: &str, limit: u32) -> StoreResult<Vec<String>> {
        Ok(sqlx::query_scalar(
            "SELECT m.model_id || ' / ' || o.name FROM monitor o JOIN model m USING (model_no)
             WHERE o.spec ->> 'detector' = $1 ORDER BY 1 LIMIT $2",
        )
        .bind(detector)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?)
    }

    /// Monitors that name a detector exactly so, are enabled and follow new data: their models and they.
    pub async fn monitors_following(&self, detector: &str) -> StoreResult<Vec<(i32, i64)>> {
        Ok(sqlx::query_as(
            "SELECT model_no, monitor_no FROM monitor WHERE spec ->> 'detector' = $1 AND (spec ->> 'enabled')::bool
             AND spec -> 'cadence' ->> 'on' = 'new-data' ORDER BY monitor_no",
        )
        .bind(detector)
        .fetch_all(&self.pool)
        .await?)
    }
}

/// Raises the revision, which all other changes wait for; the new one.
pub(super) async fn raise(transaction: &mut PgConnection) -> StoreResult<i64> {
    Ok(sqlx::query_scalar(
        "UPDATE detector_revision SET revision = revision + 1 RETURNING revision",
    )
    .fetch_one(transaction)
    .await?)
}

async fn locked(
    transaction: &mut PgConnection,
    name: &str,
    version: &str,
) -> StoreResult<Option<(String, DetectorState)>> {
    let row: Option<(String, String)> = sqlx::query_as(
        "SELECT digest, state FROM detector_version WHERE name = $1 AND version = $2 FOR UPDATE",
    )
    .bind(name)
    .bind(version)
    .fetch_optional(transaction)
    .await?;
    row.map(|(digest, state)| {
        let state = named(&state).map_err(|error| corrupt(&digest, &error))?;
        Ok((digest, state))
    })
    .transpose()
}

/// Changes the state inside a transaction that has raised the revision, and notes it.
pub(super) async fn switch(
    transaction: &mut Transaction<'_, Postgres>,
    change: &StateChange<'_>,
    now: Timestamp,
) -> StoreResult<Changed> {
    let Some((digest, state)) = locked(transaction, change.name, change.version).await? else {
        return Ok(Changed::Gone);
    };
    if !change.from.contains(&state) {
        return Ok(Changed::Stays(state));
    }
    // The index allows one at any moment, so the old one goes first.
    let displaced: Option<String> = match change.to {
        DetectorState::Active | DetectorState::Shadow => {
            sqlx::query_scalar(
                "UPDATE detector_version SET changed_at = $3,
                     state = CASE WHEN state = 'shadow' AND activated_at IS NULL THEN 'certified' ELSE 'retired' END
                 WHERE name = $1 AND state = $2 AND version <> $4 RETURNING version",
            )
            .bind(change.name)
            .bind(change.to.to_string())
            .bind(now.to_sqlx())
            .bind(change.version)
            .fetch_optional(&mut **transaction)
            .await?
        }
        _ => None,
    };
    sqlx::query(
        "UPDATE detector_version SET state = $3, reason = $4, changed_at = $5,
             activated_at = CASE WHEN $3 = 'active' THEN $5 ELSE activated_at END WHERE name = $1 AND version = $2",
    )
    .bind(change.name)
    .bind(change.version)
    .bind(change.to.to_string())
    .bind(change.reason)
    .bind(now.to_sqlx())
    .execute(&mut **transaction)
    .await?;
    let event = NewEvent {
        actor: change.actor.clone(),
        action: change.action,
        name: Some(change.name.to_owned()),
        version: Some(change.version.to_owned()),
        digest: Some(digest),
        done: true,
        detail: change
            .reason
            .map(str::to_owned)
            .or_else(|| displaced.as_ref().map(|old| format!("in place of {old}"))),
    };
    detector_events::insert(transaction, &event, now).await?;
    Ok(Changed::Done { displaced })
}

pub(super) fn corrupt(key: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        table: "detector_version",
        key: key.to_owned(),
        reason: error.to_string(),
    }
}

pub(super) fn version(row: &PgRow) -> StoreResult<DetectorVersion> {
    let digest: String = row.try_get("digest")?;
    let descriptor: serde_json::Value = row.try_get("descriptor")?;
    let time = |column: &str| -> StoreResult<Option<Timestamp>> {
        Ok(row
            .try_get::<Option<SqlTimestamp>, _>(column)?
            .map(SqlTimestamp::to_jiff))
    };
    let wrong = |error: serde_json::Error| corrupt(&digest, &error);
    Ok(DetectorVersion {
        form: named(row.try_get("form")?).map_err(wrong)?,
        language: row.try_get("language")?,
        size_bytes: row.try_get::<i64, _>("size_bytes")?.unsigned_abs(),
        limits: row.try_get("limits")?,
        descriptor: serde_json::from_value(descriptor).map_err(wrong)?,
        state: named(row.try_get("state")?).map_err(wrong)?,
        reason: row.try_get("reason")?,
        uploaded_by: row.try_get("uploaded_by")?,
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
        changed_at: row.try_get::<SqlTimestamp, _>("changed_at")?.to_jiff(),
        activated_at: time("activated_at")?,
        digest,
    })
}
