//! The rows of a reference as a calibration deals them: narrowed, ordered, made into windows.

use std::sync::Arc;

use crate::domain::{Batch, ColumnKind, ColumnSpec, Role, Schema};
use crate::profile::{KeptRows, KeptRowsBuilder, ProfileBuilder, ProfileConfig, Window};

use super::error::CalibrateError;

/// Rows of a reference, derived columns included.
///
/// Invariant: the batch has the columns of the schema.
#[derive(Debug, Clone)]
pub struct Rows {
    schema: Arc<Schema>,
    batch: Batch,
    /// Rows of the reference that they were drawn from.
    seen: u64,
}

impl Rows {
    /// Rows that were kept of a reference.
    pub fn new(kept: &KeptRows) -> Self {
        Self {
            schema: Arc::new(kept.schema().clone()),
            batch: Batch::new(kept.times().map(<[f64]>::to_vec), kept.columns().to_vec()),
            seen: kept.seen(),
        }
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.batch.rows
    }

    /// How many they were drawn from.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn batch(&self) -> &Batch {
        &self.batch
    }

    pub(super) fn columns(&self) -> &[ColumnSpec] {
        self.schema.columns()
    }

    /// The rows by their times, those without one last; and how many have one. Without any times they stay as they came.
    pub(super) fn by_time(&self) -> (Self, Option<usize>) {
        let Some(times) = &self.batch.times else {
            return (self.clone(), None);
        };
        let timed = times.iter().filter(|time| time.is_finite()).count();
        if timed == 0 {
            return (self.clone(), None);
        }
        let mut order: Vec<usize> = (0..times.len()).collect();
        // Stable: rows of one time stay as they came. What is no time goes to the end.
        order.sort_by(|&a, &b| {
            let key = |row: usize| Some(times[row]).filter(|time| time.is_finite());
            match (key(a), key(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            }
        });
        let sorted = Self {
            batch: self.batch.take(&order),
            ..self.clone()
        };
        (sorted, Some(timed))
    }

    /// The columns of these roles and kinds alone.
    pub(super) fn seen_by(&self, roles: &[Role], kinds: &[ColumnKind]) -> Self {
        let all = self.schema.columns();
        let taken: Vec<usize> = (0..all.len())
            .filter(|&at| roles.contains(&all[at].role) && kinds.contains(&all[at].kind))
            .collect();
        let schema = Schema::new(taken.iter().map(|&at| all[at].clone()).collect());
        Self {
            schema: Arc::new(schema.expect("some columns of a schema are a schema")),
            batch: Batch {
                rows: self.batch.rows,
                times: self.batch.times.clone(),
                columns: taken
                    .iter()
                    .map(|&at| self.batch.columns[at].clone())
                    .collect(),
            },
            seen: self.seen,
        }
    }

    /// The same rows without times: where rows are shuffled, theirs mean nothing.
    pub(super) fn without_times(&self) -> Self {
        let mut rows = self.clone();
        rows.batch.times = None;
        rows
    }

    /// A window of some rows, in the order given.
    pub(super) fn window(&self, rows: &[usize], making: Making) -> Result<Window, CalibrateError> {
        self.window_of(&self.batch.take(rows), making)
    }

    /// A window of a batch of these columns.
    pub(super) fn window_of(
        &self,
        batch: &Batch,
        making: Making,
    ) -> Result<Window, CalibrateError> {
        let wrong = |error: &dyn std::fmt::Display| CalibrateError::Window(error.to_string());
        let mut profile = ProfileBuilder::new(Arc::clone(&self.schema), making.profile);
        profile.observe(batch).map_err(|error| wrong(&error))?;
        let kept = making.keep_rows.then(|| {
            let mut kept = KeptRowsBuilder::new(Arc::clone(&self.schema), u32::MAX, 0);
            kept.observe(batch);
            Arc::new(kept.finish())
        });
        Window::new(Arc::new(profile.finish()), kept).map_err(|error| wrong(&error))
    }
}

/// How windows are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making {
    /// How much their profiles remember.
    pub(super) profile: ProfileConfig,
    /// Whether rows are kept beside them.
    pub(super) keep_rows: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ColumnValues;

    fn rows(times: Option<Vec<f64>>) -> Rows {
        let spec = |name: &str, role, kind| ColumnSpec {
            name: name.into(),
            kind,
            role,
        };
        let schema = Schema::new(vec![
            spec("x", Role::Feature, ColumnKind::Numeric),
            spec("y", Role::Label, ColumnKind::Numeric),
        ]);
        let numbers = |values: &[f64]| ColumnValues::Numeric(values.to_vec());
        Rows {
            schema: Arc::new(schema.unwrap()),
            batch: Batch::new(
                times,
                vec![
                    numbers(&[1.0, 2.0, 3.0, 4.0]),
                    numbers(&[10.0, 20.0, 30.0, 40.0]),
                ],
            ),
            seen: 4,
        }
    }

    #[test]
    fn rows_are_ordered_by_time_and_those_without_one_stand_last() {
        let (sorted, timed) = rows(Some(vec![7.0, f64::NAN, 5.0, 7.0])).by_time();

        assert_eq!(timed, Some(3));
        assert_eq!(
            sorted.batch.columns[0],
            ColumnValues::Numeric(vec![3.0, 1.0, 4.0, 2.0])
        );
        assert_eq!(rows(None).by_time().1, None);
        assert_eq!(rows(Some(vec![f64::NAN; 4])).by_time().1, None);
    }

    #[test]
    fn a_detector_sees_its_roles_and_kinds_alone() {
        let seen = rows(None).seen_by(&[Role::Label], &[ColumnKind::Numeric]);
        assert_eq!(seen.columns()[0].name, "y");
        let none = rows(None).seen_by(&[Role::Label], &[ColumnKind::Categorical]);
        assert_eq!((none.columns().len(), none.rows()), (0, 4));
    }
}
