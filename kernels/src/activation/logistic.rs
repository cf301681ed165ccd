//! Sigmoid and what is made of it.

use super::{Elementwise, Saves};
use crate::math::{SIGMOID_MAX_ULP, SOFTPLUS_MAX_ULP, TANH_MAX_ULP};
use crate::math::{expm1, sigmoid, sigmoid_each, softplus, tanh};
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Sigmoid;

impl Elementwise for Sigmoid {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = SIGMOID_MAX_ULP;
    const DERIVATIVE_MAX_ULP: f32 = 0.25;
    const FUSES_WITH_LOSS: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        sigmoid(s, z)
    }

    #[inline(always)]
    fn apply_each<S: Simd, const N: usize>(self, s: S, z: [S::Vector; N]) -> [S::Vector; N] {
        sigmoid_each(s, z)
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        s.mul(y, s.sub(s.splat(1.0), y))
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        s.mul(self.derivative(s, y), s.sub(s.splat(1.0), s.add(y, y)))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl Elementwise for Tanh {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = TANH_MAX_ULP;
    const DERIVATIVE_MAX_ULP: f32 = 0.5;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        tanh(s, z)
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        s.neg_mul_add(y, y, s.splat(1.0))
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        s.mul(s.mul(s.splat(-2.0), y), self.derivative(s, y))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Softplus;

impl Elementwise for Softplus {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = SOFTPLUS_MAX_ULP;
    const DERIVATIVE_MAX_ULP: f32 = 0.5;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        softplus(s, z)
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        // sigmoid(z) = 1 − e^−y
        let zero = s.splat(0.0);
        s.sub(zero, expm1(s, s.sub(zero, y)))
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        let slope = self.derivative(s, y);
        s.mul(slope, s.sub(s.splat(1.0), slope))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Silu;

/// Below −`SILU_LIMIT`, z·sigmoid(z) rounds to 0; above `SILU_LIMIT` the
/// derivative to 1. Limiting z keeps ∞·0 away.
const SILU_LIMIT: f32 = 110.0;

impl Elementwise for Silu {
    const SAVES: Saves = Saves::Input;
    const MAX_ULP: f32 = 3.25;
    const DERIVATIVE_MAX_ULP: f32 = 9.0;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-SILU_LIMIT), z);
        s.mul(z, sigmoid(s, z))
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-SILU_LIMIT), s.min(s.splat(SILU_LIMIT), z));
        let y = sigmoid(s, z);
        // y + z·y·(1 − y)
        s.mul_add(s.mul(z, y), s.sub(s.splat(1.0), y), y)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-SILU_LIMIT), s.min(s.splat(SILU_LIMIT), z));
        let (y, one) = (sigmoid(s, z), s.splat(1.0));
        // y′·(2 + z·(1 − 2y)) with y′ = y·(1 − y)
        let factor = s.mul_add(z, s.sub(one, s.add(y, y)), s.splat(2.0));
        s.mul(s.mul(y, s.sub(one, y)), factor)
    }
}
