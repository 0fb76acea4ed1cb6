//! Both windows' rows as one matrix, encoded by what both hold together.
//!
//! Scales, frequent categories and fillings come from the pooled rows, in which reference and current rows play the same part. So
//! without drift every assignment of rows to windows is as likely as any other, and permutation tests are exact.

use std::collections::BTreeMap;

use crate::{Table, Values};

/// Categories of a column with a dimension of their own; the others share one.
pub const CATEGORIES_MAX: usize = 32;
/// Rows of a category, of both windows together, below which it has no dimension of its own.
pub const CATEGORY_ROWS_MIN: usize = 5;
/// Numbers of a scene: 64 MiB.
pub const SCENE_VALUES_MAX: usize = 1 << 23;
/// Robust standard deviations from the median beyond which all numbers are equally far.
const BEYOND: f64 = 8.0;
/// Interquartile range of a standard normal column.
const NORMAL_RANGE: f64 = 1.348_979_500_392_163_3;

/// What a dimension of a scene tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Number of its column, among those of the scene.
    pub column: usize,
    /// In words: a column's name, a category, that it is missing, a component.
    pub label: String,
    /// Whether it is `0` or `1`.
    pub indicator: bool,
    /// Whether it is a component of a vector.
    pub component: bool,
}

/// Rows of both windows, reference first, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Rows of the reference.
    pub reference_rows: usize,
    /// Rows of both.
    pub rows: usize,
    /// Row after row, [`Scene::dimensions`] numbers each.
    pub values: Vec<f64>,
    /// What each dimension tells.
    pub parts: Vec<Part>,
}

/// One dimension on its way into a scene.
struct Dimension {
    part: Part,
    values: Vec<f64>,
}

impl Scene {
    /// Encodes columns that both tables have, in the order of `columns`.
    ///
    /// Numbers: less the median, over the interquartile range in units of a normal standard deviation, at most 8 of them from zero.
    /// Names: an indicator for each of the most frequent, one for all others. Vectors: component by component. A missing value is an
    /// indicator of its own; a missing number stands at the median, a missing component at the mean. What does not vary is left out.
    ///
    /// # Errors
    /// A reason, where the columns differ in kind or the scene would be too large.
    pub fn new(reference: &Table, current: &Table, columns: &[&str]) -> Result<Self, String> {
        let rows = reference.rows + current.rows;
        let mut dimensions: Vec<Dimension> = Vec::new();
        for (number, name) in columns.iter().enumerate() {
            let missing = |which: &str| format!("column '{name}' is not in the {which} window");
            let of = reference.column(name).ok_or_else(|| missing("reference"))?;
            let now = current.column(name).ok_or_else(|| missing("current"))?;
            let room = (SCENE_VALUES_MAX / rows.max(1)).saturating_sub(dimensions.len());
            let found = match (&of.values, &now.values) {
                (Values::Numbers(a), Values::Numbers(b)) => numbers(name, &[a, b]),
                (
                    Values::Names {
                        codes: a,
                        names: a_names,
                    },
                    Values::Names {
                        codes: b,
                        names: b_names,
                    },
                ) => categories(name, &[(a, a_names), (b, b_names)]),
                (
                    Values::Vectors {
                        dimension: a_width,
                        values: a,
                    },
                    Values::Vectors {
                        dimension: b_width,
                        values: b,
                    },
                ) => {
                    if a_width != b_width && reference.rows > 0 && current.rows > 0 {
                        return Err(format!(
                            "the vectors of column '{name}' have {a_width} components in the reference, {b_width} now"
                        ));
                    }
                    if *a_width > room {
                        return Err(too_large(rows));
                    }
                    vectors(name, *a_width, &[a, b])
                }
                (a, b) => {
                    return Err(format!(
                        "column '{name}' is {} in the reference, {} now",
                        a.kind_name(),
                        b.kind_name()
                    ));
                }
            };
            if found.len() > room {
                return Err(too_large(rows));
            }
            dimensions.extend(found.into_iter().map(|mut dimension| {
                dimension.part.column = number;
                dimension
            }));
        }
        let mut values = vec![0.0; rows * dimensions.len()];
        for (at, dimension) in dimensions.iter().enumerate() {
            let places = values.iter_mut().skip(at).step_by(dimensions.len());
            for (place, value) in places.zip(&dimension.values) {
                *place = *value;
            }
        }
        Ok(Self {
            reference_rows: reference.rows,
            rows,
            values,
            parts: dimensions
                .into_iter()
                .map(|dimension| dimension.part)
                .collect(),
        })
    }

    /// Numbers of a row.
    pub fn dimensions(&self) -> usize {
        self.parts.len()
    }
}

fn too_large(rows: usize) -> String {
    format!(
        "{rows} rows with so many dimensions are more than {SCENE_VALUES_MAX} numbers: leave columns out with 'ignore'"
    )
}

fn part(label: String, indicator: bool, component: bool) -> Part {
    Part {
        column: 0,
        label,
        indicator,
        component,
    }
}

/// An indicator of missing values, where some are and some are not.
fn missing_indicator(name: &str, missing: Vec<f64>) -> Option<Dimension> {
    let count: f64 = missing.iter().sum();
    (count > 0.0 && count < missing.len() as f64).then(|| Dimension {
        part: part(format!("{name} is missing"), true, false),
        values: missing,
    })
}

fn numbers(name: &str, windows: &[&Vec<f64>]) -> Vec<Dimension> {
    let all = || windows.iter().flat_map(|window| window.iter().copied());
    let mut sorted: Vec<f64> = all().filter(|x| !x.is_nan()).collect();
    let mut found = Vec::new();
    sorted.sort_unstable_by(f64::total_cmp);
    if let Some(scale) = Scale::of(&sorted) {
        let values = all().map(|x| if x.is_nan() { 0.0 } else { scale.place(x) });
        found.push(Dimension {
            part: part(name.to_owned(), false, false),
            values: values.collect(),
        });
    }
    let missing = all().map(|x| f64::from(u8::from(x.is_nan()))).collect();
    found.extend(missing_indicator(name, missing));
    found
}

/// Where the middle of a column is, and how wide it is.
struct Scale {
    /// Power of two that keeps sums and differences inside the range of doubles.
    factor: i32,
    median: f64,
    width: f64,
}

impl Scale {
    /// Of sorted numbers; `None` where there is one value at most.
    fn of(sorted: &[f64]) -> Option<Self> {
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        if first == last {
            return None;
        }
        let exponent = libm::ilogb(first.abs().max(last.abs()));
        let factor = -exponent;
        let at = |share: usize| scaled(sorted[(sorted.len() - 1) * share / 4], factor);
        let median = at(2);
        let mut width = (at(3) - at(1)) / NORMAL_RANGE;
        if width <= 0.0 {
            let count = sorted.len() as f64;
            let mean = sorted.iter().map(|&x| scaled(x, factor)).sum::<f64>() / count;
            let squares: f64 = sorted
                .iter()
                .map(|&x| scaled(x, factor) - mean)
                .map(|off| off * off)
                .sum();
            width = (squares / count).sqrt();
        }
        (width > 0.0).then_some(Self {
            factor,
            median,
            width,
        })
    }

    fn place(&self, x: f64) -> f64 {
        ((scaled(x, self.factor) - self.median) / self.width).clamp(-BEYOND, BEYOND)
    }
}

fn scaled(x: f64, factor: i32) -> f64 {
    libm::scalbn(x, factor)
}

fn categories(name: &str, windows: &[(&Vec<u32>, &Vec<String>)]) -> Vec<Dimension> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (codes, names) in windows {
        for code in *codes {
            if let Some(name) = names.get(*code as usize) {
                *counts.entry(name).or_default() += 1;
            }
        }
    }
    let mut frequent: Vec<(&str, usize)> = counts
        .iter()
        .filter(|(_, count)| **count >= CATEGORY_ROWS_MIN)
        .map(|(name, count)| (*name, *count))
        .collect();
    frequent.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    frequent.truncate(CATEGORIES_MAX);
    let place: BTreeMap<&str, usize> = frequent
        .iter()
        .enumerate()
        .map(|(place, (name, _))| (*name, place))
        .collect();
    let (other, missing) = (frequent.len(), frequent.len() + 1);
    let rows: usize = windows.iter().map(|(codes, _)| codes.len()).sum();
    let mut indicators = vec![vec![0.0; rows]; missing + 1];
    let mut row = 0;
    for (codes, names) in windows {
        let places: Vec<usize> = names
            .iter()
            .map(|name| place.get(name.as_str()).copied().unwrap_or(other))
            .collect();
        for code in *codes {
            let at = places.get(*code as usize).copied().unwrap_or(missing);
            indicators[at][row] = 1.0;
            row += 1;
        }
    }
    let labels = frequent
        .iter()
        .map(|(category, _)| format!("{name} = {category}"))
        .chain([format!("{name} is rare"), format!("{name} is missing")]);
    indicators
        .into_iter()
        .zip(labels)
        .filter(|(values, _)| values.contains(&0.0) && values.contains(&1.0))
        .map(|(values, label)| Dimension {
            part: part(label, true, false),
            values,
        })
        .collect()
}

fn vectors(name: &str, width: usize, windows: &[&Vec<f32>]) -> Vec<Dimension> {
    let rows = || {
        windows
            .iter()
            .flat_map(|window| window.chunks_exact(width.max(1)))
    };
    let missing: Vec<bool> = rows().map(|row| row.iter().any(|x| x.is_nan())).collect();
    let present = missing.iter().filter(|missing| !**missing).count();
    let mut found = Vec::with_capacity(width + 1);
    for component in 0..width {
        let all = || rows().map(|row| f64::from(row[component])).zip(&missing);
        let mean = all()
            .filter(|(_, missing)| !**missing)
            .map(|(x, _)| x)
            .sum::<f64>()
            / present.max(1) as f64;
        let values: Vec<f64> = all()
            .map(|(x, &missing)| if missing { mean } else { x })
            .collect();
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            found.push(Dimension {
                part: part(format!("{name}[{component}]"), false, true),
                values,
            });
        }
    }
    let indicator = missing
        .iter()
        .map(|&missing| f64::from(u8::from(missing)))
        .collect();
    found.extend(missing_indicator(name, indicator));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use crate::simulate::Rows;

    fn scene(reference: &Rows, current: &Rows, columns: &[&str]) -> Result<Scene, String> {
        let table = |rows| read(rows, |_| true, 1000, 0).unwrap();
        Scene::new(&table(reference), &table(current), columns)
    }

    fn labels(scene: &Scene) -> Vec<&str> {
        scene.parts.iter().map(|part| part.label.as_str()).collect()
    }

    #[test]
    fn numbers_are_robust_units_from_the_median_and_missing_is_told_apart() {
        let reference = Rows::default().numbers("x", vec![0.0, 1.0, 2.0, 3.0, 4.0]);
        let current = Rows::default().numbers("x", vec![1e300, f64::NAN]);
        let scene = scene(&reference, &current, &["x"]).unwrap();
        assert_eq!(labels(&scene), ["x", "x is missing"]);
        assert_eq!(scene.values[2 * 5], BEYOND);
        assert_eq!(&scene.values[2 * 6..], [0.0, 1.0]);
        assert!(scene.values.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn the_ends_of_the_range_and_subnormal_numbers_have_a_scale() {
        for unit in [f64::MAX, 5e-324 * 8.0, 1.0] {
            let reference = Rows::default().numbers("x", vec![-unit, -unit * 0.5, 0.0, unit * 0.5]);
            let current = Rows::default().numbers("x", vec![unit]);
            let scene = scene(&reference, &current, &["x"]).unwrap();
            assert!(
                (scene.values[4] - NORMAL_RANGE).abs() < 1e-12,
                "{unit:e} {:?}",
                scene.values
            );
        }
    }

    #[test]
    fn mostly_one_number_still_has_a_width() {
        let mut rows = vec![5.0; 20];
        rows[0] = 6.0;
        let one = Rows::default()
            .numbers("x", rows)
            .numbers("c", vec![1.0; 20]);
        let scene = scene(&one, &one, &["x", "c"]).unwrap();
        assert_eq!(labels(&scene), ["x"]);
        assert!(scene.values[0] > 1.0 && scene.values[1] == 0.0);
    }

    #[test]
    fn frequent_names_of_both_windows_together_have_a_dimension() {
        let names = |list: &[&str]| list.iter().map(|name| Some((*name).to_owned())).collect();
        let reference = Rows::default().names("k", names(&["a", "a", "a", "b", "c", "d"]));
        let current = Rows::default().names("k", names(&["a", "a", "b", "b", "b", "b"]));
        let scene = scene(&reference, &current, &["k"]).unwrap();
        assert_eq!(labels(&scene), ["k = a", "k = b", "k is rare"]);
        let sums: Vec<f64> = scene.values.chunks(3).map(|row| row.iter().sum()).collect();
        assert_eq!(sums, [1.0; 12]);
    }

    #[test]
    fn swapping_the_windows_swaps_the_rows_and_nothing_else() {
        let one = Rows::default().numbers("x", vec![1.0, 5.0, f64::NAN]);
        let other = Rows::default().numbers("x", vec![2.0, 9.0]);
        let there = scene(&one, &other, &["x"]).unwrap();
        let back = scene(&other, &one, &["x"]).unwrap();
        assert_eq!(there.values[..6], back.values[4..]);
        assert_eq!(there.values[6..], back.values[..4]);
    }

    #[test]
    fn vectors_are_components_and_a_missing_one_is_their_mean() {
        let reference = Rows::default().vectors("v", 2, vec![1.0, 7.0, 3.0, 7.0]);
        let current = Rows::default().vectors("v", 2, vec![f32::NAN, 7.0]);
        let scene = scene(&reference, &current, &["v"]).unwrap();
        assert_eq!(labels(&scene), ["v[0]", "v is missing"]);
        assert_eq!(scene.values, [1.0, 0.0, 3.0, 0.0, 2.0, 1.0]);
    }

    #[test]
    fn another_kind_or_width_or_no_column_is_said() {
        let numbers = Rows::default().numbers("x", vec![1.0]);
        let names = Rows::default().names("x", vec![None]);
        let (two, three) = (
            Rows::default().vectors("x", 2, vec![1.0; 2]),
            Rows::default().vectors("x", 3, vec![1.0; 3]),
        );
        assert!(
            scene(&numbers, &names, &["x"])
                .unwrap_err()
                .contains("'x' is numeric")
        );
        assert!(
            scene(&two, &three, &["x"])
                .unwrap_err()
                .contains("2 components")
        );
        assert!(
            scene(&numbers, &numbers, &["y"])
                .unwrap_err()
                .contains("'y' is not in the reference")
        );
    }

    #[test]
    fn a_scene_holds_up_to_its_bound_and_not_beyond() {
        let table = |width: usize| Table {
            rows: 64,
            columns: vec![crate::TableColumn {
                name: "v".to_owned(),
                values: Values::Vectors {
                    dimension: width,
                    values: (0..64 * width).map(|at| (at % 7) as f32).collect(),
                },
            }],
        };
        let most = SCENE_VALUES_MAX / 128;
        assert!(Scene::new(&table(most), &table(most), &["v"]).is_ok());
        let more = Scene::new(&table(most + 1), &table(most + 1), &["v"]);
        assert!(more.unwrap_err().contains("more than 8388608 numbers"));
    }
}
