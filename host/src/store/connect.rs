//! Connections to the database, none of which waits for ever.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Store, StoreResult};

/// How many connections a host has, and how long they may take.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Most connections, 1 or more.
    pub connections_max: u32,
    /// A statement that takes longer is ended by the database.
    pub statement_timeout: Duration,
    /// Who waits longer for a connection gets an error.
    pub acquire_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            connections_max: 16,
            statement_timeout: Duration::from_mins(1),
            acquire_timeout: Duration::from_secs(10),
        }
    }
}

impl Store {
    /// The database at `url`, once it answers. The pool belongs to the runtime that this is called in.
    ///
    /// # Errors
    /// [`StoreError::Database`](super::StoreError::Database) where the address makes no sense, or nobody answers there.
    pub async fn connect(url: &str, settings: &PoolSettings) -> StoreResult<Self> {
        let timeout = settings.statement_timeout.as_millis();
        let options = PgConnectOptions::from_str(url)?
            .application_name("leeway")
            .options([
                ("statement_timeout", timeout.to_string()),
                // A transaction that its task forgot would hold its locks until the connection ends.
                ("idle_in_transaction_session_timeout", timeout.to_string()),
                ("timezone", "UTC".to_owned()),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections_max)
            .acquire_timeout(settings.acquire_timeout)
            .connect_with(options)
            .await?;
        Ok(Self::new(pool))
    }

    /// Makes a database on the server at `url`, unless it has one of that name.
    pub async fn create_database(url: &str, name: &str) -> StoreResult<()> {
        let mut connection = PgConnection::connect(url).await?;
        let there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                .bind(name)
                .fetch_one(&mut connection)
                .await?;
        if !there {
            let name = name.replace('"', "\"\"");
            sqlx::query(AssertSqlSafe(format!("CREATE DATABASE \"{name}\"")))
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> StoreResult<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection, once what runs on them is over.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
