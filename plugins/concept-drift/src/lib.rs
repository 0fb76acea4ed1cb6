//! Concept drift: has P(Y given X) changed, as the errors of labelled rows show?

use leeway_comparison::{Plan, Test};
use leeway_sdk::{BatchDetector, Descriptor, DriftKind, Failure, Measurement, Role, Window};

const PLAN: Plan = Plan {
    name: "concept-drift",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Compares the errors of labelled rows with the reference: wrong answers and Brier score of a classifier, residuals of a regressor.",
    kind: DriftKind::Concept,
    roles: &[Role::Error, Role::Brier, Role::Residual],
    defaults: "By default wrong answers are judged by chi_square, Brier scores by mean_shift, residuals by ks and wasserstein.",
    prefer: |role, _| match role {
        Role::Error => &[Test::ChiSquare],
        Role::Brier => &[Test::MeanShift],
        _ => &[Test::Ks, Test::Wasserstein],
    },
};

/// The detector `concept-drift`.
pub struct ConceptDrift;

impl BatchDetector for ConceptDrift {
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

leeway_sdk::export_batch_detector!(ConceptDrift);
