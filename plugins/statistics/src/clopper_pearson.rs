//! The exact bound of a share from above.

/// The largest share of errors that `errors` in `rows` independent rows leave at `level`: the `p` with `P(Bin(rows, p) <= errors) = level`.
///
/// Both are whole numbers, `0 <= errors <= rows`. Range `[0, 1]`; `1` where all are errors or there are no rows. The tail is summed term by
/// term from its largest, some multiple of `sqrt(rows)` of them; relative error below `1e-7` up to ten million rows, and the result is rounded
/// up by as much. Source: Clopper & Pearson (1934), "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial".
pub fn share_upper(errors: f64, rows: f64, level: f64) -> f64 {
    if errors >= rows {
        return 1.0;
    }
    let (mut low, mut high) = (errors / rows, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if lower_tail(errors, rows, middle) >= level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (high * (1.0 + 1e-7)).min(1.0)
}

/// Halvings of the bracket: beyond the last bit of a double.
const HALVINGS: u32 = 60;

/// `P(Bin(rows, p) <= errors)` for `p` above `errors / rows`, where terms shrink downwards.
fn lower_tail(errors: f64, rows: f64, p: f64) -> f64 {
    if p >= 1.0 {
        return 0.0;
    }
    let choose =
        libm::lgamma(rows + 1.0) - libm::lgamma(errors + 1.0) - libm::lgamma(rows - errors + 1.0);
    let largest = libm::exp(choose + errors * libm::log(p) + (rows - errors) * libm::log1p(-p));
    let odds = (1.0 - p) / p;
    let (mut k, mut term, mut sum) = (errors, 1.0, 1.0);
    while k > 0.0 && term > 1e-17 * sum {
        term *= k / (rows - k + 1.0) * odds;
        k -= 1.0;
        sum += term;
    }
    largest * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn bounds_equal_scipy_1_17_1() {
        // scipy.stats.beta.ppf(1 - level, errors + 1, rows - errors).
        for (errors, rows, level, bound) in [
            (0.0, 100.0, 0.025, 0.036_216_692_645_176_41),
            (20.0, 1000.0, 0.025, 0.030_720_032_682_609_11),
            (100.0, 1000.0, 0.025, 0.120_287_936_518_692_63),
            (499.0, 1000.0, 0.05, 0.525_484_403_135_41),
            (1e6, 1e7, 0.001, 0.100_293_483_219_779_04),
        ] {
            close(share_upper(errors, rows, level), bound, 1e-6);
        }
    }

    #[test]
    fn all_errors_or_no_rows_leave_every_share() {
        assert_eq!(share_upper(5.0, 5.0, 0.05), 1.0);
        assert_eq!(share_upper(0.0, 0.0, 0.05), 1.0);
    }
}
