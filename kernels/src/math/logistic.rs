//! Sigmoid, tanh and softplus: what follows from one exponential of −|x|,
//! which never overflows.

use super::exp::{exp_of_non_positive, exp_of_non_positive_each, expm1};
use super::log::log1p_of_unit;
use crate::simd::Simd;

/// Error bound of [`sigmoid`] in ULP.
pub const SIGMOID_MAX_ULP: f32 = 2.5;
/// Error bound of [`tanh`] in ULP.
pub const TANH_MAX_ULP: f32 = 2.75;
/// Error bound of [`softplus`] in ULP.
pub const SOFTPLUS_MAX_ULP: f32 = 2.5;

/// −|x|
#[inline(always)]
fn minus_abs<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    s.or(x, s.splat(-0.0))
}

/// 1 / (1 + e⁻ˣ) within [`SIGMOID_MAX_ULP`]. 0 at −∞, 1 at ∞.
///
/// With e = e^−|x| it is 1 / (1 + e) for x ≥ 0 and e / (1 + e) below.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let [y] = sigmoid_each(s, [x]);
    y
}

/// The same of several x, an operation of all before the next.
#[inline(always)]
pub(crate) fn sigmoid_each<S: Simd, const N: usize>(s: S, x: [S::Vector; N]) -> [S::Vector; N] {
    let one = s.splat(1.0);
    let mut minus = x;
    for x in &mut minus {
        *x = minus_abs(s, *x);
    }
    let e = exp_of_non_positive_each(s, minus);
    let mut y = e;
    for (y, x) in y.iter_mut().zip(x) {
        *y = s.select(s.less(x, s.splat(0.0)), *y, one);
    }
    for (y, e) in y.iter_mut().zip(e) {
        *y = s.div(*y, s.add(one, e));
    }
    y
}

/// tanh x within [`TANH_MAX_ULP`]. ±1 at ±∞, −0 at −0.
///
/// With t = e^−2|x| − 1, tanh |x| = −t / (2 + t); no cancellation near 0.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let minus = minus_abs(s, x);
    let t = expm1(s, s.add(minus, minus));
    s.copy_sign(s.div(t, s.add(s.splat(2.0), t)), x)
}

/// ln(1 + eˣ) within [`SOFTPLUS_MAX_ULP`]. 0 at −∞, ∞ at ∞.
///
/// In the stable form max(x, 0) + ln(1 + e^−|x|).
#[inline(always)]
pub(crate) fn softplus<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let e = exp_of_non_positive(s, minus_abs(s, x));
    // In this order NaN passes through `max`.
    s.add(s.max(s.splat(0.0), x), log1p_of_unit(s, e))
}
