//! Stored rows into batches: which position holds which column, and names for codes.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::domain::{
    Batch, ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE, Model, ModelColumn, Role, Schema,
    SchemaError,
};
use crate::profile::{Derivation, DeriveError, Profile};
use crate::store::{Part, RowColumns, Widths};

use super::labelling::{LabelValue, Truth};

/// Names of the codes of categorical columns, by the column's number.
pub(super) type Dictionaries = FxHashMap<i32, Arc<Vec<String>>>;

/// How a model's rows become batches. Columns are in the order of profiles and windows: features as they were added,
/// prediction, probability; apart from them label and derived columns.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Features, prediction and probability.
    pub(super) schema: Arc<Schema>,
    columns: Vec<Place>,
    /// What the label and derived columns need.
    pub(super) answers: Option<Answers>,
}

/// How prediction, probability and label become label and derived columns.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    /// Label and derived columns.
    pub(super) schema: Arc<Schema>,
    /// Prediction and probability, with the positions that they have in [`Answers::part`].
    columns: Vec<Place>,
    label: ModelColumn,
    /// Absent where nothing can be derived.
    derivation: Option<Derivation>,
}

/// Where a column is in stored rows.
#[derive(Debug, Clone)]
struct Place {
    no: i32,
    kind: ColumnKind,
    position: usize,
    /// Numbers of each vector of an embedding.
    dimension: usize,
}

/// A code that has no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("code {code} of column number {column_no} has no name")]
pub(super) struct UnknownCode {
    column_no: i32,
    code: u32,
}

impl Layout {
    /// The layout of a model's rows.
    pub(super) fn new(model: &Model) -> Result<Self, SchemaError> {
        let of_role = |role: Role| {
            model
                .columns
                .iter()
                .filter(move |column| column.role == role)
        };
        let columns: Vec<&ModelColumn> = [Role::Feature, Role::Prediction, Role::Probability]
            .into_iter()
            .flat_map(of_role)
            .collect();
        let schema = Schema::new(columns.iter().map(|column| spec(column)).collect())?;
        let answers = of_role(Role::Label)
            .next()
            .map(|label| {
                Answers::new(
                    model,
                    label,
                    &columns
                        .iter()
                        .copied()
                        .filter(|column| column.role != Role::Feature)
                        .collect::<Vec<_>>(),
                )
            })
            .transpose()?;
        Ok(Self {
            schema: Arc::new(schema),
            columns: columns.into_iter().map(Place::from).collect(),
            answers,
        })
    }

    /// How many values of each kind stored rows have.
    pub(super) fn widths(&self) -> Widths {
        widths(&self.columns)
    }

    /// Numbers of each vector of the columns of [`Layout::schema`], in their order; 0 for what is no embedding.
    pub(super) fn dimensions(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|place| place.dimension)
    }

    /// A profile of these columns whose vectors have their length even where no row has one.
    pub(super) fn sized(&self, profile: Profile) -> Profile {
        let length = |dimension| u32::try_from(dimension).unwrap_or(u32::MAX);
        profile.sized(self.dimensions().map(length))
    }

    /// The columns whose codes go beyond what is known of their names.
    pub(super) fn unknown(&self, rows: &RowColumns, names: &Dictionaries) -> Vec<i32> {
        let beyond = |place: &&Place| {
            let known = names.get(&place.no).map_or(0, |names| names.len());
            let codes = rows.codes(place.position).iter();
            codes
                .filter(|code| **code != MISSING_CODE)
                .any(|&code| code as usize >= known)
        };
        self.columns
            .iter()
            .filter(|place| place.kind == ColumnKind::Categorical)
            .filter(beyond)
            .map(|place| place.no)
            .collect()
    }

    /// Some rows as a batch of [`Layout::schema`].
    pub(super) fn batch(
        &self,
        rows: &RowColumns,
        some: &[usize],
        names: &Dictionaries,
    ) -> Result<Batch, UnknownCode> {
        let columns: Result<Vec<_>, _> = self
            .columns
            .iter()
            .map(|place| place.values(rows, some, names))
            .collect();
        let times = some.iter().map(|&row| seconds(rows.times()[row])).collect();
        Ok(Batch::new(Some(times), columns?))
    }
}

impl Answers {
    fn new(
        model: &Model,
        label: &ModelColumn,
        answers: &[&ModelColumn],
    ) -> Result<Self, SchemaError> {
        // What cannot be derived because columns do not fit each other is not: the label stays.
        let tries: [&[Role]; 2] = [&[Role::Prediction, Role::Probability], &[Role::Prediction]];
        for roles in tries {
            let columns: Vec<&ModelColumn> = answers
                .iter()
                .copied()
                .filter(|column| roles.contains(&column.role))
                .collect();
            match derive(model, label, &columns) {
                Ok(derivation) => {
                    let labelled = derivation.schema().columns()[columns.len()..].to_vec();
                    return Ok(Self {
                        schema: Arc::new(Schema::new(labelled)?),
                        columns: renumbered(&columns),
                        label: label.clone(),
                        derivation: Some(derivation),
                    });
                }
                Err(NotDerived::Schema(error)) => return Err(error),
                Err(NotDerived::Unknown | NotDerived::Unfit) => {}
            }
        }
        Ok(Self {
            schema: Arc::new(Schema::new(vec![spec(label)])?),
            columns: Vec::new(),
            label: label.clone(),
            derivation: None,
        })
    }

    /// What is read of stored rows.
    pub(super) fn part(&self, whole: &Layout) -> Part {
        let positions = |kind| {
            let places = self.columns.iter().filter(|place| place.kind == kind);
            let of = |no| whole.columns.iter().find(|place| place.no == no);
            places
                .filter_map(|place| of(place.no))
                .map(|place| place.position)
                .collect()
        };
        Part::Some {
            numbers: positions(ColumnKind::Numeric),
            codes: positions(ColumnKind::Categorical),
        }
    }

    /// How many values of each kind rows of [`Answers::part`] have.
    pub(super) fn widths(&self) -> Widths {
        widths(&self.columns)
    }

    /// The label column's number, where its values are categories.
    pub(super) fn categorical_label(&self) -> Option<i32> {
        (self.label.kind == ColumnKind::Categorical).then_some(self.label.no)
    }

    /// The columns whose codes go beyond what is known of their names, in rows of [`Answers::part`].
    pub(super) fn unknown(&self, rows: &RowColumns, names: &Dictionaries) -> Vec<i32> {
        let part = Layout {
            schema: Arc::clone(&self.schema),
            columns: self.columns.clone(),
            answers: None,
        };
        part.unknown(rows, names)
    }

    /// Rows of the whole layout and their truths as a batch of [`Answers::schema`].
    pub(super) fn batch_of_whole(
        &self,
        whole: &Layout,
        rows: &RowColumns,
        labelled: &[(usize, Truth)],
        names: &Dictionaries,
    ) -> Result<Batch, BatchError> {
        let of = |place: &Place| whole.columns.iter().find(|there| there.no == place.no);
        let places: Vec<Place> = self.columns.iter().filter_map(of).cloned().collect();
        self.batch_at(&places, rows, labelled, names)
    }

    /// The same out of rows of [`Answers::part`].
    pub(super) fn batch(
        &self,
        rows: &RowColumns,
        labelled: &[(usize, Truth)],
        names: &Dictionaries,
    ) -> Result<Batch, BatchError> {
        self.batch_at(&self.columns, rows, labelled, names)
    }

    fn batch_at(
        &self,
        places: &[Place],
        rows: &RowColumns,
        labelled: &[(usize, Truth)],
        names: &Dictionaries,
    ) -> Result<Batch, BatchError> {
        let some: Vec<usize> = labelled.iter().map(|(row, _)| *row).collect();
        let mut columns = Vec::with_capacity(places.len() + 1);
        for place in places {
            columns.push(place.values(rows, &some, names)?);
        }
        columns.push(self.labels(labelled.iter().map(|(_, truth)| Some(truth.value)), names)?);
        let times = some.iter().map(|&row| seconds(rows.times()[row])).collect();
        let given = Batch::new(Some(times), columns);
        self.labelled_columns(given, places.len())
    }

    /// Label and derived columns of rows of the whole layout; a row without a truth is missing in each.
    pub(super) fn columns_of_all(
        &self,
        whole: &Layout,
        rows: &RowColumns,
        truths: &[Option<Truth>],
        names: &Dictionaries,
    ) -> Result<Vec<ColumnValues>, BatchError> {
        let of = |place: &Place| whole.columns.iter().find(|there| there.no == place.no);
        let some: Vec<usize> = (0..rows.rows()).collect();
        let mut columns = Vec::new();
        for place in self.columns.iter().filter_map(of) {
            columns.push(place.values(rows, &some, names)?);
        }
        let given = columns.len();
        columns.push(self.labels(
            truths.iter().map(|truth| truth.map(|truth| truth.value)),
            names,
        )?);
        Ok(self
            .labelled_columns(Batch::new(None, columns), given)?
            .columns)
    }

    /// Label and derived columns of rows whose columns are those of the whole layout's schema.
    pub(super) fn columns_of_values(
        &self,
        whole: &Schema,
        values: &[ColumnValues],
        label: ColumnValues,
    ) -> Result<Vec<ColumnValues>, BatchError> {
        let of = |role| Some(values[whole.position_of(role)?].clone());
        let roles = [Role::Prediction, Role::Probability];
        let mut columns: Vec<ColumnValues> = roles
            .into_iter()
            .filter_map(of)
            .take(self.columns.len())
            .collect();
        let given = columns.len();
        columns.push(label);
        Ok(self
            .labelled_columns(Batch::new(None, columns), given)?
            .columns)
    }

    /// The label's column.
    pub(super) fn label(&self) -> &ColumnSpec {
        &self.schema.columns()[0]
    }

    fn labelled_columns(&self, batch: Batch, given: usize) -> Result<Batch, BatchError> {
        let mut batch = match &self.derivation {
            Some(derivation) => derivation.extend(batch)?,
            None => batch,
        };
        batch.columns.drain(..given);
        Ok(batch)
    }

    fn labels(
        &self,
        values: impl Iterator<Item = Option<LabelValue>>,
        names: &Dictionaries,
    ) -> Result<ColumnValues, UnknownCode> {
        // A label of the other kind than its column's is none.
        match self.label.kind {
            ColumnKind::Categorical => {
                let codes = values.map(|value| match value {
                    Some(LabelValue::Code(code)) => u32::try_from(code).unwrap_or(MISSING_CODE),
                    _ => MISSING_CODE,
                });
                compact(self.label.no, codes, names)
            }
            _ => Ok(ColumnValues::Numeric(
                values
                    .map(|value| match value {
                        Some(LabelValue::Number(number)) => number,
                        _ => f64::NAN,
                    })
                    .collect(),
            )),
        }
    }
}

/// Why stored rows make no batch.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    /// A code has no name.
    #[error(transparent)]
    Code(#[from] UnknownCode),
    /// Derived columns could not be computed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

enum NotDerived {
    /// What the model answers is not known.
    Unknown,
    /// The columns do not fit what it answers.
    Unfit,
    Schema(SchemaError),
}

fn derive(
    model: &Model,
    label: &ModelColumn,
    columns: &[&ModelColumn],
) -> Result<Derivation, NotDerived> {
    let model_type = model.answers().ok_or(NotDerived::Unknown)?;
    let specs = columns
        .iter()
        .map(|column| spec(column))
        .chain([spec(label)]);
    let schema = Schema::new(specs.collect()).map_err(NotDerived::Schema)?;
    Derivation::new(&schema, model_type, model.positive_label.as_deref())
        .map_err(|_| NotDerived::Unfit)
}

/// How derived columns are computed, as text that changes whenever that does. What a new column adds to them needs no
/// mention: rows from before it have no value there.
pub(super) fn derivation_key(model: &Model) -> String {
    let model_type = model.answers().map(|model_type| model_type.to_string());
    format!(
        "{}{}",
        model_type.as_deref().unwrap_or_default(),
        model
            .positive_label
            .as_ref()
            .map(|positive| format!(" of {positive:?}"))
            .unwrap_or_default()
    )
}

impl From<&ModelColumn> for Place {
    fn from(column: &ModelColumn) -> Self {
        Self {
            no: column.no,
            kind: column.kind,
            position: column.position,
            dimension: column.dimension,
        }
    }
}

impl Place {
    fn values(
        &self,
        rows: &RowColumns,
        some: &[usize],
        names: &Dictionaries,
    ) -> Result<ColumnValues, UnknownCode> {
        match self.kind {
            ColumnKind::Categorical => {
                let codes = rows.codes(self.position);
                compact(self.no, some.iter().map(|&row| codes[row]), names)
            }
            ColumnKind::Numeric => {
                let numbers = rows.numbers(self.position);
                Ok(ColumnValues::Numeric(
                    some.iter().map(|&row| numbers[row]).collect(),
                ))
            }
            ColumnKind::Embedding => {
                let mut values = Vec::with_capacity(some.len() * self.dimension);
                for &row in some {
                    values.extend_from_slice(rows.vector(row, self.position, self.dimension));
                }
                Ok(ColumnValues::Embedding {
                    dimension: self.dimension,
                    values,
                })
            }
        }
    }
}

/// Lengths of the lists of values that hold these columns.
fn widths(columns: &[Place]) -> Widths {
    let width = |kind| {
        let of_kind = columns.iter().filter(|place| place.kind == kind);
        let end = |place: &Place| place.position + place.dimension.max(1);
        of_kind.map(end).max().unwrap_or(0)
    };
    Widths {
        numbers: width(ColumnKind::Numeric),
        codes: width(ColumnKind::Categorical),
        embedding: width(ColumnKind::Embedding),
    }
}

/// Columns of answers with positions anew, each kind from 0.
fn renumbered(columns: &[&ModelColumn]) -> Vec<Place> {
    let (mut numeric, mut categorical) = (0.., 0..);
    columns
        .iter()
        .map(|column| Place {
            no: column.no,
            kind: column.kind,
            position: match column.kind {
                ColumnKind::Categorical => categorical.next(),
                _ => numeric.next(),
            }
            .unwrap_or_default(),
            dimension: 0,
        })
        .collect()
}

fn spec(column: &ModelColumn) -> ColumnSpec {
    ColumnSpec {
        name: column.name.clone(),
        kind: column.kind,
        role: column.role,
    }
}

/// Codes numbered anew in the order of their first row, so that the dictionary holds the names of these rows alone.
fn compact(
    column_no: i32,
    codes: impl Iterator<Item = u32>,
    names: &Dictionaries,
) -> Result<ColumnValues, UnknownCode> {
    let names = names.get(&column_no).map_or(&[][..], |names| &names[..]);
    let mut renumbered = vec![MISSING_CODE; names.len()];
    let mut dictionary = Vec::new();
    let mut compacted = Vec::with_capacity(codes.size_hint().0);
    for code in codes {
        if code == MISSING_CODE {
            compacted.push(MISSING_CODE);
            continue;
        }
        let at = code as usize;
        let name = names.get(at).ok_or(UnknownCode { column_no, code })?;
        if renumbered[at] == MISSING_CODE {
            renumbered[at] = u32::try_from(dictionary.len()).unwrap_or(MISSING_CODE);
            dictionary.push(name.clone());
        }
        compacted.push(renumbered[at]);
    }
    Ok(ColumnValues::Categorical {
        codes: compacted,
        dictionary,
    })
}

/// Microseconds as seconds.
pub(super) fn seconds(micros: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time in seconds has 53 bits everywhere: a fraction of a microsecond"
    )]
    let micros = micros as f64;
    micros / 1e6
}
