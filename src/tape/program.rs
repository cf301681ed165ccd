//! A tape planned for training: steps, gradients, losses.

use std::ops::Range;

use autoencoder_kernels::optimizer::Optimizer;
use autoencoder_kernels::penalty::column_square_norms;
use autoencoder_kernels::{Context, Mat, MatMut};

use super::clip::Clip;
use super::copies::{self, Copies};
use super::id::{LossPart, Parameter, Value};
use super::inference::Inference;
use super::instruction::{Draw, Fill, Weights};
use super::parameters::Parameters;
use super::planner::{Goal, Plan};
use super::record::Tape;
use super::replay::{Memory, Replay, block_rows, check_rows, chunk_rows, context_for_step};
use super::update::{Chunk, SecondRegion, Update, fits_terms};
use crate::error::{Error, Result};

/// How a tape is planned and replayed.
#[derive(Clone, Copy, Debug)]
pub struct ProgramOptions {
    /// Most rows of a minibatch.
    pub batch_size: usize,
    /// Whether to fuse what one kernel can do. Without it each node runs by
    /// itself: slower, with the same bits in all parameters.
    pub fused: bool,
    /// SIMD level and threads.
    pub context: Context,
    /// The seed of noise and dropout. Their numbers are a function of it, of
    /// the node, the step, the row of the minibatch and the feature alone.
    pub seed: u64,
}

impl ProgramOptions {
    /// Fused, with the default context and seed 0.
    pub fn new(batch_size: usize) -> Self {
        ProgramOptions {
            batch_size,
            fused: true,
            context: Context::default(),
            seed: 0,
        }
    }
}

/// A tape planned for training. All memory of a step is allocated here, so
/// that steps allocate nothing (from the second one on: the optimiser's state
/// and the kernels' workspaces appear in the first).
///
/// The closures that fill inputs are called with the input, the rows of the
/// minibatch, and where they go (as many rows, as many columns as the input
/// has features). Several threads call them at once, each for its own rows.
///
/// Start a loop over many steps inside of
/// [`parallel::in_pool`](autoencoder_kernels::parallel::in_pool): on a thread
/// of the pool, a parallel region starts without allocating and without
/// waiting.
#[derive(Debug)]
pub struct Program {
    tape: Tape,
    plan: Plan,
    options: ProgramOptions,
    shapes: Vec<(usize, usize)>,
    pub(super) memory: Memory,
    /// Rows that the buffers have room for.
    pub(super) chunk_rows: usize,
    copies: Vec<Copies>,
    /// By parameter; those of weights are empty while nobody needs them.
    pub(super) gradients: Vec<Mat<f32>>,
    clip: Option<Clip>,
    /// By part of the loss, its factor, and its mean in the last run.
    factors: Vec<f32>,
    parts: Vec<f64>,
    weight_decay: f32,
}

impl Program {
    /// Plans the tape.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a tape without a loss or a batch size of
    /// 0; [`Error::Kernels`] if the buffers do not fit in memory.
    pub fn new(tape: &Tape, options: ProgramOptions) -> Result<Self> {
        if options.batch_size == 0 {
            return Err(Error::configuration("the batch size", 0, "at least 1"));
        }
        let plan = Plan::new(tape, Goal::Training, options.fused)?;
        let chunk_rows = match plan.reductions.is_empty() && !plan.waits {
            true => chunk_rows(plan.weights).min(options.batch_size),
            false => options.batch_size,
        };
        let block_rows = block_rows(plan.weights, chunk_rows);
        let shapes: Vec<_> = tape.shapes().collect();
        let gradients = plan.sums.iter().zip(&shapes);
        let gradients = gradients
            .map(|(sums, &(rows, cols))| match sums {
                Some(_) => Ok(Mat::try_zeros(rows, cols)?),
                None => Ok(Mat::default()),
            })
            .collect::<Result<_>>()?;
        let mut program = Program {
            tape: tape.clone(),
            memory: Memory::new(&plan, chunk_rows)?,
            chunk_rows,
            copies: copies::room(&plan.reads, &shapes, (chunk_rows, block_rows))?,
            gradients,
            shapes,
            plan,
            options,
            clip: None,
            factors: tape.parts().to_vec(),
            parts: vec![0.0; tape.parts().len()],
            weight_decay: 0.0,
        };
        if !program.updates_from_terms(options.batch_size) {
            program.make_room_for_gradients()?;
        }
        Ok(program)
    }

    /// Most rows of a minibatch.
    pub fn batch_size(&self) -> usize {
        self.options.batch_size
    }

    /// From now on, steps clip their gradients: where the norm over all
    /// parameters together is larger than `limit`, all are scaled so that it is
    /// `limit`. `None` ends that. A clipped step is slower: the gradients of
    /// weights go through memory.
    ///
    /// # Errors
    /// [`Error::Configuration`] unless the limit is positive and finite;
    /// [`Error::Kernels`] if the gradients do not fit in memory.
    pub fn clip_gradients(&mut self, limit: Option<f32>) -> Result<()> {
        self.clip = match limit {
            Some(limit) => {
                let clip = Clip::new(limit, self.shapes.len())?;
                self.make_room_for_gradients()?;
                Some(clip)
            }
            None => None,
        };
        Ok(())
    }

    /// The norm of the last step's gradients before they were clipped; `None`
    /// where they are not, since nobody has it then.
    pub fn gradient_norm(&self) -> Option<f64> {
        self.clip.as_ref().map(Clip::norm)
    }

    /// Sets the factor of a part of the loss from the next run on, such as that
    /// of a penalty which grows during training. At first it is the one that
    /// was recorded.
    ///
    /// # Panics
    /// If the part belongs to a longer tape.
    pub fn set_factor(&mut self, part: LossPart, factor: f32) {
        assert!(
            part.0 < self.plan.parts,
            "part {} of {}",
            part.0,
            self.plan.parts
        );
        self.factors[part.0] = factor;
    }

    /// The parts of the loss in the last run, in the order of recording, each
    /// as the mean over the samples and without its factor. The loss is their
    /// sum, each times its factor.
    pub fn parts(&self) -> &[f64] {
        &self.parts
    }

    /// Sets the weight decay of the steps to come, 0 at first: this many times
    /// W is added to the gradient of each weight, but of no bias, before the
    /// optimiser sees it. That is the `weight_decay` of PyTorch's `SGD` and
    /// `Adam`, the gradient of ½·decay·‖W‖², which is not part of the loss that
    /// is returned, nor of [`Program::gradients`]. AdamW has a decoupled one of
    /// its own.
    pub fn set_weight_decay(&mut self, decay: f32) {
        self.weight_decay = decay;
    }

    /// One training step on a minibatch of `rows` rows: the parameters follow
    /// the gradient of the mean loss, which is returned (as it was before the
    /// step). Steps are counted from 1. The result has the same bits for any
    /// number of threads.
    ///
    /// # Errors
    /// [`Error::Configuration`] for 0 rows or more than the batch size, or
    /// parameters of another tape; [`Error::Kernels`] if the optimiser refuses
    /// its numbers; what `fill` returned. Parameters are as before then.
    pub fn step(
        &mut self,
        parameters: &mut Parameters,
        optimizer: Optimizer,
        learning_rate: f32,
        step: u64,
        rows: usize,
        fill: impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync,
    ) -> Result<f64> {
        optimizer.check()?;
        let update = Update {
            optimizer,
            learning_rate,
            step,
        };
        if step == 0 {
            return Err(Error::configuration(
                "the number of a step",
                0,
                "1 for the first",
            ));
        }
        let from_terms = self.updates_from_terms(rows);
        let extent = match from_terms {
            true => Extent::Back,
            false => Extent::Gradients,
        };
        let loss = self.run(parameters, rows, &fill, Some(step), extent)?;
        parameters.prepare(optimizer)?;
        if let Some(clip) = &mut self.clip {
            let context = context_for_step(self.options.context, &self.plan, rows);
            clip.run(context.parallelism, &mut self.gradients);
        }
        let region = SecondRegion::new(&self.plan, &self.memory, self.options.context);
        if from_terms {
            region.update_from_terms(
                update,
                parameters,
                &self.gradients,
                self.weight_decay,
                rows,
            )?;
        } else {
            region.decay_weights(self.weight_decay, parameters, &mut self.gradients)?;
            region.update(update, parameters, &self.gradients, rows)?;
        }
        Ok(loss)
    }

    /// The mean loss of a minibatch, and the gradients of it with respect to
    /// all parameters: of the parameter's shape, zeros where no loss depends
    /// on it. Noise and dropout draw the numbers of step 0, always the same
    /// ones. Changes nothing, allocates the result.
    ///
    /// # Errors
    /// As [`Program::step`], without the optimiser's.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        rows: usize,
        fill: impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync,
    ) -> Result<(f64, Gradients)> {
        self.make_room_for_gradients()?;
        let loss = self.run(parameters, rows, &fill, Some(0), Extent::Gradients)?;
        Ok((loss, Gradients(self.gradients.clone())))
    }

    /// The mean loss of a minibatch, without noise or dropout.
    ///
    /// # Errors
    /// As [`Program::gradients`].
    pub fn loss(
        &mut self,
        parameters: &Parameters,
        rows: usize,
        fill: impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync,
    ) -> Result<f64> {
        self.run(parameters, rows, &fill, None, Extent::Forward)
    }

    /// Any value of the tape for any number of rows, written to `output`. To
    /// ask for one value again and again, keep an [`Inference`].
    ///
    /// # Errors
    /// As [`Inference::new`] and [`Inference::run_into`].
    pub fn forward(
        &self,
        parameters: &Parameters,
        value: Value,
        output: MatMut<'_, f32>,
        fill: impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync,
    ) -> Result<()> {
        let inference = Inference::new(&self.tape, value, self.options.context)?;
        inference.run_into(parameters, output, fill)
    }

    /// A minibatch up to its gradients, chunk after chunk. Random numbers are
    /// those of a step; without one, nothing is random.
    fn run(
        &mut self,
        parameters: &Parameters,
        rows: usize,
        fill: &Fill<'_>,
        step: Option<u64>,
        extent: Extent,
    ) -> Result<f64> {
        check_rows(rows, self.options.batch_size)?;
        parameters.check(&self.shapes)?;
        let context = context_for_step(self.options.context, &self.plan, rows);
        let entries = &parameters.entries;
        copies::refresh(context, entries, &mut self.copies)?;
        for &(Parameter(number), norms) in &self.plan.norms {
            let weight = entries[number].value.as_ref();
            let norms = &mut self.memory.shared[norms.0];
            column_square_norms(context.level, weight, norms)?;
        }
        self.parts.fill(0.0);
        for first in (0..rows).step_by(self.chunk_rows) {
            let chunk = Chunk {
                first,
                rows: self.chunk_rows.min(rows - first),
                of: rows,
            };
            self.run_rows(parameters, chunk, fill, step, extent)?;
            if extent >= Extent::Back {
                self.add_bias_gradients(chunk);
            }
            if extent == Extent::Gradients {
                let region = SecondRegion::new(&self.plan, &self.memory, self.options.context);
                region.add_weight_gradients(chunk, &mut self.gradients)?;
            }
        }
        if extent == Extent::Gradients {
            let region = SecondRegion::new(&self.plan, &self.memory, context);
            region.add_column_decay(parameters, &mut self.gradients)?;
        }
        let parts = self.parts.iter().zip(&self.factors);
        Ok(parts.map(|(part, factor)| part * f64::from(*factor)).sum())
    }

    /// The first region: everything that is row by row. Where the way back waits
    /// for all rows, the region is cut in two.
    fn run_rows(
        &mut self,
        parameters: &Parameters,
        Chunk { first, rows, of }: Chunk,
        fill: &Fill<'_>,
        step: Option<u64>,
        extent: Extent,
    ) -> Result<()> {
        let seed = self.options.seed;
        let (forward, back) = self.plan.instructions.split_at(self.plan.backward);
        let waits = extent >= Extent::Back && self.plan.waits;
        let replay = Replay {
            context: context_for_step(self.options.context, &self.plan, rows),
            instructions: if extent >= Extent::Back && !waits {
                &self.plan.instructions[..]
            } else {
                forward
            },
            factors: &self.factors,
            begins: true,
            weights: Weights {
                entries: &parameters.entries,
                copies: &self.copies,
            },
            fill,
            input: None,
            draw: step.map(|step| Draw { seed, step }),
            first_row: first,
            rows,
            of,
            block_rows: block_rows(self.plan.weights, rows),
        };
        replay.run(&mut self.memory, &mut self.parts)?;
        for reduction in &self.plan.reductions {
            let part = reduction.part().0;
            self.memory.add_up(reduction.sums(), reduction.to(), rows);
            let scale = replay.factors[part] / rows as f32;
            self.parts[part] += reduction.finish(rows, scale, &mut self.memory.shared);
        }
        if waits {
            let replay = Replay {
                instructions: back,
                begins: false,
                ..replay
            };
            // The losses were complete before.
            replay.run(&mut self.memory, &mut [])?;
        }
        Ok(())
    }

    /// Between the regions: bias gradients.
    fn add_bias_gradients(&mut self, chunk: Chunk) {
        for (gradient, sums) in self.gradients.iter_mut().zip(&self.plan.sums) {
            if let Some(sums) = *sums {
                let gradient = gradient.as_mut_slice();
                if chunk.first == 0 {
                    gradient.fill(0.0);
                }
                self.memory.add_to(sums, chunk.rows, gradient);
            }
        }
    }

    /// Whether the optimiser takes the gradients of weights tile by tile, as
    /// they come, and not from memory.
    fn updates_from_terms(&self, rows: usize) -> bool {
        self.options.fused
            && self.clip.is_none()
            && rows <= self.chunk_rows
            && fits_terms(&self.plan)
    }

    fn make_room_for_gradients(&mut self) -> Result<()> {
        for (gradient, &(rows, cols)) in self.gradients.iter_mut().zip(&self.shapes) {
            if gradient.shape() != (rows, cols) {
                *gradient = Mat::try_zeros(rows, cols)?;
            }
        }
        Ok(())
    }
}

/// How much of a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// Up to the losses.
    Forward,
    /// And the way back: all of the first region.
    Back,
    /// And the gradients of weights, to memory.
    Gradients,
}

/// The gradients of all parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients(Vec<Mat<f32>>);

impl Gradients {
    /// The gradient of a parameter, of its shape.
    ///
    /// # Panics
    /// If the parameter belongs to a longer tape.
    pub fn get(&self, parameter: Parameter) -> &Mat<f32> {
        &self.0[parameter.0]
    }
}
