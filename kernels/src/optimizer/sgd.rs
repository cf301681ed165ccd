//! Stochastic gradient descent, without state and with momentum.

use super::Convention;
use super::elementwise::ElementwiseUpdate;
use crate::simd::Simd;

/// `w ← w − lr·g`
#[derive(Clone, Copy)]
pub(super) struct Plain {
    learning_rate: f32,
}

impl Plain {
    pub(super) fn new(learning_rate: f64) -> Self {
        Plain {
            learning_rate: learning_rate as f32,
        }
    }
}

impl ElementwiseUpdate for Plain {
    const SLOTS: usize = 0;

    #[inline(always)]
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        _: &mut [S::Vector; 3],
    ) -> S::Vector {
        s.neg_mul_add(s.splat(self.learning_rate), gradient, weight)
    }
}

/// All four kinds of momentum:
///
/// ```text
/// v ← momentum·v + into·g
/// w ← w + of_velocity·v + of_gradient·g
///
///                     into   of_velocity     of_gradient
/// Keras               −lr    1               0
/// Keras, Nesterov     −lr    momentum        −lr
/// PyTorch             1      −lr             0
/// PyTorch, Nesterov   1      −lr·momentum    −lr
/// ```
#[derive(Clone, Copy)]
pub(super) struct Momentum {
    momentum: f32,
    into: f32,
    of_velocity: f32,
    of_gradient: f32,
}

impl Momentum {
    pub(super) fn new(
        learning_rate: f64,
        momentum: f64,
        nesterov: bool,
        convention: Convention,
    ) -> Self {
        let (into, velocity) = match convention {
            Convention::Keras | Convention::Keras2 => (-learning_rate, 1.0),
            Convention::PyTorch => (1.0, -learning_rate),
        };
        let (of_velocity, of_gradient) = if nesterov {
            (velocity * momentum, -learning_rate)
        } else {
            (velocity, 0.0)
        };
        Momentum {
            momentum: momentum as f32,
            into: into as f32,
            of_velocity: of_velocity as f32,
            of_gradient: of_gradient as f32,
        }
    }
}

impl ElementwiseUpdate for Momentum {
    const SLOTS: usize = 1;

    #[inline(always)]
    fn update<S: Simd>(
        self,
        s: S,
        weight: S::Vector,
        gradient: S::Vector,
        state: &mut [S::Vector; 3],
    ) -> S::Vector {
        let kept = s.mul(s.splat(self.momentum), state[0]);
        state[0] = s.mul_add(s.splat(self.into), gradient, kept);
        let weight = s.mul_add(s.splat(self.of_gradient), gradient, weight);
        s.mul_add(s.splat(self.of_velocity), state[0], weight)
    }
}
