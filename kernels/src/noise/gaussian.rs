//! x + σ·n, with n standard normal.

use super::ElementwiseNoise;
use crate::random::Normal;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Gaussian {
    pub(super) stddev: f32,
}

impl ElementwiseNoise for Gaussian {
    type Distribution = Normal;
    const DISTRIBUTION: Normal = Normal;

    #[inline(always)]
    fn corrupt<S: Simd>(self, s: S, x: S::Vector, random: S::Vector) -> S::Vector {
        s.mul_add(s.splat(self.stddev), random, x)
    }
}
