//! Seeded rows of an invented model, as much of them as a detector sees.
//!
//! | column | role | values without drift |
//! | --- | --- | --- |
//! | `amount` | feature | normal, mean 50, standard deviation 10 |
//! | `duration` | feature | log-normal, e to a standard normal; 5% missing |
//! | `channel` | feature | five names of shares 40, 30, 15, 10, 5%; 2% missing |
//! | `text` | feature | vectors of four standard normals |
//! | `prediction`, `probability`, `label` of a classifier | | a score `z`, standard normal; probability 1 / (1 + e^(-2z)); prediction `yes` where that is at least a half; label `yes` with that probability |
//! | `prediction`, `label` of a regressor | | 100 + 20 `z`; the same plus a normal residual of standard deviation 5 |
//!
//! Errors, residuals and Brier terms are derived from these, as in service.

use std::sync::Arc;

use crate::domain::{
    Batch, ColumnKind, ColumnSpec, ColumnValues, Descriptor, MISSING_CODE, ModelType, Role, Schema,
};
use crate::profile::{Derivation, DeriveError};

use super::draws::Draws;
use super::shift::Shift;

/// Names and shares of `channel`.
const CHANNELS: [(&str, f64); 5] = [
    ("web", 0.4),
    ("shop", 0.3),
    ("phone", 0.15),
    ("mail", 0.1),
    ("partner", 0.05),
];
/// Components of `text`.
pub(super) const DIMENSION: usize = 4;
const ANSWERS: [&str; 2] = ["no", "yes"];
/// Standard deviation of a residual.
const RESIDUAL: f64 = 5.0;

/// Rows and what their columns are.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) schema: Arc<Schema>,
    pub(super) batch: Batch,
}

impl Rows {
    /// The same columns with other rows.
    pub(super) fn with(&self, batch: Batch) -> Self {
        let schema = self.schema.clone();
        Self { schema, batch }
    }

    /// The same rows with other columns.
    pub(super) fn of(columns: Vec<(ColumnSpec, ColumnValues)>) -> Self {
        let (specs, values) = columns.into_iter().unzip();
        Self {
            schema: Arc::new(Schema::new(specs).expect("names of our own")),
            batch: Batch::new(None, values),
        }
    }

    /// Its columns one by one.
    pub(super) fn columns(&self) -> Vec<(ColumnSpec, ColumnValues)> {
        let specs = self.schema.columns().iter().cloned();
        specs.zip(self.batch.columns.iter().cloned()).collect()
    }
}

/// A model, and which of its columns a detector sees.
pub(super) struct Scene {
    pub(super) model: ModelType,
    derivation: Derivation,
    visible: Vec<usize>,
    schema: Arc<Schema>,
}

impl Scene {
    /// The models of which a detector sees something. One is enough where it sees features alone.
    pub(super) fn all(descriptor: &Descriptor) -> Result<Vec<Self>, DeriveError> {
        let mut scenes = Vec::new();
        for model in [ModelType::Classifier, ModelType::Regressor] {
            let scene = Self::new(model, descriptor)?;
            let alike = |other: &Self| other.schema == scene.schema;
            if !scene.visible.is_empty() && !scenes.iter().any(alike) {
                scenes.push(scene);
            }
        }
        Ok(scenes)
    }

    fn new(model: ModelType, descriptor: &Descriptor) -> Result<Self, DeriveError> {
        let derivation = Derivation::new(&Schema::new(specs(model))?, model, Some(ANSWERS[1]))?;
        let all = derivation.schema().columns();
        let seen = |spec: &ColumnSpec| {
            descriptor.roles.contains(&spec.role) && descriptor.accepts.contains(&spec.kind)
        };
        let visible: Vec<usize> = (0..all.len()).filter(|&at| seen(&all[at])).collect();
        let schema = Schema::new(visible.iter().map(|&at| all[at].clone()).collect())?;
        Ok(Self {
            model,
            derivation,
            visible,
            schema: Arc::new(schema),
        })
    }

    /// Whether the detector sees a column.
    pub(super) fn shows(&self, column: &str) -> bool {
        self.schema.columns().iter().any(|spec| spec.name == column)
    }

    /// So many rows, shifted or as usual.
    pub(super) fn rows(&self, rows: usize, shift: Option<&Shift>, draws: &mut Draws) -> Rows {
        let usual = Shift::default();
        let given = given(self.model, rows, shift.unwrap_or(&usual), draws);
        let all = self.derivation.extend(Batch::new(None, given));
        let all = all.expect("its own columns").columns;
        let columns = self.visible.iter().map(|&at| all[at].clone()).collect();
        Rows {
            schema: self.schema.clone(),
            batch: Batch::new(None, columns),
        }
    }
}

/// A column's description.
pub(super) fn spec(name: &str, kind: ColumnKind, role: Role) -> ColumnSpec {
    ColumnSpec {
        name: name.to_owned(),
        kind,
        role,
    }
}

fn specs(model: ModelType) -> Vec<ColumnSpec> {
    use ColumnKind::{Categorical, Embedding, Numeric};
    let mut specs = vec![
        spec("amount", Numeric, Role::Feature),
        spec("duration", Numeric, Role::Feature),
        spec("channel", Categorical, Role::Feature),
        spec("text", Embedding, Role::Feature),
    ];
    specs.extend(match model {
        ModelType::Classifier => vec![
            spec("prediction", Categorical, Role::Prediction),
            spec("probability", Numeric, Role::Probability),
            spec("label", Categorical, Role::Label),
        ],
        ModelType::Regressor => vec![
            spec("prediction", Numeric, Role::Prediction),
            spec("label", Numeric, Role::Label),
        ],
    });
    specs
}

/// Names as a categorical column.
pub(super) fn names(codes: Vec<u32>, dictionary: &[&str]) -> ColumnValues {
    ColumnValues::Categorical {
        codes,
        dictionary: dictionary.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn given(model: ModelType, rows: usize, shift: &Shift, draws: &mut Draws) -> Vec<ColumnValues> {
    let numbers = |draw: &mut dyn FnMut() -> f64| -> ColumnValues {
        ColumnValues::Numeric((0..rows).map(|_| draw()).collect())
    };
    let mut shares = CHANNELS.map(|(_, share)| share);
    shares[0] -= shift.share;
    shares[1] += shift.share;
    let channel = |draws: &mut Draws| {
        if draws.happens(0.02) {
            MISSING_CODE
        } else {
            draws.place(&shares)
        }
    };
    let mut columns = vec![
        numbers(&mut || {
            let amount = 50.0 + 10.0 * (shift.mean + shift.spread * draws.normal());
            if draws.happens(shift.missing) {
                f64::NAN
            } else {
                amount
            }
        }),
        numbers(&mut || match (draws.happens(0.05), draws.normal()) {
            (true, _) => f64::NAN,
            (false, z) => libm::exp(z),
        }),
        names(
            (0..rows).map(|_| channel(draws)).collect(),
            &CHANNELS.map(|(name, _)| name),
        ),
        ColumnValues::Embedding {
            dimension: DIMENSION,
            #[expect(clippy::cast_possible_truncation, reason = "vectors are of floats")]
            values: (0..rows * DIMENSION)
                .map(|_| (draws.normal() + shift.vectors) as f32)
                .collect(),
        },
    ];
    columns.extend(match model {
        ModelType::Classifier => classifier(rows, shift, draws),
        ModelType::Regressor => regressor(rows, shift, draws),
    });
    columns
}

/// Prediction, probability, label.
fn classifier(rows: usize, shift: &Shift, draws: &mut Draws) -> Vec<ColumnValues> {
    let (mut predictions, mut probabilities, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let score = draws.normal() + shift.scores;
        let probability = 1.0 / (1.0 + libm::exp(-2.0 * score));
        let (prediction, mut label) = (probability >= 0.5, draws.happens(probability));
        // Without this, a prediction is right as often as its probability says.
        let right = probability.max(1.0 - probability);
        if prediction == label && draws.happens((shift.errors / right).min(1.0)) {
            label = !label;
        }
        predictions.push(u32::from(prediction));
        probabilities.push(probability);
        labels.push(u32::from(label));
    }
    vec![
        names(predictions, &ANSWERS),
        ColumnValues::Numeric(probabilities),
        names(labels, &ANSWERS),
    ]
}

/// Prediction, label.
fn regressor(rows: usize, shift: &Shift, draws: &mut Draws) -> Vec<ColumnValues> {
    let (mut predictions, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let prediction = 100.0 + 20.0 * (draws.normal() + shift.scores);
        let residual = shift.residual + shift.residual_spread * draws.normal();
        predictions.push(prediction);
        labels.push(prediction + RESIDUAL * residual);
    }
    vec![
        ColumnValues::Numeric(predictions),
        ColumnValues::Numeric(labels),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DriftKind, Needs};

    fn descriptor(accepts: &[ColumnKind], roles: &[Role]) -> Descriptor {
        Descriptor {
            name: "any".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            kind: DriftKind::Data,
            accepts: accepts.to_vec(),
            roles: roles.to_vec(),
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: Vec::new(),
            config_schema: "{}".into(),
            state_format: 1,
        }
    }

    fn column(scene: &Scene, name: &str, shift: &Shift) -> Vec<f64> {
        let rows = scene.rows(20_000, Some(shift), &mut Draws::new(5, 0));
        let at = rows
            .schema
            .columns()
            .iter()
            .position(|spec| spec.name == name);
        match &rows.batch.columns[at.unwrap()] {
            ColumnValues::Numeric(values) => values.clone(),
            ColumnValues::Categorical { codes, .. } => {
                codes.iter().map(|&code| f64::from(code)).collect()
            }
            ColumnValues::Embedding { values, .. } => {
                values.iter().map(|&value| f64::from(value)).collect()
            }
        }
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn a_detector_of_features_has_one_scene_and_one_of_errors_has_two() {
        use ColumnKind::{Categorical, Numeric};
        let count = |accepts: &[ColumnKind], roles: &[Role]| {
            Scene::all(&descriptor(accepts, roles)).unwrap().len()
        };
        assert_eq!(count(&[Numeric, Categorical], &[Role::Feature]), 1);
        assert_eq!(count(&[Numeric], &[Role::Error, Role::Residual]), 2);
        assert_eq!(count(&[Numeric], &[Role::Brier]), 1);
        assert_eq!(count(&[ColumnKind::Embedding], &[Role::Label]), 0);
    }

    #[test]
    fn rows_come_again_with_their_seed() {
        let scene = Scene::new(
            ModelType::Classifier,
            &descriptor(&[ColumnKind::Categorical], &[Role::Label]),
        )
        .unwrap();
        let draw = |seed| scene.rows(100, None, &mut Draws::new(seed, 0)).batch;
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn shifts_are_as_large_as_they_say() {
        use ColumnKind::{Categorical, Numeric};
        let features = Scene::new(
            ModelType::Classifier,
            &descriptor(&[Numeric, Categorical], &[Role::Feature, Role::Error]),
        )
        .unwrap();
        let residuals = Scene::new(
            ModelType::Regressor,
            &descriptor(&[Numeric], &[Role::Residual]),
        )
        .unwrap();
        let usual = Shift::default();

        let moved = Shift { mean: 0.5, ..usual };
        let by =
            mean(&column(&features, "amount", &moved)) - mean(&column(&features, "amount", &usual));
        assert!((by - 5.0).abs() < 1e-9, "{by}");

        let lost = Shift {
            missing: 0.05,
            ..usual
        };
        let amounts = column(&features, "amount", &lost);
        let missing = amounts.iter().filter(|amount| amount.is_nan()).count();
        assert!(missing.abs_diff(1_000) < 125, "{missing}");

        let other = Shift {
            share: 0.1,
            ..usual
        };
        let shops = |shift| {
            let channels = column(&features, "channel", shift);
            channels.iter().filter(|&&code| code == 1.0).count()
        };
        assert!(shops(&other).abs_diff(shops(&usual) + 1_960) < 400);

        let wrong = Shift {
            errors: 0.05,
            ..usual
        };
        let by =
            mean(&column(&features, "error", &wrong)) - mean(&column(&features, "error", &usual));
        assert!((by - 0.05).abs() < 0.015, "{by}");

        let biased = Shift {
            residual: 0.25,
            ..usual
        };
        let by = mean(&column(&residuals, "residual", &biased))
            - mean(&column(&residuals, "residual", &usual));
        assert!((by - 1.25).abs() < 1e-9, "{by}");
    }
}
