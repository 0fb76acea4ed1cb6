//! Capital that is spread over several bets and over the rows at which they may begin.

use crate::state::{Reader, StateError, Writer};

/// Rows between two beginnings.
const BLOCK: u64 = 32;

/// A mixture of `J` bets over the times of their beginning: what is left in reserve, and what each bet has made of its shares.
///
/// At the first row of block `b = 1, 2, ...` each bet receives `1 / J` of `w_b = 1 / log2(b + 1) - 1 / log2(b + 2)` out of the reserve;
/// the `w_b` sum to 1. Every row multiplies the capital of each bet by its factor. If each factor is not negative and has a conditional
/// mean of at most 1 under the null hypothesis, the total is a non-negative supermartingale from 1: the reserve earns nothing, and money
/// moves from it without gain or loss. A change at row `t` costs `ln(1 / w_b) ~ ln(t / 32) + 2 ln ln(t / 32)` of evidence.
/// Sources: Shafer & Vovk (2019), "Game-Theoretic Foundations for Probability and Finance", for the mixture of bets; Vovk (2021), "Testing
/// Randomness Online", for beginnings at every time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Capital<const J: usize> {
    rows: u64,
    bets: [f64; J],
}

impl<const J: usize> Capital<J> {
    /// Nothing bet yet.
    pub(crate) const START: Self = Self {
        rows: 0,
        bets: [0.0; J],
    };

    /// The share that has not been handed out after `blocks`.
    fn reserve(blocks: u64) -> f64 {
        1.0 / libm::log2(blocks as f64 + 2.0)
    }

    /// Plays one row.
    pub(crate) fn play(&mut self, factors: &[f64; J]) {
        if self.rows.is_multiple_of(BLOCK) {
            let block = self.rows / BLOCK;
            let share = (Self::reserve(block) - Self::reserve(block + 1)) / J as f64;
            for bet in &mut self.bets {
                *bet += share;
            }
        }
        self.rows += 1;
        for (bet, factor) in self.bets.iter_mut().zip(factors) {
            *bet *= factor;
        }
    }

    /// All that there is: the e-value.
    pub(crate) fn total(&self) -> f64 {
        self.bets.iter().sum::<f64>() + Self::reserve(self.rows.div_ceil(BLOCK))
    }

    /// Rows that were played.
    pub(crate) fn rows(&self) -> f64 {
        self.rows as f64
    }

    pub(crate) fn write(&self, to: Writer) -> Writer {
        to.u64(self.rows).f64s(self.bets)
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        let rows = from.u64()?;
        if rows > 1 << 53 {
            return Err(StateError::Damaged("more rows than a stream can have"));
        }
        let mut bets = [0.0; J];
        for bet in &mut bets {
            *bet = from.f64_within(CAPITAL_MAX)?;
            if *bet < 0.0 {
                return Err(StateError::Damaged("capital below zero"));
            }
        }
        Ok(Self { rows, bets })
    }
}

/// More than a bet holds when its alarm is raised.
pub(crate) const CAPITAL_MAX: f64 = 1e200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fair_factors_of_one_neither_gain_nor_lose() {
        let mut capital = Capital::<3>::START;
        for _ in 0..10_000 {
            capital.play(&[1.0; 3]);
            assert!((capital.total() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_bet_that_loses_everything_leaves_the_reserve() {
        let mut capital = Capital::<1>::START;
        capital.play(&[0.0]);
        assert!((capital.total() - 1.0 / libm::log2(3.0)).abs() < 1e-12);
    }
}
