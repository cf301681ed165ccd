//! What only a variational model can do: samples from its prior, and the parts
//! of its ELBO.

use autoencoder_kernels::random::fill_normal;
use autoencoder_kernels::{Context, Level, Mat, parallel};

use super::autoencoder::Autoencoder;
use super::fit::FitOptions;
use super::samples::Samples;
use super::training_graph::{Draw, TrainingGraph};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::tape::{Program, ProgramOptions};

/// Samples that are worked on together.
const ROWS: usize = 256;

/// The parts of the evidence lower bound, ELBO = −(`reconstruction` + `kl`), as
/// means over the samples in nats. (Kingma and Welling 2014)
///
/// With the binary cross-entropy, `reconstruction` is −ln p(x|z) of Bernoulli
/// pixels; with half the squared error, that of normal ones with variance 1, and
/// with the squared error with variance ½, both up to a constant. z is one sample
/// of the code.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Elbo {
    /// The loss of the reconstruction, summed over the features.
    pub reconstruction: f64,
    /// KL(N(μ, σ²) ‖ N(0, 1)), summed over the numbers of a code.
    pub kl: f64,
}

impl Elbo {
    /// The bound itself, in nats: the larger, the better.
    pub fn value(&self) -> f64 {
        -(self.reconstruction + self.kl)
    }
}

impl Autoencoder {
    /// New samples, one a row: what codes that are drawn from the prior N(0, 1)
    /// stand for. Sample i depends on the seed and on i alone, not on `count`.
    ///
    /// ```
    /// # use autoencoder::Autoencoder;
    /// let model = Autoencoder::builder().input(784).encoder([64, 8]).variational(true).build()?;
    /// assert_eq!(model.sample(3, 0)?.shape(), (3, 784));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Configuration`] unless the model is variational: the codes of
    /// others have no distribution to draw from. [`Error::Kernels`] if the
    /// samples do not fit in memory.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Mat<f32>> {
        self.check_variational("the model to generate samples with")?;
        let mut codes = Mat::try_zeros(count, self.architecture().code())?;
        let key = Stream::Prior.key(seed, 0);
        fill_normal(Level::current(), key, 0, codes.as_mut())?;
        self.decode(&codes)
    }

    /// The parts of the ELBO on samples, NaN for none. The noise of sample i
    /// depends on the seed and on i alone.
    ///
    /// # Errors
    /// [`Error::Configuration`] unless the model is variational;
    /// [`Error::Shape`] unless the samples are as wide as the input.
    pub fn elbo<'a>(&self, samples: impl Into<Samples<'a>>, seed: u64) -> Result<Elbo> {
        let samples = samples.into();
        self.check_variational("the model to measure an ELBO of")?;
        self.check_width(samples, self.architecture().input())?;
        let graph = TrainingGraph::new(self.architecture(), &FitOptions::default())?;
        let mut program = Program::new(&graph.tape, ProgramOptions::new(ROWS))?;
        let noise = graph.noise(seed, Draw::Validation);
        let (mut sums, count) = ([0.0; 2], samples.len());
        parallel::in_pool(Context::default().parallelism, || {
            for start in (0..count).step_by(ROWS) {
                let rows = ROWS.min(count - start);
                program.loss(self.values(), rows, |value, part, out| {
                    if noise.is_for(value) {
                        return noise.fill(start + part.start, out);
                    }
                    samples.rows_into(start + part.start..start + part.end, out)
                })?;
                for (sum, part) in sums.iter_mut().zip(program.parts()) {
                    *sum += part * rows as f64;
                }
            }
            Ok::<(), Error>(())
        })?;
        let [reconstruction, kl] = sums.map(|sum| sum / count as f64);
        Ok(Elbo { reconstruction, kl })
    }

    fn check_variational(&self, what: &'static str) -> Result<()> {
        if self.architecture().is_variational() {
            return Ok(());
        }
        Err(Error::configuration(
            what,
            "not variational: its codes have no distribution to draw from",
            "one that was built with `variational(true)`, or trained with --variational",
        ))
    }
}
