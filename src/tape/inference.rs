//! A tape planned for one of its values: encoding, decoding, reconstruction.

use std::ops::Range;

use autoencoder_kernels::{Context, Mat, MatMut, Parallelism, parallel};

use super::instruction::Weights;
use super::parameters::Parameters;
use super::plan::{Goal, Plan};
use super::record::{MAX_PARTS, Tape, Value};
use super::replay::{BLOCK_ROWS, Memory, Replay, block_rows, context_for, copies, refresh};
use crate::error::{Error, Result};

/// Rows of a parallel task, in blocks that pass one after another through the
/// task's own small buffers.
const TASK_ROWS: usize = 256;

/// Rows from which transposed copies of weights pay.
const COPY_ROWS: usize = BLOCK_ROWS;

/// A tape planned to compute one value. Nodes that it does not depend on are
/// left out, losses among them, and intermediate results share buffers.
///
/// It holds no numbers: several threads may run it at once.
#[derive(Debug)]
pub struct Inference {
    plan: Plan,
    context: Context,
    features: usize,
    shapes: Vec<(usize, usize)>,
}

impl Inference {
    /// Plans the tape for `value`.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the value is none of this tape.
    pub fn new(tape: &Tape, value: Value, context: Context) -> Result<Self> {
        Ok(Inference {
            plan: Plan::new(tape, Goal::Value(value), true)?,
            context,
            features: tape.features(value)?,
            shapes: tape.shapes().collect(),
        })
    }

    /// The features of the value.
    pub fn features(&self) -> usize {
        self.features
    }

    /// What [`run`](Self::run) does with this many rows: few stay on the calling
    /// thread.
    pub fn parallelism(&self, rows: usize) -> Parallelism {
        context_for(self.context, &self.plan, rows).parallelism
    }

    /// Computes the value for as many rows as `output` has, block by block, on
    /// the threads of the context. `fill` is called for each input and block
    /// that the value depends on, as for [`Program`](super::Program); an input
    /// that it does not depend on is never asked for.
    ///
    /// The bits of a row do not depend on the other rows, nor on threads.
    ///
    /// # Errors
    /// [`Error::Shape`] unless `output` has as many columns as the value has
    /// features; [`Error::Configuration`] for parameters of another tape; what
    /// `fill` returned. Some rows may be written then.
    pub fn run(
        &self,
        parameters: &Parameters,
        mut output: MatMut<'_, f32>,
        fill: impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync,
    ) -> Result<()> {
        let (rows, cols) = output.shape();
        if cols != self.features {
            return Err(Error::shape(
                "the output of an inference",
                format_args!("{cols} columns"),
                format_args!("{}, the features of the value", self.features),
            ));
        }
        parameters.check(&self.shapes)?;
        let context = context_for(self.context, &self.plan, rows);
        let copies = if rows >= COPY_ROWS {
            let mut copies = copies(&self.plan, &self.shapes, BLOCK_ROWS)?;
            refresh(context, &self.plan, &parameters.entries, &mut copies)?;
            copies
        } else {
            // Without a copy, weights are read through transposed views.
            vec![Mat::default(); self.shapes.len()]
        };
        let weights = Weights {
            entries: &parameters.entries,
            copies: &copies,
        };
        let mut tasks = Vec::with_capacity(rows.div_ceil(TASK_ROWS));
        while output.rows() > 0 {
            let first_row = rows - output.rows();
            let (top, rest) = output.split_at_row(TASK_ROWS.min(rows - first_row));
            tasks.push((first_row, Some(top), Ok(())));
            output = rest;
        }
        let parallelism = context.parallelism;
        parallel::for_each_mut(parallelism, &mut tasks, |_, (first_row, output, result)| {
            if let Some(output) = output.take() {
                *result = self.run_task(weights, *first_row, output, &fill);
            }
        });
        tasks.into_iter().try_for_each(|(_, _, result)| result)
    }

    fn run_task(
        &self,
        weights: Weights<'_>,
        first_row: usize,
        mut output: MatMut<'_, f32>,
        fill: &(impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync),
    ) -> Result<()> {
        let (rows, cols) = output.shape();
        let block_rows = block_rows(self.plan.weights, TASK_ROWS);
        let mut memory = Memory::new(&self.plan, block_rows.min(rows))?;
        for start in (0..rows).step_by(block_rows) {
            let end = rows.min(start + block_rows);
            let replay = Replay {
                context: self.context.with_parallelism(Parallelism::Serial),
                instructions: &self.plan.instructions,
                factors: [1.0; MAX_PARTS],
                begins: true,
                weights,
                fill,
                draw: None,
                first_row: first_row + start,
                rows: end - start,
                of: end - start,
                block_rows,
            };
            replay.run(&mut memory)?;
            if let Some(result) = self.plan.result {
                let from = memory.buffers[result.0].as_ref();
                let mut to = output.as_mut().submatrix(start..end, 0..cols);
                to.copy_from(from.submatrix(0..end - start, 0..cols));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use autoencoder_kernels::Activation;

    use super::*;

    #[test]
    fn threads_are_for_large_work_where_the_caller_wants_them() {
        let mut tape = Tape::new();
        let x = tape.input(300);
        let w = tape.weight(300, 200);
        let y = tape.dense(x, w, None, Activation::Relu).unwrap();
        let with = |context| Inference::new(&tape, y, context).unwrap();
        let inference = with(Context::default());
        assert_eq!(inference.features(), 200);
        // As for the product alone.
        for rows in [1, 2, 5, 10, 20, 50, 100, 10_000, usize::MAX] {
            let product = Context::default().for_work(rows.saturating_mul(2 * 300 * 200));
            assert_eq!(inference.parallelism(rows), product.parallelism, "{rows}");
            let serial = with(Context::serial()).parallelism(rows);
            assert_eq!(serial, Parallelism::Serial);
        }
        assert_eq!(inference.parallelism(1), Parallelism::Serial);
        #[cfg(feature = "parallel")]
        assert_eq!(inference.parallelism(10_000), Parallelism::Pool);
    }
}
