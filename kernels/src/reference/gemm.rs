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

/// Bound on the error of a sum of `k` products in f32, added in any order:
/// γ_k·Σ|aᵢ·bᵢ| with γ_k = k·u/(1 − k·u), u = 2⁻²⁴ (Higham, *Accuracy and
/// Stability of Numerical Algorithms*, 2002, section 3.1), and k subnormal
/// roundings.
pub fn product_error(k: usize, magnitude: f64) -> f64 {
    let ku = k as f64 * f64::from(f32::EPSILON) / 2.0;
    ku / (1.0 - ku) * magnitude + k as f64 * f64::from(f32::from_bits(1))
}
