//! Losses: value and gradient, element by element, and the kernels that run
//! them over a batch.
//!
//! ```text
//! loss of a sample = feature_scale · Σ over features of value(prediction, target)
//! loss of a batch  = mean over its samples
//! ```
//!
//! | file | what |
//! |---|---|
//! | `elementwise.rs` | what a loss is to a kernel: a running sum and a derivative, on registers |
//! | `squared.rs`, `absolute.rs`, `huber.rs`, `cross_entropy.rs`, `cross_entropy_clipped.rs` | one formula each |
//! | `batch.rs` | [`value_and_gradient`], [`per_sample`], [`check_targets`] |
//!
//! To add a loss: a file with its [`ElementwiseLoss`], a variant of [`Loss`],
//! and its line in each `match` of this file.

mod absolute;
mod batch;
mod cross_entropy;
mod cross_entropy_clipped;
mod elementwise;
mod huber;
mod squared;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

pub use batch::{check_targets, per_sample, value_and_gradient};
pub(crate) use cross_entropy_clipped::{HIGHEST, LOWEST};
pub(crate) use elementwise::{ElementwiseLoss, LossVisitor};

/// How far a prediction `y` is from its target `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// `(y − t)²`, mean over the features (Keras' and PyTorch's default).
    MeanSquaredError,
    /// `(y − t)²`, summed over the features.
    SumSquaredError,
    /// `½‖y − t‖²`, the half of the sum over the features.
    HalfSquaredNorm,
    /// `|y − t|`, mean over the features.
    MeanAbsoluteError,
    /// `½(y − t)²` up to `|y − t| = delta`, `delta·(|y − t| − ½·delta)` beyond
    /// it; mean over the features (Huber 1964; Keras' and PyTorch's
    /// `Huber`).
    Huber {
        /// Where the parabola becomes a line; positive.
        delta: f32,
    },
    /// Binary cross-entropy of the probability `σ(z)`, from the logit `z`, in
    /// the form that cannot overflow: `max(z, 0) − z·t + log(1 + e^−|z|)`, mean
    /// over the features. Its gradient is `σ(z) − t`.
    BinaryCrossEntropy,
    /// Binary cross-entropy `−t·log y − (1 − t)·log(1 − y)` of the probability
    /// `y` clipped to `[1e-7, 1 − 1e-7]`, mean over the features, as Keras
    /// computes it. Where `y` was clipped the gradient is 0.
    BinaryCrossEntropyClipped,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Huber { delta } if *delta != 1.0 => write!(f, "{}:{delta}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for Loss {
    type Err = Error;

    /// The inverse of `to_string`: a [`Loss::name`], for Huber with or without
    /// `:delta`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_ascii_lowercase();
        let (name, parameter) = match text.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (text.as_str(), None),
        };
        let unknown = || Error::UnknownName {
            kind: "loss",
            given: text.clone(),
            expected: "mse, sse, half-sse, mae, huber, huber:DELTA, bce or bce-clipped",
        };
        let mut loss = Loss::ALL
            .into_iter()
            .find(|loss| loss.name() == name)
            .ok_or_else(unknown)?;
        match (&mut loss, parameter) {
            (_, None) => {}
            (Loss::Huber { delta }, Some(parameter)) => {
                *delta = parameter.trim().parse().map_err(|_| unknown())?;
            }
            _ => return Err(unknown()),
        }
        loss.check()?;
        Ok(loss)
    }
}

impl Loss {
    /// Every loss, with its usual parameters.
    pub const ALL: [Loss; 7] = [
        Loss::MeanSquaredError,
        Loss::SumSquaredError,
        Loss::HalfSquaredNorm,
        Loss::MeanAbsoluteError,
        Loss::Huber { delta: 1.0 },
        Loss::BinaryCrossEntropy,
        Loss::BinaryCrossEntropyClipped,
    ];

    /// The name, without parameters, that [`Loss::from_str`] reads.
    pub const fn name(self) -> &'static str {
        match self {
            Loss::MeanSquaredError => "mse",
            Loss::SumSquaredError => "sse",
            Loss::HalfSquaredNorm => "half-sse",
            Loss::MeanAbsoluteError => "mae",
            Loss::Huber { .. } => "huber",
            Loss::BinaryCrossEntropy => "bce",
            Loss::BinaryCrossEntropyClipped => "bce-clipped",
        }
    }

    /// Whether the prediction is a logit, to which the sigmoid is applied by
    /// the loss itself.
    pub const fn takes_logits(self) -> bool {
        matches!(self, Loss::BinaryCrossEntropy)
    }

    /// Whether targets must lie in [0, 1]; see [`check_targets`].
    pub const fn requires_unit_targets(self) -> bool {
        matches!(
            self,
            Loss::BinaryCrossEntropy | Loss::BinaryCrossEntropyClipped
        )
    }

    /// The differences prediction − target at which the gradient jumps, for
    /// tests by finite differences to keep away from.
    /// ([`Loss::BinaryCrossEntropyClipped`] jumps at predictions instead: at
    /// its clip bounds.)
    pub const fn kinks(self) -> &'static [f32] {
        match self {
            Loss::MeanAbsoluteError => &[0.0],
            _ => &[],
        }
    }

    /// The factor between the sum of the values over the features and the loss
    /// of a sample. It is also the factor of the gradient.
    pub fn feature_scale(self, features: usize) -> f32 {
        match self {
            Loss::SumSquaredError => 1.0,
            // The parabola and its slope are those of the whole square.
            Loss::HalfSquaredNorm => 0.5,
            _ => 1.0 / features.max(1) as f32,
        }
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a Huber `delta` that is not positive and
    /// finite.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Loss::Huber { delta } if !(delta > 0.0 && delta.is_finite()) => Err(Error::Parameter {
                name: "Huber's delta",
                given: delta.to_string(),
                expected: "a positive finite number",
            }),
            _ => Ok(()),
        }
    }

    /// Calls the visitor with the loss as a type, so that what it compiles is
    /// compiled for this loss. Call it outside of `Level::dispatch`.
    pub(crate) fn visit<V: LossVisitor>(self, visitor: V) -> V::Output {
        match self {
            Loss::MeanSquaredError | Loss::SumSquaredError | Loss::HalfSquaredNorm => {
                visitor.visit(squared::SquaredError)
            }
            Loss::MeanAbsoluteError => visitor.visit(absolute::AbsoluteError),
            Loss::Huber { delta } => visitor.visit(huber::Huber { delta }),
            Loss::BinaryCrossEntropy => visitor.visit(cross_entropy::CrossEntropy),
            Loss::BinaryCrossEntropyClipped => {
                visitor.visit(cross_entropy_clipped::ClippedCrossEntropy)
            }
        }
    }
}
