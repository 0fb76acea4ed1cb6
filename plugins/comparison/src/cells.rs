//! The cells that the counts of both windows are taken over, with what each stands for.

use std::collections::BTreeMap;

use crate::baseline::Cells;
use crate::explain::{self, Part};
use crate::on_counts::Table;

/// Counts of both windows, cell by cell.
pub(crate) struct Counted<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) counts: Vec<(f64, f64)>,
    /// The cells are quantile bins of the reference.
    binned: bool,
    /// One of the cells holds rows beyond a dictionary: many names, or none that is known.
    pub(crate) blurred: bool,
    /// Share of the current window's values that the reference never had.
    pub(crate) unseen_share: f64,
}

impl<'a> Counted<'a> {
    /// Numbers over the reference's bins, or over both windows' values. Without a reference each value is a cell.
    pub(crate) fn of_numbers(reference: Option<&Cells>, values: &[f64], counts: &[f64]) -> Self {
        let (parts, cells, binned) = match reference {
            None => {
                let parts = values.iter().map(|value| Part::Value(*value)).collect();
                (
                    parts,
                    counts.iter().map(|count| (0.0, *count)).collect(),
                    false,
                )
            }
            Some(Cells::Bins {
                edges,
                counts: known,
            }) => {
                let mut binned = vec![0.0; known.len()];
                let mut bin = 0;
                for (value, count) in values.iter().zip(counts) {
                    bin += edges[bin..].iter().take_while(|edge| value > *edge).count();
                    binned[bin] += count;
                }
                let cells = known.iter().copied().zip(binned).collect();
                (explain::bins(edges), cells, true)
            }
            Some(Cells::Values {
                values: known,
                counts: reference,
            }) => {
                let (parts, cells) = union(known, reference, values, counts);
                (parts, cells, false)
            }
        };
        Self {
            parts,
            counts: cells,
            binned,
            blurred: false,
            unseen_share: 0.0,
        }
    }

    /// Rows beyond a dictionary are one category of their own. A name that one window's dictionary lacks
    /// may be among them, so its rows in the other window join that category: which of many rare names
    /// a dictionary keeps is chance, not drift.
    pub(crate) fn of_names(
        known: &BTreeMap<&'a str, f64>,
        rest: f64,
        current: &BTreeMap<&'a str, f64>,
        current_rest: f64,
    ) -> Self {
        let mut parts = Vec::with_capacity(known.len());
        let (mut counts, mut other) = (Vec::with_capacity(known.len()), (rest, current_rest));
        let mut push = |name: &'a str, cell| {
            parts.push(Part::Category(name));
            counts.push(cell);
        };
        for (name, &count) in known {
            match current.get(name) {
                Some(&now) => push(name, (count, now)),
                None if current_rest > 0.0 => other.0 += count,
                None => push(name, (count, 0.0)),
            }
        }
        let mut unseen = if other.0 > 0.0 { 0.0 } else { current_rest };
        for (name, &count) in current
            .iter()
            .filter(|(name, _)| !known.contains_key(*name))
        {
            if rest > 0.0 {
                other.1 += count;
            } else {
                unseen += count;
                push(name, (0.0, count));
            }
        }
        let total: f64 = current.values().sum::<f64>() + current_rest;
        let blurred = other.0 + other.1 > 0.0;
        if blurred {
            parts.push(Part::Other);
            counts.push(other);
        }
        Self {
            parts,
            counts,
            binned: false,
            blurred,
            unseen_share: share(unseen, total),
        }
    }

    /// The table with the missing values as a cell of their own, the last; cells without rows stay where they are bins.
    pub(crate) fn table(&self, missing: (f64, f64)) -> (Vec<Part<'a>>, Table) {
        let all = self.parts.iter().copied().zip(self.counts.iter().copied());
        let cells = all
            .chain([(Part::Missing, missing)])
            .filter(|(_, cell)| self.binned || cell.0 + cell.1 > 0.0);
        let (parts, counts): (Vec<Part>, Vec<(f64, f64)>) = cells.unzip();
        let (reference, current) = counts.into_iter().unzip();
        let table = Table {
            reference,
            current,
            binned: self.binned,
        };
        (parts, table)
    }
}

/// Counts at every value of either window, ascending.
fn union(
    known: &[f64],
    reference: &[f64],
    values: &[f64],
    counts: &[f64],
) -> (Vec<Part<'static>>, Vec<(f64, f64)>) {
    let mut parts = Vec::with_capacity(known.len() + values.len());
    let mut cells = Vec::with_capacity(known.len() + values.len());
    let (mut i, mut j) = (0, 0);
    while i < known.len() || j < values.len() {
        let (a, b) = (known.get(i), values.get(j));
        let take_known = a.is_some_and(|a| b.is_none_or(|b| a <= b));
        let take_value = b.is_some_and(|b| a.is_none_or(|a| b <= a));
        parts.push(Part::Value(if take_known { known[i] } else { values[j] }));
        cells.push((
            if take_known { reference[i] } else { 0.0 },
            if take_value { counts[j] } else { 0.0 },
        ));
        i += usize::from(take_known);
        j += usize::from(take_value);
    }
    (parts, cells)
}

pub(crate) fn share(part: f64, whole: f64) -> f64 {
    // The sum of nothing is -0.0; the 0.0 makes it the plain zero that people expect.
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0) + 0.0
    } else {
        0.0
    }
}
