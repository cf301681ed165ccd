//! What a model is made of, without its numbers: layers, loss, shape of a sample.

use std::str::FromStr;

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::layer::{Description, Initial, Layer, MirrorPlace, ParameterSpec, Slot};
use crate::tape::Shape;

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
    /// Whether it is a vector, such as a bias or a scale: weight decay leaves it alone.
    pub is_bias: bool,
    /// The numbers before training.
    pub initial: Initial,
}

impl ParameterInfo {
    /// That of a layer with this name.
    pub(super) fn new(layer: &str, spec: &ParameterSpec) -> Self {
        ParameterInfo {
            name: format!("{layer}.{}", spec.name),
            shape: spec.shape,
            is_bias: spec.is_vector,
            initial: spec.initial,
        }
    }

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

/// A layer in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The half of the model.
    pub part: Part,
    /// Its number there.
    pub number: usize,
    /// The layer.
    pub layer: Layer,
    /// The shape of what it reads.
    pub input: Shape,
    /// The shape of what it gives.
    pub output: Shape,
    /// Where its parameters are in [`Architecture::parameters`], in the order of
    /// [`LayerKind::parameters`](crate::layer::LayerKind::parameters).
    pub(crate) slots: Vec<Slot<usize>>,
}

impl Placed {
    /// Its name in files and tables: `encoder.0`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.part.name(), self.number)
    }
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
    /// The shape in which the first layer reads a sample.
    input: Shape,
    encoder: Vec<Layer>,
    decoder: Vec<Layer>,
    tied: bool,
    variational: bool,
    loss: Loss,
}

impl Architecture {
    /// Checks that the parts fit together. `sample_shape` is what the data have,
    /// `input` the shape in which the first layer reads a sample: a picture of 28 × 28 is
    /// `[784]` for a dense layer.
    ///
    /// # Errors
    /// [`Error::Configuration`] names the part that does not fit.
    pub fn new(
        sample_shape: Vec<usize>,
        input: Shape,
        encoder: Vec<Layer>,
        decoder: Vec<Layer>,
        tied: bool,
        loss: Loss,
    ) -> Result<Self> {
        loss.check()?;
        let architecture = Architecture {
            sample_shape,
            input,
            encoder,
            decoder,
            tied,
            variational: false,
            loss,
        };
        let (encoder, decoder) = (architecture.encoder.len(), architecture.decoder.len());
        if encoder == 0 || decoder == 0 {
            return Err(Error::configuration(
                "the number of layers",
                format_args!("{encoder} + {decoder}"),
                "at least one in the encoder and one in the decoder",
            ));
        }
        architecture.check_shapes()?;
        architecture.check_size()?;
        architecture.check_tied()?;
        architecture.check_loss()?;
        Ok(architecture)
    }

    /// The layers of the decoder that mirrors an encoder, from its code back to `input`:
    /// each layer's own mirror, in reverse.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the encoder's layers do not fit together.
    pub fn mirror(input: Shape, encoder: &[Layer]) -> Result<Vec<Layer>> {
        let mut inputs = Vec::with_capacity(encoder.len());
        let mut shape = input;
        for layer in encoder {
            inputs.push(shape);
            shape = layer.kind().output_shape(shape)?;
        }
        let last = encoder.len().saturating_sub(1);
        let mirrored = encoder.iter().zip(inputs).enumerate().rev();
        Ok(mirrored
            .filter_map(|(number, (layer, input))| {
                let place = MirrorPlace {
                    is_first: number == last,
                    is_last: number == 0,
                };
                layer.kind().mirror(input, place)
            })
            .collect())
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
        let last = self.encoder[self.encoder.len() - 1];
        match last.kind().activation() {
            Some(Activation::Identity) => {}
            _ if !variational => {}
            Some(activation) => {
                return Err(Error::configuration(
                    "the activation of a variational code",
                    activation,
                    Activation::Identity,
                ));
            }
            None => {
                return Err(Error::configuration(
                    "the last layer of a variational encoder",
                    last,
                    "a linear one, such as a dense layer, which gives μ and log σ²",
                ));
            }
        }
        self.check_size()?;
        Ok(self)
    }

    fn check_shapes(&self) -> Result<()> {
        let sizes = &self.sample_shape;
        let numbers = sizes
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        if numbers != Some(self.input.len()) {
            return Err(Error::configuration(
                "the shape of a sample",
                format_args!("{sizes:?}"),
                format_args!("a product of {}, the width of the input", self.input.len()),
            ));
        }
        if self.input.len() == 0 {
            return Err(Error::configuration(
                "the width of the input",
                0,
                "at least 1",
            ));
        }
        let mut shape = self.input;
        for layer in self.encoder.iter().chain(&self.decoder) {
            shape = layer.kind().output_shape(shape)?;
            // Its product is checked, too.
            Shape::new(shape.sizes())?;
        }
        if shape.len() != self.input.len() {
            return Err(Error::configuration(
                "the last width of the decoder",
                shape,
                format_args!("{}, the width of the input", self.input),
            ));
        }
        Ok(())
    }

    fn check_size(&self) -> Result<()> {
        let numbers = |spec: &ParameterSpec| spec.shape.0.checked_mul(spec.shape.1);
        let all = self
            .shapes()
            .flat_map(|(layer, input, _)| layer.kind().parameters(input));
        let head = self.head_specs();
        let size = all
            .chain(head)
            .try_fold(0usize, |sum, spec| sum.checked_add(numbers(&spec)?));
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
        if !self.tied {
            return Ok(());
        }
        let shapes = |part: Part| -> Vec<(usize, usize)> {
            let layers = self.shapes().enumerate();
            let layers =
                layers.filter(|&(i, _)| (i < self.encoder.len()) == (part == Part::Encoder));
            let specs = layers.flat_map(|(_, (layer, input, _))| layer.kind().parameters(input));
            specs
                .filter(|spec| spec.is_tied)
                .map(|spec| spec.shape)
                .collect()
        };
        let transposed = |(rows, cols): (usize, usize)| (cols, rows);
        let mirror: Vec<_> = shapes(Part::Encoder)
            .into_iter()
            .rev()
            .map(transposed)
            .collect();
        let own = shapes(Part::Decoder);
        if own == mirror {
            return Ok(());
        }
        let outputs = |shapes: &[(usize, usize)]| -> Vec<usize> {
            shapes.iter().map(|&(_, outputs)| outputs).collect()
        };
        Err(Error::configuration(
            "a decoder with tied weights",
            format_args!("{:?}", outputs(&own)),
            format_args!("{:?}, the mirror of the encoder", outputs(&mirror)),
        ))
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

    /// The shape in which the first layer reads a sample.
    pub fn input_shape(&self) -> Shape {
        self.input
    }

    /// Numbers per sample.
    pub fn input(&self) -> usize {
        self.input.len()
    }

    /// The shape of a code.
    pub fn code_shape(&self) -> Shape {
        let shapes = self.shapes().map(|(_, _, output)| output);
        shapes.take(self.encoder.len()).last().unwrap_or(self.input)
    }

    /// Numbers per code.
    pub fn code(&self) -> usize {
        self.code_shape().len()
    }

    /// The layers from samples to codes; at least one.
    pub fn encoder(&self) -> &[Layer] {
        &self.encoder
    }

    /// The layers from codes to reconstructions; at least one.
    pub fn decoder(&self) -> &[Layer] {
        &self.decoder
    }

    /// Both halves in words, `784,128:relu,64:relu` and `64,128:relu,784:sigmoid`.
    pub fn descriptions(&self) -> [Description; 2] {
        [
            Description::of(self.input, &self.encoder),
            Description::of(self.code_shape(), &self.decoder),
        ]
    }

    /// All layers in order, each with the shapes of what it reads and gives.
    fn shapes(&self) -> impl Iterator<Item = (Layer, Shape, Shape)> {
        let layers = self.encoder.iter().chain(&self.decoder);
        layers.scan(self.input, |shape, &layer| {
            let input = *shape;
            // Checked when the architecture was made.
            *shape = layer.kind().output_shape(input).unwrap_or(input);
            Some((layer, input, *shape))
        })
    }

    /// All layers in order, each in its place.
    pub fn layers(&self) -> Vec<Placed> {
        let mut count = 0;
        // Where the encoder has what a tied decoder shares.
        let mut shared: Vec<usize> = Vec::new();
        let layers = self
            .shapes()
            .enumerate()
            .map(|(i, (layer, input, output))| {
                let (part, number) = match i.checked_sub(self.encoder.len()) {
                    None => (Part::Encoder, i),
                    Some(number) => (Part::Decoder, number),
                };
                let mut slot = |spec: &ParameterSpec| {
                    if part == Part::Decoder
                        && self.tied
                        && spec.is_tied
                        && let Some(parameter) = shared.pop()
                    {
                        return Slot {
                            parameter,
                            transposed: true,
                        };
                    }
                    let parameter = count;
                    count += 1;
                    if part == Part::Encoder && spec.is_tied {
                        shared.push(parameter);
                    }
                    Slot {
                        parameter,
                        transposed: false,
                    }
                };
                Placed {
                    slots: layer
                        .kind()
                        .parameters(input)
                        .iter()
                        .map(&mut slot)
                        .collect(),
                    part,
                    number,
                    layer,
                    input,
                    output,
                }
            });
        layers.collect()
    }

    /// The activation of the last layer; the identity, if it has none.
    pub fn output_activation(&self) -> Activation {
        let mut layers = self.decoder.iter().rev();
        let activation = layers.next().and_then(|layer| layer.kind().activation());
        activation.unwrap_or(Activation::Identity)
    }

    /// Whether no layer is narrower than the input. Nothing but regularisation
    /// then keeps training from learning to copy.
    pub fn is_overcomplete(&self) -> bool {
        self.shapes()
            .all(|(_, _, output)| output.len() >= self.input())
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
        let mut parameters = Vec::new();
        for placed in self.layers() {
            let specs = placed.layer.kind().parameters(placed.input);
            for (spec, slot) in specs.iter().zip(&placed.slots) {
                if slot.parameter == parameters.len() {
                    parameters.push(ParameterInfo::new(&placed.name(), spec));
                }
            }
        }
        let head = self.head_specs();
        parameters.extend(
            head.iter()
                .map(|spec| ParameterInfo::new(LOG_VARIANCE, spec)),
        );
        parameters
    }

    /// The parameters of the head of a variational encoder that gives log σ²: those of
    /// the encoder's last layer once more.
    fn head_specs(&self) -> Vec<ParameterSpec> {
        let last = self.encoder.len() - 1;
        match self.shapes().nth(last) {
            Some((layer, input, _)) if self.variational => layer.kind().parameters(input),
            _ => Vec::new(),
        }
    }

    /// The head of a variational encoder that gives log σ², beside the encoder's last
    /// layer, which gives μ.
    pub(crate) fn log_variance(&self) -> Option<Placed> {
        let mut layers = self.layers();
        let used = layers.iter().flat_map(|placed| &placed.slots);
        let first = used.map(|slot| slot.parameter + 1).max().unwrap_or(0);
        let mu = layers.swap_remove(self.encoder.len() - 1);
        let slot = |parameter| Slot {
            parameter,
            transposed: false,
        };
        self.variational.then(|| Placed {
            slots: (first..first + mu.slots.len()).map(slot).collect(),
            ..mu
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
        let layers = self.shapes();
        layers
            .map(|(layer, input, _)| layer.kind().flops(input))
            .sum()
    }
}

/// The name of the head that gives log σ².
pub(crate) const LOG_VARIANCE: &str = "encoder.log_variance";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Dense, LayerNorm};

    fn chain(widths: &[usize], last: Activation) -> Vec<Layer> {
        let mut layers: Vec<Layer> = widths[1..]
            .iter()
            .map(|&outputs| {
                Layer::Dense(Dense {
                    outputs,
                    activation: Activation::Relu,
                })
            })
            .collect();
        if let Some(layer) = layers.last_mut() {
            *layer = layer.kind().with_activation(last);
        }
        layers
    }

    fn build(encoder: &[usize], decoder: &[usize], tied: bool) -> Result<Architecture> {
        Architecture::new(
            vec![encoder[0]],
            encoder[0].into(),
            chain(encoder, Activation::Relu),
            chain(decoder, Activation::Sigmoid),
            tied,
            Loss::BinaryCrossEntropy,
        )
    }

    #[test]
    fn parameters_and_slots_agree() {
        for tied in [false, true] {
            let architecture = build(&[6, 4, 2], &[2, 4, 6], tied).unwrap();
            let parameters = architecture.parameters();
            for placed in architecture.layers() {
                let [weight, bias] = [0, 1].map(|i| &parameters[placed.slots[i].parameter]);
                let (inputs, outputs) = (placed.input.len(), placed.output.len());
                assert_eq!(bias.name, format!("{}.bias", placed.name()));
                assert_eq!(bias.shape, (1, outputs));
                let shape = if placed.slots[0].transposed {
                    assert!(tied && placed.part == Part::Decoder);
                    (outputs, inputs)
                } else {
                    assert_eq!(weight.name, format!("{}.weight", placed.name()));
                    (inputs, outputs)
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
    fn normalisation_has_parameters_of_its_own_on_both_sides() {
        let norm = Layer::LayerNorm(LayerNorm::PYTORCH);
        let mut encoder = chain(&[6, 4, 2], Activation::Identity);
        encoder.insert(1, norm);
        encoder.insert(0, norm);
        let decoder = Architecture::mirror(6.into(), &encoder).unwrap();
        // Not where the reconstruction would come out.
        let names: Vec<String> = decoder.iter().map(|layer| layer.kind().name()).collect();
        assert_eq!(names, ["4", "layer-norm", "6"]);
        let loss = Loss::MeanSquaredError;
        for tied in [false, true] {
            let (encoder, decoder) = (encoder.clone(), decoder.clone());
            let architecture =
                Architecture::new(vec![2, 3], 6.into(), encoder, decoder, tied, loss).unwrap();
            let architecture = architecture.with_variational(true).unwrap();
            let parameters = architecture.parameters();
            let names: Vec<&str> = parameters.iter().map(|info| &*info.name).collect();
            let mut expected = vec!["encoder.0.weight", "encoder.0.bias"];
            expected.extend(["encoder.1.weight", "encoder.1.bias"]);
            expected.extend(["encoder.2.weight", "encoder.2.bias"]);
            expected.extend(["encoder.3.weight", "encoder.3.bias"]);
            expected.extend(["decoder.0.weight", "decoder.0.bias"]);
            expected.extend(["decoder.1.weight", "decoder.1.bias"]);
            expected.extend(["decoder.2.weight", "decoder.2.bias"]);
            expected.extend(["encoder.log_variance.weight", "encoder.log_variance.bias"]);
            if tied {
                expected.retain(|name| !["decoder.0.weight", "decoder.2.weight"].contains(name));
            }
            assert_eq!(names, expected);
            let head = architecture.log_variance().unwrap();
            let slots = head.slots.iter().map(|slot| names[slot.parameter]);
            assert!(slots.eq(["encoder.log_variance.weight", "encoder.log_variance.bias"]));
            let ones = |name: &str| name == "encoder.0.weight" || name == "encoder.2.weight";
            for info in &parameters {
                assert!(!ones(&info.name) || info.initial == Initial::Ones);
                assert!(!ones(&info.name) || info.is_bias);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_says_so() {
        for (result, says) in [
            (
                build(&[4, 2], &[2, 5], false),
                "the last width of the decoder is 5, expected 4",
            ),
            (build(&[4, 0], &[0, 4], false), "the width of a layer is 0"),
            (
                build(&[0, 2], &[2, 0], false),
                "the width of the input is 0",
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
        let with = |shape: Vec<usize>, output, loss| {
            let encoder = chain(&[4, 2], Activation::Relu);
            Architecture::new(
                shape,
                4.into(),
                encoder,
                chain(&[2, 4], output),
                false,
                loss,
            )
        };
        let linear = with(vec![4], Activation::Identity, Loss::BinaryCrossEntropy);
        let message = linear.unwrap_err().to_string();
        assert!(
            message.contains("sigmoid") && message.contains("bce-clipped"),
            "{message}"
        );
        let shape = with(vec![2, 3], Activation::Sigmoid, Loss::MeanSquaredError);
        assert!(shape.unwrap_err().to_string().contains("[2, 3]"));
    }
}
