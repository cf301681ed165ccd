//! [`TrainingGraph`]: what training minimises, written down on a tape, and the
//! noise that a random code wants.

use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::random::{Key, fill_normal};
use autoencoder_kernels::{Level, MatMut};

use super::architecture::Architecture;
use super::fit::FitOptions;
use super::graph::Graph;
use crate::error::Result;
use crate::random::Stream;
use crate::tape::{LossPart, Program, Tape, Value};

/// A graph to train: with what is minimised.
#[derive(Clone, Debug)]
pub(super) struct TrainingGraph {
    pub(super) tape: Tape,
    /// The input that wants numbers of N(0, 1), for a variational model.
    noise: Option<Value>,
    /// The names of the parts of the loss, in their order.
    parts: Vec<PartName>,
    /// The part whose factor is β.
    divergence: Option<LossPart>,
}

/// The name of a part of the loss in training, and in validation.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartName(pub(super) &'static str, pub(super) &'static str);

/// What the noise of a variational code is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    /// A training step, from 1.
    Step(u64),
    /// Validation, where rows count from the first sample; the same numbers after
    /// each epoch.
    Validation,
}

/// Where numbers of N(0, 1) go, and which. Each is a function of the seed, of
/// what it is drawn for, of its row and column alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeNoise {
    input: Option<Value>,
    key: Key,
}

impl CodeNoise {
    /// Whether an input wants noise.
    pub(super) fn is_for(&self, input: Value) -> bool {
        self.input == Some(input)
    }

    /// Fills rows, of which the first has this number.
    pub(super) fn fill(&self, first_row: usize, out: MatMut<'_, f32>) -> Result<()> {
        Ok(fill_normal(Level::current(), self.key, first_row, out)?)
    }
}

impl TrainingGraph {
    /// From samples to reconstructions, their loss and its companions. The
    /// decoder of a variational model gets samples of its code, and its loss is
    /// a sum over the features, as the ELBO has it.
    pub(super) fn new(architecture: &Architecture, options: &FitOptions) -> Result<Self> {
        let graph = Graph::training(architecture, options)?;
        let (mut tape, regularization) = (graph.tape, &options.regularization);
        let scale = match architecture.loss() {
            // Sums by themselves.
            Loss::SumSquaredError | Loss::HalfSquaredNorm => 1.0,
            _ if architecture.is_variational() => architecture.input() as f32,
            _ => 1.0,
        };
        tape.scaled_loss(architecture.loss(), graph.output, graph.input, scale)?;
        let mut parts = vec![PartName("reconstruction", "val_reconstruction")];
        let mut divergence = None;
        if let Some(random) = graph.random {
            let beta = regularization.full_beta();
            divergence = Some(tape.normal_divergence(graph.code, random.log_variance, beta)?);
            parts.push(PartName("kl", "val_kl"));
        }
        if let Some(factor) = regularization.code_l1 {
            tape.absolute_penalty(graph.code, factor)?;
            parts.push(PartName("code_l1", "val_code_l1"));
        }
        if let Some(sparsity) = regularization.code_kl {
            tape.sparsity_penalty(graph.code, sparsity.target, sparsity.factor)?;
            parts.push(PartName("code_kl", "val_code_kl"));
        }
        if let Some(factor) = regularization.contractive {
            tape.contractive_penalty(graph.code, factor)?;
            parts.push(PartName("contractive", "val_contractive"));
        }
        Ok(TrainingGraph {
            tape,
            noise: graph.random.map(|random| random.noise),
            parts,
            divergence,
        })
    }

    /// The noise of a variational code; of another none.
    pub(super) fn noise(&self, seed: u64, draw: Draw) -> CodeNoise {
        CodeNoise {
            input: self.noise,
            key: match draw {
                Draw::Step(step) => Stream::Training.key(seed, step),
                Draw::Validation => Stream::Validation.key(seed, 0),
            },
        }
    }

    /// Sets β, where there is one.
    pub(super) fn set_beta(&self, program: &mut Program, beta: f32) {
        if let Some(divergence) = self.divergence {
            program.set_factor(divergence, beta);
        }
    }

    /// The parts of the loss in the program's last run, by name; none where the
    /// loss is all there is.
    pub(super) fn figures(&self, program: &Program) -> impl Iterator<Item = (PartName, f64)> {
        let count = if self.parts.len() > 1 {
            self.parts.len()
        } else {
            0
        };
        let parts = self.parts[..count].iter().copied();
        parts.zip(program.parts().iter().copied())
    }
}
