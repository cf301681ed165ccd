//! x + σ·n cut to [0, 1], with n standard normal: a noisy picture that is a
//! picture again.

use super::ElementwiseNoise;
use super::gaussian::Gaussian;
use crate::random::Normal;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct ClippedGaussian {
    pub(super) stddev: f32,
}

impl ElementwiseNoise for ClippedGaussian {
    type Distribution = Normal;
    const DISTRIBUTION: Normal = Normal;

    #[inline(always)]
    fn corrupt<S: Simd>(self, s: S, x: S::Vector, random: S::Vector) -> S::Vector {
        let stddev = self.stddev;
        let noisy = Gaussian { stddev }.corrupt(s, x, random);
        // In this order of operands, NaN stays NaN.
        s.min(s.splat(1.0), s.max(s.splat(0.0), noisy))
    }
}
