//! Distributions of rows, their merge, and the windows through which detectors see them.
//!
//! Rows go through a [`ProfileBuilder`] into a [`Profile`], which merges, becomes bytes, and with a
//! [`Window`] around it answers the [`kernels`]. Owns the summary of rows; refuses all judgement of
//! it. Pure: no clock, no I/O, no chance but from a seed.

mod access;
pub mod began;
mod builder;
mod bytes;
mod categories;
mod collector;
mod column;
mod column_builder;
mod combine;
mod config;
mod decode;
mod decode_values;
mod derive;
mod derive_error;
mod derived_terms;
mod digest;
mod distribution;
mod encode;
mod kept;
pub mod kernels;
mod moments;
mod norm;
mod observe_error;
mod order;
mod pair;
mod random;
mod run;
mod sketch;
mod sort;
mod summary;
mod window;

#[cfg(test)]
mod properties;

pub use access::AccessError;
pub use builder::ProfileBuilder;
pub use categories::{CATEGORY_NAME_BYTES_MAX, Categories};
pub use column::{ColumnProfile, Summary};
pub use config::{
    CATEGORIES_RANGE, ConfigError, EXACT_DISTINCT_RANGE, ProfileConfig, ROWS_MAX,
    SKETCH_CAPACITY_RANGE,
};
pub use decode::DecodeError;
pub use derive::{Derivation, POSITIVE_NUMBER_DEFAULT};
pub use derive_error::DeriveError;
pub use distribution::Distribution;
pub use kept::{KEPT_ROWS_DEFAULT, KeptRows, KeptRowsBuilder};
pub use moments::Moments;
pub use observe_error::ObserveError;
pub use pair::{BINS_MAX, Bin, Category, Numbers, Pair, Parts, Side, pair};
pub use random::Random;
pub use run::Run;
pub use sketch::Sketch;
pub use summary::{MergeError, Profile};
pub use window::{Window, WindowColumn, WindowError};
