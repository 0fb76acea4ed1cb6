//! Runs one statement of a stranger: read only, as a role that sees the views in schema `history`, within limits.

use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, PgConnection, Row, SqlSafeStr,
    Statement, TypeInfo, ValueRef,
};
use tokio::sync::Semaphore;

use super::sql_lexer;
use super::sql_role::{self, Reader};
use super::{Store, StoreError, StoreResult};

/// Statements that one host runs at a time.
const STATEMENTS_MAX: usize = 4;
/// Beyond the time limit of the statement itself: connecting, planning, and the way of the rows.
const GRACE: Duration = Duration::from_secs(5);

/// How statements are run.
#[derive(Debug, Clone, Default)]
pub struct SqlOptions {
    /// A login of the user's own making, instead of the role that the host makes.
    pub url: Option<String>,
    /// No other program uses the server, so that rights may be taken from everybody.
    pub private: bool,
}

/// What a statement may take.
#[derive(Debug, Clone, Copy)]
pub struct SqlLimits {
    /// Rows of the answer; further ones are cut off.
    pub rows_max: u32,
    /// Bytes of the values of the answer as text; the row that exceeds them is cut off, and all after it.
    pub bytes_max: usize,
    /// How long it may run.
    pub timeout: Duration,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            rows_max: 10_000,
            bytes_max: 16 << 20,
            timeout: Duration::from_secs(30),
        }
    }
}

/// What a column's values are, for formats that tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlKind {
    /// A whole number of up to 64 bits.
    Integer,
    /// Any other number.
    Float,
    /// True or false.
    Boolean,
    /// A JSON document.
    Json,
    /// Anything else, as text.
    Text,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// The database's name of its type.
    pub type_name: String,
    /// What its values are.
    pub kind: SqlKind,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlResult {
    /// Its columns.
    pub columns: Vec<SqlColumn>,
    /// Its rows: values as the database writes them, none for null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there were more rows than the limits allow.
    pub truncated: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The statement is wrong, or not allowed.
    #[error("{reason}")]
    Refused {
        /// What is wrong.
        reason: String,
        /// Where, in characters from 1, if the database said.
        position: Option<usize>,
    },
    /// It ran too long.
    #[error("the statement took longer than {} s", after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// So many statements run that no further one was begun.
    #[error("{STATEMENTS_MAX} statements are running already; try again later")]
    Busy,
    /// Statements cannot be run on this database.
    #[error("{0}")]
    Disabled(String),
    /// The database cannot be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs statements of strangers.
#[derive(Debug)]
pub struct SqlReader {
    reader: Reader,
    running: Semaphore,
}

impl SqlReader {
    /// Makes the role that statements run as, or takes the login that was given. Where neither is possible, statements are
    /// answered with [`SqlError::Disabled`], which says what to grant.
    pub async fn open(store: &Store, options: &SqlOptions) -> StoreResult<Self> {
        let reader = match &options.url {
            Some(url) => {
                let reader = PgConnectOptions::from_str(url)?;
                match over_privileged(&reader).await? {
                    None => Reader::Ready(Box::new(reader)),
                    Some(reason) => Reader::Missing(reason),
                }
            }
            None => sql_role::prepare(store, options.private).await?,
        };
        if let Reader::Missing(reason) = &reader {
            tracing::warn!(reason, "statements cannot be run on this database");
        }
        Ok(Self {
            reader,
            running: Semaphore::new(STATEMENTS_MAX),
        })
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// [`SqlError::Refused`] for all that is the caller's to mend.
    pub async fn run(&self, statement: &str, limits: &SqlLimits) -> Result<SqlResult, SqlError> {
        let options = match &self.reader {
            Reader::Ready(options) => options,
            Reader::Missing(reason) => return Err(SqlError::Disabled(reason.clone())),
        };
        let _permit = self.running.try_acquire().map_err(|_| SqlError::Busy)?;
        // A connection of its own: nothing that a statement leaves in its session meets the next.
        let mut connection = login(options, limits)
            .connect()
            .await
            .map_err(unreachable)?;
        let answer = tokio::time::timeout(
            limits.timeout + GRACE,
            answer(&mut connection, statement, limits),
        )
        .await;
        // Rows may still be on their way: the connection is cut, not said good-bye to.
        answer.unwrap_or(Err(SqlError::Timeout {
            after: limits.timeout,
        }))
    }
}

/// The session's settings come with the login, before any statement.
fn login(options: &PgConnectOptions, limits: &SqlLimits) -> PgConnectOptions {
    let timeout = limits.timeout.as_millis().to_string();
    options
        .clone()
        .application_name("leeway sql")
        .statement_cache_capacity(0)
        .disable_statement_logging()
        .options([
            ("search_path", "history"),
            ("default_transaction_read_only", "on"),
            ("statement_timeout", &timeout),
            ("idle_in_transaction_session_timeout", &timeout),
            ("lock_timeout", "5000"),
            ("standard_conforming_strings", "on"),
            // One statement, one core; and rows come in the order of the statement.
            ("max_parallel_workers_per_gather", "0"),
            ("jit", "off"),
        ])
}

async fn answer(
    connection: &mut PgConnection,
    statement: &str,
    limits: &SqlLimits,
) -> Result<SqlResult, SqlError> {
    let refused = |error| refused(error, limits);
    let schemas: Vec<String> =
        sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE nspname <> 'history'")
            .fetch_all(&mut *connection)
            .await
            .map_err(unreachable)?;
    let statement = sql_lexer::check(statement, &schemas)?;
    connection
        .execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .map_err(unreachable)?;
    // A cursor takes nothing but a query, and none that writes. The guard ends a row that no client could take before the
    // database sends it.
    let before = "DECLARE answer NO SCROLL CURSOR FOR SELECT leeway_row.* FROM (";
    let after = format!(
        "\n) AS leeway_row WHERE CASE WHEN octet_length(leeway_row::text) <= {} THEN true ELSE ('{TOO_LARGE}' || left(leeway_row::text, 0))::int > 0 END",
        limits.bytes_max
    );
    sqlx::query(AssertSqlSafe(format!("{before}{statement}{after}")))
        .persistent(false)
        .execute(&mut *connection)
        .await
        .map_err(|error| shifted(refused(error), before.chars().count()))?;
    let fetch = format!(
        "FETCH FORWARD {} FROM answer",
        u64::from(limits.rows_max) + 1
    );
    let columns: Vec<SqlColumn> = (&mut *connection)
        .prepare(AssertSqlSafe(fetch.clone()).into_sql_str())
        .await
        .map_err(refused)?
        .columns()
        .iter()
        .map(column)
        .collect();
    let mut rows = Vec::new();
    let mut bytes = 0;
    let mut truncated = false;
    // Without preparation values come as text, whatever their type.
    let mut stream = sqlx::raw_sql(AssertSqlSafe(fetch)).fetch(connection);
    while let Some(row) = stream.try_next().await.map_err(refused)? {
        let values = values(&row).map_err(refused)?;
        bytes += values.iter().flatten().map(String::len).sum::<usize>();
        if rows.len() as u64 == u64::from(limits.rows_max) || bytes > limits.bytes_max {
            truncated = true;
            break;
        }
        rows.push(values);
    }
    Ok(SqlResult {
        columns,
        rows,
        truncated,
    })
}

/// What the guard of [`answer`] tries to read as a number.
const TOO_LARGE: &str = "leeway: the row is too large";

fn column(column: &sqlx::postgres::PgColumn) -> SqlColumn {
    let type_name = column.type_info().name();
    SqlColumn {
        name: column.name().to_owned(),
        type_name: type_name.to_ascii_lowercase(),
        kind: match type_name {
            "INT2" | "INT4" | "INT8" => SqlKind::Integer,
            "FLOAT4" | "FLOAT8" | "NUMERIC" => SqlKind::Float,
            "BOOL" => SqlKind::Boolean,
            "JSON" | "JSONB" => SqlKind::Json,
            _ => SqlKind::Text,
        },
    }
}

fn values(row: &PgRow) -> Result<Vec<Option<String>>, sqlx::Error> {
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            let text = value.as_str().map_err(sqlx::Error::Decode)?;
            Ok(Some(text.to_owned()))
        })
        .collect()
}

/// Whether a login that was given may do more than read the views: why it is not taken.
async fn over_privileged(options: &PgConnectOptions) -> StoreResult<Option<String>> {
    let mut connection = options.connect().await?;
    let row = sqlx::query(
        "SELECT current_user::text AS name,
                EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole OR rolbypassrls)) AS high,
                has_table_privilege('public.token', 'SELECT') AS secrets",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    let (name, high, secrets): (String, bool, bool) = (
        row.try_get("name")?,
        row.try_get("high")?,
        row.try_get("secrets")?,
    );
    Ok((high || secrets).then(|| {
        format!("the user {name} of LEEWAY_SQL_URL may do more than read the views in schema history: give it a role of its own")
    }))
}

fn unreachable(error: sqlx::Error) -> SqlError {
    SqlError::Store(StoreError::Database(error))
}

/// What the database says of a stranger's statement is the stranger's to mend, unless the database itself is in trouble.
fn refused(error: sqlx::Error, limits: &SqlLimits) -> SqlError {
    let sqlx::Error::Database(said) = &error else {
        return unreachable(error);
    };
    let code = said.code().unwrap_or_default();
    match code.as_ref() {
        // Cancelled by its timeout, or waited for a lock too long.
        "57014" | "55P03" => {
            return SqlError::Timeout {
                after: limits.timeout,
            };
        }
        // Connection exception, operator intervention, out of resources, system error, internal error.
        _ if ["08", "57", "53", "58", "XX"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            return unreachable(error);
        }
        _ => {}
    }
    if said.message().contains(TOO_LARGE) {
        return SqlError::Refused {
            reason: format!(
                "a row of the answer has more than {} bytes",
                limits.bytes_max
            ),
            position: None,
        };
    }
    let position = said
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .and_then(|error| match error.position() {
            Some(sqlx::postgres::PgErrorPosition::Original(at)) => Some(at),
            _ => None,
        });
    SqlError::Refused {
        reason: said.message().to_owned(),
        position,
    }
}

/// Counts positions from the beginning of what the stranger wrote.
fn shifted(error: SqlError, by: usize) -> SqlError {
    match error {
        SqlError::Refused { reason, position } => SqlError::Refused {
            reason,
            position: position
                .and_then(|at| at.checked_sub(by))
                .filter(|at| *at > 0),
        },
        other => other,
    }
}
