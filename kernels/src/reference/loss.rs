//! Losses: the formulas of [`Loss`] one element at a time, in f64.

use crate::loss::{HIGHEST, LOWEST};
use crate::{Loss, MatRef};

/// The value at one element, before the mean over the features.
pub fn value(loss: Loss, y: f64, t: f64) -> f64 {
    let d = y - t;
    match loss {
        Loss::MeanSquaredError | Loss::SumSquaredError => d * d,
        Loss::HalfSquaredNorm => d * d / 2.0,
        Loss::MeanAbsoluteError => d.abs(),
        Loss::Huber { delta } => {
            let delta = f64::from(delta);
            if d.abs() <= delta {
                d * d / 2.0
            } else {
                delta * (d.abs() - delta / 2.0)
            }
        }
        Loss::BinaryCrossEntropy => {
            let positive = if y > 0.0 || y.is_nan() { y } else { 0.0 };
            positive - y * t + (-y.abs()).exp().ln_1p()
        }
        Loss::BinaryCrossEntropyClipped => {
            let y = y.clamp(f64::from(LOWEST), f64::from(HIGHEST));
            -t * y.ln() - (1.0 - t) * (-y).ln_1p()
        }
    }
}

/// The derivative of [`value`] with respect to the prediction `y`.
pub fn derivative(loss: Loss, y: f64, t: f64) -> f64 {
    let d = y - t;
    match loss {
        Loss::MeanSquaredError | Loss::SumSquaredError => 2.0 * d,
        Loss::HalfSquaredNorm => d,
        Loss::MeanAbsoluteError if d == 0.0 => 0.0,
        Loss::MeanAbsoluteError => d.signum(),
        Loss::Huber { delta } => d.clamp(-f64::from(delta), f64::from(delta)),
        Loss::BinaryCrossEntropy => 1.0 / (1.0 + (-y).exp()) - t,
        Loss::BinaryCrossEntropyClipped => {
            if y < f64::from(LOWEST) || y > f64::from(HIGHEST) {
                0.0
            } else {
                d / (y * (1.0 - y))
            }
        }
    }
}

/// What [`value`] and [`derivative`] are multiplied by: 1 for a sum over the
/// features, 1/features for a mean.
pub fn mean_factor(loss: Loss, features: usize) -> f64 {
    match loss {
        Loss::SumSquaredError | Loss::HalfSquaredNorm => 1.0,
        _ => 1.0 / features.max(1) as f64,
    }
}

/// The loss of each row.
pub fn per_sample(loss: Loss, prediction: MatRef<'_, f32>, target: MatRef<'_, f32>) -> Vec<f64> {
    let (rows, cols) = prediction.shape();
    let element = |i, j| value(loss, prediction.get(i, j).into(), target.get(i, j).into());
    let row = |i| (0..cols).map(|j| element(i, j)).sum::<f64>() * mean_factor(loss, cols);
    (0..rows).map(row).collect()
}

/// The gradient of the sum of [`per_sample`], row-major.
pub fn gradient(loss: Loss, prediction: MatRef<'_, f32>, target: MatRef<'_, f32>) -> Vec<f64> {
    let (rows, cols) = prediction.shape();
    let element = |i, j| derivative(loss, prediction.get(i, j).into(), target.get(i, j).into());
    (0..rows)
        .flat_map(|i| (0..cols).map(move |j| (i, j)))
        .map(|(i, j)| element(i, j) * mean_factor(loss, cols))
        .collect()
}
