//! What can go wrong between the host and its database.

/// Result of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema is of a newer host.
    #[error(
        "the database has migration {found}, which this version of leeway does not know: a newer one has used it. Start that one, or restore a backup"
    )]
    NewerSchema {
        /// Number of the migration.
        found: i64,
    },
    /// A migration failed.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    /// What is stored makes no sense.
    #[error("the database holds a {table} that cannot be read ({key}): {reason}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which row.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
    /// The model was deleted meanwhile.
    #[error("the model was deleted")]
    ModelGone,
}

impl StoreError {
    /// Whether the same again may work: the connection broke, the database restarts, or transactions collided.
    pub fn is_transient(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            // Classes of SQLSTATE: connection exception, operator intervention, transaction rollback, insufficient resources.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "57", "40", "53"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            _ => false,
        }
    }
}
