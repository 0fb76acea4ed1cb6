//! What `prepare` lays down and `run` reads: the rows, and which of them each client sends.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::DriftType;
use super::data_set::{DataSet, Row};
use crate::model_api::readable_in;

/// Version of the files' form.
const FORMAT: u32 = 2;
/// The clients.
const PLAN_FILE: &str = "plan.json";
/// The rows, one a line.
const ROWS_FILE: &str = "rows.ndjson";

/// Everything that does not differ between clients, and the clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    format: u32,
    /// Name of the model, as the model API says it.
    pub(super) model: String,
    /// When the model was trained: what comes before is the reference.
    pub(super) prepared_at: Timestamp,
    /// The two classes, the positive one last.
    pub(super) classes: [String; 2],
    /// The features, and whether each is a number.
    pub(super) columns: Vec<(String, bool)>,
    /// The feature that is a text, and is left out where its row comes again.
    pub(super) text: Option<String>,
    /// Monitors that are made for each model, by name, as the API takes them.
    pub(super) monitors: Vec<(String, Value)>,
    pub(super) clients: Vec<Plot>,
}

/// One client: the id of its model, and what happens to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plot {
    pub(super) model_id: String,
    pub(super) drift: DriftType,
    /// Rows of the reference, with their labels.
    pub(super) reference: Vec<usize>,
    /// Rows that come in production, in this order, and the label that follows each.
    pub(super) production: Vec<(usize, bool)>,
}

impl Plan {
    pub(super) fn new(
        data: &DataSet,
        prepared_at: Timestamp,
        columns: Vec<(String, bool)>,
        clients: Vec<Plot>,
    ) -> Self {
        let monitors = data.monitors.iter();
        Self {
            format: FORMAT,
            model: data.name.to_owned(),
            prepared_at,
            classes: data.classes.map(str::to_owned),
            columns,
            text: data.text.map(str::to_owned),
            monitors: monitors
                .map(|(name, spec)| ((*name).to_owned(), spec.clone()))
                .collect(),
            clients,
        }
    }

    /// Writes plan and rows into a directory.
    pub(super) fn save(&self, folder: &Path, rows: &[&Row]) -> anyhow::Result<()> {
        whole(folder, ROWS_FILE, |file| {
            for row in rows {
                serde_json::to_writer(&mut *file, row)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        })?;
        whole(folder, PLAN_FILE, |file| {
            Ok(serde_json::to_writer(file, self)?)
        })
    }

    /// Reads what [`Plan::save`] wrote.
    pub(super) fn load(folder: &Path) -> anyhow::Result<(Self, Vec<Row>)> {
        let path = folder.join(PLAN_FILE);
        let at = || path.display().to_string();
        if !path.is_file() {
            bail!(
                "nothing is prepared in {}: run `leeway example prepare` first",
                folder.display()
            );
        }
        let plan: Self = serde_json::from_slice(&std::fs::read(&path)?).with_context(at)?;
        if plan.format != FORMAT {
            bail!(
                "{}: format {} is not {FORMAT}; prepare again",
                at(),
                plan.format
            );
        }
        let path = folder.join(ROWS_FILE);
        let at = || path.display().to_string();
        let file = BufReader::new(std::fs::File::open(&path).with_context(at)?);
        let mut rows: Vec<Row> = Vec::new();
        for line in file.lines() {
            rows.push(serde_json::from_str(&line.with_context(at)?).with_context(at)?);
        }
        let places = plan.clients.iter().flat_map(|client| {
            let production = client.production.iter().map(|(row, _)| row);
            client.reference.iter().chain(production)
        });
        if places.max().is_some_and(|row| *row >= rows.len()) {
            bail!(
                "{} and {PLAN_FILE} do not belong together; prepare again",
                at()
            );
        }
        Ok((plan, rows))
    }
}

/// Writes a file that appears whole or not at all.
pub(super) fn whole(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let at = || folder.join(name).display().to_string();
    let mut file = readable_in(folder).with_context(at)?;
    let mut buffer = BufWriter::new(&mut file);
    write(&mut buffer).with_context(at)?;
    buffer.flush().with_context(at)?;
    drop(buffer);
    file.persist(folder.join(name)).with_context(at)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan() -> Plan {
        let client = Plot {
            model_id: "m".into(),
            drift: DriftType::PriorDrift,
            reference: vec![0, 1],
            production: vec![(1, false)],
        };
        Plan {
            format: FORMAT,
            model: "m".into(),
            prepared_at: Timestamp::UNIX_EPOCH,
            classes: ["a".into(), "b".into()],
            columns: vec![("size".into(), true)],
            text: Some("opening".into()),
            monitors: vec![("own".into(), json!({"detector": "ks"}))],
            clients: vec![client],
        }
    }

    #[test]
    fn plan_and_rows_come_back_from_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let row = Row {
            instance: json!({"size": 1.5}).as_object().cloned().unwrap(),
            label: true,
        };
        plan().save(folder.path(), &[&row, &row]).unwrap();
        let (found, rows) = Plan::load(folder.path()).unwrap();
        assert_eq!(found, plan());
        assert_eq!(rows, [row.clone(), row.clone()]);

        plan().save(folder.path(), &[&row]).unwrap();
        let error = Plan::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("do not belong together"), "{error}");
    }

    #[test]
    fn what_is_not_prepared_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = Plan::load(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("run `leeway example prepare` first"),
            "{error}"
        );
    }
}
