//! `leeway plugin inspect`: what a component takes, gives and says of itself.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::screen::print;
use crate::domain::{Descriptor, Metric};
use crate::runtime::{Fuel, LoadError, Outline, Plugin, PluginKind};

use super::CompileArgs;

/// Shows what a component takes, gives and says of itself.
///
/// Exit code 0: a detector, 1: refused, 2: error.
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    /// The component
    component: PathBuf,
    /// What is printed
    #[arg(long, short, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    compile: CompileArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Prints the outline, and the description or why there is none.
pub(super) fn run(args: &InspectArgs) -> anyhow::Result<u8> {
    let runtime = super::runtime(&args.compile.cache, &args.compile.time, Fuel::Uncounted)?;
    let component = super::read(&args.component)?;
    let outline = runtime.outline(&component)?;
    let loaded = super::load(&runtime, &args.component, &component);
    let loaded = match loaded {
        Ok(plugin) => Ok(plugin),
        Err(error) => match error.downcast_ref::<LoadError>() {
            Some(refused) => Err(refused.to_string()),
            None => return Err(error),
        },
    };
    print(&match args.format {
        Format::Text => text(&outline, loaded.as_ref()),
        Format::Json => json_of(&outline, loaded.as_ref()),
    })?;
    Ok(u8::from(loaded.is_err()))
}

fn world(plugin: &Plugin) -> &'static str {
    match plugin.kind() {
        PluginKind::Batch => "batch-detector",
        PluginKind::Stream => "stream-detector",
    }
}

fn json_of(outline: &Outline, loaded: Result<&Plugin, &String>) -> String {
    let value = json!({
        "digest": outline.digest.to_string(),
        "bytes": outline.bytes,
        "imports": outline.imports,
        "exports": outline.exports,
        "world": loaded.ok().map(world),
        "descriptor": loaded.ok().map(Plugin::descriptor),
        "refused": loaded.err(),
    });
    format!("{value:#}\n")
}

fn text(outline: &Outline, loaded: Result<&Plugin, &String>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("digest", &format!("sha256:{}", outline.digest));
    line("size", &format!("{} bytes", outline.bytes));
    line("imports", &list(&outline.imports));
    line("exports", &list(&outline.exports));
    match loaded {
        Err(refused) => line("refused", refused),
        Ok(plugin) => {
            line("world", world(plugin));
            describe(plugin.descriptor(), &mut line);
        }
    }
    text
}

fn describe(descriptor: &Descriptor, line: &mut impl FnMut(&str, &str)) {
    let words = |words: Vec<String>| words.join(", ");
    let roles = descriptor.roles.iter().map(ToString::to_string).collect();
    let kinds = descriptor.accepts.iter().map(ToString::to_string).collect();
    line("detector", &descriptor.full_name());
    line("", &descriptor.summary);
    line("judges", &format!("{} drift", descriptor.kind));
    line("roles", &words(roles));
    line("kinds", &words(kinds));
    line(
        "needs",
        &format!(
            "{:?}, at least {} values",
            descriptor.needs, descriptor.rows_min
        )
        .to_lowercase(),
    );
    line("state", &format!("format {}", descriptor.state_format));
    for metric in &descriptor.metrics {
        line("metric", &about(metric));
    }
    line("schema", &compact(&descriptor.config_schema));
}

fn about(metric: &Metric) -> String {
    let bound = |bound: Option<f64>, otherwise| bound.map_or(otherwise, |bound| bound.to_string());
    let threshold = match metric.default_threshold {
        Some(threshold) => format!("threshold {threshold}"),
        None => "no fixed threshold".to_owned(),
    };
    let unit = if metric.unit.is_empty() {
        String::new()
    } else {
        format!(" {}", metric.unit)
    };
    format!(
        "{} in [{}, {}]{unit}, {threshold}: {}",
        metric.name,
        bound(metric.minimum, "-inf".to_owned()),
        bound(metric.maximum, "inf".to_owned()),
        metric.help
    )
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join("\n          ")
    }
}

/// The schema on one line.
fn compact(schema: &str) -> String {
    serde_json::from_str::<serde_json::Value>(schema)
        .map_or_else(|_| schema.to_owned(), |schema| schema.to_string())
}
