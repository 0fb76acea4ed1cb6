//! All SQL. One file a family of tables; whoever needs a row asks here.
//!
//! Owns statements, transactions, partitions and the binary form of rows. Refuses decisions: what is written
//! was checked before, what is read is handed on.

mod arrivals;
mod backtests;
mod baselines;
mod chunks;
mod connect;
mod copy;
mod error;
mod evaluations;
mod growth;
mod history_rows;
mod labels;
mod measurements;
mod migrate;
mod models;
mod partitions;
mod references;
mod rows;

mod monitor_state;
mod monitors;
mod progress;
mod read_rows;
mod references_read;
mod retention;
mod row_columns;
mod sql_format;
mod sql_lexer;
mod sql_reader;
mod sql_role;
mod stream_rows;
mod tokens;

use std::sync::Arc;

use sqlx::PgPool;
use sqlx::migrate::Migrator;

pub use arrivals::{Arrival, Outcome, Totals, Way, WriteConnection, Written};
pub use backtests::BacktestClaim;
pub use baselines::StoredBaseline;
pub use chunks::{ChunkInfo, ChunkProfiles, NewChunk, NewestChunk};
pub use connect::PoolSettings;
pub use error::{StoreError, StoreResult};
pub use evaluations::{EvaluationFilter, NewEvaluation};
pub use growth::ModelLock;
pub use history_rows::{HistoryRow, Scalar};
pub use labels::{LabelValue, NewLabels};
pub use measurements::{MeasurementFilter, MeasurementKey, StoredMeasurement};
pub use models::{NewColumn, NewModel};
pub use monitor_state::{Claim, MonitorState, Profiled, WindowPosition};
pub use monitors::Made;
pub use partitions::{Month, Partitioned};
pub use progress::{Profiling, Progress};
pub use read_rows::{RowSet, StoredLabel};
pub use references::{NewReference, StoredReference};
pub use references_read::ActiveReference;
pub use retention::{Forgotten, Retention};
pub use row_columns::{MicrosRange, Part, RawRows, RowColumns};
pub use rows::NewRows;
pub use sql_format::SqlFormat;
pub use sql_lexer::STATEMENT_BYTES_MAX;
pub use sql_reader::{SqlColumn, SqlError, SqlKind, SqlLimits, SqlOptions, SqlReader, SqlResult};
pub use stream_rows::{StreamRow, StreamRows};
pub use tokens::{TOKEN_PREFIX, TokenRecord};

/// The migrations of this version of the host.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    months: Arc<partitions::KnownMonths>,
}

impl Store {
    /// The store behind a pool whose schema is there: see [`Store::migrate`].
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            months: Arc::default(),
        }
    }

    /// Connections to the database.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
