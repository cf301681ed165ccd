//! What an optimiser is to a kernel: a new weight from the old one, its
//! gradient and its state, on registers.

use crate::simd::Simd;

/// One step of an optimiser, its scalars computed.
///
/// Implementations are `#[inline(always)]` throughout.
pub(crate) trait ElementwiseUpdate: Copy + Send + Sync + 'static {
    /// Numbers that are kept for each weight: 0 … 3.
    const SLOTS: usize;

    /// The new weight. The first `SLOTS` vectors of `state` are read and
    /// replaced, the others untouched.
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        state: &mut [S::Vector; 3],
    ) -> S::Vector;
}

/// What is done with a step as a type; see `Optimizer::visit`.
pub(crate) trait UpdateVisitor {
    /// What the visit returns.
    type Output;

    /// Called once, with the step.
    fn visit<U: ElementwiseUpdate>(self, update: U) -> Self::Output;
}

/// `ρ·mean + (1−ρ)·x`, given `1−ρ`.
#[inline(always)]
pub(super) fn moving_mean<S: Simd>(
    s: S,
    one_minus_rho: f32,
    mean: S::Vector,
    x: S::Vector,
) -> S::Vector {
    s.neg_mul_add(s.splat(one_minus_rho), s.sub(mean, x), mean)
}

/// `ρ·mean + (1−ρ)·x²`, given `1−ρ`. Never below 0 if `mean` is not: `mean`
/// loses no more than its part `1−ρ`.
#[inline(always)]
pub(super) fn moving_mean_square<S: Simd>(
    s: S,
    one_minus_rho: f32,
    mean: S::Vector,
    x: S::Vector,
) -> S::Vector {
    s.neg_mul_add(s.splat(one_minus_rho), s.neg_mul_add(x, x, mean), mean)
}
