//! How far reconstructions are from their samples.

use std::ops::Range;

use autoencoder_kernels::loss::{self, Loss};
use autoencoder_kernels::{Context, Mat, MatMut, Parallelism, activation, parallel};

use super::autoencoder::Autoencoder;
use super::samples::Samples;
use super::variational::Elbo;
use crate::error::Result;
use crate::tape::Inference;

/// Rows that a thread works on together.
const ROWS: usize = 128;

/// Means over a data set; see [`Autoencoder::evaluate`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// How many samples there were.
    pub samples: usize,
    /// The mean of the loss that the model is trained with; of a variational
    /// model, that of what the code's mean stands for.
    pub loss: f64,
    /// The mean of the squared differences over samples and features.
    pub mean_squared_error: f64,
    /// The mean of the absolute differences over samples and features.
    pub mean_absolute_error: f64,
    /// The parts of a variational model's ELBO, with the noise of seed 0.
    pub elbo: Option<Elbo>,
}

/// One number per sample each; see [`Autoencoder::reconstruction_error`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReconstructionError {
    /// The mean of the squared differences over the features.
    pub mean_squared_error: Vec<f32>,
    /// The loss that the model is trained with.
    pub loss: Vec<f32>,
}

impl Autoencoder {
    /// The mean losses of the reconstructions. NaN for no samples.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) unless the samples are as wide as the input. Targets
    /// that the loss is not defined for are not looked for.
    pub fn evaluate<'a>(&self, samples: impl Into<Samples<'a>>) -> Result<Evaluation> {
        let kinds = [
            Measure::Own,
            Measure::Other(Loss::MeanSquaredError),
            Measure::Other(Loss::MeanAbsoluteError),
        ];
        let samples = samples.into();
        let [loss, mean_squared_error, mean_absolute_error] =
            self.losses(samples, kinds)?.map(|losses| mean(&losses));
        let elbo = match self.architecture().is_variational() {
            true => Some(self.elbo(samples, 0)?),
            false => None,
        };
        Ok(Evaluation {
            samples: samples.len(),
            loss,
            mean_squared_error,
            mean_absolute_error,
            elbo,
        })
    }

    /// The errors of the reconstructions, sample by sample: the larger, the less
    /// a sample is like those that the model was trained on.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn reconstruction_error<'a>(
        &self,
        samples: impl Into<Samples<'a>>,
    ) -> Result<ReconstructionError> {
        let kinds = [Measure::Own, Measure::Other(Loss::MeanSquaredError)];
        let [loss, mean_squared_error] = self.losses(samples.into(), kinds)?;
        Ok(ReconstructionError {
            mean_squared_error,
            loss,
        })
    }

    /// The losses of each sample, for each kind.
    fn losses<const N: usize>(
        &self,
        samples: Samples<'_>,
        kinds: [Measure; N],
    ) -> Result<[Vec<f32>; N]> {
        self.check_width(samples, self.architecture().input())?;
        let context = Context::serial();
        let graph = self.graph();
        let inference = Inference::new(&graph.tape, graph.prediction, context)?;
        let starts = (0..samples.len()).step_by(ROWS);
        let mut blocks: Vec<_> = starts.map(|_| Ok([const { Vec::new() }; N])).collect();
        parallel::for_each_mut(Parallelism::Pool, &mut blocks, |i, losses| {
            let rows = i * ROWS..samples.len().min((i + 1) * ROWS);
            *losses = self.measure(samples, rows, kinds, |to, rows| {
                inference.run_into(self.values(), to, |_, part, out| {
                    samples.rows_into(rows.start + part.start..rows.start + part.end, out)
                })
            });
        });
        let mut all = [const { Vec::new() }; N];
        for block in blocks {
            for (all, losses) in all.iter_mut().zip(block?) {
                all.extend(losses);
            }
        }
        Ok(all)
    }

    /// The losses of the samples in `rows`, whose predictions `predict` writes.
    fn measure<const N: usize>(
        &self,
        samples: Samples<'_>,
        rows: Range<usize>,
        kinds: [Measure; N],
        predict: impl FnOnce(MatMut<'_, f32>, Range<usize>) -> Result<()>,
    ) -> Result<[Vec<f32>; N]> {
        let context = Context::serial();
        let mut predictions = Mat::try_zeros(rows.len(), samples.features())?;
        predict(predictions.as_mut(), rows.clone())?;
        let mut outputs = predictions.clone();
        if self.loss().takes_logits() {
            let output = self.architecture().output_activation();
            activation::forward_in_place(context.level, output, outputs.as_mut())?;
        }
        let mut buffer = Mat::default();
        let targets = samples.rows(rows, &mut buffer)?;
        let mut all = [const { Vec::new() }; N];
        for (losses, kind) in all.iter_mut().zip(kinds) {
            losses.resize(targets.rows(), 0.0);
            let (loss, from) = match kind {
                Measure::Own => (self.loss(), &predictions),
                Measure::Other(loss) => (loss, &outputs),
            };
            loss::per_sample(context.level, loss, from.as_ref(), targets, losses)?;
        }
        Ok(all)
    }
}

/// A loss to measure.
#[derive(Clone, Copy)]
enum Measure {
    /// The one that the model is trained with, which may take logits.
    Own,
    /// One of what the model gives.
    Other(Loss),
}

fn mean(losses: &[f32]) -> f64 {
    losses.iter().copied().map(f64::from).sum::<f64>() / losses.len() as f64
}
