//! What the API shows of the host's records, and what it takes: their shapes are the interface, the records are not.

mod calibration;
mod comparison;
mod detector;
mod distribution;
mod evaluation;
mod model;
mod monitor;
mod object;
mod overview;
mod replay;
mod row;
mod version;

use serde::Serialize;
use utoipa::ToSchema;

pub use calibration::{CalibrationBody, CalibrationView};
pub use comparison::ComparisonView;
pub use detector::DetectorView;
pub use distribution::DistributionsView;
pub use evaluation::{BacktestView, EvaluationView, HistoryView, ResultsView, VerdictView};
pub use model::{ModelForm, ModelPatch, ModelTypeView, ModelView, ReceiptView, ReferenceView};
pub use monitor::{MonitorForm, MonitorSpecForm, MonitorView};
pub use overview::{OverviewView, StandingView, TotalsView};
pub use replay::ReplayView;
pub use row::{
    LabelBatch, LegacyBatch, LegacyRow, PredictionBatch, ReferenceBatch, RowView, feature_form,
    legacy_row,
};
pub use version::{CardView, EventView, LimitsView, LogView, VersionLine, VersionView};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins: hand it back as `cursor`. Null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` of `items`; whoever asks reads one more than the page shows, to know whether there is a next one.
    pub fn of(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(cursor);
        Self { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn the_last_page_names_no_next_one() {
        let page = |items| Page::of(items, 2, i32::to_string);

        assert_eq!(page(vec![1, 2, 3]).next_cursor.as_deref(), Some("2"));
        assert_eq!(page(vec![1, 2, 3]).items, [1, 2]);
        assert_eq!(page(vec![1, 2]).next_cursor, None);
        assert_eq!(page(vec![]).next_cursor, None);
    }
}
