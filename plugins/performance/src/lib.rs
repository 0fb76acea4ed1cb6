//! How well a model does, before its labels come: estimated from its probabilities or its features, and held against the truth later.

mod baseline;
mod config;
mod data;
mod evaluate;
mod figure;
mod fit;
mod loss;
mod subject;

use leeway_outcomes::describe;
use leeway_sdk::{
    BatchDetector, Descriptor, Direction, DriftKind, Failure, Measurement, Metric, Window, metric,
};

use baseline::{Baseline, FORMAT};
use config::Config;
use figure::Figure;

/// The detector `performance`.
pub struct Performance;

impl BatchDetector for Performance {
    fn describe() -> Descriptor {
        let mut metrics: Vec<Metric> = Figure::ALL.into_iter().flat_map(Figure::declared).collect();
        let with = |name: &str, help: &str, unit: &str, direction, maximum| {
            let metric = metric(name, help, direction);
            Metric {
                unit: unit.to_owned(),
                minimum: Some(0.0),
                maximum,
                ..metric
            }
        };
        metrics.extend([
            with("calibration_error", "Expected calibration error of rows with labels, in ten bins of equal counts.", "", Direction::Informational, Some(1.0)),
            with(
                "spiegelhalter_z",
                "Change since the reference of the Brier score's excess by wrong probabilities, at the same scores (Spiegelhalter 1986).",
                "standard errors",
                Direction::HigherIsDrift,
                None,
            ),
            with(
                "calibration_shift",
                "Change since the reference of the mean difference of outcome and probability, at the same scores.",
                "standard errors",
                Direction::HigherIsDrift,
                None,
            ),
            with("label_coverage", "Share of the window's rows that have a label.", "", Direction::Informational, Some(1.0)),
            with("label_lag_seconds", "Time from the newest row with a label to the newest row.", "seconds", Direction::Informational, None),
        ]);
        Descriptor {
            kind: DriftKind::Concept,
            config_schema: config::schema(),
            state_format: FORMAT.into(),
            ..describe(
                "performance",
                env!("CARGO_PKG_VERSION"),
                "Estimates a model's performance without labels, and measures it on the rows that have them.",
                metrics,
            )
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        Config::parse(config).map(|_| ())
    }

    fn fit(reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure> {
        fit::fit(reference, &Config::parse(config)?, seed)?.to_bytes()
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        evaluate::evaluate(
            &Baseline::from_bytes(baseline)?,
            current,
            &Config::parse(config)?,
            seed,
        )
    }
}

#[cfg(test)]
mod tests;

leeway_sdk::export_batch_detector!(Performance);
