//! Spearman's rank correlation with a variance that no law of the columns is assumed for.

/// Rows up to which the variance is at least that of a normal copula.
pub const FLOOR_ROWS: f64 = 200.0;

/// A column as grades: midranks, centred, over the number of rows, in `(-1/2, 1/2)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Grades {
    /// In the order of the rows.
    values: Vec<f64>,
    /// Rows, ascending by value.
    order: Vec<u32>,
    /// Length of each run of equal values in `order`.
    runs: Vec<u32>,
    /// Mean of the squared grades.
    variance: f64,
    /// What each row contributes to `variance`, see [`Grades::pull`].
    influence: Vec<f64>,
}

/// A rank correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spearman {
    /// In `[-1, 1]`.
    pub r: f64,
    /// Variance of Fisher's `atanh r` as an estimate.
    pub variance: f64,
    /// Rows.
    pub rows: f64,
}

impl Grades {
    /// Grades of `values`, which are finite.
    pub fn new(values: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..u32::try_from(values.len()).unwrap_or(u32::MAX)).collect();
        order.sort_unstable_by(|&a, &b| {
            values[a as usize]
                .total_cmp(&values[b as usize])
                .then(a.cmp(&b))
        });
        let mut runs: Vec<u32> = Vec::new();
        let mut last = None;
        for &row in &order {
            let value = values[row as usize] + 0.0; // One zero: -0 and 0 are the same value.
            match runs.last_mut() {
                Some(run) if last == Some(value) => *run += 1,
                _ => runs.push(1),
            }
            last = Some(value);
        }
        Self::of_order(order, runs)
    }

    /// The rows that `keep` says, renumbered, without sorting again.
    #[must_use]
    pub fn filtered(&self, keep: &[bool]) -> Self {
        let mut number = 0;
        let numbers: Vec<u32> = keep
            .iter()
            .map(|&kept| {
                number += u32::from(kept);
                number
            })
            .collect();
        let (mut order, mut runs, mut at) = (Vec::new(), Vec::new(), 0);
        for &run in &self.runs {
            let before = order.len();
            for &row in &self.order[at..at + run as usize] {
                if keep[row as usize] {
                    order.push(numbers[row as usize] - 1);
                }
            }
            at += run as usize;
            let kept = u32::try_from(order.len() - before).unwrap_or(u32::MAX);
            if kept > 0 {
                runs.push(kept);
            }
        }
        Self::of_order(order, runs)
    }

    fn of_order(order: Vec<u32>, runs: Vec<u32>) -> Self {
        let rows = order.len() as f64;
        let mut grades = vec![0.0; order.len()];
        let mut at = 0;
        for &run in &runs {
            let run = run as usize;
            let midrank = at as f64 + 0.5 * (run as f64 + 1.0);
            for &row in &order[at..at + run] {
                grades[row as usize] = (midrank - 0.5 * (rows + 1.0)) / rows;
            }
            at += run;
        }
        let variance = grades.iter().map(|u| u * u).sum::<f64>() / rows.max(1.0);
        let mut of = Self {
            values: grades,
            order,
            runs,
            variance,
            influence: Vec::new(),
        };
        let mut pull = of.pull(&of.values);
        for (influence, grade) in pull.iter_mut().zip(&of.values) {
            *influence = grade * grade + 2.0 * *influence;
        }
        of.influence = pull;
        of
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// Whether there are two different values.
    pub fn varies(&self) -> bool {
        self.runs.len() > 1
    }

    /// For each row the mean of `weights` over the rows above it, those level with it half: by how much one more row here lifts the
    /// grades of the others.
    fn pull(&self, weights: &[f64]) -> Vec<f64> {
        let rows = self.order.len() as f64;
        let mut pulled = vec![0.0; self.order.len()];
        let (mut above, mut end) = (0.0, self.order.len());
        for &run in self.runs.iter().rev() {
            let level = &self.order[end - run as usize..end];
            let here: f64 = level.iter().map(|&row| weights[row as usize]).sum();
            for &row in level {
                pulled[row as usize] = (above + 0.5 * here) / rows;
            }
            above += here;
            end -= run as usize;
        }
        pulled
    }
}

/// Rank correlation of two columns of the same rows; `None` where one has a single value or there are fewer than 5 rows.
///
/// `r` is Pearson's correlation of the midranks, as `scipy.stats.spearmanr`. Its variance is that of its influence function (with the
/// parts that come from the ranks being estimated, and from ties), so it holds for heavy tails and dependence of any form. Up to
/// [`FLOOR_ROWS`] rows it is at least the one under a normal copula, `(1 + r^2/2)/(n - 3)` (Bonett & Wright 2000), because small samples
/// underestimate it; beyond them that floor fades as `1/n`.
/// Source: Spearman (1904); Hampel (1974), "The Influence Curve and its Role in Robust Estimation", for the variance.
///
/// # Panics
/// If the columns differ in length.
pub fn spearman(x: &Grades, y: &Grades) -> Option<Spearman> {
    assert_eq!(x.rows(), y.rows(), "columns of the same rows");
    let rows = x.rows() as f64;
    if rows < 5.0 || !x.varies() || !y.varies() {
        return None;
    }
    let covariance = x
        .values
        .iter()
        .zip(&y.values)
        .map(|(u, v)| u * v)
        .sum::<f64>()
        / rows;
    let scale = (x.variance * y.variance).sqrt();
    let r = (covariance / scale).clamp(-1.0, 1.0);
    let (from_x, from_y) = (x.pull(&y.values), y.pull(&x.values));
    let (mut sum, mut squares) = (0.0, 0.0);
    for row in 0..x.rows() {
        let of_covariance = x.values[row] * y.values[row] + from_x[row] + from_y[row];
        let of_scale = x.influence[row] / x.variance + y.influence[row] / y.variance;
        let influence = of_covariance / scale - 0.5 * r * of_scale;
        sum += influence;
        squares += influence * influence;
    }
    let spread = (squares - sum * sum / rows).max(0.0) / (rows - 3.0);
    let slope = (1.0 - r * r).max(1e-6);
    let empirical = spread / rows / (slope * slope);
    let floor = (1.0 + 0.5 * r * r) / (rows - 3.0) * (FLOOR_ROWS / rows).min(1.0);
    Some(Spearman {
        r,
        variance: empirical.max(floor),
        rows,
    })
}

/// Fisher's transform of a correlation; those of nearly one are taken to be `1 - 1e-7`.
pub fn fisher_z(r: f64) -> f64 {
    let r = r.clamp(-1.0 + 1e-7, 1.0 - 1e-7);
    0.5 * (libm::log1p(r) - libm::log1p(-r))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    #[test]
    fn equals_scipy_1_17_1_with_and_without_ties() {
        // scipy.stats.spearmanr
        let of = |x: &[f64], y: &[f64]| spearman(&Grades::new(x), &Grades::new(y)).unwrap().r;
        close(
            of(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]),
            0.820_782_681_668_123_3,
            1e-14,
        );
        close(
            of(&[1.0, 2.0, 3.0, 4.0, 5.0], &[-1.0, -2.0, -3.0, -4.0, -5.0]),
            -1.0,
            1e-14,
        );
    }

    #[test]
    fn a_monotone_map_of_a_column_changes_nothing() {
        let mut rng = Rng::new(5);
        let x: Vec<f64> = (0..200).map(|_| rng.normal()).collect();
        let y: Vec<f64> = x.iter().map(|x| x + rng.normal()).collect();
        let mapped: Vec<f64> = x.iter().map(|&x| libm::exp(3.0 * x)).collect();
        let plain = spearman(&Grades::new(&x), &Grades::new(&y));
        assert_eq!(plain, spearman(&Grades::new(&mapped), &Grades::new(&y)));
    }

    #[test]
    fn filtering_is_grading_the_rest() {
        let mut rng = Rng::new(8);
        let values: Vec<f64> = (0..100).map(|_| rng.below(12) as f64).collect();
        let keep: Vec<bool> = (0..100).map(|at| at % 3 != 1).collect();
        let rest: Vec<f64> = values
            .iter()
            .zip(&keep)
            .filter(|(_, keep)| **keep)
            .map(|(value, _)| *value)
            .collect();
        assert_eq!(Grades::new(&values).filtered(&keep), Grades::new(&rest));
    }

    /// Variance of `atanh r` over samples against the mean of its estimates.
    fn ratio(draw: impl Fn(&mut Rng) -> (f64, f64)) -> f64 {
        let (mut rng, repeats, rows) = (Rng::new(2), 300, 400);
        let (mut sum, mut squares, mut stated) = (0.0, 0.0, 0.0);
        for _ in 0..repeats {
            let (x, y): (Vec<f64>, Vec<f64>) = (0..rows).map(|_| draw(&mut rng)).unzip();
            let found = spearman(&Grades::new(&x), &Grades::new(&y)).unwrap();
            let z = fisher_z(found.r);
            sum += z;
            squares += z * z;
            stated += found.variance;
        }
        let repeats = f64::from(repeats);
        let mean = sum / repeats;
        stated / repeats / (squares / repeats - mean * mean)
    }

    #[test]
    fn the_variance_holds_for_normal_tail_dependent_and_discrete_columns() {
        let normal = ratio(|rng| {
            let x = rng.normal();
            (x, 0.6 * x + 0.8 * rng.normal())
        });
        // A common scale makes large values come together: Fisher's 1/(n - 3) is far too small there.
        let common_scale = ratio(|rng| {
            let scale = libm::exp(1.5 * rng.normal());
            (scale * rng.normal(), scale * rng.normal())
        });
        let discrete = ratio(|rng| {
            let x = rng.below(3) as f64;
            (x, (x + rng.below(3) as f64).min(3.0))
        });
        for (name, ratio) in [
            ("normal", normal),
            ("common scale", common_scale),
            ("discrete", discrete),
        ] {
            assert!((0.75..1.35).contains(&ratio), "{name}: {ratio}");
        }
    }

    #[test]
    fn one_value_or_few_rows_have_no_correlation() {
        let (one, two) = (
            Grades::new(&[1.0; 6]),
            Grades::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        );
        assert_eq!(spearman(&one, &two), None);
        let few = Grades::new(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(spearman(&few, &few), None);
        assert_eq!(spearman(&Grades::new(&[]), &Grades::new(&[])), None);
    }
}
