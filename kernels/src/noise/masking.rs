//! 0 with probability p: where u < p, with u uniform in [0, 1).

use super::ElementwiseNoise;
use crate::random::Uniform;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Masking {
    pub(super) probability: f32,
}

impl ElementwiseNoise for Masking {
    type Distribution = Uniform;
    const DISTRIBUTION: Uniform = Uniform;

    #[inline(always)]
    fn corrupt<S: Simd>(self, s: S, x: S::Vector, random: S::Vector) -> S::Vector {
        let masked = s.less(random, s.splat(self.probability));
        s.select(masked, s.splat(0.0), x)
    }
}
