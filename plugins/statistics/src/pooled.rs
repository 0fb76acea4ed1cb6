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
    let (mut i, mut j) = (0, 0);
    while i < xs.len() || j < ys.len() {
        let from_reference = j >= ys.len() || (i < xs.len() && xs[i] <= ys[j]);
        let from_current = i >= xs.len() || (j < ys.len() && ys[j] <= xs[i]);
        let value = if from_reference { xs[i] } else { ys[j] };
        let mut step = Step {
            value,
            reference: 0.0,
            current: 0.0,
        };
        if from_reference {
            step.reference = reference.counts()[i];
            i += 1;
        }
        if from_current {
            step.current = current.counts()[j];
            j += 1;
        }
        visit(step);
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
