//! What the reference says of its own errors: their mean on rows that the components have not seen, and how they move.

use leeway_matrix::{Sealed, Table, TableColumn, Values};
use leeway_statistics::chi_squared::chi_squared_isf;
use serde::{Deserialize, Serialize};

use crate::model::Model;

/// Parts of the reference: rows of each but the first are fresh to a model of those before it.
const PARTS: usize = 5;
/// Chance, without changes inside the reference, that its chunks are taken to have some.
const CHUNKS_LEVEL: f64 = 0.01;
/// Standard deviations of NannyML's thresholds.
const NANNYML_SIGMAS: f64 = 3.0;
/// Deviations of a row's error, over its mean scale of 1, below which there is nothing but rounding.
const DEVIATION_MIN: f64 = 1e-9;

/// Mean and deviation of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many.
    pub rows: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, divisor rows less one; 0 for one row.
    pub deviation: f64,
}

/// Of numbers, `0` for none.
pub fn spread(numbers: &[f64]) -> Spread {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
    Spread {
        rows: numbers.len(),
        mean,
        deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
    }
}

/// What is kept of the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Rows that were learned from.
    pub rows: usize,
    /// The components and what comes before them.
    pub model: Model,
    /// The same with as many components, of the first part of the rows, of the two first ones, and so on but for all.
    early: Vec<Early>,
    /// Standard deviation of a row's error under models that were learned without it.
    row_deviation: f64,
    /// Variance between chunks beyond what their sizes explain.
    between: f64,
    /// Mean of the chunks' errors under the one model.
    chunk_mean: f64,
    /// Standard deviation (divisor: chunks) of those.
    chunk_deviation: f64,
}

/// A model of some parts, and how it fares on the part after them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Early {
    model: Model,
    /// Its weight: models of more rows are nearer to that of all. Weights add up to 1.
    weight: f64,
    /// Mean error of the next part's rows.
    mean: f64,
    /// Variance of that mean.
    variance: f64,
}

impl Sealed for Baseline {
    const FORMAT: u8 = 1;
}

/// The mean error of a window without drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    /// Its expectation.
    pub centre: f64,
    /// Its standard deviation.
    pub error: f64,
    /// Standard deviation of a row's error.
    pub row_deviation: f64,
    /// Degrees of freedom of the estimate of `error`: those of one part of the reference.
    pub degrees: f64,
}

impl Law {
    /// The normal deviate that is as unlikely as so many estimated standard errors.
    ///
    /// Source: Wallace (1959), "Bounds on Normal Approximations to Student's and the Chi-Square Distributions".
    pub fn normal_of(&self, errors: f64) -> f64 {
        let bent = (self.degrees * libm::log1p(errors * errors / self.degrees)).sqrt();
        bent * (8.0 * self.degrees + 1.0) / (8.0 * self.degrees + 3.0)
    }

    /// The inverse of [`Law::normal_of`], at most `1e6`.
    pub fn errors_of(&self, normal: f64) -> f64 {
        let bent = normal * (8.0 * self.degrees + 3.0) / (8.0 * self.degrees + 1.0);
        (self.degrees * libm::expm1(bent * bent / self.degrees))
            .sqrt()
            .min(1e6)
    }
}

/// Learns a baseline.
///
/// The components are those of all rows, as NannyML's. The errors of these very rows are smaller than those of fresh ones, by more than
/// a large window's sampling error; and where several components matter alike, which of them are kept is chance. So nothing is taken
/// from these rows' own errors: models of a fifth, two fifths and so on of the rows are asked about the next fifth, and about the
/// current rows. Cross-validation would not do: its parts share training rows, so their errors go up and down together.
pub fn learn(reference: &Table, variance: f64, chunks: usize) -> Baseline {
    let model = Model::fit(reference, variance);
    let own = model.errors(reference).unwrap_or_default();
    let (early, fresh, row_variance) = errors_unseen(reference, model.components());
    let means = chunk_means(&own, chunks);
    let size = (fresh.len() / chunks.max(1)).max(1);
    let over = spread(&means);
    let count = means.len().max(1) as f64;
    let chunk_variance = over.deviation * over.deviation * (count - 1.0) / count;
    Baseline {
        rows: reference.rows,
        row_deviation: row_variance.sqrt(),
        between: between(&fresh, size),
        chunk_mean: over.mean,
        chunk_deviation: chunk_variance.sqrt(),
        model,
        early,
    }
}

impl Baseline {
    /// Errors of rows under the one model, and the law of their mean where they are fresh rows without drift; no law where nothing but
    /// rounding is left of a row's error.
    ///
    /// The variance has three parts. A row's own, over the rows: NannyML takes the deviation of chunks of one size whatever the size of
    /// the window, and so misses by the root of their ratio. What the reference's chunks differ by beyond that, which no number of rows
    /// makes less. And that of the centre, which is an estimate. The centre holds for the early models; what the one model has more or
    /// less is measured on the very rows that are judged, so that it is no drift.
    ///
    /// A row's own variance is the larger one of both windows. Of few rows with heavy tails, or of names most of which come once, one
    /// window often has no far row at all: then it alone would make the other's one far row look like drift.
    ///
    /// # Errors
    /// A reason, where a column is not there or of another kind.
    pub fn judge(&self, rows: &Table) -> Result<(Spread, Option<Law>), String> {
        let now = spread(&self.model.errors(rows)?);
        let (mut centre, mut variance) = (now.mean, self.between);
        let mut weighted = vec![0.0; now.rows];
        for (part, early) in (1..).zip(&self.early) {
            let errors = early.model.errors(rows)?;
            for (sum, error) in weighted.iter_mut().zip(&errors) {
                *sum += early.weight * error;
            }
            let here = spread(&errors);
            centre += early.weight * (early.mean - here.mean);
            let of_mean = here.deviation * here.deviation / part_rows(self.rows, part) as f64;
            variance += early.weight * early.weight * early.variance.max(of_mean);
        }
        let own = self.row_deviation.max(spread(&weighted).deviation);
        variance += own * own / now.rows.max(1) as f64;
        let law = (self.row_deviation > DEVIATION_MIN).then(|| Law {
            centre,
            error: variance.sqrt(),
            row_deviation: self.row_deviation,
            degrees: (self.rows as f64 / PARTS as f64 - 1.0).max(1.0),
        });
        Ok((now, law))
    }

    /// NannyML's lower threshold: three deviations of the chunks below their mean, at least 0.
    pub fn nannyml_lower(&self) -> f64 {
        (self.chunk_mean - NANNYML_SIGMAS * self.chunk_deviation).max(0.0)
    }

    /// NannyML's upper threshold.
    pub fn nannyml_upper(&self) -> f64 {
        self.chunk_mean + NANNYML_SIGMAS * self.chunk_deviation
    }
}

/// Means of `chunks` equal chunks in the order of the rows, what is left over being one more.
fn chunk_means(errors: &[f64], chunks: usize) -> Vec<f64> {
    let size = (errors.len() / chunks.max(1)).max(1);
    errors
        .chunks(size)
        .map(|chunk| spread(chunk).mean)
        .collect()
}

/// Variance between chunks of `size` rows beyond what a row's own explains, if that is certain enough; else 0.
fn between(errors: &[f64], size: usize) -> f64 {
    let whole: Vec<f64> = errors
        .chunks_exact(size)
        .map(|chunk| spread(chunk).mean)
        .collect();
    let within: Vec<f64> = errors
        .chunks_exact(size)
        .map(|chunk| spread(chunk).deviation)
        .map(|deviation| deviation * deviation)
        .collect();
    if whole.len() < 2 || size < 2 {
        return 0.0;
    }
    let expected = spread(&within).mean / size as f64;
    let degrees = whole.len() as f64 - 1.0;
    let found = spread(&whole).deviation;
    let found = found * found;
    if expected > 0.0 && found / expected * degrees > chi_squared_isf(CHUNKS_LEVEL, degrees) {
        found - expected
    } else {
        0.0
    }
}

/// Models of so many components of the parts before each part; the errors of rows that were fresh to them, in the order of the rows;
/// and the variance of such an error.
fn errors_unseen(reference: &Table, kept: usize) -> (Vec<Early>, Vec<f64>, f64) {
    let mut errors = vec![f64::NAN; reference.rows];
    let mut early = Vec::with_capacity(PARTS - 1);
    let (mut row_variance, total) = (0.0, (PARTS * (PARTS - 1) / 2) as f64);
    for part in 1..PARTS.min(reference.rows) {
        // Every fifth row: what moves slowly is in each part.
        let model = Model::with(&rows_where(reference, |row| row % PARTS < part), kept);
        let next = rows_where(reference, |row| row % PARTS == part);
        let found = model.errors(&next).unwrap_or_default();
        let fresh = spread(&found);
        let (weight, variance) = (part as f64 / total, fresh.deviation * fresh.deviation);
        row_variance += weight * variance;
        for (place, error) in errors.iter_mut().skip(part).step_by(PARTS).zip(found) {
            *place = error;
        }
        early.push(Early {
            model,
            weight,
            mean: fresh.mean,
            variance: variance / fresh.rows.max(1) as f64,
        });
    }
    errors.retain(|error| !error.is_nan());
    (early, errors, row_variance)
}

/// Rows of a part: every fifth one, beginning with that of the part's number.
fn part_rows(rows: usize, part: usize) -> usize {
    rows.saturating_sub(part).div_ceil(PARTS).max(1)
}

/// The rows of a table that are wanted.
fn rows_where(table: &Table, wanted: impl Fn(usize) -> bool) -> Table {
    let rows: Vec<usize> = (0..table.rows).filter(|&row| wanted(row)).collect();
    let columns = table.columns.iter().map(|column| TableColumn {
        name: column.name.clone(),
        values: match &column.values {
            Values::Numbers(numbers) => {
                Values::Numbers(rows.iter().map(|&row| numbers[row]).collect())
            }
            Values::Names { codes, names } => Values::Names {
                codes: rows.iter().map(|&row| codes[row]).collect(),
                names: names.clone(),
            },
            Values::Vectors { dimension, values } => Values::Vectors {
                dimension: *dimension,
                values: rows
                    .iter()
                    .flat_map(|&row| {
                        values[row * dimension..(row + 1) * dimension]
                            .iter()
                            .copied()
                    })
                    .collect(),
            },
        },
    });
    Table {
        rows: rows.len(),
        columns: columns.collect(),
    }
}
