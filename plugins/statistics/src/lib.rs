//! The mathematics of Leeway's detectors: pure functions of their arguments, the same bits natively and in WebAssembly.
//!
//! Invariant: no clock, no files, no global randomness (a seed is an argument), no hash-map order. Elementary functions come from
//! `libm`, because the platform's own differ in the last bit. Counts are whole numbers held as `f64`, exact below `2^53`.
//! Nothing returned is NaN: input that has no answer is a typed error, or a value the function documents.

pub mod adwin;
pub mod benjamini_hochberg;
pub mod bins;
pub mod bridge_null;
pub mod chi_square;
pub mod chi_squared;
pub mod compress;
pub mod counts;
pub mod cramer_von_mises;
pub mod divergence_null;
pub mod gamma;
pub mod hellinger;
pub mod jensen_shannon;
pub mod kolmogorov;
pub mod ks;
pub mod l_infinity;
pub mod monte_carlo;
pub mod normal;
pub mod page_hinkley;
pub mod pool_sparse;
pub mod psi;
pub mod rng;
pub mod sample;
pub mod state;
pub mod total_variation;
pub mod two_proportions;
pub mod wasserstein;

mod durbin;
mod lattice;
mod pelz_good;
mod pooled;
mod root;
mod smirnov;

#[cfg(test)]
mod check;
