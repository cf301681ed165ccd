//! What a noise is to a kernel: a function of an element and a random number,
//! on registers.

use crate::random::Distribution;
use crate::simd::Simd;

/// A noise as an operation on registers. Implementations are
/// `#[inline(always)]`.
pub(super) trait ElementwiseNoise: Copy + Send + Sync + 'static {
    /// Where the random numbers come from.
    type Distribution: Distribution;
    /// The same, as a value.
    const DISTRIBUTION: Self::Distribution;

    /// What becomes of `x`.
    fn corrupt<S: Simd>(self, s: S, x: S::Vector, random: S::Vector) -> S::Vector;
}

/// What is done with a noise as a type; see `Noise::visit`.
pub(super) trait NoiseVisitor {
    /// What the visit returns.
    type Output;

    /// Called once, with the noise.
    fn visit<N: ElementwiseNoise>(self, noise: N) -> Self::Output;
}
