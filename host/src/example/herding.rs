//! Draws rows one after the other so that, at every moment, what was drawn is distributed as wanted.

use super::margins::Margin;
use crate::profile::Random;

/// Random rows among which each draw chooses.
const CANDIDATES: usize = 256;
/// A row comes again only after this part of all rows has come: one third.
const REST_PART: usize = 3;

/// Draws `draws` of `rows` rows, by their places. All margins have as many bins as there are rows; there are rows.
///
/// Herding (Welling 2009, "Herding dynamical weights to learn"): each bin has a weight that grows by the share which is
/// wanted of it and falls by one whenever it is drawn, and of the candidates the heaviest one is taken. The shares of what
/// was drawn approach those wanted with 1/n, not with 1/sqrt(n) as in a plain sample.
pub(super) fn herd(
    margins: &[Margin],
    rows: usize,
    draws: usize,
    random: &mut Random,
) -> Vec<usize> {
    let mut weights: Vec<Vec<f64>> = margins
        .iter()
        .map(|margin| vec![0.0; margin.target.len()])
        .collect();
    let rest = rows / REST_PART;
    let mut last: Vec<Option<usize>> = vec![None; rows];
    let mut drawn = Vec::with_capacity(draws);
    for now in 0..draws {
        let weight = |row: usize| -> f64 {
            let each = margins.iter().zip(&weights);
            each.map(|(margin, weights)| weights[usize::from(margin.bins[row])])
                .sum()
        };
        let mut best: Option<(usize, (bool, f64))> = None;
        for _ in 0..CANDIDATES {
            let row = usize::try_from(random.below(rows as u64)).unwrap_or(0);
            let rested = last[row].is_none_or(|then| now - then > rest);
            let rank = (rested, weight(row));
            if best.is_none_or(|(_, best)| rank > best) {
                best = Some((row, rank));
            }
        }
        let Some((row, _)) = best else { break };
        last[row] = Some(now);
        drawn.push(row);
        for (margin, weights) in margins.iter().zip(&mut weights) {
            for (weight, target) in weights.iter_mut().zip(&margin.target) {
                *weight += target;
            }
            weights[usize::from(margin.bins[row])] -= 1.0;
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns of 600 rows: a class that 30% are of, and a number from 0 to 5 that goes with it.
    fn margins(share: f64) -> Vec<Margin> {
        let class = |row: usize| row % 10 < 3;
        let number = |row: usize| u16::try_from(row / 10 % 6).unwrap();
        vec![
            Margin::share((0..600).map(class), share),
            Margin {
                bins: (0..600).map(number).collect(),
                target: vec![1.0 / 6.0; 6],
            },
        ]
    }

    #[test]
    fn every_beginning_of_what_is_drawn_has_the_shares_that_are_wanted() {
        for share in [0.3, 0.6] {
            let margins = margins(share);
            let drawn = herd(&margins, 600, 500, &mut Random::new(1));
            for end in [50, 100, 500] {
                for margin in &margins {
                    for (bin, target) in margin.target.iter().enumerate() {
                        let is = |row: &&usize| usize::from(margin.bins[**row]) == bin;
                        let found = drawn[..end].iter().filter(is).count();
                        let wanted = target * end as f64;
                        assert!(
                            (found as f64 - wanted).abs() < 3.0,
                            "{bin}: {found}, {wanted}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_rests_before_it_comes_again() {
        let drawn = herd(&margins(0.3), 600, 600, &mut Random::new(2));
        for (at, row) in drawn.iter().enumerate() {
            let next = drawn[at + 1..].iter().position(|other| other == row);
            assert!(
                next.is_none_or(|after| after >= 200),
                "{row} at {at}, after {next:?}"
            );
        }
    }

    #[test]
    fn a_seed_gives_the_same_rows_again() {
        let draw = |seed| herd(&margins(0.3), 600, 50, &mut Random::new(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(herd(&margins(0.3), 600, 0, &mut Random::new(1)).is_empty());
    }
}
