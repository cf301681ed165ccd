//! The training programs that are timed against peers: what is trained, on what,
//! and what one epoch costs at least.

use std::path::Path;

use autoencoder::data::{Dataset, digits, load};
use autoencoder::random::{Generator, Purpose};
use autoencoder::{Activation, Autoencoder, Loss, Result};
use autoencoder_kernels::huge_pages::prefer_huge_pages;

/// Samples of an epoch of images: as many as MNIST has to train on.
pub const IMAGES: usize = 60_000;

/// Samples of an epoch of Gaussian rows.
pub const GAUSSIANS: usize = 1_000;

/// Samples per training step, the same for all.
pub const BATCH_SIZE: usize = 256;

/// What is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// [`IMAGES`] images, kept as bytes.
    Images,
    /// [`GAUSSIANS`] rows of standard normal numbers.
    Gaussians,
}

/// One program: a dense autoencoder with relu between the layers, trained by Adam
/// with a learning rate of 0.001 on shuffled batches of [`BATCH_SIZE`].
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Widths and loss.
    pub name: &'static str,
    /// Widths, from the input to the output.
    pub widths: &'static [usize],
    /// How many of the layers are the encoder's.
    pub encoder_layers: usize,
    /// The output's activation.
    pub output: Activation,
    /// What is minimised.
    pub loss: Loss,
    /// What is trained on.
    pub source: Source,
    /// Epochs that are run first and not timed.
    pub warm_up: u32,
    /// Epochs that are timed.
    pub epochs: u32,
}

impl Program {
    /// The three of the comparison.
    pub const ALL: [Program; 3] = [
        Program {
            name: "784-32-784 bce",
            widths: &[784, 32, 784],
            encoder_layers: 1,
            output: Activation::Sigmoid,
            loss: Loss::BinaryCrossEntropy,
            source: Source::Images,
            warm_up: 1,
            epochs: 4,
        },
        Program {
            name: "784-128-64-128-784 mse",
            widths: &[784, 128, 64, 128, 784],
            encoder_layers: 2,
            output: Activation::Sigmoid,
            loss: Loss::MeanSquaredError,
            source: Source::Images,
            warm_up: 1,
            epochs: 4,
        },
        Program {
            name: "10-5-8-10 mse",
            widths: &[10, 5, 8, 10],
            encoder_layers: 1,
            output: Activation::Identity,
            loss: Loss::MeanSquaredError,
            source: Source::Gaussians,
            warm_up: 20,
            epochs: 100,
        },
    ];

    /// The model before training.
    ///
    /// # Errors
    /// None, unless memory is short.
    pub fn model(&self) -> Result<Autoencoder> {
        let (encoder, decoder) = self.widths[1..].split_at(self.encoder_layers);
        Autoencoder::builder()
            .input(self.widths[0])
            .encoder(encoder)
            .decoder(decoder)
            .hidden(Activation::Relu)
            .output(self.output)
            .loss(self.loss)
            .build()
    }

    /// [`training_flops`] of this program.
    pub fn flops_per_sample(&self) -> f64 {
        training_flops(self.widths)
    }

    /// Number of training steps in an epoch of `samples`.
    pub fn steps(samples: usize) -> usize {
        samples.div_ceil(BATCH_SIZE)
    }
}

/// Multiplications and additions of one sample's matrix products in training a
/// net of these widths: forward, the gradients of all weights, and those of all
/// layers' inputs but the first.
pub fn training_flops(widths: &[usize]) -> f64 {
    let weights = |pair: &[usize]| 2.0 * (pair[0] * pair[1]) as f64;
    let layers = widths.windows(2);
    let all: f64 = layers.clone().map(weights).sum();
    let propagated: f64 = layers.skip(1).map(weights).sum();
    2.0 * all + propagated
}

/// The images of an IDX or npy file, or else the embedded digits, over and over
/// until there are [`IMAGES`].
///
/// # Errors
/// The file cannot be read, or is not of bytes.
pub fn images(file: Option<&Path>) -> std::result::Result<Dataset, Box<dyn std::error::Error>> {
    let few = match file {
        Some(file) => load(file)?,
        None => digits(),
    };
    let Some(bytes) = few.as_u8() else {
        return Err("the images are no bytes; give an IDX or npy file of 8-bit pixels".into());
    };
    let length = IMAGES * few.features();
    // As the readers of files do.
    let mut many = Vec::with_capacity(length);
    prefer_huge_pages(many.spare_capacity_mut());
    many.extend(bytes.iter().copied().cycle().take(length));
    Ok(Dataset::from_u8(IMAGES, few.features(), many)?)
}

/// [`GAUSSIANS`] rows of `features` standard normal numbers, by the method of Box
/// and Muller (1958).
///
/// # Errors
/// None, unless memory is short.
pub fn gaussians(features: usize) -> Result<Dataset> {
    let mut generator = Generator::new(0, Purpose::Weights);
    let values = (0..GAUSSIANS * features).map(|_| {
        // In (0, 1], whose logarithm is finite.
        let radius = (-2.0 * (1.0 - generator.unit()).ln()).sqrt();
        radius * (std::f32::consts::TAU * generator.unit()).cos()
    });
    Dataset::from_f32(GAUSSIANS, features, values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_of_the_blogs_autoencoder_is_15_gflop() {
        let flops = Program::ALL[0].flops_per_sample() * IMAGES as f64;
        assert_eq!(flops, 15_052_800_000.0);
        assert_eq!(Program::steps(IMAGES), 235);
    }

    #[test]
    fn every_program_can_be_built() {
        for program in Program::ALL {
            let model = program.model().unwrap();
            assert_eq!(model.architecture().input(), program.widths[0]);
        }
    }

    #[test]
    fn gaussians_have_mean_0_and_variance_1() {
        let data = gaussians(10).unwrap();
        let mat = data.as_f32().unwrap();
        let values: Vec<f64> = (0..GAUSSIANS)
            .flat_map(|i| (0..10).map(move |j| f64::from(mat.get(i, j))))
            .collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
