//! What is expected and what is true of a window's rows, and the figures that come of it.

use std::collections::BTreeMap;

use leeway_outcomes::Rows;
use leeway_sdk::Failure;
use leeway_statistics::cbpe::{Performance, macro_average, measure, ratio};

use crate::figure::Figure;

/// One class against the rest, or one kind of error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    /// What the model gave; empty for errors.
    pub(crate) scores: Vec<f64>,
    /// Whether it predicted the class; empty for errors.
    pub(crate) said: Vec<bool>,
    /// Chance of the class, or error to expect.
    pub(crate) expected: Vec<f64>,
    /// 1 for rows of the class, or the error; of no meaning where there is no label.
    pub(crate) truth: Vec<f64>,
}

/// What the views of a window are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Views {
    /// The positive class of two.
    Binary(View),
    /// Each class against the rest, and the position of each row's predicted class.
    Classes(Vec<View>, Vec<u32>),
    /// Right against wrong: the class is "right", which every prediction claims to be. `scored`: by the model itself.
    Right { view: View, scored: bool },
    /// The absolute error and its square.
    Errors { absolute: View, squared: View },
}

/// The rows of a window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Data {
    pub(crate) views: Views,
    pub(crate) times: Vec<f64>,
    /// Rows with everything that an estimate takes, in order of time.
    pub(crate) usable: Vec<usize>,
    /// Those of them with a label.
    pub(crate) labelled: Vec<usize>,
    /// All rows that were read.
    pub(crate) rows: usize,
    pub(crate) unseen_share: f64,
}

/// Which of two a figure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Expected,
    Truth,
}

/// Probabilities of what was predicted, of rows with labels.
pub(crate) struct Certainty {
    /// As the model gave them.
    pub(crate) scores: Vec<f64>,
    /// 1 where it was so.
    pub(crate) truth: Vec<f64>,
}

impl Data {
    pub(crate) fn new(
        rows: &Rows,
        views: Views,
        usable: Vec<usize>,
        labelled: Vec<usize>,
        unseen_share: f64,
    ) -> Result<Self, Failure> {
        let times = rows.times()?;
        // Rows without a time keep their order, after the others.
        let in_order = |mut some: Vec<usize>| {
            some.sort_by(|left, right| times[*left].total_cmp(&times[*right]));
            some
        };
        let (usable, labelled) = (in_order(usable), in_order(labelled));
        Ok(Self {
            views,
            times,
            usable,
            labelled,
            rows: rows.count(),
            unseen_share,
        })
    }

    /// Every figure that these rows have.
    pub(crate) fn figures(
        &self,
        rows: &[usize],
        of: Of,
        wanted: impl Fn(Figure) -> bool,
    ) -> BTreeMap<Figure, Performance> {
        let figures = Figure::ALL.into_iter().filter(|figure| wanted(*figure));
        figures
            .filter_map(|figure| Some((figure, self.figure(figure, rows, of)?)))
            .collect()
    }

    fn figure(&self, figure: Figure, rows: &[usize], of: Of) -> Option<Performance> {
        match (&self.views, figure.of_classifier()) {
            (Views::Binary(view), Some(metric)) => {
                let part = view.part(rows, of);
                measure(metric, &part.scores, &part.said, &part.truth)
            }
            (Views::Right { view, .. }, Some(_)) if figure == Figure::Accuracy => {
                ratio(view.part(rows, of).truth.iter().map(|right| (*right, 1.0)))
            }
            (Views::Classes(views, predicted), Some(_)) if figure == Figure::Accuracy => {
                let right = |row: &usize| views[predicted[*row] as usize].of(of)[*row];
                ratio(rows.iter().map(|row| (right(row), 1.0)))
            }
            // Of more than two classes there is no one Brier score that people agree on.
            (Views::Classes(views, _), Some(metric)) if figure != Figure::Brier => {
                let one = |view: &View| {
                    let part = view.part(rows, of);
                    measure(metric, &part.scores, &part.said, &part.truth)
                };
                macro_average(&views.iter().map(one).collect::<Vec<_>>(), rows.len())
            }
            (Views::Errors { absolute, squared }, None) => {
                let view = if figure == Figure::Mae {
                    absolute
                } else {
                    squared
                };
                let mean = ratio(view.part(rows, of).truth.iter().map(|error| (*error, 1.0)))?;
                if figure == Figure::Rmse {
                    Some(root(mean))
                } else {
                    Some(mean)
                }
            }
            _ => None,
        }
    }

    /// What was said of rows with labels, and what was so; absent where the model gave no probabilities.
    pub(crate) fn certainty(&self, rows: &[usize]) -> Option<Certainty> {
        let view_of = |row: usize| match &self.views {
            Views::Binary(view) | Views::Right { view, scored: true } => Some(view),
            Views::Classes(views, predicted) => views.get(predicted[row] as usize),
            Views::Right { .. } | Views::Errors { .. } => None,
        };
        let mut certainty = Certainty {
            scores: Vec::new(),
            truth: Vec::new(),
        };
        for &row in rows {
            let view = view_of(row)?;
            certainty.scores.push(view.scores[row]);
            certainty.truth.push(view.truth[row]);
        }
        Some(certainty)
    }

    /// Share of the rows without an answer.
    pub(crate) fn missing_share(&self) -> f64 {
        1.0 - self.usable.len() as f64 / self.rows.max(1) as f64
    }
}

/// Some rows of a view.
struct Part {
    scores: Vec<f64>,
    said: Vec<bool>,
    truth: Vec<f64>,
}

impl View {
    fn of(&self, of: Of) -> &[f64] {
        match of {
            Of::Expected => &self.expected,
            Of::Truth => &self.truth,
        }
    }

    fn part(&self, rows: &[usize], of: Of) -> Part {
        let truth = self.of(of);
        Part {
            scores: rows
                .iter()
                .filter_map(|&row| self.scores.get(row).copied())
                .collect(),
            said: rows
                .iter()
                .filter_map(|&row| self.said.get(row).copied())
                .collect(),
            truth: rows.iter().map(|&row| truth[row]).collect(),
        }
    }
}

/// The root of a figure: its influence is the figure's over twice the root.
fn root(mut mean: Performance) -> Performance {
    mean.value = mean.value.sqrt();
    let scale = if mean.value > 0.0 {
        0.5 / mean.value
    } else {
        0.0
    };
    for part in &mut mean.influence {
        *part *= scale;
    }
    mean
}
