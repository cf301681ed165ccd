//! Natural logarithms.
//!
//! With x = 2ᵉ·(1 + f), where √½ ≤ 1 + f < √2,
//!
//! ```text
//! ln x = e·ln 2 + f − f²/2 + f³·P(f)
//! ```
//!
//! summed from the small terms to the large ones. e·ln 2 is added in two parts
//! as in `exp.rs`. ln(1 + x) differs only in how it finds f without rounding
//! 1 + x: f = x·2⁻ᵉ + (2⁻ᵉ − 1), which for e = 0 is x itself.

use super::exp::{LN_2_HIGH, LN_2_LOW};
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Error bound of [`log`] in ULP.
pub const LOG_MAX_ULP: f32 = 1.0;
/// Error bound of [`log1p`] in ULP.
pub const LOG1P_MAX_ULP: f32 = 1.5;

/// P(f) = (ln(1 + f) − f + f²/2) / f³ on √½ ≤ 1 + f ≤ √2, weight
/// f³/ln(1 + f); 0.10 · 2⁻²⁴.
const P: [f32; 8] = [
    0.333_333_3,
    -0.250_008_2,
    0.200_012_42,
    -0.166_234_09,
    0.142_015_81,
    -0.131_596_13,
    0.127_622,
    -0.076_363_996,
];

/// R(x) = (ln(1 + x) − x) / x² on 0 ≤ x ≤ 1, weight x²/ln(1 + x);
/// 0.09 · 2⁻²⁴.
const R: [f32; 9] = [
    -0.499_999_3,
    0.333_304_7,
    -0.249_581_56,
    0.196_931_93,
    -0.153_490_98,
    0.106_700_13,
    -0.057_561_528,
    0.020_150_334,
    -0.003_306_539_5,
];

/// e·ln 2 + ln(1 + f)
#[inline(always)]
fn log_of_parts<S: Simd>(s: S, f: S::Vector, e: S::Vector) -> S::Vector {
    let square = s.mul(f, f);
    let small = s.mul(e, s.splat(LN_2_LOW));
    let small = s.mul_add(s.mul(square, f), polynomial(s, f, P), small);
    let small = s.neg_mul_add(s.splat(0.5), square, small);
    s.mul_add(e, s.splat(LN_2_HIGH), s.add(f, small))
}

/// `x = m · 2ᵉ` with √½ ≤ m < √2, for positive finite x.
#[inline(always)]
fn split<S: Simd>(s: S, x: S::Vector) -> (S::Vector, S::Vector) {
    let (m, e) = s.split_exponent(x);
    let large = s.less(s.splat(std::f32::consts::SQRT_2), m);
    (
        s.select(large, s.mul(m, s.splat(0.5)), m),
        s.select(large, s.add(e, s.splat(1.0)), e),
    )
}

/// `y`, but −∞ where x = `pole`, NaN where x < `pole`, x where it is ∞ or NaN.
#[inline(always)]
fn with_special_values<S: Simd>(s: S, x: S::Vector, pole: f32, y: S::Vector) -> S::Vector {
    let pole = s.splat(pole);
    let outside = s.select(
        s.less(x, pole),
        s.splat(f32::NAN),
        s.splat(f32::NEG_INFINITY),
    );
    let y = s.select(s.less(x, s.splat(f32::INFINITY)), y, x);
    s.select(s.less_equal(x, pole), outside, y)
}

/// [`log`] for positive finite x alone.
#[inline(always)]
pub(crate) fn log_of_positive<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let (m, e) = split(s, x);
    log_of_parts(s, s.sub(m, s.splat(1.0)), e)
}

/// ln x within [`LOG_MAX_ULP`]. −∞ at ±0, NaN below, ∞ at ∞.
#[inline(always)]
pub(crate) fn log<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    with_special_values(s, x, 0.0, log_of_positive(s, x))
}

/// ln(1 + x) within [`LOG1P_MAX_ULP`]. −∞ at −1, NaN below, ∞ at ∞, −0 at −0.
#[inline(always)]
pub(crate) fn log1p<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let one = s.splat(1.0);
    let (_, e) = split(s, s.add(one, x));
    let minus_e = s.sub(s.splat(0.0), e);
    let scaled_one = s.scale_by_power_of_two(one, minus_e);
    let f = s.add(s.scale_by_power_of_two(x, minus_e), s.sub(scaled_one, one));
    let y = s.copy_sign(log_of_parts(s, f, e), x);
    with_special_values(s, x, -1.0, y)
}

/// ln(1 + x) for 0 ≤ x ≤ 1: one polynomial and no reduction. NaN stays NaN.
#[inline(always)]
pub(crate) fn log1p_of_unit<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    s.mul_add(s.mul(x, polynomial(s, x, R)), x, x)
}
