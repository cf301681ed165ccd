//! Pepper, 0, where u < p/2, and salt, 1, where p/2 ≤ u < p, with u uniform in
//! [0, 1).

use super::ElementwiseNoise;
use crate::random::Uniform;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct SaltAndPepper {
    pub(super) probability: f32,
}

impl ElementwiseNoise for SaltAndPepper {
    type Distribution = Uniform;
    const DISTRIBUTION: Uniform = Uniform;

    #[inline(always)]
    fn corrupt<S: Simd>(self, s: S, x: S::Vector, random: S::Vector) -> S::Vector {
        let pepper = s.less(random, s.splat(0.5 * self.probability));
        let either = s.less(random, s.splat(self.probability));
        let extreme = s.select(pepper, s.splat(0.0), s.splat(1.0));
        s.select(either, extreme, x)
    }
}
