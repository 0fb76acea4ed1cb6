//! Sparse cells of a table put together, so that the chi-squared law holds.

use crate::counts::{CountsError, rows};

/// Counts of two windows over the same bins after sparse ones were put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Counts of the reference.
    pub reference: Vec<f64>,
    /// Counts of the current window.
    pub current: Vec<f64>,
    /// How many bins with rows went into the last one; zero if none was sparse.
    pub sparse: usize,
    /// The sparse bins' rows in both windows, where even together they expect fewer rows than asked for: merged into a dense bin they
    /// may vanish, so they want an exact test of their own ([`crate::two_proportions`]).
    pub rare: Option<(f64, f64)>,
    /// Whether a cell still expects fewer rows than asked for: too few rows even in one bin. Then use a Monte Carlo p-value.
    pub remains_sparse: bool,
}

/// Puts the bins that expect fewer than `expected_min` rows in either window into one, which comes last; the others keep their order.
///
/// The expected count of a bin in a window is its pooled share times the window's rows. If the bin that gathers is still sparse it also
/// takes the smallest dense bin, the first of equals. Bins that are empty in both windows are dropped. The choice looks at
/// pooled counts only, so it does not favour any direction of drift. A table of one bin tests nothing.
/// Source: Cochran (1954), "Some Methods for Strengthening the Common Chi-Square Tests", for `expected_min = 5`.
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn pool_sparse(
    reference: &[f64],
    current: &[f64],
    expected_min: f64,
) -> Result<Pooled, CountsError> {
    let (n, m) = rows(reference, current)?;
    let smaller = n.min(m) / (n + m);
    let is_sparse = |both: f64| both * smaller < expected_min;
    let mut dense: Vec<(f64, f64)> = Vec::with_capacity(reference.len());
    let (mut gathered, mut sparse) = ((0.0, 0.0), 0);
    for (&p, &q) in reference
        .iter()
        .zip(current)
        .filter(|(p, q)| **p + **q > 0.0)
    {
        if is_sparse(p + q) {
            gathered = (gathered.0 + p, gathered.1 + q);
            sparse += 1;
        } else {
            dense.push((p, q));
        }
    }
    let mut rare = None;
    if sparse > 0 {
        if is_sparse(gathered.0 + gathered.1) {
            rare = Some(gathered);
        }
        if rare.is_some() && !dense.is_empty() {
            let mut smallest = 0;
            for (bin, cell) in dense.iter().enumerate() {
                if cell.0 + cell.1 < dense[smallest].0 + dense[smallest].1 {
                    smallest = bin;
                }
            }
            let cell = dense.remove(smallest);
            gathered = (gathered.0 + cell.0, gathered.1 + cell.1);
            sparse += 1;
        }
        dense.push(gathered);
    }
    let remains_sparse = dense.iter().any(|cell| is_sparse(cell.0 + cell.1));
    let (reference, current) = dense.into_iter().unzip();
    Ok(Pooled {
        reference,
        current,
        sparse,
        rare,
        remains_sparse,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_rare_categories_become_one() {
        let pooled = pool_sparse(
            &[50.0, 3.0, 44.0, 3.0, 0.0],
            &[40.0, 4.0, 50.0, 6.0, 0.0],
            5.0,
        )
        .unwrap();
        assert_eq!(pooled.reference, [50.0, 44.0, 6.0]);
        assert_eq!(pooled.current, [40.0, 50.0, 10.0]);
        assert_eq!(
            (pooled.sparse, pooled.rare, pooled.remains_sparse),
            (2, None, false)
        );
    }

    #[test]
    fn a_lonely_rare_category_joins_the_smallest_dense_one() {
        let pooled = pool_sparse(&[50.0, 1.0, 49.0], &[45.0, 1.0, 54.0], 5.0).unwrap();
        assert_eq!(
            (pooled.reference, pooled.current),
            (vec![49.0, 51.0], vec![54.0, 46.0])
        );
        assert_eq!(pooled.rare, Some((1.0, 1.0)));
    }

    #[test]
    fn a_dense_table_is_left_alone() {
        let pooled = pool_sparse(&[50.0, 50.0], &[10.0, 10.0], 5.0).unwrap();
        assert_eq!((pooled.reference, pooled.sparse), (vec![50.0, 50.0], 0));
    }

    #[test]
    fn too_few_rows_stay_sparse() {
        assert!(
            pool_sparse(&[1.0, 1.0], &[1.0, 1.0], 5.0)
                .unwrap()
                .remains_sparse
        );
    }

    proptest! {
        #[test]
        fn no_row_is_lost(pairs in prop::collection::vec((0u8..30, 0u8..30), 1..20)) {
            let p: Vec<f64> = pairs.iter().map(|x| f64::from(x.0) + 1.0).collect();
            let q: Vec<f64> = pairs.iter().map(|x| f64::from(x.1)).collect();
            prop_assume!(q.iter().sum::<f64>() > 0.0);
            let pooled = pool_sparse(&p, &q, 5.0).unwrap();
            prop_assert_eq!(pooled.reference.iter().sum::<f64>(), p.iter().sum::<f64>());
            prop_assert_eq!(pooled.current.iter().sum::<f64>(), q.iter().sum::<f64>());
            prop_assert!(!pooled.remains_sparse || pooled.reference.len() == 1);
        }
    }
}
