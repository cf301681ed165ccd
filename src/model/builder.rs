//! [`Builder`]: an [`Autoencoder`] from widths and names.

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;

use super::architecture::{Architecture, Dense};
use super::autoencoder::Autoencoder;
use super::init;
use crate::error::{Error, Result};

/// Collects what an [`Autoencoder`] is made of; see [`Autoencoder::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    sample_shape: Vec<usize>,
    encoder: Vec<usize>,
    decoder: Option<Vec<usize>>,
    hidden: Option<Activation>,
    code: Option<Activation>,
    output: Option<Activation>,
    loss: Option<Loss>,
    tied: bool,
    variational: bool,
    seed: u64,
}

impl Builder {
    /// Numbers per sample; needed, unless a shape is given.
    pub fn input(self, features: usize) -> Self {
        self.sample_shape([features])
    }

    /// The shape of a sample, such as `[28, 28]`; the input is as wide as their
    /// product. It is kept for those who draw pictures of reconstructions.
    pub fn sample_shape(mut self, shape: impl Into<Vec<usize>>) -> Self {
        self.sample_shape = shape.into();
        self
    }

    /// The widths of the encoder's layers; the last one is that of the code.
    /// Needed.
    pub fn encoder(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.encoder = widths.into();
        self
    }

    /// The widths of the decoder's layers; the last one must be that of the
    /// input. The mirror of the encoder, if left out.
    pub fn decoder(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.decoder = Some(widths.into());
        self
    }

    /// Numbers per code, once the encoder's widths are known.
    pub fn code_width(&self) -> Option<usize> {
        self.encoder.last().copied()
    }

    /// Lets the decoder mirror the encoder again, after [`decoder`](Self::decoder).
    pub fn mirrored(mut self) -> Self {
        self.decoder = None;
        self
    }

    /// The activation of the layers between input and output: relu, if left out.
    pub fn hidden(mut self, activation: Activation) -> Self {
        self.hidden = Some(activation);
        self
    }

    /// The activation of the layer that gives the code: that of the hidden ones,
    /// if left out, and linear in a variational model.
    pub fn code(mut self, activation: Activation) -> Self {
        self.code = Some(activation);
        self
    }

    /// The activation of the last layer: sigmoid, if left out.
    pub fn output(mut self, activation: Activation) -> Self {
        self.output = Some(activation);
        self
    }

    /// What training minimises. If left out: binary cross-entropy where the
    /// output is a sigmoid, and the mean squared error elsewhere.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = Some(loss);
        self
    }

    /// Whether the decoder uses the encoder's weights, transposed: no, if left
    /// out. The biases are its own.
    pub fn tied(mut self, tied: bool) -> Self {
        self.tied = tied;
        self
    }

    /// Whether the code is random, as in a variational autoencoder: no, if left
    /// out. The code has no activation then. See
    /// [`Architecture::with_variational`], and for β and the units of the loss
    /// [`Regularization`](super::Regularization).
    pub fn variational(mut self, variational: bool) -> Self {
        self.variational = variational;
        self
    }

    /// The seed of the first weights: 0, if left out.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The architecture alone.
    ///
    /// # Errors
    /// [`Error::Configuration`] names what is missing or does not fit.
    pub fn architecture(&self) -> Result<Architecture> {
        if self.sample_shape.is_empty() {
            return Err(Error::configuration(
                "the width of the input",
                "missing",
                "`input(784)` or `sample_shape([28, 28])`",
            ));
        }
        let input = self
            .sample_shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        let Some(input) = input else {
            return Err(Error::configuration(
                "the shape of a sample",
                format_args!("{:?}", self.sample_shape),
                "a product that fits in memory",
            ));
        };
        let Some(&code) = self.encoder.last() else {
            return Err(Error::configuration(
                "the list of the encoder's widths",
                "empty",
                "at least one, such as `encoder([32])`",
            ));
        };
        let mirror = || {
            let hidden = self.encoder.iter().rev().skip(1).copied();
            hidden.chain([input]).collect()
        };
        let decoder = self.decoder.clone().unwrap_or_else(mirror);
        let hidden = self.hidden.unwrap_or(Activation::Relu);
        let output = self.output.unwrap_or(Activation::Sigmoid);
        let loss = self.loss.unwrap_or(if output == Activation::Sigmoid {
            Loss::BinaryCrossEntropy
        } else {
            Loss::MeanSquaredError
        });
        let of_code = match self.variational {
            true => Activation::Identity,
            false => hidden,
        };
        Architecture::new(
            self.sample_shape.clone(),
            chain(input, &self.encoder, hidden, self.code.unwrap_or(of_code)),
            chain(code, &decoder, hidden, output),
            self.tied,
            loss,
        )?
        .with_variational(self.variational)
    }

    /// The model, with Glorot's uniform weights and biases of zero.
    ///
    /// # Errors
    /// As [`architecture`](Self::architecture), and [`Error::Configuration`] if
    /// the parameters do not fit in memory.
    pub fn build(&self) -> Result<Autoencoder> {
        let mut model = Autoencoder::zeros(self.architecture()?, self.seed)?;
        init::glorot_uniform(&mut model, self.seed);
        Ok(model)
    }
}

fn chain(input: usize, widths: &[usize], hidden: Activation, last: Activation) -> Vec<Dense> {
    let inputs = [input].into_iter().chain(widths.iter().copied());
    let layers = inputs.zip(widths).enumerate();
    layers
        .map(|(i, (inputs, &outputs))| Dense {
            inputs,
            outputs,
            activation: if i + 1 == widths.len() { last } else { hidden },
        })
        .collect()
}
