//! Moves one column of a window by a known amount.
//!
//! | column | is moved by | how |
//! | --- | --- | --- |
//! | numeric, [`FEW_VALUES`] distinct values or more | `d` standard deviations | every value goes up by `d` times the reference's standard deviation, and then to one of the two reference values around it, each with the chance that keeps the mean; beyond the largest it stays as it is |
//! | numeric of fewer values; categorical | a share `s` of the values | so many values of the most frequent kind become the second most frequent |
//! | embedding | `d` standard deviations | every component goes up by `d` times its own standard deviation |
//!
//! Numbers go to values that the reference has, because a constant added to a column with ties makes values that never
//! were there, which a test sees however small the constant is. Probabilities end at 1. What is missing or infinite stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::certify::Draws;
use crate::domain::{ColumnValues, MISSING_CODE, Role};

/// Fewer distinct values make a numeric column one of categories.
pub(super) const FEW_VALUES: usize = 20;
/// Shifts that are tried, in standard deviations.
pub(super) const SHIFTS: [f64; 19] = [
    0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5,
    3.0,
];
/// Shares that are tried.
pub(super) const SHARES: [f64; 21] = [
    0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3,
    0.4, 0.5, 0.6, 0.8, 1.0,
];

/// What a column is moved by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Standard deviations of the reference.
    StandardDeviations,
    /// A share of the values.
    Share,
}

/// How a column is moved.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Movement {
    /// Of numbers.
    Shift {
        /// Finite values of the reference, ascending, each once.
        support: Vec<f64>,
        deviation: f64,
        most: f64,
    },
    /// Of numbers of few values.
    Numbers { from: f64, to: f64, share: f64 },
    /// Of names.
    Names { from: u32, to: u32, share: f64 },
    /// Of vectors: the standard deviation of each component.
    Vectors { deviations: Vec<f64> },
}

impl Movement {
    /// How a column of the reference is moved.
    ///
    /// # Errors
    /// Why it cannot be moved.
    pub(super) fn of(values: &ColumnValues, role: Role) -> Result<Self, &'static str> {
        match values {
            ColumnValues::Numeric(numbers) => of_numbers(numbers, role),
            ColumnValues::Categorical { codes, dictionary } => of_names(codes, dictionary),
            ColumnValues::Embedding { dimension, values } => of_vectors(*dimension, values),
        }
    }

    pub(super) fn unit(&self) -> Unit {
        match self {
            Self::Shift { .. } | Self::Vectors { .. } => Unit::StandardDeviations,
            Self::Numbers { .. } | Self::Names { .. } => Unit::Share,
        }
    }

    /// What is tried, ascending. No more values can move than there are.
    pub(super) fn grid(&self) -> &'static [f64] {
        match self {
            Self::Shift { .. } | Self::Vectors { .. } => &SHIFTS,
            Self::Numbers { share, .. } | Self::Names { share, .. } => {
                &SHARES[..SHARES.partition_point(|size| size <= share)]
            }
        }
    }

    /// Moves the values of a window. The same draws move every value the further, the larger `size` is.
    pub(super) fn apply(&self, values: &mut ColumnValues, size: f64, draws: &mut Draws) {
        match (self, values) {
            (
                Self::Shift {
                    support,
                    deviation,
                    most,
                },
                ColumnValues::Numeric(numbers),
            ) => {
                for value in numbers {
                    let chance = draws.share();
                    if value.is_finite() {
                        *value = between(support, *value + size * deviation, chance).min(*most);
                    }
                }
            }
            (Self::Numbers { from, to, .. }, ColumnValues::Numeric(numbers)) => {
                let there = numbers.iter().filter(|value| value.is_finite()).count();
                let moved = numbers.iter_mut().filter(|value| *value == from);
                moved
                    .take(count(size, there))
                    .for_each(|value| *value = *to);
            }
            (Self::Names { from, to, .. }, ColumnValues::Categorical { codes, .. }) => {
                let there = codes.iter().filter(|code| **code != MISSING_CODE).count();
                let moved = codes.iter_mut().filter(|code| *code == from);
                moved.take(count(size, there)).for_each(|code| *code = *to);
            }
            (Self::Vectors { deviations }, ColumnValues::Embedding { values, .. }) => {
                for (value, deviation) in values.iter_mut().zip(deviations.iter().cycle()) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "components are single precision"
                    )]
                    let step = (size * deviation) as f32;
                    *value += step;
                }
            }
            // A movement is made of the column that it moves.
            _ => {}
        }
    }
}

/// A share of so many values, as a number of them.
fn count(share: f64, of: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of rows"
    )]
    let count = (share * of as f64).round() as usize;
    count
}

/// One of the two values around `wanted`, the upper one where `chance` lies below its weight; `wanted` itself beyond the last.
fn between(support: &[f64], wanted: f64, chance: f64) -> f64 {
    let above = support.partition_point(|value| *value <= wanted);
    match (
        above.checked_sub(1).map(|at| support[at]),
        support.get(above),
    ) {
        (Some(lower), Some(upper)) => {
            if chance < (wanted - lower) / (upper - lower) {
                *upper
            } else {
                lower
            }
        }
        _ => wanted,
    }
}

const CONSTANT: &str = "it holds one value only, or none";
const RARE: &str = "no value of it is frequent enough for a share of 1% to move";

fn of_numbers(numbers: &[f64], role: Role) -> Result<Movement, &'static str> {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut support = sorted.clone();
    support.dedup();
    if support.len() < 2 {
        return Err(CONSTANT);
    }
    if support.len() < FEW_VALUES {
        let counted = support.iter().map(|value| {
            let end = sorted.partition_point(|other| other <= value);
            let start = sorted.partition_point(|other| other < value);
            (*value, end - start)
        });
        let (from, to, share) = two_most_frequent(counted.collect(), sorted.len())?;
        return Ok(Movement::Numbers { from, to, share });
    }
    let deviation = deviation(&sorted);
    if !(deviation > 0.0 && deviation.is_finite()) {
        return Err("its standard deviation is no finite number above zero");
    }
    let most = if role == Role::Probability {
        1.0
    } else {
        f64::INFINITY
    };
    Ok(Movement::Shift {
        support,
        deviation,
        most,
    })
}

fn of_names(codes: &[u32], dictionary: &[String]) -> Result<Movement, &'static str> {
    let mut counts: BTreeMap<(&str, u32), usize> = BTreeMap::new();
    for &code in codes {
        if let Some(name) = dictionary.get(code as usize) {
            *counts.entry((name, code)).or_default() += 1;
        }
    }
    let there = counts.values().sum();
    let counted = counts
        .into_iter()
        .map(|((_, code), count)| (code, count))
        .collect();
    let (from, to, share) = two_most_frequent(counted, there)?;
    Ok(Movement::Names { from, to, share })
}

/// The most frequent value, the second one, and the share of the first. Of equally frequent ones the earlier goes first.
fn two_most_frequent<T>(
    mut counted: Vec<(T, usize)>,
    there: usize,
) -> Result<(T, T, f64), &'static str> {
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut counted = counted.into_iter();
    let (Some((from, most)), Some((to, _))) = (counted.next(), counted.next()) else {
        return Err(CONSTANT);
    };
    let share = most as f64 / there as f64;
    if share < SHARES[0] {
        return Err(RARE);
    }
    Ok((from, to, share))
}

fn of_vectors(dimension: usize, values: &[f32]) -> Result<Movement, &'static str> {
    let of = |component: usize| {
        let components = values.iter().skip(component).step_by(dimension.max(1));
        let there: Vec<f64> = components
            .map(|value| f64::from(*value))
            .filter(|value| value.is_finite())
            .collect();
        deviation(&there)
    };
    let deviations: Vec<f64> = (0..dimension).map(of).collect();
    if deviations.iter().any(|deviation| *deviation > 0.0) {
        Ok(Movement::Vectors { deviations })
    } else {
        Err(CONSTANT)
    }
}

/// Standard deviation with `n - 1`; `0` of fewer than two values.
fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (squares / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &ColumnValues) -> &[f64] {
        match values {
            ColumnValues::Numeric(numbers) => numbers,
            _ => panic!("numbers"),
        }
    }

    #[test]
    fn numbers_move_to_values_of_the_reference_and_their_mean_by_what_was_asked() {
        let reference = ColumnValues::Numeric((0..100).map(f64::from).collect());
        let movement = Movement::of(&reference, Role::Feature).unwrap();
        let Movement::Shift { deviation, .. } = &movement else {
            panic!("{movement:?}")
        };
        // The integers 0 to 99: n (n + 1) / 12 with n - 1 below.
        assert!((deviation - (100.0_f64 * 101.0 / 12.0).sqrt()).abs() < 1e-9);
        let before: Vec<f64> = vec![50.0, f64::NAN, f64::INFINITY]
            .into_iter()
            .chain(std::iter::repeat_n(20.0, 5_000))
            .collect();
        let mut moved = ColumnValues::Numeric(before);

        movement.apply(&mut moved, 0.05, &mut Draws::new(1, 0));

        let moved = numbers(&moved);
        assert!(moved[1].is_nan() && moved[2].is_infinite());
        assert!(
            moved[3..]
                .iter()
                .all(|x| *x == 21.0 || *x == 22.0 || *x == 20.0)
        );
        let mean = moved[3..].iter().sum::<f64>() / 5_000.0;
        // Four standard errors of a step that is one or the other.
        assert!((mean - 20.0 - 0.05 * deviation).abs() < 0.03, "{mean}");
    }

    #[test]
    fn a_larger_shift_moves_every_value_at_least_as_far() {
        let reference = ColumnValues::Numeric((0..50).map(|x| f64::from(x * x)).collect());
        let movement = Movement::of(&reference, Role::Feature).unwrap();
        let mut last = reference.clone();
        for size in SHIFTS {
            let mut moved = reference.clone();
            movement.apply(&mut moved, size, &mut Draws::new(7, 3));
            let pairs = numbers(&last).iter().zip(numbers(&moved));
            assert!(pairs.into_iter().all(|(before, now)| before <= now));
            last = moved;
        }
        assert!(numbers(&last)[49] > 2_401.0, "beyond the reference's range");
    }

    #[test]
    fn a_probability_ends_at_one() {
        let reference = ColumnValues::Numeric((0..=40).map(|x| f64::from(x) / 40.0).collect());
        let movement = Movement::of(&reference, Role::Probability).unwrap();
        let mut moved = reference;
        movement.apply(&mut moved, 3.0, &mut Draws::new(7, 3));
        assert_eq!(numbers(&moved)[40], 1.0);
    }

    #[test]
    fn of_few_values_a_share_goes_from_the_most_frequent_to_the_next() {
        let mut values: Vec<f64> = std::iter::repeat_n(0.0, 70)
            .chain(std::iter::repeat_n(1.0, 30))
            .collect();
        values.push(f64::NAN);
        let movement = Movement::of(&ColumnValues::Numeric(values.clone()), Role::Error).unwrap();
        let expected = Movement::Numbers {
            from: 0.0,
            to: 1.0,
            share: 0.7,
        };
        assert_eq!(movement, expected);
        assert_eq!(movement.grid().last(), Some(&0.6));
        let mut moved = ColumnValues::Numeric(values);
        movement.apply(&mut moved, 0.25, &mut Draws::new(1, 0));
        let ones = numbers(&moved).iter().filter(|x| **x == 1.0).count();
        assert_eq!(ones, 55);
    }

    #[test]
    fn of_names_a_share_moves_too_and_missing_ones_stay() {
        let dictionary = vec!["b".to_owned(), "a".to_owned(), "c".to_owned()];
        let codes = vec![0, 0, 1, 1, 2, MISSING_CODE, 0, 1, 0, 1, 2];
        let names = |codes: Vec<u32>| ColumnValues::Categorical {
            codes,
            dictionary: dictionary.clone(),
        };
        let movement = Movement::of(&names(codes.clone()), Role::Feature).unwrap();
        // Four of each: the name decides.
        let expected = Movement::Names {
            from: 1,
            to: 0,
            share: 0.4,
        };
        assert_eq!(movement, expected);
        let mut moved = names(codes);
        movement.apply(&mut moved, 0.2, &mut Draws::new(1, 0));
        assert_eq!(
            moved,
            names(vec![0, 0, 0, 0, 2, MISSING_CODE, 0, 1, 0, 1, 2])
        );
    }

    #[test]
    fn what_cannot_be_moved_says_why() {
        let constant = ColumnValues::Numeric(vec![1.0; 40]);
        assert_eq!(Movement::of(&constant, Role::Feature), Err(CONSTANT));
        let texts = ColumnValues::Categorical {
            codes: (0..200).collect(),
            dictionary: (0..200).map(|text| text.to_string()).collect(),
        };
        assert_eq!(Movement::of(&texts, Role::Feature), Err(RARE));
        let vectors = ColumnValues::Embedding {
            dimension: 2,
            values: vec![1.0, 0.0, 1.0, 0.0],
        };
        assert_eq!(Movement::of(&vectors, Role::Feature), Err(CONSTANT));
    }

    #[test]
    fn components_of_vectors_move_by_their_own_deviations() {
        let mut vectors = ColumnValues::Embedding {
            dimension: 2,
            values: vec![0.0, 10.0, 2.0, 10.0],
        };
        let movement = Movement::of(&vectors, Role::Feature).unwrap();
        movement.apply(&mut vectors, 0.5, &mut Draws::new(1, 0));
        let half = (2.0_f64).sqrt() / 2.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "components are single precision"
        )]
        let half = half as f32;
        let expected = ColumnValues::Embedding {
            dimension: 2,
            values: vec![half, 10.0, 2.0 + half, 10.0],
        };
        assert_eq!(vectors, expected);
    }
}
