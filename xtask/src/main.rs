//! Chores: `cargo xtask demo | test | tidy | ci`. Each one sets up what it needs.

mod setup;
mod steps;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  demo    build leeway and compare two months of the example data
  test    run every test
  tidy    check that the architecture is what ARCHITECTURE.md says
  ci      everything a change must pass: format, lints, documents, licences, tidy, tests";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "demo" => setup::setup().and_then(|()| steps::demo()),
        "test" => setup::setup().and_then(|()| steps::test()),
        "tidy" => tidy::tidy(),
        "ci" => setup::setup().and_then(|()| steps::ci()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
