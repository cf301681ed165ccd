//! [`LayerNorm`]: each sample to mean 0 and variance 1, scaled and shifted.

use autoencoder_kernels::activation::Activation;

use super::graph::{Attribute, GraphWriter};
use super::kind::{LayerKind, MirrorPlace, Recorded, Slot};
use super::parameter::{Initial, ParameterSpec};
use super::{Described, Layer};
use crate::error::{Error, Result};
use crate::tape::{Shape, Tape, Value};

/// γ ⊙ (x − mean)/√(variance + ε) + β over the features of a sample, or over those of
/// each position of a sequence or a picture (Ba, Kiros and Hinton, "Layer
/// normalization", 2016). The variance is the biased one; γ starts as 1, β as 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// ε, positive and finite: [`PYTORCH`](Self::PYTORCH) or [`KERAS`](Self::KERAS).
    pub epsilon: f32,
}

impl LayerNorm {
    /// With the ε of PyTorch 2.15 (`nn.LayerNorm`), 1e-5.
    pub const PYTORCH: LayerNorm = LayerNorm { epsilon: 1e-5 };

    /// With the ε of Keras 3.15 (`layers.LayerNormalization`), 1e-3.
    pub const KERAS: LayerNorm = LayerNorm { epsilon: 1e-3 };

    pub(super) const EXAMPLE: &'static str = "layer-norm, layer-norm:keras or layer-norm:1e-6";

    /// Reads `layer-norm`, and behind a colon `pytorch`, `keras` or ε.
    pub(super) fn read(text: &str) -> Option<Result<Described>> {
        let (name, option) = match text.split_once(':') {
            Some((name, option)) => (name, Some(option.trim())),
            None => (text, None),
        };
        (name.trim() == "layer-norm").then(|| {
            let layer = match option {
                None | Some("pytorch") => Self::PYTORCH,
                Some("keras") => Self::KERAS,
                Some(epsilon) => LayerNorm {
                    epsilon: epsilon.parse().map_err(|_| {
                        Error::configuration(
                            "the ε of layer-norm",
                            format_args!("{epsilon:?}"),
                            "pytorch (1e-5), keras (1e-3) or a number",
                        )
                    })?,
                },
            };
            layer.check()?;
            Ok(Described {
                layer: layer.into(),
                has_activation: false,
            })
        })
    }

    fn check(self) -> Result<()> {
        if self.epsilon > 0.0 && self.epsilon.is_finite() {
            return Ok(());
        }
        Err(Error::configuration(
            "the ε of layer-norm",
            self.epsilon,
            "a positive finite number",
        ))
    }
}

impl LayerKind for LayerNorm {
    fn name(&self) -> String {
        match *self {
            Self::PYTORCH => "layer-norm".to_owned(),
            Self::KERAS => "layer-norm:keras".to_owned(),
            LayerNorm { epsilon } => format!("layer-norm:{epsilon:e}"),
        }
    }

    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check()?;
        Ok(input)
    }

    fn parameters(&self, input: Shape) -> Vec<ParameterSpec> {
        let vector = |name, initial| ParameterSpec::vector(name, input.channels(), initial);
        vec![
            vector("weight", Initial::Ones),
            vector("bias", Initial::Zeros),
        ]
    }

    fn with_activation(&self, _: Activation) -> Layer {
        Layer::LayerNorm(*self)
    }

    fn record(&self, tape: &mut Tape, x: Value, slots: &[Slot]) -> Result<Recorded> {
        let (weight, bias) = (slots[0].parameter, slots[1].parameter);
        let output = tape.layer_norm(x, weight, bias, self.epsilon)?;
        Ok(Recorded {
            pre_activation: output,
            output,
        })
    }

    /// The same, between two other layers. At the code it would repeat what the encoder
    /// has done, and at the end it would take its scale from the reconstruction.
    fn mirror(&self, _: Shape, place: MirrorPlace) -> Option<Layer> {
        let is_between = !place.is_first && !place.is_last;
        is_between.then_some(Layer::LayerNorm(*self))
    }

    /// Seven for each number: two for the mean and the difference from it, two for the
    /// variance, three to scale and shift.
    fn flops(&self, input: Shape) -> u64 {
        7 * input.len() as u64
    }

    fn export(
        &self,
        _: Shape,
        slots: &[Slot<String>],
        input: &str,
        output: &str,
        graph: &mut dyn GraphWriter,
    ) {
        let inputs = [input, &slots[0].parameter, &slots[1].parameter];
        let attributes = [
            ("axis", Attribute::Int(-1)),
            ("epsilon", Attribute::Float(self.epsilon)),
        ];
        graph.node("LayerNormalization", &inputs, output, &attributes);
    }
}
