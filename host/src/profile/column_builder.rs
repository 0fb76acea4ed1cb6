//! Values of one column on their way into its profile.

use crate::domain::{ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE};

use super::categories::CategoriesBuilder;
use super::collector::{Collector, Workspace};
use super::column::{ColumnProfile, Summary};
use super::config::ProfileConfig;
use super::norm;
use super::observe_error::ObserveError;

/// Gathers the values of one column.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    rows: u64,
    missing: u64,
    non_finite: u64,
    values: ValuesBuilder,
}

#[derive(Debug)]
enum ValuesBuilder {
    Numbers(Collector),
    Categories(CategoriesBuilder),
    Norms { dimension: u32, norms: Collector },
}

impl ColumnBuilder {
    /// A builder of a column of this kind that has seen no rows.
    pub(super) fn new(kind: ColumnKind) -> Self {
        let values = match kind {
            ColumnKind::Numeric => ValuesBuilder::Numbers(Collector::default()),
            ColumnKind::Categorical => ValuesBuilder::Categories(CategoriesBuilder::default()),
            ColumnKind::Embedding => ValuesBuilder::Norms {
                dimension: 0,
                norms: Collector::default(),
            },
        };
        Self {
            rows: 0,
            missing: 0,
            non_finite: 0,
            values,
        }
    }

    /// What can be wrong with the values of a batch of `rows` rows.
    pub(super) fn check(
        &self,
        spec: &ColumnSpec,
        values: &ColumnValues,
        rows: usize,
    ) -> Result<(), ObserveError> {
        let column = || spec.name.clone();
        let found = kind_of(values);
        if found != spec.kind {
            return Err(ObserveError::Kind {
                column: column(),
                expected: spec.kind,
                found,
            });
        }
        if values.rows() != rows {
            let what = format!("column '{}'", spec.name);
            return Err(ObserveError::Rows {
                what,
                expected: rows,
                found: values.rows(),
            });
        }
        match (values, &self.values) {
            (ColumnValues::Categorical { codes, dictionary }, _) => {
                let beyond = |code: u32| code != MISSING_CODE && code as usize >= dictionary.len();
                if let Some(row) = codes.iter().position(|&code| beyond(code)) {
                    let (code, names) = (codes[row], dictionary.len());
                    return Err(ObserveError::Code {
                        column: column(),
                        row,
                        code,
                        names,
                    });
                }
            }
            (
                ColumnValues::Embedding { dimension, values },
                ValuesBuilder::Norms {
                    dimension: before, ..
                },
            ) if rows > 0 => {
                if values.len() != rows * dimension {
                    let (components, dimension) = (values.len(), *dimension);
                    return Err(ObserveError::Ragged {
                        column: column(),
                        components,
                        dimension,
                    });
                }
                let before = *before as usize;
                if before != 0 && before != *dimension || u32::try_from(*dimension).is_err() {
                    return Err(ObserveError::Dimension {
                        column: column(),
                        expected: before,
                        found: *dimension,
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes values that were checked.
    pub(super) fn observe(
        &mut self,
        values: &ColumnValues,
        config: &ProfileConfig,
        workspace: &mut Workspace,
    ) {
        self.rows += values.rows() as u64;
        match (&mut self.values, values) {
            (ValuesBuilder::Numbers(collector), ColumnValues::Numeric(numbers)) => {
                let others = collector.observe(numbers, config, workspace);
                self.missing += others.missing;
                self.non_finite += others.infinite;
            }
            (
                ValuesBuilder::Categories(categories),
                ColumnValues::Categorical { codes, dictionary },
            ) => {
                self.missing += categories.observe(codes, dictionary, config.categories_max());
            }
            (
                ValuesBuilder::Norms { dimension, norms },
                ColumnValues::Embedding {
                    dimension: length,
                    values,
                },
            ) if !values.is_empty() => {
                *dimension = u32::try_from(*length).expect("checked with the batch");
                let others = norms.observe(&norm::norms(values, *length), config, workspace);
                self.missing += others.missing;
                self.non_finite += others.infinite;
            }
            _ => {} // No vectors: nothing to add, and no length to learn.
        }
    }

    /// The profile of all rows so far.
    pub(super) fn finish(self, config: &ProfileConfig, workspace: &mut Workspace) -> ColumnProfile {
        let Self {
            rows,
            missing,
            non_finite,
            values,
        } = self;
        let summary = match values {
            ValuesBuilder::Numbers(collector) => {
                Summary::Numbers(collector.finish(config, workspace))
            }
            ValuesBuilder::Categories(categories) => {
                Summary::Categories(categories.finish(config.categories_max()))
            }
            ValuesBuilder::Norms { dimension, norms } => Summary::Norms {
                dimension,
                norms: norms.finish(config, workspace),
            },
        };
        ColumnProfile {
            rows,
            missing,
            non_finite,
            summary,
        }
    }
}

fn kind_of(values: &ColumnValues) -> ColumnKind {
    match values {
        ColumnValues::Numeric(_) => ColumnKind::Numeric,
        ColumnValues::Categorical { .. } => ColumnKind::Categorical,
        ColumnValues::Embedding { .. } => ColumnKind::Embedding,
    }
}
