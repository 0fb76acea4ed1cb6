//! How often each class occurs now, from predictions alone: have the classes' shares moved, though no label has come?

mod baseline;
mod config;
mod evaluate;

use leeway_outcomes::describe;
use leeway_sdk::{
    BatchDetector, Descriptor, Direction, DriftKind, Failure, Measurement, Metric, Window, metric,
};

use baseline::{Baseline, FORMAT};
use config::Config;

/// The detector `label-shift`.
pub struct LabelShift;

impl BatchDetector for LabelShift {
    fn describe() -> Descriptor {
        let share = |name: &str, help: &str, direction| Metric {
            minimum: Some(0.0),
            maximum: Some(1.0),
            ..metric(name, help, direction)
        };
        let metrics = vec![
            share(
                "prior_change",
                "Half the sum of the changes of the classes' shares, estimated without labels.",
                Direction::HigherIsDrift,
            ),
            share(
                "prior_black_box",
                "Share of a class, estimated from predictions and the reference's confusions (Lipton et al. 2018).",
                Direction::TwoSided,
            ),
            share(
                "prior_em",
                "Share of a class, estimated from probabilities by expectation maximisation (Saerens et al. 2002).",
                Direction::TwoSided,
            ),
            share(
                "realized_prior",
                "Share of a class among the rows that have labels.",
                Direction::Informational,
            ),
        ];
        Descriptor {
            kind: DriftKind::Prior,
            config_schema: config::schema(),
            state_format: FORMAT.into(),
            ..describe(
                "label-shift",
                env!("CARGO_PKG_VERSION"),
                "Estimates the shares of a classifier's classes without labels, with intervals.",
                metrics,
            )
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        Config::parse(config).map(|_| ())
    }

    fn fit(reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure> {
        baseline::fit(reference, &Config::parse(config)?, seed)?.to_bytes()
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

leeway_sdk::export_batch_detector!(LabelShift);
