//! `leeway plugin test`: the report card of a component.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::certify::{Card, Settings, certify, compare};
use crate::cli::screen::print;
use crate::runtime::{Fuel, LoadError};

use super::CompileArgs;

/// Examines a detector and prints its report card.
///
/// Exit code 0: certified, 1: not certified, 2: error. The card is what a server would make of it.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// The detector: a component (.wasm), or source in Python (.py) or JavaScript (.js)
    component: PathBuf,
    /// Setting of the detector; the value is JSON or plain text, as in level=0.01
    #[arg(long = "set", short, value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, Value)>,
    /// Seed of all rows
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().seed)]
    seed: u64,
    /// Seconds that the examination may take
    #[arg(long, value_name = "SECONDS", default_value_t = Settings::default().time.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Trials without drift; each shift gets a quarter of them
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().trials, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    trials: u32,
    /// Do not count fuel, which needs a second compilation
    #[arg(long)]
    no_fuel: bool,
    /// A card of another version, as JSON: say what became dearer or worse
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// What is printed
    #[arg(long, short, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    compile: CompileArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Makes the card and prints it; returns the exit code.
pub(super) fn run(args: &TestArgs) -> anyhow::Result<u8> {
    let before = args.against.as_ref().map(read_card).transpose()?;
    let component = super::read(&args.component)?;
    let runtime = args.compile.runtime(Fuel::Uncounted)?;
    let plugin = match super::load(&runtime, &args.component, &component) {
        // Refused before anything could be examined: that is an answer, not a failure of ours.
        Err(error) if refusal(&error).is_some() => {
            let refused = refusal(&error).unwrap_or_default();
            print(&match args.format {
                Format::Table => format!("not certified: {refused}\n"),
                Format::Json => {
                    format!("{:#}\n", json!({ "certified": false, "refused": refused }))
                }
            })?;
            return Ok(1);
        }
        loaded => loaded?,
    };
    let metered = if args.no_fuel {
        None
    } else {
        let runtime = args.compile.runtime(Fuel::Counted)?;
        Some(super::load(&runtime, &args.component, &component)?)
    };
    let card = certify(&plugin, metered.as_ref(), &settings(args));
    let changes = before.as_ref().map(|before| compare(before, &card));
    print(&match args.format {
        Format::Table => super::card::table(&card, changes.as_deref()),
        Format::Json => json_of(&card, changes)?,
    })?;
    Ok(u8::from(!card.certified))
}

/// What the runtime says against the component, if that is what went wrong.
fn refusal(error: &anyhow::Error) -> Option<String> {
    let refused = error.downcast_ref::<LoadError>()?;
    (!refused.is_of_host()).then(|| refused.to_string())
}

fn settings(args: &TestArgs) -> Settings {
    Settings {
        seed: args.seed,
        time: Duration::from_secs(args.seconds),
        trials: args.trials,
        trials_of_shift: args.trials / 4,
        config: Value::Object(args.settings.iter().cloned().collect()),
    }
}

fn json_of(card: &Card, changes: Option<Vec<crate::certify::Change>>) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(card)?;
    if let (Some(changes), Value::Object(fields)) = (changes, &mut value) {
        fields.insert("changes".to_owned(), serde_json::to_value(changes)?);
    }
    Ok(format!("{value:#}\n"))
}

fn read_card(path: &PathBuf) -> anyhow::Result<Card> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(name)?;
    let card: Card = serde_json::from_str(&text)
        .with_context(|| format!("{}: this is no report card", name()))?;
    if card.checks.is_empty() {
        bail!("{}: this card has no checks", name());
    }
    Ok(card)
}

pub(super) fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("it has the form KEY=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}
