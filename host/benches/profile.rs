//! Profiling and merging, each beside a yardstick of the same run: a comparison sort of the same
//! values for numbers, a copy of the same memory for categories and for merges.
//!
//! The ratio to the yardstick is what to compare between machines; `elem/s` are rows of one core.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use leeway::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, Role, Schema};
use leeway::profile::{Profile, ProfileBuilder, ProfileConfig};

const ROWS: usize = 1_000_000;

/// Knuth's MMIX generator: pseudo-random whole numbers below `2^53`.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    let step = |state: &u64| {
        Some(
            state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    };
    std::iter::successors(Some(seed), step)
        .skip(1)
        .map(|state| state >> 11)
}

fn uniform(seed: u64) -> Vec<f64> {
    random(seed)
        .take(ROWS)
        .map(|x| x as f64 / 9_007_199_254_740_992.0)
        .collect()
}

fn whole_below(end: u64) -> Vec<f64> {
    random(1).take(ROWS).map(|x| (x % end) as f64).collect()
}

fn profile(kind: ColumnKind, batch: &Batch) -> Profile {
    let spec = ColumnSpec {
        name: "x".into(),
        kind,
        role: Role::Feature,
    };
    let schema = Schema::new(vec![spec]).expect("one column");
    let mut builder = ProfileBuilder::new(schema, ProfileConfig::default());
    builder.observe(batch).expect("of the schema");
    builder.finish()
}

fn numbers(values: Vec<f64>) -> Batch {
    Batch::new(None, vec![ColumnValues::Numeric(values)])
}

fn profiling(criterion: &mut Criterion) {
    let columns = [
        ("distinct doubles", uniform(1)),
        ("100 whole numbers", whole_below(100)),
        ("100,000 whole numbers", whole_below(100_000)),
    ];
    for (name, values) in columns {
        let mut group = criterion.benchmark_group(format!("profile/{name}"));
        group
            .throughput(Throughput::Elements(ROWS as u64))
            .sample_size(10);
        group.bench_function("yardstick: sort", |bencher| {
            let sort = |mut values: Vec<f64>| {
                values.sort_unstable_by(f64::total_cmp);
                values
            };
            bencher.iter_batched(|| values.clone(), sort, BatchSize::LargeInput);
        });
        let batch = numbers(values);
        group.bench_function("profile", |bencher| {
            bencher.iter(|| profile(ColumnKind::Numeric, &batch));
        });
        group.finish();
    }

    let codes: Vec<u32> = random(1)
        .take(ROWS)
        .map(|x| u32::try_from(x % 50).expect("below 50"))
        .collect();
    let dictionary: Vec<String> = (0..50).map(|i| format!("category {i}")).collect();
    let mut group = criterion.benchmark_group("profile/50 categories");
    group
        .throughput(Throughput::Elements(ROWS as u64))
        .sample_size(20);
    group.bench_function("yardstick: copy", |bencher| {
        bencher.iter(|| black_box(&codes).clone());
    });
    let batch = Batch::new(
        None,
        vec![ColumnValues::Categorical {
            codes: codes.clone(),
            dictionary,
        }],
    );
    group.bench_function("profile", |bencher| {
        bencher.iter(|| profile(ColumnKind::Categorical, &batch));
    });
    group.finish();
}

fn merging(criterion: &mut Criterion) {
    let exact = |odd: usize| {
        let values = (0..60_000).map(|i| (2 * i + odd) as f64).collect();
        profile(ColumnKind::Numeric, &numbers(values))
    };
    let sketched = |seed: u64| profile(ColumnKind::Numeric, &numbers(uniform(seed)));
    for (name, left, right) in [
        ("exact", exact(0), exact(1)),
        ("sketched", sketched(1), sketched(2)),
    ] {
        let runs = [&left, &right].map(|profile| {
            profile.columns()[0]
                .distribution()
                .expect("numbers")
                .run()
                .values()
                .to_vec()
        });
        let values = runs.iter().map(Vec::len).sum::<usize>() as u64;
        let mut group = criterion.benchmark_group(format!("merge/{name}"));
        group.throughput(Throughput::Elements(values));
        group.bench_function("yardstick: copy", |bencher| {
            bencher.iter(|| black_box(&runs).concat());
        });
        group.bench_function("merge", |bencher| {
            bencher.iter(|| left.merge(&right).expect("alike"));
        });
        group.bench_function("to bytes", |bencher| bencher.iter(|| left.to_bytes()));
        let bytes = left.to_bytes();
        group.bench_function("from bytes", |bencher| {
            bencher.iter(|| Profile::from_bytes(&bytes).expect("whole"));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = profiling, merging
}
criterion_main!(benches);
