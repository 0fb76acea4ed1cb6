//! What the host computes natively for every detector: quantiles, moments, Brier terms.

use leeway::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, ModelType, Role, Schema};
use leeway::profile::{Derivation, ProfileBuilder, Window, kernels};
use leeway_statistics::sample::SampleBuf;
use serde_json::json;

use super::twin::twin;
use super::windows::{exact, of_numbers};
use crate::harness::cases::cases;

#[test]
fn quantiles_equal_numpy() {
    let cases = cases("quantile");
    for case in &cases {
        let probabilities: Vec<f64> = case
            .input("probabilities")
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .collect();
        let window = of_numbers(Role::Feature, &case.rows("sample"));
        let found = kernels::quantiles(&window, 0, &probabilities).unwrap();
        case.check_all("quantiles", &found);
        let pure = SampleBuf::from_unsorted(&case.numbers("sample"))
            .unwrap()
            .as_sample()
            .quantiles(&probabilities);
        case.check_all("quantiles", &pure);
    }
    assert_eq!(cases.len(), 25);
}

#[test]
fn moments_equal_exact_sums() {
    let cases = cases("moments");
    for case in &cases {
        let window = of_numbers(Role::Feature, &case.rows("sample"));
        let found = kernels::value_moments(&window, 0).unwrap();
        case.check("rows", found.count);
        case.check("mean", found.mean);
        case.check("variance", found.variance);
        let pure = SampleBuf::from_unsorted(&case.numbers("sample")).unwrap();
        case.check("mean", pure.as_sample().mean());
        case.check("variance", pure.as_sample().variance());
    }
    assert_eq!(cases.len(), 25);
}

#[test]
fn brier_scores_equal_scikit_learn() {
    let cases = cases("brier");
    let spec = |name: &str, role| ColumnSpec {
        name: name.to_owned(),
        kind: ColumnKind::Numeric,
        role,
    };
    let given = vec![
        spec("said", Role::Prediction),
        spec("score", Role::Probability),
        spec("truth", Role::Label),
    ];
    let derivation =
        Derivation::new(&Schema::new(given).unwrap(), ModelType::Classifier, None).unwrap();
    for case in &cases {
        let (labels, scores) = (case.rows("labels"), case.rows("probabilities"));
        let said = scores
            .iter()
            .map(|score| f64::from(u8::from(*score >= 0.5)))
            .collect();
        let columns = [said, scores, labels].map(ColumnValues::Numeric).to_vec();
        let mut builder = ProfileBuilder::new(derivation.schema().clone(), exact());
        builder
            .observe(&derivation.extend(Batch::new(None, columns)).unwrap())
            .unwrap();
        let window = Window::new(std::sync::Arc::new(builder.finish()), None).unwrap();

        let brier = window
            .columns()
            .iter()
            .position(|column| column.role == Role::Brier)
            .unwrap();
        let moments = kernels::value_moments(&window, u32::try_from(brier).unwrap()).unwrap();
        case.check("rows", moments.count);
        case.check("value", moments.mean);
        // Error and Brier column through the detector: nothing moves against itself.
        let config =
            json!({ "rows_min": 1, "columns": { "brier": { "tests": ["mean_shift", "ks"] } } });
        let measurements = twin("concept-drift").compare(&config, &window, &window);
        assert!(
            measurements.iter().all(|one| one.value == 0.0),
            "{}",
            case.of
        );
    }
    assert_eq!(cases.len(), 18);
}
