//! Prior drift: has P(Y), the distribution of labels, predictions and their probabilities, changed?

use leeway_comparison::{Plan, Test};
use leeway_sdk::{BatchDetector, Descriptor, DriftKind, Failure, Measurement, Role, Window};

const PLAN: Plan = Plan {
    name: "prior-drift",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Compares the distributions of labels, predictions and prediction probabilities with the reference.",
    kind: DriftKind::Prior,
    roles: &[Role::Label, Role::Prediction, Role::Probability],
    defaults: "By default numbers with at least distinct_min distinct values are judged by ks, all other columns by chi_square.",
    prefer: |_, discrete| {
        if discrete {
            &[Test::ChiSquare]
        } else {
            &[Test::Ks]
        }
    },
};

/// The detector `prior-drift`.
pub struct PriorDrift;

impl BatchDetector for PriorDrift {
    fn describe() -> Descriptor {
        PLAN.describe()
    }
    fn check_config(config: &str) -> Result<(), Failure> {
        PLAN.check_config(config)
    }
    fn fit(reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure> {
        PLAN.fit(reference, config, seed)
    }
    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        PLAN.evaluate(baseline, current, config, seed)
    }
}

leeway_sdk::export_batch_detector!(PriorDrift);
