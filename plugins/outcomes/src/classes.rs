//! Classes of a classifier by name, whether a column holds them as names or as numbers.

use leeway_sdk::MISSING_CODE;

/// Classes that are told apart. A column with more distinct values is not one of classes.
pub const CLASSES_MAX: usize = 50;
/// A row without a class.
pub const MISSING: u32 = u32::MAX;
/// A row of a class that is none of those that are looked at.
pub const UNKNOWN: u32 = u32::MAX - 1;

/// A column's values by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Each row's position in `names`, or [`MISSING`].
    codes: Vec<u32>,
    /// The names, ascending; empty where there were more than [`CLASSES_MAX`].
    names: Vec<String>,
    /// Whether there were more than [`CLASSES_MAX`].
    too_many: bool,
}

impl Named {
    pub(crate) fn of_codes(codes: &[u32], dictionary: &[String]) -> Self {
        let mut used: Vec<u32> = codes
            .iter()
            .copied()
            .filter(|code| *code != MISSING_CODE)
            .collect();
        used.sort_unstable();
        used.dedup();
        let name = |code: u32| dictionary.get(code as usize).cloned();
        let mut names: Vec<String> = used.iter().filter_map(|&code| name(code)).collect();
        names.sort_unstable();
        names.dedup();
        let of: Vec<u32> = dictionary
            .iter()
            .map(|name| position(&names, name).unwrap_or(MISSING))
            .collect();
        Self::new(
            codes
                .iter()
                .map(|&code| of.get(code as usize).copied().unwrap_or(MISSING))
                .collect(),
            names,
        )
    }

    pub(crate) fn of_numbers(numbers: &[f64]) -> Self {
        let mut used: Vec<f64> = numbers
            .iter()
            .copied()
            .filter(|number| number.is_finite())
            .collect();
        used.sort_unstable_by(f64::total_cmp);
        used.dedup();
        if used.len() > CLASSES_MAX {
            return Self {
                codes: vec![MISSING; numbers.len()],
                names: Vec::new(),
                too_many: true,
            };
        }
        let mut names: Vec<String> = used.iter().map(|number| text(*number)).collect();
        names.sort_unstable();
        names.dedup();
        let of: Vec<u32> = used
            .iter()
            .map(|number| position(&names, &text(*number)).unwrap_or(MISSING))
            .collect();
        let code = |number: &f64| {
            used.iter()
                .position(|used| used == number)
                .map_or(MISSING, |at| of[at])
        };
        Self::new(numbers.iter().map(code).collect(), names)
    }

    fn new(codes: Vec<u32>, names: Vec<String>) -> Self {
        if names.len() > CLASSES_MAX {
            return Self {
                codes: vec![MISSING; codes.len()],
                names: Vec::new(),
                too_many: true,
            };
        }
        Self {
            codes,
            names,
            too_many: false,
        }
    }

    /// The names, ascending.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there are more than [`CLASSES_MAX`].
    pub fn too_many(&self) -> bool {
        self.too_many
    }

    /// Each row's position in `classes`, which ascend, or [`MISSING`], or [`UNKNOWN`] for a name that is not among them.
    pub fn among(&self, classes: &[String]) -> Vec<u32> {
        let of: Vec<u32> = self
            .names
            .iter()
            .map(|name| position(classes, name).unwrap_or(UNKNOWN))
            .collect();
        self.codes
            .iter()
            .map(|&code| of.get(code as usize).copied().unwrap_or(MISSING))
            .collect()
    }
}

fn position(names: &[String], name: &str) -> Option<u32> {
    names
        .binary_search_by(|there| there.as_str().cmp(name))
        .ok()
        .and_then(|at| u32::try_from(at).ok())
}

/// A number as people write it: 1, not 1.0; and no -0.
pub(crate) fn text(number: f64) -> String {
    (number + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_of_the_same_class_are_one() {
        let numbers = Named::of_numbers(&[1.0, 0.0, f64::NAN, 10.0, -0.0]);
        assert_eq!(numbers.names(), ["0", "1", "10"]);
        let names = Named::of_codes(
            &[1, 0, MISSING_CODE],
            &["1".to_owned(), "0".to_owned(), "unused".to_owned()],
        );
        assert_eq!(names.names(), ["0", "1"]);
        let classes = ["0".to_owned(), "1".to_owned()];
        assert_eq!(numbers.among(&classes), [1, 0, MISSING, UNKNOWN, 0]);
        assert_eq!(names.among(&classes), [0, 1, MISSING]);
    }

    #[test]
    fn as_many_classes_as_the_limit_and_no_more() {
        let numbers = |count: u32| (0..count).map(f64::from).collect::<Vec<_>>();
        let limit = u32::try_from(CLASSES_MAX).unwrap();
        assert!(!Named::of_numbers(&numbers(limit)).too_many());
        assert!(Named::of_numbers(&numbers(limit + 1)).too_many());
        let dictionary: Vec<String> = numbers(limit + 1).into_iter().map(text).collect();
        let codes: Vec<u32> = (0..=limit).collect();
        assert!(!Named::of_codes(&codes[1..], &dictionary).too_many());
        assert!(Named::of_codes(&codes, &dictionary).too_many());
    }
}
