//! What a plan consists of: instructions that run on one block of rows.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use autoencoder_kernels::random::Key;
use autoencoder_kernels::rows::Block;
use autoencoder_kernels::{Context, MatMut, MatRef};

use super::copies::Copies;
use super::entry::Entry;
use super::id::{LossPart, Parameter, Register, Stream, Sums, Value, Weight};
use super::view::View;
use crate::error::Result;

/// What the random numbers of a step are a function of, beside stream, row and
/// column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) seed: u64,
    pub(super) step: u64,
}

/// Rows of an input that are read where the caller has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct InPlace<'a> {
    /// The input's register, which nothing is written to.
    pub(super) register: Register,
    pub(super) rows: MatRef<'a, f32>,
}

impl InPlace<'_> {
    /// The same for some of the rows.
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
    /// The register of the result. Earlier results may share its buffer.
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
    /// The row of the minibatch with which the rows of this run begin.
    pub(super) first_row: usize,
    pub(super) weights: Weights<'a>,
    /// The SIMD level. It is serial, since the blocks run in parallel.
    pub(super) context: Context,
    /// One over the number of rows of the minibatch, since losses are means over them.
    pub(super) scale: f32,
    pub(super) fill: &'a Fill<'a>,
    /// The block's rows of the input, unless it is filled.
    pub(super) input: Option<InPlace<'a>>,
    /// The block's rows of the result, unless it stays in a buffer.
    pub(super) output: Option<OutputInPlace<'a>>,
    /// What random numbers depend on; none outside of training, where nothing is random.
    pub(super) draw: Option<Draw>,
    /// By part of the loss: the sum over the block's samples, as the bits of an f64.
    pub(super) losses: &'a [AtomicU64],
    /// The factor of each part of the loss.
    pub(super) factors: &'a [f32],
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
        // Only this block reads and writes these sums.
        let sum = &self.losses[part.0];
        let total = f64::from_bits(sum.load(Ordering::Relaxed)) + value;
        sum.store(total.to_bits(), Ordering::Relaxed);
    }

    /// The block's rows of some registers to read, of others to write, as the views see
    /// them. No register is written and named twice.
    pub(super) fn access<const R: usize, const W: usize>(
        &mut self,
        read: [View; R],
        write: [View; W],
    ) -> ([MatRef<'_, f32>; R], [MatMut<'_, f32>; W]) {
        let number = |view: View| view.register.0;
        let (mut from, mut to) = self.block.access(read.map(number), write.map(number));
        if let Some(input) = self.input {
            debug_assert!(write.iter().all(|view| view.register != input.register));
            for (rows, view) in from.iter_mut().zip(read) {
                if view.register == input.register {
                    *rows = input.rows;
                }
            }
        }
        if let Some(output) = &mut self.output {
            let is_output = |view: &View| view.register == output.register;
            if let Some(at) = write.iter().position(is_output) {
                to[at] = output.rows.as_mut();
            } else {
                for (rows, view) in from.iter_mut().zip(read) {
                    if is_output(&view) {
                        *rows = output.rows.as_ref();
                    }
                }
            }
        }
        let mut views = read.iter();
        let from = from.map(|rows| views.next().map_or(rows, |view| view.of(rows)));
        let mut views = write.iter();
        let to = to.map(|rows| match views.next() {
            Some(view) => view.of_mut(rows),
            None => rows,
        });
        (from, to)
    }

    /// The same with the block's rows of partial sums, where there are any. For the
    /// way back, before which all inputs are filled.
    #[expect(clippy::type_complexity, reason = "three things of three types")]
    pub(super) fn access_with<const R: usize, const W: usize, const S: usize>(
        &mut self,
        read: [View; R],
        write: [View; W],
        sums: [Option<Sums>; S],
    ) -> (
        [MatRef<'_, f32>; R],
        [MatMut<'_, f32>; W],
        [Option<&mut [f32]>; S],
    ) {
        debug_assert!(self.input.is_none() && self.output.is_none());
        let number = |view: View| view.register.0;
        let sums = sums.map(|sums| sums.map(|sums| sums.0));
        let (from, to, sums) = self
            .block
            .access_with(read.map(number), write.map(number), sums);
        let mut views = read.iter();
        let from = from.map(|rows| views.next().map_or(rows, |view| view.of(rows)));
        let mut views = write.iter();
        let to = to.map(|rows| match views.next() {
            Some(view) => view.of_mut(rows),
            None => rows,
        });
        (from, to, sums)
    }
}

/// The parameters as a block reads them.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) entries: &'a [Entry],
    /// The packed copies of each parameter.
    pub(super) copies: &'a [Copies],
}

impl<'a> Weights<'a> {
    /// A weight as products read it, W or Wᵀ, packed where there is a packed copy.
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

    /// A parameter of one row.
    pub(super) fn vector(self, vector: Parameter) -> &'a [f32] {
        self.entries[vector.0].value.as_slice()
    }
}
