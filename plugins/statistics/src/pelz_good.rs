//! The law of the two-sided Kolmogorov-Smirnov statistic of one large sample, as a series in `1 / sqrt(n)`.

use core::f64::consts::{FRAC_PI_2, PI};

/// `P(D_n < d)` to `O(1 / n^2)`: `K0(z) + K1(z) / sqrt(n) + K2(z) / n + K3(z) / sqrt(n)^3` with `z = sqrt(n) d`.
///
/// `K0` is Kolmogorov's limit, here in the form that converges fast for small `z`; the other terms correct it for the size.
/// Source: Pelz & Good (1976), "Approximating the Lower Tail-Areas of the Kolmogorov-Smirnov One-Sample Statistic"; the terms as
/// in Simard & L'Ecuyer (2011), "Computing the Two-Sided Kolmogorov-Smirnov Distribution", section 2.4.
pub(crate) fn pelz_good_cdf(n: f64, d: f64) -> f64 {
    let root = n.sqrt();
    let z2 = n * d * d;
    let z = z2.sqrt();
    let (z4, z6) = (z2 * z2, z2 * z2 * z2);
    let (mut k0, mut k1, mut k2, mut k3) = (0.0, 0.0, 0.0, 0.0);
    let mut at_halves = 0.5;
    loop {
        // The terms for k + 1/2 and -(k + 1/2) are equal: both are counted by the factor 2 below.
        let u = PI * PI * at_halves * at_halves;
        let weight = libm::exp(-u / (2.0 * z2));
        if weight < 1e-19 {
            break;
        }
        k0 += weight;
        k1 += weight * (u - z2);
        k2 += weight * (6.0 * z6 + 2.0 * z4 + u * (2.0 * z4 - 5.0 * z2) + u * u * (1.0 - 2.0 * z2));
        k3 += weight
            * (u * u * u * (5.0 - 30.0 * z2)
                + u * u * (212.0 * z4 - 60.0 * z2)
                + u * (135.0 * z4 - 96.0 * z6)
                - (30.0 * z6 + 90.0 * z6 * z2));
        at_halves += 1.0;
    }
    let (mut k2_whole, mut k3_whole) = (0.0, 0.0);
    let mut at_wholes = 1.0;
    loop {
        let u = PI * PI * at_wholes * at_wholes;
        let weight = libm::exp(-u / (2.0 * z2));
        if weight < 1e-19 {
            break;
        }
        k2_whole += weight * u;
        k3_whole += weight * (3.0 * u * z2 - u * u);
        at_wholes += 1.0;
    }
    let scale = 2.0 * FRAC_PI_2.sqrt();
    let k0 = scale * k0 / z;
    let k1 = scale * k1 / (6.0 * z4);
    let k2 = scale * (k2 / (72.0 * z6 * z) - k2_whole / (36.0 * z2 * z));
    let k3 = scale * (k3 / (6480.0 * z6 * z4) + k3_whole / (216.0 * z6));
    (k0 + (k1 + (k2 + k3 / root) / root) / root).clamp(0.0, 1.0)
}
