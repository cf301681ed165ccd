//! Adadelta; all conventions share the formula.

use super::elementwise::{ElementwiseUpdate, moving_mean_square};
use crate::simd::Simd;

/// `v ← ρv + (1−ρ)g²`, `Δ = √((d + ε)/(v + ε))·g`, `d ← ρd + (1−ρ)Δ²`,
/// `w ← w − lr·Δ`: one root of the quotient in the place of two.
#[derive(Clone, Copy)]
pub(super) struct Adadelta {
    learning_rate: f32,
    one_minus_rho: f32,
    epsilon: f32,
}

impl Adadelta {
    pub(super) fn new(learning_rate: f64, rho: f64, epsilon: f64) -> Self {
        Adadelta {
            learning_rate: learning_rate as f32,
            one_minus_rho: (1.0 - rho) as f32,
            epsilon: epsilon as f32,
        }
    }
}

impl ElementwiseUpdate for Adadelta {
    const SLOTS: usize = 2;

    #[inline(always)]
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        state: &mut [S::Vector; 3],
    ) -> S::Vector {
        let epsilon = s.splat(self.epsilon);
        let v = moving_mean_square(s, self.one_minus_rho, state[0], gradient);
        let ratio = s.div(s.add(state[1], epsilon), s.add(v, epsilon));
        let delta = s.mul(s.sqrt(ratio), gradient);
        state[0] = v;
        state[1] = moving_mean_square(s, self.one_minus_rho, state[1], delta);
        s.neg_mul_add(s.splat(self.learning_rate), delta, weight)
    }
}
