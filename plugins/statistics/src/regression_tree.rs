//! One shallow regression tree over binned features, grown level by level.

/// Bins of a feature: cuts are looked for between them.
pub const BINS: usize = 64;
/// Levels of splits in a tree.
pub const DEPTH: usize = 3;
/// Fewest rows of a leaf.
pub const LEAF_ROWS_MIN: usize = 20;
/// Share of a tree's answer that is taken.
const RATE: f64 = 0.1;
/// Rows of value 0 that every leaf is thought to have besides its own.
const PENALTY: f64 = 1.0;
/// The bin of a missing value.
const MISSING: u8 = 64;
const _: () = assert!(MISSING as usize == BINS);

/// A node of a tree, whose first is the root.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Node {
    /// Values up to the cut go to the first child, which lies later in the tree, and the others to the one after it.
    Split {
        feature: usize,
        cut: f64,
        missing_first: bool,
        child: usize,
    },
    Leaf(f64),
}

/// A feature with its values as numbers of bins.
pub(crate) struct Binned {
    /// Bin `b` holds values up to the `b`-th of them; the last bin those beyond all.
    cuts: Vec<f64>,
    bins: Vec<u8>,
}

impl Binned {
    pub(crate) fn new(column: &[f64]) -> Self {
        let mut sorted: Vec<f64> = column
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut cuts: Vec<f64> = (1..BINS)
            .filter_map(|bin| {
                sorted
                    .get((bin * sorted.len() / BINS).checked_sub(1)?)
                    .copied()
            })
            .filter(|cut| cut.is_finite())
            .collect();
        cuts.dedup();
        // A cut at the largest value parts nothing.
        while cuts
            .last()
            .zip(sorted.last())
            .is_some_and(|(cut, largest)| cut >= largest)
        {
            cuts.pop();
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are fewer bins than 256"
        )]
        let bin = |value: f64| {
            if value.is_nan() {
                MISSING
            } else {
                cuts.partition_point(|cut| *cut < value) as u8
            }
        };
        let bins = column.iter().map(|&value| bin(value)).collect();
        Self { cuts, bins }
    }
}

/// Rows and the sum of what is left of their targets, by bin; the last is that of missing values.
type Histogram = [(f64, f64); BINS + 1];

/// One tree, level by level.
pub(crate) fn one_tree(features: &[Binned], left: &[f64], rows: &[usize]) -> Vec<Node> {
    let leaf = |rows: &[usize]| {
        let sum: f64 = rows.iter().map(|&row| left[row]).sum();
        Node::Leaf(RATE * sum / (rows.len() as f64 + PENALTY))
    };
    let mut tree = vec![leaf(rows)];
    let mut open = vec![(0, rows.to_vec())];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for (at, rows) in open {
            let Some(split) = best_split(features, left, &rows) else {
                continue;
            };
            let Split {
                feature,
                bin,
                missing_first,
                ..
            } = split;
            let of = &features[feature];
            let goes_first = |row: &usize| {
                let its = of.bins[*row];
                if its == MISSING {
                    missing_first
                } else {
                    usize::from(its) <= bin
                }
            };
            let (first, second): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(goes_first);
            let child = tree.len();
            tree[at] = Node::Split {
                feature,
                cut: of.cuts[bin],
                missing_first,
                child,
            };
            tree.extend([leaf(&first), leaf(&second)]);
            next.extend([(child, first), (child + 1, second)]);
        }
        open = next;
    }
    tree
}

/// A way to part rows: those up to a bin go first, and missing ones too if so said.
pub(crate) struct Split {
    feature: usize,
    bin: usize,
    missing_first: bool,
    /// By how much it lowers the sum of squares.
    pub(crate) gain: f64,
}

/// The best of all splits; nothing where none lowers the sum of squares.
pub(crate) fn best_split(features: &[Binned], left: &[f64], rows: &[usize]) -> Option<Split> {
    if rows.len() < 2 * LEAF_ROWS_MIN {
        return None;
    }
    let sum: f64 = rows.iter().map(|&row| left[row]).sum();
    let score = |sum: f64, rows: f64| sum * sum / (rows + PENALTY);
    let count = rows.len() as f64;
    let enough = |rows: f64| rows >= LEAF_ROWS_MIN as f64;
    // Rounding alone is no reason to split.
    let whole = score(sum, count);
    let mut best = whole + 1e-12 * rows.iter().map(|&row| left[row] * left[row]).sum::<f64>();
    let mut found = None;
    for (number, feature) in features.iter().enumerate() {
        let mut histogram: Histogram = [(0.0, 0.0); BINS + 1];
        for &row in rows {
            let cell = &mut histogram[usize::from(feature.bins[row])];
            cell.0 += 1.0;
            cell.1 += left[row];
        }
        let missing = histogram[usize::from(MISSING)];
        let (mut below, mut below_sum) = (0.0, 0.0);
        for (bin, cell) in histogram.iter().enumerate().take(feature.cuts.len()) {
            below += cell.0;
            below_sum += cell.1;
            for missing_first in [true, false] {
                let (n, s) = if missing_first {
                    (below + missing.0, below_sum + missing.1)
                } else {
                    (below, below_sum)
                };
                let gain = score(s, n) + score(sum - s, count - n);
                if enough(n) && enough(count - n) && gain > best {
                    best = gain;
                    found = Some(Split {
                        feature: number,
                        bin,
                        missing_first,
                        gain: gain - whole,
                    });
                }
            }
        }
    }
    found
}

/// What a tree says of a row that is binned.
pub(crate) fn leaf_of(tree: &[Node], features: &[Binned], row: usize) -> f64 {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf(value) => return value,
            Node::Split {
                feature,
                cut,
                missing_first,
                child,
            } => {
                let (of, bin) = (&features[feature], features[feature].bins[row]);
                let first = if bin == MISSING {
                    missing_first
                } else {
                    of.cuts.get(bin as usize).is_some_and(|to| *to <= cut)
                };
                at = child + usize::from(!first);
            }
        }
    }
}
