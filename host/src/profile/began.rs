//! When a drift began: the likeliest change along pieces of rows, against the reference, for each column that drifted.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use leeway_statistics::change_point;

use super::kernels;
use super::window::Window;
use crate::domain::{Began, ColumnKind, Measurement, Verdict};

/// How often the interval holds the truth.
const CONFIDENCE: f64 = 0.95;
/// Bins of a column of numbers.
const BINS: u32 = 10;
/// Categories that are counted one by one: those with the most rows in the reference window.
const CATEGORIES_MAX: usize = 20;

/// A stretch of rows, by the times of its first and last.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Time of the first row.
    pub first: Timestamp,
    /// Time of the last row.
    pub last: Timestamp,
    /// The rows.
    pub window: Arc<Window>,
}

/// Whether it is drift of a column, which can be dated.
pub fn is_dated(one: &Measurement) -> bool {
    one.verdict == Verdict::Drifted && one.column.is_some() && one.row.is_none()
}

/// Dates every drift of a column, as far as its change can be seen in counts. `pieces`: the rows after the reference, in the order
/// of time.
///
/// Each column is counted in bins of the reference (deciles, or its most frequent categories; missing and infinite values in bins
/// of their own); the change is the likeliest one of the shares of the bins, where the reference lies before it. `began` stays
/// absent where no change can be told.
pub fn date(measurements: &mut [Measurement], reference: &Window, pieces: &[Piece]) {
    let mut known: BTreeMap<String, Option<Began>> = BTreeMap::new();
    for one in measurements.iter_mut().filter(|one| is_dated(one)) {
        let Some(column) = one.column.clone() else {
            continue;
        };
        one.began = *known
            .entry(column)
            .or_insert_with_key(|column| began(column, reference, pieces));
    }
}

/// When the change of one column began: see [`date`].
pub fn began(column: &str, reference: &Window, pieces: &[Piece]) -> Option<Began> {
    let bins = Bins::of(column, reference)?;
    let before = bins.counts(reference)?;
    // A piece without the column has no rows of it.
    let counts: Vec<Vec<f64>> = pieces
        .iter()
        .map(|piece| {
            bins.counts(&piece.window)
                .unwrap_or_else(|| vec![0.0; before.len()])
        })
        .collect();
    let change = change_point::change_point_from(&before, &counts, CONFIDENCE).ok()??;
    let first = |at: usize| pieces.get(at).map(|piece| piece.first);
    let at = first(change.cut)?;
    Some(Began {
        at,
        earliest: change
            .low
            .checked_sub(1)
            .and_then(|before| pieces.get(before))
            .map(|piece| piece.last.min(at)),
        latest: first(change.high)?.max(at),
    })
}

/// In which bins the values of a column are counted: frozen on the reference window.
enum Bins<'a> {
    Numbers { column: &'a str, edges: Vec<f64> },
    Categories { column: &'a str, names: Vec<String> },
}

impl<'a> Bins<'a> {
    fn of(column: &'a str, reference: &Window) -> Option<Self> {
        let at = position(reference, column)?;
        let kind = reference.column(at).ok()?.kind;
        if kind == ColumnKind::Categorical {
            let counted = kernels::category_counts(reference, at).ok()?;
            let mut most: Vec<(f64, &str)> =
                counted.counts.iter().copied().zip(counted.names).collect();
            most.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
            let names = most.iter().take(CATEGORIES_MAX);
            return Some(Self::Categories {
                column,
                names: names.map(|(_, name)| (*name).to_owned()).collect(),
            });
        }
        let shares: Vec<f64> = (1..BINS)
            .map(|part| f64::from(part) / f64::from(BINS))
            .collect();
        let mut edges = kernels::quantiles(reference, at, &shares).ok()?;
        edges.dedup();
        Some(Self::Numbers { column, edges })
    }

    /// Rows in each bin, and those without a value.
    fn counts(&self, window: &Window) -> Option<Vec<f64>> {
        let (Self::Numbers { column, .. } | Self::Categories { column, .. }) = self;
        let at = position(window, column)?;
        let profile = window.column_profile(at).ok()?;
        let mut counts = match self {
            Self::Numbers { edges, .. } => kernels::counts_in_bins(window, at, edges).ok()?,
            Self::Categories { names, .. } => {
                let counted = kernels::category_counts(window, at).ok()?;
                let of: BTreeMap<&str, f64> = counted
                    .names
                    .iter()
                    .copied()
                    .zip(counted.counts.iter().copied())
                    .collect();
                let each = |name: &String| of.get(name.as_str()).copied().unwrap_or(0.0);
                let mut counts: Vec<f64> = names.iter().map(each).collect();
                let all = counted.counts.iter().sum::<f64>() + counted.rest;
                counts.push(all - counts.iter().sum::<f64>());
                counts
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "rows, far below 2^53")]
        counts.extend([profile.missing() as f64, profile.non_finite() as f64]);
        Some(counts)
    }
}

fn position(window: &Window, column: &str) -> Option<u32> {
    let columns = window.columns();
    let at = columns.iter().position(|one| one.name == column)?;
    u32::try_from(at).ok()
}
