//! Binary cross-entropy from logits, the hot loop of training on images.
//!
//! With `e = e^−|z|`, which lies in [0, 1] and cannot overflow,
//!
//! ```text
//! value      = max(z, 0) − z·t + log(1 + e)
//! derivative = σ(z) − t,  σ(z) = 1/(1 + e) where z ≥ 0, e/(1 + e) elsewhere
//! ```
//!
//! so that one exponential serves both. The logarithms are not taken one by
//! one: `Σ log(1 + e) = log Π (1 + e)`. Each factor lies in [1, 2], so 120 of
//! them stay below 2¹²⁰, and then the exponent of the product moves to a
//! counter of its own, which is exact. One logarithm is left, in `total`.
//!
//! The price is an absolute error of up to 2⁻²³ per element in place of a
//! relative one: `1 + e` rounds to 1 where the value is below 6e-8.

use super::elementwise::{ElementwiseLoss, only_valid};
use crate::math;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct CrossEntropy;

/// `linear + log(product) + exponent·log 2`
#[derive(Clone, Copy)]
pub(super) struct Sum<S: Simd> {
    linear: S::Vector,
    product: S::Vector,
    exponent: S::Vector,
}

impl ElementwiseLoss for CrossEntropy {
    type Sum<S: Simd> = Sum<S>;
    // 2¹²⁰, times the 2 that a flush may leave behind, is below f32's 2¹²⁸.
    const ADDS_BEFORE_FLUSH: usize = 120;

    #[inline(always)]
    fn start<S: Simd>(self, s: S) -> Sum<S> {
        Sum {
            linear: s.splat(0.0),
            product: s.splat(1.0),
            exponent: s.splat(0.0),
        }
    }

    #[inline(always)]
    fn add<S: Simd>(
        self,
        s: S,
        sum: &mut Sum<S>,
        logit: S::Vector,
        target: S::Vector,
        valid: Option<S::Mask>,
    ) -> S::Vector {
        let [derivative] = self.add_each(s, sum, [logit], [target], valid);
        derivative
    }

    #[inline(always)]
    fn add_each<S: Simd, const N: usize>(
        self,
        s: S,
        sum: &mut Sum<S>,
        logits: [S::Vector; N],
        targets: [S::Vector; N],
        valid: Option<S::Mask>,
    ) -> [S::Vector; N] {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let mut e = exp_of_minus_abs(s, logits);
        let mut one_plus_e = e;
        for (e, one_plus_e) in e.iter_mut().zip(&mut one_plus_e) {
            *e = only_valid(s, *e, valid);
            *one_plus_e = s.add(one, *e);
        }
        let mut derivatives = e;
        for (v, &logit) in derivatives.iter_mut().zip(&logits) {
            *v = s.select(s.less(logit, zero), *v, one);
        }
        for (v, &one_plus_e) in derivatives.iter_mut().zip(&one_plus_e) {
            *v = s.div(*v, one_plus_e);
        }
        for one_plus_e in one_plus_e {
            sum.product = s.mul(sum.product, one_plus_e);
        }
        for (&logit, &target) in logits.iter().zip(&targets) {
            // Exactly 0 for t = 1 and z ≥ 0, before it meets the sum. In this
            // order of arguments, max keeps NaN.
            let linear = s.neg_mul_add(logit, target, s.max(zero, logit));
            sum.linear = s.add(sum.linear, only_valid(s, linear, valid));
        }
        for (v, target) in derivatives.iter_mut().zip(targets) {
            *v = s.sub(*v, target);
        }
        derivatives
    }

    #[inline(always)]
    fn flush<S: Simd>(self, s: S, sum: &mut Sum<S>) {
        // Unspecified for NaN, which `linear` holds then too.
        let (product, exponent) = s.split_exponent(sum.product);
        sum.product = product;
        sum.exponent = s.add(sum.exponent, exponent);
    }

    #[inline(always)]
    fn total<S: Simd>(self, s: S, sum: Sum<S>) -> S::Vector {
        let log2 = s.splat(std::f32::consts::LN_2);
        let log = s.mul_add(sum.exponent, log2, math::log(s, sum.product));
        s.add(sum.linear, log)
    }
}

/// `(2^f − 1)/f` for |f| ≤ ½: our own minimax fit (least squares on Chebyshev
/// nodes, weighted with the error until it is even), relative error of `2^f`
/// 1.1e-7. The constant of `2^f` is held at 1, so that `e⁰ = 1` exactly.
#[allow(
    clippy::approx_constant,
    reason = "the fitted coefficient is near ln 2, not equal to it"
)]
const EXP2: [f32; 5] = [
    0.693_147,
    0.240_222_42,
    0.055_507_336,
    0.009_671_513,
    0.001_326_472_7,
];

/// `e^−|z|` within 2e-7 of absolute error and, down to `z = −10`, 10 ULP; 0 for
/// `|z| > 104`; NaN for NaN.
///
/// `e^−a = 2^y` with `y = −a·log₂e = n + f`, `n` integral and `|f| ≤ ½`. The
/// subtraction `f = y − n` is exact, so the only error besides that of the
/// polynomial is the rounding of `y`, `|y|·2⁻²⁴` relative to `e`, which is
/// below 2⁻²⁵ relative to 1. That saves the two-step reduction that an
/// exponential for all arguments needs.
#[inline(always)]
fn exp_of_minus_abs<S: Simd, const N: usize>(s: S, z: [S::Vector; N]) -> [S::Vector; N] {
    // Beyond ±174 the result is 0 anyhow and 2^n would leave its range. In
    // this order of arguments, min keeps NaN.
    let mut f = z;
    for f in &mut f {
        *f = s.min(s.splat(174.0), s.abs(*f));
    }
    for f in &mut f {
        *f = s.mul(*f, s.splat(-std::f32::consts::LOG2_E));
    }
    let mut n = f;
    for n in &mut n {
        *n = s.round(*n);
    }
    for (f, &n) in f.iter_mut().zip(&n) {
        *f = s.sub(*f, n);
    }
    let mut p = [s.splat(EXP2[4]); N];
    for c in [EXP2[3], EXP2[2], EXP2[1], EXP2[0], 1.0] {
        for (p, &f) in p.iter_mut().zip(&f) {
            *p = s.mul_add(*p, f, s.splat(c));
        }
    }
    for (p, n) in p.iter_mut().zip(n) {
        *p = s.scale_by_power_of_two(*p, n);
    }
    p
}
