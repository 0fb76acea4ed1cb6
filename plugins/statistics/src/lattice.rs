//! The exact law of the two-sample Kolmogorov-Smirnov statistic, by counting lattice paths.

/// `P(D >= h / lcm(n, m))` for `n` and `m` rows of one continuous law, where `h >= 0` is whole.
///
/// Pooled rows in order are a path from `(0, 0)` to `(n, m)`, all paths equally likely; `D` is reached by those that leave the band
/// `|i / n - j / m| < h / lcm`. The share of such paths is summed directly, never as one minus the rest, so the smallest
/// probabilities keep their digits. Range `[0, 1]`.
/// Source: Hodges (1958), "The Significance Probability of the Smirnov Two-Sample Test"; for `n = m` Gnedenko & Korolyuk (1951).
pub(crate) fn outside_share(n: u32, m: u32, h: u64) -> f64 {
    if h == 0 || n == 0 || m == 0 {
        1.0
    } else if n == m {
        equal_sizes(u64::from(n), h)
    } else {
        unequal_sizes(n, m, h)
    }
}

/// Greatest common divisor.
pub(crate) fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// `2 sum_k (-1)^(k+1) C(2n, n - k h) / C(2n, n)`, by the reflection principle.
///
/// Nested, so that each factor is the ratio of two neighbouring terms: `2 r_1 (1 - r_2 (1 - r_3 ...))`.
fn equal_sizes(n: u64, h: u64) -> f64 {
    if h > n {
        return 0.0;
    }
    let mut share = 0.0;
    for k in (0..n / h).rev() {
        // C(2n, n - (k + 1) h) / C(2n, n - k h).
        let mut ratio = 1.0;
        for j in 0..h {
            ratio *= (n - k * h - j) as f64 / (n + k * h + j + 1) as f64;
        }
        share = ratio * (1.0 - share);
    }
    (2.0 * share).clamp(0.0, 1.0)
}

/// `u(i, j)`, the share of paths from the origin to `(i, j)` that have left the band, one diagonal `i + j = s` after the other:
/// `u(i, j) = i / s u(i - 1, j) + j / s u(i, j - 1)`, and `1` outside the band.
fn unequal_sizes(n: u32, m: u32, h: u64) -> f64 {
    let (rows, columns) = (i64::from(n), i64::from(m));
    let divisor = gcd(u64::from(n), u64::from(m)).cast_signed();
    let (a, both) = (rows / divisor, (rows + columns) / divisor);
    let h = h.min(i64::MAX as u64 / 4).cast_signed();
    let distance = h as f64 / (a * columns) as f64;
    // Far beyond the bound exp(-2 d^2 n m / (n + m)) of Dvoretzky, Kiefer & Wolfowitz nothing is left of an f64.
    if 2.0 * distance * distance * (rows * columns) as f64 / (rows + columns) as f64 > 800.0 {
        return 0.0;
    }
    let weights: Vec<f64> = (0..=n).map(f64::from).collect();
    let mut previous = vec![0.0; n as usize + 3]; // Cell i of a diagonal is at i + 1.
    let mut next = previous.clone();
    previous[0] = OUTSIDE;
    previous[2] = OUTSIDE;
    for s in 1..=rows + columns {
        // |i (n + m) - s n| < h gcd, and 0 <= i <= n, 0 <= s - i <= m.
        let low = ((s * a - h).div_euclid(both) + 1).max(s - columns).max(0);
        let high = ((s * a + h - 1).div_euclid(both)).min(s).min(rows);
        if low > high {
            return 1.0; // The band is narrower than a step.
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to n"
        )]
        let (low, high) = (low as usize, high as usize);
        let steps = s as f64;
        let inverse = 1.0 / steps;
        let below = &previous[low..=high];
        let beside = &previous[low + 1..high + 2];
        let cells = &mut next[low + 1..high + 2];
        for (((cell, &x), &y), &i) in cells
            .iter_mut()
            .zip(below)
            .zip(beside)
            .zip(&weights[low..=high])
        {
            let share = (i * x + (steps - i) * y) * inverse;
            *cell = if share < NEGLIGIBLE { 0.0 } else { share };
        }
        next[low] = OUTSIDE;
        next[high + 2] = OUTSIDE;
        core::mem::swap(&mut previous, &mut next);
    }
    (previous[n as usize + 1] / OUTSIDE).clamp(0.0, 1.0)
}

/// The value that stands for certainty: `2^900`, so that a probability of `1e-300` still has all its digits.
const OUTSIDE: f64 = f64::from_bits((1023 + 900) << 52);

/// Shares below this cannot reach the result; as subnormal numbers they would only be slow.
const NEGLIGIBLE: f64 = 1e-300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    /// The same share by walking every path.
    fn by_hand(n: u32, m: u32, h: u64) -> f64 {
        let divisor = i64::try_from(gcd(u64::from(n), u64::from(m))).unwrap();
        let (mut outside, mut all) = (0_u32, 0_u32);
        for path in 0_u32..1 << (n + m) {
            if path.count_ones() != n {
                continue;
            }
            all += 1;
            let (mut i, mut j, mut left) = (0_i64, 0_i64, false);
            for step in 0..n + m {
                if path >> step & 1 == 1 {
                    i += 1;
                } else {
                    j += 1;
                }
                left |= (i * i64::from(m) - j * i64::from(n)).unsigned_abs()
                    >= h * divisor.unsigned_abs();
            }
            outside += u32::from(left);
        }
        f64::from(outside) / f64::from(all)
    }

    #[test]
    fn equals_the_count_of_all_paths() {
        for (n, m) in [(1, 1), (3, 3), (1, 4), (4, 6), (5, 7), (6, 3), (8, 2)] {
            let lcm = u64::from(n * m) / gcd(u64::from(n), u64::from(m));
            for h in 0..=lcm {
                let want = by_hand(n, m, h);
                assert!((outside_share(n, m, h) - want).abs() < 1e-14, "{n} {m} {h}");
            }
        }
    }

    #[test]
    fn disjoint_samples_are_two_paths() {
        close(outside_share(3, 5, 15), 2.0 / 56.0, 1e-14);
        close(outside_share(20, 20, 20), 2.0 / 137_846_528_820.0, 1e-13);
    }
}
