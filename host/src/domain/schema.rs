//! Which columns the rows of a model have.

use serde::{Deserialize, Serialize};

use super::column::{ColumnKind, Role, display_as_kebab};

/// Longest name of a column, in bytes.
pub const COLUMN_NAME_BYTES_MAX: usize = 256;
/// Most columns of a model, derived ones included.
pub const COLUMNS_MAX: usize = 4_096;

/// What the watched model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelType {
    /// One of a finite set of classes.
    Classifier,
    /// A number.
    Regressor,
}

display_as_kebab!(ModelType { Classifier => "classifier", Regressor => "regressor" });

/// One column: its name, what it holds, what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// Unique in its schema.
    pub name: String,
    /// What the values are.
    pub kind: ColumnKind,
    /// What it means to the model.
    pub role: Role,
}

/// The columns of a model, in a fixed order.
///
/// Invariant: names are unique, not empty, at most [`COLUMN_NAME_BYTES_MAX`] long; there are at
/// most [`COLUMNS_MAX`]; each role but `feature` occurs at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schema {
    columns: Vec<ColumnSpec>,
}

/// Why columns do not make a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A name stands twice.
    #[error("column '{0}' stands twice")]
    NameTwice(String),
    /// A name is empty or too long.
    #[error("a column's name has {0} bytes; it must have 1 to {COLUMN_NAME_BYTES_MAX}")]
    NameLength(usize),
    /// Too many columns.
    #[error("{0} columns; there may be {COLUMNS_MAX}")]
    TooManyColumns(usize),
    /// Two columns claim a role that only one may have.
    #[error("columns '{first}' and '{second}' both have the role {role}")]
    RoleTwice {
        role: Role,
        first: String,
        second: String,
    },
}

impl Schema {
    /// Checks names, their number and their roles.
    pub fn new(columns: Vec<ColumnSpec>) -> Result<Self, SchemaError> {
        if columns.len() > COLUMNS_MAX {
            return Err(SchemaError::TooManyColumns(columns.len()));
        }
        let mut names = std::collections::HashSet::new();
        let mut roles = std::collections::HashMap::new();
        for column in &columns {
            if column.name.is_empty() || column.name.len() > COLUMN_NAME_BYTES_MAX {
                return Err(SchemaError::NameLength(column.name.len()));
            }
            if !names.insert(column.name.as_str()) {
                return Err(SchemaError::NameTwice(column.name.clone()));
            }
            if column.role != Role::Feature
                && let Some(first) = roles.insert(column.role, column.name.as_str())
            {
                let (first, second) = (first.to_owned(), column.name.clone());
                return Err(SchemaError::RoleTwice {
                    role: column.role,
                    first,
                    second,
                });
            }
        }
        Ok(Self { columns })
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Position of the column that has a role other than `feature`.
    pub fn position_of(&self, role: Role) -> Option<usize> {
        self.columns.iter().position(|column| column.role == role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, role: Role) -> ColumnSpec {
        ColumnSpec {
            name: name.into(),
            kind: ColumnKind::Numeric,
            role,
        }
    }

    #[test]
    fn a_name_may_be_as_long_as_the_limit_and_no_longer() {
        assert!(
            Schema::new(vec![column(
                &"x".repeat(COLUMN_NAME_BYTES_MAX),
                Role::Feature
            )])
            .is_ok()
        );
        let longer = Schema::new(vec![column(
            &"x".repeat(COLUMN_NAME_BYTES_MAX + 1),
            Role::Feature,
        )]);
        assert_eq!(
            longer,
            Err(SchemaError::NameLength(COLUMN_NAME_BYTES_MAX + 1))
        );
        assert_eq!(
            Schema::new(vec![column("", Role::Feature)]),
            Err(SchemaError::NameLength(0))
        );
    }

    #[test]
    fn as_many_columns_as_the_limit_fit_and_no_more() {
        let columns = |count: usize| {
            (0..count)
                .map(|i| column(&i.to_string(), Role::Feature))
                .collect()
        };
        assert!(Schema::new(columns(COLUMNS_MAX)).is_ok());
        assert_eq!(
            Schema::new(columns(COLUMNS_MAX + 1)),
            Err(SchemaError::TooManyColumns(COLUMNS_MAX + 1))
        );
    }

    #[test]
    fn names_and_single_roles_stand_once() {
        let twice = Schema::new(vec![column("a", Role::Feature), column("a", Role::Feature)]);
        assert_eq!(twice, Err(SchemaError::NameTwice("a".into())));
        let labels = Schema::new(vec![column("a", Role::Label), column("b", Role::Label)]);
        let expected = SchemaError::RoleTwice {
            role: Role::Label,
            first: "a".into(),
            second: "b".into(),
        };
        assert_eq!(labels, Err(expected));
    }
}
