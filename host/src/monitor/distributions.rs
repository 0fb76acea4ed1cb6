//! A column in the two windows that a monitor would compare now.

use std::sync::Arc;

use crate::domain::monitor::CurrentSpec;
use crate::domain::{Descriptor, Model, ModelId};
use crate::profile::{Pair, Window, pair};
use crate::store::{EvaluationFilter, WindowPosition};

use super::judge::needs_labels;
use super::selection::{Ask, Reference, Selection, select, select_again};
use super::watch::{Watch, WatchError};
use super::windows::{ChunkInfo, WindowRequest, blocking};

/// Profiles alone: no rows are kept for pictures.
const PROFILES: WindowRequest = WindowRequest {
    keep_rows: None,
    segment: None,
};

/// Where the values of a column are, in both windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Distributions {
    /// What the reference window is made of: `data-set`, `training` or `trailing`; none where there is no such window.
    pub reference_from: Option<&'static str>,
    /// Why a window is not there, or too small for a verdict.
    pub reason: Option<String>,
    /// Both windows; none where neither has rows.
    pub pair: Option<Pair>,
}

impl Watch {
    /// A column in the windows that a monitor would compare now: of tumbling windows, in the one that was judged last.
    ///
    /// `bins_max`: 1 to [`crate::profile::BINS_MAX`].
    ///
    /// # Errors
    /// [`WatchError::NoColumn`] if the model has no such column, else as for an evaluation.
    pub async fn distributions(
        &self,
        model: &ModelId,
        monitor: &str,
        column: &str,
        bins_max: u32,
    ) -> Result<Distributions, WatchError> {
        let record = self.monitor(model, monitor).await?;
        let found = self.store().model_by_no(record.model_no).await?;
        let model = found.ok_or_else(|| WatchError::NoModel(model.clone()))?;
        let detectors = self.detectors();
        let detector = detectors.full_name(&record.spec.detector);
        let descriptor = detector.and_then(|name| detectors.descriptor(&name));
        let descriptor = descriptor.as_ref();
        let data_set = self.store().active_reference_size(model.no).await?;
        let rows_min = descriptor.map_or(0, |descriptor| descriptor.rows_min.into());
        let ask = Ask {
            spec: &record.spec,
            training: model.last_training_time,
            data_set: data_set.map(|(_, rows, labelled)| (rows, labelled)),
            labelled: descriptor.is_some_and(|descriptor: &Descriptor| needs_labels(descriptor)),
            rows_min: record.spec.rows_min.max(rows_min),
            chunk_rows: model.settings.chunk_rows.into(),
            position: WindowPosition::default(),
        };
        let _turn = self.turn().await?;
        let listed = self.source().listed(&model).await?;
        let chunks = &listed.0;
        let selection = match self.judged_window(&record, model.no).await? {
            Some((from, to)) => select_again(chunks, &ask, from, to),
            None => select(chunks, &ask),
        };
        let (reference, current, reason) = match selection {
            Selection::Judge {
                reference, current, ..
            } => (Some(reference), current, None),
            Selection::Insufficient {
                reason, current, ..
            } => (None, current, Some(reason.to_string())),
            Selection::Waiting(reason) => (None, Vec::new(), Some(reason.to_string())),
        };
        let (reference_from, before) = match reference {
            None => (None, None),
            Some(Reference::DataSet) => {
                let window = self.source().reference(&model, PROFILES).await?;
                (Some("data-set"), window.map(|(_, window)| window))
            }
            Some(Reference::Training(taken)) => {
                let window = self.merged(&model, &listed, &taken).await?;
                (Some("training"), window)
            }
            Some(Reference::Trailing(taken)) => {
                let window = self.merged(&model, &listed, &taken).await?;
                (Some("trailing"), window)
            }
        };
        let now = self.merged(&model, &listed, &current).await?;
        let name = column.to_owned();
        let empty = before.is_none() && now.is_none();
        let pair = blocking(move || pair(before.as_deref(), now.as_deref(), &name, bins_max))
            .await?
            .map_err(|error| WatchError::NoColumn(error.to_string()))?;
        let known = pair.is_some() || (empty && model.column(column).is_some());
        if !known {
            let text = format!("model '{}' has no column '{column}'", model.id);
            return Err(WatchError::NoColumn(text));
        }
        Ok(Distributions {
            reference_from,
            reason,
            pair,
        })
    }

    /// The times of the tumbling window that was judged last; none for other windows.
    async fn judged_window(
        &self,
        monitor: &crate::domain::record::MonitorRecord,
        model_no: i32,
    ) -> Result<Option<(jiff::Timestamp, jiff::Timestamp)>, WatchError> {
        if !matches!(monitor.spec.current, CurrentSpec::Tumbling { .. }) {
            return Ok(None);
        }
        let filter = EvaluationFilter {
            model_no: Some(model_no),
            monitor: Some(monitor.name.clone()),
            limit: 1,
            bare: true,
            ..EvaluationFilter::default()
        };
        let last = self.store().evaluations(&filter).await?.pop();
        Ok(last.and_then(|last| last.window_from.zip(last.window_to)))
    }

    /// The window of some of the chunks; none of none.
    async fn merged(
        &self,
        model: &Model,
        (chunks, label_seq): &(Vec<ChunkInfo>, i64),
        taken: &[usize],
    ) -> Result<Option<Arc<Window>>, WatchError> {
        if taken.is_empty() {
            return Ok(None);
        }
        let taken: Vec<ChunkInfo> = taken.iter().map(|&at| chunks[at].clone()).collect();
        let merged = self.source().window(model, &taken, PROFILES, *label_seq);
        Ok(Some(merged.await?.0))
    }
}
