//! A dense layer, its loss and its gradients, naively.

use super::{activation, loss};
use crate::mat::MatRef;
use crate::{Activation, Loss};

/// A row-major matrix in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Mat64 {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Element (i, j) is `data[i·cols + j]`.
    pub data: Vec<f64>,
}

impl Mat64 {
    /// Element (i, j) is `f(i, j)`.
    pub fn from_fn(rows: usize, cols: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        let data = (0..rows * cols).map(|at| f(at / cols, at % cols)).collect();
        Mat64 { rows, cols, data }
    }

    /// The numbers of `mat`, which f64 holds exactly.
    pub fn new(mat: MatRef<'_, f32>) -> Self {
        Self::from_fn(mat.rows(), mat.cols(), |i, j| mat.get(i, j).into())
    }

    /// Element (i, j).
    pub fn get(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.cols + j]
    }

    /// Σₚ f(p) for p < n.
    fn sum(n: usize, f: impl Fn(usize) -> f64) -> f64 {
        (0..n).map(f).sum()
    }
}

/// Z = X·W + b
pub fn pre_activation(x: &Mat64, weight: &Mat64, bias: &[f64]) -> Mat64 {
    Mat64::from_fn(x.rows, weight.cols, |i, j| {
        Mat64::sum(x.cols, |p| x.get(i, p) * weight.get(p, j)) + bias[j]
    })
}

/// Y = act(Z), elementwise.
pub fn activate(act: Activation, z: &Mat64) -> Mat64 {
    Mat64::from_fn(z.rows, z.cols, |i, j| activation::apply(act, z.get(i, j)))
}

/// δ = scale · ∂/∂Z of the sum of each sample's loss, for Y = act(Z).
pub fn delta(l: Loss, act: Activation, z: &Mat64, target: &Mat64, scale: f64) -> Mat64 {
    let factor = scale * loss::mean_factor(l, z.cols);
    Mat64::from_fn(z.rows, z.cols, |i, j| {
        let z = z.get(i, j);
        let y = activation::apply(act, z);
        factor * loss::derivative(l, y, target.get(i, j)) * activation::derivative(act, z)
    })
}

/// δ of the layer below: (δ·Wᵀ) ⊙ act′(Z), with that layer's act and Z.
pub fn delta_below(delta: &Mat64, weight: &Mat64, act: Activation, z: &Mat64) -> Mat64 {
    Mat64::from_fn(delta.rows, weight.rows, |i, j| {
        Mat64::sum(delta.cols, |p| delta.get(i, p) * weight.get(j, p))
            * activation::derivative(act, z.get(i, j))
    })
}

/// ∇W = Xᵀ·δ
pub fn weight_gradient(x: &Mat64, delta: &Mat64) -> Mat64 {
    Mat64::from_fn(x.cols, delta.cols, |i, j| {
        Mat64::sum(x.rows, |p| x.get(p, i) * delta.get(p, j))
    })
}

/// ∇b: the sum of each column of δ.
pub fn bias_gradient(delta: &Mat64) -> Vec<f64> {
    (0..delta.cols)
        .map(|j| Mat64::sum(delta.rows, |i| delta.get(i, j)))
        .collect()
}
