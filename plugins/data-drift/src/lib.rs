//! Data drift: has P(X), the distribution of the model's features, changed?

use leeway_comparison::{Plan, Test};
use leeway_sdk::{BatchDetector, Descriptor, DriftKind, Failure, Measurement, Role, Window};

const PLAN: Plan = Plan {
    name: "data-drift",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Compares each feature's distribution with the reference: a test per column, calibrated to both sizes, corrected for their number.",
    kind: DriftKind::Data,
    roles: &[Role::Feature],
    defaults: "By default numbers with at least distinct_min distinct values are judged by ks, all other columns by chi_square.",
    prefer: |_, discrete| {
        if discrete {
            &[Test::ChiSquare]
        } else {
            &[Test::Ks]
        }
    },
};

/// The detector `data-drift`.
pub struct DataDrift;

impl BatchDetector for DataDrift {
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

leeway_sdk::export_batch_detector!(DataDrift);
