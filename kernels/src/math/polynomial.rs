//! Polynomials.
//!
//! The coefficients of this folder are our own minimax fits. Each was found
//! by weighted least squares on some thousand Chebyshev nodes of its interval, the
//! weights multiplied by the error and normalised until the error is even
//! (Lawson's algorithm; function values from 40-digit arithmetic), so that the
//! largest error *in ULP of the final result* is smallest. Then the
//! coefficients were rounded to `f32` one after another, lowest power first,
//! and the higher ones fitted again after each rounding. The comment at each
//! table gives interval, weight and the error that remains.

use crate::simd::Simd;

/// `c[0] + c[1]·x + c[2]·x² + …` by Horner's rule.
#[inline(always)]
pub(super) fn polynomial<S: Simd, const N: usize>(
    s: S,
    x: S::Vector,
    coefficients: [f32; N],
) -> S::Vector {
    let [sum] = polynomial_each(s, [x], coefficients);
    sum
}

/// The same of several x, a power of all before the next.
#[inline(always)]
pub(super) fn polynomial_each<S: Simd, const M: usize, const N: usize>(
    s: S,
    x: [S::Vector; M],
    coefficients: [f32; N],
) -> [S::Vector; M] {
    let mut sums = [s.splat(coefficients[N - 1]); M];
    for &c in coefficients[..N - 1].iter().rev() {
        for (sum, &x) in sums.iter_mut().zip(&x) {
            *sum = s.mul_add(*sum, x, s.splat(c));
        }
    }
    sums
}
