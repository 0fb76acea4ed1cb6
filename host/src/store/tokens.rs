//! Bearer tokens: kept as digests, so that who reads the database holds no token.

use std::fmt::Write;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sha2::Digest;
use sqlx::Row;
use sqlx::postgres::PgRow;
use subtle::ConstantTimeEq;

use crate::domain::access::{Caller, Scope};

use super::{Store, StoreError, StoreResult};

/// What every token begins with, so that scanners for secrets know one.
pub const TOKEN_PREFIX: &str = "lw_";
/// Bytes of the part that names a token.
const ID_BYTES: usize = 6;
/// Bytes of the part that is secret: 256 bits, so a plain digest is as good as a slow one.
const SECRET_BYTES: usize = 32;

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The part of the token that names it.
    pub token_id: String,
    /// Whose it is, in words.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// No longer valid from here on.
    pub expires_at: Option<Timestamp>,
    /// No longer valid from here on.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Makes a token and returns it: `lw_<id>_<secret>`, which is nowhere to be read afterwards.
    pub async fn create_token(
        &self,
        name: &str,
        scopes: &[Scope],
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> StoreResult<String> {
        let id = random_hex::<ID_BYTES>()?;
        let secret = random_hex::<SECRET_BYTES>()?;
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        sqlx::query("INSERT INTO token (token_id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&id)
            .bind(name)
            .bind(digest(&secret).as_slice())
            .bind(scopes)
            .bind(now.to_sqlx())
            .bind(expires_at.map(ToSqlx::to_sqlx))
            .execute(&self.pool)
            .await?;
        Ok(format!("{TOKEN_PREFIX}{id}_{secret}"))
    }

    /// Every token that was ever made, oldest first.
    pub async fn tokens(&self) -> StoreResult<Vec<TokenRecord>> {
        let rows = sqlx::query("SELECT token_id, name, scopes, created_at, expires_at, revoked_at FROM token ORDER BY created_at, token_id")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(record).collect()
    }

    /// Makes a token invalid from `now` on; whether there was a valid one of that id.
    pub async fn revoke_token(&self, token_id: &str, now: Timestamp) -> StoreResult<bool> {
        let done = sqlx::query(
            "UPDATE token SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL",
        )
        .bind(token_id)
        .bind(now.to_sqlx())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Who a token belongs to; none if it is no token, or none that is valid at `now`. How long that takes says nothing
    /// of the secret.
    pub async fn verify_token(&self, token: &str, now: Timestamp) -> StoreResult<Option<Caller>> {
        let Some((id, secret)) = token
            .strip_prefix(TOKEN_PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .filter(|(id, secret)| id.len() == 2 * ID_BYTES && secret.len() == 2 * SECRET_BYTES)
        else {
            return Ok(None);
        };
        let row = sqlx::query("SELECT token_id, name, hash, scopes, created_at, expires_at, revoked_at FROM token WHERE token_id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let hash: Vec<u8> = row.try_get("hash")?;
        let same: bool = hash.as_slice().ct_eq(&digest(secret)).into();
        let token = record(&row)?;
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        if !same || over(token.expires_at) || over(token.revoked_at) {
            return Ok(None);
        }
        Ok(Some(Caller {
            token_id: token.token_id,
            name: token.name,
            scopes: token.scopes,
        }))
    }

    /// Whether there is a token that is valid at `now`: if not, nobody can be asked for one.
    pub async fn any_token(&self, now: Timestamp) -> StoreResult<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM token WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1))",
        )
        .bind(now.to_sqlx())
        .fetch_one(&self.pool)
        .await?)
    }
}

fn record(row: &PgRow) -> StoreResult<TokenRecord> {
    let token_id: String = row.try_get("token_id")?;
    let scopes: Vec<String> = row.try_get("scopes")?;
    let scopes: Result<Vec<Scope>, _> = scopes.iter().map(|scope| scope.parse()).collect();
    let time = |name| -> StoreResult<Option<Timestamp>> {
        Ok(row
            .try_get::<Option<SqlTimestamp>, _>(name)?
            .map(SqlTimestamp::to_jiff))
    };
    Ok(TokenRecord {
        name: row.try_get("name")?,
        scopes: scopes.map_err(|error| StoreError::Corrupt {
            table: "token",
            key: format!("token_id {token_id}"),
            reason: error.to_string(),
        })?,
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        token_id,
    })
}

fn digest(secret: &str) -> [u8; 32] {
    sha2::Sha256::digest(secret).into()
}

/// So many random bytes, in hexadecimal.
pub(super) fn random_hex<const BYTES: usize>() -> StoreResult<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
