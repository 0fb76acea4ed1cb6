//! Runs each column's tests on the current window.

use std::cell::OnceCell;

use leeway_sdk::{
    Column, ColumnKind, Distribution, Failure, Measurement, Role, Verdict, Window, detail,
    measurement,
};
use leeway_statistics::bridge_null::{BridgePaths, GRID, PATHS, WassersteinNull};
use leeway_statistics::posterior::rate_difference;
use leeway_statistics::sample::SampleBuf;
use serde_json::{Value, json};

use crate::Test;
use crate::baseline::{Baseline, Cells, Numbers, Reference, Summary, Weighted};
use crate::cells::{Counted, share};
use crate::config::Config;
use crate::explain::{self, Part, significant};
use crate::finding::{self, Finding, Spread};
use crate::judge::{Draft, judge};
use crate::mean::mean_shift;
use crate::on_counts::{self, OnCounts, Table};
use crate::test::MISSING;

pub(crate) fn evaluate(
    baseline: &[u8],
    current: &dyn Window,
    config: &Config,
    seed: u64,
) -> Result<Vec<Measurement>, Failure> {
    let baseline = Baseline::from_bytes(baseline)?;
    let columns = current.columns();
    let run = Run {
        config,
        seed,
        paths: OnceCell::new(),
    };
    let mut drafts = Vec::new();
    for reference in baseline.columns {
        // A column that is not in this window is passed over: the host hands over what the model has.
        if let Some((index, column)) = (0..)
            .zip(&columns)
            .find(|(_, column)| column.name == reference.name)
        {
            drafts.extend(compare(reference, current, index, column, &run)?);
        }
    }
    Ok(judge(drafts, config))
}

/// What all columns of an evaluation share.
struct Run<'a> {
    config: &'a Config,
    seed: u64,
    /// Drawn when the first column needs them.
    paths: OnceCell<BridgePaths>,
}

impl Run<'_> {
    /// A seed for what is random about one test of one column, whatever other columns there are.
    fn seed(&self, column: &str, test: Test) -> u64 {
        let bytes = column.bytes().chain(test.name().bytes());
        bytes.fold(self.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a.
        })
    }

    /// Whether what carries a distance may be asked for: it may be drift.
    fn may_drift(&self, finding: &Finding) -> bool {
        let fixed = finding
            .test
            .is_some_and(|test| self.config.thresholds.contains_key(&test));
        fixed || finding.p_value <= self.config.level
    }
}

/// The sizes of both windows in one column, and what it is of.
#[derive(Clone, Copy)]
struct Sizes {
    reference_rows: u64,
    reference_missing: u64,
    current_rows: u64,
    current_missing: u64,
    /// The column is of right and wrong answers.
    errors: bool,
}

/// All drafts of one column.
fn compare(
    reference: Reference,
    current: &dyn Window,
    index: u32,
    column: &Column,
    run: &Run,
) -> Result<Vec<Draft>, Failure> {
    let sizes = Sizes {
        reference_rows: reference.rows,
        reference_missing: reference.missing,
        current_rows: column.rows,
        current_missing: column.missing + column.non_finite,
        errors: column.role == Role::Error,
    };
    let base = |unseen_share: f64| {
        let mut base = measurement("", Some(&reference.name));
        base.missing_share = share(sizes.current_missing as f64, sizes.current_rows as f64);
        base.unseen_share = unseen_share;
        base
    };
    let (tests, rows_min) = (reference.tests.as_slice(), run.config.rows_min);
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
            let now = counted.names.iter().map(String::as_str).zip(counted.counts);
            let known = names.iter().map(String::as_str).zip(counts);
            let cells = Counted::of_names(&known.collect(), rest, &now.collect(), counted.rest);
            let unseen = cells.unseen_share;
            Ok(tests
                .iter()
                .map(|&test| on_counts(test, &cells, sizes, base(unseen), run))
                .collect())
        }
        Summary::Numbers(numbers) => {
            let distinct = current.distinct(index)?;
            let unseen_share = outside(&numbers, &distinct);
            let numbers = Numeric::new(numbers, distinct, column.rank_error)?;
            let mut drafts = Vec::new();
            for &test in tests {
                let draft = if test.counts() {
                    on_counts(test, &numbers.cells(), sizes, base(unseen_share), run)
                } else {
                    on_numbers(test, &numbers, base(unseen_share), run)
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
    fn cells(&self) -> Counted<'static> {
        let (values, counts) = self.current.as_ref().map_or((&[][..], &[][..]), |current| {
            let current = current.as_sample();
            (current.values(), current.counts())
        });
        Counted::of_numbers(self.reference_cells.as_ref(), values, counts)
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

/// A draft with its verdict, or without one.
fn undecided(measurement: Measurement) -> Draft {
    Draft {
        measurement,
        finding: None,
        carried_by: Vec::new(),
        error_difference: None,
    }
}

/// A test that counts. Missing values are a cell of their own.
fn on_counts(test: Test, cells: &Counted, sizes: Sizes, mut base: Measurement, run: &Run) -> Draft {
    test.name().clone_into(&mut base.metric);
    (base.reference_rows, base.current_rows) = (sizes.reference_rows, sizes.current_rows);
    if sizes.reference_rows.min(sizes.current_rows) < run.config.rows_min {
        return undecided(base);
    }
    let missing = (sizes.reference_missing as f64, sizes.current_missing as f64);
    let (parts, table) = cells.table(missing);
    let used = table.reference.iter().zip(&table.current);
    if used.filter(|(p, q)| *p + *q > 0.0).count() == 1 && !cells.blurred {
        base.verdict = Verdict::Constant;
        return undecided(base);
    }
    let seed = run.seed(base.column.as_deref().unwrap_or_default(), test);
    match on_counts::on_counts(test, &table, seed) {
        Ok(OnCounts::Tested(finding)) => {
            let carried_by = if run.may_drift(&finding) {
                let terms = explain::terms(test, &table.reference, &table.current);
                explain::ranked(&parts, &terms, (&table.reference, &table.current))
            } else {
                Vec::new()
            };
            Draft {
                measurement: base,
                finding: Some(finding),
                carried_by,
                error_difference: sizes
                    .errors
                    .then(|| error_difference(&parts, &table))
                    .flatten(),
            }
        }
        Ok(OnCounts::TooSparse { value }) => {
            base.value = value;
            base.detail = Some(detail([(
                "reason",
                "every category or bin is too rare, or beyond the dictionary".into(),
            )]));
            undecided(base)
        }
        Err(error) => failed(base, &error.to_string()),
    }
}

/// How much more often the model is wrong, as a posterior: what an A/B test of the two windows would say.
fn error_difference(parts: &[Part], table: &Table) -> Option<Value> {
    let wrong = |counts: &[f64]| {
        let values = parts
            .iter()
            .zip(counts)
            .filter(|(part, _)| matches!(part, Part::Value(_)));
        let rows: f64 = values.clone().map(|(_, count)| count).sum();
        let hits = values.filter(|(part, _)| **part == Part::Value(1.0));
        (hits.map(|(_, count)| count).sum::<f64>() + 0.0, rows)
    };
    let (before, now) = (wrong(&table.reference), wrong(&table.current));
    if before.1 + now.1 <= 0.0 {
        return None; // Cut into bins by its configuration: what is wrong cannot be told.
    }
    let found = rate_difference(before, now);
    Some(json!({
        "mean": significant(found.mean), "low": significant(found.low), "high": significant(found.high),
        "probability_worse": significant(found.above_zero),
    }))
}

/// A test that needs numbers. Missing values take no part.
fn on_numbers(test: Test, numbers: &Numeric, mut base: Measurement, run: &Run) -> Draft {
    test.name().clone_into(&mut base.metric);
    let (n, m) = (
        whole(numbers.reference_spread.count),
        whole(numbers.current_spread.count),
    );
    (base.reference_rows, base.current_rows) = (n, m);
    if n.min(m) < run.config.rows_min.max(1) {
        return undecided(base);
    }
    if numbers.constant {
        base.verdict = Verdict::Constant;
        return undecided(base);
    }
    match tested(test, numbers, run) {
        Some(finding) => Draft {
            carried_by: carried_by(test, numbers, &finding, run),
            error_difference: None,
            measurement: base,
            finding: Some(finding),
        },
        None => failed(base, "the baseline was fitted without what this test needs"),
    }
}

/// The bins that carry a distance of numbers. Of means there is nothing to rank: they are told themselves.
fn carried_by(test: Test, numbers: &Numeric, finding: &Finding, run: &Run) -> Vec<Value> {
    let (Some(reference), Some(current)) = (&numbers.reference, &numbers.current) else {
        return Vec::new();
    };
    if test == Test::MeanShift || !run.may_drift(finding) {
        return Vec::new();
    }
    explain::of_numbers(test, &reference.as_sample(), &current.as_sample())
}

fn tested(test: Test, numbers: &Numeric, run: &Run) -> Option<Finding> {
    if test == Test::MeanShift {
        return Some(mean_shift(numbers.reference_spread, numbers.current_spread));
    }
    let (reference, current) = (
        numbers.reference.as_ref()?.as_sample(),
        numbers.current.as_ref()?.as_sample(),
    );
    match test {
        Test::Ks => Some(finding::ks(&reference, &current, numbers.rank_error)),
        Test::CramerVonMises => Some(finding::cramer_von_mises_test(&reference, &current)),
        Test::Wasserstein => {
            let null = || WassersteinNull::from_parts(numbers.null.as_deref()?).ok();
            let compared = |pooled| {
                let spread = numbers.current_spread;
                Some(finding::wasserstein_distance(
                    &reference,
                    &current,
                    spread,
                    null()?,
                    pooled,
                ))
            };
            let found = compared(None)?;
            if found.p_value > run.config.level || reference.distinct() == 1 {
                return Some(found);
            }
            // It may be drift, which is worth the law of both windows together.
            let paths = run
                .paths
                .get_or_init(|| BridgePaths::simulate(run.seed, PATHS, GRID));
            let both = SampleBuf::pooled(&reference, &current);
            compared(Some(paths.wasserstein_null(&both.as_sample())))
        }
        _ => None,
    }
}

fn on_missing(sizes: Sizes, rows_min: u64, mut base: Measurement) -> Draft {
    MISSING.clone_into(&mut base.metric);
    (base.reference_rows, base.current_rows) = (sizes.reference_rows, sizes.current_rows);
    if sizes.reference_rows.min(sizes.current_rows) < rows_min.max(1) {
        return undecided(base);
    }
    let pair = |missing: u64, rows: u64| (missing as f64, rows as f64);
    let finding = finding::missing(
        pair(sizes.reference_missing, sizes.reference_rows),
        pair(sizes.current_missing, sizes.current_rows),
    );
    Draft {
        measurement: base,
        finding: Some(finding),
        carried_by: Vec::new(),
        error_difference: None,
    }
}

fn failed(mut base: Measurement, why: &str) -> Draft {
    base.verdict = Verdict::Failed;
    base.detail = Some(detail([("reason", why.into())]));
    undecided(base)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole numbers below 2^53"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
