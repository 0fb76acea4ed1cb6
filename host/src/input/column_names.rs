//! Names of a file's columns, checked and found.

use std::path::Path;

use rustc_hash::FxHashSet;

use super::InputError;
use crate::domain::schema::{COLUMN_NAME_BYTES_MAX, COLUMNS_MAX};

/// Checks number and length of the names, and that none stands twice. A nameless column is let be:
/// it cannot be asked for.
pub(super) fn check<'a>(
    file: &Path,
    names: impl ExactSizeIterator<Item = &'a str>,
) -> Result<(), InputError> {
    if names.len() > COLUMNS_MAX {
        return Err(InputError::TooManyColumns {
            file: file.into(),
            columns: names.len(),
        });
    }
    let mut seen = FxHashSet::default();
    for (at, name) in names.enumerate() {
        if name.len() > COLUMN_NAME_BYTES_MAX {
            let (position, bytes) = (at + 1, name.len());
            return Err(InputError::ColumnNameTooLong {
                file: file.into(),
                position,
                bytes,
            });
        }
        if !name.is_empty() && !seen.insert(name) {
            return Err(InputError::ColumnTwice {
                file: file.into(),
                column: name.into(),
            });
        }
    }
    Ok(())
}

/// Where each wanted column stands among the present ones.
pub(super) fn positions(
    file: &Path,
    wanted: &[String],
    present: &[String],
) -> Result<Vec<usize>, InputError> {
    let by_name: rustc_hash::FxHashMap<&str, usize> = present
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), at))
        .collect();
    let position = |name: &String| {
        let found = by_name
            .get(name.as_str())
            .copied()
            .filter(|_| !name.is_empty());
        found.ok_or_else(|| missing(file, name, present))
    };
    wanted.iter().map(position).collect()
}

/// The error for a column that is not there.
pub(super) fn missing(file: &Path, column: &str, present: &[String]) -> InputError {
    let present: Vec<String> = present
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .collect();
    let closest = closest(column, &present).map(str::to_owned);
    InputError::MissingColumn {
        file: file.into(),
        column: column.into(),
        closest,
        present,
    }
}

/// The present name that is most like a wanted one, if any is alike: at most a third of its letters
/// differ, case and what is no letter apart.
fn closest<'a>(wanted: &str, present: &'a [String]) -> Option<&'a str> {
    let wanted = letters(wanted);
    let close = |name: &'a String| {
        let name_letters = letters(name);
        let length = wanted.len().max(name_letters.len());
        let distance = distance(&wanted, &name_letters);
        (length > 0 && distance * 3 <= length).then_some((distance, name.as_str()))
    };
    present
        .iter()
        .filter_map(close)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

fn letters(name: &str) -> Vec<char> {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Edits (insert, delete, replace) between two words. Source: Levenshtein (1966), by Wagner and
/// Fischer (1974).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn the_closest_name_is_offered_only_if_it_is_close() {
        let present = names(&["dep_delay", "distance", "carrier"]);
        assert_eq!(closest("distnce", &present), Some("distance"));
        assert_eq!(closest("Dep-Delay", &present), Some("dep_delay"));
        assert_eq!(closest("origin", &present), None);
        assert_eq!(closest("", &present), None);
    }

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| {
            distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            [
                count("kitten", "sitting"),
                count("", "abc"),
                count("abc", "abc")
            ],
            [3, 3, 0]
        );
    }

    #[test]
    fn names_are_checked_at_both_sides_of_their_limits() {
        let file = Path::new("f");
        let check_names = |names: &[String]| check(file, names.iter().map(String::as_str));
        let many = |count: usize| (0..count).map(|at| at.to_string()).collect::<Vec<_>>();
        assert!(check_names(&many(COLUMNS_MAX)).is_ok());
        let message = check_names(&many(COLUMNS_MAX + 1)).unwrap_err().to_string();
        assert_eq!(message, "f: has 4097 columns; it may have 4096");

        assert!(check_names(&["a".into(), "x".repeat(COLUMN_NAME_BYTES_MAX)]).is_ok());
        let longer = check_names(&["a".into(), "x".repeat(COLUMN_NAME_BYTES_MAX + 1)]);
        assert_eq!(
            longer.unwrap_err().to_string(),
            "f: the name of column 2 has 257 bytes; it may have 256"
        );

        assert!(check_names(&names(&["", "a", ""])).is_ok());
        let twice = check_names(&names(&["a", "b", "a"]))
            .unwrap_err()
            .to_string();
        assert_eq!(twice, "f: column 'a' stands twice");
    }

    #[test]
    fn a_missing_column_is_named_with_those_that_are_there() {
        let present = names(&["", "distance", "carrier"]);
        let error =
            positions(Path::new("f"), &names(&["carrier", "distnce"]), &present).unwrap_err();
        let expected =
            "f: has no column 'distnce' (did you mean 'distance'?); it has distance, carrier";
        assert_eq!(error.to_string(), expected);
        let many: Vec<String> = (0..30).map(|at| format!("c{at}")).collect();
        let error = positions(Path::new("f"), &names(&["other"]), &many)
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("c18, c19 and 10 more"), "{error}");
        assert!(positions(Path::new("f"), &names(&[""]), &present).is_err());
    }
}
