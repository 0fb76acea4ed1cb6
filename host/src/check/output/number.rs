//! Writes numbers: short for people, exact for programs.

/// Smallest p-value that is written as a number: below lies what a double can barely hold.
pub(super) const P_MIN: f64 = 1e-300;

/// At most `digits` significant digits, without trailing zeros: `0.6414`, `12346`, `1.235e-5`.
pub(crate) fn short(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = digits.saturating_sub(1);
    let scientific = format!("{value:.decimals$e}");
    // Not finite: the name of what it is.
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(power @ -3..=5) => {
            let before = usize::try_from(power).unwrap_or(0);
            let leading = usize::try_from(-power).unwrap_or(0);
            let places = (decimals + leading).saturating_sub(before);
            trimmed(&format!("{value:.places$}")).to_owned()
        }
        _ => format!("{}e{exponent}", trimmed(mantissa)),
    }
}

/// Without zeros at the end of the fraction.
fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

/// A p-value: `<1e-300`, `3.1e-12`, `0.0431`, `>0.999`.
pub(super) fn p_value(p: f64) -> String {
    if p < P_MIN {
        return "<1e-300".to_owned();
    }
    if p < 1.0 && p > 0.999 {
        return ">0.999".to_owned();
    }
    short(p, if p < 1e-3 { 2 } else { 3 })
}

/// The same behind a letter: `p < 1e-300`, `p = 0.0431`.
pub(super) fn p_equation(p: f64) -> String {
    let text = p_value(p);
    match text.split_at_checked(1) {
        Some((sign @ ("<" | ">"), number)) => format!("p {sign} {number}"),
        _ => format!("p = {text}"),
    }
}

/// A share as a percentage: `0%`, `<0.1%`, `2.1%`, `11%`, `>99%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "<0.1%".to_owned()
    } else if percent < 9.95 {
        format!("{}%", trimmed(&format!("{percent:.1}")))
    } else if (99.5..100.0).contains(&percent) {
        ">99%".to_owned()
    } else {
        format!("{percent:.0}%")
    }
}

/// A count with separators: `27,004`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count in at most five characters: `9999`, `27.0k`, `1.23M`.
pub(super) fn compact(count: u64) -> String {
    if count < 10_000 {
        return count.to_string();
    }
    let mut scaled = count as f64;
    for unit in ["k", "M", "G", "T"] {
        scaled /= 1e3;
        if scaled < 999.5 {
            let places = if scaled < 9.995 {
                2
            } else {
                usize::from(scaled < 99.95)
            };
            return format!("{scaled:.places$}{unit}");
        }
    }
    short(count as f64, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_keep_their_significant_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.641_37, "0.6414"),
            (0.05, "0.05"),
            (0.001_234_5, "0.001234"),
            (0.000_123_45, "1.234e-4"),
            (0.999_96, "1"),
            (2.0, "2"),
            (-12.345, "-12.35"),
            (12_345.6, "12346"),
            (999_999.9, "1e6"),
            (1e300, "1e300"),
            (1e-320, "1e-320"),
            (f64::MAX, "1.798e308"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value, 4), text, "{value:e}");
        }
        assert_eq!(short(f64::INFINITY, 4), "inf");
    }

    #[test]
    fn p_values_are_short_at_both_ends() {
        let cases = [
            (0.0, "<1e-300"),
            (1e-320, "<1e-300"),
            (3.14e-12, "3.1e-12"),
            (0.043_12, "0.0431"),
            (0.81, "0.81"),
            (0.9995, ">0.999"),
            (1.0, "1"),
        ];
        for (p, text) in cases {
            assert_eq!(p_value(p), text);
        }
        assert_eq!(p_equation(0.0), "p < 1e-300");
        assert_eq!(p_equation(0.043), "p = 0.043");
    }

    #[test]
    fn shares_say_when_they_are_not_quite_nothing_or_all() {
        let cases = [
            (0.0, "0%"),
            (0.0002, "<0.1%"),
            (0.0213, "2.1%"),
            (0.05, "5%"),
            (0.0996, "10%"),
            (0.11, "11%"),
            (0.9999, ">99%"),
            (1.0, "100%"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn counts_are_grouped_or_compact() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(27_004_123)],
            ["0", "999", "1,000", "27,004,123"]
        );
        let compacted = [9_999, 10_000, 99_960, 999_499, 999_500, 1_234_567].map(compact);
        assert_eq!(
            compacted,
            ["9999", "10.0k", "100k", "999k", "1.00M", "1.23M"]
        );
        assert_eq!(compact(u64::MAX), "1.8e19");
    }
}
