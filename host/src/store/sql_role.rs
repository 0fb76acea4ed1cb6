//! The role of strangers' statements: it may log in, and read the views in schema `history`.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::tokens::random_hex;
use super::{Store, StoreError, StoreResult};

/// Most connections that the role may have, of all hosts together.
const CONNECTIONS_MAX: u32 = 16;
/// SQLSTATE of a missing privilege.
const FORBIDDEN: &str = "42501";
/// Functions that everybody may call by default, and no reader needs. Taken from everybody on a server that is ours alone.
const CLOSED: [&str; 9] = [
    "set_config",
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "ts_stat",
    "lo_creat",
    "lo_create",
    "lo_open",
    "lo_unlink",
];

/// Whether statements of strangers can be run.
#[derive(Debug)]
pub(super) enum Reader {
    /// How to log in.
    Ready(Box<PgConnectOptions>),
    /// Why not, and what to do about it.
    Missing(String),
}

/// Makes the role, unless it is there, and gives it what it may have. `private` says that no other program uses the server.
pub(super) async fn prepare(store: &Store, private: bool) -> StoreResult<Reader> {
    let mut transaction = store.pool.begin().await?;
    // Hosts that start together do this one after the other.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('leeway reader'))")
        .execute(&mut *transaction)
        .await?;
    let row = sqlx::query("SELECT 'leeway_reader_' || left(md5(current_database()), 8) AS role, quote_ident(current_database()) AS database")
        .fetch_one(&mut *transaction)
        .await?;
    let role: String = row.try_get("role")?;
    let database: String = row.try_get("database")?;
    let password = match make(&mut transaction, &role).await {
        Ok(password) => password,
        Err(StoreError::Database(sqlx::Error::Database(error)))
            if error.code().as_deref() == Some(FORBIDDEN) =>
        {
            return Ok(Reader::Missing(missing(&role)));
        }
        Err(error) => return Err(error),
    };
    for statement in [
        format!("GRANT CONNECT ON DATABASE {database} TO {role}"),
        format!("GRANT USAGE ON SCHEMA history TO {role}"),
        format!("GRANT SELECT ON ALL TABLES IN SCHEMA history TO {role}"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await?;
    }
    if private {
        close(&mut transaction).await?;
    }
    transaction.commit().await?;
    let options = PgConnectOptions::clone(&store.pool.connect_options())
        .username(&role)
        .password(&password);
    Ok(Reader::Ready(Box::new(options)))
}

/// Makes the role and notes its password; returns the password.
async fn make(connection: &mut PgConnection, role: &str) -> StoreResult<String> {
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    let noted: Option<String> =
        sqlx::query_scalar("SELECT password FROM reader WHERE role_name = $1")
            .bind(role)
            .fetch_optional(&mut *connection)
            .await?;
    if there && let Some(password) = noted {
        return Ok(password);
    }
    // Hexadecimal, so it needs no quoting.
    let password = random_hex::<32>()?;
    let verb = if there { "ALTER" } else { "CREATE" };
    sqlx::query(AssertSqlSafe(format!(
        "{verb} ROLE {role} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT {CONNECTIONS_MAX} PASSWORD '{password}'"
    )))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO reader (role_name, password) VALUES ($1, $2)
         ON CONFLICT (role_name) DO UPDATE SET password = excluded.password",
    )
    .bind(role)
    .bind(&password)
    .execute(connection)
    .await?;
    Ok(password)
}

/// Takes from everybody what only the owner needs.
async fn close(connection: &mut PgConnection) -> StoreResult<()> {
    let functions: Vec<String> = sqlx::query_scalar(
        "SELECT oid::regprocedure::text FROM pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace
         AND (proname = ANY($1) OR proname LIKE 'pg\\_advisory%' OR proname LIKE 'pg\\_try\\_advisory%' OR proname LIKE 'pg\\_sleep%')",
    )
    .bind(CLOSED.as_slice())
    .fetch_all(&mut *connection)
    .await?;
    let mut statements = vec![
        format!(
            "REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC",
            functions.join(", ")
        ),
        "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned(),
        "REVOKE SELECT ON pg_catalog.pg_settings, pg_catalog.pg_stat_activity, pg_catalog.pg_roles FROM PUBLIC".to_owned(),
    ];
    statements.retain(|statement| !statement.contains("FUNCTION  FROM"));
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn missing(role: &str) -> String {
    format!(
        "statements need a role that can only read, and this database user may not create roles. Let it (ALTER ROLE ... CREATEROLE), \
         or make one (CREATE ROLE {role} LOGIN PASSWORD '...'; GRANT USAGE ON SCHEMA history TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA history TO {role}) and name it in LEEWAY_SQL_URL"
    )
}
