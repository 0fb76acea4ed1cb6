//! Brings the schema up to date, under a lock that all hosts share.

use sqlx::migrate::MigrateError;

use super::{MIGRATOR, Store, StoreError, StoreResult};

impl Store {
    /// Runs the migrations that are missing. Hosts that start together wait for each other.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] where the database knows a migration that this host does not.
    pub async fn migrate(&self) -> StoreResult<()> {
        // A connection of its own, which is closed afterwards: waiting for another host, and a migration of many rows, may
        // take longer than any statement otherwise may.
        let mut connection = self.pool.acquire().await?.detach();
        sqlx::query("SET statement_timeout = 0")
            .execute(&mut connection)
            .await?;
        MIGRATOR
            .run(&mut connection)
            .await
            .map_err(|error| match error {
                MigrateError::VersionMissing(found) => StoreError::NewerSchema { found },
                MigrateError::Execute(error) => StoreError::Database(error),
                other => StoreError::Migrate(other),
            })
    }
}
