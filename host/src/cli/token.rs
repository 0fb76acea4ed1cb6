//! `leeway token`: makes, lists and revokes bearer tokens.

use std::io::Write;

use anyhow::bail;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use crate::domain::{Clock, Scope, SystemClock};
use crate::serve::{Database, DatabaseArgs, DatabaseConfig};
use crate::store::{Store, TokenRecord};

use super::grid;

/// Makes, lists and revokes the tokens that requests carry (`Authorization: Bearer ...`).
///
/// Works on the database itself, whether a server runs on it or not. As soon as there is a token, every
/// request needs one.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Makes a token and prints it; it cannot be read again
    Create {
        /// Whose it is, in words
        #[arg(long)]
        name: String,
        /// What it allows: ingest (send rows and labels), read, detectors (upload and activate detectors), admin (everything); may be repeated
        #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scope)]
        scopes: Vec<Scope>,
        /// Valid for so many days [default: until revoked]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        expires_days: Option<u32>,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Shows every token, without its secret
    List {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Makes a token invalid
    Revoke {
        /// The token's id: the part between the underscores
        id: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Does it.
pub(super) fn run(args: &TokenArgs) -> anyhow::Result<u8> {
    let (TokenCommand::Create { database, .. }
    | TokenCommand::List { database }
    | TokenCommand::Revoke { database, .. }) = &args.command;
    let config = DatabaseConfig::new(database)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let text = runtime.block_on(async {
        let database = Database::open_beside(&config).await?;
        let text = done(&args.command, &database.store, SystemClock.now()).await;
        database.close().await;
        text
    })?;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(0)
}

/// Does what the command says; returns what is printed.
async fn done(command: &TokenCommand, store: &Store, now: Timestamp) -> anyhow::Result<String> {
    match command {
        TokenCommand::Create {
            name,
            scopes,
            expires_days,
            ..
        } => {
            let expires_at = expires_days
                .map(|days| now.checked_add(SignedDuration::from_hours(24 * i64::from(days))))
                .transpose()?;
            let token = store.create_token(name, scopes, expires_at, now).await?;
            Ok(format!("{token}\n"))
        }
        TokenCommand::List { .. } => Ok(list(&store.tokens().await?)),
        TokenCommand::Revoke { id, .. } => {
            if !store.revoke_token(id, now).await? {
                bail!("no valid token has the id {id:?}: see leeway token list");
            }
            Ok(format!("{id} is revoked\n"))
        }
    }
}

fn list(tokens: &[TokenRecord]) -> String {
    let header = ["id", "name", "scopes", "created", "expires", "revoked"].map(str::to_owned);
    let time =
        |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let rows = tokens.iter().map(|token| {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        vec![
            token.token_id.clone(),
            token.name.clone(),
            scopes.join(","),
            token.created_at.to_string(),
            time(token.expires_at),
            time(token.revoked_at),
        ]
    });
    grid::grid(&header, &rows.collect::<Vec<_>>())
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse()
        .map_err(|error: crate::domain::access::UnknownScope| error.to_string())
}
