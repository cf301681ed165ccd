//! The Gaussian error linear unit, exact and approximated by tanh.

use super::{Elementwise, Saves};
use crate::math::{normal, sigmoid};
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Gelu;

/// Below −`LIMIT`, gelu rounds to 0; above `LIMIT` its derivative to 1.
/// Limiting z keeps ∞·0 away.
const LIMIT: f32 = 15.0;

impl Elementwise for Gelu {
    const SAVES: Saves = Saves::Input;
    const MAX_ULP: f32 = 8.5;
    const DERIVATIVE_MAX_ULP: f32 = 1.5;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-LIMIT), z);
        s.mul(z, normal(s, z).0)
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-LIMIT), s.min(s.splat(LIMIT), z));
        let (cdf, density) = normal(s, z);
        s.mul_add(z, density, cdf)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-LIMIT), s.min(s.splat(LIMIT), z));
        s.mul(normal(s, z).1, s.neg_mul_add(z, z, s.splat(2.0)))
    }
}

#[derive(Clone, Copy)]
pub(super) struct GeluTanh;

/// As ½·(1 + tanh u) = sigmoid(2u), gelu ≈ z·sigmoid(2u) with
/// 2u = z·(`LINEAR` + `CUBIC`·z²): 2·√(2/π), and 0.044715 times that.
const LINEAR: f32 = 1.595_769_2;
const CUBIC: f32 = 0.071_354_814;

impl Elementwise for GeluTanh {
    const SAVES: Saves = Saves::Input;
    const MAX_ULP: f32 = 210.0;
    const DERIVATIVE_MAX_ULP: f32 = 18.0;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-LIMIT), z);
        let slope = s.mul_add(s.mul(z, z), s.splat(CUBIC), s.splat(LINEAR));
        s.mul(z, sigmoid(s, s.mul(z, slope)))
    }

    #[inline(always)]
    fn derivative<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-LIMIT), s.min(s.splat(LIMIT), z));
        let square = s.mul(z, z);
        let (linear, cubic) = (s.splat(LINEAR), s.splat(CUBIC));
        let y = sigmoid(s, s.mul(z, s.mul_add(square, cubic, linear)));
        // (z·y)′ = y + z·y·(1 − y)·(2u)′
        let inner = s.mul_add(square, s.splat(3.0 * CUBIC), linear);
        let y_slope = s.mul(y, s.sub(s.splat(1.0), y));
        s.mul_add(s.mul(z, y_slope), inner, y)
    }

    #[inline(always)]
    fn second_derivative<S: Simd>(self, s: S, z: S::Vector) -> S::Vector {
        let z = s.max(s.splat(-LIMIT), s.min(s.splat(LIMIT), z));
        let square = s.mul(z, z);
        let (linear, cubic) = (s.splat(LINEAR), s.splat(CUBIC));
        let y = sigmoid(s, s.mul(z, s.mul_add(square, cubic, linear)));
        let y_slope = s.mul(y, s.sub(s.splat(1.0), y));
        let y_bend = s.sub(s.splat(1.0), s.add(y, y));
        // With v = 2u: y·(1 − y)·(2v′ + z·(v″ + (1 − 2y)·v′²))
        let inner = s.mul_add(square, s.splat(3.0 * CUBIC), linear);
        let bend = s.mul_add(y_bend, s.mul(inner, inner), s.mul(s.splat(6.0 * CUBIC), z));
        s.mul(y_slope, s.mul_add(z, bend, s.add(inner, inner)))
    }
}
