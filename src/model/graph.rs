//! An architecture written down on a tape.

use autoencoder_kernels::noise::Noise;

use super::architecture::{Architecture, Part, Placed};
use super::fit::FitOptions;
use crate::error::Result;
use crate::layer::{Recorded, Slot};
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
        let input = tape.input(architecture.input_shape());
        Self::record(tape, input, architecture, Part::Encoder, extras)
    }

    /// From codes to reconstructions.
    pub(super) fn decoder(architecture: &Architecture) -> Result<Self> {
        let mut tape = Tape::new();
        let code = tape.input(architecture.code_shape());
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
        let layers = architecture.layers();
        let head = architecture.log_variance();
        let frozen = layers.iter().chain(&head);
        for placed in frozen.filter(|placed| extras.freeze == Some(placed.part)) {
            for slot in &placed.slots {
                tape.freeze(parameters[slot.parameter])?;
            }
        }
        let record = |tape: &mut Tape, placed: &Placed, x: Value| -> Result<Recorded> {
            let slot = |slot: &Slot<usize>| Slot {
                parameter: parameters[slot.parameter],
                transposed: slot.transposed,
            };
            let slots: Vec<Slot> = placed.slots.iter().map(slot).collect();
            placed.layer.kind().record(tape, x, &slots)
        };
        let mut random = None;
        let (mut code, mut prediction, mut output) = (input, input, input);
        if let Some(noise) = extras.noise {
            output = tape.corrupt(output, noise)?;
        }
        output = tape.dropout(output, extras.input_dropout)?;
        let last = layers.len() - 1;
        for (number, placed) in layers.iter().enumerate() {
            if part == Part::Decoder && placed.part == Part::Encoder {
                continue;
            }
            let below = output;
            let recorded = record(&mut tape, placed, below)?;
            output = recorded.output;
            prediction = match architecture.loss().takes_logits() {
                true => recorded.pre_activation,
                false => output,
            };
            if placed.part == Part::Encoder {
                code = output;
            }
            match &head {
                // A random code is no further thinned out.
                Some(head) if extras.random && number + 1 == architecture.encoder().len() => {
                    let log_variance = record(&mut tape, head, below)?.output;
                    let noise = tape.input(placed.output);
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
