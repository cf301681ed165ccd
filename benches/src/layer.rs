//! Dense layers three ways: the bare product, the fused kernel, and the product
//! with passes of its own for all the rest.

use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, UpdateWeight, column_sums,
};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::optimizer::{self, OptimizerState};
use autoencoder_kernels::{Activation, Context, Loss, Mat, MatRef, Optimizer, activation, loss};

use crate::{assert_close, numbers};

/// What is computed beside the product X·W, on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// σ(X·W + b)
    Forward,
    /// Binary cross-entropy of σ(X·W + b), its gradient δ, the column sums of δ
    ForwardLoss,
    /// δ below = (X·W) ⊙ σ′, with X the δ of a layer and W its transposed
    /// weight, and its column sums
    BackwardInput,
    /// W after a step of Adam along Xᵀ·δ: that is the product here
    Update,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 4] = [
        Operation::Forward,
        Operation::ForwardLoss,
        Operation::BackwardInput,
        Operation::Update,
    ];

    /// The formula.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Forward => "σ(X·W + b)",
            Operation::ForwardLoss => "bce(X·W + b), δ, Σδ",
            Operation::BackwardInput => "(δ·Wᵀ) ⊙ σ′, Σδ",
            Operation::Update => "Adam(W, Xᵀ·δ)",
        }
    }

    /// Its products, m × k × n, in the layers of the tutorials' autoencoders at batch
    /// 256, and in a large one.
    pub const fn shapes(self) -> [(usize, usize, usize); 5] {
        match self {
            Operation::Update => [
                (784, 256, 32),
                (784, 256, 128),
                (32, 256, 784),
                (128, 256, 784),
                (512, 512, 512),
            ],
            _ => [
                (256, 784, 32),
                (256, 784, 128),
                (256, 32, 784),
                (256, 128, 64),
                (512, 512, 512),
            ],
        }
    }
}

/// What updates make their steps with: so short that W stays where it is.
const ADAM: (Optimizer, f32) = (Optimizer::adam_keras(), 1e-6);

/// A layer's operands.
pub struct Layer {
    operation: Operation,
    /// X, batch × in.
    x: Mat<f32>,
    /// W; of an update, δ.
    weight: Mat<f32>,
    bias: Vec<f32>,
    /// The loss's target, or what the activation has saved: in [0, 1).
    unit: Mat<f32>,
}

/// A layer's results.
pub struct Output {
    /// Y, δ or W.
    pub y: Mat<f32>,
    /// The column sums.
    pub sums: Vec<f32>,
    /// The loss, 0 without one.
    pub loss: f64,
    /// Logits, or ∇W.
    logits: Mat<f32>,
    state: OptimizerState,
}

impl Layer {
    /// With numbers in (−½, ½).
    ///
    /// # Panics
    /// If memory is short.
    pub fn new(operation: Operation, (m, k, n): (usize, usize, usize)) -> Self {
        let mat = |rows, cols, seed| {
            Mat::from_slice(rows, cols, &numbers(rows * cols, seed)).expect("the length fits")
        };
        let mut unit = mat(m, n, 4);
        unit.as_mut_slice().iter_mut().for_each(|x| *x += 0.5);
        Layer {
            operation,
            x: match operation {
                Operation::Update => mat(k, m, 1),
                _ => mat(m, k, 1),
            },
            weight: mat(k, n, 2),
            bias: numbers(n, 3),
            unit,
        }
    }

    /// Room for the results.
    pub fn output(&self) -> Output {
        let (m, n) = self.unit.shape();
        Output {
            y: Mat::zeros(m, n),
            sums: vec![0.0; n],
            loss: 0.0,
            logits: Mat::zeros(m, n),
            state: OptimizerState::new(ADAM.0, m, n).expect("memory"),
        }
    }

    /// The left operand of the product.
    fn left(&self) -> MatRef<'_, f32> {
        match self.operation {
            Operation::Update => self.x.as_ref().transpose(),
            _ => self.x.as_ref(),
        }
    }

    /// The product alone.
    ///
    /// # Panics
    /// Never: the shapes fit.
    pub fn product(&self, output: &mut Output) {
        let (x, weight) = (self.left(), self.weight.as_ref());
        gemm(Context::serial(), 1.0, x, weight, 0.0, output.y.as_mut()).expect("the shapes fit");
    }

    /// All in one kernel.
    ///
    /// # Panics
    /// Never: the shapes fit.
    pub fn fused(&self, output: &mut Output) {
        let context = Context::serial();
        let (x, weight) = (self.x.as_ref(), self.weight.as_ref());
        match self.operation {
            Operation::Forward => Forward {
                x,
                weight,
                bias: Some(&self.bias),
                activation: Activation::Sigmoid,
                output: output.y.as_mut(),
                pre_activation: None,
            }
            .run(context),
            Operation::ForwardLoss => {
                output.sums.fill(0.0);
                ForwardLoss {
                    x,
                    weight,
                    bias: Some(&self.bias),
                    activation: Activation::Identity,
                    loss: Loss::BinaryCrossEntropy,
                    target: self.unit.as_ref(),
                    scale: self.scale(),
                    delta: output.y.as_mut(),
                    bias_gradient: Some(&mut output.sums),
                }
                .run(context)
                .map(|loss| output.loss = loss)
            }
            Operation::BackwardInput => {
                output.sums.fill(0.0);
                BackwardInput {
                    delta: x,
                    weight_transposed: weight,
                    activation: Activation::Sigmoid,
                    saved: Some(self.unit.as_ref()),
                    output: output.y.as_mut(),
                    bias_gradient: Some(&mut output.sums),
                }
                .run(context)
            }
            Operation::Update => UpdateWeight {
                terms: &[(x, weight)],
                weight: output.y.as_mut(),
                state: &mut output.state,
                optimizer: ADAM.0,
                learning_rate: ADAM.1,
                step: 1,
                decay: Decay::default(),
            }
            .run(context),
        }
        .expect("the shapes fit");
    }

    /// The product, then a pass each: what a user of a BLAS does. The bias is
    /// copied to C, to which the product is added.
    ///
    /// # Panics
    /// Never: the shapes fit.
    pub fn in_passes(&self, output: &mut Output) {
        let context = Context::serial();
        let level = context.level;
        let (x, weight, unit) = (self.x.as_ref(), self.weight.as_ref(), self.unit.as_ref());
        let Output {
            y,
            sums,
            loss,
            logits,
            state,
        } = output;
        let biased = |c: &mut Mat<f32>| {
            for i in 0..c.rows() {
                c.row_mut(i).copy_from_slice(&self.bias);
            }
            gemm(context, 1.0, x, weight, 1.0, c.as_mut())
        };
        sums.fill(0.0);
        let result = match self.operation {
            Operation::Forward => biased(y).and_then(|()| {
                activation::forward_in_place(level, Activation::Sigmoid, y.as_mut())
            }),
            Operation::ForwardLoss => biased(logits)
                .and_then(|()| {
                    let kind = Loss::BinaryCrossEntropy;
                    let delta = Some(y.as_mut());
                    let z = logits.as_ref();
                    loss::value_and_gradient(level, kind, z, unit, delta, self.scale())
                })
                .and_then(|value| {
                    *loss = value;
                    column_sums(context, y.as_ref(), sums)
                }),
            Operation::BackwardInput => gemm(context, 1.0, x, weight, 0.0, y.as_mut())
                .and_then(|()| activation::backward(level, Activation::Sigmoid, unit, y.as_mut()))
                .and_then(|()| column_sums(context, y.as_ref(), sums)),
            Operation::Update => BackwardWeight {
                terms: &[(x, weight)],
                gradient: logits.as_mut(),
            }
            .run(context)
            .and_then(|()| {
                let (w, gradient) = (y.as_mut_slice(), logits.as_slice());
                optimizer::update(level, ADAM.0, ADAM.1, 1, w, gradient, state)
            }),
        };
        result.expect("the shapes fit");
    }

    fn scale(&self) -> f32 {
        1.0 / self.unit.rows() as f32
    }

    /// Panics unless the fused kernel and the passes agree.
    ///
    /// # Panics
    /// See above.
    pub fn check(&self) {
        let (mut fused, mut passes) = (self.output(), self.output());
        self.fused(&mut fused);
        self.in_passes(&mut passes);
        let what = format!("{:?} {:?}", self.operation, self.weight.shape());
        assert!(fused.y.as_slice().iter().any(|&y| y != 0.0), "{what}");
        assert_close(&what, fused.y.as_slice(), passes.y.as_slice(), 1e-5);
        assert_close(&what, &fused.sums, &passes.sums, 1e-4);
        let difference = (fused.loss - passes.loss).abs();
        assert!(difference <= 1e-5 * passes.loss.abs(), "{what}: losses");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fused_layers_agree_with_passes() {
        for operation in Operation::ALL {
            Layer::new(operation, (5, 7, 19)).check();
        }
    }
}
