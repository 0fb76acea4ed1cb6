//! A model as one host knows it, quick to look things up in.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::domain::{ColumnKind, Model, ModelColumn, Role};

/// Codes of the categories of a column. They are added to, never changed, so what is known stays true.
#[derive(Debug, Default)]
pub(super) struct Dictionary(RwLock<Option<FxHashMap<Box<str>, i32>>>);

/// A name that has no code yet.
pub(super) const NO_CODE: i32 = -1;

impl Dictionary {
    /// The code of each name, [`NO_CODE`] for new ones; `None` before the first [`Dictionary::fill`].
    pub(super) fn codes(&self, names: &[String]) -> Option<Vec<i32>> {
        let codes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let codes = codes.as_ref()?;
        let code = |name: &String| codes.get(name.as_str()).copied().unwrap_or(NO_CODE);
        Some(names.iter().map(code).collect())
    }

    /// Takes what is stored: the place of a name is its code.
    pub(super) fn fill(&self, names: Vec<String>) {
        let names = names.into_iter().map(String::into_boxed_str);
        let mut codes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *codes = Some(names.zip(0..).collect());
    }

    /// About how much memory it takes, in bytes.
    fn bytes(&self) -> usize {
        let codes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let name = |name: &str| name.len() + 40;
        codes
            .iter()
            .flat_map(FxHashMap::keys)
            .map(|text| name(text))
            .sum()
    }
}

/// A model and its columns.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) model: Model,
    /// Of each column whether it was declared.
    pub(super) declared: Vec<bool>,
    /// Of each column its categories; empty for numeric ones.
    pub(super) dictionaries: Vec<Arc<Dictionary>>,
    features: FxHashMap<Box<str>, usize>,
    /// Numeric and categorical columns, the label apart.
    pub(super) numbers: usize,
    pub(super) codes: usize,
    /// Numbers of all embeddings together.
    pub(super) embedding: usize,
}

impl Known {
    /// The model as it was read; `before` is the same model as it was known.
    pub(super) fn new(model: Model, declared: &[i32], before: Option<&Self>) -> Self {
        let before = before.filter(|before| before.model.no == model.no);
        let dictionary = |at: usize| {
            let known = before.and_then(|before| before.dictionaries.get(at));
            known.cloned().unwrap_or_default()
        };
        let stored = |kind| {
            let of = |column: &&ModelColumn| column.kind == kind && column.role != Role::Label;
            model.columns.iter().filter(of).count()
        };
        let features = model.columns.iter().enumerate();
        let features = features
            .filter(|(_, column)| column.role == Role::Feature)
            .map(|(at, column)| (column.name.as_str().into(), at))
            .collect();
        Self {
            declared: model
                .columns
                .iter()
                .map(|column| declared.contains(&column.no))
                .collect(),
            dictionaries: (0..model.columns.len()).map(dictionary).collect(),
            features,
            numbers: stored(ColumnKind::Numeric),
            codes: stored(ColumnKind::Categorical),
            embedding: model.embedding_numbers(),
            model,
        }
    }

    /// Position of a feature among the columns.
    pub(super) fn feature(&self, name: &str) -> Option<usize> {
        self.features.get(name).copied()
    }

    /// Number of features.
    pub(super) fn features(&self) -> usize {
        self.features.len()
    }

    /// Position of the column of a role other than feature.
    pub(super) fn position_of(&self, role: Role) -> Option<usize> {
        self.model
            .columns
            .iter()
            .position(|column| column.role == role)
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let columns = self.model.columns.iter();
        let names: usize = columns.map(|column| 2 * column.name.len() + 200).sum();
        let categories = self
            .dictionaries
            .iter()
            .map(|dictionary| dictionary.bytes());
        1_000 + names + categories.sum::<usize>()
    }
}
