//! Batches on their way into a profile.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::domain::{Batch, ColumnSpec, ColumnValues, MISSING_CODE, Role, Schema};

use super::collector::Workspace;
use super::column_builder::ColumnBuilder;
use super::config::{ProfileConfig, ROWS_MAX};
use super::observe_error::ObserveError;
use super::summary::Profile;

/// Gathers batches of one schema into a profile.
///
/// How rows were cut into batches leaves no trace, but in a categorical column with more than twice as
/// many names as are kept: which of the rare ones stay depends on when they came.
#[derive(Debug)]
pub struct ProfileBuilder {
    config: ProfileConfig,
    schema: Arc<Schema>,
    rows: u64,
    span: Option<(f64, f64)>,
    columns: Vec<ColumnBuilder>,
    workspaces: Vec<Workspace>,
}

impl ProfileBuilder {
    /// A builder that has seen no rows.
    pub fn new(schema: impl Into<Arc<Schema>>, config: ProfileConfig) -> Self {
        let schema = schema.into();
        let columns = schema
            .columns()
            .iter()
            .map(|spec| ColumnBuilder::new(spec.kind))
            .collect();
        Self {
            config,
            schema,
            rows: 0,
            span: None,
            columns,
            workspaces: Vec::new(),
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the rows of a batch.
    ///
    /// Derived columns count only rows whose label is present, where the schema has a label.
    pub fn observe(&mut self, batch: &Batch) -> Result<(), ObserveError> {
        self.observe_on(batch, NonZeroUsize::MIN)
    }

    /// The same with columns spread over threads. The result does not depend on their number.
    pub fn observe_on(&mut self, batch: &Batch, threads: NonZeroUsize) -> Result<(), ObserveError> {
        self.check(batch)?;
        self.rows += batch.rows as u64;
        self.span = batch.times.iter().flatten().fold(self.span, |span, &time| {
            let finite = time.is_finite().then_some(time);
            finite.map_or(span, |time| {
                span.map_or(Some((time, time)), |(first, last)| {
                    Some((first.min(time), last.max(time)))
                })
            })
        });
        let unlabelled = self
            .unlabelled(batch)
            .filter(|unlabelled| unlabelled.contains(&true));

        let threads = threads.get().min(self.columns.len()).max(1);
        if self.workspaces.len() < threads {
            self.workspaces.resize_with(threads, Workspace::new);
        }
        let (config, unlabelled) = (&self.config, unlabelled.as_deref());
        let mut work: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        // Neighbours are often alike in cost, so they go to different threads.
        for (at, task) in self
            .schema
            .columns()
            .iter()
            .zip(&mut self.columns)
            .zip(&batch.columns)
            .enumerate()
        {
            work[at % threads].push(task);
        }
        std::thread::scope(|scope| {
            let mut tasks = work.into_iter().zip(&mut self.workspaces);
            let mine = tasks.next();
            for (columns, workspace) in tasks {
                scope.spawn(move || observe_columns(columns, unlabelled, config, workspace));
            }
            if let Some((columns, workspace)) = mine {
                observe_columns(columns, unlabelled, config, workspace);
            }
        });
        Ok(())
    }

    /// The profile of all rows so far.
    pub fn finish(self) -> Profile {
        let Self {
            config,
            schema,
            rows,
            span,
            columns,
            mut workspaces,
        } = self;
        let mut workspace = workspaces.pop().unwrap_or_else(Workspace::new);
        let columns = columns
            .into_iter()
            .map(|column| column.finish(&config, &mut workspace))
            .collect();
        Profile {
            config,
            schema,
            rows,
            span,
            columns,
        }
    }

    /// Which rows have no label, if that matters to any column.
    fn unlabelled(&self, batch: &Batch) -> Option<Vec<bool>> {
        let derives = self
            .schema
            .columns()
            .iter()
            .any(|column| column.role.is_derived());
        let label = self.schema.position_of(Role::Label).filter(|_| derives)?;
        Some(missing_rows(&batch.columns[label]))
    }

    /// Everything that can be wrong with a batch, before any of it is taken.
    pub(super) fn check(&self, batch: &Batch) -> Result<(), ObserveError> {
        let (expected, found) = (self.columns.len(), batch.columns.len());
        if expected != found {
            return Err(ObserveError::Columns { expected, found });
        }
        if let Some(times) = &batch.times
            && times.len() != batch.rows
        {
            return Err(ObserveError::Rows {
                what: "the list of times".into(),
                expected: batch.rows,
                found: times.len(),
            });
        }
        for ((spec, column), values) in self
            .schema
            .columns()
            .iter()
            .zip(&self.columns)
            .zip(&batch.columns)
        {
            column.check(spec, values, batch.rows)?;
        }
        let rows = self.rows.saturating_add(batch.rows as u64);
        if rows > ROWS_MAX {
            Err(ObserveError::TooManyRows(rows))
        } else {
            Ok(())
        }
    }
}

type Task<'a> = ((&'a ColumnSpec, &'a mut ColumnBuilder), &'a ColumnValues);

fn observe_columns(
    tasks: Vec<Task<'_>>,
    unlabelled: Option<&[bool]>,
    config: &ProfileConfig,
    workspace: &mut Workspace,
) {
    for ((spec, column), values) in tasks {
        match (unlabelled, values) {
            (Some(unlabelled), ColumnValues::Numeric(numbers)) if spec.role.is_derived() => {
                let labelled = numbers
                    .iter()
                    .zip(unlabelled)
                    .filter(|(_, unlabelled)| !**unlabelled);
                let labelled = ColumnValues::Numeric(labelled.map(|(&number, _)| number).collect());
                column.observe(&labelled, config, workspace);
            }
            _ => column.observe(values, config, workspace),
        }
    }
}

/// Which rows have no value.
fn missing_rows(values: &ColumnValues) -> Vec<bool> {
    match values {
        ColumnValues::Numeric(numbers) => numbers.iter().map(|number| number.is_nan()).collect(),
        ColumnValues::Categorical { codes, .. } => {
            codes.iter().map(|&code| code == MISSING_CODE).collect()
        }
        ColumnValues::Embedding { dimension, values } => values
            .chunks(*dimension.max(&1))
            .map(|vector| vector.iter().all(|x| x.is_nan()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ColumnKind;

    fn builder(kind: ColumnKind) -> ProfileBuilder {
        let spec = ColumnSpec {
            name: "x".into(),
            kind,
            role: Role::Feature,
        };
        ProfileBuilder::new(Schema::new(vec![spec]).unwrap(), ProfileConfig::default())
    }

    fn batch(rows: usize, values: ColumnValues) -> Batch {
        Batch {
            rows,
            times: None,
            columns: vec![values],
        }
    }

    fn vectors(dimension: usize, components: usize) -> ColumnValues {
        ColumnValues::Embedding {
            dimension,
            values: vec![1.0; components],
        }
    }

    #[test]
    fn batches_that_do_not_fit_say_why_and_leave_nothing_behind() {
        let x = || "x".to_owned();
        let mut numbers = builder(ColumnKind::Numeric);
        let none = Batch {
            rows: 0,
            times: None,
            columns: Vec::new(),
        };
        assert_eq!(
            numbers.observe(&none),
            Err(ObserveError::Columns {
                expected: 1,
                found: 0
            })
        );
        let names = ColumnValues::Categorical {
            codes: vec![0, 7],
            dictionary: vec!["a".into()],
        };
        let kinds = ObserveError::Kind {
            column: x(),
            expected: ColumnKind::Numeric,
            found: ColumnKind::Categorical,
        };
        assert_eq!(numbers.observe(&batch(2, names.clone())), Err(kinds));
        let short = batch(2, ColumnValues::Numeric(vec![1.0]));
        assert_eq!(
            numbers.observe(&short),
            Err(ObserveError::Rows {
                what: "column 'x'".into(),
                expected: 2,
                found: 1
            })
        );
        assert_eq!(numbers.finish(), builder(ColumnKind::Numeric).finish());

        let beyond = ObserveError::Code {
            column: x(),
            row: 1,
            code: 7,
            names: 1,
        };
        assert_eq!(
            builder(ColumnKind::Categorical).observe(&batch(2, names)),
            Err(beyond)
        );

        let mut embeddings = builder(ColumnKind::Embedding);
        let ragged = ObserveError::Ragged {
            column: x(),
            components: 5,
            dimension: 2,
        };
        assert_eq!(embeddings.observe(&batch(2, vectors(2, 5))), Err(ragged));
        embeddings.observe(&batch(0, vectors(7, 0))).unwrap();
        embeddings.observe(&batch(2, vectors(2, 4))).unwrap();
        let longer = ObserveError::Dimension {
            column: x(),
            expected: 2,
            found: 3,
        };
        assert_eq!(embeddings.observe(&batch(1, vectors(3, 3))), Err(longer));
        assert_eq!(embeddings.finish().columns()[0].dimension(), 2);
    }

    #[test]
    fn the_span_leaves_out_rows_without_a_time() {
        let mut builder = builder(ColumnKind::Numeric);
        let values = ColumnValues::Numeric(vec![0.0; 3]);
        builder
            .observe(&Batch::new(Some(vec![f64::NAN, 5.0, -2.0]), vec![values]))
            .unwrap();
        assert_eq!(builder.finish().span(), Some((-2.0, 5.0)));
    }

    #[test]
    fn as_many_rows_as_the_limit_fit_and_no_more() {
        let mut builder = builder(ColumnKind::Numeric);
        builder.rows = ROWS_MAX - 1;
        builder
            .observe(&batch(1, ColumnValues::Numeric(vec![1.0])))
            .unwrap();
        let error = builder.observe(&batch(1, ColumnValues::Numeric(vec![1.0])));
        assert_eq!(error, Err(ObserveError::TooManyRows(ROWS_MAX + 1)));
    }
}
