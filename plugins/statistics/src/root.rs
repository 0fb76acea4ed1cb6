//! The root of a decreasing function between two points.

/// The `x` in `[low, high]` where the decreasing `f` crosses zero, to about `tolerance` relative to `x`.
///
/// Secant steps inside a shrinking bracket, with a bisection after every two of them, so a kink or a flat stretch cannot stall it.
/// Gives the nearer end if `f` does not change sign.
pub(crate) fn decreasing_root(
    mut low: f64,
    mut high: f64,
    tolerance: f64,
    f: impl Fn(f64) -> f64,
) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    if at_low <= 0.0 {
        return low;
    }
    if at_high >= 0.0 {
        return high;
    }
    for turn in 0..300 {
        let width = high - low;
        if width <= tolerance * low.abs().max(high.abs()) {
            break;
        }
        let secant = low + width * (at_low / (at_low - at_high));
        let usable = turn % 3 != 2 && secant > low && secant < high;
        // A step onto the end that is already the better one would leave the other end where it is: step over the root instead.
        let nudge = 0.25 * tolerance * secant.abs();
        let middle = if !usable {
            low + 0.5 * width
        } else if secant - low < nudge {
            low + nudge
        } else if high - secant < nudge {
            high - nudge
        } else if at_low < -at_high {
            (secant + nudge).min(high)
        } else {
            (secant - nudge).max(low)
        };
        if middle <= low || middle >= high {
            break;
        }
        let value = f(middle);
        if value > 0.0 {
            (low, at_low) = (middle, value);
        } else if value < 0.0 {
            (high, at_high) = (middle, value);
        } else {
            return middle;
        }
    }
    if at_low < -at_high { low } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn finds_the_root_of_two_and_the_end_if_there_is_none() {
        close(
            decreasing_root(0.0, 2.0, 1e-14, |x| 2.0 - x * x),
            core::f64::consts::SQRT_2,
            1e-13,
        );
        assert_eq!(decreasing_root(1.0, 2.0, 1e-14, |x| 9.0 - x), 2.0);
        assert_eq!(decreasing_root(1.0, 2.0, 1e-14, |x| -x), 1.0);
    }
}
