//! All SQL. One file a family of tables; whoever needs a row asks here.
//!
//! Owns statements, transactions, partitions and the binary form of rows. Refuses decisions: what is written
//! was checked before, what is read is handed on.

mod arrivals;
mod backtests;
mod baselines;
mod certifications;
mod chunks;
mod connect;
mod copy;
mod detector_events;
mod detectors;
mod error;
mod evaluations;
mod growth;
mod history_rows;
mod hosts;
mod inputs;
mod labels;
mod measurements;
mod migrate;
mod models;
mod overview;
mod partitions;
mod references;
mod rows;
mod small_groups;

mod monitor_state;
mod monitors;
mod notes;
mod progress;
mod read_rows;
mod references_read;
mod removal;
mod requests;
mod retention;
mod row_columns;
mod shadows;
mod sql_format;
mod sql_lexer;
mod sql_reader;
mod sql_role;
mod stream_rows;
mod stream_state;
mod tokens;

use std::sync::Arc;

use sqlx::PgPool;
use sqlx::migrate::Migrator;

pub use arrivals::{Arrival, Outcome, Totals, Way, WriteConnection, Written};
pub use backtests::BacktestClaim;
pub use baselines::StoredBaseline;
pub use certifications::Certification;
pub use chunks::{ChunkInfo, ChunkProfiles, NewChunk, NewestChunk};
pub use connect::PoolSettings;
pub use detector_events::EventFilter;
pub use detectors::{Added, Changed, NewVersion, StateChange};
pub use error::{StoreError, StoreResult};
pub use evaluations::{EvaluationFilter, NewEvaluation};
pub use growth::ModelLock;
pub use history_rows::{HistoryRow, Scalar};
pub use hosts::{Beat, Membership};
pub use inputs::StoredEvaluation;
pub use labels::{LabelValue, NewLabels};
pub use measurements::{MeasurementFilter, MeasurementKey, StoredMeasurement};
pub use models::{NewColumn, NewModel};
pub use monitor_state::{
    Claim, LabelTotals, MonitorProgress, MonitorState, Profiled, WindowPosition,
};
pub use monitors::Made;
pub use notes::{Listener, Note};
pub use overview::{ModelMark, MonitorMark, Standing, Worst};
pub use partitions::{Month, Partitioned};
pub use progress::{Profiling, Progress};
pub use read_rows::{RowSet, StoredLabel};
pub use references::{NewReference, StoredReference};
pub use references_read::ActiveReference;
pub use removal::REMOVED_AT_ONCE;
pub use retention::{Forgotten, Retention};
pub use row_columns::{MicrosRange, Part, RawRows, RowColumns, Widths};
pub use rows::NewRows;
pub use shadows::ShadowClaim;
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
