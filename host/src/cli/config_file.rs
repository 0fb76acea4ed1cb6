//! The file in which a model's columns, detectors and their settings stand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use crate::domain::{ColumnKind, ModelType};

/// The file, as TOML. Every field may be left out; flags go before it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub(super) model: Model,
    pub(super) columns: Columns,
    pub(super) check: Check,
    /// Configurations by name of detector.
    pub(super) detector: BTreeMap<String, serde_json::Value>,
}

/// `[model]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Model {
    pub(super) id: Option<String>,
    #[serde(rename = "type")]
    pub(super) model_type: Option<ModelType>,
}

/// `[columns]`: names of the columns with a meaning, and types that are not to be inferred.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Columns {
    pub(super) time: Option<String>,
    pub(super) record_id: Option<String>,
    pub(super) label: Option<String>,
    pub(super) prediction: Option<String>,
    pub(super) probability: Option<String>,
    pub(super) positive_label: Option<String>,
    pub(super) ignore: Vec<String>,
    pub(super) types: BTreeMap<String, ColumnKind>,
}

/// `[check]`: what runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Check {
    pub(super) detectors: Option<Vec<String>>,
    /// Relative to the file.
    pub(super) plugins: Vec<PathBuf>,
    pub(super) chunk_rows: Option<u64>,
    pub(super) chunk_time: Option<String>,
    pub(super) seed: Option<u64>,
}

impl ConfigFile {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            anyhow::anyhow!("{}: line {line}: {}", path.display(), error.message())
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.check
            .plugins
            .iter_mut()
            .for_each(|plugin| *plugin = folder.join(&*plugin));
        Ok(file)
    }
}
