//! `leeway plugin inspect`: what a detector takes, gives and says of itself.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::screen::print;
use crate::domain::{Descriptor, Language, Metric};
use crate::runtime::{Digest, Fuel, LoadError, Outline, Plugin, PluginKind};

use super::CompileArgs;

/// Shows what a detector takes, gives and says of itself.
///
/// Exit code 0: a detector, 1: refused, 2: error.
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    /// The detector: a component (.wasm), or source in Python (.py) or JavaScript (.js)
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
    let runtime = args.compile.runtime(Fuel::Uncounted)?;
    let component = super::read(&args.component)?;
    let shape = match Language::of_file(&args.component) {
        None => Shape::Component(runtime.outline(&component)?),
        Some(language) => Shape::Source {
            language,
            bytes: component.len(),
            interpreter: runtime.interpreter_digest(language)?,
        },
    };
    let loaded = super::load(&runtime, &args.component, &component);
    let loaded = match loaded {
        Ok(plugin) => Ok(plugin),
        Err(error) => match error.downcast_ref::<LoadError>() {
            Some(refused) if !refused.is_of_host() => Err(refused.to_string()),
            _ => return Err(error),
        },
    };
    print(&match args.format {
        Format::Text => text(&shape, loaded.as_ref()),
        Format::Json => json_of(&shape, loaded.as_ref()),
    })?;
    Ok(u8::from(loaded.is_err()))
}

/// What was there before the detector was asked anything.
enum Shape {
    Component(Outline),
    Source {
        language: Language,
        bytes: usize,
        interpreter: Digest,
    },
}

fn world(plugin: &Plugin) -> &'static str {
    match plugin.kind() {
        PluginKind::Batch => "batch-detector",
        PluginKind::Stream => "stream-detector",
    }
}

fn json_of(shape: &Shape, loaded: Result<&Plugin, &String>) -> String {
    let mut value = match shape {
        Shape::Component(outline) => json!({
            "digest": outline.digest.to_string(),
            "bytes": outline.bytes,
            "imports": outline.imports,
            "exports": outline.exports,
        }),
        Shape::Source {
            language,
            bytes,
            interpreter,
        } => json!({
            "digest": loaded.ok().map(|plugin| plugin.digest().to_string()),
            "bytes": bytes,
            "language": language.name(),
            "interpreter": interpreter.to_string(),
        }),
    };
    value["world"] = json!(loaded.ok().map(world));
    value["descriptor"] = json!(loaded.ok().map(Plugin::descriptor));
    value["refused"] = json!(loaded.err());
    format!("{value:#}\n")
}

fn text(shape: &Shape, loaded: Result<&Plugin, &String>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<9} {value}");
    };
    match shape {
        Shape::Component(outline) => {
            line("digest", &format!("sha256:{}", outline.digest));
            line("size", &format!("{} bytes", outline.bytes));
            line("imports", &list(&outline.imports));
            line("exports", &list(&outline.exports));
        }
        Shape::Source {
            language,
            bytes,
            interpreter,
        } => {
            if let Ok(plugin) = loaded {
                line("digest", &format!("sha256:{}", plugin.digest()));
            }
            line("size", &format!("{bytes} bytes"));
            line(
                "source",
                &format!("{language}, run by interpreter sha256:{interpreter}"),
            );
        }
    }
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
