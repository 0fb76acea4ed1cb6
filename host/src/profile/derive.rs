//! Columns that the host computes itself on labelled rows.

use std::sync::Arc;

use crate::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, ModelType, Schema};

use super::derive_error::DeriveError;
use super::derived_terms::{Term, terms};

/// The class whose probability a classifier gives, where nothing else is said and labels are numbers.
pub const POSITIVE_NUMBER_DEFAULT: f64 = 1.0;

/// How to compute the derived columns of a model, all of them numeric.
///
/// - classifier: `error`, `1` where prediction and label differ and `0` where they do not, compared by
///   number or by name; and, where there is a probability, `brier`, `(p - y)^2` with `y = 1` where the
///   label is the positive class and `0` where it is another (Brier 1950, the binary form);
/// - regressor: `residual`, label minus prediction in the label's unit, and `absolute_residual`.
///
/// NaN, that is missing, where the label is missing, or the prediction (for `brier`: the probability, or
/// it is outside [0, 1]). A model without the columns that this takes has no derived columns.
#[derive(Debug, Clone)]
pub struct Derivation {
    schema: Arc<Schema>,
    given: usize,
    terms: Vec<Term>,
}

impl Derivation {
    /// Decides what can be derived.
    ///
    /// `positive` is the class whose probability the model gives. Without it numeric labels take
    /// [`POSITIVE_NUMBER_DEFAULT`], and categorical labels give no `brier`.
    pub fn new(
        schema: &Schema,
        model: ModelType,
        positive: Option<&str>,
    ) -> Result<Self, DeriveError> {
        let terms = terms(schema, model, positive)?;
        let mut columns = schema.columns().to_vec();
        if let Some(given) = columns.iter().find(|column| column.role.is_derived()) {
            return Err(DeriveError::RoleTaken {
                column: given.name.clone(),
                role: given.role,
            });
        }
        let given = columns.len();
        for term in &terms {
            let (name, role) = term.column();
            if columns[..given].iter().any(|column| column.name == name) {
                return Err(DeriveError::NameTaken(name.to_owned()));
            }
            columns.push(ColumnSpec {
                name: name.to_owned(),
                kind: ColumnKind::Numeric,
                role,
            });
        }
        Ok(Self {
            schema: Arc::new(Schema::new(columns)?),
            given,
            terms,
        })
    }

    /// The model's columns with the derived ones after them.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The batch with the derived columns after its own.
    pub fn extend(&self, mut batch: Batch) -> Result<Batch, DeriveError> {
        if batch.columns.len() != self.given {
            let name = self
                .schema
                .columns()
                .get(batch.columns.len())
                .map_or_else(String::new, |spec| spec.name.clone());
            return Err(DeriveError::Batch(name));
        }
        let derived: Result<Vec<_>, _> = self
            .terms
            .iter()
            .map(|term| term.values(&batch.columns))
            .collect();
        let derived =
            derived.map_err(|at| DeriveError::Batch(self.schema.columns()[at].name.clone()))?;
        batch
            .columns
            .extend(derived.into_iter().map(ColumnValues::Numeric));
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MISSING_CODE, Role};
    use crate::profile::{ProfileBuilder, ProfileConfig};

    const NAN: f64 = f64::NAN;

    fn schema(columns: &[(&str, Role, ColumnKind)]) -> Schema {
        let spec = |&(name, role, kind): &(&str, _, _)| ColumnSpec {
            name: name.to_owned(),
            kind,
            role,
        };
        Schema::new(columns.iter().map(spec).collect()).unwrap()
    }

    fn names(codes: &[u32], dictionary: &[&str]) -> ColumnValues {
        let dictionary = dictionary.iter().map(|&name| name.to_owned()).collect();
        ColumnValues::Categorical {
            codes: codes.to_vec(),
            dictionary,
        }
    }

    /// As text, where NaN equals itself.
    fn derived(derivation: &Derivation, columns: Vec<ColumnValues>) -> String {
        let given = columns.len();
        let batch = derivation.extend(Batch::new(None, columns)).unwrap();
        format!("{:?}", &batch.columns[given..])
    }

    fn names_of(derivation: &Derivation) -> Vec<&str> {
        derivation
            .schema()
            .columns()
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    }

    #[test]
    fn a_regressor_has_residuals() {
        let schema = schema(&[
            ("p", Role::Prediction, ColumnKind::Numeric),
            ("y", Role::Label, ColumnKind::Numeric),
        ]);
        let derivation = Derivation::new(&schema, ModelType::Regressor, None).unwrap();
        assert_eq!(
            names_of(&derivation),
            ["p", "y", "residual", "absolute_residual"]
        );
        let columns = vec![
            ColumnValues::Numeric(vec![3.0, 1.0, NAN]),
            ColumnValues::Numeric(vec![1.0, NAN, 1.0]),
        ];
        let expected = "[Numeric([-2.0, NaN, NaN]), Numeric([2.0, NaN, NaN])]";
        assert_eq!(derived(&derivation, columns), expected);
    }

    #[test]
    fn a_classifier_with_names_has_errors_and_brier_terms() {
        let schema = schema(&[
            ("p", Role::Prediction, ColumnKind::Categorical),
            ("s", Role::Probability, ColumnKind::Numeric),
            ("y", Role::Label, ColumnKind::Categorical),
        ]);
        let derivation = Derivation::new(&schema, ModelType::Classifier, Some("yes")).unwrap();
        assert_eq!(names_of(&derivation), ["p", "s", "y", "error", "brier"]);
        let columns = vec![
            names(&[0, 1, 2, 0, MISSING_CODE, 0], &["yes", "no", "perhaps"]),
            ColumnValues::Numeric(vec![0.75, 0.25, 0.5, 0.5, 1.0, 1.5]),
            names(&[1, 1, 0, MISSING_CODE, 1, 1], &["no", "yes"]),
        ];
        let expected = "[Numeric([0.0, 1.0, 1.0, NaN, NaN, 0.0]), Numeric([0.0625, 0.5625, 0.25, NaN, 0.0, NaN])]";
        assert_eq!(derived(&derivation, columns), expected);
        assert_eq!(
            names_of(&Derivation::new(&schema, ModelType::Classifier, None).unwrap()),
            ["p", "s", "y", "error"]
        );
    }

    #[test]
    fn a_classifier_with_numbers_takes_one_as_the_positive_class() {
        let schema = schema(&[
            ("p", Role::Prediction, ColumnKind::Numeric),
            ("s", Role::Probability, ColumnKind::Numeric),
            ("y", Role::Label, ColumnKind::Numeric),
        ]);
        let columns = || {
            [
                vec![1.0, 0.0, 2.0],
                vec![0.5, 0.25, 1.0],
                vec![1.0, 1.0, 2.0],
            ]
            .map(ColumnValues::Numeric)
            .to_vec()
        };
        let one = Derivation::new(&schema, ModelType::Classifier, None).unwrap();
        assert_eq!(
            derived(&one, columns()),
            "[Numeric([0.0, 1.0, 0.0]), Numeric([0.25, 0.5625, 1.0])]"
        );
        let two = Derivation::new(&schema, ModelType::Classifier, Some("2")).unwrap();
        assert_eq!(
            derived(&two, columns()),
            "[Numeric([0.0, 1.0, 0.0]), Numeric([0.25, 0.0625, 0.0])]"
        );
        let error = Derivation::new(&schema, ModelType::Classifier, Some("spam")).unwrap_err();
        assert_eq!(error, DeriveError::PositiveNotANumber("spam".into()));
    }

    #[test]
    fn columns_that_do_not_fit_say_why() {
        let numeric = ColumnKind::Numeric;
        let taken = schema(&[
            ("error", Role::Feature, numeric),
            ("p", Role::Prediction, numeric),
            ("y", Role::Label, numeric),
        ]);
        let error = Derivation::new(&taken, ModelType::Classifier, None).unwrap_err();
        assert_eq!(error, DeriveError::NameTaken("error".into()));
        let given = schema(&[("e", Role::Error, numeric)]);
        let error = Derivation::new(&given, ModelType::Classifier, None).unwrap_err();
        assert_eq!(
            error,
            DeriveError::RoleTaken {
                column: "e".into(),
                role: Role::Error
            }
        );
        let mixed = schema(&[
            ("p", Role::Prediction, numeric),
            ("y", Role::Label, ColumnKind::Categorical),
        ]);
        assert_eq!(
            Derivation::new(&mixed, ModelType::Classifier, None)
                .unwrap_err()
                .to_string(),
            "a classifier needs a prediction and a label that are both numeric or both categorical; \
             prediction 'p' is numeric and label 'y' is categorical"
        );
        let unlabelled = schema(&[("p", Role::Prediction, numeric)]);
        let none = Derivation::new(&unlabelled, ModelType::Regressor, None).unwrap();
        assert_eq!(names_of(&none), ["p"]);
        let batch = Batch::new(None, vec![names(&[0], &["a"])]);
        assert!(
            none.extend(batch).is_ok(),
            "what takes no column looks at none"
        );
        assert!(none.extend(Batch::new(None, Vec::new())).is_err());
    }

    #[test]
    fn derived_columns_count_labelled_rows_alone() {
        let schema = schema(&[
            ("p", Role::Prediction, ColumnKind::Numeric),
            ("y", Role::Label, ColumnKind::Numeric),
        ]);
        let derivation = Derivation::new(&schema, ModelType::Regressor, None).unwrap();
        let columns = vec![
            ColumnValues::Numeric(vec![3.0, 1.0, NAN, 2.0]),
            ColumnValues::Numeric(vec![1.0, NAN, 1.0, NAN]),
        ];
        let mut builder =
            ProfileBuilder::new(Arc::clone(derivation.schema()), ProfileConfig::default());
        builder
            .observe(&derivation.extend(Batch::new(None, columns)).unwrap())
            .unwrap();
        let profile = builder.finish();
        let counts = |at: usize| {
            (
                profile.columns()[at].rows(),
                profile.columns()[at].missing(),
            )
        };
        assert_eq!([counts(1), counts(2), counts(3)], [(4, 2), (2, 1), (2, 1)]);
        assert_eq!(
            crate::profile::Profile::from_bytes(&profile.to_bytes()),
            Ok(profile)
        );
    }
}
