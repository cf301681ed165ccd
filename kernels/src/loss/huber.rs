//! Huber's loss, without a branch: with `d = y − t` and `c = min(|d|, δ)`,
//!
//! ```text
//! value      = c·(|d| − c/2)    = d²/2 where |d| ≤ δ, else δ·(|d| − δ/2)
//! derivative = c with d's sign  = d    where |d| ≤ δ, else ±δ
//! ```

use super::elementwise::{ElementwiseLoss, only_valid};
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Huber {
    pub(super) delta: f32,
}

impl ElementwiseLoss for Huber {
    type Sum<S: Simd> = S::Vector;
    const ADDS_BEFORE_FLUSH: usize = usize::MAX;
    const IS_SHORT: bool = true;

    #[inline(always)]
    fn start<S: Simd>(self, s: S) -> S::Vector {
        s.splat(0.0)
    }

    #[inline(always)]
    fn add<S: Simd>(
        self,
        s: S,
        sum: &mut S::Vector,
        prediction: S::Vector,
        target: S::Vector,
        valid: Option<S::Mask>,
    ) -> S::Vector {
        let difference = only_valid(s, s.sub(prediction, target), valid);
        let distance = s.abs(difference);
        // In this order of arguments, min keeps NaN.
        let clipped = s.min(s.splat(self.delta), distance);
        let value = s.neg_mul_add(s.splat(0.5), clipped, distance);
        *sum = s.mul_add(clipped, value, *sum);
        s.copy_sign(clipped, difference)
    }

    #[inline(always)]
    fn flush<S: Simd>(self, _: S, _: &mut S::Vector) {}

    #[inline(always)]
    fn total<S: Simd>(self, _: S, sum: S::Vector) -> S::Vector {
        sum
    }
}
