//! The page of results with 10,000 and 100,000 series, beside a copy of its text and beside the `prometheus` crate.
//!
//! The ratio to the copy is what to compare between machines.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use leeway::domain::{DriftKind, Measurement, Role, ThresholdKind, Verdict};
use leeway::metrics::{Answer, Latest, Prefix, Results};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};

const FEATURES: usize = 20;

fn measurement(column: &str, number: usize) -> Measurement {
    Measurement {
        metric: "ks".into(),
        column: Some(column.into()),
        value: 0.1 + number as f64 / 7.0,
        effect: Some(number as f64 / 11.0),
        p_value: Some(1.0 / (number + 3) as f64),
        p_adjusted: Some(1.0 / (number + 2) as f64),
        threshold: Some(0.05),
        threshold_kind: Some(ThresholdKind::Calibrated),
        reference_rows: 100_000,
        current_rows: 5_000,
        missing_share: 0.0,
        unseen_share: 0.0,
        verdict: Verdict::Stable,
        row: None,
        detail: None,
        segment: None,
        began: None,
    }
}

struct Model {
    columns: Vec<String>,
    measurements: Vec<Measurement>,
}

impl Model {
    fn new() -> Self {
        let columns: Vec<String> = (0..FEATURES).map(|n| format!("feature_{n}")).collect();
        let measurements = columns
            .iter()
            .enumerate()
            .map(|(number, column)| measurement(column, number))
            .collect();
        Self {
            columns,
            measurements,
        }
    }

    fn set(&self, results: &Results, model_id: &str) {
        let roles: Vec<(&str, Role)> = self
            .columns
            .iter()
            .map(|column| (column.as_str(), Role::Feature))
            .collect();
        results.set(&Latest {
            model_id,
            monitor: "data-drift",
            detector: "data-drift@0.1.0",
            kind: DriftKind::Data,
            outcome: Answer::Given,
            evaluated_at: Timestamp::UNIX_EPOCH,
            reference_rows: 100_000,
            current_rows: 5_000,
            labelled_rows: 4_000,
            roles: &roles,
            measurements: &self.measurements,
            helps: &[],
            shadow: false,
        });
    }
}

fn filled(series: usize) -> Results {
    let results = Results::new(Prefix::default(), usize::MAX);
    let model = Model::new();
    for number in 0.. {
        if results.exposed() >= series {
            break;
        }
        model.set(&results, &format!("model-{number:06}"));
    }
    results
}

fn pages(criterion: &mut Criterion) {
    for series in [10_000, 100_000] {
        let results = filled(series);
        let mut page = String::new();
        results.write(&mut page);
        let lines = page.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(lines, results.exposed());
        let mut group = criterion.benchmark_group(format!("{series} series, {} bytes", page.len()));
        group.bench_function("page", |bencher| {
            bencher.iter(|| {
                let mut page = String::new();
                results.write(&mut page);
                black_box(page)
            });
        });
        group.bench_function("copy of its text", |bencher| {
            bencher.iter(|| black_box(black_box(&page).clone()));
        });
        let model = Model::new();
        group.bench_function("one evaluation in its place", |bencher| {
            bencher.iter(|| model.set(&results, "model-000007"));
        });
        let registry = registry(series);
        group.sample_size(10);
        group.bench_function("prometheus crate", |bencher| {
            bencher.iter_batched(
                Vec::new,
                |mut text| {
                    TextEncoder::new()
                        .encode(&registry.gather(), &mut text)
                        .expect("gauges");
                    black_box(text)
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

/// As many gauges with four labels in the registry of the crate.
fn registry(series: usize) -> Registry {
    let registry = Registry::new();
    let labels = ["model_id", "monitor", "detector", "column"];
    let gauges: Vec<GaugeVec> = (0..13)
        .map(|family| {
            let name = format!("drift_monitoring_api_model_data_drift_ks_{family}");
            GaugeVec::new(Opts::new(name, "Help."), &labels).expect("a name")
        })
        .collect();
    for gauge in &gauges {
        registry.register(Box::new(gauge.clone())).expect("once");
    }
    for number in 0..series {
        let column = number / gauges.len();
        let model = format!("model-{:06}", column / FEATURES);
        let column = format!("feature_{}", column % FEATURES);
        gauges[number % gauges.len()]
            .with_label_values(&[model.as_str(), "data-drift", "data-drift@0.1.0", &column])
            .set(1.0 / (number + 3) as f64);
    }
    registry
}

criterion_group!(benches, pages);
criterion_main!(benches);
