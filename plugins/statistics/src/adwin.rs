//! ADWIN: a window over a stream that forgets its old end as soon as the mean has moved.

use serde::Deserialize;

use crate::change::ChangeDetector;
use crate::setting::{A_LEVEL, SettingError, check, is_level};
use crate::state::{Reader, StateError};

/// Settings of [`Adwin`]. The defaults are those of River 0.26.1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdwinParams {
    /// Chance of a false alarm the bound of a cut is made for, in `(0, 1)`.
    pub delta: f64,
    /// Rows between two looks for a cut, `>= 1`.
    pub clock: u32,
    /// Buckets of one size that are kept before the two oldest are merged, from 2 to 15.
    pub max_buckets: u32,
    /// Fewest rows on either side of a cut, `>= 1`.
    pub min_window_length: u32,
    /// Rows the window must exceed before it is looked at.
    pub grace_period: u32,
}

impl Default for AdwinParams {
    fn default() -> Self {
        Self {
            delta: 0.002,
            clock: 32,
            max_buckets: 5,
            min_window_length: 5,
            grace_period: 10,
        }
    }
}

/// Largest size of a value. Larger ones, infinities and NaN are passed over: squares and sums of all others stay finite.
pub const VALUE_MAX: f64 = 1e100;

/// An adaptive window over a stream of numbers, and a detector of changes of their mean.
///
/// The window is an exponential histogram: up to `max_buckets` sums of `2^i` rows for each `i`. Every `clock` rows each border between
/// buckets, from the oldest on, is a possible cut into `n0` old and `n1` new rows; the mean has changed if, for one of them,
/// `|mean0 - mean1| > sqrt(2 r v d) + 2/3 r d` with `d = ln(2 ln(W) / delta)`, `v` the variance of the window of `W` rows and
/// `r = 1 / (n0 - l + 1) + 1 / (n1 - l + 1)`, `l` the `min_window_length`; and if it is more than rounding can do, which only matters for
/// values far from the `[0, 1]` the bound is made for. Then the oldest bucket is dropped and the search repeated.
/// The row after a detection begins a new window. Detections are those of River 0.26.1, row by row.
///
/// Some 11 kB, whatever the number of rows: `2^39` times `max_buckets` and more are held, then the oldest are forgotten.
/// Source: Bifet & Gavaldà (2007), "Learning from Time-Changing Data with Adaptive Windowing"; Babcock et al. (2003), "Maintaining
/// Variance and k-Medians over Data Stream Windows", for the variance of merged buckets.
#[derive(Debug, Clone)]
pub struct Adwin {
    params: AdwinParams,
    /// Rows in the window, as `f64` because it only meets other such.
    width: f64,
    total: f64,
    /// Sum of squared deviations from the mean, up to rounding.
    variance: f64,
    /// Rows since the last look.
    tick: u32,
    detected: bool,
    /// Sizes in use: buckets of `2^0 .. 2^(levels - 1)` rows. Invariant: each of them holds at least one bucket, or there is one, empty.
    levels: usize,
    /// Those beyond the levels are empty. Boxed, because a detector is moved about between its bytes and its first row.
    rings: Box<[Ring; LEVELS_MAX]>,
}

/// Buckets of one size, oldest first, in a ring that starts at `start`.
#[derive(Debug, Clone, Copy)]
struct Ring {
    start: usize,
    len: usize,
    totals: [f64; RING],
    variances: [f64; RING],
}

impl Ring {
    const EMPTY: Self = Self {
        start: 0,
        len: 0,
        totals: [0.0; RING],
        variances: [0.0; RING],
    };

    fn push(&mut self, total: f64, variance: f64) {
        let at = (self.start + self.len) % RING;
        self.totals[at] = total;
        self.variances[at] = variance;
        self.len += 1;
    }

    fn pop_oldest(&mut self) -> (f64, f64) {
        let at = self.start % RING;
        self.start = (self.start + 1) % RING;
        self.len -= 1;
        (self.totals[at], self.variances[at])
    }
}

/// Slots of a ring: the largest `max_buckets` and one for the bucket that makes it overflow.
const RING: usize = 16;

/// Sizes of buckets.
const LEVELS_MAX: usize = 40;

/// What a number of rows must be.
const A_COUNT: &str = "a whole number of at least 1";

/// First byte of a state.
const FORMAT: u8 = 1;

impl Default for Adwin {
    fn default() -> Self {
        Self::empty(AdwinParams::default())
    }
}

impl Adwin {
    /// An empty window.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting.
    pub fn new(params: AdwinParams) -> Result<Self, SettingError> {
        let buckets = (2..RING).contains(&(params.max_buckets as usize));
        check([
            (is_level(params.delta), "delta", A_LEVEL),
            (params.clock >= 1, "clock", A_COUNT),
            (buckets, "max_buckets", "a whole number from 2 to 15"),
            (params.min_window_length >= 1, "min_window_length", A_COUNT),
        ])?;
        Ok(Self::empty(params))
    }

    /// Takes the next row; whether the mean has changed.
    pub fn update(&mut self, value: f64) -> bool {
        if value.is_nan() || value.abs() > VALUE_MAX {
            return false;
        }
        if self.detected {
            self.reset();
        }
        self.insert(value);
        self.tick += 1;
        if self.tick == self.params.clock {
            self.tick = 0;
            if self.width > f64::from(self.params.grace_period) {
                while self.finds_cut() {
                    self.detected = true;
                    self.drop_oldest();
                }
            }
        }
        self.detected
    }

    /// Takes rows in order; the positions in `values` at which the mean was found to have changed.
    pub fn update_all(&mut self, values: &[f64]) -> Vec<usize> {
        let mut detections = Vec::new();
        for (row, &value) in values.iter().enumerate() {
            if self.update(value) {
                detections.push(row);
            }
        }
        detections
    }

    /// Mean of the window; `0` if it is empty.
    pub fn mean(&self) -> f64 {
        if self.width > 0.0 {
            self.total / self.width
        } else {
            0.0
        }
    }

    /// Population variance of the window; `0` if it is empty.
    pub fn variance(&self) -> f64 {
        if self.width > 0.0 {
            (self.variance / self.width).max(0.0)
        } else {
            0.0
        }
    }

    /// Rows in the window.
    pub fn rows(&self) -> f64 {
        self.width
    }

    /// Whether the last row was a detection.
    pub fn detected(&self) -> bool {
        self.detected
    }

    /// The settings.
    pub fn params(&self) -> AdwinParams {
        self.params
    }

    /// The state, settings included: about `16 max_buckets log2(rows)` bytes. The same state gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        let params = &self.params;
        bytes.extend(params.delta.to_le_bytes());
        for setting in [
            params.clock,
            params.max_buckets,
            params.min_window_length,
            params.grace_period,
            self.tick,
        ] {
            bytes.extend(setting.to_le_bytes());
        }
        bytes.push(u8::from(self.detected));
        for number in [self.width, self.total, self.variance] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((self.levels as u64).to_le_bytes());
        for ring in &self.rings[..self.levels] {
            bytes.extend((ring.len as u64).to_le_bytes());
            for bucket in 0..ring.len {
                let at = (ring.start + bucket) % RING;
                bytes.extend(ring.totals[at].to_le_bytes());
                bytes.extend(ring.variances[at].to_le_bytes());
            }
        }
        bytes
    }

    /// The window that [`Adwin::to_bytes`] wrote. Goes on exactly as the original would.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are cut off, of another format, or hold what no window could have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new(bytes, FORMAT)?;
        let params = AdwinParams {
            delta: reader.f64_within(1.0)?,
            clock: reader.u32()?,
            max_buckets: reader.u32()?,
            min_window_length: reader.u32()?,
            grace_period: reader.u32()?,
        };
        let mut window = Self::new(params).map_err(|error| StateError::Damaged(error.setting))?;
        window.tick = reader.u32()?;
        window.detected = reader.bool()?;
        window.width = reader.f64_within(ROWS_MAX)?;
        window.total = reader.f64_within(VALUE_MAX * window.width)?;
        window.variance = reader.f64_within(SQUARE_MAX * window.width)?;
        window.levels = reader.length(LEVELS_MAX)?;
        if window.tick >= params.clock || window.levels == 0 {
            return Err(StateError::Damaged("a counter is out of range"));
        }
        let (mut rows, mut size) = (0.0, 1.0);
        for level in 0..window.levels {
            let len = reader.length(params.max_buckets as usize)?;
            if len == 0 && window.levels > 1 {
                return Err(StateError::Damaged("a row of buckets is empty"));
            }
            for _ in 0..len {
                let total = reader.f64_within(VALUE_MAX * size)?;
                let variance = reader.f64_within(SQUARE_MAX * size)?;
                window.rings[level].push(total, variance);
            }
            rows += len as f64 * size;
            size *= 2.0;
        }
        if rows != window.width {
            return Err(StateError::Damaged(
                "the buckets do not add up to the window",
            ));
        }
        reader.finish()?;
        Ok(window)
    }

    fn empty(params: AdwinParams) -> Self {
        Self {
            params,
            width: 0.0,
            total: 0.0,
            variance: 0.0,
            tick: 0,
            detected: false,
            levels: 1,
            rings: Box::new([Ring::EMPTY; LEVELS_MAX]),
        }
    }

    /// An empty window again; what the rings hold beyond their length does not matter.
    fn reset(&mut self) {
        for ring in &mut self.rings[..self.levels] {
            ring.start = 0;
            ring.len = 0;
        }
        self.levels = 1;
        (self.width, self.total, self.variance) = (0.0, 0.0, 0.0);
        self.tick = 0;
        self.detected = false;
    }

    fn insert(&mut self, value: f64) {
        let before = self.width;
        self.width += 1.0;
        if before > 0.0 {
            let deviation = value - self.total / before;
            self.variance += before * deviation * deviation / self.width;
        }
        self.total += value;
        let rings = self.rings.as_mut();
        rings[0].push(value, 0.0);
        let full = self.params.max_buckets as usize + 1;
        let (mut level, mut half) = (0, 0.5);
        while rings[level].len == full {
            if level + 1 == LEVELS_MAX {
                self.drop_oldest();
                return;
            }
            let (total0, variance0) = rings[level].pop_oldest();
            let (total1, variance1) = rings[level].pop_oldest();
            // Between the two: n0 n1 / (n0 + n1) (mean0 - mean1)^2, where n0 = n1 = size.
            let size = 2.0 * half;
            let gap = total0 / size - total1 / size;
            let between = half * gap * gap;
            level += 1;
            rings[level].push(total0 + total1, variance0 + variance1 + between);
            self.levels = self.levels.max(level + 1);
            half = size;
        }
    }

    /// Removes the oldest bucket. The window keeps at least one row.
    fn drop_oldest(&mut self) {
        let last = self.levels - 1;
        let size = size_of(last);
        let (total, variance) = self.rings[last].pop_oldest();
        self.width -= size;
        self.total -= total;
        let gap = total / size - self.total / self.width;
        self.variance -= variance + size * self.width * gap * gap / (size + self.width);
        if self.rings[last].len == 0 && last > 0 {
            self.levels = last;
        }
    }

    /// Whether the means on the two sides of some border differ by more than chance allows.
    fn finds_cut(&self) -> bool {
        let fewest = f64::from(self.params.min_window_length);
        let confidence = libm::log(2.0 * libm::log(self.width) / self.params.delta);
        // Since r >= 1/n0 + 1/n1, no cut is possible where (u0 n1 - u1 n0)^2 < 2 sum-of-squares d n0 n1. That costs no division, and
        // settles nearly every border. The slack is far above what rounding can do to either side.
        let quiet = 2.0 * self.variance * confidence * (1.0 - 1e-9);
        let (mut n0, mut n1, mut u0, mut u1) = (0.0, self.width, 0.0, self.total);
        for level in (0..self.levels).rev() {
            let size = size_of(level);
            let ring = &self.rings[level];
            let borders = ring.len - usize::from(level == 0); // Nothing is newer than the last bucket.
            for bucket in 0..borders {
                let total = ring.totals[(ring.start + bucket) % RING];
                n0 += size;
                n1 -= size;
                u0 += total;
                u1 -= total;
                let (left, right) = (u0 * n1, u1 * n0);
                let gap = (left - right).abs() + ROUNDING * (left.abs() + right.abs());
                if gap * gap < quiet * (n0 * n1) {
                    continue;
                }
                if n0 >= fewest && n1 >= fewest {
                    let r = 1.0 / (n0 - fewest + 1.0) + 1.0 / (n1 - fewest + 1.0);
                    let bound = (2.0 * r * (self.variance / self.width) * confidence).sqrt()
                        + 2.0 / 3.0 * confidence * r;
                    let gap = (u0 / n0 - u1 / n1).abs();
                    // The running sum may be off by half a unit in the last place for each row: no constant, however large, has drifted.
                    let rounding = self.width * f64::EPSILON * self.total.abs() / n0.min(n1);
                    if gap > bound && gap > rounding {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// Rows in a bucket of `level`.
fn size_of(level: usize) -> f64 {
    (1_u64 << level) as f64
}

/// Sixteen units in the last place.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// More rows than a window can hold.
const ROWS_MAX: f64 = 1e14;

/// More than the square of a difference of two values can be.
const SQUARE_MAX: f64 = 1e201;

impl ChangeDetector for Adwin {
    fn update(&mut self, value: f64) -> bool {
        self.update(value)
    }
    fn mean(&self) -> f64 {
        self.mean()
    }
    fn rows(&self) -> f64 {
        self.rows()
    }
    fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }
    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        Self::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    fn stream(seed: u64, parts: &[(usize, f64)]) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        parts
            .iter()
            .flat_map(|&(rows, p)| {
                (0..rows)
                    .map(|_| f64::from(u8::from(rng.uniform() < p)))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn a_jump_is_found_and_the_window_starts_afresh() {
        let mut window = Adwin::default();
        let detections = window.update_all(&stream(1, &[(1000, 0.1), (1000, 0.6)]));
        assert_eq!(detections.len(), 1, "{detections:?}");
        assert!((1000..1200).contains(&detections[0]));
        // The row after the detection was the first of the new window.
        assert_eq!(window.rows(), (1999 - detections[0]) as f64);
        assert!((window.mean() - 0.6).abs() < 0.1);
        assert!((window.variance() - 0.24).abs() < 0.03);
    }

    #[test]
    fn detections_equal_river_0_26_1() {
        // river.drift.ADWIN() over x = 1 if (i * i * 7919) % 1000 < (150 if (i // 2000) % 2 == 0 else 400) else 0, i = 0..20000.
        let rows: Vec<f64> = (0_u64..20_000)
            .map(|i| {
                f64::from(u8::from(
                    (i * i * 7919) % 1000 < if (i / 2000) % 2 == 0 { 150 } else { 400 },
                ))
            })
            .collect();
        assert_eq!(
            Adwin::default().update_all(&rows),
            [2047, 4159, 6047, 8159, 10047, 12159, 14047, 16159, 18047]
        );
    }

    #[test]
    fn nothing_odd_gets_in() {
        let mut window = Adwin::default();
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, f64::MAX] {
            assert!(!window.update(value));
        }
        assert_eq!(
            (window.rows(), window.mean(), window.variance()),
            (0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |change: fn(&mut AdwinParams)| {
            let mut params = AdwinParams::default();
            change(&mut params);
            Adwin::new(params)
                .map(|_| ())
                .map_err(|error| error.setting)
        };
        assert_eq!(with(|params| params.delta = 0.0), Err("delta"));
        assert_eq!(with(|params| params.delta = f64::NAN), Err("delta"));
        assert_eq!(with(|params| params.clock = 0), Err("clock"));
        assert_eq!(with(|params| params.max_buckets = 1), Err("max_buckets"));
        assert_eq!(with(|params| params.max_buckets = 2), Ok(()));
        assert_eq!(with(|params| params.max_buckets = 15), Ok(()));
        assert_eq!(with(|params| params.max_buckets = 16), Err("max_buckets"));
        assert_eq!(
            with(|params| params.min_window_length = 0),
            Err("min_window_length")
        );
        assert_eq!(with(|params| params.grace_period = 0), Ok(()));
    }

    #[test]
    fn a_state_cut_anywhere_is_an_error() {
        let mut window = Adwin::default();
        window.update_all(&stream(2, &[(300, 0.5)]));
        let bytes = window.to_bytes();
        for end in 0..bytes.len() {
            assert!(Adwin::from_bytes(&bytes[..end]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(
            Adwin::from_bytes(&longer).err(),
            Some(StateError::WrongLength)
        );
        longer[0] = 9;
        assert_eq!(
            Adwin::from_bytes(&longer).err(),
            Some(StateError::UnknownFormat(9))
        );
    }

    proptest! {
        #[test]
        fn a_restored_window_goes_on_as_the_original(values in prop::collection::vec(-1e3f64..1e3, 0..400), cut in 0usize..400) {
            let cut = cut.min(values.len());
            let mut whole = Adwin::default();
            whole.update_all(&values[..cut]);
            let mut restored = Adwin::from_bytes(&whole.to_bytes()).unwrap();
            prop_assert_eq!(restored.to_bytes(), whole.to_bytes());
            prop_assert_eq!(restored.update_all(&values[cut..]), whole.update_all(&values[cut..]));
            prop_assert_eq!(restored.to_bytes(), whole.to_bytes());
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..2000, byte in any::<u8>(), more in prop::collection::vec(-1e3f64..1e3, 200)) {
            let mut window = Adwin::default();
            window.update_all(&stream(3, &[(500, 0.3)]));
            let mut bytes = window.to_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(mut window) = Adwin::from_bytes(&bytes) {
                window.update_all(&more);
                prop_assert!(window.mean().is_finite() && window.variance().is_finite());
            }
        }

        #[test]
        fn any_bytes_are_a_state_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Adwin::from_bytes(&bytes);
        }
    }
}
