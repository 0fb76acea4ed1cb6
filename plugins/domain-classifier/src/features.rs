//! What the classifiers see: standardised dimensions with their squares and products, and the bins of the trees.

use leeway_matrix::{SCENE_VALUES_MAX, Scene};
use leeway_statistics::trees::Binned;

/// Features of the logistic regression up to which products of all pairs are among them, where they fit into the bytes of a scene.
pub const PRODUCTS_MAX: usize = 500;
/// Dimensions beyond which trees leave the components of vectors to the logistic regression: each tree looks at every dimension.
pub const TREE_DIMENSIONS_MAX: usize = 128;

/// Features of all rows of a scene.
#[derive(Debug, Clone)]
pub struct Features {
    /// Rows of the reference, which come first.
    pub(crate) reference_rows: usize,
    /// All rows.
    pub(crate) rows: usize,
    /// Number of columns of the scene.
    pub(crate) columns: usize,
    /// Standardised features, row after row.
    pub(crate) linear: Vec<f64>,
    /// The one or two columns of each linear feature.
    pub(crate) linear_columns: Vec<(usize, usize)>,
    /// Features of the trees.
    pub(crate) binned: Binned,
    /// The column of each of those.
    pub(crate) binned_columns: Vec<usize>,
}

impl Features {
    /// Features of a scene. All of them come from both windows' rows alike.
    pub fn new(scene: &Scene) -> Self {
        let width = scene.dimensions();
        let mut base = scene.values.clone();
        standardise(&mut base, width);
        let column = |at: usize| scene.parts[at].column;
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        // A square of an indicator is the indicator; components of vectors are too many.
        let squares: Vec<usize> = (0..width)
            .filter(|&at| !scene.parts[at].indicator && !scene.parts[at].component)
            .collect();
        pairs.extend(squares.iter().map(|&at| (at, at)));
        let products: Vec<(usize, usize)> = (0..width)
            .flat_map(|first| (first + 1..width).map(move |second| (first, second)))
            .filter(|&(first, second)| column(first) != column(second))
            .take(PRODUCTS_MAX + 1)
            .collect();
        let all = width + pairs.len() + products.len();
        if all <= PRODUCTS_MAX && all * scene.rows <= SCENE_VALUES_MAX {
            pairs.extend(products);
        }
        let mut linear = base.clone();
        if !pairs.is_empty() {
            linear = Vec::with_capacity(scene.rows * (width + pairs.len()));
            for row in base.chunks_exact(width) {
                linear.extend_from_slice(row);
                linear.extend(
                    pairs
                        .iter()
                        .map(|&(first, second)| row[first] * row[second]),
                );
            }
            standardise(&mut linear, width + pairs.len());
        }
        let mut linear_columns: Vec<(usize, usize)> =
            (0..width).map(|at| (column(at), column(at))).collect();
        linear_columns.extend(
            pairs
                .iter()
                .map(|&(first, second)| (column(first), column(second))),
        );

        let shallow: Vec<usize> = (0..width)
            .filter(|&at| width <= TREE_DIMENSIONS_MAX || !scene.parts[at].component)
            .collect();
        let picked: Vec<f64> = scene
            .values
            .chunks_exact(width)
            .flat_map(|row| shallow.iter().map(|&at| row[at]))
            .collect();
        Self {
            reference_rows: scene.reference_rows,
            rows: scene.rows,
            columns: scene
                .parts
                .iter()
                .map(|part| part.column + 1)
                .max()
                .unwrap_or(0),
            linear,
            linear_columns,
            binned: Binned::new(&picked, shallow.len()),
            binned_columns: shallow.into_iter().map(column).collect(),
        }
    }
}

/// Mean 0 and variance 1 for every feature; what does not vary becomes 0.
fn standardise(values: &mut [f64], width: usize) {
    let rows = (values.len() / width.max(1)).max(1) as f64;
    let mut mean = vec![0.0; width];
    for row in values.chunks_exact(width) {
        mean.iter_mut()
            .zip(row)
            .for_each(|(mean, x)| *mean += x / rows);
    }
    let mut variance = vec![0.0; width];
    for row in values.chunks_exact(width) {
        for ((variance, x), mean) in variance.iter_mut().zip(row).zip(&mean) {
            *variance += (x - mean) * (x - mean) / rows;
        }
    }
    let scale: Vec<f64> = variance
        .iter()
        .map(|&variance| {
            if variance > 1e-24 {
                1.0 / variance.sqrt()
            } else {
                0.0
            }
        })
        .collect();
    for row in values.chunks_exact_mut(width) {
        for ((x, mean), scale) in row.iter_mut().zip(&mean).zip(&scale) {
            *x = (*x - mean) * scale;
        }
    }
}
