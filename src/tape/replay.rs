//! Replaying a plan: its instructions, block by block of rows.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use autoencoder_kernels::rows::{Block, for_each_block};
use autoencoder_kernels::{Context, Mat, Parallelism};

use super::id::{Register, Shared, Sums};
use super::instruction::{Draw, Fill, Frame, InPlace, Instruction, OutputInPlace, Weights};
use super::planner::Plan;
use crate::error::{Error, Result};

/// Rows of a block, at least. Enough that a weight, once loaded from L2, is
/// used for many rows; few enough that the buffers of a block stay in L2 next to
/// the weights, and that a minibatch has blocks for several threads. (Measured
/// on one core of an EPYC with 1 MiB of L2, 784-32-784 to 784-1000-…-784: 16 is
/// up to a third slower where weights exceed L2, 64 differs from 32 by 2 %.)
pub(super) const BLOCK_ROWS: usize = 32;

/// Rows of a block, at most.
pub(super) const MAX_BLOCK_ROWS: usize = 256;

/// Multiply-adds of a block, forward and backward, that make up for what it
/// costs to begin each instruction anew. (10-5-8-10 with 256 rows in one block
/// takes 0.78 of the time of eight blocks.)
const BLOCK_PRODUCTS: usize = 125_000;

/// Weights from which a step streams them from L3, and, with two moments of each,
/// from memory.
const BEYOND_L2: usize = 1 << 18;
const BEYOND_L3: usize = 1 << 21;

/// The rows of a block of a net with this many weights, for a minibatch of
/// `batch` rows.
///
/// Each block reads all weights, so that nets whose weights leave the caches want
/// longer ones: 4096-1024-4096 with a batch of 1024 takes 0.78 of the time with
/// 128 rows, 0.72 with 256; 784-2048-784 with a batch of 256 takes 0.86 with 64.
/// Many threads want many blocks.
///
/// The rows of a block depend on these two numbers alone, not on the machine or its
/// caches: the last bits of the bias gradients depend on them.
pub(super) fn block_rows(weights: usize, batch: usize) -> usize {
    let rows = if weights <= BEYOND_L2 {
        BLOCK_PRODUCTS / (3 * weights).max(1)
    } else if weights <= BEYOND_L3 {
        batch / 8
    } else {
        batch / 4
    };
    (rows / BLOCK_ROWS * BLOCK_ROWS).clamp(BLOCK_ROWS, MAX_BLOCK_ROWS)
}

/// Rows that go through both regions of a step together, of a net with this many
/// weights: with more, gradients are added up chunk after chunk. So buffers are
/// bounded whatever the batch size, and what the first region leaves behind is
/// still in the caches in the second: 784-32-784 with a batch of 8192 takes 0.66
/// of the time. Adding up reads and writes all gradients, which a larger net has
/// to make up for with more rows.
///
/// They depend on the net alone, for the reason that [`block_rows`] gives.
pub(super) fn chunk_rows(weights: usize) -> usize {
    if weights <= BEYOND_L2 { 512 } else { 2048 }
}

/// The context with threads only where `rows` rows of this plan are worth it.
pub(super) fn context_for(context: Context, plan: &Plan, rows: usize) -> Context {
    context.for_work(flops(plan, rows))
}

/// Operations of the products of `rows` rows of one block from which threads pay: one
/// of them runs all of the first region, and the others sleep by the time that the
/// second one wakes them, which takes some 20 µs. (784-32-784 with 32 rows, 5 million:
/// a step takes 59 µs with two threads, 50 with one.)
const ONE_BLOCK_FLOPS: usize = 8_000_000;

/// The context of both regions of a training step, with threads only where they pay.
pub(super) fn context_for_step(context: Context, plan: &Plan, rows: usize) -> Context {
    let one_block = rows <= block_rows(plan.weights, rows);
    if one_block && flops(plan, rows) < ONE_BLOCK_FLOPS {
        context.with_parallelism(Parallelism::Serial)
    } else {
        context_for(context, plan, rows)
    }
}

/// Operations of the products of the first region.
fn flops(plan: &Plan, rows: usize) -> usize {
    plan.weight_reads.saturating_mul(2).saturating_mul(rows)
}

/// The memory of a replay.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) buffers: Vec<Mat<f32>>,
    /// Partial sums of the gradients of vectors, one row for each block.
    pub(super) sums: Vec<Mat<f32>>,
    /// Rows of numbers that all blocks read.
    pub(super) shared: Vec<Vec<f32>>,
    /// Block by block, the parts of its loss, as the bits of an f64.
    losses: Vec<AtomicU64>,
    /// The number of parts of the loss.
    parts: usize,
    /// Rows of a block in the last run.
    block_rows: usize,
}

impl Memory {
    /// Memory for up to `rows` rows in blocks of any length.
    pub(super) fn new(plan: &Plan, rows: usize) -> Result<Self> {
        Self::without(plan, rows, [None; 2])
    }

    /// The same without buffers for what is read or written where the caller has it.
    pub(super) fn without(
        plan: &Plan,
        rows: usize,
        elsewhere: [Option<Register>; 2],
    ) -> Result<Self> {
        let blocks = rows.div_ceil(BLOCK_ROWS);
        let mat = |rows: usize, width: usize| Ok(Mat::try_zeros(rows, width)?);
        let buffer = |(number, &width): (usize, &usize)| {
            let is_used = !elsewhere.contains(&Some(Register(number)));
            mat(rows, if is_used { width } else { 0 })
        };
        let buffers = plan.buffers.iter().enumerate().map(buffer);
        let sums = plan.sums_widths.iter().map(|&width| mat(blocks, width));
        Ok(Memory {
            buffers: buffers.collect::<Result<_>>()?,
            sums: sums.collect::<Result<_>>()?,
            shared: plan.shared_widths.iter().map(|&w| vec![0.0; w]).collect(),
            parts: plan.parts,
            block_rows: BLOCK_ROWS,
            losses: (0..blocks * plan.parts)
                .map(|_| AtomicU64::new(0))
                .collect(),
        })
    }
}

impl Memory {
    /// Adds sums of the blocks that have the first `rows` rows to a total, one
    /// after another.
    pub(super) fn add_to(&self, sums: Sums, rows: usize, total: &mut [f32]) {
        add_to(&self.sums[sums.0], rows.div_ceil(self.block_rows), total);
    }

    /// Adds up the sums of the blocks into a row that all blocks share.
    pub(super) fn add_up(&mut self, sums: Sums, to: Shared, rows: usize) {
        let blocks = rows.div_ceil(self.block_rows);
        self.shared[to.0].fill(0.0);
        add_to(&self.sums[sums.0], blocks, &mut self.shared[to.0]);
    }
}

fn add_to(sums: &Mat<f32>, blocks: usize, total: &mut [f32]) {
    for block in 0..blocks {
        let part = sums.row(block);
        total
            .iter_mut()
            .zip(part)
            .for_each(|(to, from)| *to += from);
    }
}

/// One run of instructions over the rows of a minibatch or of a part of it.
pub(super) struct Replay<'a> {
    /// The context of the region. Within a block everything is serial.
    pub(super) context: Context,
    pub(super) instructions: &'a [Box<dyn Instruction>],
    /// The factor of each part of the loss.
    pub(super) factors: &'a [f32],
    /// Whether these are the first instructions of each block, which clear its partial
    /// sums. If not, they continue with the buffers and sums of the run before.
    pub(super) begins: bool,
    pub(super) weights: Weights<'a>,
    pub(super) fill: &'a Fill<'a>,
    /// All rows of the input, unless it is filled.
    pub(super) input: Option<InPlace<'a>>,
    pub(super) draw: Option<Draw>,
    /// Where the rows begin in the minibatch, which has `of` rows.
    pub(super) first_row: usize,
    pub(super) rows: usize,
    pub(super) of: usize,
    pub(super) block_rows: usize,
}

impl Replay<'_> {
    /// Runs the instructions on all blocks and adds to `totals`, for each part of the
    /// loss, the mean over the rows of the minibatch. The sum is made in the order of the
    /// blocks.
    ///
    /// # Errors
    /// The first one that the caller's closure or a kernel returned.
    pub(super) fn run(&self, memory: &mut Memory, totals: &mut [f64]) -> Result<()> {
        let failed = OnceLock::new();
        memory.block_rows = self.block_rows;
        let Memory {
            buffers,
            sums,
            shared,
            losses,
            parts,
            ..
        } = memory;
        let (parts, block_rows) = (*parts, self.block_rows);
        let sums_count = sums.len();
        for_each_block(
            self.context.parallelism,
            buffers,
            sums,
            self.rows,
            block_rows,
            |index, mut block| {
                if self.begins {
                    (0..sums_count).for_each(|number| block.per_block(number).fill(0.0));
                }
                let losses = &losses[index * parts..][..parts];
                for loss in losses {
                    loss.store(0.0f64.to_bits(), Ordering::Relaxed);
                }
                if let Err(error) = self.run_block(block, shared, losses, None) {
                    _ = failed.set(error);
                }
            },
        )?;
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        for (part, total) in totals.iter_mut().enumerate() {
            let blocks = losses[part..].iter().step_by(parts);
            let blocks = blocks.take(self.rows.div_ceil(block_rows));
            let sums = blocks.map(|sum| f64::from_bits(sum.load(Ordering::Relaxed)));
            *total += sums.fold(0.0, |sum, block| sum + block) / self.of as f64;
        }
        Ok(())
    }

    /// Runs the instructions, of which none adds up anything, on all rows as one block
    /// (whatever `block_rows` and `begins` say), and writes the result to `output`, if
    /// that is given.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn run_whole(
        &self,
        memory: &mut Memory,
        output: Option<OutputInPlace<'_>>,
    ) -> Result<()> {
        let Memory {
            buffers,
            sums,
            shared,
            losses,
            ..
        } = memory;
        debug_assert!(sums.is_empty(), "inference has no gradients");
        let block = Block::whole(buffers, sums, self.rows)?;
        self.run_block(block, shared, losses, output)
    }

    fn run_block(
        &self,
        block: Block<'_>,
        shared: &[Vec<f32>],
        losses: &[AtomicU64],
        output: Option<OutputInPlace<'_>>,
    ) -> Result<()> {
        let rows = block.rows();
        let input = self.input.map(|input| input.part(rows));
        let mut frame = Frame {
            block,
            input,
            output,
            first_row: self.first_row,
            weights: self.weights,
            context: self.context.with_parallelism(Parallelism::Serial),
            scale: 1.0 / self.of as f32,
            fill: self.fill,
            draw: self.draw,
            losses,
            factors: self.factors,
            shared,
        };
        self.instructions
            .iter()
            .try_for_each(|instruction| instruction.run(&mut frame))
    }
}

/// Fails unless `rows` is between 1 and `most`.
pub(super) fn check_rows(rows: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&rows) {
        Ok(())
    } else {
        Err(Error::configuration(
            "the number of rows of a minibatch",
            rows,
            format_args!("1 to {most}, the batch size"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use autoencoder_kernels::{Activation, Loss};

    use super::*;
    use crate::tape::Tape;
    use crate::tape::planner::Goal;

    #[test]
    fn one_block_wakes_threads_for_much_work_alone() {
        let parallelism = |widths: &[usize], rows: usize| {
            let mut tape = Tape::new();
            let x = tape.input(widths[0]);
            let mut y = x;
            for pair in widths.windows(2) {
                let weight = tape.weight(pair[0], pair[1]);
                y = tape.dense(y, weight, None, Activation::Relu).unwrap();
            }
            tape.loss(Loss::MeanSquaredError, y, x).unwrap();
            let plan = Plan::new(&tape, Goal::Training, true).unwrap();
            context_for_step(Context::default(), &plan, rows).parallelism
        };
        let (serial, pool) = (Parallelism::Serial, Parallelism::Pool);
        for (widths, rows, expected) in [
            (&[784, 32, 784][..], 8, serial),
            (&[784, 32, 784], 32, serial),
            (&[784, 32, 784], 33, pool),
            (&[784, 32, 784], 256, pool),
            (&[784, 1000, 784], 32, pool),
            (&[10, 5, 8, 10], 256, serial),
        ] {
            assert_eq!(
                parallelism(widths, rows),
                expected,
                "{widths:?}, {rows} rows"
            );
        }
    }

    #[test]
    fn blocks_are_long_where_that_pays() {
        // 10-5-8-10, 784-32-784, 784-1000-784, 4096-1024-4096.
        for (weights, batch, rows) in [
            (0, 256, 256),
            (193, 256, 192),
            (50_992, 256, 32),
            (1_569_784, 256, 32),
            (1_569_784, 1024, 128),
            (8_393_728, 64, 32),
            (8_393_728, 1024, 256),
            (usize::MAX, usize::MAX, 256),
        ] {
            assert_eq!(block_rows(weights, batch), rows, "{weights}, {batch}");
        }
    }
}
