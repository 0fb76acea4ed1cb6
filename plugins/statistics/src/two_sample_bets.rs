//! An always-valid two-sample test: do values still fall among those of a first stretch as they did, whenever one looks?

use core::cmp::Ordering;

use crate::adwin::VALUE_MAX;
use crate::always_valid::{AfterAlarm, AlwaysValid, Phase};
use crate::capital::{CAPITAL_MAX, Capital};
use crate::change::within;
use crate::setting::{SettingError, check};
use crate::state::{Reader, StateError, Writer};

/// Settings of [`TwoSampleBets`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoSampleBetsParams {
    /// First values, which are the reference.
    pub reference_rows: u32,
    /// Seed of the numbers that break ties and smooth ranks.
    pub seed: u64,
    /// What happens after an alarm.
    pub after_alarm: AfterAlarm,
}

impl Default for TwoSampleBetsParams {
    fn default() -> Self {
        Self {
            reference_rows: 1_000,
            seed: 0,
            after_alarm: AfterAlarm::Stay,
        }
    }
}

/// Fewest rows of a reference.
pub const REFERENCE_MIN: u32 = 100;
/// Most rows of a reference: all are held while it is learned.
pub const REFERENCE_MAX: u32 = 100_000;

/// Cells into which the reference's order statistics cut the line.
const CELLS: usize = 64;
/// Bins of the bet that learns.
const BINS: usize = 16;
/// How much of a bin's count is kept from row to row: half of it after some 700 rows.
const KEPT: f64 = 1.0 - 1.0 / 1024.0;
/// Stakes of the bets on a fixed shape.
const STAKES: [f64; 2] = [0.25, 0.9];
/// Location up and down, spread up and down, at each stake; and the bet that learns.
const BETS: usize = 4 * STAKES.len() + 1;

/// Bets that values no longer fall among those of a reference as an exchangeable sequence would.
///
/// Null hypothesis: reference and later values together are exchangeable, as independent draws of one law are, continuous or not.
///
/// The guarantee, step by step. Every value `x` is paired with a number of its own from the seed, which breaks ties, so the pairs are
/// exchangeable and never equal. The sorted reference of `n` pairs leaves `n + 1` gaps; order statistics about `n / 64` apart join them
/// to 64 cells, cell `k` with `r_k` gaps. Under the null hypothesis the rank of the next pair among all before it is uniform and
/// independent of their order (Rényi 1962), and each of the `c_k` later pairs in a cell has added one gap to it: so the next pair falls
/// into cell `k` with chance `(r_k + c_k) / (n + 1 + t)`, exactly, given all that the cells have said so far. Drawing `u` uniformly
/// within the cell's stretch of that law gives numbers `u` that are independent and uniform on `[0, 1)`: smoothed conformal p-values
/// (Vovk, Gammerman & Shafer 2005). Any density chosen before `u` is seen, at `u`, is then a factor of conditional mean 1, and the
/// product of factors, mixed over nine densities and over all times to begin (`Capital`), is a martingale from 1. By Ville's inequality
/// it ever reaches `1 / level` with a chance of at most `level`. Nothing is estimated, and no sample size is assumed.
///
/// The densities are `1 + s (2u - 1)`, `1 - s (2u - 1)`, `1 + s (6u^2 - 6u + 1)`, `1 - s (6u^2 - 6u + 1)` for two stakes `s`: upwards, downwards, wider,
/// narrower; and a histogram of earlier `u` that forgets, for any other shape. A change is absorbed in the end, since later values
/// count as normal too: what a reference of `n` rows does not find in some times `n` rows it will not find.
///
/// The alternative with pairs of rows, a payoff learned online and the same guarantee is Shekhar & Ramdas (2023), "Nonparametric
/// Two-Sample Testing by Betting"; ranks were chosen because they take ties and single rows. Source: Vovk (2021), "Testing Randomness
/// Online". Some 1.5 kB after learning; a search among 64 cells and some sixty multiplications a row.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoSampleBets {
    params: TwoSampleBetsParams,
    /// Values that were taken in, since the very first: the place in the stream of the seed's numbers.
    taken: u64,
    /// The reference while it is learned.
    learning: Vec<Pair>,
    /// Upper ends of all cells but the last one.
    ends: Vec<Pair>,
    /// Gaps of each cell.
    gaps: Vec<u64>,
    /// Decayed counts of `u`.
    bins: [f64; BINS],
    capital: Capital<BETS>,
    largest: f64,
    /// Whether two different values were seen.
    varied: bool,
    first: f64,
    alarmed: bool,
}

/// A value and what breaks its ties.
type Pair = (f64, f64);

/// First byte of a state.
const FORMAT: u8 = 1;

fn order(a: &Pair, b: &Pair) -> Ordering {
    let by_value = a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal);
    by_value.then(a.1.total_cmp(&b.1))
}

impl Default for TwoSampleBets {
    fn default() -> Self {
        Self::empty(TwoSampleBetsParams::default(), 0)
    }
}

impl TwoSampleBets {
    /// A monitor that has seen no rows.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: TwoSampleBetsParams) -> Result<Self, SettingError> {
        check([(
            (REFERENCE_MIN..=REFERENCE_MAX).contains(&params.reference_rows),
            "reference_rows",
            "a whole number from 100 to 100,000",
        )])?;
        Ok(Self::empty(params, 0))
    }

    fn empty(params: TwoSampleBetsParams, taken: u64) -> Self {
        Self {
            params,
            taken,
            learning: Vec::new(),
            ends: Vec::new(),
            gaps: Vec::new(),
            bins: [0.0; BINS],
            capital: Capital::START,
            largest: 1.0,
            varied: false,
            first: 0.0,
            alarmed: false,
        }
    }

    /// The next number of the seed's stream, uniform on `[0, 1)`: one of two for each value.
    fn chance(&self, of_two: u64) -> f64 {
        let place = (2 * self.taken + of_two).wrapping_add(1);
        let mut mixed = self
            .params
            .seed
            .wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    fn learn(&mut self, pair: Pair) {
        self.learning.push(pair);
        if self.learning.len() < self.params.reference_rows as usize {
            return;
        }
        let mut reference = core::mem::take(&mut self.learning);
        reference.sort_unstable_by(order);
        let gaps = reference.len() + 1;
        let mut before = 0;
        for cell in 1..=CELLS {
            let end = cell * gaps / CELLS;
            self.gaps.push((end - before) as u64);
            if cell < CELLS {
                self.ends.push(reference[end - 1]);
            }
            before = end;
        }
    }

    /// The smoothed rank of a pair among all before it, uniform on `[0, 1)` under the null hypothesis; it counts from now on.
    fn rank(&mut self, pair: Pair) -> f64 {
        let cell = self
            .ends
            .partition_point(|end| order(end, &pair) == Ordering::Less);
        let below: u64 = self.gaps[..cell].iter().sum();
        let all = below + self.gaps[cell..].iter().sum::<u64>();
        let within = self.chance(1) * self.gaps[cell] as f64;
        self.gaps[cell] += 1;
        (below as f64 + within) / all as f64
    }

    /// The densities of all bets at `u`; then the bet that learns takes `u` in.
    fn factors(&mut self, u: f64) -> [f64; BETS] {
        let location = 2.0 * u - 1.0;
        let spread = 6.0 * u * u - 6.0 * u + 1.0;
        let bins = BINS as f64;
        let bin = bin_of(u);
        let counted: f64 = self.bins.iter().sum();
        let mut factors = [bins * (self.bins[bin] + 1.0) / (counted + bins); BETS];
        for (four, stake) in factors.chunks_exact_mut(4).zip(STAKES) {
            four.copy_from_slice(&[
                1.0 + stake * location,
                1.0 - stake * location,
                1.0 + stake * spread,
                1.0 - stake * spread,
            ]);
        }
        for count in &mut self.bins {
            *count *= KEPT;
        }
        self.bins[bin] += 1.0;
        factors
    }
}

fn bin_of(u: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 16"
    )]
    let bin = (u * BINS as f64) as usize;
    bin.min(BINS - 1)
}

impl AlwaysValid for TwoSampleBets {
    fn update(&mut self, value: f64, level: f64) -> bool {
        if !within(value, (-VALUE_MAX, VALUE_MAX)) {
            return false;
        }
        if self.alarmed && self.params.after_alarm == AfterAlarm::Relearn {
            *self = Self::empty(self.params, self.taken);
        }
        if self.learning.is_empty() && self.gaps.is_empty() {
            self.first = value;
        }
        #[expect(clippy::float_cmp, reason = "the same value or another one")]
        {
            self.varied |= value != self.first;
        }
        let pair = (value, self.chance(0));
        if self.gaps.is_empty() {
            self.learn(pair);
        } else {
            let u = self.rank(pair);
            let factors = self.factors(u);
            if !self.alarmed {
                self.capital.play(&factors);
                self.largest = self.largest.max(self.capital.total());
                self.alarmed = self.capital.total() >= 1.0 / level;
                self.taken += 1;
                return self.alarmed;
            }
        }
        self.taken += 1;
        false
    }

    fn phase(&self) -> Phase {
        if self.gaps.is_empty() || self.capital.rows() == 0.0 {
            Phase::Learning
        } else if self.alarmed {
            Phase::Alarmed
        } else if self.varied {
            Phase::Watching
        } else {
            Phase::Constant
        }
    }
    fn e_value(&self) -> f64 {
        self.capital.total()
    }
    fn largest(&self) -> f64 {
        self.largest
    }
    fn p_value(&self) -> Option<f64> {
        Some((1.0 / self.largest).min(1.0))
    }
    /// Largest difference of the distribution of the newest ranks, some thousand of them, from the uniform one, in `[0, 1]`.
    fn effect(&self) -> f64 {
        let counted: f64 = self.bins.iter().sum();
        if counted == 0.0 {
            return 0.0;
        }
        let (mut sum, mut largest) = (0.0, 0.0_f64);
        for (bin, count) in (1_u32..).zip(self.bins) {
            sum += count / counted;
            largest = largest.max((sum - f64::from(bin) / BINS as f64).abs());
        }
        largest
    }
    fn rows(&self) -> (f64, f64) {
        if self.gaps.is_empty() {
            return (self.learning.len() as f64, 0.0);
        }
        let reference = f64::from(self.params.reference_rows);
        let all: u64 = self.gaps.iter().sum();
        (reference, all as f64 - reference - 1.0)
    }
    fn numbers(&self, _level: f64) -> Vec<(&'static str, f64)> {
        let counted: f64 = self.bins.iter().sum();
        let middles = (0_u32..).map(|bin| (f64::from(bin) + 0.5) / BINS as f64);
        let mean: f64 = self
            .bins
            .iter()
            .zip(middles)
            .map(|(count, middle)| count * middle)
            .sum();
        if counted == 0.0 {
            Vec::new()
        } else {
            vec![("mean_rank", mean / counted)]
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let TwoSampleBetsParams {
            reference_rows,
            seed,
            after_alarm,
        } = self.params;
        let pairs = |to: Writer, pairs: &[Pair]| {
            pairs
                .iter()
                .fold(to.u64(pairs.len() as u64), |to, &(value, tie)| {
                    to.f64s([value, tie])
                })
        };
        let start = Writer::new(FORMAT)
            .u32(reference_rows)
            .u64(seed)
            .bool(after_alarm == AfterAlarm::Relearn)
            .u64(self.taken);
        let cells = pairs(pairs(start, &self.learning), &self.ends).u64(self.gaps.len() as u64);
        let counted = self.gaps.iter().fold(cells, |to, &gaps| to.u64(gaps));
        self.capital
            .write(counted.f64s(self.bins))
            .f64(self.largest)
            .bool(self.varied)
            .f64(self.first)
            .bool(self.alarmed)
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        fn pairs(reader: &mut Reader<'_>, most: usize) -> Result<Vec<Pair>, StateError> {
            let length = reader.length(most)?;
            (0..length)
                .map(|_| Ok((reader.f64_within(VALUE_MAX)?, reader.f64_within(1.0)?)))
                .collect()
        }
        let mut reader = Reader::new(bytes, FORMAT)?;
        let reference_rows = reader.u32()?;
        let seed = reader.u64()?;
        let after_alarm = if reader.bool()? {
            AfterAlarm::Relearn
        } else {
            AfterAlarm::Stay
        };
        let params = TwoSampleBetsParams {
            reference_rows,
            seed,
            after_alarm,
        };
        let mut monitor = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        monitor.taken = reader.u64()?;
        monitor.learning = pairs(&mut reader, reference_rows as usize - 1)?;
        monitor.ends = pairs(&mut reader, CELLS - 1)?;
        let cells = reader.length(CELLS)?;
        for _ in 0..cells {
            monitor.gaps.push(reader.u64()?);
        }
        let learned = cells == CELLS && monitor.ends.len() == CELLS - 1;
        let sorted = monitor
            .ends
            .windows(2)
            .all(|pair| order(&pair[0], &pair[1]) != Ordering::Greater);
        let counts = monitor.gaps.iter().all(|gaps| (1..1 << 50).contains(gaps));
        let whole = if learned {
            monitor.learning.is_empty() && sorted && counts
        } else {
            cells == 0 && monitor.ends.is_empty()
        };
        let rows: u64 = monitor
            .gaps
            .iter()
            .fold(0, |sum, gaps| sum.saturating_add(*gaps));
        let enough = !learned || rows > u64::from(reference_rows);
        if !whole || !enough || monitor.taken > 1 << 53 {
            return Err(StateError::Damaged("cells that no reference leaves"));
        }
        for count in &mut monitor.bins {
            *count = reader.f64_within(2.0 / (1.0 - KEPT))?;
            if *count < 0.0 {
                return Err(StateError::Damaged("a count below zero"));
            }
        }
        monitor.capital = Capital::read(&mut reader)?;
        monitor.largest = reader.f64_within(CAPITAL_MAX)?;
        monitor.varied = reader.bool()?;
        monitor.first = reader.f64_within(VALUE_MAX)?;
        monitor.alarmed = reader.bool()?;
        reader.finish()?;
        if monitor.largest < 1.0 {
            return Err(StateError::Damaged("capital that was never one"));
        }
        Ok(monitor)
    }
}

#[cfg(test)]
#[path = "two_sample_bets_tests.rs"]
mod tests;
