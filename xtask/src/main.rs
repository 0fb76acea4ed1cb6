//! Chores: `cargo xtask demo | test | openapi | tidy | plugins-languages | ci`. Each one sets up what it needs.

mod contract;
mod languages;
mod setup;
mod steps;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  demo    build leeway, start it, and stream the example data through it; arguments go to `leeway demo`
  test    run every test
  openapi write docs/openapi.json, the document that the server serves
  contract let schemathesis and promtool try a running server
  tidy    check that the architecture is what ARCHITECTURE.md says
  plugins-languages
          build a detector in each language from what `leeway plugin new` writes, and test it
  ci      everything a change must pass: format, lints, documents, licences, tidy, tests";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "demo" => setup::setup().and_then(|()| steps::demo(std::env::args_os().skip(2))),
        "test" => setup::setup().and_then(|()| steps::test()),
        "openapi" => setup::setup().and_then(|()| steps::openapi()),
        "contract" => setup::setup().and_then(|()| contract::contract()),
        "tidy" => tidy::tidy(),
        "plugins-languages" => setup::setup().and_then(|()| languages::languages()),
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
