//! How far the profile of a change point falls from its top to the true cut, simulated for sequences like the one at hand.

use crate::gamma_draw::binomial;
use crate::rng::Rng;

/// Sequences that are simulated: their 190th smallest drop is that of 95%. Levels above 99.5% get the largest.
pub(crate) const SIMULATIONS: u32 = 199;
/// Most cells, pieces times bins, of a simulated sequence; neighbouring pieces of a longer one are taken together. Less than a second.
pub(crate) const CELLS_MAX: usize = 8_192;

/// What is known of a sequence once its likeliest change is.
pub(crate) struct Change<'a> {
    /// Rows of the reference.
    pub(crate) reference: f64,
    /// Rows of each piece.
    pub(crate) pieces: &'a [f64],
    /// First piece after the change.
    pub(crate) cut: usize,
    /// Counts before it, the reference's with them, and after it, of bins that have any.
    pub(crate) sides: Vec<(f64, f64)>,
    /// Log-likelihood ratio there.
    pub(crate) ratio: f64,
}

impl Change<'_> {
    /// The drop `2 (l_max - l_cut)` that a share `level` of sequences like this one does not pass.
    ///
    /// With `k` bins the profile strays by chance in `k - 1` directions, and the limit law, which knows one, is too narrow until the
    /// change outweighs all of them. So sequences of the same sizes are drawn that change at `cut`, from the shares on its both sides.
    /// Those differ by chance, too: their difference is shrunk by `sqrt(t / 2 l)`, `t = 2 l - (k - 1) - sqrt(2 (k - 1))` at least 0,
    /// which takes off what `2 l` has without a change and one standard deviation more. The stream of chance is fixed, so that the
    /// same counts give the same interval.
    pub(crate) fn drop_of(&self, level: f64, ratio: impl Fn(&[f64], &[f64], f64) -> f64) -> f64 {
        let degrees = self.sides.len() as f64 - 1.0;
        let beyond_chance = 2.0 * self.ratio - degrees - (2.0 * degrees).sqrt();
        let shrunk = (beyond_chance.max(0.0) / (2.0 * self.ratio)).sqrt();
        let (n, m) = self
            .sides
            .iter()
            .fold((0.0, 0.0), |(n, m), (left, right)| (n + left, m + right));
        let toward = |own: f64, left: f64, right: f64| {
            let both = (left + right) / (n + m);
            both + shrunk * (own - both)
        };
        let side = |own: fn(f64, f64) -> f64, rows: f64| -> Vec<f64> {
            let share = |&(left, right): &(f64, f64)| toward(own(left, right) / rows, left, right);
            self.sides.iter().map(share).collect()
        };
        let before = side(|left, _| left, n);
        let after = side(|_, right| right, m);
        let (blocks, cut) = self.blocks();
        let mut rng = Rng::new(0);
        let mut simulate = || {
            let mut counts = vec![draw(&before, self.reference, &mut rng)];
            for (block, rows) in blocks.iter().enumerate() {
                let shares = if block < cut { &before } else { &after };
                counts.push(draw(shares, *rows, &mut rng));
            }
            drop_in(&counts, cut, &ratio)
        };
        let mut drops: Vec<f64> = (0..SIMULATIONS).map(|_| simulate()).collect();
        drops.sort_by(f64::total_cmp);
        let not_passed = drops
            .iter()
            .zip(1..)
            .find(|(_, rank)| f64::from(*rank) >= level * f64::from(SIMULATIONS + 1));
        not_passed.map_or(drops[drops.len() - 1], |(drop, _)| *drop)
    }

    /// Rows of neighbouring pieces taken together until the cells are few enough, none across the cut; and where the cut is then.
    fn blocks(&self) -> (Vec<f64>, usize) {
        let most = (CELLS_MAX / self.sides.len().max(1)).max(2);
        let together = self.pieces.len().div_ceil(most).max(1);
        let (before, after) = self.pieces.split_at(self.cut);
        let sums = |side: &[f64]| -> Vec<f64> {
            let sum = |block: &[f64]| block.iter().sum();
            side.chunks(together).map(sum).collect()
        };
        let mut blocks = sums(before);
        let cut = blocks.len();
        blocks.extend(sums(after));
        (blocks, cut)
    }
}

/// The drop to `cut` of one sequence, which the reference leads.
fn drop_in(counts: &[Vec<f64>], cut: usize, ratio: &impl Fn(&[f64], &[f64], f64) -> f64) -> f64 {
    let Some((reference, pieces)) = counts.split_first() else {
        return 0.0;
    };
    let mut all = vec![0.0; reference.len()];
    for piece in counts {
        add(&mut all, piece);
    }
    let rows: f64 = all.iter().sum();
    let mut left = reference.clone();
    let (mut top, mut here) = (0.0_f64, 0.0);
    for (piece, counts) in pieces.iter().enumerate() {
        let left_rows: f64 = left.iter().sum();
        if left_rows > 0.0 && left_rows < rows {
            let ratio = ratio(&left, &all, left_rows / rows);
            top = top.max(ratio);
            if piece == cut {
                here = ratio;
            }
        }
        add(&mut left, counts);
    }
    2.0 * (top - here)
}

pub(crate) fn add(sums: &mut [f64], counts: &[f64]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// Counts of `rows` rows of a law with these shares, by binomial draws one bin after the other.
pub(crate) fn draw(shares: &[f64], rows: f64, rng: &mut Rng) -> Vec<f64> {
    let (mut left, mut mass) = (rows, 1.0);
    let mut counts: Vec<f64> = Vec::with_capacity(shares.len());
    for share in shares {
        let of_rest = if mass > *share { share / mass } else { 1.0 };
        let count = binomial(left, of_rest, rng);
        counts.push(count);
        left -= count;
        mass -= share;
    }
    // Rounding may leave the last share a little short of the rest.
    if let Some(last) = counts.last_mut() {
        *last += left;
    }
    counts
}
