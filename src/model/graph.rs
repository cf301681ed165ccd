//! An architecture written down on a tape.

use autoencoder_kernels::noise::Noise;

use super::architecture::{Architecture, Part};
use super::fit::FitOptions;
use crate::error::Result;
use crate::tape::{Parameter, Tape, Value};

/// A tape, and the values on it that one may want. Its parameters are those of
/// [`Architecture::parameters`], in that order, whether or not it uses them all.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) tape: Tape,
    /// The samples; for a decoder alone, the codes.
    pub(super) input: Value,
    /// The output of the encoder, before dropout; of a variational one μ; for a
    /// decoder alone, its input.
    pub(super) code: Value,
    /// What the loss takes: the output, but before a sigmoid that the loss has
    /// built in.
    pub(super) prediction: Value,
    /// The output of the decoder.
    pub(super) output: Value,
    /// What makes a code random, in the training of a variational model.
    pub(super) random: Option<RandomCode>,
}

/// What makes a code random, beside its mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct RandomCode {
    pub(super) log_variance: Value,
    /// An input that wants numbers of N(0, 1).
    pub(super) noise: Value,
}

/// What training has that the use of a model has not.
#[derive(Clone, Copy, Debug, Default)]
struct Extras {
    noise: Option<Noise>,
    input_dropout: f32,
    dropout: f32,
    freeze: Option<Part>,
    /// Whether the decoder of a variational model gets samples of the code.
    random: bool,
}

impl Graph {
    /// From samples to reconstructions, by way of μ where the code is random.
    pub(super) fn new(architecture: &Architecture) -> Result<Self> {
        Self::whole(architecture, Extras::default())
    }

    /// The same with what the options have training do.
    pub(super) fn training(architecture: &Architecture, options: &FitOptions) -> Result<Self> {
        let extras = Extras {
            noise: options.noise,
            input_dropout: options.input_dropout,
            dropout: options.dropout,
            freeze: options.freeze,
            random: true,
        };
        Self::whole(architecture, extras)
    }

    fn whole(architecture: &Architecture, extras: Extras) -> Result<Self> {
        let mut tape = Tape::new();
        let input = tape.input(architecture.input());
        Self::record(tape, input, architecture, Part::Encoder, extras)
    }

    /// From codes to reconstructions.
    pub(super) fn decoder(architecture: &Architecture) -> Result<Self> {
        let mut tape = Tape::new();
        let code = tape.input(architecture.code());
        Self::record(tape, code, architecture, Part::Decoder, Extras::default())
    }

    /// Records the layers from the first one of `part` on.
    fn record(
        mut tape: Tape,
        input: Value,
        architecture: &Architecture,
        part: Part,
        extras: Extras,
    ) -> Result<Self> {
        let parameters: Vec<Parameter> = architecture
            .parameters()
            .iter()
            .map(|info| {
                let (rows, cols) = info.shape;
                if info.is_bias {
                    tape.bias(cols)
                } else {
                    tape.weight(rows, cols)
                }
            })
            .collect();
        let layers = architecture.layers().zip(architecture.places());
        let frozen = layers.filter(|&((part, ..), _)| extras.freeze == Some(part));
        for (_, place) in frozen {
            tape.freeze(parameters[place.weight])?;
            tape.freeze(parameters[place.bias])?;
        }
        let head = architecture.log_variance_place();
        if let (Some(Part::Encoder), Some(head)) = (extras.freeze, head) {
            tape.freeze(parameters[head.weight])?;
            tape.freeze(parameters[head.bias])?;
        }
        let mut random = None;
        let (mut code, mut prediction, mut output) = (input, input, input);
        if let Some(noise) = extras.noise {
            output = tape.corrupt(output, noise)?;
        }
        output = tape.dropout(output, extras.input_dropout)?;
        let layers = architecture.layers().zip(architecture.places());
        let last = layers.len() - 1;
        let layers = layers.enumerate();
        for (number, ((of, _, layer), place)) in layers {
            if part == Part::Decoder && of == Part::Encoder {
                continue;
            }
            let below = output;
            let weight = parameters[place.weight];
            let product = if place.transposed {
                tape.matmul_transposed(output, weight)?
            } else {
                tape.matmul(output, weight)?
            };
            let sum = tape.add_bias(product, parameters[place.bias])?;
            output = tape.activation(sum, layer.activation)?;
            prediction = if architecture.loss().takes_logits() {
                sum
            } else {
                output
            };
            if of == Part::Encoder {
                code = output;
            }
            match head {
                // A random code is no further thinned out.
                Some(head) if extras.random && number + 1 == architecture.encoder().len() => {
                    let product = tape.matmul(below, parameters[head.weight])?;
                    let log_variance = tape.add_bias(product, parameters[head.bias])?;
                    let noise = tape.input(layer.outputs);
                    output = tape.normal_sample(code, log_variance, noise)?;
                    random = Some(RandomCode {
                        log_variance,
                        noise,
                    });
                }
                _ if number < last => output = tape.dropout(output, extras.dropout)?,
                _ => {}
            }
        }
        Ok(Graph {
            tape,
            input,
            code,
            prediction,
            output,
            random,
        })
    }
}
