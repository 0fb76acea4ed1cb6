//! Windows of many columns drawn from known distributions, each column a trial of its own.

use leeway::domain::Role;
use leeway::profile::Window;
use leeway_statistics::rng::Rng;
use serde_json::{Value, json};

use crate::harness::WindowBuilder;

/// Tests on numbers.
pub const ON_NUMBERS: [&str; 4] = ["ks", "wasserstein", "cramer_von_mises", "mean_shift"];
/// Tests on counts, of bins or of categories.
pub const ON_COUNTS: [&str; 5] = [
    "psi",
    "jensen_shannon",
    "hellinger",
    "l_infinity",
    "chi_square",
];

pub fn every_test() -> Vec<&'static str> {
    ON_NUMBERS.into_iter().chain(ON_COUNTS).collect()
}

/// Every test with its effect floor taken away: what is left is the calibration.
pub fn calibration() -> Value {
    let floors: serde_json::Map<String, Value> = every_test()
        .into_iter()
        .map(|test| (test.to_owned(), json!(0)))
        .collect();
    json!({ "numeric": every_test(), "categorical": ON_COUNTS, "distinct_min": 0, "effect_min": floors, "correction": "none" })
}

/// A distribution that a column may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    Normal,
    Lognormal,
    /// Six whole numbers, from likely to rare.
    Discrete,
    /// The same six as names.
    Categories,
}

impl Law {
    pub fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Normal => rng.normal(),
            Self::Lognormal => libm::exp(rng.normal()),
            Self::Discrete | Self::Categories => {
                let u = rng.uniform();
                [0.4, 0.65, 0.8, 0.9, 0.97]
                    .iter()
                    .filter(|share| u >= **share)
                    .count() as f64
            }
        }
    }

    /// A window of independent columns; `change` is applied to every number.
    pub fn window(
        self,
        columns: usize,
        rows: usize,
        rng: &mut Rng,
        change: impl Fn(f64) -> f64,
    ) -> Window {
        let mut builder = WindowBuilder::default();
        for column in 0..columns {
            let name = format!("c{column:04}");
            let values: Vec<f64> = (0..rows).map(|_| change(self.draw(rng))).collect();
            builder = if self == Self::Categories {
                let name_of =
                    |value: &f64| Some(["a", "b", "c", "d", "e", "f"][(*value as usize).min(5)]);
                builder.names(
                    &name,
                    Role::Feature,
                    &values.iter().map(name_of).collect::<Vec<_>>(),
                )
            } else {
                builder.numbers(&name, Role::Feature, &values)
            };
        }
        builder.build()
    }
}
