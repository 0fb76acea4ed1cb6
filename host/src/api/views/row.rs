//! Rows and labels as the API takes and shows them. What is taken is read by `ingest`: the forms here are its documentation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::model::RECORD_ID_BYTES_MAX;
use crate::domain::{Model, Role};
use crate::store::{HistoryRow, Scalar};

use super::model::ModelTypeView;

/// A value: a number, the name of a category, or a vector. Infinite numbers are the texts `Infinity` and `-Infinity`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ScalarView {
    /// Of a numeric column.
    Number(f64),
    /// Of a categorical column.
    Text(String),
    /// Of an embedding, with null for a number that is missing.
    Vector(Vec<Option<NumberView>>),
}

/// A number of a vector. Infinite ones are the texts `Infinity` and `-Infinity`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum NumberView {
    /// A finite one.
    Number(f32),
    /// An infinite one.
    Text(&'static str),
}

fn infinity(is_positive: bool) -> &'static str {
    if is_positive { "Infinity" } else { "-Infinity" }
}

impl NumberView {
    /// None for NaN.
    fn of(number: f32) -> Option<Self> {
        match number {
            finite if finite.is_finite() => Some(Self::Number(finite)),
            nan if nan.is_nan() => None,
            infinite => Some(Self::Text(infinity(infinite > 0.0))),
        }
    }
}

impl From<Scalar> for ScalarView {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Number(number) if number.is_finite() => Self::Number(number),
            Scalar::Number(number) => Self::Text(infinity(number > 0.0).into()),
            Scalar::Category(name) => Self::Text(name),
            Scalar::Vector(numbers) => {
                Self::Vector(numbers.into_iter().map(NumberView::of).collect())
            }
        }
    }
}

/// Values by name, null where there is none: what the derive cannot say.
fn features() -> Object {
    values_of(&ScalarView::name())
}

/// The same of values that are sent.
fn features_form() -> Object {
    values_of(&FeatureForm::name())
}

fn values_of(schema: &str) -> Object {
    let value = OneOfBuilder::new()
        .item(Ref::from_schema_name(schema))
        .item(Object::with_type(Type::Null))
        .build();
    ObjectBuilder::new()
        .description(Some(
            "Inputs of the model by name; null where there is no value.",
        ))
        .additional_properties(Some(Schema::from(value)))
        .build()
}

/// A value that is sent: a number, the name of a category, or true and false, which are the categories of these names.
/// Infinite numbers are the texts `Infinity` and `-Infinity`.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
#[schema(as = ScalarForm)]
#[serde(untagged)]
pub(super) enum ScalarForm {
    /// Of a numeric column.
    Number(f64),
    /// Of a categorical column.
    Text(String),
    /// Of a categorical column.
    Truth(bool),
}

/// The value of a feature that is sent: as any other, or a vector. All vectors of a feature have one length, at most 4,096.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
#[schema(as = FeatureForm)]
#[serde(untagged)]
pub(super) enum FeatureForm {
    /// Of a numeric or categorical column.
    Value(ScalarForm),
    /// Of an embedding. A number that is null is missing.
    Vector(Vec<Option<f32>>),
}

/// Name and schema of a feature that is sent, to which features of rows refer.
pub fn feature_form() -> (Cow<'static, str>, RefOr<Schema>) {
    (FeatureForm::name(), FeatureForm::schema())
}

/// The name of a row, as it is sent.
fn record_id() -> Schema {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(RECORD_ID_BYTES_MAX))
        .pattern(Some(r"^[^\x00]+$"));
    OneOfBuilder::new()
        .description(Some(
            "The client's name of the row. A whole number is the text of its digits.",
        ))
        .item(text)
        .item(Object::with_type(Type::Integer))
        .build()
        .into()
}

/// One row to store.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub(super) struct RowForm {
    /// The client's name of the row, by which its label will find it.
    #[schema(schema_with = record_id)]
    record_id: String,
    /// When the model answered: from 2000-01-01 up to one day after now.
    prediction_time: Timestamp,
    /// Inputs of the model by name. A feature is numeric, categorical or an embedding as its first value is.
    #[schema(schema_with = features_form)]
    features: Option<BTreeMap<String, Option<FeatureForm>>>,
    /// What the model answered.
    prediction: Option<ScalarForm>,
    /// The score behind the answer; also called `prediction_probability`.
    probability: Option<f64>,
    /// The truth, where it is known already; also called `ground_truth_label`.
    label: Option<ScalarForm>,
}

/// Rows to store.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub struct PredictionBatch {
    /// The rows.
    predictions: Vec<RowForm>,
}

/// One row of reference data. Other fields are features too.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub(super) struct ReferenceRowForm {
    /// Inputs of the model by name.
    #[schema(schema_with = features_form)]
    features: Option<BTreeMap<String, Option<FeatureForm>>>,
    /// What the model answered.
    prediction: Option<ScalarForm>,
    /// The score behind the answer; also called `prediction_probability`.
    probability: Option<f64>,
    /// The truth; also called `ground_truth_label`.
    label: Option<ScalarForm>,
}

/// Reference data.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub struct ReferenceBatch {
    /// The rows.
    #[schema(min_items = 1)]
    predictions: Vec<ReferenceRowForm>,
}

/// The truth about one row.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub(super) struct LabelForm {
    /// Whose truth it is.
    #[schema(schema_with = record_id)]
    record_id: String,
    /// The truth; also called `ground_truth_label`. Null says nothing.
    label: Option<ScalarForm>,
}

/// Labels to store.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub struct LabelBatch {
    /// The labels.
    labels: Vec<LabelForm>,
}

/// One row as the Python service took it.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub(super) struct LegacyForm {
    /// When the model answered.
    prediction_time: Timestamp,
    /// The client's name of the row.
    #[schema(schema_with = record_id)]
    record_id: String,
    /// What the model answered.
    prediction: Option<ScalarForm>,
    /// The score behind the answer.
    prediction_probability: Option<f64>,
    /// The truth, where it is known already.
    ground_truth_label: Option<ScalarForm>,
}

/// Rows as the Python service took them.
#[expect(dead_code, reason = "documents what `ingest` reads")]
#[derive(Debug, ToSchema)]
pub struct LegacyBatch {
    /// The model.
    #[schema(
        min_length = 1,
        max_length = 256,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"
    )]
    model_id: String,
    /// What it answers.
    model_type: Option<ModelTypeView>,
    /// Rows up to this time are what it was trained on.
    last_training_time: Option<Timestamp>,
    /// The rows.
    predictions: Vec<LegacyForm>,
}

/// One row as it is stored, with the label that counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowView {
    /// Order of arrival within the model.
    pub seq: i64,
    /// The client's name of the row.
    pub record_id: String,
    /// When the model answered.
    pub prediction_time: Timestamp,
    /// Inputs of the model by name; null where the row has no value.
    #[schema(schema_with = features)]
    pub features: BTreeMap<String, Option<ScalarView>>,
    /// What the model answered.
    pub prediction: Option<ScalarView>,
    /// The score behind the answer.
    pub probability: Option<ScalarView>,
    /// The truth; null until it arrives. Of several labels of a record the newest.
    pub label: Option<ScalarView>,
    /// When the label arrived.
    pub labelled_at: Option<Timestamp>,
}

/// One row as the Python service gave it back.
#[derive(Debug, Serialize, ToSchema)]
pub struct LegacyRow {
    /// When the model answered.
    pub prediction_time: Timestamp,
    /// The client's name of the row.
    pub record_id: String,
    /// What the model answered.
    pub prediction: Option<ScalarView>,
    /// The score behind the answer.
    pub prediction_probability: Option<ScalarView>,
    /// The truth; null until it arrives.
    pub ground_truth_label: Option<ScalarView>,
}

impl RowView {
    /// A stored row of `model`.
    pub fn of(model: &Model, row: HistoryRow) -> Self {
        let mut view = Self {
            seq: row.seq,
            record_id: row.record_id,
            prediction_time: row.prediction_time,
            features: BTreeMap::new(),
            prediction: None,
            probability: None,
            label: None,
            labelled_at: row.labelled_at,
        };
        for (column, value) in model.columns.iter().zip(row.values) {
            let value = value.map(ScalarView::from);
            match column.role {
                Role::Prediction => view.prediction = value,
                Role::Probability => view.probability = value,
                Role::Label => view.label = value,
                _ => {
                    view.features.insert(column.name.clone(), value);
                }
            }
        }
        view
    }
}

/// A stored row of `model` under the names of the Python service.
pub fn legacy_row(model: &Model, row: HistoryRow) -> LegacyRow {
    let row = RowView::of(model, row);
    LegacyRow {
        prediction_time: row.prediction_time,
        record_id: row.record_id,
        prediction: row.prediction,
        prediction_probability: row.probability,
        ground_truth_label: row.label,
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{ColumnKind, ModelColumn, ModelId, ModelSettings};

    use super::*;

    fn model() -> Model {
        let column = |no: i32, name: &str, kind, role| ModelColumn {
            no,
            name: name.into(),
            kind,
            role,
            position: 0,
            dimension: 0,
            schema_version: 1,
        };
        Model {
            no: 1,
            id: ModelId::new("m").unwrap(),
            model_type: None,
            positive_label: None,
            last_training_time: None,
            schema_version: 1,
            settings: ModelSettings::default(),
            columns: vec![
                column(0, "age", ColumnKind::Numeric, Role::Feature),
                column(1, "prediction", ColumnKind::Categorical, Role::Prediction),
                column(2, "label", ColumnKind::Categorical, Role::Label),
                column(3, "income", ColumnKind::Numeric, Role::Feature),
            ],
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_vector_is_a_list_with_null_for_a_number_that_is_missing() {
        let vector = Scalar::Vector(vec![0.1, f32::NAN, f32::INFINITY, -2.0]);
        let json = serde_json::to_string(&ScalarView::from(vector)).unwrap();
        assert_eq!(json, r#"[0.1,null,"Infinity",-2.0]"#);
    }

    #[test]
    fn values_stand_under_what_their_columns_mean() {
        let row = HistoryRow {
            seq: 7,
            record_id: "r".into(),
            prediction_time: Timestamp::UNIX_EPOCH,
            values: vec![
                Some(Scalar::Number(41.0)),
                Some(Scalar::Category("yes".into())),
                None,
                Some(Scalar::Number(f64::NEG_INFINITY)),
            ],
            labelled_at: None,
        };

        insta::assert_json_snapshot!(RowView::of(&model(), row.clone()), @r#"
        {
          "seq": 7,
          "record_id": "r",
          "prediction_time": "1970-01-01T00:00:00Z",
          "features": {
            "age": 41.0,
            "income": "-Infinity"
          },
          "prediction": "yes",
          "probability": null,
          "label": null,
          "labelled_at": null
        }
        "#);
        insta::assert_json_snapshot!(legacy_row(&model(), row), @r#"
        {
          "prediction_time": "1970-01-01T00:00:00Z",
          "record_id": "r",
          "prediction": "yes",
          "prediction_probability": null,
          "ground_truth_label": null
        }
        "#);
    }
}
