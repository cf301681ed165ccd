//! Clipping of gradients by their global norm, between the two regions of a
//! step.
//!
//! ```text
//! norm = √(Σ over all parameters of Σ g²)
//! g ← g · limit / norm,  where norm > limit
//! ```
//!
//! (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural
//! networks", 2013; Keras' `global_clipnorm`.) The norm needs every gradient
//! before the first weight moves, so a clipped step keeps the gradients of
//! weights in memory.

use autoencoder_kernels::Mat;
use autoencoder_kernels::parallel::{Parallelism, for_each_mut};

use super::record::check_factor;
use crate::error::Result;

/// Sums that run side by side, so that the compiler has vectors to use and no
/// addition waits for the one before.
const LANES: usize = 8;

/// A limit of the norm, and room to work out the norm.
#[derive(Debug)]
pub(super) struct Clip {
    limit: f64,
    /// Σ g² of each parameter.
    squares: Vec<f64>,
    norm: f64,
}

impl Clip {
    pub(super) fn new(limit: f32, parameters: usize) -> Result<Self> {
        check_factor("the norm that gradients are clipped to", limit)?;
        Ok(Clip {
            limit: f64::from(limit),
            squares: vec![0.0; parameters],
            norm: 0.0,
        })
    }

    /// Before clipping.
    pub(super) fn norm(&self) -> f64 {
        self.norm
    }

    /// Clips. A parameter's sum is one task, and the sums are added up in the
    /// order of the parameters, so threads change no bit.
    pub(super) fn run(&mut self, parallelism: Parallelism, gradients: &mut [Mat<f32>]) {
        let all = &*gradients;
        for_each_mut(parallelism, &mut self.squares, |i, sum| {
            *sum = sum_of_squares(all[i].as_slice());
        });
        self.norm = self.squares.iter().sum::<f64>().sqrt();
        // NaN stays, for the caller to find in the weights.
        if self.norm > self.limit {
            let factor = (self.limit / self.norm) as f32;
            for_each_mut(parallelism, gradients, |_, gradient| {
                gradient
                    .as_mut_slice()
                    .iter_mut()
                    .for_each(|g| *g *= factor);
            });
        }
    }
}

/// Σ x², in f64: no gradient overflows it.
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut add = |values: &[f32]| {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += f64::from(value) * f64::from(value);
        }
    };
    chunks.iter().for_each(|chunk| add(chunk));
    add(rest);
    sums.iter().sum()
}
