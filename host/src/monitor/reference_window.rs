//! The reference of one evaluation: its window, what its baseline depends on, and what is kept of it for a replay.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::Digest as _;

use crate::domain::Model;
use crate::domain::inputs::{Inputs, KeptInputs, Made, ReferenceMade};
use crate::domain::record::MonitorRecord;
use crate::profile::Window;
use crate::runtime::Plugin;
use crate::store::StoreResult;

use super::chunk_list::{self, LIST_BYTES_MAX};
use super::evaluate::hex;
use super::replay;
use super::selection::Reference;
use super::source::WindowSource;
use super::windows::{ChunkInfo, WindowRequest};

/// The reference of one evaluation, merged only when it must be.
pub(super) struct ReferenceWindow<'a> {
    pub(super) model: &'a Model,
    pub(super) chunks: &'a [ChunkInfo],
    pub(super) reference: &'a Reference,
    pub(super) data_set: Option<i32>,
    pub(super) request: WindowRequest,
    pub(super) label_seq: i64,
}

impl ReferenceWindow<'_> {
    /// The window, and whether it is of the chunks as they were listed.
    pub(super) async fn window(
        &self,
        source: &dyn WindowSource,
        request: WindowRequest,
    ) -> StoreResult<Option<(Arc<Window>, bool)>> {
        match self.reference {
            Reference::DataSet => {
                let found = source.reference(self.model, request).await;
                let exact = |(version, window)| (window, Some(version) == self.data_set);
                found.map(|found| found.map(exact))
            }
            Reference::Training(taken) | Reference::Trailing(taken) => {
                let taken = self.taken(taken);
                source
                    .window(self.model, &taken, request, self.label_seq)
                    .await
                    .map(Some)
            }
        }
    }

    fn taken(&self, positions: &[usize]) -> Vec<ChunkInfo> {
        let chunk = |&at: &usize| self.chunks[at].clone();
        positions.iter().map(chunk).collect()
    }

    /// What an evaluation against this reference is made of; none where a list is too long.
    pub(super) fn kept(
        &self,
        baseline: String,
        current: Vec<u8>,
        window: String,
        level: Option<f64>,
    ) -> Option<KeptInputs> {
        let list = match self.reference {
            Reference::DataSet => None,
            Reference::Training(taken) | Reference::Trailing(taken) => {
                Some(chunk_list::write(&self.taken(taken)))
            }
        };
        let reference = match (self.reference, &list) {
            (Reference::Training(_), Some(list)) => ReferenceMade::Training {
                chunks: replay::bytes_digest(list),
            },
            (Reference::DataSet, _) => ReferenceMade::DataSet {
                version: self.data_set?,
            },
            _ => ReferenceMade::Trailing,
        };
        let fits = |list: &Vec<u8>| list.len() <= LIST_BYTES_MAX;
        if !fits(&current) || !list.as_ref().is_none_or(fits) {
            return None;
        }
        Some(KeptInputs {
            inputs: Inputs {
                schema_version: self.model.schema_version,
                model_type: self.model.model_type,
                positive_label: self.model.positive_label.clone(),
                window,
                made: Made::Windows {
                    label_seq: self.label_seq,
                    kept_rows: self.request.keep_rows.map(|(rows, _)| rows),
                    baseline,
                    reference,
                    level_bits: level.map(f64::to_bits),
                },
            },
            current: Some(current),
            reference: list,
            state: None,
        })
    }

    /// What the baseline depends on: component, configuration, seed, columns, how rows are split, and the rows of the reference.
    pub(super) fn digest(&self, monitor: &MonitorRecord, plugin: &Plugin) -> Option<String> {
        let mut hash = sha2::Sha256::new();
        hash.update(plugin.digest().as_bytes());
        let mut settings = format!(
            "{}\n{}\n{}\n{:?}\n{:?}\n{:?}\n",
            monitor.spec.config,
            monitor.spec.seed,
            self.model.schema_version,
            self.model.model_type,
            self.model.positive_label,
            self.request.keep_rows,
        );
        if let Some(split) = &monitor.spec.segment_by {
            let _ = writeln!(settings, "{split}\n{}", monitor.spec.rows_min);
        }
        hash.update(settings.as_bytes());
        match self.reference {
            Reference::Trailing(_) => return None,
            Reference::DataSet => hash.update(format!("data set {:?}", self.data_set).as_bytes()),
            Reference::Training(taken) => {
                for &at in taken {
                    let chunk = &self.chunks[at];
                    hash.update(chunk.chunk_no.to_le_bytes());
                    hash.update(chunk.revision.to_le_bytes());
                }
            }
        }
        Some(hex(&hash.finalize()))
    }
}
