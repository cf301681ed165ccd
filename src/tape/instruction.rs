//! What a plan consists of: instructions that run on one block of rows.

use std::fmt;
use std::ops::Range;

use autoencoder_kernels::random::Key;
use autoencoder_kernels::rows::Block;
use autoencoder_kernels::{Context, MatMut, MatRef};

use super::copies::Copies;
use super::node::Weight;
use super::parameters::Entry;
use super::record::{LossPart, MAX_PARTS, Parameter, Value};
use crate::error::Result;

/// A matrix of the replay, batch × features: while planning one of
/// arbitrarily many, afterwards the number of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register(pub(super) usize);

/// The number of a matrix with one row per block, for the partial sums of a
/// bias gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums(pub(super) usize);

/// The number of a node among those that draw random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream(pub(super) u16);

/// What the random numbers of a step are a function of, beside stream, row and
/// column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) seed: u64,
    pub(super) step: u64,
}

/// The number of a row of numbers that all blocks read, one for each feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shared(pub(super) usize);

/// Rows of an input that are read where the caller has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct InPlace<'a> {
    /// The input's register, which nothing is written to.
    pub(super) register: Register,
    pub(super) rows: MatRef<'a, f32>,
}

impl InPlace<'_> {
    /// Some of the rows.
    pub(super) fn part(self, rows: Range<usize>) -> Self {
        InPlace {
            rows: self.rows.submatrix(rows, 0..self.rows.cols()),
            ..self
        }
    }
}

/// Rows of the result that are written where the caller wants them.
#[derive(Debug)]
pub(super) struct OutputInPlace<'a> {
    /// The result's register, and that of others before it.
    pub(super) register: Register,
    pub(super) rows: MatMut<'a, f32>,
}

/// Fills rows of an input: which one, which rows, and where they go.
pub(super) type Fill<'a> = dyn Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync + 'a;

/// One kernel call of a plan.
pub(super) trait Instruction: fmt::Debug + Send + Sync {
    /// All registers that it reads or writes, to learn how long each is needed
    /// and to replace them by buffers. No two of them share a buffer.
    fn registers(&mut self) -> Vec<&mut Register>;

    /// Runs it on the rows of one block. Must not allocate, and a row of the
    /// result may depend on the same row of its operands alone.
    fn run(&self, frame: &mut Frame<'_>) -> Result<()>;
}

/// What an instruction works on.
pub(super) struct Frame<'a> {
    pub(super) block: Block<'a>,
    /// The block's place among all rows: the first row of its minibatch.
    pub(super) first_row: usize,
    pub(super) weights: Weights<'a>,
    /// Serial: blocks are what runs in parallel.
    pub(super) context: Context,
    /// 1 / rows of the minibatch: losses are means.
    pub(super) scale: f32,
    pub(super) fill: &'a Fill<'a>,
    /// The block's rows of the input, unless it is filled.
    pub(super) input: Option<InPlace<'a>>,
    /// The block's rows of the result, unless it stays in a buffer.
    pub(super) output: Option<OutputInPlace<'a>>,
    /// None outside of training: nothing is random there.
    pub(super) draw: Option<Draw>,
    /// By part of the loss: the sum over the block's samples.
    pub(super) losses: [f64; MAX_PARTS],
    /// By part of the loss: its factor.
    pub(super) factors: [f32; MAX_PARTS],
    pub(super) shared: &'a [Vec<f32>],
}

impl Frame<'_> {
    /// The random numbers of a stream in this step, and the row in the
    /// minibatch that the block begins with; None outside of training.
    pub(super) fn random(&self, stream: Stream) -> Option<(Key, usize)> {
        let Draw { seed, step } = self.draw?;
        let key = Key {
            seed,
            stream: stream.0,
            step,
        };
        Some((key, self.first_row + self.block.rows().start))
    }

    /// What the derivatives of a part of the loss are multiplied by.
    pub(super) fn scale(&self, part: LossPart) -> f32 {
        self.scale * self.factors[part.0]
    }

    /// Adds to the sum of a part of the loss.
    pub(super) fn add_loss(&mut self, part: LossPart, value: f64) {
        self.losses[part.0] += value;
    }

    /// The block's rows of some registers to read, of others to write.
    pub(super) fn access<const R: usize, const W: usize>(
        &mut self,
        read: [Register; R],
        write: [Register; W],
    ) -> ([MatRef<'_, f32>; R], [MatMut<'_, f32>; W]) {
        let (mut views, mut to) = self.block.access(read.map(|r| r.0), write.map(|r| r.0));
        if let Some(input) = self.input {
            debug_assert!(!write.contains(&input.register));
            for (view, register) in views.iter_mut().zip(read) {
                if register == input.register {
                    *view = input.rows;
                }
            }
        }
        if let Some(output) = &mut self.output {
            if let Some(at) = write.iter().position(|&r| r == output.register) {
                to[at] = output.rows.as_mut();
            } else {
                for (view, register) in views.iter_mut().zip(read) {
                    if register == output.register {
                        *view = output.rows.as_ref();
                    }
                }
            }
        }
        (views, to)
    }

    /// The same with the block's row of partial sums, where there are any. For the
    /// way back, before which all inputs are filled.
    #[expect(clippy::type_complexity, reason = "three things of three types")]
    pub(super) fn access_with<const R: usize, const W: usize>(
        &mut self,
        read: [Register; R],
        write: [Register; W],
        sums: Option<Sums>,
    ) -> (
        [MatRef<'_, f32>; R],
        [MatMut<'_, f32>; W],
        Option<&mut [f32]>,
    ) {
        debug_assert!(self.input.is_none() && self.output.is_none());
        self.block
            .access_with(read.map(|r| r.0), write.map(|r| r.0), sums.map(|s| s.0))
    }
}

/// The parameters as a block reads them.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) entries: &'a [Entry],
    /// Of each parameter.
    pub(super) copies: &'a [Copies],
}

impl<'a> Weights<'a> {
    /// W or Wᵀ.
    pub(super) fn get(self, weight: Weight) -> MatRef<'a, f32> {
        let number = weight.parameter.0;
        let (stored, copies) = (self.entries[number].value.as_ref(), &self.copies[number]);
        let (view, copy) = match weight.transposed {
            false => (stored, &copies.plain),
            true => (stored.transpose(), &copies.transposed),
        };
        match copy {
            Some(panels) => view.with_panels(panels),
            None => view,
        }
    }

    pub(super) fn bias(self, bias: Parameter) -> &'a [f32] {
        self.entries[bias.0].value.as_slice()
    }
}
