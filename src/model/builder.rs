//! [`Builder`]: an [`Autoencoder`] from widths and names.

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;

use super::architecture::Architecture;
use super::autoencoder::Autoencoder;
use super::init;
use crate::error::{Error, Result};
use crate::layer::{Described, Description, Layer};
use crate::tape::Shape;

/// Collects what an [`Autoencoder`] is made of; see [`Autoencoder::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    sample_shape: Vec<usize>,
    /// The shape in which the first layer reads a sample; as a vector, if left out.
    input_shape: Option<Shape>,
    encoder: Vec<Described>,
    decoder: Option<Vec<Described>>,
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
        self.encoder = widths.into().into_iter().map(Described::from).collect();
        self
    }

    /// The widths of the decoder's layers; the last one must be that of the
    /// input. The mirror of the encoder, if left out.
    pub fn decoder(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.decoder = Some(widths.into().into_iter().map(Described::from).collect());
        self
    }

    /// The encoder's layers as a text describes them, with the shape that the first one
    /// reads: `"784,layer-norm,128,64".parse()?`. Layers of which the text names no
    /// activation have that of their place: [`hidden`](Self::hidden),
    /// [`code`](Self::code).
    pub fn layers(mut self, encoder: Description) -> Self {
        self.input_shape = Some(encoder.input);
        if self.sample_shape.is_empty() {
            self.sample_shape = encoder.input.sizes().to_vec();
        }
        self.encoder = encoder.layers;
        self
    }

    /// The decoder's layers as a text describes them; the encoder's mirror, if left out.
    /// The shape that it begins with is that of the code.
    pub fn decoder_layers(mut self, decoder: Description) -> Self {
        self.decoder = Some(decoder.layers);
        self
    }

    /// The shape of the code, if the encoder's layers fit together.
    pub fn code_shape(&self) -> Option<Shape> {
        let input = self.shape_of_input().ok()?;
        let mut layers = self.encoder.iter();
        layers.try_fold(input, |shape, described| {
            described.layer.kind().output_shape(shape).ok()
        })
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
        let input = self.shape_of_input()?;
        if self.encoder.is_empty() {
            return Err(Error::configuration(
                "the list of the encoder's widths",
                "empty",
                "at least one, such as `encoder([32])`",
            ));
        }
        let hidden = self.hidden.unwrap_or(Activation::Relu);
        let output = self.output.unwrap_or(Activation::Sigmoid);
        let of_code = match self.variational {
            true => Activation::Identity,
            false => hidden,
        };
        let encoder = resolve(&self.encoder, hidden, self.code.unwrap_or(of_code));
        let decoder = match &self.decoder {
            Some(decoder) => resolve(decoder, hidden, output),
            None => {
                let mirror = Architecture::mirror(input, &encoder)?;
                let described = |layer| Described {
                    layer,
                    has_activation: false,
                };
                let mirror: Vec<Described> = mirror.into_iter().map(described).collect();
                resolve(&mirror, hidden, output)
            }
        };
        // What the last layer has, be it from a text.
        let output = decoder.last().and_then(|layer| layer.kind().activation());
        let loss = self.loss.unwrap_or(match output {
            Some(Activation::Sigmoid) => Loss::BinaryCrossEntropy,
            _ => Loss::MeanSquaredError,
        });
        let sample_shape = self.sample_shape.clone();
        Architecture::new(sample_shape, input, encoder, decoder, self.tied, loss)?
            .with_variational(self.variational)
    }

    /// The shape in which the first layer reads a sample.
    fn shape_of_input(&self) -> Result<Shape> {
        if let Some(shape) = self.input_shape {
            return Ok(shape);
        }
        if self.sample_shape.is_empty() {
            return Err(Error::configuration(
                "the width of the input",
                "missing",
                "`input(784)` or `sample_shape([28, 28])`",
            ));
        }
        let mut sizes = self.sample_shape.iter();
        let input = sizes.try_fold(1usize, |n, &size| n.checked_mul(size));
        match input {
            Some(input) => Ok(Shape::from(input)),
            None => Err(Error::configuration(
                "the shape of a sample",
                format_args!("{:?}", self.sample_shape),
                "a product that fits in memory",
            )),
        }
    }

    /// The model, with Glorot's uniform weights and biases of zero.
    ///
    /// # Errors
    /// As [`architecture`](Self::architecture), and [`Error::Configuration`] if
    /// the parameters do not fit in memory.
    pub fn build(&self) -> Result<Autoencoder> {
        let mut model = Autoencoder::zeros(self.architecture()?, self.seed)?;
        init::initialise(&mut model, self.seed);
        Ok(model)
    }
}

/// The layers with the activation of their place where the text names none: `last` of
/// the last layer that has one, `hidden` of all others.
fn resolve(described: &[Described], hidden: Activation, last: Activation) -> Vec<Layer> {
    let has_one = |described: &Described| described.layer.kind().activation().is_some();
    let last_place = described.iter().rposition(has_one);
    let layers = described.iter().enumerate();
    layers
        .map(|(place, described)| match described.has_activation {
            true => described.layer,
            false if Some(place) == last_place => described.layer.kind().with_activation(last),
            false => described.layer.kind().with_activation(hidden),
        })
        .collect()
}
