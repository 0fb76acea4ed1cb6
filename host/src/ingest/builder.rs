//! Rows while they are decoded: values by field, column by column, held against what is known of the model.

use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;

use crate::domain::model::{
    EMBEDDING_DIMENSION_MAX, FEATURES_MAX, LABEL, PREDICTION, PROBABILITY, RECORD_ID_BYTES_MAX,
    RESERVED_NAMES,
};
use crate::domain::schema::COLUMN_NAME_BYTES_MAX;
use crate::domain::{ColumnKind, ColumnValues, MISSING_CODE, ModelType, Role};
use crate::input::{Interner, MissingTexts, ReadOptions, ValueProblem, parse_vector};

use super::error::IngestError;
use super::known::Known;
use super::limits::{TIME_AHEAD_MICROS_MAX, TIME_MICROS_MIN};
use super::problems::{Problems, quote};
use super::rows::{Rows, RowsColumn, Said, Texts, has_value};
use super::time::{self, NO_TIME};

/// What is asked of the rows of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Rows with a record and a time; features stand in `features`, where the format has such a thing.
    Predictions,
    /// A record and its label, and nothing else.
    Labels,
    /// Rows of which each field is optional; any other name is a feature.
    Reference,
}

/// Where a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The record's name.
    RecordId,
    /// The row's time.
    Time,
    /// All features of a row.
    Features,
    /// A column, by its slot.
    Column(usize),
    /// Nowhere: what is wrong with it was noted.
    Nowhere,
}

/// A column while it is filled. Rows at its end may still be lacking: they have no value.
#[derive(Debug)]
struct Slot {
    name: Box<str>,
    role: Role,
    /// Somebody declared it a category, so numbers are names too.
    declared: bool,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// No value so far, and nothing else tells what they will be.
    Untyped,
    Numeric(Vec<f64>),
    Categorical {
        codes: Vec<u32>,
        names: Interner,
    },
    /// Vectors, row after row. Their length is 0 before the first.
    Embedding {
        dimension: usize,
        values: Vec<f32>,
    },
    /// All rows of it, done.
    Whole(ColumnValues),
}

impl Values {
    /// Of a kind, and of vectors of this length.
    fn of(kind: ColumnKind, dimension: usize) -> Self {
        match kind {
            ColumnKind::Categorical => Self::Categorical {
                codes: Vec::new(),
                names: Interner::default(),
            },
            ColumnKind::Numeric => Self::Numeric(Vec::new()),
            ColumnKind::Embedding => Self::Embedding {
                dimension,
                values: Vec::new(),
            },
        }
    }

    fn kind(&self) -> Option<ColumnKind> {
        match self {
            Self::Untyped => None,
            Self::Numeric(_) => Some(ColumnKind::Numeric),
            Self::Categorical { .. } => Some(ColumnKind::Categorical),
            Self::Embedding { .. } => Some(ColumnKind::Embedding),
            Self::Whole(values) => Some(match values {
                ColumnValues::Categorical { .. } => ColumnKind::Categorical,
                ColumnValues::Numeric(_) => ColumnKind::Numeric,
                ColumnValues::Embedding { .. } => ColumnKind::Embedding,
            }),
        }
    }
}

/// Texts that stand for no value, the same as in files.
pub(super) static MISSING: LazyLock<MissingTexts> =
    LazyLock::new(|| MissingTexts::new(&ReadOptions::default().missing));

/// Slots of the columns that have a role of their own.
const PREDICTION_SLOT: usize = 0;
const PROBABILITY_SLOT: usize = 1;
const LABEL_SLOT: usize = 2;

const TWICE: &str = "the key stands twice";

/// Gathers rows.
#[derive(Debug)]
pub(super) struct RowsBuilder {
    known: Option<Arc<Known>>,
    model_type: Option<ModelType>,
    purpose: Purpose,
    rows_max: usize,
    ids: Texts,
    times: Vec<i64>,
    slots: Vec<Slot>,
    /// Slots of features.
    features: FxHashMap<Box<str>, usize>,
    /// Features of the model and of the body together.
    features_count: usize,
    /// Slots in the order of the keys of the row before: rows of one client look alike.
    order: Vec<usize>,
    cursor: usize,
    /// What the body says beside its rows.
    pub(super) said: Said,
    /// What is wrong.
    pub(super) problems: Problems,
    /// More rows than may be.
    pub(super) rows_over: Option<usize>,
    /// The body is one row, so a list in it is a vector, and not a value for each row.
    pub(super) one_row: bool,
    /// Values of one row stood beside lists.
    pub(super) mixed: bool,
    /// Numbers of a vector on their way.
    scratch: Vec<f32>,
    /// Numbers that vectors may have, those of missing ones included, and how many more there may be.
    room: (usize, usize),
}

impl RowsBuilder {
    /// Rows of a model, if it is known. `model_type` is what the request says of it; the rows have vectors of `room`
    /// numbers at most, those of missing ones included.
    pub(super) fn new(
        known: Option<&Arc<Known>>,
        model_type: Option<ModelType>,
        purpose: Purpose,
        (rows_max, room): (usize, usize),
    ) -> Self {
        let of_role = |role, name: &str| {
            let at = known.and_then(|known| known.position_of(role));
            let column = at.zip(known).map(|(at, known)| &known.model.columns[at]);
            let values = match role {
                Role::Probability => Values::of(ColumnKind::Numeric, 0),
                _ => column.map_or(Values::Untyped, |column| {
                    Values::of(column.kind, column.dimension)
                }),
            };
            let declared = at.zip(known).is_some_and(|(at, known)| known.declared[at]);
            Slot {
                name: name.into(),
                role,
                declared,
                values,
            }
        };
        let mut builder = Self {
            model_type,
            purpose,
            rows_max,
            ids: Texts::default(),
            times: Vec::new(),
            slots: vec![
                of_role(Role::Prediction, PREDICTION),
                of_role(Role::Probability, PROBABILITY),
                of_role(Role::Label, LABEL),
            ],
            features: FxHashMap::default(),
            features_count: known.map_or(0, |known| known.features()),
            order: Vec::new(),
            cursor: 0,
            said: Said::default(),
            problems: Problems::default(),
            rows_over: None,
            one_row: false,
            mixed: false,
            scratch: Vec::new(),
            room: (room, room),
            known: known.cloned(),
        };
        let known_type = known.and_then(|known| known.model.model_type);
        builder.say_type(known_type.or(model_type));
        builder.agree(PREDICTION_SLOT);
        builder.agree(LABEL_SLOT);
        builder
    }

    /// A builder for the same body, read again from its start.
    pub(super) fn afresh(&self) -> Self {
        Self::new(
            self.known.as_ref(),
            self.model_type,
            self.purpose,
            (self.rows_max, self.room.0),
        )
    }

    /// Makes sure that there is room for so many numbers of vectors more.
    pub(super) fn take_room(&mut self, numbers: usize) -> Result<(), String> {
        take(&mut self.room.1, numbers)
    }

    /// Answers of a regressor are numbers.
    pub(super) fn say_type(&mut self, model_type: Option<ModelType>) {
        if model_type == Some(ModelType::Regressor) {
            for slot in [PREDICTION_SLOT, LABEL_SLOT] {
                if matches!(self.slots[slot].values, Values::Untyped) {
                    self.slots[slot].values = Values::of(ColumnKind::Numeric, 0);
                }
            }
        }
    }

    /// Prediction and label are of one kind: once one is known, so is the other.
    fn agree(&mut self, slot: usize) {
        let other = match slot {
            PREDICTION_SLOT => LABEL_SLOT,
            LABEL_SLOT => PREDICTION_SLOT,
            _ => return,
        };
        if let (Some(kind), Values::Untyped) =
            (self.slots[slot].values.kind(), &self.slots[other].values)
        {
            self.slots[other].values = Values::of(kind, 0);
            self.slots[other].declared |= self.slots[slot].declared;
        }
    }

    /// What is asked of the rows.
    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Begins a row; whether there may be so many.
    pub(super) fn begin(&mut self, row: usize) -> bool {
        self.cursor = 0;
        self.begin_value(row)
    }

    /// Begins the value of a row in a list of values; whether there may be so many.
    pub(super) fn begin_value(&mut self, row: usize) -> bool {
        if row >= self.rows_max {
            self.rows_over = Some(row + 1);
            return false;
        }
        true
    }

    /// The field of a name outside of `features`. `flat`: other names are features.
    pub(super) fn field(&mut self, name: &str, row: usize, flat: bool) -> Field {
        let labels = self.purpose == Purpose::Labels;
        match name {
            "record_id" => Field::RecordId,
            "label" | "ground_truth_label" => Field::Column(LABEL_SLOT),
            "prediction_time" if !labels => Field::Time,
            "prediction" if !labels => Field::Column(PREDICTION_SLOT),
            "probability" | "prediction_probability" if !labels => Field::Column(PROBABILITY_SLOT),
            "features" if !labels && !flat => Field::Features,
            _ if labels => {
                let reason = "is no field of a label: there are record_id and label";
                self.problems.add(row, Some(name), reason);
                Field::Nowhere
            }
            _ if flat || self.purpose == Purpose::Reference => self.feature(name, row),
            _ => {
                let reason = "is no field of a row: features belong into 'features'";
                self.problems.add(row, Some(name), reason);
                Field::Nowhere
            }
        }
    }

    /// The field of a feature.
    pub(super) fn feature(&mut self, name: &str, row: usize) -> Field {
        let guess = self.order.get(self.cursor).copied();
        self.cursor += 1;
        if let Some(slot) = guess
            && *self.slots[slot].name == *name
            && slot > LABEL_SLOT
        {
            return Field::Column(slot);
        }
        let slot = match self.features.get(name) {
            Some(&slot) => slot,
            None => match self.new_feature(name) {
                Ok(slot) => slot,
                Err(reason) => {
                    self.problems.add(row, Some(name), reason);
                    return Field::Nowhere;
                }
            },
        };
        if self.cursor > self.order.len() {
            self.order.resize(self.cursor, slot);
        }
        self.order[self.cursor - 1] = slot;
        Field::Column(slot)
    }

    #[cold]
    fn new_feature(&mut self, name: &str) -> Result<usize, String> {
        let known = self
            .known
            .as_ref()
            .and_then(|known| Some((known, known.feature(name)?)));
        let (values, declared) = if let Some((known, at)) = known {
            let column = &known.model.columns[at];
            let values = Values::of(column.kind, column.dimension);
            (values, known.declared[at])
        } else {
            check_name(name)?;
            self.features_count += 1;
            if self.features_count > FEATURES_MAX {
                return Err(format!(
                    "is one feature too many: a model may have {FEATURES_MAX}"
                ));
            }
            (Values::Untyped, false)
        };
        let slot = self.slots.len();
        self.slots.push(Slot {
            name: name.into(),
            role: Role::Feature,
            declared,
            values,
        });
        self.features.insert(name.into(), slot);
        Ok(slot)
    }

    /// What is known of the kind of a column's values.
    pub(super) fn kind(&self, slot: usize) -> Option<ColumnKind> {
        self.slots[slot].values.kind()
    }

    /// Length of a column's vectors, where it has some and their length is known.
    pub(super) fn dimension(&self, slot: usize) -> Option<usize> {
        match self.slots[slot].values {
            Values::Embedding { dimension, .. } => Some(dimension).filter(|&length| length > 0),
            _ => None,
        }
    }

    /// Whether a list of numbers may be the value of a field.
    pub(super) fn takes_vectors(&self, field: Field) -> bool {
        let Field::Column(slot) = field else {
            return false;
        };
        let slot = &self.slots[slot];
        slot.role == Role::Feature
            && matches!(slot.values, Values::Untyped | Values::Embedding { .. })
    }

    /// Whether a column's values are vectors: nothing else may stand in it.
    pub(super) fn has_vectors(&self, field: Field) -> bool {
        matches!(field, Field::Column(slot) if matches!(self.slots[slot].values, Values::Embedding { .. }))
    }

    /// Says of a column without values that its values are vectors.
    pub(super) fn begin_vectors(&mut self, slot: usize) {
        self.slots[slot].values = Values::of(ColumnKind::Embedding, 0);
    }

    /// An empty list for the numbers of a vector, which goes back with [`RowsBuilder::vector`].
    pub(super) fn begin_vector(&mut self) -> Vec<f32> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    /// A vector of `length` numbers; of one that is longer than any may be, the first.
    pub(super) fn vector(&mut self, field: Field, row: usize, length: usize, numbers: Vec<f32>) {
        if let Field::Column(slot) = field {
            let result = self.slots[slot].vector(row, length, &numbers, &mut self.room.1);
            self.pushed(slot, row, result);
        }
        self.scratch = numbers;
    }

    /// A list that is no vector, where one belongs.
    pub(super) fn no_vector(&mut self, field: Field, row: usize) {
        if let Field::Column(slot) = field {
            let name = self.slots[slot].name.clone();
            self.wrong(row, &name, "a list that is not of numbers");
        }
    }

    /// Whether numbers are names of this column's categories too.
    pub(super) fn is_declared(&self, slot: usize) -> bool {
        self.slots[slot].declared
    }

    /// The name of a column.
    pub(super) fn name(&self, slot: usize) -> &str {
        &self.slots[slot].name
    }

    /// Takes a whole column, which must not get further values.
    pub(super) fn put_values(&mut self, slot: usize, values: ColumnValues) {
        if has_value(&values) {
            self.slots[slot].values = Values::Whole(values);
            self.agree(slot);
        }
    }

    /// A number.
    pub(super) fn number(&mut self, field: Field, row: usize, number: f64) {
        match field {
            Field::Column(slot) => {
                let result = self.slots[slot].number(row, number);
                self.pushed(slot, row, result);
            }
            Field::RecordId =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "checked to be whole and small"
                )]
                if number.fract() == 0.0 && number.abs() < 1e15 {
                    self.record_id(row, &(number as i64).to_string());
                } else {
                    self.problems
                        .add(row, Some("record_id"), "is neither text nor a whole number");
                }
            }
            Field::Time => match time::from_seconds(number) {
                Some(micros) => self.time(row, micros),
                None => self.no_time(row, &number.to_string()),
            },
            Field::Features => self.wrong(row, "features", "a number where an object belongs"),
            Field::Nowhere => {}
        }
    }

    /// A whole number.
    pub(super) fn integer(&mut self, field: Field, row: usize, integer: i128) {
        if field == Field::RecordId {
            self.record_id(row, &integer.to_string());
        } else {
            self.number(field, row, integer as f64);
        }
    }

    /// Text.
    pub(super) fn text(&mut self, field: Field, row: usize, text: &str) {
        match field {
            Field::Column(slot) => {
                let result = self.slots[slot].text(row, text, &mut self.room.1);
                self.pushed(slot, row, result);
            }
            Field::RecordId => self.record_id(row, text),
            Field::Time => match time::parse(text) {
                Some(micros) => self.time(row, micros),
                None => self.no_time(row, text),
            },
            Field::Features => self.wrong(row, "features", "text where an object belongs"),
            Field::Nowhere => {}
        }
    }

    /// A truth value.
    pub(super) fn truth(&mut self, field: Field, row: usize, truth: bool) {
        match field {
            Field::Column(slot) => {
                let result = self.slots[slot].truth(row, truth, &mut self.room.1);
                self.pushed(slot, row, result);
            }
            Field::RecordId => self.wrong(row, "record_id", "is neither text nor a whole number"),
            Field::Time => self.no_time(row, if truth { "true" } else { "false" }),
            Field::Features => self.wrong(row, "features", "a truth value where an object belongs"),
            Field::Nowhere => {}
        }
    }

    /// A list or an object where one value belongs.
    pub(super) fn nested(&mut self, field: Field, row: usize, what: &str) {
        let name = match field {
            Field::Column(slot) => self.slots[slot].name.to_string(),
            Field::RecordId => "record_id".into(),
            Field::Time => "prediction_time".into(),
            Field::Features => "features".into(),
            Field::Nowhere => return,
        };
        self.wrong(row, &name, &format!("{what} where one value belongs"));
    }

    #[cold]
    fn wrong(&mut self, row: usize, field: &str, reason: &str) {
        self.problems.add(row, Some(field), reason);
    }

    #[inline]
    fn pushed(&mut self, slot: usize, row: usize, result: Result<bool, String>) {
        match result {
            Ok(false) => {}
            // Its first value.
            Ok(true) => self.agree(slot),
            Err(reason) => {
                let name = self.slots[slot].name.clone();
                self.problems.add(row, Some(&name), reason);
            }
        }
    }

    fn record_id(&mut self, row: usize, id: &str) {
        if self.ids.len() > row {
            self.wrong(row, "record_id", TWICE);
            return;
        }
        self.ids.pad(row);
        if id.is_empty() || id.len() > RECORD_ID_BYTES_MAX {
            let reason = format!(
                "has {} bytes; it must have 1 to {RECORD_ID_BYTES_MAX}",
                id.len()
            );
            self.wrong(row, "record_id", &reason);
        } else if id.contains('\0') {
            self.wrong(row, "record_id", NUL);
        }
        self.ids.push(id);
    }

    /// The time of a row.
    pub(super) fn time(&mut self, row: usize, micros: i64) {
        if self.times.len() > row {
            self.wrong(row, "prediction_time", TWICE);
            return;
        }
        self.times.resize(row, NO_TIME);
        self.times.push(micros);
    }

    #[cold]
    fn no_time(&mut self, row: usize, text: &str) {
        let reason = format!(
            "'{}' is no time: RFC 3339, such as 2026-11-23T10:00:00Z, or seconds since 1970",
            quote(text)
        );
        self.wrong(row, "prediction_time", &reason);
    }

    /// The rows, each of them checked. `now` in microseconds since 1970.
    pub(super) fn finish(mut self, rows: usize, now: i64) -> Result<Rows, IngestError> {
        if let Some(found) = self.rows_over {
            return Err(IngestError::TooLarge {
                what: "the number of rows of one request",
                found: found as u64,
                limit: self.rows_max as u64,
            });
        }
        self.ids.pad(rows);
        self.times.resize(rows, NO_TIME);
        let optional = self.purpose == Purpose::Reference;
        for row in 0..rows {
            if !optional && self.ids.get(row).is_empty() && !self.problems.has_last(row) {
                self.wrong(row, "record_id", "is missing");
            }
            let time = self.times[row];
            if time == NO_TIME {
                let needed = self.purpose == Purpose::Predictions;
                if needed && !self.problems.has_last(row) {
                    self.wrong(row, "prediction_time", "is missing");
                }
            } else if !optional && time < TIME_MICROS_MIN {
                self.wrong(row, "prediction_time", "is before the year 2000");
            } else if !optional && time > now.saturating_add(TIME_AHEAD_MICROS_MAX) {
                let reason = "is more than a day ahead of the server's clock";
                self.wrong(row, "prediction_time", reason);
            }
        }
        let mut columns = Vec::with_capacity(self.slots.len());
        for slot in self.slots {
            let values = match slot.values {
                Values::Untyped => continue,
                // No vector was taken.
                Values::Embedding { values, .. } if values.is_empty() => continue,
                Values::Numeric(mut values) => {
                    values.resize(rows, f64::NAN);
                    ColumnValues::Numeric(values)
                }
                Values::Embedding {
                    dimension,
                    mut values,
                } => {
                    let more = (rows * dimension).saturating_sub(values.len());
                    if take(&mut self.room.1, more).is_err() {
                        return Err(IngestError::TooLarge {
                            what: "the numbers of all vectors of the request, missing ones included,",
                            found: (rows * dimension) as u64,
                            limit: self.room.0 as u64,
                        });
                    }
                    values.resize(rows * dimension, f32::NAN);
                    ColumnValues::Embedding { dimension, values }
                }
                Values::Whole(values) => values,
                Values::Categorical {
                    mut codes,
                    mut names,
                } => {
                    codes.resize(rows, MISSING_CODE);
                    let dictionary = names.take();
                    ColumnValues::Categorical { codes, dictionary }
                }
            };
            if has_value(&values) {
                columns.push(RowsColumn {
                    name: slot.name.into(),
                    role: slot.role,
                    values,
                });
            }
        }
        let (bad, problems) = self.problems.finish(rows);
        Ok(Rows {
            count: rows,
            ids: self.ids,
            times: self.times,
            columns,
            said: self.said,
            bad,
            problems,
        })
    }
}

const NUL: &str = "has a NUL character, which is not stored";

/// Whether a new feature may be called so.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > COLUMN_NAME_BYTES_MAX {
        let bytes = name.len();
        return Err(format!(
            "a feature's name has {bytes} bytes; it must have 1 to {COLUMN_NAME_BYTES_MAX}"
        ));
    }
    if RESERVED_NAMES.contains(&name) {
        return Err("is a name that no feature may have".into());
    }
    if name.chars().any(char::is_control) {
        return Err("a feature's name has no control characters".into());
    }
    Ok(())
}

impl Slot {
    /// Adds a number; whether it is the first value.
    #[inline]
    fn number(&mut self, row: usize, number: f64) -> Result<bool, String> {
        match &mut self.values {
            Values::Numeric(values) => {
                if values.len() < row {
                    values.resize(row, f64::NAN);
                } else if values.len() > row {
                    return Err(TWICE.into());
                }
                values.push(number);
                Ok(false)
            }
            Values::Categorical { codes, names } if self.declared => {
                let code = names.number_code(number);
                push_code(codes, row, code.map_err(|_| "has a name that is too long")?)
            }
            Values::Whole(_) => Err(TWICE.into()),
            Values::Categorical { .. } => Err(format!(
                "{number} is a number, and the column is categorical"
            )),
            Values::Embedding { .. } => Err(format!(
                "{number} is a number, and the column is an embedding"
            )),
            Values::Untyped => {
                self.values = Values::of(ColumnKind::Numeric, 0);
                self.number(row, number).map(|_| true)
            }
        }
    }

    /// Adds a truth value; whether it is the first value.
    fn truth(&mut self, row: usize, truth: bool, room: &mut usize) -> Result<bool, String> {
        if let Values::Numeric(_) = self.values {
            return Err(format!("{truth} is no number, and the column is numeric"));
        }
        self.text(row, if truth { "true" } else { "false" }, room)
    }

    /// Adds text; whether it is the first value.
    #[inline]
    fn text(&mut self, row: usize, text: &str, room: &mut usize) -> Result<bool, String> {
        match &mut self.values {
            Values::Categorical { codes, names } => {
                if MISSING.has_text(text.trim_ascii().as_bytes()) {
                    return Ok(false);
                }
                if text.contains('\0') {
                    return Err(NUL.into());
                }
                let code = names.code(text.as_bytes());
                push_code(codes, row, code.map_err(|_| too_long(text))?)
            }
            Values::Numeric(_) | Values::Embedding { .. } | Values::Untyped
                if MISSING.has_text(text.trim_ascii().as_bytes()) =>
            {
                Ok(false)
            }
            Values::Whole(_) => Err(TWICE.into()),
            Values::Numeric(_) => Err(format!(
                "'{}' is text, and the column is numeric",
                quote(text)
            )),
            Values::Embedding { .. } => {
                let mut vector = Vec::new();
                let length = parse_vector(text.trim_ascii().as_bytes(), &mut vector)
                    .map_err(|problem| problem.words())?;
                self.vector(row, length, &vector, room)
            }
            Values::Untyped => {
                self.values = Values::of(ColumnKind::Categorical, 0);
                self.text(row, text, room).map(|_| true)
            }
        }
    }

    /// Adds a vector of `length` numbers; whether it is the first value.
    fn vector(
        &mut self,
        row: usize,
        length: usize,
        numbers: &[f32],
        room: &mut usize,
    ) -> Result<bool, String> {
        if matches!(
            self.values,
            Values::Untyped | Values::Embedding { dimension: 0, .. }
        ) {
            if !(1..=EMBEDDING_DIMENSION_MAX).contains(&length) {
                return Err(length_out_of_bounds(length));
            }
            self.values = Values::of(ColumnKind::Embedding, length);
        }
        let Values::Embedding { dimension, values } = &mut self.values else {
            return Err("a list where one value belongs".into());
        };
        if length != *dimension {
            let (found, expected) = (length, *dimension);
            return Err(ValueProblem::Dimension { found, expected }.words());
        }
        let start = row * *dimension;
        if values.len() > start {
            return Err(TWICE.into());
        }
        // Rows without a vector take as much room as others.
        take(room, start - values.len() + length)?;
        values.resize(start, f32::NAN);
        values.extend_from_slice(numbers);
        Ok(false)
    }
}

/// What is wrong with a category: the only limit there is.
pub(super) fn too_long(text: &str) -> String {
    format!(
        "is a category of {} bytes; it may have {}",
        text.len(),
        crate::input::CATEGORY_BYTES_MAX
    )
}

/// What is wrong with the length of a column's first vector.
pub(super) fn length_out_of_bounds(length: usize) -> String {
    format!("a vector of {length} components; it may have 1 to {EMBEDDING_DIMENSION_MAX}")
}

fn take(room: &mut usize, numbers: usize) -> Result<(), String> {
    *room = room
        .checked_sub(numbers)
        .ok_or("a vector too many: missing ones take as much room as others")?;
    Ok(())
}

fn push_code(codes: &mut Vec<u32>, row: usize, code: u32) -> Result<bool, String> {
    if codes.len() < row {
        codes.resize(row, MISSING_CODE);
    } else if codes.len() > row {
        return Err(TWICE.into());
    }
    codes.push(code);
    Ok(false)
}
