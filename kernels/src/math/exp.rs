//! eˣ and eˣ − 1.
//!
//! With n = round(x / ln 2) and r = x − n·ln 2 (so |r| ≤ ½·ln 2),
//!
//! ```text
//! eˣ     = 2ⁿ · eʳ          = 2ⁿ · (1 + p)          p = eʳ − 1 = r + r²·q(r)
//! eˣ − 1 = 2ⁿ · eʳ − 1      = 2ⁿ · (p + (1 − 2⁻ⁿ))
//! ```
//!
//! The second line keeps its relative accuracy near 0: there n = 0 and
//! nothing but p remains.
//!
//! n·ln 2 is subtracted in two parts (Cody and Waite). The first has ten bits,
//! so its product with n is exact on every level, with FMA or without.

use super::polynomial::polynomial_each;
use crate::simd::Simd;

/// Leading ten bits of ln 2.
pub(super) const LN_2_HIGH: f32 = 0.693_359_4;
/// ln 2 − [`LN_2_HIGH`]
pub(super) const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Error bound of [`exp`] in ULP.
pub const EXP_MAX_ULP: f32 = 1.1;
/// Error bound of [`expm1`] in ULP.
pub const EXPM1_MAX_ULP: f32 = 1.75;

/// eˣ rounds to 0 below, and to ∞ from 88.73 on.
const LOWEST: f32 = -104.0;
const HIGHEST: f32 = 89.0;

/// q(r) = (eʳ − 1 − r) / r² on |r| ≤ ½·ln 2, weight r²/eʳ; 0.05 · 2⁻²⁴.
const Q: [f32; 5] = [
    0.499_999_94,
    0.166_665_21,
    0.041_668_266,
    0.008_368_677,
    0.001_382_073_4,
];

/// `(n, p)` of the module's formulas for x = `high + low`, where `low` is
/// small. For |high| < 300; NaN gives NaN.
#[inline(always)]
fn reduce<S: Simd>(s: S, high: S::Vector, low: Option<S::Vector>) -> (S::Vector, S::Vector) {
    let ([n], [p]) = reduce_each(s, [high], low.map(|low| [low]));
    (n, p)
}

/// The same of several numbers, an operation of all before the next.
#[inline(always)]
fn reduce_each<S: Simd, const N: usize>(
    s: S,
    high: [S::Vector; N],
    low: Option<[S::Vector; N]>,
) -> ([S::Vector; N], [S::Vector; N]) {
    let mut n = high;
    for n in &mut n {
        *n = s.mul(*n, s.splat(std::f32::consts::LOG2_E));
    }
    for n in &mut n {
        *n = s.round(*n);
    }
    let mut r = high;
    for (r, &n) in r.iter_mut().zip(&n) {
        *r = s.neg_mul_add(n, s.splat(LN_2_HIGH), *r);
    }
    for (r, &n) in r.iter_mut().zip(&n) {
        *r = s.neg_mul_add(n, s.splat(LN_2_LOW), *r);
    }
    if let Some(low) = low {
        for (r, low) in r.iter_mut().zip(low) {
            *r = s.add(*r, low);
        }
    }
    let mut p = polynomial_each(s, r, Q);
    for (p, r) in p.iter_mut().zip(r) {
        *p = s.mul_add(s.mul(r, r), *p, r);
    }
    (n, p)
}

/// `high` limited to `lowest ..= HIGHEST`; NaN stays NaN, since `min` and
/// `max` return their second argument for it.
#[inline(always)]
fn clamp<S: Simd>(s: S, lowest: f32, x: S::Vector) -> S::Vector {
    s.max(s.splat(lowest), s.min(s.splat(HIGHEST), x))
}

/// eˣ within [`EXP_MAX_ULP`]. e^−∞ = 0, e^∞ = ∞.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let (n, p) = reduce(s, clamp(s, LOWEST, x), None);
    s.scale_by_power_of_two(s.add(s.splat(1.0), p), n)
}

/// eˣ for x ≤ 0 (−∞ and NaN included): [`exp`] without the upper limit.
#[inline(always)]
pub(crate) fn exp_of_non_positive<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let [y] = exp_of_non_positive_each(s, [x]);
    y
}

/// The same of several x, an operation of all before the next.
#[inline(always)]
pub(super) fn exp_of_non_positive_each<S: Simd, const N: usize>(
    s: S,
    mut x: [S::Vector; N],
) -> [S::Vector; N] {
    for x in &mut x {
        *x = s.max(s.splat(LOWEST), *x);
    }
    let (n, mut y) = reduce_each(s, x, None);
    for y in &mut y {
        *y = s.add(s.splat(1.0), *y);
    }
    for (y, n) in y.iter_mut().zip(n) {
        *y = s.scale_by_power_of_two(*y, n);
    }
    y
}

/// e^(high + low) for −170 < high ≤ 0 and a small `low`.
#[inline(always)]
pub(super) fn exp_of_sum<S: Simd>(s: S, high: S::Vector, low: S::Vector) -> S::Vector {
    let (n, p) = reduce(s, high, Some(low));
    s.scale_by_power_of_two(s.add(s.splat(1.0), p), n)
}

/// eˣ − 1 within [`EXPM1_MAX_ULP`]. −1 at −∞, ∞ at ∞, −0 at −0.
#[inline(always)]
pub(crate) fn expm1<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    // e⁻²⁰ − 1 rounds to −1.
    let (n, p) = reduce(s, clamp(s, -20.0, x), None);
    let one = s.splat(1.0);
    let inverse = s.scale_by_power_of_two(one, s.sub(s.splat(0.0), n));
    let y = s.scale_by_power_of_two(s.add(p, s.sub(one, inverse)), n);
    s.copy_sign(y, x)
}
