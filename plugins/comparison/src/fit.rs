//! Learns from the reference window what the configured tests will ask.

use leeway_sdk::{Column, ColumnKind, Failure, Window};
use leeway_statistics::bins::quantile_edges;
use leeway_statistics::bridge_null::{BridgePaths, GRID, PATHS};
use leeway_statistics::compress::compress;
use leeway_statistics::sample::{Sample, SampleBuf};

use crate::baseline::{Baseline, Cells, Numbers, Reference, Summary, Weighted};
use crate::config::Config;
use crate::{Plan, Test};

/// Bytes that the distributions of all columns together may take in a baseline. Where there are too
/// many values, columns keep about as many quantiles as fit, and the error of a rank is accounted for.
const DISTRIBUTIONS_BYTES_MAX: usize = 40 << 20;
/// Bytes of one value with its count.
const VALUE_BYTES: usize = 10;
/// However many columns there are, each keeps this many values.
const VALUES_MIN: usize = 256;

pub(crate) fn fit(
    plan: &Plan,
    reference: &dyn Window,
    config: &Config,
    seed: u64,
) -> Result<Vec<u8>, Failure> {
    let columns = reference.columns();
    if let Some(name) = config
        .columns
        .keys()
        .find(|name| columns.iter().all(|column| column.name != **name))
    {
        return Err(Failure::InvalidConfig(format!(
            "columns: the reference window has no column '{name}' that this detector looks at"
        )));
    }
    let values_max = (DISTRIBUTIONS_BYTES_MAX / VALUE_BYTES / columns.len().max(1)).max(VALUES_MIN);
    // One set of paths for all columns, drawn when the first one needs it.
    let mut paths = None;
    let mut null = |sample: &Sample| {
        let paths = paths.get_or_insert_with(|| BridgePaths::simulate(seed, PATHS, GRID));
        paths.wasserstein_null(sample).to_parts()
    };
    let mut references = Vec::with_capacity(columns.len());
    for (index, column) in (0..).zip(&columns) {
        if config
            .columns
            .get(&column.name)
            .is_some_and(|column| column.ignore)
        {
            continue;
        }
        let (tests, summary) = if column.kind == ColumnKind::Categorical {
            let counted = reference.category_counts(index)?;
            let summary = Summary::Categories {
                names: counted.names,
                counts: counted.counts,
                rest: counted.rest,
            };
            (plan.tests(column, true, config), summary)
        } else {
            let distinct = reference.distinct(index)?;
            let sample = SampleBuf::new(distinct.values, distinct.counts).ok();
            let discrete = sample
                .as_ref()
                .is_some_and(|sample| sample.as_sample().distinct() < config.distinct_min);
            let tests = plan.tests(column, discrete, config);
            let numbers = numbers(
                column,
                sample.as_ref(),
                discrete,
                &tests,
                config.bins,
                values_max,
                &mut null,
            );
            (tests, Summary::Numbers(numbers))
        };
        if let Some(test) = tests
            .iter()
            .find(|test| column.kind == ColumnKind::Categorical && !test.counts())
        {
            return Err(Failure::InvalidConfig(format!(
                "columns: '{}' is categorical, and '{}' needs numbers",
                column.name,
                test.name()
            )));
        }
        let missing = column.missing + column.non_finite;
        references.push(Reference {
            name: column.name.clone(),
            tests,
            rows: column.rows,
            missing,
            summary,
        });
    }
    Baseline {
        columns: references,
    }
    .to_bytes()
}

/// Keeps of a column's numbers what its tests need; nothing where it has none.
fn numbers(
    column: &Column,
    sample: Option<&SampleBuf>,
    discrete: bool,
    tests: &[Test],
    bins: usize,
    values_max: usize,
    null: &mut dyn FnMut(&Sample) -> Vec<f64>,
) -> Numbers {
    let Some(sample) = sample else {
        let (count, mean, variance, minimum, maximum, rank_error) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        return Numbers {
            count,
            mean,
            variance,
            minimum,
            maximum,
            rank_error,
            distribution: None,
            cells: None,
            wasserstein_null: None,
        };
    };
    let sample = sample.as_sample();
    let cells = tests
        .iter()
        .any(|test| test.counts())
        .then(|| cells(&sample, discrete, bins));
    let wasserstein_null = tests.contains(&Test::Wasserstein).then(|| null(&sample));
    let on_distribution =
        |test: &Test| matches!(test, Test::Ks | Test::Wasserstein | Test::CramerVonMises);
    let mut rank_error = column.rank_error;
    let distribution = tests.iter().any(on_distribution).then(|| {
        if sample.distinct() <= values_max {
            return Weighted::new(&sample);
        }
        let compressed = compress(&sample, values_max);
        rank_error += compressed.rank_error;
        Weighted::new(&compressed.sample.as_sample())
    });
    let (mean, variance) = sample.mean_and_variance();
    Numbers {
        count: sample.rows(),
        mean,
        variance,
        minimum: sample.minimum(),
        maximum: sample.maximum(),
        rank_error,
        distribution,
        cells,
        wasserstein_null,
    }
}

fn cells(sample: &Sample, discrete: bool, bins: usize) -> Cells {
    if discrete {
        return Cells::Values {
            values: sample.values().to_vec(),
            counts: sample.counts().to_vec(),
        };
    }
    let edges = quantile_edges(sample, bins);
    Cells::Bins {
        edges: edges.as_slice().to_vec(),
        counts: edges.count(sample),
    }
}
