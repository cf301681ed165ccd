//! RMSprop: the plain form with one number of state, and the general form,
//! centered or with momentum or both, with three.

use super::Convention;
use super::elementwise::{ElementwiseUpdate, moving_mean, moving_mean_square};
use crate::simd::Simd;

/// `v ← ρv + (1−ρ)g²`, `w ← w − lr·g/(√(v + inside) + outside)`, where one of
/// `inside` and `outside` is ε and the other 0.
#[derive(Clone, Copy)]
pub(super) struct RmsProp {
    learning_rate: f32,
    one_minus_rho: f32,
    inside: f32,
    outside: f32,
}

impl RmsProp {
    pub(super) fn new(learning_rate: f64, rho: f64, epsilon: f64, convention: Convention) -> Self {
        let (inside, outside) = match convention {
            Convention::Keras => (epsilon, 0.0),
            Convention::Keras2 | Convention::PyTorch => (0.0, epsilon),
        };
        RmsProp {
            learning_rate: learning_rate as f32,
            one_minus_rho: (1.0 - rho) as f32,
            inside: inside as f32,
            outside: outside as f32,
        }
    }

    pub(super) fn general(
        self,
        momentum: f64,
        centered: bool,
        convention: Convention,
    ) -> GeneralRmsProp {
        let (into, of_velocity) = match convention {
            Convention::Keras | Convention::Keras2 => (self.learning_rate, 1.0),
            Convention::PyTorch => (1.0, self.learning_rate),
        };
        GeneralRmsProp {
            plain: self,
            centered: if centered { 1.0 } else { 0.0 },
            momentum: momentum as f32,
            into,
            of_velocity,
        }
    }

    /// `g/(√(square + inside) + outside)`
    #[inline(always)]
    fn normalized<S: Simd>(self, s: S, gradient: S::Vector, square: S::Vector) -> S::Vector {
        let root = s.sqrt(s.add(square, s.splat(self.inside)));
        s.div(gradient, s.add(root, s.splat(self.outside)))
    }
}

impl ElementwiseUpdate for RmsProp {
    const SLOTS: usize = 1;

    #[inline(always)]
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        state: &mut [S::Vector; 3],
    ) -> S::Vector {
        state[0] = moving_mean_square(s, self.one_minus_rho, state[0], gradient);
        let u = self.normalized(s, gradient, state[0]);
        s.neg_mul_add(s.splat(self.learning_rate), u, weight)
    }
}

/// ```text
/// v ← ρv + (1−ρ)g²,  a ← ρa + (1−ρ)g
/// u = g/(√(v − centered·a² + inside) + outside)
/// b ← momentum·b + into·u,  w ← w − of_velocity·b
/// ```
#[derive(Clone, Copy)]
pub(super) struct GeneralRmsProp {
    plain: RmsProp,
    /// 1 or 0.
    centered: f32,
    momentum: f32,
    into: f32,
    of_velocity: f32,
}

impl ElementwiseUpdate for GeneralRmsProp {
    const SLOTS: usize = 3;

    #[inline(always)]
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        state: &mut [S::Vector; 3],
    ) -> S::Vector {
        let v = moving_mean_square(s, self.plain.one_minus_rho, state[0], gradient);
        let a = moving_mean(s, self.plain.one_minus_rho, state[1], gradient);
        let variance = s.neg_mul_add(s.mul(s.splat(self.centered), a), a, v);
        // Rounding may leave it a little below 0; NaN stays.
        let variance = s.max(s.splat(0.0), variance);
        let u = self.plain.normalized(s, gradient, variance);
        let kept = s.mul(s.splat(self.momentum), state[2]);
        let b = s.mul_add(s.splat(self.into), u, kept);
        *state = [v, a, b];
        s.neg_mul_add(s.splat(self.of_velocity), b, weight)
    }
}
