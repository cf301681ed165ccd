//! Identity and the relu family: linear for positive z.

use super::{Elementwise, Saves};
use crate::math::expm1;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Identity;

impl Elementwise for Identity {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = 0.0;
    const DERIVATIVE_MAX_ULP: f32 = 0.0;
    const IS_IDENTITY: bool = true;
    const FUSES_WITH_LOSS: bool = true;
    const IS_SHORT: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(self, _: S, z: S::Vector) -> S::Vector {
        z
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, _: S::Vector) -> S::Vector {
        s.splat(1.0)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, _: S::Vector) -> S::Vector {
        s.splat(0.0)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Relu;

impl Elementwise for Relu {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = 0.0;
    const DERIVATIVE_MAX_ULP: f32 = 0.0;
    const IS_SHORT: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        // In this order NaN passes through `max`.
        s.max(s.splat(0.0), z)
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        let zero = s.splat(0.0);
        s.select(s.less(zero, y), s.splat(1.0), zero)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, _: S::Vector) -> S::Vector {
        s.splat(0.0)
    }

    fn kinks(self) -> &'static [f32] {
        &[0.0]
    }
}

#[derive(Clone, Copy)]
pub(super) struct LeakyRelu {
    pub(super) slope: f32,
}

impl Elementwise for LeakyRelu {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = 0.5;
    const DERIVATIVE_MAX_ULP: f32 = 0.0;
    const IS_SHORT: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let positive = s.less(s.splat(0.0), z);
        // ∞ · 0 would be NaN.
        let limited = s.max(s.splat(f32::MIN), z);
        let z_below = if self.slope == 0.0 { limited } else { z };
        s.select(positive, z, s.mul(s.splat(self.slope), z_below))
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        let positive = s.less(s.splat(0.0), y);
        s.select(positive, s.splat(1.0), s.splat(self.slope))
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, _: S::Vector) -> S::Vector {
        s.splat(0.0)
    }

    fn kinks(self) -> &'static [f32] {
        if self.slope == 1.0 { &[] } else { &[0.0] }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Elu {
    pub(super) alpha: f32,
}

impl Elementwise for Elu {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = 3.5;
    const DERIVATIVE_MAX_ULP: f32 = 0.5;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let below = s.mul(s.splat(self.alpha), expm1(s, z));
        s.select(s.less(s.splat(0.0), z), z, below)
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        // α·eᶻ = α·(eᶻ − 1) + α
        let below = s.add(y, s.splat(self.alpha));
        s.select(s.less(s.splat(0.0), y), s.splat(1.0), below)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        let (zero, below) = (s.splat(0.0), s.add(y, s.splat(self.alpha)));
        s.select(s.less(zero, y), zero, below)
    }

    fn kinks(self) -> &'static [f32] {
        if self.alpha == 1.0 { &[] } else { &[0.0] }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Selu;

/// λ and α of Klambauer et al. 2017, equation 14, to f32.
const LAMBDA: f32 = 1.050_701;
const ALPHA: f32 = 1.673_263_2;

impl Elementwise for Selu {
    const SAVES: Saves = Saves::Output;
    const MAX_ULP: f32 = 2.75;
    const DERIVATIVE_MAX_ULP: f32 = 0.75;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        s.mul(s.splat(LAMBDA), Elu { alpha: ALPHA }.apply(s, z))
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        let below = s.add(y, s.splat(LAMBDA * ALPHA));
        s.select(s.less(s.splat(0.0), y), s.splat(LAMBDA), below)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, y: S::Vector) -> S::Vector {
        let (zero, below) = (s.splat(0.0), s.add(y, s.splat(LAMBDA * ALPHA)));
        s.select(s.less(zero, y), zero, below)
    }

    fn kinks(self) -> &'static [f32] {
        &[0.0]
    }
}
