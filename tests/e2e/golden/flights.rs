//! Two months of real flights through every batch detector, in the sandbox and natively.

use std::sync::Arc;

use leeway::domain::{ColumnSpec, ModelType, Role, Schema, Verdict};
use leeway::input::{ColumnRequest, ReadOptions, inspect, open};
use leeway::profile::{Derivation, ProfileBuilder, ProfileConfig, Window};
use serde_json::json;

use super::twin::{of, twin};
use crate::harness::repository;

fn month(file: &str) -> Window {
    let path = repository().join("examples/flights").join(file);
    let ignore = ["flight_id", "arrival_delay", "delay_predicted"]
        .map(str::to_owned)
        .into();
    let options = ReadOptions {
        time_column: Some("scheduled_at".to_owned()),
        ignore,
        ..ReadOptions::default()
    };
    let inspection = inspect(&path, &options).unwrap();
    let role = |name: &str| match name {
        "late" => Role::Label,
        "late_predicted" => Role::Prediction,
        "late_probability" => Role::Probability,
        _ => Role::Feature,
    };
    let specs = inspection.columns.iter().map(|column| ColumnSpec {
        name: column.name.clone(),
        kind: column.kind,
        role: role(&column.name),
    });
    let schema = Schema::new(specs.collect()).unwrap();
    let derivation = Derivation::new(&schema, ModelType::Classifier, Some("late")).unwrap();
    let requests: Vec<ColumnRequest> = inspection.columns.iter().map(ColumnRequest::from).collect();
    let mut builder = ProfileBuilder::new(derivation.schema().clone(), ProfileConfig::default());
    for batch in open(&path, &requests, &options).unwrap() {
        builder
            .observe(&derivation.extend(batch.unwrap()).unwrap())
            .unwrap();
    }
    Window::new(Arc::new(builder.finish()), None).unwrap()
}

#[test]
fn july_against_march_is_the_same_to_the_last_bit() {
    let (march, july) = (month("2013-03.csv.gz"), month("2013-07.csv.gz"));
    let every = json!({
        "numeric": ["ks", "wasserstein", "cramer_von_mises", "mean_shift", "psi", "jensen_shannon", "hellinger", "l_infinity", "chi_square"],
        "categorical": ["psi", "jensen_shannon", "hellinger", "l_infinity", "chi_square"]
    });
    for detector in ["data-drift", "prior-drift", "concept-drift"] {
        for config in [json!({}), every.clone()] {
            let measurements = twin(detector).compare(&config, &march, &july);
            assert!(measurements.len() > 2, "{detector}");
        }
    }

    let measurements = twin("data-drift").compare(&json!({}), &march, &july);
    assert_eq!(
        of(&measurements, "temperature", "ks").verdict,
        Verdict::Drifted
    );
    let against_itself = twin("data-drift").compare(&json!({}), &march, &march);
    assert!(
        against_itself
            .iter()
            .all(|one| one.verdict != Verdict::Drifted)
    );
}
