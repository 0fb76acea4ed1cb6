//! Decides from the reference file which columns there are and what they mean.

use std::sync::Arc;

use crate::domain::{ColumnKind, ColumnSpec, ModelType, Role, Schema};
use crate::input::{self, Basis, ColumnRequest, Inspection};
use crate::profile::Derivation;

use super::error::CheckError;
use super::settings::Settings;

/// What both files are read as.
pub(super) struct Plan {
    /// What is asked of each file, in the schema's order.
    pub(super) requests: Vec<ColumnRequest>,
    /// The schema, derived columns included.
    pub(super) schema: Arc<Schema>,
    /// Adds the derived columns; absent where there are none.
    pub(super) derivation: Option<Derivation>,
    /// What the model answers, if that is known.
    pub(super) model_type: Option<ModelType>,
    /// Bytes of the files that are read.
    pub(super) bytes: u64,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Looks at both files.
    pub(super) fn new(settings: &Settings) -> Result<Self, CheckError> {
        let reference = input::inspect(&settings.reference, &settings.read)?;
        let current = input::inspect(&settings.current, &settings.read)?;
        Self::of(settings, &reference, Some(&current))
    }

    /// Looks at the reference file alone.
    pub(super) fn of_reference(settings: &Settings) -> Result<Self, CheckError> {
        let reference = input::inspect(&settings.reference, &settings.read)?;
        Self::of(settings, &reference, None)
    }

    fn of(
        settings: &Settings,
        reference: &Inspection,
        current: Option<&Inspection>,
    ) -> Result<Self, CheckError> {
        let file = settings.reference.display().to_string();
        let mut notes = notes(settings, reference, current);

        let mut requests = Vec::new();
        let mut columns = Vec::new();
        for column in &reference.columns {
            let mut request = ColumnRequest::from(column);
            // Nothing in the reference tells what it is: the current file may.
            let other = current.and_then(|current| current.column(&column.name));
            if let (Basis::Nothing, Some(other)) = (column.basis, other) {
                request = ColumnRequest::from(other);
            }
            let role = role_of(&column.name, settings);
            columns.push(ColumnSpec {
                name: column.name.clone(),
                kind: request.kind,
                role,
            });
            requests.push(request);
        }
        if columns.is_empty() {
            return Err(CheckError::NoColumns { file });
        }
        check_roles(settings, &columns, &file)?;
        let schema = Schema::new(columns).map_err(|source| CheckError::Schema {
            file: file.clone(),
            source,
        })?;

        let model_type = settings.model_type.or_else(|| guess(&schema));
        if settings.model_type.is_none()
            && let Some(guessed) = model_type
        {
            notes.push(format!(
                "the model is taken for a {guessed}, as its columns suggest"
            ));
        }
        let labelled = schema.position_of(Role::Label).is_some()
            && schema.position_of(Role::Prediction).is_some();
        let derivation = model_type
            .filter(|_| labelled)
            .map(|model| Derivation::new(&schema, model, settings.roles.positive_label.as_deref()))
            .transpose()
            .map_err(|source| CheckError::Derive { file, source })?;
        let schema = derivation.as_ref().map_or_else(
            || Arc::new(schema),
            |derivation| derivation.schema().clone(),
        );
        let bytes = reference.bytes + current.map_or(0, |current| current.bytes);
        Ok(Self {
            requests,
            schema,
            derivation,
            model_type,
            bytes,
            notes,
        })
    }
}

fn role_of(column: &str, settings: &Settings) -> Role {
    let roles = &settings.roles;
    let named = [
        (&roles.label, Role::Label),
        (&roles.prediction, Role::Prediction),
        (&roles.probability, Role::Probability),
    ];
    named
        .into_iter()
        .find(|(name, _)| name.as_deref() == Some(column))
        .map_or(Role::Feature, |(_, role)| role)
}

fn check_roles(settings: &Settings, columns: &[ColumnSpec], file: &str) -> Result<(), CheckError> {
    let roles = &settings.roles;
    let named = [
        ("the label", &roles.label),
        ("the prediction", &roles.prediction),
        ("the probability", &roles.probability),
    ];
    for (role, name) in named {
        if let Some(column) = name
            && columns.iter().all(|there| there.name != *column)
        {
            let there = columns
                .iter()
                .map(|column| column.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(CheckError::NoRoleColumn {
                file: file.to_owned(),
                role,
                column: column.clone(),
                there,
            });
        }
    }
    Ok(())
}

/// A classifier if prediction or label are categories, or if there is a probability; else a
/// regressor; unknown without prediction and label.
fn guess(schema: &Schema) -> Option<ModelType> {
    let kind = |role| schema.position_of(role).map(|at| schema.columns()[at].kind);
    let answers = [kind(Role::Prediction), kind(Role::Label)];
    if schema.position_of(Role::Probability).is_some()
        || answers.contains(&Some(ColumnKind::Categorical))
    {
        return Some(ModelType::Classifier);
    }
    answers
        .iter()
        .any(Option::is_some)
        .then_some(ModelType::Regressor)
}

/// Columns that take no part.
fn notes(settings: &Settings, reference: &Inspection, current: Option<&Inspection>) -> Vec<String> {
    let mut notes = Vec::new();
    let quoted = |names: Vec<&str>| format!("'{}'", names.join("', '"));
    let more: Vec<&str> = current
        .iter()
        .flat_map(|current| &current.columns)
        .map(|column| column.name.as_str())
        .filter(|name| {
            reference.column(name).is_none()
                && reference
                    .skipped
                    .iter()
                    .all(|skipped| skipped.name != *name)
        })
        .collect();
    if !more.is_empty() {
        notes.push(format!(
            "{}: not compared, because the reference does not have them: {}",
            settings.current.display(),
            quoted(more)
        ));
    }
    for skipped in &reference.skipped {
        notes.push(format!(
            "{}: column '{}' is not compared: it holds {}",
            settings.reference.display(),
            skipped.name,
            skipped.holds
        ));
    }
    notes
}
