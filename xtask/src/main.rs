//! Chores: `cargo xtask demo | setup | test | openapi | tidy | interpreters | plugins-languages | deploy-checks | compose | ci`. Each one sets up what it needs.

mod bindings;
mod browser;
mod compose;
mod contract;
mod deploy;
mod interpreters;
mod languages;
mod podman;
mod setup;
mod steps;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  demo    build leeway, start it, and stream the example data through it; arguments go to `leeway demo`
  setup   install what builds and tests need
  test    run every test
  openapi write docs/openapi.json, the document that the server serves
  contract let schemathesis and promtool try a running server
  tidy    check that the architecture is what ARCHITECTURE.md says
  interpreters [DIRECTORY]
          build the interpreters that run detectors in source [default: into target/interpreters]
  plugins-languages
          build detectors in each language from what `leeway plugin new` writes, and test them, also as source
  deploy-checks
          check the rules of Prometheus, docker-compose.yml, the Dockerfile and k8s/; with --write, write the rules of
          config/ into k8s/components/operator
  compose build the image, bring docker-compose.yml up with podman and stand-ins, send rows through it, play k8s/base; with --only-play, only that
  ci      everything a change must pass: format, lints, documents, licences, tidy, tests";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "demo" => setup::setup().and_then(|()| steps::demo(std::env::args_os().skip(2))),
        "setup" => setup::setup().and_then(|()| setup::test_tools()),
        "test" => setup::setup()
            .and_then(|()| setup::test_tools())
            .and_then(|()| steps::test()),
        "openapi" => setup::setup().and_then(|()| steps::openapi()),
        "contract" => setup::setup().and_then(|()| contract::contract()),
        "tidy" => tidy::tidy(),
        "interpreters" => {
            interpreters::interpreters(std::env::args_os().nth(2).map(Into::into)).map(drop)
        }
        "plugins-languages" => setup::setup().and_then(|()| languages::languages()),
        "deploy-checks" if std::env::args().nth(2).as_deref() == Some("--write") => deploy::write(),
        "deploy-checks" => deploy::deploy_checks(),
        "compose" => compose::compose(std::env::args().nth(2).as_deref() == Some("--only-play")),
        "ci" => setup::setup()
            .and_then(|()| setup::test_tools())
            .and_then(|()| steps::ci()),
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
