//! One column of rows in bins, and the share of rows that each bin shall have.

use std::collections::BTreeMap;

/// Parts into which the numbers of a column are cut, each with as many rows.
const PARTS: usize = 20;

/// A column's values before they are binned.
#[derive(Debug, Clone)]
pub(super) enum Values {
    /// Numbers; NaN where there is none.
    Numbers(Vec<f64>),
    /// Names; empty where there is none.
    Names(Vec<String>),
}

/// Cuts of a column.
#[derive(Debug)]
enum Bins {
    Numbers(Vec<f64>),
    Names(BTreeMap<String, usize>),
}

/// The bins of candidates, and the share that each bin shall have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Margin {
    pub(super) bins: Vec<u16>,
    pub(super) target: Vec<f64>,
}

impl Margin {
    /// Candidates shall be distributed as the reference is.
    pub(super) fn as_in(reference: &Values, candidates: &Values) -> Self {
        let bins = Bins::of(reference);
        let mut target = vec![0.0; bins.len()];
        let found = bins.all(reference);
        for bin in &found {
            target[usize::from(*bin)] += 1.0 / found.len() as f64;
        }
        Self {
            bins: bins.all(candidates),
            target,
        }
    }

    /// So large a share of the candidates shall be such that it holds, in `[0, 1]`.
    pub(super) fn share(candidates: impl Iterator<Item = bool>, share: f64) -> Self {
        Self {
            bins: candidates.map(u16::from).collect(),
            target: vec![1.0 - share, share],
        }
    }
}

impl Bins {
    fn of(values: &Values) -> Self {
        match values {
            Values::Numbers(numbers) => {
                let mut numbers: Vec<f64> = numbers
                    .iter()
                    .copied()
                    .filter(|number| !number.is_nan())
                    .collect();
                numbers.sort_by(f64::total_cmp);
                let mut cuts: Vec<f64> = (1..PARTS)
                    .filter_map(|part| numbers.get(numbers.len() * part / PARTS).copied())
                    .collect();
                cuts.dedup();
                Self::Numbers(cuts)
            }
            Values::Names(names) => {
                let mut known: BTreeMap<String, usize> =
                    names.iter().map(|name| (name.clone(), 0)).collect();
                for (at, place) in known.values_mut().enumerate() {
                    *place = at;
                }
                Self::Names(known)
            }
        }
    }

    /// Numbers: a bin between any two cuts and one for each cut itself, as many rows may have that very value; one for
    /// missing values. Names: one each; one for all others.
    fn len(&self) -> usize {
        match self {
            Self::Numbers(cuts) => 2 * cuts.len() + 2,
            Self::Names(known) => known.len() + 1,
        }
    }

    fn all(&self, values: &Values) -> Vec<u16> {
        let bin = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        match (self, values) {
            (Self::Numbers(cuts), Values::Numbers(numbers)) => numbers
                .iter()
                .map(|number| {
                    if number.is_nan() {
                        return bin(self.len() - 1);
                    }
                    let below = cuts.partition_point(|cut| cut < number);
                    bin(2 * below + usize::from(cuts.get(below) == Some(number)))
                })
                .collect(),
            (Self::Names(known), Values::Names(names)) => names
                .iter()
                .map(|name| bin(known.get(name).copied().unwrap_or(known.len())))
                .collect(),
            // A column has one kind.
            (_, Values::Numbers(numbers)) => vec![0; numbers.len()],
            (_, Values::Names(names)) => vec![0; names.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bins_between_cuts_at_cuts_and_for_what_is_missing() {
        let reference = Values::Numbers((0..40).map(f64::from).collect());
        let candidates = Values::Numbers(vec![-1.0, 2.0, 3.0, 4.0, 99.0, f64::NAN]);

        let margin = Margin::as_in(&reference, &candidates);

        // Cuts at 2, 4, .. 38.
        assert_eq!(margin.bins, [0, 1, 2, 3, 38, 39]);
        assert_eq!(margin.target.len(), 40);
        assert!((margin.target[0] - 0.05).abs() < 1e-12, "0 and 1");
        assert!((margin.target[1] - 0.025).abs() < 1e-12, "2 itself");
        assert!((margin.target.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_value_that_many_rows_have_is_one_cut() {
        let reference = Values::Numbers(vec![0.0; 30]);
        let margin = Margin::as_in(&reference, &Values::Numbers(vec![0.0, 0.1]));
        assert_eq!(margin.bins, [1, 2]);
        assert!((margin.target[1] - 1.0).abs() < 1e-12);
        assert_eq!(
            margin.target.iter().filter(|&&share| share > 0.0).count(),
            1
        );
    }

    #[test]
    fn names_have_a_bin_each_and_one_for_others() {
        let names = |names: &[&str]| Values::Names(names.iter().map(|&n| n.into()).collect());
        let margin = Margin::as_in(&names(&["b", "a", "b", ""]), &names(&["a", "c", ""]));
        assert_eq!(margin.bins, [1, 3, 0]);
        assert_eq!(margin.target, [0.25, 0.25, 0.5, 0.0]);
    }
}
