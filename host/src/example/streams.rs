//! Which rows come in production: those in which one kind of drift shows and nothing else.

use serde_json::Value;

use super::DriftType;
use super::data_set::DataSet;
use super::herding::herd;
use super::margins::{Margin, Values};
use crate::model_api::{Answer, Model};
use crate::profile::Random;

/// Most reference rows of a client.
pub(super) const REFERENCE_ROWS_MAX: usize = 3_000;
/// Share of shifted rows where the features drift.
const SHIFTED_SHARE: f64 = 0.5;
/// How much more often the model is wrong where the relation drifts.
const WRONG_MORE: f64 = 0.25;

/// The rows of an example with the model's answers: those that are normal first, then the shifted ones.
#[derive(Debug)]
pub(super) struct World<'a> {
    data: &'a DataSet,
    columns: Vec<(String, bool)>,
    rows: Vec<Answered>,
}

/// A row with its answer.
#[derive(Debug)]
struct Answered {
    answer: Answer,
    label: bool,
}

/// A row that may come, and the label that it would come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coming {
    pub(super) row: usize,
    pub(super) label: bool,
}

impl<'a> World<'a> {
    /// Asks the model about every row.
    pub(super) fn new(data: &'a DataSet, model: &Model) -> anyhow::Result<Self> {
        let mut rows = Vec::with_capacity(data.normal.len() + data.shifted.len());
        for row in data.normal.iter().chain(&data.shifted) {
            rows.push(Answered {
                answer: model.answer(&row.instance)?,
                label: row.label,
            });
        }
        Ok(Self {
            data,
            columns: model.columns(),
            rows,
        })
    }

    /// Reference rows of a client: all that are normal, or a random part of them; of texts, half.
    pub(super) fn reference(&self, random: &mut Random) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.data.normal.len()).collect();
        let parts = if self.data.text.is_some() { 2 } else { 1 };
        let wanted = (rows.len() / parts).min(REFERENCE_ROWS_MAX);
        for at in 0..wanted {
            let left = (rows.len() - at) as u64;
            let other = at + usize::try_from(random.below(left)).unwrap_or(0);
            rows.swap(at, other);
        }
        rows.truncate(wanted);
        rows.sort_unstable();
        rows
    }

    /// Rows that come in production.
    pub(super) fn production(
        &self,
        drift: DriftType,
        reference: &[usize],
        rows: usize,
        random: &mut Random,
    ) -> Vec<Coming> {
        let mut candidates = self.candidates(drift);
        if self.data.text.is_some() {
            candidates.retain(|coming| reference.binary_search(&coming.row).is_err());
        }
        let reference: Vec<Coming> = reference.iter().map(|&row| self.as_it_is(row)).collect();
        let margins = self.margins(drift, &reference, &candidates);
        let drawn = herd(&margins, candidates.len(), rows, random);
        drawn.into_iter().map(|at| candidates[at]).collect()
    }

    fn as_it_is(&self, row: usize) -> Coming {
        Coming {
            row,
            label: self.rows[row].label,
        }
    }

    fn candidates(&self, drift: DriftType) -> Vec<Coming> {
        let end = match drift {
            DriftType::DataDrift => self.rows.len(),
            _ => self.data.normal.len(),
        };
        let mut candidates = Vec::new();
        for row in 0..end {
            let coming = self.as_it_is(row);
            candidates.push(coming);
            let open = self.is_shifted(row) && self.data.shifted_labels_open;
            if drift == DriftType::ConceptDrift || open {
                candidates.push(Coming {
                    label: !coming.label,
                    ..coming
                });
            }
        }
        candidates
    }

    /// All that shall be as in the reference, and the one thing that shall not.
    fn margins(
        &self,
        drift: DriftType,
        reference: &[Coming],
        candidates: &[Coming],
    ) -> Vec<Margin> {
        let keep = |values: &dyn Fn(&[Coming]) -> Values| {
            Margin::as_in(&values(reference), &values(candidates))
        };
        let share_of = |holds: &dyn Fn(&Coming) -> bool, more: f64| {
            let found = reference.iter().filter(|coming| holds(coming)).count();
            let share = found as f64 / reference.len().max(1) as f64;
            Margin::share(candidates.iter().map(holds), share + more)
        };
        let numbers = |number: &dyn Fn(&Coming) -> f64, rows: &[Coming]| {
            Values::Numbers(rows.iter().map(number).collect())
        };

        let mut margins = Vec::new();
        if drift == DriftType::DataDrift {
            let shifted = candidates.iter().map(|coming| self.is_shifted(coming.row));
            margins.push(Margin::share(shifted, SHIFTED_SHARE));
        } else {
            // No two texts are alike, so their shares cannot be kept; their length and frequent words are.
            let text = |name: &String| self.data.text == Some(name.as_str());
            for (name, numeric) in self.columns.iter().filter(|(name, _)| !text(name)) {
                margins.push(keep(&|rows| self.feature(name, *numeric, rows)));
            }
        }
        if drift == DriftType::PriorDrift {
            let labels = candidates.iter().map(|coming| coming.label);
            margins.push(Margin::share(labels, self.data.prior_share));
        } else {
            margins.push(share_of(&|coming| coming.label, 0.0));
            margins.push(share_of(&|coming| self.answer(*coming).positive, 0.0));
            let probability = |coming: &Coming| self.answer(*coming).probability;
            margins.push(keep(&|rows| numbers(&probability, rows)));
        }
        let wrong = |coming: &Coming| self.answer(*coming).positive != coming.label;
        if drift == DriftType::ConceptDrift {
            margins.push(share_of(&wrong, WRONG_MORE));
        } else {
            margins.push(share_of(&wrong, 0.0));
            margins.push(keep(&|rows| numbers(&|coming| self.brier(*coming), rows)));
        }
        margins
    }

    fn answer(&self, coming: Coming) -> &Answer {
        &self.rows[coming.row].answer
    }

    fn is_shifted(&self, row: usize) -> bool {
        row >= self.data.normal.len()
    }

    fn brier(&self, coming: Coming) -> f64 {
        let off = self.answer(coming).probability - f64::from(u8::from(coming.label));
        off * off
    }

    fn feature(&self, name: &str, numeric: bool, rows: &[Coming]) -> Values {
        let values = rows
            .iter()
            .map(|coming| self.answer(*coming).features.get(name));
        if numeric {
            let number = |value: Option<&Value>| value.and_then(Value::as_f64);
            Values::Numbers(values.map(|v| number(v).unwrap_or(f64::NAN)).collect())
        } else {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            Values::Names(values.map(|v| text(v).unwrap_or_default()).collect())
        }
    }
}

#[cfg(test)]
mod tests;
