//! Absolute error: `|y − t|`, derivative `sign(y − t)`, which is 0 at 0 and NaN
//! at NaN.

use super::elementwise::{ElementwiseLoss, only_valid};
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct AbsoluteError;

impl ElementwiseLoss for AbsoluteError {
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
        *sum = s.add(*sum, distance);
        // The difference itself where it is 0 or NaN.
        let sign = s.copy_sign(s.splat(1.0), difference);
        s.select(s.less(s.splat(0.0), distance), sign, difference)
    }

    #[inline(always)]
    fn flush<S: Simd>(self, _: S, _: &mut S::Vector) {}

    #[inline(always)]
    fn total<S: Simd>(self, _: S, sum: S::Vector) -> S::Vector {
        sum
    }
}
