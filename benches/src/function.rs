//! Elementary functions by us, by rten-vecmath and by the scalar libm.

use std::mem::MaybeUninit;

use autoencoder_kernels::math::Function as Ours;
use autoencoder_kernels::{Activation, Level, MatMut, MatRef, activation};
use rten_simd::SimdUnaryOp;

use crate::assert_close;

/// Writes all of the slice and returns it.
pub type IntoUninit = for<'a> fn(&[f32], &'a mut [MaybeUninit<f32>]) -> &'a [f32];

/// One function.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Ours.
    pub ours: fn(Level, &[f32], &mut [f32]),
    /// rten-vecmath's, where it has one.
    pub rten: Option<IntoUninit>,
    /// Of one number, by the C library, which std calls, or the libm crate.
    pub scalar: fn(f32) -> f32,
    /// The arguments are spread over this range.
    pub range: (f32, f32),
}

fn math(function: Ours, level: Level, from: &[f32], to: &mut [f32]) {
    function.apply(level, from, to).expect("the lengths agree");
}

fn gelu(level: Level, from: &[f32], to: &mut [f32]) {
    let cols = from.len();
    let z = MatRef::new(from, 1, cols).expect("one row");
    let y = MatMut::new(to, 1, cols).expect("one row");
    activation::forward(level, Activation::Gelu, z, y).expect("the shapes agree");
}

impl Function {
    /// Those that activations and losses are made of.
    pub const ALL: [Function; 6] = [
        Function {
            name: "exp",
            ours: |level, from, to| math(Ours::Exp, level, from, to),
            rten: Some(|from, to| rten_vecmath::Exp {}.map(from, to)),
            scalar: f32::exp,
            range: (-20.0, 20.0),
        },
        Function {
            name: "log",
            ours: |level, from, to| math(Ours::Log, level, from, to),
            rten: None,
            scalar: f32::ln,
            range: (1e-3, 1e3),
        },
        Function {
            name: "sigmoid",
            ours: |level, from, to| math(Ours::Sigmoid, level, from, to),
            rten: Some(|from, to| rten_vecmath::Sigmoid {}.map(from, to)),
            scalar: |x| 1.0 / (1.0 + (-x).exp()),
            range: (-8.0, 8.0),
        },
        Function {
            name: "tanh",
            ours: |level, from, to| math(Ours::Tanh, level, from, to),
            rten: Some(|from, to| rten_vecmath::Tanh {}.map(from, to)),
            scalar: f32::tanh,
            range: (-8.0, 8.0),
        },
        Function {
            name: "softplus",
            ours: |level, from, to| math(Ours::Softplus, level, from, to),
            rten: None,
            scalar: |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
            range: (-8.0, 8.0),
        },
        Function {
            name: "gelu",
            ours: gelu,
            rten: Some(|from, to| rten_vecmath::Gelu {}.map(from, to)),
            scalar: |x| 0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2)),
            range: (-8.0, 8.0),
        },
    ];

    /// `length` arguments, in no order that a branch could learn.
    pub fn arguments(&self, length: usize) -> Vec<f32> {
        let (low, high) = self.range;
        let spread = |x: f32| low + (high - low) * (x + 0.5);
        crate::numbers(length, 3).into_iter().map(spread).collect()
    }

    /// The scalar function of each number.
    pub fn scalar(&self, from: &[f32], to: &mut [f32]) {
        for (y, &x) in to.iter_mut().zip(from) {
            *y = (self.scalar)(x);
        }
    }

    /// Panics unless all agree.
    ///
    /// # Panics
    /// See above.
    pub fn check(&self) {
        let from = self.arguments(1009);
        let mut expected = vec![0.0; from.len()];
        self.scalar(&from, &mut expected);
        for &level in Level::available() {
            let mut to = vec![f32::NAN; from.len()];
            (self.ours)(level, &from, &mut to);
            assert_close(self.name, &to, &expected, 1e-6);
        }
        if let Some(rten) = self.rten {
            let mut to = vec![MaybeUninit::uninit(); from.len()];
            assert_close(self.name, rten(&from, &mut to), &expected, 1e-6);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_agree() {
        super::Function::ALL.iter().for_each(super::Function::check);
    }
}
