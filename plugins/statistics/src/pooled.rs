//! The walk over the pooled values of two samples in ascending order.

use crate::sample::Sample;

/// One distinct value of the pooled sample.
pub(crate) struct Step {
    /// The value.
    pub(crate) value: f64,
    /// How often the reference holds it; may be zero.
    pub(crate) reference: f64,
    /// How often the current sample holds it; may be zero.
    pub(crate) current: f64,
}

/// Calls `visit` once for every distinct pooled value, ascending. `O(distinct)`, no allocation.
pub(crate) fn walk(reference: &Sample<'_>, current: &Sample<'_>, mut visit: impl FnMut(Step)) {
    let (xs, ys) = (reference.values(), current.values());
    let (n, m) = (
        &reference.counts()[..xs.len()],
        &current.counts()[..ys.len()],
    );
    let (mut i, mut j) = (0, 0);
    while i < xs.len() && j < ys.len() {
        // Which is next is beyond prediction, so nothing branches on it: counts are taken times one or
        // zero, which is exact, and positions move by one or zero.
        let (x, y) = (xs[i], ys[j]);
        let (from_reference, from_current) = (x <= y, y <= x);
        visit(Step {
            value: x.min(y),
            reference: n[i] * f64::from(from_reference),
            current: m[j] * f64::from(from_current),
        });
        i += usize::from(from_reference);
        j += usize::from(from_current);
    }
    for (&value, &reference) in xs[i..].iter().zip(&n[i..]) {
        visit(Step {
            value,
            reference,
            current: 0.0,
        });
    }
    for (&value, &current) in ys[j..].iter().zip(&m[j..]) {
        visit(Step {
            value,
            reference: 0.0,
            current,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    #[test]
    fn shared_values_come_once_with_both_counts() {
        let (a, b) = (sample(&[1.0, 2.0, 2.0]), sample(&[0.0, 2.0, 5.0]));
        let mut steps = Vec::new();
        walk(&a.as_sample(), &b.as_sample(), |step| {
            steps.push((step.value, step.reference, step.current));
        });
        assert_eq!(
            steps,
            [
                (0.0, 0.0, 1.0),
                (1.0, 1.0, 0.0),
                (2.0, 2.0, 1.0),
                (5.0, 0.0, 1.0)
            ]
        );
    }
}
