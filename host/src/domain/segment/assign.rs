//! Rows into segments.

use std::cmp::Ordering;

use super::{
    AssignError, Assigned, By, Condition, Literal, MISSING, Names, Operator, Split, buckets,
};
use crate::domain::{Batch, ColumnValues, MISSING_CODE, Schema};

impl Split {
    /// The segment of every row. `schema`: of the batch.
    ///
    /// # Errors
    /// [`AssignError`] where a column is not there, or not what it is used as.
    pub fn assign(&self, schema: &Schema, batch: &Batch) -> Result<Assigned, AssignError> {
        let rows = Rows { schema, batch };
        match &self.by {
            By::Column(column) => {
                let (codes, dictionary) = rows.categories(column, "segments")?;
                // A category may be called as the segment of rows without one is.
                let missing = dictionary
                    .iter()
                    .position(|name| name == MISSING)
                    .unwrap_or(dictionary.len());
                let mut names = dictionary.to_vec();
                if missing == names.len() {
                    names.push(MISSING.to_owned());
                }
                let place = |&code: &u32| match code {
                    MISSING_CODE => missing,
                    code => code as usize,
                };
                Ok(Assigned {
                    of_rows: codes.iter().map(place).collect(),
                    names,
                })
            }
            By::Bucket { column, cuts } => {
                let place = |value: &f64| {
                    if value.is_nan() {
                        cuts.len() + 1
                    } else {
                        cuts.partition_point(|cut| cut <= value)
                    }
                };
                Ok(Assigned {
                    of_rows: rows.numbers(column)?.iter().map(place).collect(),
                    names: buckets(cuts),
                })
            }
            By::Condition(condition) => {
                let place = |truth: Option<bool>| match truth {
                    Some(true) => 0,
                    Some(false) => 1,
                    None => 2,
                };
                let Names::Fixed(names) = self.names() else {
                    unreachable!("a condition has fixed names")
                };
                let truths = rows.truths(condition)?;
                Ok(Assigned {
                    of_rows: truths.into_iter().map(place).collect(),
                    names,
                })
            }
        }
    }
}

struct Rows<'a> {
    schema: &'a Schema,
    batch: &'a Batch,
}

impl<'a> Rows<'a> {
    fn column(&self, name: &str) -> Result<&'a ColumnValues, AssignError> {
        let columns = self.schema.columns();
        let at = columns.iter().position(|spec| spec.name == name);
        let at = at.ok_or_else(|| AssignError::NoColumn(name.to_owned()))?;
        Ok(&self.batch.columns[at])
    }

    fn wrong(&self, name: &str, used: &'static str) -> AssignError {
        let columns = self.schema.columns();
        match columns.iter().find(|spec| spec.name == name) {
            Some(spec) => AssignError::Kind {
                column: name.to_owned(),
                kind: spec.kind,
                used,
            },
            None => AssignError::NoColumn(name.to_owned()),
        }
    }

    fn numbers(&self, name: &str) -> Result<&'a [f64], AssignError> {
        match self.column(name)? {
            ColumnValues::Numeric(values) => Ok(values),
            _ => Err(self.wrong(name, "numbers")),
        }
    }

    fn categories(
        &self,
        name: &str,
        used: &'static str,
    ) -> Result<(&'a [u32], &'a [String]), AssignError> {
        match self.column(name)? {
            ColumnValues::Categorical { codes, dictionary } => Ok((codes, dictionary)),
            _ => Err(self.wrong(name, used)),
        }
    }

    /// Of every row whether the condition holds; nothing where a missing value leaves that open (Kleene's logic).
    fn truths(&self, condition: &Condition) -> Result<Vec<Option<bool>>, AssignError> {
        match condition {
            Condition::Any(parts) => self.folded(parts, true),
            Condition::All(parts) => self.folded(parts, false),
            Condition::Not(inner) => {
                let mut truths = self.truths(inner)?;
                for truth in &mut truths {
                    *truth = truth.map(|truth| !truth);
                }
                Ok(truths)
            }
            Condition::IsMissing(column) => Ok(match self.column(column)? {
                ColumnValues::Numeric(values) => {
                    values.iter().map(|value| Some(value.is_nan())).collect()
                }
                ColumnValues::Categorical { codes, .. } => codes
                    .iter()
                    .map(|code| Some(*code == MISSING_CODE))
                    .collect(),
                ColumnValues::Embedding { .. } => {
                    return Err(self.wrong(column, "numbers or categories"));
                }
            }),
            Condition::Compare {
                column,
                operator,
                with,
            } => match with {
                Literal::Number(with) => {
                    let holds = |value: &f64| {
                        let order = value.partial_cmp(with)?;
                        Some(operator.holds(order))
                    };
                    Ok(self.numbers(column)?.iter().map(holds).collect())
                }
                Literal::Text(text) => {
                    let used = "categories";
                    if !matches!(operator, Operator::Equal | Operator::NotEqual) {
                        return Err(self.wrong(column, "something with an order of texts"));
                    }
                    self.among(column, std::slice::from_ref(text), used)
                        .map(|truths| {
                            let equal = *operator == Operator::Equal;
                            let turned = |truth: Option<bool>| truth.map(|truth| truth == equal);
                            truths.into_iter().map(turned).collect()
                        })
                }
            },
            Condition::In { column, list } => self.listed(column, list),
        }
    }

    fn listed(&self, column: &str, list: &[Literal]) -> Result<Vec<Option<bool>>, AssignError> {
        let texts: Option<Vec<String>> = list
            .iter()
            .map(|one| match one {
                Literal::Text(text) => Some(text.clone()),
                Literal::Number(_) => None,
            })
            .collect();
        if let Some(texts) = texts {
            return self.among(column, &texts, "categories");
        }
        let numbers: Option<Vec<f64>> = list
            .iter()
            .map(|one| match one {
                Literal::Number(number) => Some(*number),
                Literal::Text(_) => None,
            })
            .collect();
        let Some(numbers) = numbers else {
            return Err(self.wrong(column, "numbers and texts at once"));
        };
        let holds = |value: &f64| (!value.is_nan()).then(|| numbers.contains(value));
        Ok(self.numbers(column)?.iter().map(holds).collect())
    }

    fn among(
        &self,
        column: &str,
        texts: &[String],
        used: &'static str,
    ) -> Result<Vec<Option<bool>>, AssignError> {
        let (codes, dictionary) = self.categories(column, used)?;
        let meant: Vec<bool> = dictionary.iter().map(|name| texts.contains(name)).collect();
        let holds = |&code: &u32| meant.get(code as usize).copied();
        Ok(codes.iter().map(holds).collect())
    }

    /// `any`: one truth makes it true; else one falsehood makes it false.
    fn folded(&self, parts: &[Condition], any: bool) -> Result<Vec<Option<bool>>, AssignError> {
        let mut all = vec![Some(!any); self.batch.rows];
        for part in parts {
            for (whole, truth) in all.iter_mut().zip(self.truths(part)?) {
                *whole = match (*whole, truth) {
                    (Some(one), _) | (_, Some(one)) if one == any => Some(any),
                    (Some(_), Some(_)) => Some(!any),
                    _ => None,
                };
            }
        }
        Ok(all)
    }
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ColumnKind, ColumnSpec, Role};

    fn rows() -> (Schema, Batch) {
        let spec = |name: &str, kind| ColumnSpec {
            name: name.into(),
            kind,
            role: Role::Feature,
        };
        let schema = Schema::new(vec![
            spec("age", ColumnKind::Numeric),
            spec("region", ColumnKind::Categorical),
            spec("vector", ColumnKind::Embedding),
        ]);
        let batch = Batch::new(
            None,
            vec![
                ColumnValues::Numeric(vec![17.0, 18.0, 65.0, f64::NAN]),
                ColumnValues::Categorical {
                    codes: vec![1, 0, MISSING_CODE, 1],
                    dictionary: vec!["EU".into(), "US".into()],
                },
                ColumnValues::Embedding {
                    dimension: 1,
                    values: vec![0.0; 4],
                },
            ],
        );
        (schema.unwrap(), batch)
    }

    /// Names of the segments of the four rows.
    fn of(text: &str) -> [String; 4] {
        let (schema, batch) = rows();
        let assigned = Split::parse(text).unwrap().assign(&schema, &batch).unwrap();
        std::array::from_fn(|row| assigned.names[assigned.of_rows[row]].clone())
    }

    fn error(text: &str) -> String {
        let (schema, batch) = rows();
        let refused = Split::parse(text).unwrap().assign(&schema, &batch);
        refused.unwrap_err().to_string()
    }

    #[test]
    fn rows_fall_into_categories_buckets_and_truths() {
        assert_eq!(of("region"), ["US", "EU", MISSING, "US"]);
        assert_eq!(
            of("bucket(age, 18, 65)"),
            ["< 18", "18 to < 65", ">= 65", MISSING]
        );
        assert_eq!(of("age >= 18"), ["false", "true", "true", MISSING]);
        assert_eq!(of("age in (17, 65)"), ["true", "false", "true", MISSING]);
        assert_eq!(of("region != 'EU'"), ["true", "false", MISSING, "true"]);
        assert_eq!(
            of("region in ('EU', 'XX')"),
            ["false", "true", MISSING, "false"]
        );
        assert_eq!(of("region = 'XX'"), ["false", "false", MISSING, "false"]);
    }

    #[test]
    fn what_is_missing_leaves_open_only_what_depends_on_it() {
        let either = of("age < 18 or region = 'US'");
        assert_eq!(either, ["true", "false", MISSING, "true"]);
        let both = of("age < 18 and region = 'US'");
        assert_eq!(both, ["true", "false", "false", MISSING]);
        assert_eq!(of("not age < 18"), ["false", "true", "true", MISSING]);
        let there = of("age is missing or region is missing");
        assert_eq!(there, ["false", "false", "true", "true"]);
    }

    #[test]
    fn rows_of_a_segment_are_found_again() {
        let (schema, batch) = rows();
        let assigned = Split::parse("region")
            .unwrap()
            .assign(&schema, &batch)
            .unwrap();
        assert_eq!(assigned.rows_of("US"), [0, 3]);
        assert!(assigned.rows_of("XX").is_empty());
    }

    #[test]
    fn a_column_that_is_not_there_or_not_fit_is_named() {
        assert_eq!(
            error("city"),
            "segment_by: there is no column 'city'; features, prediction and probability can be named"
        );
        for (text, expected) in [
            ("age", "column 'age' is numeric, and is used as segments"),
            (
                "bucket(region, 1)",
                "column 'region' is categorical, and is used as numbers",
            ),
            (
                "age = 'x'",
                "column 'age' is numeric, and is used as categories",
            ),
            (
                "region > 'x'",
                "is used as something with an order of texts",
            ),
            ("region in ('x', 1)", "is used as numbers and texts at once"),
            ("vector is missing", "is used as numbers or categories"),
        ] {
            let found = error(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
