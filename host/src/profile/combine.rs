//! Puts profiles of different columns together: side by side, or brought to the columns of a newer schema.

use std::sync::Arc;

use crate::domain::{ColumnKind, ColumnSpec, Schema, SchemaError};

use super::categories::Categories;
use super::column::{ColumnProfile, Summary};
use super::distribution::Distribution;
use super::summary::{MergeError, Profile};

impl Profile {
    /// One profile with the columns of both: these of all rows, then those of the rows among them that have a label.
    /// Rows and span are of all rows.
    ///
    /// # Errors
    /// If a name stands in both, or a role that only one column may have.
    ///
    /// # Panics
    /// If the two were built with different configurations, or the labelled rows are more than all: they are not of
    /// the same rows then.
    pub fn beside(self, labelled: Self) -> Result<Self, SchemaError> {
        assert_eq!(
            self.config, labelled.config,
            "profiles of the same rows have one configuration"
        );
        assert!(
            labelled.rows <= self.rows,
            "labelled rows are among all rows"
        );
        let specs: Vec<ColumnSpec> = [self.schema.columns(), labelled.schema.columns()].concat();
        // Moved, not copied: a window has megabytes of them.
        let mut columns = self.columns;
        columns.extend(labelled.columns);
        Ok(Self {
            schema: Arc::new(Schema::new(specs)?),
            columns,
            ..self
        })
    }

    /// The same rows with the columns of another schema: those that these rows did not have are missing in each of
    /// them. So profiles of rows from before and after a column was added merge.
    ///
    /// # Errors
    /// [`MergeError::Schema`] if a column of the profile is not in the schema, or as another kind or in another role.
    pub fn widened(&self, schema: &Arc<Schema>) -> Result<Self, MergeError> {
        if let Some(lost) = self
            .schema
            .columns()
            .iter()
            .find(|spec| !schema.columns().contains(spec))
        {
            let there = schema.columns().iter().find(|spec| spec.name == lost.name);
            let describe =
                |spec: &ColumnSpec| format!("'{}' ({}, {})", spec.name, spec.kind, spec.role);
            return Err(MergeError::Schema {
                left: describe(lost),
                right: there.map_or_else(|| format!("no '{}'", lost.name), describe),
            });
        }
        let columns = schema.columns().iter().map(|spec| {
            let there = self.schema.columns().iter().position(|mine| mine == spec);
            there.map_or_else(
                || absent(spec.kind, self.rows),
                |at| self.columns[at].clone(),
            )
        });
        Ok(Self {
            columns: columns.collect(),
            schema: Arc::clone(schema),
            ..*self
        })
    }

    /// The same with the length of the vectors of each column, where no row has told it; 0 where there is none to tell.
    #[must_use]
    pub fn sized(mut self, dimensions: impl Iterator<Item = u32>) -> Self {
        for (column, length) in self.columns.iter_mut().zip(dimensions) {
            if let Summary::Norms { dimension, .. } = &mut column.summary
                && *dimension == 0
            {
                *dimension = length;
            }
        }
        self
    }

    /// The same rows without the columns that `keep` refuses.
    ///
    /// # Panics
    /// Never: some columns of a schema are a schema.
    #[must_use]
    pub fn narrowed(&self, keep: impl Fn(&ColumnSpec) -> bool) -> Self {
        let kept = self
            .schema
            .columns()
            .iter()
            .zip(&self.columns)
            .filter(|(spec, _)| keep(spec));
        let (specs, columns): (Vec<_>, Vec<_>) = kept
            .map(|(spec, column)| (spec.clone(), column.clone()))
            .unzip();
        let schema = Schema::new(specs).expect("some columns of a schema are a schema");
        Self {
            columns,
            schema: Arc::new(schema),
            ..*self
        }
    }
}

/// A column that none of the rows has.
fn absent(kind: ColumnKind, rows: u64) -> ColumnProfile {
    let summary = match kind {
        ColumnKind::Numeric => Summary::Numbers(Distribution::default()),
        ColumnKind::Categorical => Summary::Categories(Categories::default()),
        // A length of zero fits any other.
        ColumnKind::Embedding => Summary::Norms {
            dimension: 0,
            norms: Distribution::default(),
        },
    };
    ColumnProfile {
        rows,
        missing: rows,
        non_finite: 0,
        summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Batch, ColumnValues, MISSING_CODE, Role};
    use crate::profile::{ProfileBuilder, ProfileConfig, Window};

    const NAN: f64 = f64::NAN;

    fn schema(columns: &[(&str, Role, ColumnKind)]) -> Arc<Schema> {
        let spec = |&(name, role, kind): &(&str, _, _)| ColumnSpec {
            name: name.to_owned(),
            kind,
            role,
        };
        Arc::new(Schema::new(columns.iter().map(spec).collect()).unwrap())
    }

    fn profile(schema: &Arc<Schema>, columns: Vec<ColumnValues>) -> Profile {
        let mut builder = ProfileBuilder::new(Arc::clone(schema), ProfileConfig::service());
        let times = vec![1.0; columns[0].rows()];
        builder.observe(&Batch::new(Some(times), columns)).unwrap();
        builder.finish()
    }

    fn numbers(values: &[f64]) -> ColumnValues {
        ColumnValues::Numeric(values.to_vec())
    }

    fn all() -> Profile {
        let columns = schema(&[
            ("x", Role::Feature, ColumnKind::Numeric),
            ("prediction", Role::Prediction, ColumnKind::Numeric),
        ]);
        profile(
            &columns,
            vec![numbers(&[1.0, 2.0, NAN]), numbers(&[0.0, 1.0, 1.0])],
        )
    }

    fn labelled() -> Profile {
        let columns = schema(&[
            ("label", Role::Label, ColumnKind::Numeric),
            ("error", Role::Error, ColumnKind::Numeric),
        ]);
        profile(&columns, vec![numbers(&[1.0]), numbers(&[0.0])])
    }

    #[test]
    fn side_by_side_an_unlabelled_row_is_no_missing_label() {
        let both = all().beside(labelled()).unwrap();

        let seen: Vec<_> = Window::new(Arc::new(both.clone()), None)
            .unwrap()
            .columns()
            .into_iter()
            .map(|column| (column.name, column.rows, column.missing))
            .collect();
        let expected = [
            ("x", 3, 1),
            ("prediction", 3, 0),
            ("label", 1, 0),
            ("error", 1, 0),
        ];
        assert_eq!(
            seen,
            expected.map(|(name, rows, missing)| (name.to_owned(), rows, missing))
        );
        assert_eq!((both.rows(), both.span()), (3, Some((1.0, 1.0))));
        assert_eq!(
            Profile::from_bytes(&both.to_bytes()).as_ref(),
            Ok(&both),
            "as bytes and back"
        );
        assert_eq!(both.merge(&both).unwrap().columns()[2].rows(), 2);
    }

    #[test]
    fn vectors_that_no_row_has_get_the_length_that_is_known_of_them() {
        let old = schema(&[("x", Role::Feature, ColumnKind::Numeric)]);
        let new = schema(&[
            ("x", Role::Feature, ColumnKind::Numeric),
            ("v", Role::Feature, ColumnKind::Embedding),
        ]);
        let widened = profile(&old, vec![numbers(&[1.0, 2.0])])
            .widened(&new)
            .unwrap();
        assert_eq!(widened.columns()[1].dimension(), 0);

        let sized = widened.sized([0, 3].into_iter());

        let nothing = ColumnValues::Embedding {
            dimension: 3,
            values: vec![f32::NAN; 6],
        };
        assert_eq!(sized, profile(&new, vec![numbers(&[1.0, 2.0]), nothing]));
        assert_eq!(Profile::from_bytes(&sized.to_bytes()).unwrap(), sized);
        assert_eq!(sized.clone().sized([0, 7].into_iter()), sized);
    }

    #[test]
    fn a_name_in_both_is_refused() {
        assert!(matches!(all().beside(all()), Err(SchemaError::NameTwice(name)) if name == "x"));
    }

    #[test]
    fn widened_is_as_if_the_new_columns_had_been_missing_from_the_start() {
        let old = schema(&[
            ("x", Role::Feature, ColumnKind::Numeric),
            ("prediction", Role::Prediction, ColumnKind::Numeric),
        ]);
        let new = schema(&[
            ("x", Role::Feature, ColumnKind::Numeric),
            ("c", Role::Feature, ColumnKind::Categorical),
            ("y", Role::Feature, ColumnKind::Numeric),
            ("prediction", Role::Prediction, ColumnKind::Numeric),
        ]);
        let before = profile(&old, vec![numbers(&[1.0, NAN]), numbers(&[5.0, 6.0])]);

        let widened = before.widened(&new).unwrap();

        let nothing = ColumnValues::Categorical {
            codes: vec![MISSING_CODE; 2],
            dictionary: vec!["a".into()],
        };
        let anew = vec![
            numbers(&[1.0, NAN]),
            nothing,
            numbers(&[NAN, NAN]),
            numbers(&[5.0, 6.0]),
        ];
        assert_eq!(widened, profile(&new, anew));
        assert_eq!(widened.to_bytes().len(), {
            let read = Profile::from_bytes(&widened.to_bytes()).unwrap();
            assert_eq!(read, widened);
            read.to_bytes().len()
        });
        assert_eq!(
            widened.narrowed(|spec| old.columns().contains(spec)),
            before
        );
    }

    #[test]
    fn a_column_that_would_be_lost_or_changed_is_named() {
        let other = schema(&[("x", Role::Feature, ColumnKind::Categorical)]);
        assert_eq!(
            all().widened(&other).unwrap_err().to_string(),
            "profiles of different columns do not merge: 'x' (numeric, feature) and 'x' (categorical, feature)"
        );
        let fewer = schema(&[("x", Role::Feature, ColumnKind::Numeric)]);
        assert_eq!(
            all().widened(&fewer).unwrap_err().to_string(),
            "profiles of different columns do not merge: 'prediction' (numeric, prediction) and no 'prediction'"
        );
    }
}
