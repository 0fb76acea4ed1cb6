//! Statements of strangers: what they may ask, and everything that they may not.

use std::time::Duration;

use leeway::domain::{ModelId, ModelSettings};
use leeway::store::{
    NewModel, SqlError, SqlKind, SqlLimits, SqlOptions, SqlReader, SqlResult, Store,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::harness::server;

async fn reader(store: &Store) -> SqlReader {
    let options = SqlOptions {
        url: None,
        private: true,
    };
    SqlReader::open(store, &options).await.unwrap()
}

async fn run(reader: &SqlReader, statement: &str) -> Result<SqlResult, SqlError> {
    reader.run(statement, &SqlLimits::default()).await
}

/// Registers a model, so that the views have a row.
async fn register(store: &Store, name: &str) {
    let model = NewModel {
        id: ModelId::new(name).unwrap(),
        model_type: None,
        positive_label: None,
        last_training_time: None,
        settings: ModelSettings::default(),
    };
    assert!(
        store
            .create_model(&model, "2026-01-01T00:00:00Z".parse().unwrap())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn every_view_answers_and_types_are_told_apart() {
    let store = server::database().await;
    register(&store, "flights").await;
    let reader = reader(&store).await;
    for view in [
        "models",
        "columns",
        "monitors",
        "evaluations",
        "measurements",
        "chunks",
        "labels",
        "predictions",
    ] {
        let answer = run(&reader, &format!("select * from {view}"))
            .await
            .unwrap();
        assert!(
            answer
                .columns
                .iter()
                .any(|column| column.name == "model_id"),
            "{view}"
        );
    }
    let answer = run(&reader, "select model_id, rows_received, created_at > '2020-01-01', 0.5::float8, null::jsonb, created_at from history.models;")
        .await
        .unwrap();
    let kinds: Vec<SqlKind> = answer.columns.iter().map(|column| column.kind).collect();
    assert_eq!(
        kinds,
        [
            SqlKind::Text,
            SqlKind::Integer,
            SqlKind::Boolean,
            SqlKind::Float,
            SqlKind::Json,
            SqlKind::Text
        ]
    );
    let values: Vec<Option<&str>> = answer.rows[0].iter().map(Option::as_deref).collect();
    assert_eq!(
        values,
        [
            Some("flights"),
            Some("0"),
            Some("t"),
            Some("0.5"),
            None,
            Some("2026-01-01 00:00:00+00")
        ]
    );
    let none = run(&reader, "select model_id, 1 as n from models where false")
        .await
        .unwrap();
    assert_eq!(
        (none.columns.len(), none.rows.len(), none.truncated),
        (2, 0, false)
    );
}

#[tokio::test]
async fn order_by_and_odd_shapes_survive() {
    let store = server::database().await;
    let reader = reader(&store).await;
    for (statement, first) in [
        (
            "select n, n from generate_series(1, 500) n order by n desc",
            "500",
        ),
        ("with x as (select 7 as n) select n from x -- seven", "7"),
        ("values ('a'), ('b')", "a"),
        (
            "(select 3) union all (select 4) order by 1 desc limit 1",
            "4",
        ),
        (
            "table models union all select 'm', 'x', null, 1, now(), 2, 3",
            "m",
        ),
    ] {
        let answer = run(&reader, statement).await.unwrap();
        assert_eq!(answer.rows[0][0].as_deref(), Some(first), "{statement}");
    }
}

#[tokio::test]
async fn limits_on_rows_bytes_and_time_hold() {
    let store = server::database().await;
    let reader = reader(&store).await;
    let limits = |rows_max, bytes_max, millis| SqlLimits {
        rows_max,
        bytes_max,
        timeout: Duration::from_millis(millis),
    };
    let series = "select repeat('x', 10) from generate_series(1, 10)";
    let all = reader.run(series, &limits(10, 100, 10_000)).await.unwrap();
    assert_eq!((all.rows.len(), all.truncated), (10, false));
    let fewer = reader.run(series, &limits(9, 100, 10_000)).await.unwrap();
    assert_eq!((fewer.rows.len(), fewer.truncated), (9, true));
    let smaller = reader.run(series, &limits(10, 99, 10_000)).await.unwrap();
    assert_eq!((smaller.rows.len(), smaller.truncated), (9, true));
    let huge = reader
        .run("select repeat('x', 4000000)", &limits(10, 1 << 20, 10_000))
        .await;
    assert!(
        matches!(&huge, Err(SqlError::Refused { reason, .. }) if reason.contains("more than 1048576 bytes")),
        "{huge:?}"
    );
    let slow = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b";
    let late = reader.run(slow, &limits(10, 100, 200)).await;
    assert!(matches!(late, Err(SqlError::Timeout { .. })), "{late:?}");
}

#[tokio::test]
async fn what_a_stranger_must_not_do_is_refused() {
    let store = server::database().await;
    register(&store, "flights").await;
    let reader = reader(&store).await;
    for statement in [
        // Writes.
        "delete from history.models",
        "insert into history.models (model_id) values ('x')",
        "create table mine (n int)",
        "drop view history.models",
        "select 1 into mine",
        "select * from models for update",
        "with gone as (delete from models returning *) select * from gone",
        "with gone as (delete from public.model returning *) select * from gone",
        "select nextval('public.model_model_no_seq')",
        // Other schemas.
        "select * from public.token",
        "select * from token",
        "select * from public.reader",
        "select * from pg_catalog.pg_authid",
        "select * from pg_shadow",
        "select * from pg_roles",
        "select * from information_schema.tables",
        // Settings.
        "set statement_timeout = 0",
        "set role postgres",
        "reset role",
        "select set_config('role', 'postgres', false)",
        "select \"set_config\"('statement_timeout', '0', false)",
        "select U&\"set\\005fconfig\"('statement_timeout', '0', false)",
        "update pg_settings set setting = '0' where name = 'statement_timeout'",
        "show all",
        // Files and programs.
        "select pg_read_file('/etc/passwd')",
        "select pg_ls_dir('/')",
        "select lo_import('/etc/passwd')",
        "copy (select 1) to '/tmp/x'",
        "copy (select 1) to program 'id'",
        // Locks, sleep, other sessions.
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_xact_lock(1)",
        "select pg_sleep(1)",
        "select pg_terminate_backend(1)",
        "lock table models",
        "listen x",
        // More than one statement, and ways out of the cursor.
        "select 1; delete from models",
        "select 1; commit; delete from models",
        "select 1) x; commit; select (1",
        "commit",
        "begin",
        "declare x cursor for select 1",
        "explain analyze select 1",
        "do $$ begin end $$",
        "prepare x as select 1",
        "call x()",
        // Statements inside of statements.
        "select query_to_xml('select 1', true, true, '')",
        "select * from dblink('dbname=postgres', 'select 1') as t (n int)",
        "select ts_stat('select 1')",
        // Just wrong.
        "select nothing from models",
        "select $1::int",
        "select 1/0",
        "",
    ] {
        let answer = run(&reader, statement).await;
        assert!(
            matches!(answer, Err(SqlError::Refused { .. })),
            "{statement}: {answer:?}"
        );
    }
    assert_eq!(
        run(&reader, "select model_id from models")
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
    let wrong = run(&reader, "select nothing from models").await;
    assert!(
        matches!(
            wrong,
            Err(SqlError::Refused {
                position: Some(8),
                ..
            })
        ),
        "{wrong:?}"
    );
}

/// The first fence is the role: what it may not do it may not do either with the words that the lexer bars.
#[tokio::test]
async fn the_role_itself_can_only_read_the_views() {
    let store = server::database().await;
    let _reader = reader(&store).await;
    let (role, password): (String, String) =
        sqlx::query_as("SELECT role_name, password FROM reader")
            .fetch_one(store.pool())
            .await
            .unwrap();
    let options = sqlx::postgres::PgConnectOptions::clone(&store.pool().connect_options());
    let mut connection = PgConnection::connect_with(&options.username(&role).password(&password))
        .await
        .unwrap();
    for statement in [
        "select * from public.token",
        "select * from public.reader",
        "select * from pg_authid",
        "update public.model set model_id = 'x'",
        "create table public.mine (n int)",
        "create table history.mine (n int)",
        "set role postgres",
        "select set_config('role', 'postgres', false)",
        "select pg_read_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "copy (select 1) to '/tmp/x'",
        "select pg_advisory_lock(1)",
        "select pg_sleep(0)",
        "select query_to_xml('select 1', true, true, '')",
        "select nextval('public.model_model_no_seq')",
    ] {
        let error = connection
            .execute(AssertSqlSafe(statement.to_owned()))
            .await
            .unwrap_err();
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(|code| code.to_string()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
    connection
        .execute("select * from history.models")
        .await
        .unwrap();
}

#[tokio::test]
async fn without_the_right_to_make_roles_it_says_what_to_grant() {
    let url = server::database_url().await;
    let owner = Store::connect(&url, &leeway::store::PoolSettings::default())
        .await
        .unwrap();
    // Names of roles are shared by all databases of the server.
    let name: String = sqlx::query_scalar("SELECT 'plain_' || current_database()")
        .fetch_one(owner.pool())
        .await
        .unwrap();
    for statement in [
        format!("CREATE ROLE {name} LOGIN"),
        format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"),
        format!("GRANT USAGE ON SCHEMA public TO {name}"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(owner.pool())
            .await
            .unwrap();
    }
    let plain = url.replace("postgres://postgres@", &format!("postgres://{name}@"));
    let store = Store::connect(&plain, &leeway::store::PoolSettings::default())
        .await
        .unwrap();
    let disabled = SqlReader::open(&store, &SqlOptions::default())
        .await
        .unwrap();
    let said = run(&disabled, "select 1").await.unwrap_err();
    assert!(
        matches!(&said, SqlError::Disabled(reason) if reason.contains("CREATEROLE") && reason.contains("LEEWAY_SQL_URL")),
        "{said}"
    );
    // The owner's own login is no reader.
    let options = SqlOptions {
        url: Some(url),
        private: false,
    };
    let said = run(
        &SqlReader::open(&owner, &options).await.unwrap(),
        "select 1",
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&said, SqlError::Disabled(reason) if reason.contains("may do more")),
        "{said}"
    );
}

#[tokio::test]
async fn hosts_that_open_together_share_the_role() {
    let store = server::database().await;
    let (one, two) = tokio::join!(reader(&store), reader(&store));
    for reader in [one, two, reader(&store).await] {
        assert_eq!(
            run(&reader, "select 1").await.unwrap().rows,
            [[Some("1".to_owned())]]
        );
    }
}
