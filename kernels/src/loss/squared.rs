//! Squared error: `(y − t)²`, derivative `2(y − t)`.

use super::elementwise::{ElementwiseLoss, only_valid};
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct SquaredError;

impl ElementwiseLoss for SquaredError {
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
        *sum = s.mul_add(difference, difference, *sum);
        s.add(difference, difference)
    }

    #[inline(always)]
    fn flush<S: Simd>(self, _: S, _: &mut S::Vector) {}

    #[inline(always)]
    fn total<S: Simd>(self, _: S, sum: S::Vector) -> S::Vector {
        sum
    }
}
