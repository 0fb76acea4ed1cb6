//! Counts of two windows over the same bins, checked once for every measure that compares them.

use core::fmt;

/// Why two vectors of counts cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountsError {
    /// The vectors differ in length.
    BinMismatch {
        /// Bins of the reference.
        reference: usize,
        /// Bins of the current window.
        current: usize,
    },
    /// One of the windows holds no rows, or there are no bins.
    EmptyWindow,
    /// A count is negative, NaN or infinite.
    BadCount {
        /// Its bin.
        bin: usize,
    },
}

impl fmt::Display for CountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BinMismatch { reference, current } => {
                write!(
                    f,
                    "the reference has {reference} bins, the current window {current}"
                )
            }
            Self::EmptyWindow => write!(f, "a window holds no rows"),
            Self::BadCount { bin } => write!(f, "the count of bin {bin} is negative or not finite"),
        }
    }
}

impl core::error::Error for CountsError {}

/// Rows of both windows, `(n, m)`, both positive, of counts that can be compared bin by bin.
///
/// # Errors
/// See [`CountsError`].
pub fn rows(reference: &[f64], current: &[f64]) -> Result<(f64, f64), CountsError> {
    if reference.len() != current.len() {
        return Err(CountsError::BinMismatch {
            reference: reference.len(),
            current: current.len(),
        });
    }
    let bad = |&(p, q): &(&f64, &f64)| !(*p >= 0.0 && *q >= 0.0 && p.is_finite() && q.is_finite());
    if let Some(bin) = reference.iter().zip(current).position(|pair| bad(&pair)) {
        return Err(CountsError::BadCount { bin });
    }
    let (n, m) = (reference.iter().sum::<f64>(), current.iter().sum::<f64>());
    if n > 0.0 && m > 0.0 && n.is_finite() && m.is_finite() {
        Ok((n, m))
    } else {
        Err(CountsError::EmptyWindow)
    }
}

/// Shares of both windows bin by bin, after the checks of [`rows`].
pub(crate) fn shares<'a>(
    reference: &'a [f64],
    current: &'a [f64],
) -> Result<impl Iterator<Item = (f64, f64)> + 'a, CountsError> {
    let (n, m) = rows(reference, current)?;
    Ok(reference
        .iter()
        .zip(current)
        .map(move |(p, q)| (p / n, q / m)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            rows(&[1.0], &[]),
            Err(CountsError::BinMismatch {
                reference: 1,
                current: 0
            })
        );
        assert_eq!(rows(&[], &[]), Err(CountsError::EmptyWindow));
        assert_eq!(
            rows(&[0.0, 0.0], &[1.0, 0.0]),
            Err(CountsError::EmptyWindow)
        );
        assert_eq!(
            rows(&[1.0, 2.0], &[1.0, -1.0]),
            Err(CountsError::BadCount { bin: 1 })
        );
        assert_eq!(
            rows(&[f64::NAN], &[1.0]),
            Err(CountsError::BadCount { bin: 0 })
        );
        assert_eq!(rows(&[1.0, 2.0], &[0.0, 4.0]), Ok((3.0, 4.0)));
    }
}
