//! The `leeway` program: reads the command line, runs it, and says in one line what went wrong.

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("LEEWAY_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match leeway::cli::Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tracing::debug!(error = ?error, "failed");
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
