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
    /// The output of the encoder; for a decoder alone, its input.
    pub(super) code: Value,
    /// What the loss takes: the output, but before a sigmoid that the loss has
    /// built in.
    pub(super) prediction: Value,
    /// The output of the decoder.
    pub(super) output: Value,
}

/// What training has that the use of a model has not.
#[derive(Clone, Copy, Debug, Default)]
struct Extras {
    noise: Option<Noise>,
    input_dropout: f32,
    dropout: f32,
    freeze: Option<Part>,
}

impl Graph {
    /// From samples to reconstructions and their loss.
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
        };
        Self::whole(architecture, extras)
    }

    fn whole(architecture: &Architecture, extras: Extras) -> Result<Self> {
        let mut tape = Tape::new();
        let input = tape.input(architecture.input());
        let mut graph = Self::record(tape, input, architecture, Part::Encoder, extras)?;
        graph.tape.loss(architecture.loss(), graph.output, input)?;
        Ok(graph)
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
            if number < last {
                output = tape.dropout(output, extras.dropout)?;
            }
            if of == Part::Encoder {
                code = output;
            }
        }
        Ok(Graph {
            tape,
            code,
            prediction,
            output,
        })
    }
}
