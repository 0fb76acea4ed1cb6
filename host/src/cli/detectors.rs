//! Which detectors run, and how they are set: the flags that commands on files share.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use crate::check::{DETECTORS_DEFAULT, Settings, Source};

use super::config_file::Check;

/// Detectors and their settings.
#[derive(Debug, Args)]
pub(super) struct DetectorArgs {
    /// Detectors that come with leeway: data-drift, prior-drift, concept-drift, data-quality, performance, label-shift,
    /// pca-reconstruction, correlation, mmd, domain-classifier, text-drift, adwin, page-hinkley, hddm-a, hddm-w, cusum,
    /// spc, ddm, eddm, kswin, error-bets, two-sample-bets; or files of your own, as with --plugin [default:
    /// data-drift,prior-drift,concept-drift]
    #[arg(
        long = "detector",
        short,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Detectors"
    )]
    detectors: Vec<String>,
    /// Detectors of your own: components (.wasm), or source in Python (.py) or JavaScript (.js)
    #[arg(
        long = "plugin",
        short,
        value_name = "FILE",
        help_heading = "Detectors"
    )]
    plugins: Vec<PathBuf>,
    /// Setting of a detector; the value is JSON or plain text, as in data-drift.level=0.01
    #[arg(long = "set", short, value_name = "DETECTOR.KEY=VALUE", value_parser = setting, help_heading = "Detectors")]
    settings: Vec<(String, String, serde_json::Value)>,
}

impl DetectorArgs {
    /// Names and sets the detectors: flags before the settings file, that before defaults.
    pub(super) fn apply(&self, settings: Settings, file: &Check) -> anyhow::Result<Settings> {
        let named = if self.detectors.is_empty() {
            file.detectors.clone()
        } else {
            Some(self.detectors.clone())
        };
        let builtin = named.unwrap_or_else(|| DETECTORS_DEFAULT.map(str::to_owned).into());
        let plugins = file.plugins.iter().chain(&self.plugins).cloned();
        let mut configs = settings.configs;
        for (detector, key, value) in &self.settings {
            let config = configs
                .entry(detector.clone())
                .or_insert_with(|| serde_json::json!({}));
            let Some(fields) = config.as_object_mut() else {
                bail!("[detector.{detector}] is not a table")
            };
            fields.insert(key.clone(), value.clone());
        }
        Ok(Settings {
            detectors: builtin
                .into_iter()
                .map(source)
                .chain(plugins.map(Source::File))
                .collect(),
            configs,
            ..settings
        })
    }
}

/// Names of detectors have no dots: what has is a file.
fn source(detector: String) -> Source {
    if detector.contains(['.', '/']) {
        Source::File(detector.into())
    } else {
        Source::Builtin(detector)
    }
}

fn setting(text: &str) -> Result<(String, String, serde_json::Value), String> {
    let form = "it has the form DETECTOR.KEY=VALUE";
    let (path, value) = text.split_once('=').ok_or(form)?;
    let (detector, key) = path.split_once('.').ok_or(form)?;
    let value =
        serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    Ok((detector.to_owned(), key.to_owned(), value))
}
