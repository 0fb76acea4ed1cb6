//! The `leeway` program: reads the command line, runs it, and says in one line what went wrong.

use std::process::ExitCode;

fn main() -> ExitCode {
    match leeway::cli::Cli::of_process().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tracing::debug!(error = ?error, "failed");
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
