//! The error function, and the normal distribution that gelu is made of.

use super::exp::{exp, exp_of_sum};
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Error bound of [`erf`] in ULP.
pub const ERF_MAX_ULP: f32 = 1.5;
/// Error bound of [`normal_cdf`] in ULP.
pub const NORMAL_CDF_MAX_ULP: f32 = 7.5;

/// erf(x) = x + x·A(x²) on |x| ≤ 1, weight x/erf(x); 0.02 · 2⁻²⁴.
const A: [f32; 7] = [
    0.128_379_17,
    -0.376_126_26,
    0.112_835_79,
    -0.026_853_347,
    0.005_187_162,
    -0.000_799_785_3,
    7.806_904e-5,
];

/// erf(x) = 1 − e^B(x) on 1 ≤ x ≤ 4, weight erfc(x); 0.02 · 2⁻²⁴.
const B: [f32; 7] = [
    -0.000_353_695_68,
    -1.127_040_1,
    -0.638_225_44,
    -0.103_037_655,
    0.021_805_506,
    -0.002_939_669_6,
    0.000_185_582_03,
];

/// erf x = 2/√π · ∫₀ˣ e^(−t²) dt within [`ERF_MAX_ULP`]. ±1 at ±∞, −0 at −0.
#[inline(always)]
pub(crate) fn erf<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let one = s.splat(1.0);
    let magnitude = s.abs(x);
    let small = s.mul_add(polynomial(s, s.mul(x, x), A), magnitude, magnitude);
    // 1 − erf 4 is a quarter of an ULP of 1.
    let exponent = polynomial(s, s.min(s.splat(4.0), magnitude), B);
    let large = s.sub(one, exp(s, exponent));
    let y = s.select(s.less(magnitude, one), small, large);
    s.copy_sign(y, x)
}

/// Φ(−t)·e^(t²/2) = k·C(w) with k = 1/(1 + [`K`]·t) and w = `K`·t·k on
/// 0 ≤ t ≤ 14.6, relative error, the constant held at ½; 0.05 · 2⁻²⁴.
///
/// Though w = 1 − k, computing it so has a small relative error near 0, where
/// the polynomial in k would magnify that of k.
const C: [f32; 10] = [
    0.5,
    -0.843_805_4,
    0.648_943_5,
    -0.103_921_39,
    -0.140_992_67,
    0.028_780_23,
    0.018_283_762,
    0.059_901,
    -0.069_194_38,
    0.020_448_012,
];
const K: f32 = 0.296_875;

/// The normal distribution's Φ(x) within [`NORMAL_CDF_MAX_ULP`], and its
/// density e^(−x²/2) / √(2π).
///
/// The tail keeps its relative accuracy all the way down to where it
/// underflows. That needs x²/2 to more bits than `f32` has, so x is split into
/// a multiple of 1/256, whose square is exact, and a remainder.
#[inline(always)]
pub(crate) fn normal<S: Simd>(s: S, x: S::Vector) -> (S::Vector, S::Vector) {
    let (half, one) = (s.splat(0.5), s.splat(1.0));
    // Φ(−14.6) rounds to 0.
    let t = s.min(s.splat(14.6), s.abs(x));
    let high = s.mul(s.round(s.mul(t, s.splat(256.0))), s.splat(1.0 / 256.0));
    let low = s.mul(s.add(t, high), s.sub(high, t));
    let square = s.mul(high, s.mul(high, s.splat(-0.5)));
    let e = exp_of_sum(s, square, s.mul(low, half));

    let scaled = s.mul(t, s.splat(K));
    let k = s.div(one, s.add(one, scaled));
    let tail = s.mul(k, polynomial(s, s.mul(scaled, k), C));
    let tail = s.mul(e, tail);
    let cdf = s.select(s.less(x, s.splat(0.0)), tail, s.sub(one, tail));
    (cdf, s.mul(e, s.splat(0.398_942_3)))
}

/// Φ(x) = ½·(1 + erf(x/√2)) within [`NORMAL_CDF_MAX_ULP`]. 0 at −∞, 1 at ∞.
#[inline(always)]
pub(crate) fn normal_cdf<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    normal(s, x).0
}
