//! Lays numbers along a line, with ticks where a person would put them.

use super::super::number::short;

/// From a range of numbers to a range of positions.
pub(super) struct Axis {
    start: f64,
    end: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// `None` unless both ends are finite and `start < end`.
    pub(super) fn new(start: f64, end: f64, from: f64, to: f64) -> Option<Self> {
        (start.is_finite() && end.is_finite() && start < end).then_some(Self {
            start,
            end,
            from,
            to,
        })
    }

    pub(super) fn start(&self) -> f64 {
        self.start
    }

    pub(super) fn end(&self) -> f64 {
        self.end
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        (self.start..=self.end).contains(&value)
    }

    /// Halves keep the largest numbers from overflowing.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = (value / 2.0 - self.start / 2.0) / (self.end / 2.0 - self.start / 2.0);
        // The smallest numbers have no halves.
        let part = if part.is_finite() {
            part.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.from + (self.to - self.from) * part
    }
}

/// Round numbers from `start` to `end` with their texts: about `count`, at most twice as many. Steps
/// are 1, 2 or 5 times a power of ten; a range without such steps has its ends.
pub(super) fn ticks(start: f64, end: f64, count: u32) -> Vec<(f64, String)> {
    let rough = (end - start) / f64::from(count);
    let Some(step) = round_step(rough) else {
        return [start, end].map(|value| (value, short(value, 3))).to_vec();
    };
    let largest = start.abs().max(end.abs());
    let digits = usize::try_from(exponent(largest) - exponent(step) + 1)
        .unwrap_or(1)
        .clamp(1, 12);
    let first = (start / step).ceil() * step;
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for number in 0..2 * count {
        let value = first + f64::from(number) * step;
        // A hundredth of a step for what rounding adds.
        if value > end + step / 100.0 {
            break;
        }
        let value = if value.abs() < step / 100.0 {
            0.0
        } else {
            value
        };
        let text = short(value, digits);
        if ticks.last().is_none_or(|(_, last)| *last != text) {
            ticks.push((value, text));
        }
    }
    ticks
}

/// The smallest round number that is not below `rough`.
fn round_step(rough: f64) -> Option<f64> {
    if !rough.is_finite() || rough < f64::MIN_POSITIVE {
        return None;
    }
    let power: f64 = format!("1e{}", exponent(rough)).parse().ok()?;
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step >= rough * (1.0 - 1e-9))
}

/// Power of ten of the first digit.
fn exponent(value: f64) -> i32 {
    let text = format!("{value:e}");
    text.split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(start: f64, end: f64, count: u32) -> Vec<String> {
        ticks(start, end, count)
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(texts(3.0, 97.0, 5), ["20", "40", "60", "80"]);
        assert_eq!(texts(-1.0, 1.0, 4), ["-1", "-0.5", "0", "0.5", "1"]);
        assert_eq!(texts(0.0, 0.3, 3), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(
            texts(1_000_000.0, 1_000_004.0, 4),
            [
                "1e6",
                "1.000001e6",
                "1.000002e6",
                "1.000003e6",
                "1.000004e6"
            ]
        );
        assert_eq!(texts(0.0, 1e300, 2), ["0", "5e299", "1e300"]);
    }

    #[test]
    fn ranges_beyond_a_double_have_their_ends() {
        assert_eq!(texts(-1e308, 1e308, 4), ["-1e308", "1e308"]);
        assert_eq!(texts(0.0, 1e-320, 4), ["0", "1e-320"]);
    }

    #[test]
    fn positions_hold_for_all_finite_numbers() {
        let widest = Axis::new(-f64::MAX, f64::MAX, 0.0, 100.0).unwrap();
        assert_eq!(
            [widest.at(-f64::MAX), widest.at(0.0), widest.at(f64::MAX)],
            [0.0, 50.0, 100.0]
        );
        let narrow = Axis::new(0.0, 5e-324, 0.0, 100.0).unwrap();
        assert!(narrow.at(5e-324).is_finite());
        assert!(Axis::new(1.0, 1.0, 0.0, 100.0).is_none());
        assert!(Axis::new(0.0, f64::NAN, 0.0, 100.0).is_none());
    }
}
