//! How much of its rows a profile remembers.

use std::ops::RangeInclusive;

/// Distinct values a column may have and still be held exactly.
pub const EXACT_DISTINCT_RANGE: RangeInclusive<usize> = 1..=16_777_216;
/// Items of one buffer of a sketch.
pub const SKETCH_CAPACITY_RANGE: RangeInclusive<usize> = 2..=1_048_576;
/// Names in the dictionary of a categorical column.
pub const CATEGORIES_RANGE: RangeInclusive<usize> = 1..=1_048_576;
/// Most rows of one profile: up to here every count is exact as a double.
pub const ROWS_MAX: u64 = 1 << 53;

/// How much a profile remembers. Profiles merge only where these agree.
///
/// Memory of one numeric column, at most: `16 * exact_distinct_max` bytes while it is exact, half of
/// that where no value repeats; `8 * 2 * sketch_capacity` bytes for each doubling of its rows beyond
/// that once it is not. A column that is being built has a buffer of up to 512 KiB besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileConfig {
    exact_distinct_max: usize,
    sketch_capacity: usize,
    categories_max: usize,
}

/// A setting outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; it must be {} to {}", range.start(), range.end())]
pub struct ConfigError {
    /// Which setting.
    pub field: &'static str,
    /// What it was.
    pub value: usize,
    /// What it may be.
    pub range: RangeInclusive<usize>,
}

impl ProfileConfig {
    /// Checks each setting against its range.
    ///
    /// - `exact_distinct_max`: distinct values up to which a column is exact, [`EXACT_DISTINCT_RANGE`];
    /// - `sketch_capacity`: items of a buffer of the sketch beyond it, [`SKETCH_CAPACITY_RANGE`];
    ///   the rank error is at most `levels / (2 * sketch_capacity)`;
    /// - `categories_max`: names kept of a categorical column, [`CATEGORIES_RANGE`].
    pub fn new(
        exact_distinct_max: usize,
        sketch_capacity: usize,
        categories_max: usize,
    ) -> Result<Self, ConfigError> {
        let settings = [
            (
                "exact_distinct_max",
                exact_distinct_max,
                EXACT_DISTINCT_RANGE,
            ),
            ("sketch_capacity", sketch_capacity, SKETCH_CAPACITY_RANGE),
            ("categories_max", categories_max, CATEGORIES_RANGE),
        ];
        for (field, value, range) in settings {
            if !range.contains(&value) {
                return Err(ConfigError {
                    field,
                    value,
                    range,
                });
            }
        }
        Ok(Self {
            exact_distinct_max,
            sketch_capacity,
            categories_max,
        })
    }

    /// What the server remembers of a chunk, a window or reference data: a column takes at most 256 KiB while it is
    /// exact, and its rank error stays below 0.25% up to a billion rows.
    pub const fn service() -> Self {
        Self {
            exact_distinct_max: 16_384,
            sketch_capacity: 4_096,
            categories_max: 4_096,
        }
    }

    /// Distinct values up to which a column is exact.
    pub fn exact_distinct_max(&self) -> usize {
        self.exact_distinct_max
    }

    /// Items of one buffer of a sketch.
    pub fn sketch_capacity(&self) -> usize {
        self.sketch_capacity
    }

    /// Names kept of a categorical column.
    pub fn categories_max(&self) -> usize {
        self.categories_max
    }
}

impl Default for ProfileConfig {
    /// A column takes at most 2 MiB while it is exact, and its rank error stays below 0.05% up to
    /// a billion rows.
    fn default() -> Self {
        Self {
            exact_distinct_max: 131_072,
            sketch_capacity: 16_384,
            categories_max: 4_096,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_hold_up_to_both_ends_of_their_ranges_and_not_beyond() {
        assert!(ProfileConfig::new(1, 2, 1).is_ok());
        assert!(ProfileConfig::new(16_777_216, 1_048_576, 1_048_576).is_ok());
        for (settings, field) in [
            ((0, 2, 1), "exact_distinct_max"),
            ((16_777_217, 2, 1), "exact_distinct_max"),
            ((1, 1, 1), "sketch_capacity"),
            ((1, 1_048_577, 1), "sketch_capacity"),
            ((1, 2, 0), "categories_max"),
            ((1, 2, 1_048_577), "categories_max"),
        ] {
            let error = ProfileConfig::new(settings.0, settings.1, settings.2).unwrap_err();
            assert_eq!(error.field, field);
        }
    }

    #[test]
    fn the_defaults_are_inside_their_ranges() {
        let ProfileConfig {
            exact_distinct_max,
            sketch_capacity,
            categories_max,
        } = ProfileConfig::default();
        let checked = ProfileConfig::new(exact_distinct_max, sketch_capacity, categories_max);
        assert_eq!(checked, Ok(ProfileConfig::default()));
        let service = ProfileConfig::service();
        let checked = ProfileConfig::new(
            service.exact_distinct_max,
            service.sketch_capacity,
            service.categories_max,
        );
        assert_eq!(checked, Ok(service));
    }
}
