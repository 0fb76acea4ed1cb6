//! Versions that wait for their report card: which host makes it, and what it came to.

use jiff::Timestamp;
use sqlx::{Postgres, Transaction};

use crate::domain::version::{Action, Actor, DetectorState, DetectorVersion, StoredCard};

use super::detectors::{StateChange, VERSION, raise, switch, version};
use super::{Store, StoreResult};

/// The right to examine a version, which one host has at a time. Ends with the connection behind it, also in a crash.
#[derive(Debug)]
pub struct Certification {
    transaction: Transaction<'static, Postgres>,
    /// The version.
    pub version: DetectorVersion,
}

/// The upper 16 bits of the advisory lock, see `monitor_state`.
const CLAIM_CERTIFICATION: i64 = 0x4c59 << 48;

impl Store {
    /// Claims the oldest version that waits and that no other host is at, or the one of a digest: of that one the end is
    /// waited for if somebody else is at it. None where nothing waits.
    pub async fn claim_certification(
        &self,
        digest: Option<&str>,
    ) -> StoreResult<Option<Certification>> {
        let mut transaction = self.pool.begin().await?;
        // Nothing is asked of the database while the detector is examined, which may take longer than others may be idle, and
        // whoever waits for it waits as long.
        for setting in ["idle_in_transaction_session_timeout", "statement_timeout"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("SET LOCAL {setting} = 0")))
                .execute(&mut *transaction)
                .await?;
        }
        let lock = "($1::int8 | (hashtext(digest)::int8 & 4294967295))";
        let waiting: Vec<String> = match digest {
            Some(digest) => {
                sqlx::query(sqlx::AssertSqlSafe(format!(
                    "SELECT pg_advisory_xact_lock{lock} FROM (SELECT $2::text AS digest) d"
                )))
                .bind(CLAIM_CERTIFICATION)
                .bind(digest)
                .execute(&mut *transaction)
                .await?;
                vec![digest.to_owned()]
            }
            None => {
                sqlx::query_scalar("SELECT digest FROM detector_version WHERE state = 'uploaded' ORDER BY created_at, digest")
                    .fetch_all(&mut *transaction)
                    .await?
            }
        };
        for of in waiting {
            if digest.is_none() {
                let claimed: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                    "SELECT pg_try_advisory_xact_lock{lock} FROM (SELECT $2::text AS digest) d"
                )))
                .bind(CLAIM_CERTIFICATION)
                .bind(&of)
                .fetch_one(&mut *transaction)
                .await?;
                if !claimed {
                    continue;
                }
            }
            let row = sqlx::query(sqlx::AssertSqlSafe(format!(
                "{VERSION} WHERE digest = $1 AND state = 'uploaded'"
            )))
            .bind(&of)
            .fetch_optional(&mut *transaction)
            .await?;
            if let Some(row) = row {
                return Ok(Some(Certification {
                    version: version(&row)?,
                    transaction,
                }));
            }
        }
        Ok(None)
    }

    /// Ends an examination: the version is certified, or refused for a reason.
    pub async fn finish_certification(
        &self,
        claim: Certification,
        card: &StoredCard,
        refused: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<()> {
        let Certification {
            mut transaction,
            version,
        } = claim;
        raise(&mut transaction).await?;
        let actor = Actor::host();
        let change = StateChange {
            name: &version.descriptor.name,
            version: &version.descriptor.version,
            from: &[DetectorState::Uploaded],
            to: if refused.is_some() {
                DetectorState::Refused
            } else {
                DetectorState::Certified
            },
            reason: refused,
            action: Action::Certify,
            actor: &actor,
        };
        switch(&mut transaction, &change, now).await?;
        sqlx::query(
            "UPDATE detector_version SET card = $2, compared = $3, changes = $4 WHERE digest = $1",
        )
        .bind(&version.digest)
        .bind(&card.card)
        .bind(&card.compared)
        .bind(&card.changes)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
