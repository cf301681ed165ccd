//! Adam and AdamW, in one form for both conventions.
//!
//! PyTorch divides `√v̂ + ε` where Keras divides `√v + ε`. With
//! `c₁ = 1−β₁ᵗ` and `c₂ = √(1−β₂ᵗ)`, so that `m̂ = m/c₁` and `√v̂ = √v/c₂`,
//!
//! ```text
//! lr·m̂ / (√v̂ + ε)  =  lr·c₂/c₁ · m / (√v + c₂·ε)
//! ```
//!
//! which is Keras' formula with an ε of its own in each step.

use super::Convention;
use super::elementwise::{ElementwiseUpdate, moving_mean, moving_mean_square};
use crate::simd::Simd;

/// `w ← keep·w − alpha·m/(√v + ε)`
#[derive(Clone, Copy)]
pub(super) struct Adam {
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    alpha: f32,
    epsilon: f32,
    /// Exactly 1 without weight decay.
    keep: f32,
}

impl Adam {
    pub(super) fn new(
        learning_rate: f64,
        step: u64,
        [beta1, beta2]: [f64; 2],
        epsilon: f64,
        weight_decay: f64,
        convention: Convention,
    ) -> Self {
        let c1 = 1.0 - beta1.powf(step as f64);
        let c2 = (1.0 - beta2.powf(step as f64)).sqrt();
        let epsilon = match convention {
            Convention::Keras | Convention::Keras2 => epsilon,
            Convention::PyTorch => c2 * epsilon,
        };
        Adam {
            one_minus_beta1: (1.0 - beta1) as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            alpha: (learning_rate * c2 / c1) as f32,
            epsilon: epsilon as f32,
            keep: (1.0 - learning_rate * weight_decay) as f32,
        }
    }
}

impl ElementwiseUpdate for Adam {
    const SLOTS: usize = 2;

    #[inline(always)]
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        state: &mut [S::Vector; 3],
    ) -> S::Vector {
        let m = moving_mean(s, self.one_minus_beta1, state[0], gradient);
        let v = moving_mean_square(s, self.one_minus_beta2, state[1], gradient);
        (state[0], state[1]) = (m, v);
        let quotient = s.div(m, s.add(s.sqrt(v), s.splat(self.epsilon)));
        let kept = s.mul(s.splat(self.keep), weight);
        s.neg_mul_add(s.splat(self.alpha), quotient, kept)
    }
}
