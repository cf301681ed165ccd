//! The naive product.

use crate::mat::MatRef;

/// Element (i, j) of A·B in f64, and the same sum of magnitudes, by which its
/// rounding error is bounded.
pub fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, i: usize, j: usize) -> (f64, f64) {
    let (mut sum, mut magnitude) = (0.0, 0.0);
    for p in 0..a.cols() {
        let term = f64::from(a.get(i, p)) * f64::from(b.get(p, j));
        sum += term;
        magnitude += term.abs();
    }
    (sum, magnitude)
}

/// Half the distance from 1 to the next `f32`: the largest relative error of a
/// rounding.
pub const UNIT_ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;

/// γ_k = k·u/(1 − k·u), with u the [`UNIT_ROUNDOFF`]: the relative error that k
/// roundings add up to (Higham, *Accuracy and Stability of Numerical
/// Algorithms*, 2002, section 3.1). For k below 2²⁴.
pub fn gamma(k: usize) -> f64 {
    let ku = k as f64 * UNIT_ROUNDOFF;
    ku / (1.0 - ku)
}

/// Bound on the error of a sum of `k` products in f32, added in any order:
/// γ_k·Σ|aᵢ·bᵢ|, and k subnormal roundings.
pub fn product_error(k: usize, magnitude: f64) -> f64 {
    gamma(k) * magnitude + k as f64 * f64::from(f32::from_bits(1))
}

/// Element (i, j) of α·A·B + β·C in f64, how far from it an f32 may be, and a
/// bound on the magnitude of what is added up on the way: only where that
/// is beyond `f32::MAX` may sums overflow.
pub fn element(
    factors: (f32, f32),
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    c: MatRef<'_, f32>,
    (i, j): (usize, usize),
) -> (f64, f64, f64) {
    // β = 0 does not read C.
    let c = if factors.1 == 0.0 { 0.0 } else { c.get(i, j) };
    scaled(factors, a.cols(), product(a, b, i, j), c)
}

/// The same of a [`product`] of `k` terms that is there already, and the element
/// of C, 0 where β = 0.
pub fn scaled(
    (alpha, beta): (f32, f32),
    k: usize,
    (sum, magnitude): (f64, f64),
    c: f32,
) -> (f64, f64, f64) {
    let (alpha, kept) = (f64::from(alpha), f64::from(beta) * f64::from(c));
    // The product's error, a rounding each of α·, β· and their sum, and
    // subnormal roundings.
    let error = alpha.abs() * product_error(k, magnitude)
        + 2.0 * UNIT_ROUNDOFF * ((alpha * magnitude).abs() + kept.abs())
        + f64::from(f32::from_bits(2));
    let largest = magnitude.max((alpha * magnitude).abs() + kept.abs());
    (alpha * sum + kept, error, largest * (1.0 + gamma(k + 3)))
}
