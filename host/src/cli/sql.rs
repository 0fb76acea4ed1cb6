//! `leeway sql`: asks the history in SQL, from the terminal.

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::serve::{Database, DatabaseArgs, DatabaseConfig};
use crate::store::{SqlError, SqlFormat, SqlLimits, SqlReader, SqlResult};

use super::grid;

/// Runs one read-only statement on the history: models, columns, monitors, evaluations, measurements,
/// chunks, labels, predictions.
///
/// Works on the database itself, whether a server runs on it or not, with the rights of `POST /v1/sql`.
#[derive(Debug, Args)]
pub(super) struct SqlArgs {
    /// The statement, as in "select * from measurements where verdict = 'drifted'"; - reads it from
    /// standard input
    statement: String,
    /// What is printed
    #[arg(long, short, value_enum, default_value = "table")]
    format: Output,
    /// Most rows that are printed
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rows_max: u32,
    /// Longest it may run
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Most bytes of an answer: it is held in memory.
const BYTES_MAX: usize = 1 << 30;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    Table,
    Csv,
    Json,
    /// A stream of Arrow IPC
    Arrow,
}

/// Runs the statement and prints the answer.
pub(super) fn run(args: &SqlArgs) -> anyhow::Result<u8> {
    let config = DatabaseConfig::new(&args.database)?;
    let mut statement = args.statement.clone();
    if statement == "-" {
        statement.clear();
        std::io::stdin().read_to_string(&mut statement)?;
    }
    let limits = SqlLimits {
        rows_max: args.rows_max,
        bytes_max: BYTES_MAX,
        timeout: Duration::from_secs(args.timeout),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(async {
        let database = Database::open_beside(&config).await?;
        let answer = ask(&database, &statement, &limits).await;
        database.close().await;
        answer
    })?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&written(&answer, args.format)?)?;
    stdout.flush()?;
    if answer.truncated {
        eprintln!("there are more rows: see --rows-max");
    }
    Ok(0)
}

async fn ask(
    database: &Database,
    statement: &str,
    limits: &SqlLimits,
) -> anyhow::Result<SqlResult> {
    let reader = SqlReader::open(&database.store, &database.sql).await?;
    match reader.run(statement, limits).await {
        Ok(answer) => Ok(answer),
        Err(SqlError::Refused {
            reason,
            position: Some(at),
        }) => bail!("{reason} (at character {at} of the statement)"),
        Err(error) => Err(error.into()),
    }
}

fn written(answer: &SqlResult, output: Output) -> anyhow::Result<Vec<u8>> {
    let mut bytes = match output {
        Output::Table => return Ok(table(answer).into_bytes()),
        Output::Csv => return answer.write(SqlFormat::Csv),
        Output::Arrow => return answer.write(SqlFormat::Arrow),
        Output::Json => answer.write(SqlFormat::Json)?,
    };
    bytes.push(b'\n');
    Ok(bytes)
}

fn table(answer: &SqlResult) -> String {
    let header: Vec<String> = answer
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let rows: Vec<Vec<String>> = answer
        .rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|value| value.clone().unwrap_or_default())
                .collect()
        })
        .collect();
    grid::grid(&header, &rows)
}
