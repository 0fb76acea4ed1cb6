//! Runs each column's tests on the current window.

use std::collections::BTreeMap;

use leeway_sdk::{
    Column, ColumnKind, Distribution, Failure, Measurement, Verdict, Window, detail, measurement,
};
use leeway_statistics::bridge_null::WassersteinNull;
use leeway_statistics::sample::SampleBuf;

use crate::Test;
use crate::baseline::{Baseline, Cells, Numbers, Reference, Summary, Weighted};
use crate::config::Config;
use crate::finding::{self, Finding, OnCounts, Spread};
use crate::judge::{Draft, judge};
use crate::test::MISSING;

pub(crate) fn evaluate(
    baseline: &[u8],
    current: &dyn Window,
    config: &Config,
) -> Result<Vec<Measurement>, Failure> {
    let baseline = Baseline::from_bytes(baseline)?;
    let columns = current.columns();
    let mut drafts = Vec::new();
    for reference in baseline.columns {
        // A column that is not in this window is passed over: the host hands over what the model has.
        if let Some((index, column)) = (0..)
            .zip(&columns)
            .find(|(_, column)| column.name == reference.name)
        {
            drafts.extend(compare(reference, current, index, column, config)?);
        }
    }
    Ok(judge(drafts, config))
}

/// The sizes of both windows in one column.
#[derive(Clone, Copy)]
struct Sizes {
    reference_rows: u64,
    reference_missing: u64,
    current_rows: u64,
    current_missing: u64,
}

/// All drafts of one column.
fn compare(
    reference: Reference,
    current: &dyn Window,
    index: u32,
    column: &Column,
    config: &Config,
) -> Result<Vec<Draft>, Failure> {
    let sizes = Sizes {
        reference_rows: reference.rows,
        reference_missing: reference.missing,
        current_rows: column.rows,
        current_missing: column.missing + column.non_finite,
    };
    let base = |unseen_share: f64| {
        let mut base = measurement("", Some(&reference.name));
        base.missing_share = share(sizes.current_missing as f64, sizes.current_rows as f64);
        base.unseen_share = unseen_share;
        base
    };
    let (tests, rows_min) = (reference.tests.as_slice(), config.rows_min);
    let were_names = matches!(reference.summary, Summary::Categories { .. });
    if were_names != (column.kind == ColumnKind::Categorical) {
        let why = if were_names {
            "the reference has categories, this window has numbers"
        } else {
            "the reference has numbers, this window has categories"
        };
        let other_kind = |test: &Test| {
            let mut base = base(0.0);
            test.name().clone_into(&mut base.metric);
            (base.reference_rows, base.current_rows) = (sizes.reference_rows, sizes.current_rows);
            failed(base, why)
        };
        return Ok(tests.iter().map(other_kind).collect());
    }
    match reference.summary {
        Summary::Categories {
            names,
            counts,
            rest,
        } => {
            let counted = current.category_counts(index)?;
            let current = counted.names.into_iter().zip(counted.counts).collect();
            let known: BTreeMap<String, f64> = names.into_iter().zip(counts).collect();
            let Counted {
                cells,
                blurred,
                unseen_share,
            } = categories(&known, rest, &current, counted.rest);
            Ok(tests
                .iter()
                .map(|&test| on_counts(test, &cells, blurred, sizes, rows_min, base(unseen_share)))
                .collect())
        }
        Summary::Numbers(numbers) => {
            let distinct = current.distinct(index)?;
            let unseen_share = outside(&numbers, &distinct);
            let numbers = Numeric::new(numbers, distinct, column.rank_error)?;
            let mut drafts = Vec::new();
            for &test in tests {
                let draft = if test.counts() {
                    on_counts(
                        test,
                        &numbers.cells(),
                        false,
                        sizes,
                        rows_min,
                        base(unseen_share),
                    )
                } else {
                    on_numbers(test, &numbers, rows_min, base(unseen_share))
                };
                drafts.push(draft);
            }
            // Tests that count have a cell for missing values; for the others it is a test of its own.
            let any_missing = sizes.reference_missing + sizes.current_missing > 0;
            if any_missing && tests.iter().any(|test| !test.counts()) {
                drafts.push(on_missing(sizes, rows_min, base(unseen_share)));
            }
            Ok(drafts)
        }
    }
}

/// Both windows of a numeric column.
struct Numeric {
    reference: Option<SampleBuf>,
    current: Option<SampleBuf>,
    reference_spread: Spread,
    current_spread: Spread,
    rank_error: f64,
    /// Both windows hold one and the same value.
    constant: bool,
    null: Option<Vec<f64>>,
    reference_cells: Option<Cells>,
}

impl Numeric {
    fn new(numbers: Numbers, distinct: Distribution, rank_error: f64) -> Result<Self, Failure> {
        let current = SampleBuf::new(distinct.values, distinct.counts).ok(); // None: no value at all.
        let one =
            (numbers.count > 0.0 && numbers.minimum == numbers.maximum).then_some(numbers.minimum);
        let constant = current.as_ref().is_some_and(|current| {
            let current = current.as_sample();
            one == Some(current.minimum()) && one == Some(current.maximum())
        });
        Ok(Self {
            current_spread: current.as_ref().map_or(
                Spread {
                    count: 0.0,
                    mean: 0.0,
                    variance: 0.0,
                },
                |current| finding::spread(&current.as_sample()),
            ),
            reference_spread: Spread {
                count: numbers.count,
                mean: numbers.mean,
                variance: numbers.variance,
            },
            rank_error: numbers.rank_error + rank_error,
            constant,
            null: numbers.wasserstein_null,
            reference_cells: numbers.cells,
            reference: numbers
                .distribution
                .map(Weighted::into_sample)
                .transpose()?,
            current,
        })
    }

    /// Counts of both windows over the reference's bins or both windows' values.
    fn cells(&self) -> Vec<(f64, f64)> {
        let (values, counts) = self.current.as_ref().map_or((&[][..], &[][..]), |current| {
            let current = current.as_sample();
            (current.values(), current.counts())
        });
        match &self.reference_cells {
            None => counts.iter().map(|&count| (0.0, count)).collect(),
            Some(Cells::Bins {
                edges,
                counts: reference,
            }) => {
                let mut binned = vec![0.0; reference.len()];
                let mut bin = 0;
                for (value, count) in values.iter().zip(counts) {
                    bin += edges[bin..].iter().take_while(|edge| value > *edge).count();
                    binned[bin] += count;
                }
                reference.iter().copied().zip(binned).collect()
            }
            Some(Cells::Values {
                values: known,
                counts: reference,
            }) => union(known, reference, values, counts),
        }
    }
}

/// Counts at every value of either window, ascending.
fn union(known: &[f64], reference: &[f64], values: &[f64], counts: &[f64]) -> Vec<(f64, f64)> {
    let mut cells = Vec::with_capacity(known.len() + values.len());
    let (mut i, mut j) = (0, 0);
    while i < known.len() || j < values.len() {
        let (a, b) = (known.get(i), values.get(j));
        let take_known = a.is_some_and(|a| b.is_none_or(|b| a <= b));
        let take_value = b.is_some_and(|b| a.is_none_or(|a| b <= a));
        cells.push((
            if take_known { reference[i] } else { 0.0 },
            if take_value { counts[j] } else { 0.0 },
        ));
        i += usize::from(take_known);
        j += usize::from(take_value);
    }
    cells
}

/// Counts of every category of either window.
struct Counted {
    cells: Vec<(f64, f64)>,
    /// One of the cells holds rows beyond a dictionary: many names, or none that is known.
    blurred: bool,
    /// Share of the current window's values that the reference never had.
    unseen_share: f64,
}

/// Rows beyond a dictionary are one category of their own. A name that one window's dictionary lacks
/// may be among them, so its rows in the other window join that category: which of many rare names
/// a dictionary keeps is chance, not drift.
fn categories(
    known: &BTreeMap<String, f64>,
    rest: f64,
    current: &BTreeMap<String, f64>,
    current_rest: f64,
) -> Counted {
    let (mut cells, mut other) = (Vec::with_capacity(known.len()), (rest, current_rest));
    for (name, &count) in known {
        match current.get(name) {
            Some(&now) => cells.push((count, now)),
            None if current_rest > 0.0 => other.0 += count,
            None => cells.push((count, 0.0)),
        }
    }
    let mut unseen = if other.0 > 0.0 { 0.0 } else { current_rest };
    for (_, &count) in current
        .iter()
        .filter(|(name, _)| !known.contains_key(*name))
    {
        if rest > 0.0 {
            other.1 += count;
        } else {
            unseen += count;
            cells.push((0.0, count));
        }
    }
    let total: f64 = current.values().sum::<f64>() + current_rest;
    let blurred = other.0 + other.1 > 0.0;
    if blurred {
        cells.push(other);
    }
    Counted {
        cells,
        blurred,
        unseen_share: share(unseen, total),
    }
}

/// Share of the current values outside the reference's range.
fn outside(numbers: &Numbers, current: &Distribution) -> f64 {
    let total: f64 = current.counts.iter().sum();
    if numbers.count == 0.0 {
        return f64::from(u8::from(total > 0.0));
    }
    let below = current
        .values
        .partition_point(|&value| value < numbers.minimum);
    let above = current
        .values
        .partition_point(|&value| value <= numbers.maximum);
    let beyond: f64 = current.counts[..below]
        .iter()
        .chain(&current.counts[above..])
        .sum();
    share(beyond, total)
}

fn share(part: f64, whole: f64) -> f64 {
    // The sum of nothing is -0.0; the 0.0 makes it the plain zero that people expect.
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0) + 0.0
    } else {
        0.0
    }
}

/// A test that counts. Missing values are a cell of their own.
fn on_counts(
    test: Test,
    cells: &[(f64, f64)],
    blurred: bool,
    sizes: Sizes,
    rows_min: u64,
    mut base: Measurement,
) -> Draft {
    test.name().clone_into(&mut base.metric);
    let Sizes {
        reference_rows,
        reference_missing,
        current_rows,
        current_missing,
    } = sizes;
    let missing = (reference_missing as f64, current_missing as f64);
    let filled = cells
        .iter()
        .copied()
        .chain([missing])
        .filter(|cell| cell.0 + cell.1 > 0.0);
    let (reference, current): (Vec<f64>, Vec<f64>) = filled.unzip();
    (base.reference_rows, base.current_rows) = (reference_rows, current_rows);
    if reference_rows.min(current_rows) < rows_min {
        return Draft {
            measurement: base,
            finding: None,
        };
    }
    if reference.len() == 1 && !blurred {
        base.verdict = Verdict::Constant;
        return Draft {
            measurement: base,
            finding: None,
        };
    }
    match finding::on_counts(test, &reference, &current) {
        Ok(OnCounts::Tested(finding)) => Draft {
            measurement: base,
            finding: Some(finding),
        },
        Ok(OnCounts::TooSparse { value }) => {
            base.value = value;
            base.detail = Some(detail([(
                "reason",
                "every category or bin is too rare, or beyond the dictionary".into(),
            )]));
            Draft {
                measurement: base,
                finding: None,
            }
        }
        Err(error) => failed(base, &error.to_string()),
    }
}

/// A test that needs numbers. Missing values take no part.
fn on_numbers(test: Test, numbers: &Numeric, rows_min: u64, mut base: Measurement) -> Draft {
    test.name().clone_into(&mut base.metric);
    let (n, m) = (
        whole(numbers.reference_spread.count),
        whole(numbers.current_spread.count),
    );
    (base.reference_rows, base.current_rows) = (n, m);
    if n.min(m) < rows_min.max(1) {
        return Draft {
            measurement: base,
            finding: None,
        };
    }
    if numbers.constant {
        base.verdict = Verdict::Constant;
        return Draft {
            measurement: base,
            finding: None,
        };
    }
    match tested(test, numbers) {
        Some(finding) => Draft {
            measurement: base,
            finding: Some(finding),
        },
        None => failed(base, "the baseline was fitted without what this test needs"),
    }
}

fn tested(test: Test, numbers: &Numeric) -> Option<Finding> {
    if test == Test::MeanShift {
        return Some(finding::mean_shift(
            numbers.reference_spread,
            numbers.current_spread,
        ));
    }
    let (reference, current) = (
        numbers.reference.as_ref()?.as_sample(),
        numbers.current.as_ref()?.as_sample(),
    );
    match test {
        Test::Ks => Some(finding::ks(&reference, &current, numbers.rank_error)),
        Test::CramerVonMises => Some(finding::cramer_von_mises_test(&reference, &current)),
        Test::Wasserstein => {
            let null = WassersteinNull::from_parts(numbers.null.as_deref()?).ok()?;
            let spread = numbers.current_spread;
            Some(finding::wasserstein_distance(
                &reference, &current, spread, null,
            ))
        }
        _ => None,
    }
}

fn on_missing(sizes: Sizes, rows_min: u64, mut base: Measurement) -> Draft {
    MISSING.clone_into(&mut base.metric);
    (base.reference_rows, base.current_rows) = (sizes.reference_rows, sizes.current_rows);
    if sizes.reference_rows.min(sizes.current_rows) < rows_min.max(1) {
        return Draft {
            measurement: base,
            finding: None,
        };
    }
    let pair = |missing: u64, rows: u64| (missing as f64, rows as f64);
    let finding = finding::missing(
        pair(sizes.reference_missing, sizes.reference_rows),
        pair(sizes.current_missing, sizes.current_rows),
    );
    Draft {
        measurement: base,
        finding: Some(finding),
    }
}

fn failed(mut base: Measurement, why: &str) -> Draft {
    base.verdict = Verdict::Failed;
    base.detail = Some(detail([("reason", why.into())]));
    Draft {
        measurement: base,
        finding: None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole numbers below 2^53"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
