//! A column in two windows, as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::{Bin, Category, Distributions, Pair, Parts, Side};

/// A column of one window.
#[derive(Debug, Serialize, ToSchema)]
pub struct SideView {
    /// Rows of the window; of labels and derived columns, those that have a label.
    pub rows: u64,
    /// Rows with no value.
    pub missing: u64,
    /// Rows whose number is infinite, or whose vector has a number that is not finite.
    pub non_finite: u64,
    /// Whether every value is known, rather than a sketch of them.
    pub exact: bool,
    /// Largest error of a rank, as a share of the values.
    pub rank_error: f64,
    /// Mean of the finite values, of an embedding of the Euclidean norms of its vectors; null where there are none, and of categories.
    pub mean: Option<f64>,
    /// Their standard deviation.
    pub deviation: Option<f64>,
    /// The smallest.
    pub minimum: Option<f64>,
    /// The quartiles: 25%, 50%, 75%.
    #[schema(min_items = 3, max_items = 3)]
    pub quartiles: Option<Vec<f64>>,
    /// The largest.
    pub maximum: Option<f64>,
}

/// Values above `from`, up to and with `to`; the first bin has `from` too. Where both are the same, that one value.
#[derive(Debug, Serialize, ToSchema)]
pub struct BinView {
    /// Lower end.
    pub from: f64,
    /// Upper end.
    pub to: f64,
    /// Values in the reference window.
    pub reference: f64,
    /// Values in the current window.
    pub current: f64,
}

/// A name and its rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryView {
    /// The name.
    #[schema(example = "gold")]
    pub name: String,
    /// Rows in the reference window.
    pub reference: f64,
    /// Rows in the current window.
    pub current: f64,
}

/// The names beside those that are listed.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct OthersView {
    /// How many there are; rare ones of a column with very many names are not counted.
    pub names: u64,
    /// Their rows in the reference window.
    pub reference: f64,
    /// Their rows in the current window.
    pub current: f64,
}

/// A column in the two windows of a monitor.
#[derive(Debug, Serialize, ToSchema)]
pub struct DistributionsView {
    /// The model.
    #[schema(example = "churn")]
    pub model_id: String,
    /// The monitor whose windows these are.
    #[schema(example = "data-drift")]
    pub monitor: String,
    /// The column.
    #[schema(example = "age")]
    pub column: String,
    /// numeric, categorical or embedding; null where neither window has rows.
    pub kind: Option<String>,
    /// feature, prediction, probability, label, or that of a derived column.
    pub role: Option<String>,
    /// What the reference window is made of: data-set, training or trailing; null where there is none.
    pub reference_from: Option<String>,
    /// Why a window is not there, or too small for a verdict.
    pub reason: Option<String>,
    /// The column in the reference window.
    pub reference: Option<SideView>,
    /// The column in the current window.
    pub current: Option<SideView>,
    /// Of numbers: bins in ascending order, which hold all finite values. Of an embedding those of the norms of its vectors.
    pub bins: Vec<BinView>,
    /// Of names: the most frequent ones in either window.
    pub categories: Vec<CategoryView>,
    /// All other names together; null of numbers and vectors.
    pub others: Option<OthersView>,
}

impl DistributionsView {
    /// What a monitor would compare.
    pub fn of(model_id: &str, monitor: &str, column: &str, found: Distributions) -> Self {
        let mut view = Self {
            model_id: model_id.to_owned(),
            monitor: monitor.to_owned(),
            column: column.to_owned(),
            kind: None,
            role: None,
            reference_from: found.reference_from.map(str::to_owned),
            reason: found.reason,
            reference: None,
            current: None,
            bins: Vec::new(),
            categories: Vec::new(),
            others: None,
        };
        if let Some(pair) = found.pair {
            view.fill(pair);
        }
        view
    }

    fn fill(&mut self, pair: Pair) {
        if let Some(side) = pair.current.as_ref().or(pair.reference.as_ref()) {
            self.kind = Some(side.column.kind.to_string());
            self.role = Some(side.column.role.to_string());
        }
        self.reference = pair.reference.map(SideView::from);
        self.current = pair.current.map(SideView::from);
        match pair.parts {
            Parts::Bins(bins) => self.bins = bins.into_iter().map(BinView::from).collect(),
            Parts::Categories {
                named,
                others,
                rest: (reference, current),
            } => {
                self.categories = named.into_iter().map(CategoryView::from).collect();
                self.others = Some(OthersView {
                    names: others,
                    reference,
                    current,
                });
            }
        }
    }
}

impl From<Side> for SideView {
    fn from(side: Side) -> Self {
        let Side { column, numbers } = side;
        Self {
            rows: column.rows,
            missing: column.missing,
            non_finite: column.non_finite,
            exact: column.exact,
            rank_error: column.rank_error,
            mean: numbers.map(|numbers| numbers.mean),
            deviation: numbers.map(|numbers| numbers.deviation),
            minimum: numbers.map(|numbers| numbers.minimum),
            quartiles: numbers.map(|numbers| numbers.quartiles.to_vec()),
            maximum: numbers.map(|numbers| numbers.maximum),
        }
    }
}

impl From<Bin> for BinView {
    fn from(bin: Bin) -> Self {
        Self {
            from: bin.from,
            to: bin.to,
            reference: bin.reference,
            current: bin.current,
        }
    }
}

impl From<Category> for CategoryView {
    fn from(category: Category) -> Self {
        Self {
            name: category.name,
            reference: category.reference,
            current: category.current,
        }
    }
}
