//! Binary cross-entropy from probabilities, clipped as Keras clips them:
//!
//! ```text
//! c          = y clipped to [1e-7, 1 − 1e-7]
//! value      = −t·log c − (1 − t)·log(1 − c)
//! derivative = (c − t) / (c·(1 − c)), or 0 where y was clipped
//! ```

use super::elementwise::{ElementwiseLoss, only_valid};
use crate::math;
use crate::simd::Simd;

/// The smallest probability, Keras' `epsilon`.
pub(crate) const LOWEST: f32 = 1e-7;
/// The largest probability, `1 − LOWEST` as f32 rounds it.
pub(crate) const HIGHEST: f32 = 1.0 - LOWEST;

#[derive(Clone, Copy)]
pub(super) struct ClippedCrossEntropy;

impl ElementwiseLoss for ClippedCrossEntropy {
    type Sum<S: Simd> = S::Vector;
    const ADDS_BEFORE_FLUSH: usize = usize::MAX;

    #[inline(always)]
    fn start<S: Simd>(self, s: S) -> S::Vector {
        s.splat(0.0)
    }

    #[inline(always)]
    fn add<S: Simd>(
        self,
        s: S,
        sum: &mut S::Vector,
        probability: S::Vector,
        target: S::Vector,
        valid: Option<S::Mask>,
    ) -> S::Vector {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let (lowest, highest) = (s.splat(LOWEST), s.splat(HIGHEST));
        // In this order of arguments, min and max keep NaN.
        let c = s.max(lowest, s.min(highest, probability));
        let log = math::log(s, c);
        let log_of_rest = math::log1p(s, s.sub(zero, c));
        // Exactly one of the logarithms for t = 0 and t = 1.
        let rest = s.mul(s.sub(one, target), log_of_rest);
        let minus_value = s.mul_add(target, log, rest);
        *sum = s.sub(*sum, only_valid(s, minus_value, valid));

        let slope = s.div(s.sub(c, target), s.mul(c, s.sub(one, c)));
        let slope = s.select(s.less(probability, lowest), zero, slope);
        s.select(s.less(highest, probability), zero, slope)
    }

    #[inline(always)]
    fn flush<S: Simd>(self, _: S, _: &mut S::Vector) {}

    #[inline(always)]
    fn total<S: Simd>(self, _: S, sum: S::Vector) -> S::Vector {
        sum
    }
}
