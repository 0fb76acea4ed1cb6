//! Makes a model fit for rows: columns, categories and facts that it does not have are added, once, whoever else
//! adds to it meanwhile.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::model::{CATEGORIES_MAX, EMBEDDING_NUMBERS_MAX, FEATURES_MAX};
use crate::domain::{ColumnKind, ColumnValues, Model, ModelColumn, ModelType, Role};
use crate::store::{ModelLock, NewColumn, Store, StoreError};

use super::error::{IngestError, PROBLEMS_MAX, RowProblem};
use super::known::{Known, NO_CODE};
use super::problems::quote;
use super::registry::Registry;
use super::rows::{Rows, RowsColumn};

/// What a request says of its model.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) model_type: Option<ModelType>,
    pub(super) last_training_time: Option<Timestamp>,
    /// Whether categories of the rows become categories of the model.
    pub(super) categories: bool,
    /// Whether bad rows may be left out.
    pub(super) partial: bool,
}

/// How a model takes rows.
#[derive(Debug)]
pub(super) enum Fit {
    /// Of each column of the rows: its place among the model's, and the model's codes of its categories.
    Ready(Arc<Known>, Vec<Place>),
    /// The model is not what it was taken for: read it, and the rows, again.
    Stale,
}

/// Where a column of rows goes.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) codes: Vec<i32>,
}

/// Brings a model and rows together. Rows whose categories are too many are marked as bad, and refused or left out.
pub(super) async fn fit(
    store: &Store,
    registry: &Registry,
    mut known: Arc<Known>,
    rows: &mut Rows,
    asked: &Asked,
) -> Result<Fit, IngestError> {
    contradiction(&known.model, asked)?;
    // One round adds what is lacking, the next finds it. A third may be needed for rows that had to be left out.
    for _ in 0..4 {
        if asked.categories {
            read_dictionaries(store, registry, &known, rows).await?;
        }
        match places(&known, rows, asked) {
            Found::Wrong => return Ok(Fit::Stale),
            Found::All(places) if !is_news(&known.model, asked) => {
                return Ok(Fit::Ready(known, places));
            }
            Found::All(_) | Found::Lacking => {}
        }
        let Some(lock) = store.lock_model(known.model.no).await? else {
            return Ok(Fit::Stale);
        };
        match grow(lock, rows, asked).await? {
            Grown::Done(model, declared, dictionaries) => {
                known = registry.put(*model, &declared);
                for (at, names) in dictionaries {
                    known.dictionaries[at].fill(names);
                }
                registry.weigh(&known);
            }
            Grown::Wrong => return Ok(Fit::Stale),
            Grown::TooMany(bad, problems) => {
                let total = bad.len() as u64;
                if !asked.partial {
                    return Err(IngestError::Rows { problems, total });
                }
                rows.bad = bad;
                let room = PROBLEMS_MAX.saturating_sub(rows.problems.len());
                rows.problems.extend(problems.into_iter().take(room));
                rows.drop_bad();
            }
        }
    }
    Ok(Fit::Stale)
}

/// What is said of a model must not contradict what is known of it.
pub(super) fn contradiction(model: &Model, asked: &Asked) -> Result<(), IngestError> {
    let Some(asked) = asked.model_type else {
        return Ok(());
    };
    let contradiction = |known: String| IngestError::Contradiction {
        model: model.id.to_string(),
        field: "model_type",
        known,
        asked: asked.to_string(),
    };
    if let Some(known) = model.model_type.filter(|&known| known != asked) {
        return Err(contradiction(known.to_string()));
    }
    let categorical = [Role::Prediction, Role::Label]
        .into_iter()
        .filter_map(|role| model.column_of(role))
        .find(|column| column.kind == ColumnKind::Categorical);
    match categorical {
        Some(column) if asked == ModelType::Regressor => {
            let known = format!("a classifier, as its {} is categorical,", column.role);
            Err(contradiction(known))
        }
        _ => Ok(()),
    }
}

/// Whether something is said of the model that was not known.
fn is_news(model: &Model, asked: &Asked) -> bool {
    (asked.model_type.is_some() && model.model_type.is_none())
        || asked.last_training_time > model.last_training_time
}

enum Found {
    All(Vec<Place>),
    Lacking,
    Wrong,
}

/// Kind of values, and the length of vectors; 0 for what is no vector.
fn kind_of(values: &ColumnValues) -> (ColumnKind, usize) {
    match values {
        ColumnValues::Numeric(_) => (ColumnKind::Numeric, 0),
        ColumnValues::Categorical { .. } => (ColumnKind::Categorical, 0),
        ColumnValues::Embedding { dimension, .. } => (ColumnKind::Embedding, *dimension),
    }
}

/// The vectors of a row, all together, must not be too long.
pub(super) fn check_embeddings(model: &Model) -> Result<(), IngestError> {
    let found = model.embedding_numbers();
    if found > EMBEDDING_NUMBERS_MAX {
        return Err(IngestError::TooLarge {
            what: "the numbers of all embeddings of the model together",
            found: found as u64,
            limit: EMBEDDING_NUMBERS_MAX as u64,
        });
    }
    Ok(())
}

fn places(known: &Known, rows: &Rows, asked: &Asked) -> Found {
    let mut places = Vec::with_capacity(rows.columns.len());
    for column in &rows.columns {
        let at = match column.role {
            Role::Feature => known.feature(&column.name),
            role => known.position_of(role),
        };
        let Some(at) = at else {
            return Found::Lacking;
        };
        let there = &known.model.columns[at];
        if (there.kind, there.dimension) != kind_of(&column.values) {
            return Found::Wrong;
        }
        let mut codes = Vec::new();
        if let (ColumnValues::Categorical { dictionary, .. }, true) =
            (&column.values, asked.categories)
        {
            match known.dictionaries[at].codes(dictionary) {
                Some(known) if !known.contains(&NO_CODE) => codes = known,
                _ => return Found::Lacking,
            }
        }
        places.push(Place { at, codes });
    }
    Found::All(places)
}

/// Reads the categories of columns that the rows have values of, unless they are there.
async fn read_dictionaries(
    store: &Store,
    registry: &Registry,
    known: &Arc<Known>,
    rows: &Rows,
) -> Result<(), StoreError> {
    let mut read = false;
    for column in &rows.columns {
        let at = match column.role {
            Role::Feature => known.feature(&column.name),
            role => known.position_of(role),
        };
        if let (Some(at), ColumnValues::Categorical { .. }) = (at, &column.values)
            && known.dictionaries[at].codes(&[]).is_none()
        {
            let names = store
                .categories(known.model.no, known.model.columns[at].no)
                .await?;
            known.dictionaries[at].fill(names);
            read = true;
        }
    }
    if read {
        registry.weigh(known);
    }
    Ok(())
}

enum Grown {
    /// The model, its declared columns, and the categories of those columns that got some.
    Done(Box<Model>, Vec<i32>, Vec<(usize, Vec<String>)>),
    /// The rows do not fit the model as it now is.
    Wrong,
    /// Rows with more categories than a column may have.
    TooMany(Vec<usize>, Vec<RowProblem>),
}

async fn grow(mut lock: ModelLock, rows: &Rows, asked: &Asked) -> Result<Grown, IngestError> {
    contradiction(lock.model(), asked)?;
    if let (Some(model_type), None) = (asked.model_type, lock.model().model_type) {
        lock.set_model_type(model_type).await?;
    }
    if let Some(time) = asked.last_training_time
        && asked.last_training_time > lock.model().last_training_time
    {
        lock.set_training_time(time).await?;
    }
    let of = |model: &Model, column: &RowsColumn| {
        let same = |there: &ModelColumn| {
            there.role == column.role && (there.role != Role::Feature || there.name == column.name)
        };
        model.columns.iter().position(same)
    };
    let features = |model: &Model| {
        let is_feature = |column: &&ModelColumn| column.role == Role::Feature;
        model.columns.iter().filter(is_feature).count()
    };
    let mut overflow: Vec<(usize, RowProblem)> = Vec::new();
    let mut dictionaries = Vec::new();
    for column in &rows.columns {
        let (kind, dimension) = kind_of(&column.values);
        let at = if let Some(at) = of(lock.model(), column) {
            at
        } else {
            let new = NewColumn {
                name: column.name.clone(),
                kind,
                role: column.role,
                dimension,
            };
            lock.add_column(&new, false).await?;
            lock.model().columns.len() - 1
        };
        let there = &lock.model().columns[at];
        let no = there.no;
        if (there.kind, there.dimension) != (kind, dimension) {
            return Ok(Grown::Wrong);
        }
        if let (ColumnValues::Categorical { codes, dictionary }, true) =
            (&column.values, asked.categories)
        {
            let mut names = lock.categories(no).await?;
            let there = names.len();
            let known: rustc_hash::FxHashSet<&str> = names.iter().map(String::as_str).collect();
            let new: Vec<&str> = dictionary
                .iter()
                .map(String::as_str)
                .filter(|name| !known.contains(name))
                .collect();
            let room = CATEGORIES_MAX.saturating_sub(there);
            if new.len() > room {
                let too_many: rustc_hash::FxHashSet<&str> = new[room..].iter().copied().collect();
                overflow.extend(rows_of(codes, dictionary, &too_many, &column.name));
                continue;
            }
            if !new.is_empty() {
                lock.add_categories(no, there, &new).await?;
                let new: Vec<String> = new.into_iter().map(String::from).collect();
                names.extend(new);
            }
            dictionaries.push((at, names));
        }
    }
    let found = features(lock.model());
    if found > FEATURES_MAX {
        return Err(IngestError::TooLarge {
            what: "the number of features of the model",
            found: found as u64,
            limit: FEATURES_MAX as u64,
        });
    }
    check_embeddings(lock.model())?;
    if answers_differ(lock.model()) {
        return Ok(Grown::Wrong);
    }
    if !overflow.is_empty() {
        overflow.sort_by_key(|(row, _)| *row);
        let mut bad: Vec<usize> = overflow.iter().map(|(row, _)| *row).collect();
        bad.dedup();
        let problems = overflow.into_iter().map(|(_, problem)| problem);
        return Ok(Grown::TooMany(bad, problems.take(PROBLEMS_MAX).collect()));
    }
    let (model, declared) = lock.commit().await?;
    Ok(Grown::Done(Box::new(model), declared, dictionaries))
}

/// Prediction and label are both numbers or both categories; of a regressor both are numbers.
pub(super) fn answers_differ(model: &Model) -> bool {
    let kind = |role| model.column_of(role).map(|column| column.kind);
    let kinds = [kind(Role::Prediction), kind(Role::Label)];
    let regressor = model.model_type == Some(ModelType::Regressor);
    matches!(kinds, [Some(one), Some(other)] if one != other)
        || (regressor && kinds.contains(&Some(ColumnKind::Categorical)))
}

/// Rows that have one of the names.
fn rows_of<'a>(
    codes: &'a [u32],
    dictionary: &'a [String],
    names: &'a rustc_hash::FxHashSet<&str>,
    column: &'a str,
) -> impl Iterator<Item = (usize, RowProblem)> + 'a {
    codes.iter().enumerate().filter_map(move |(row, &code)| {
        let name = dictionary.get(code as usize)?;
        names.contains(name.as_str()).then(|| {
            let reason = format!(
                "'{}' is one category too many: a column may have {CATEGORIES_MAX}; is it an identifier?",
                quote(name)
            );
            let problem = RowProblem {
                row: row as u64,
                field: Some(quote(column)),
                reason,
            };
            (row, problem)
        })
    })
}
