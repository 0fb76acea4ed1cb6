//! How often the monitors that every model has from the start raise a false alarm: windows without drift, of models as they are.
//!
//! `RUNS=2000 cargo test -p leeway --test e2e verdicts::defaults -- --ignored --nocapture` prints the table of docs/false-alarms.md.

use leeway::domain::{Role, Verdict};
use leeway::profile::Window;
use leeway_statistics::rng::Rng;
use serde_json::{Value, json};

use crate::e2e::golden::twin::twin;
use crate::harness::WindowBuilder;
use crate::harness::app::TestApp;

/// A model and how often it is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Answers 0 and 1 with a probability, right in four of five rows.
    Classifier,
    /// The same with names for answers.
    NamedClassifier,
    /// Answers a number, off by a normal error.
    Regressor,
}

const KINDS: [Kind; 3] = [Kind::Classifier, Kind::NamedClassifier, Kind::Regressor];
/// Rows of the reference window, and of the current one.
const SIZES: [(usize, usize); 9] = [
    (50, 50),
    (100, 100),
    (200, 200),
    (500, 500),
    (1_000, 1_000),
    (5_000, 5_000),
    (5_000, 100),
    (5_000, 500),
    (1_000, 100),
];

/// A window of what a model answered and how that turned out.
fn window(kind: Kind, rows: usize, rng: &mut Rng) -> Window {
    let mut columns: [Vec<f64>; 5] = std::array::from_fn(|_| Vec::with_capacity(rows));
    for _ in 0..rows {
        let row = match kind {
            Kind::Classifier | Kind::NamedClassifier => {
                // Most scores are near 0 and 1, as those of a trained model.
                let u = rng.uniform();
                let score = if rng.uniform() < 0.3 {
                    1.0 - u * u * 0.5
                } else {
                    u * u * 0.5
                };
                let answer = f64::from(u8::from(score >= 0.5));
                let truth = f64::from(u8::from(rng.uniform() < 0.1 + 0.8 * score));
                let wrong = f64::from(u8::from(answer.total_cmp(&truth).is_ne()));
                [
                    answer,
                    score,
                    truth,
                    wrong,
                    (score - truth) * (score - truth),
                ]
            }
            Kind::Regressor => {
                let answer = 3.0 * rng.normal();
                let residual = rng.normal();
                [answer, 0.0, answer + residual, residual, residual.abs()]
            }
        };
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let [answer, score, truth, one, two] = columns;
    let named = |values: &[f64]| -> Vec<Option<&'static str>> {
        let name = |value: &f64| if *value > 0.5 { "yes" } else { "no" };
        values.iter().map(|value| Some(name(value))).collect()
    };
    let builder = WindowBuilder::default();
    match kind {
        Kind::Classifier => builder
            .numbers("prediction", Role::Prediction, &answer)
            .numbers("probability", Role::Probability, &score)
            .numbers("label", Role::Label, &truth)
            .numbers("error", Role::Error, &one)
            .numbers("brier", Role::Brier, &two),
        Kind::NamedClassifier => builder
            .names("prediction", Role::Prediction, &named(&answer))
            .numbers("probability", Role::Probability, &score)
            .names("label", Role::Label, &named(&truth))
            .numbers("error", Role::Error, &one)
            .numbers("brier", Role::Brier, &two),
        Kind::Regressor => builder
            .numbers("prediction", Role::Prediction, &answer)
            .numbers("label", Role::Label, &truth)
            .numbers("residual", Role::Residual, &one)
            .numbers("absolute_residual", Role::AbsoluteResidual, &two),
    }
    .build()
}

/// The configurations of the default monitors, as a new model has them.
async fn configurations() -> Vec<(&'static str, Value)> {
    let app = TestApp::start().await;
    app.post("/v1/models", &json!({"model_id": "m"})).await.ok();
    let mut found = Vec::new();
    for detector in ["prior-drift", "concept-drift"] {
        let path = format!("/v1/models/m/monitors/{detector}");
        let monitor = app.get(&path).await.ok();
        found.push((detector, monitor["spec"]["config"].clone()));
        assert!(found[found.len() - 1].1.is_object(), "{monitor}");
    }
    found
}

/// Share of windows in which any column is said to have drifted.
fn alarms(detector: &str, config: &Value, kind: Kind, sizes: (usize, usize), runs: usize) -> f64 {
    let mut rng = Rng::new(77 + 1_000 * sizes.0 as u64 + sizes.1 as u64 + 31 * kind as u64);
    let mut alarms = 0;
    for _ in 0..runs {
        let reference = window(kind, sizes.0, &mut rng);
        let current = window(kind, sizes.1, &mut rng);
        let measurements = twin(detector).native(config, &reference, &current);
        let drifted = |one: &leeway::domain::Measurement| one.verdict == Verdict::Drifted;
        alarms += usize::from(measurements.iter().any(drifted));
    }
    alarms as f64 / runs as f64
}

#[tokio::test]
async fn default_monitors_keep_their_level() {
    /// With 60 windows a rate of 6% is above this in less than one simulation of a thousand.
    const MOST: f64 = 0.18;
    for (detector, config) in configurations().await {
        for kind in KINDS {
            for sizes in [(100, 100), (500, 100)] {
                let rate = alarms(detector, &config, kind, sizes, 60);
                assert!(rate <= MOST, "{detector} {kind:?} {sizes:?}: {rate}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "a measurement of minutes: docs/false-alarms.md has its table"]
async fn false_alarms_of_default_monitors() {
    let runs: usize = std::env::var("RUNS").map_or(2_000, |runs| runs.parse().unwrap());
    // 6%, and three standard errors of so many windows.
    let most_allowed = 0.06 + 3.0 * (0.06 * 0.94 / runs as f64).sqrt();
    let configurations = configurations().await;
    println!(
        "| monitor | model | {} |",
        SIZES.map(|(n, m)| format!("{n} / {m}")).join(" | ")
    );
    println!("| --- | --- |{}", " --- |".repeat(SIZES.len()));
    let mut most: f64 = 0.0;
    for (detector, config) in &configurations {
        for kind in KINDS {
            let rates = SIZES.map(|sizes| alarms(detector, config, kind, sizes, runs));
            most = rates.into_iter().fold(most, f64::max);
            let shown = rates
                .map(|rate| format!("{:.1}%", rate * 100.0))
                .join(" | ");
            println!("| {detector} | {kind:?} | {shown} |");
        }
    }
    assert!(most <= most_allowed, "{most}");
}
