//! Principal components, and how far rows lie from the space that the first of them span.

use crate::eigen::symmetric_eigen;

/// The components that are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Length of a row.
    pub dimensions: usize,
    /// Mean of each dimension.
    pub mean: Vec<f64>,
    /// Unit vectors, one after another.
    pub components: Vec<f64>,
}

impl Principal {
    /// The fewest components whose variances are together more than `share` of all variance.
    ///
    /// `rows` holds row after row. Without any variance there are none. Equals scikit-learn's `PCA(n_components=share)` up to signs.
    /// Source: Pearson (1901), "On Lines and Planes of Closest Fit to Systems of Points in Space".
    pub fn fit(rows: &[f64], dimensions: usize, share: f64) -> Self {
        Self::choose(rows, dimensions, |values| fewest(values, share))
    }

    /// The `kept` first components, or all there are.
    pub fn with(rows: &[f64], dimensions: usize, kept: usize) -> Self {
        Self::choose(rows, dimensions, |values| kept.min(values.len()))
    }

    fn choose(rows: &[f64], dimensions: usize, keep: impl Fn(&[f64]) -> usize) -> Self {
        let mean = means(rows, dimensions);
        let values = covariance(rows, &mean);
        let eigen = symmetric_eigen(&values, dimensions);
        let kept = keep(&eigen.values);
        Self {
            dimensions,
            mean,
            components: eigen.vectors[..kept * dimensions].to_vec(),
        }
    }

    /// Number of components.
    pub fn kept(&self) -> usize {
        self.components.len() / self.dimensions.max(1)
    }

    /// Euclidean distance of each row from the space of the components.
    pub fn distances(&self, rows: &[f64]) -> Vec<f64> {
        if self.dimensions == 0 {
            return Vec::new();
        }
        let mut rest = vec![0.0; self.dimensions];
        rows.chunks_exact(self.dimensions)
            .map(|row| {
                for ((rest, x), mean) in rest.iter_mut().zip(row).zip(&self.mean) {
                    *rest = x - mean;
                }
                for component in self.components.chunks_exact(self.dimensions) {
                    let along: f64 = rest.iter().zip(component).map(|(x, c)| x * c).sum();
                    for (x, c) in rest.iter_mut().zip(component) {
                        *x -= along * c;
                    }
                }
                rest.iter().map(|x| x * x).sum::<f64>().sqrt()
            })
            .collect()
    }
}

/// The fewest of descending values whose shares add up to more than `share`; shares are added as the original adds them.
fn fewest(values: &[f64], share: f64) -> usize {
    let total: f64 = values.iter().map(|value| value.max(0.0)).sum();
    if total <= 0.0 {
        return 0;
    }
    let mut sum = 0.0;
    let enough = values.iter().position(|value| {
        sum += value.max(0.0) / total;
        sum > share
    });
    enough.map_or(values.len(), |at| at + 1)
}

/// Mean of each dimension; zeros without rows.
fn means(rows: &[f64], dimensions: usize) -> Vec<f64> {
    let mut sums = vec![0.0; dimensions];
    if dimensions == 0 {
        return sums;
    }
    for row in rows.chunks_exact(dimensions) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
    let count = (rows.len() / dimensions).max(1) as f64;
    for sum in &mut sums {
        *sum /= count;
    }
    sums
}

/// Upper triangle of the covariance, divisor rows.
fn covariance(rows: &[f64], mean: &[f64]) -> Vec<f64> {
    let d = mean.len();
    let mut sums = vec![0.0; d * d];
    if d == 0 {
        return sums;
    }
    let mut centred = vec![0.0; d];
    for row in rows.chunks_exact(d) {
        for ((c, x), m) in centred.iter_mut().zip(row).zip(mean) {
            *c = x - m;
        }
        for i in 0..d {
            let factor = centred[i];
            for (sum, c) in sums[i * d + i..(i + 1) * d].iter_mut().zip(&centred[i..]) {
                *sum += factor * c;
            }
        }
    }
    let count = (rows.len() / d).max(1) as f64;
    for sum in &mut sums {
        *sum /= count;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    #[test]
    fn a_line_in_the_plane_is_found_and_distances_are_to_it() {
        // Variance 4 along (1, 1), 1 across it: 80% of the variance is on the line.
        let along = 0.5_f64.sqrt();
        let rows: Vec<f64> = [(2.0, 0.0), (-2.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
            .iter()
            .flat_map(|(a, b)| [along * (a - b), along * (a + b)])
            .collect();
        let principal = Principal::fit(&rows, 2, 0.65);
        assert_eq!(principal.kept(), 1);
        close(principal.components[0], along, 1e-14);
        close(principal.components[1], along, 1e-14);
        let distances = principal.distances(&rows);
        assert!(distances[0].abs() < 1e-15 && distances[1].abs() < 1e-15);
        close(distances[2], 1.0, 1e-14);
        assert_eq!(Principal::fit(&rows, 2, 0.85).kept(), 2);
    }

    #[test]
    fn turning_the_rows_changes_no_distance() {
        let mut rng = Rng::new(1);
        let rows: Vec<f64> = (0..300)
            .map(|at| rng.normal() * f64::from(1 + at % 3))
            .collect();
        let swapped: Vec<f64> = rows
            .chunks_exact(3)
            .flat_map(|row| [row[2], -row[0], row[1]])
            .collect();
        let (one, other) = (
            Principal::fit(&rows, 3, 0.5),
            Principal::fit(&swapped, 3, 0.5),
        );
        for (a, b) in one.distances(&rows).iter().zip(other.distances(&swapped)) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn rows_without_variance_have_no_components() {
        let principal = Principal::fit(&[1.0, 2.0, 1.0, 2.0], 2, 0.65);
        assert_eq!(principal.kept(), 0);
        assert_eq!(principal.distances(&[1.0, 2.0]), [0.0]);
        assert!(Principal::fit(&[], 0, 0.65).distances(&[]).is_empty());
    }
}
