//! 0 with probability p, x/(1 − p) elsewhere.

use super::ElementwiseNoise;
use crate::random::Uniform;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Dropout {
    probability: f32,
    scale: f32,
}

impl Dropout {
    /// For a probability below 1.
    pub(super) fn new(probability: f32) -> Self {
        Dropout {
            probability,
            scale: 1.0 / (1.0 - probability),
        }
    }
}

impl ElementwiseNoise for Dropout {
    type Distribution = Uniform;
    const DISTRIBUTION: Uniform = Uniform;

    #[inline(always)]
    fn corrupt<S: Simd>(self, s: S, x: S::Vector, random: S::Vector) -> S::Vector {
        let dropped = s.less(random, s.splat(self.probability));
        s.select(dropped, s.splat(0.0), s.mul(x, s.splat(self.scale)))
    }
}
