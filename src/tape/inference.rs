//! A tape planned for one of its values: encoding, decoding, reconstruction.

use std::ops::Range;

use autoencoder_kernels::{Context, Mat, MatMut, MatRef, Parallelism, parallel};

use super::copies::{self, Copies};
use super::id::Value;
use super::instruction::{Fill, InPlace, OutputInPlace, Weights};
use super::parameters::Parameters;
use super::planner::{Goal, Plan};
use super::record::Tape;
use super::replay::{BLOCK_ROWS, Memory, Replay, block_rows, context_for};
use crate::error::{Error, Result};

/// Rows of a parallel task, in blocks that pass one after another through the
/// task's own small buffers.
const TASK_ROWS: usize = 256;

/// Numbers a row of which all rows of a task stay in L2.
const NARROW: usize = 256;

/// Rows from which copies of weights that are read transposed pay.
const COPY_ROWS: usize = BLOCK_ROWS;

/// Computes rows of the value: of the first of them, and where they go.
type Task<'a> = dyn Fn(usize, MatMut<'_, f32>) -> Result<()> + Sync + 'a;

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
    /// Copies of weights where they would not pay: none, of as many.
    no_copies: Vec<Copies>,
}

impl Inference {
    /// Plans the tape for `value`.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the value is none of this tape.
    pub fn new(tape: &Tape, value: Value, context: Context) -> Result<Self> {
        let shapes: Vec<_> = tape.shapes().collect();
        Ok(Inference {
            no_copies: copies::none(shapes.len()),
            plan: Plan::new(tape, Goal::Value(value), true)?,
            context,
            features: tape.features(value)?,
            shapes,
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

    /// The value for `rows` rows, block by block, on the threads of the context. `fill`
    /// is called for each input and block that the value depends on, as for
    /// [`Program`](super::Program); an input that it does not depend on is never asked
    /// for.
    ///
    /// The bits of a row do not depend on the other rows, nor on threads. Zeros of an
    /// input may be left out of products with weights
    /// ([`MatRef::skip_zeros`](autoencoder_kernels::MatRef::skip_zeros)); whether they
    /// are is a matter of the number of rows, too, and shows where a weight that meets
    /// nothing else is ∞ or NaN, and in the sign of a zero.
    ///
    /// # Errors
    /// [`Error::Configuration`] for parameters of another tape; [`Error::Kernels`] if the
    /// value does not fit in memory; what `fill` returned.
    pub fn run(
        &self,
        parameters: &Parameters,
        rows: usize,
        fill: impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync,
    ) -> Result<Mat<f32>> {
        self.make(parameters, rows, &fill, None)
    }

    /// [`run`](Self::run) for a value that depends on one input, which is read
    /// where it lies.
    ///
    /// # Errors
    /// As there; [`Error::Shape`] unless `input` has the input's features;
    /// [`Error::Configuration`] for a value that depends on two inputs or more.
    pub fn run_on(&self, parameters: &Parameters, input: MatRef<'_, f32>) -> Result<Mat<f32>> {
        let fill = |_, rows: Range<usize>, mut out: MatMut<'_, f32>| {
            out.copy_from(input.submatrix(rows, 0..input.cols()));
            Ok(())
        };
        let [register] = self.plan.inputs[..] else {
            return Err(Error::configuration(
                "the number of inputs of a value",
                self.plan.inputs.len(),
                "1, to be read where it lies",
            ));
        };
        let features = self.plan.buffers[register.0];
        if input.cols() != features {
            return Err(Error::shape(
                "the input of an inference",
                format_args!("{} columns", input.cols()),
                format_args!("{features}, the features of the input"),
            ));
        }
        // Kernels read rows; other layouts are copied to some first, and so is what
        // is the result itself.
        let is_row_major = input.col_stride() == 1 || input.cols() <= 1;
        // Folded rows follow each other.
        let has_gaps = input.row_stride() != input.cols() && input.rows() > 1;
        let is_row_major = is_row_major && !(has_gaps && self.plan.folds);
        let in_place = is_row_major && self.plan.result != Some(register);
        let in_place = in_place.then_some(InPlace {
            register,
            rows: input,
        });
        self.make(parameters, input.rows(), &fill, in_place)
    }

    /// [`run`](Self::run) into memory of the caller's: as many rows as `output` has.
    ///
    /// # Errors
    /// As there; [`Error::Shape`] unless `output` has as many columns as the value has
    /// features. What it holds after an error is unspecified.
    pub fn run_into(
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
        let run = |parallelism, task: &Task<'_>| {
            let mut tasks = Vec::with_capacity(rows.div_ceil(TASK_ROWS));
            while output.rows() > 0 {
                let first_row = rows - output.rows();
                let (top, rest) = output.split_at_row(TASK_ROWS.min(rows - first_row));
                tasks.push((first_row, Some(top), Ok(())));
                output = rest;
            }
            parallel::for_each_mut(parallelism, &mut tasks, |_, (first_row, output, result)| {
                if let Some(output) = output.take() {
                    *result = task(*first_row, output);
                }
            });
            tasks.into_iter().try_for_each(|(_, _, result)| result)
        };
        self.with_task(parameters, rows, &fill, None, run)
    }

    fn make(
        &self,
        parameters: &Parameters,
        rows: usize,
        fill: &Fill<'_>,
        input: Option<InPlace<'_>>,
    ) -> Result<Mat<f32>> {
        let shape = (rows, self.features);
        self.with_task(parameters, rows, fill, input, |parallelism, task| {
            Mat::try_from_blocks(parallelism, shape, TASK_ROWS, task)
        })
    }

    /// Calls `run` with what computes the value for at most [`TASK_ROWS`] rows, of
    /// `rows` in all, and how these may be shared.
    fn with_task<R>(
        &self,
        parameters: &Parameters,
        rows: usize,
        fill: &Fill<'_>,
        input: Option<InPlace<'_>>,
        run: impl FnOnce(Parallelism, &Task<'_>) -> Result<R>,
    ) -> Result<R> {
        parameters.check(&self.shapes)?;
        let context = context_for(self.context, &self.plan, rows);
        let mut made;
        let copies = if rows >= COPY_ROWS {
            made = copies::room(&self.plan.reads, &self.shapes, (rows, BLOCK_ROWS))?;
            copies::refresh(context, &parameters.entries, &mut made)?;
            &made
        } else {
            // Weights are read through transposed views.
            &self.no_copies
        };
        let weights = Weights {
            entries: &parameters.entries,
            copies,
        };
        run(context.parallelism, &|first_row, output| {
            let rows = first_row..first_row + output.rows();
            let input = input.map(|input| input.part(rows));
            self.run_task(weights, first_row, output, fill, input)
        })
    }

    fn run_task(
        &self,
        weights: Weights<'_>,
        first_row: usize,
        mut output: MatMut<'_, f32>,
        fill: &Fill<'_>,
        input: Option<InPlace<'_>>,
    ) -> Result<()> {
        let (rows, cols) = output.shape();
        let in_place = input.map(|input| input.register);
        let widths = &self.plan.buffers;
        let width = widths.iter().sum::<usize>() - in_place.map_or(0, |input| widths[input.0]);
        let block_rows = if width <= NARROW {
            TASK_ROWS
        } else {
            block_rows(self.plan.weights, TASK_ROWS)
        };
        // As it is in a buffer, for all kernels; other layouts are copied to.
        let rows_follow = output.row_stride() == cols || rows <= 1;
        let is_row_major = rows_follow && (output.col_stride() == 1 || cols <= 1);
        let out_place = self.plan.result.filter(|_| is_row_major);
        let elsewhere = [in_place, out_place];
        let mut memory = Memory::without(&self.plan, block_rows.min(rows), elsewhere)?;
        for start in (0..rows).step_by(block_rows) {
            let end = rows.min(start + block_rows);
            let replay = Replay {
                context: self.context.with_parallelism(Parallelism::Serial),
                instructions: &self.plan.instructions,
                factors: &[],
                begins: true,
                weights,
                fill,
                input: input.map(|input| input.part(start..end)),
                draw: None,
                first_row: first_row + start,
                rows: end - start,
                of: end - start,
                block_rows,
            };
            let mut to = output.as_mut().submatrix(start..end, 0..cols);
            let in_memory = self.plan.result.filter(|_| out_place.is_none());
            let out_place = out_place.map(|register| OutputInPlace {
                register,
                rows: to.as_mut(),
            });
            replay.run_whole(&mut memory, out_place)?;
            if let Some(result) = in_memory {
                let from = memory.buffers[result.0].as_ref();
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
