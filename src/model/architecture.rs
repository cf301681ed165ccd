//! What a model is made of, without its numbers: layers, loss, shape of a sample.

use std::str::FromStr;

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A layer: `activation(x·W + b)` with `W` of `inputs × outputs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dense {
    /// Numbers that go in.
    pub inputs: usize,
    /// Numbers that come out.
    pub outputs: usize,
    /// What is applied to each of them.
    pub activation: Activation,
}

/// The two halves of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// From samples to codes.
    Encoder,
    /// From codes to reconstructions.
    Decoder,
}

impl Part {
    /// The word that file formats and tables use.
    pub fn name(self) -> &'static str {
        match self {
            Part::Encoder => "encoder",
            Part::Decoder => "decoder",
        }
    }
}

impl FromStr for Part {
    type Err = Error;

    /// The inverse of [`Part::name`].
    fn from_str(text: &str) -> Result<Self> {
        [Part::Encoder, Part::Decoder]
            .into_iter()
            .find(|part| part.name() == text.trim())
            .ok_or_else(|| Error::configuration("the part of a model", text, "encoder or decoder"))
    }
}

/// One array of numbers that training changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Its name in a model file: `encoder.0.weight`, `encoder.0.bias`, ….
    pub name: String,
    /// Rows and columns in memory: `inputs × outputs` for a weight, and
    /// `1 × outputs` for a bias.
    pub shape: (usize, usize),
    /// Whether it is a bias.
    pub is_bias: bool,
}

impl ParameterInfo {
    /// The shape in a model file: `[outputs, inputs]` for a weight, `[outputs]`
    /// for a bias.
    pub fn file_shape(&self) -> Vec<usize> {
        let (inputs, outputs) = self.shape;
        if self.is_bias {
            vec![outputs]
        } else {
            vec![outputs, inputs]
        }
    }
}

/// Where a layer finds its parameters in [`Architecture::parameters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) weight: usize,
    /// Whether the layer uses the transpose of that weight.
    pub(crate) transposed: bool,
    pub(crate) bias: usize,
}

/// What an [`Autoencoder`](super::Autoencoder) is made of, apart from its
/// numbers.
///
/// Always sound: each layer takes what the one before gives, the decoder ends
/// with as many numbers as the encoder begins with, and the loss fits the last
/// activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    sample_shape: Vec<usize>,
    // The encoder's layers, then the decoder's.
    layers: Vec<Dense>,
    encoder_layers: usize,
    tied: bool,
    variational: bool,
    loss: Loss,
}

impl Architecture {
    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// [`Error::Configuration`] names the part that does not fit.
    pub fn new(
        sample_shape: Vec<usize>,
        encoder: Vec<Dense>,
        decoder: Vec<Dense>,
        tied: bool,
        loss: Loss,
    ) -> Result<Self> {
        loss.check()?;
        let encoder_layers = encoder.len();
        let decoder_layers = decoder.len();
        let mut layers = encoder;
        layers.extend(decoder);
        let architecture = Architecture {
            sample_shape,
            layers,
            encoder_layers,
            tied,
            variational: false,
            loss,
        };
        if encoder_layers == 0 || decoder_layers == 0 {
            return Err(Error::configuration(
                "the number of layers",
                format_args!("{encoder_layers} + {decoder_layers}"),
                "at least one in the encoder and one in the decoder",
            ));
        }
        architecture.check_widths()?;
        architecture.check_size()?;
        architecture.check_tied()?;
        architecture.check_loss()?;
        Ok(architecture)
    }

    /// The same with a random code, or without. A variational encoder ends with
    /// two linear layers side by side: its last one gives μ, and another one of
    /// the same shape log σ² (Kingma and Welling 2014).
    ///
    /// # Errors
    /// [`Error::Configuration`] if the code has an activation: both can be any
    /// number.
    pub fn with_variational(mut self, variational: bool) -> Result<Self> {
        self.variational = variational;
        let activation = self.layers[self.encoder_layers - 1].activation;
        if variational && activation != Activation::Identity {
            return Err(Error::configuration(
                "the activation of a variational code",
                activation,
                Activation::Identity,
            ));
        }
        self.check_size()?;
        Ok(self)
    }

    fn check_widths(&self) -> Result<()> {
        let input = self
            .sample_shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        if input != Some(self.layers[0].inputs) {
            return Err(Error::configuration(
                "the shape of a sample",
                format_args!("{:?}", self.sample_shape),
                format_args!(
                    "a product of {}, the width of the input",
                    self.layers[0].inputs
                ),
            ));
        }
        let mut width = self.layers[0].inputs;
        for layer in &self.layers {
            if layer.inputs == 0 || layer.outputs == 0 {
                return Err(Error::configuration(
                    "the width of a layer",
                    format_args!("{} × {}", layer.inputs, layer.outputs),
                    "at least 1",
                ));
            }
            if layer.inputs != width {
                return Err(Error::configuration(
                    "the input of a layer",
                    layer.inputs,
                    format_args!("{width}, the output of the layer before"),
                ));
            }
            width = layer.outputs;
        }
        if width != self.input() {
            return Err(Error::configuration(
                "the last width of the decoder",
                width,
                format_args!("{}, the width of the input", self.input()),
            ));
        }
        Ok(())
    }

    fn check_size(&self) -> Result<()> {
        let head = &self.layers[self.encoder_layers - 1..self.encoder_layers];
        let head = head.iter().filter(|_| self.variational);
        let size = self
            .layers
            .iter()
            .chain(head)
            .try_fold(0usize, |sum, layer| {
                let weight = layer.inputs.checked_mul(layer.outputs)?;
                sum.checked_add(weight)?.checked_add(layer.outputs)
            });
        // Sixteen bytes a number leave room for an optimiser's state too.
        match size.and_then(|size| size.checked_mul(16)) {
            Some(size) if isize::try_from(size).is_ok() => Ok(()),
            _ => Err(Error::configuration(
                "the number of parameters",
                "beyond all memory",
                "narrower layers",
            )),
        }
    }

    fn check_tied(&self) -> Result<()> {
        let widths = |layers: &[Dense]| -> Vec<(usize, usize)> {
            layers.iter().map(|l| (l.inputs, l.outputs)).collect()
        };
        let mirrored = |layers: &[Dense]| -> Vec<(usize, usize)> {
            layers.iter().rev().map(|l| (l.outputs, l.inputs)).collect()
        };
        if self.tied && widths(self.decoder()) != mirrored(self.encoder()) {
            let outputs = |layers: &[(usize, usize)]| -> Vec<usize> {
                layers.iter().map(|&(_, outputs)| outputs).collect()
            };
            return Err(Error::configuration(
                "a decoder with tied weights",
                format_args!("{:?}", outputs(&widths(self.decoder()))),
                format_args!(
                    "{:?}, the mirror of the encoder",
                    outputs(&mirrored(self.encoder()))
                ),
            ));
        }
        Ok(())
    }

    fn check_loss(&self) -> Result<()> {
        let output = self.output_activation();
        if self.loss.takes_logits() && output != Activation::Sigmoid {
            return Err(Error::configuration(
                "the output's activation",
                output,
                format_args!(
                    "sigmoid, which the loss {} has built in; or choose another loss, \
                     {} for probabilities from elsewhere",
                    self.loss,
                    Loss::BinaryCrossEntropyClipped
                ),
            ));
        }
        Ok(())
    }

    /// The shape of a sample, `[784]` or `[28, 28]`; its product is
    /// [`input`](Self::input).
    pub fn sample_shape(&self) -> &[usize] {
        &self.sample_shape
    }

    /// Numbers per sample.
    pub fn input(&self) -> usize {
        self.layers[0].inputs
    }

    /// Numbers per code.
    pub fn code(&self) -> usize {
        self.layers[self.encoder_layers - 1].outputs
    }

    /// The layers from samples to codes; at least one.
    pub fn encoder(&self) -> &[Dense] {
        &self.layers[..self.encoder_layers]
    }

    /// The layers from codes to reconstructions; at least one.
    pub fn decoder(&self) -> &[Dense] {
        &self.layers[self.encoder_layers..]
    }

    /// All layers in order, each with its part and its number there.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = (Part, usize, Dense)> {
        let encoder = self.encoder_layers;
        self.layers.iter().enumerate().map(move |(i, &layer)| {
            if i < encoder {
                (Part::Encoder, i, layer)
            } else {
                (Part::Decoder, i - encoder, layer)
            }
        })
    }

    /// The activation of the last layer.
    pub fn output_activation(&self) -> Activation {
        self.layers[self.layers.len() - 1].activation
    }

    /// Whether no layer is narrower than the input. Nothing but regularisation
    /// then keeps training from learning to copy.
    pub fn is_overcomplete(&self) -> bool {
        self.layers
            .iter()
            .all(|layer| layer.outputs >= self.input())
    }

    /// Whether the decoder's weights are the encoder's, transposed.
    pub fn is_tied(&self) -> bool {
        self.tied
    }

    /// Whether the code is random: a normal distribution for each sample, whose
    /// mean and log-variance are what the encoder gives.
    pub fn is_variational(&self) -> bool {
        self.variational
    }

    /// What training minimises.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The arrays that training changes, layer by layer, the weight before the
    /// bias. A tied decoder has no weights of its own. The head of a variational
    /// encoder that gives log σ² comes last, as `encoder.log_variance.weight` and
    /// `encoder.log_variance.bias`; μ is the encoder's last layer.
    pub fn parameters(&self) -> Vec<ParameterInfo> {
        let mut parameters = Vec::with_capacity(2 * self.layers.len());
        for (part, i, layer) in self.layers() {
            let name = part.name();
            if part == Part::Encoder || !self.tied {
                parameters.push(ParameterInfo {
                    name: format!("{name}.{i}.weight"),
                    shape: (layer.inputs, layer.outputs),
                    is_bias: false,
                });
            }
            parameters.push(ParameterInfo {
                name: format!("{name}.{i}.bias"),
                shape: (1, layer.outputs),
                is_bias: true,
            });
        }
        if self.variational {
            let head = self.layers[self.encoder_layers - 1];
            for (name, rows, is_bias) in [("weight", head.inputs, false), ("bias", 1, true)] {
                parameters.push(ParameterInfo {
                    name: format!("encoder.log_variance.{name}"),
                    shape: (rows, head.outputs),
                    is_bias,
                });
            }
        }
        parameters
    }

    /// Where each layer finds its [`parameters`](Self::parameters).
    pub(crate) fn places(&self) -> Vec<Place> {
        let untied = |i| Place {
            weight: 2 * i,
            transposed: false,
            bias: 2 * i + 1,
        };
        let encoder = self.encoder_layers;
        (0..self.layers.len())
            .map(|i| {
                if i < encoder || !self.tied {
                    return untied(i);
                }
                Place {
                    weight: untied(2 * encoder - 1 - i).weight,
                    transposed: true,
                    bias: encoder + i,
                }
            })
            .collect()
    }

    /// Where the head of a variational encoder that gives log σ² finds them.
    pub(crate) fn log_variance_place(&self) -> Option<Place> {
        let count = self.parameters().len();
        self.variational.then_some(Place {
            weight: count.wrapping_sub(2),
            transposed: false,
            bias: count.wrapping_sub(1),
        })
    }

    /// How many numbers training changes.
    pub fn parameter_count(&self) -> usize {
        self.parameters()
            .iter()
            .map(|parameter| parameter.shape.0 * parameter.shape.1)
            .sum()
    }

    /// Floating-point operations to reconstruct one sample: two for each weight
    /// that is used, and one for each bias. Activations are not counted, nor is
    /// log σ², which a reconstruction does not ask for.
    pub fn flops_per_sample(&self) -> u64 {
        let layer = |l: &Dense| 2 * l.inputs as u64 * l.outputs as u64 + l.outputs as u64;
        self.layers.iter().map(layer).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(inputs: usize, outputs: usize, activation: Activation) -> Dense {
        Dense {
            inputs,
            outputs,
            activation,
        }
    }

    fn chain(widths: &[usize], last: Activation) -> Vec<Dense> {
        let mut layers: Vec<Dense> = widths
            .windows(2)
            .map(|pair| dense(pair[0], pair[1], Activation::Relu))
            .collect();
        if let Some(layer) = layers.last_mut() {
            layer.activation = last;
        }
        layers
    }

    fn build(encoder: &[usize], decoder: &[usize], tied: bool) -> Result<Architecture> {
        Architecture::new(
            vec![encoder[0]],
            chain(encoder, Activation::Relu),
            chain(decoder, Activation::Sigmoid),
            tied,
            Loss::BinaryCrossEntropy,
        )
    }

    #[test]
    fn parameters_and_places_agree() {
        for tied in [false, true] {
            let architecture = build(&[6, 4, 2], &[2, 4, 6], tied).unwrap();
            let parameters = architecture.parameters();
            for ((part, i, layer), place) in architecture.layers().zip(architecture.places()) {
                let (weight, bias) = (&parameters[place.weight], &parameters[place.bias]);
                assert_eq!(bias.name, format!("{}.{i}.bias", part.name()));
                assert_eq!(bias.shape, (1, layer.outputs));
                let shape = if place.transposed {
                    assert!(tied && part == Part::Decoder);
                    (layer.outputs, layer.inputs)
                } else {
                    assert_eq!(weight.name, format!("{}.{i}.weight", part.name()));
                    (layer.inputs, layer.outputs)
                };
                assert_eq!(weight.shape, shape);
            }
            assert_eq!(parameters.len(), if tied { 6 } else { 8 });
            let weights = if tied { 32 } else { 64 };
            assert_eq!(architecture.parameter_count(), weights + 4 + 2 + 4 + 6);
            assert_eq!(architecture.flops_per_sample(), 2 * 64 + 16);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_says_so() {
        for (result, says) in [
            (
                build(&[4, 2], &[2, 5], false),
                "the last width of the decoder is 5, expected 4",
            ),
            (
                build(&[4, 2], &[3, 4], false),
                "the input of a layer is 3, expected 2",
            ),
            (
                build(&[4, 0], &[0, 4], false),
                "the width of a layer is 4 × 0",
            ),
            (build(&[4, 2], &[2, 3, 4], true), "expected [4], the mirror"),
            (build(&[4], &[2, 4], false), "the number of layers is 0 + 1"),
            (
                build(&[usize::MAX, 2], &[2, usize::MAX], false),
                "beyond all memory",
            ),
        ] {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
        let linear = Architecture::new(
            vec![4],
            chain(&[4, 2], Activation::Relu),
            chain(&[2, 4], Activation::Identity),
            false,
            Loss::BinaryCrossEntropy,
        );
        let message = linear.unwrap_err().to_string();
        assert!(
            message.contains("sigmoid") && message.contains("bce-clipped"),
            "{message}"
        );
        let shape = Architecture::new(
            vec![2, 3],
            chain(&[4, 2], Activation::Relu),
            chain(&[2, 4], Activation::Sigmoid),
            false,
            Loss::MeanSquaredError,
        );
        assert!(shape.unwrap_err().to_string().contains("[2, 3]"));
    }
}
