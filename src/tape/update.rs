//! The second region of a step: gradients of weights, and the optimiser.

use std::sync::OnceLock;

use autoencoder_kernels::dense::{BackwardWeight, Decay, GradientTerm, MAX_TERMS, UpdateWeight};
use autoencoder_kernels::optimizer::{self, Optimizer};
use autoencoder_kernels::parallel::for_each_mut;
use autoencoder_kernels::{Context, Mat};

use super::entry::Entry;
use super::parameters::Parameters;
use super::planner::{Plan, Term};
use super::replay::{Memory, context_for_step};
use crate::error::Result;

/// Rows of a minibatch that go through both regions together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) first: usize,
    pub(super) rows: usize,
    /// Those of the whole minibatch.
    pub(super) of: usize,
}

/// A step of the optimiser.
#[derive(Clone, Copy)]
pub(super) struct Update {
    pub(super) optimizer: Optimizer,
    pub(super) learning_rate: f32,
    pub(super) step: u64,
}

/// Whether the terms of each weight are few enough for one call of the kernel, so that
/// the optimiser can take the gradient tile by tile. The weights of a recurrence, which
/// each step of a sequence uses, have more: their gradients are added up in memory.
pub(super) fn fits_terms(plan: &Plan) -> bool {
    plan.terms.iter().all(|terms| terms.len() <= MAX_TERMS)
}

/// What the second region reads of the first one.
#[derive(Clone, Copy)]
pub(super) struct SecondRegion<'a> {
    plan: &'a Plan,
    memory: &'a Memory,
    context: Context,
}

impl<'a> SecondRegion<'a> {
    pub(super) fn new(plan: &'a Plan, memory: &'a Memory, context: Context) -> Self {
        SecondRegion {
            plan,
            memory,
            context,
        }
    }

    /// Adds the gradients of all weights, as this chunk has them, to those of the chunks
    /// before.
    pub(super) fn add_weight_gradients(
        self,
        chunk: Chunk,
        gradients: &mut [Mat<f32>],
    ) -> Result<()> {
        let context = context_for_step(self.context, self.plan, chunk.rows);
        for (terms, gradient) in self.plan.terms.iter().zip(gradients) {
            for (group, terms) in terms.chunks(MAX_TERMS).enumerate() {
                self.with_terms(terms, chunk.rows, |terms| {
                    let gradient = gradient.as_mut();
                    let backward = BackwardWeight { terms, gradient };
                    match (chunk.first, group) {
                        (0, 0) => backward.run(context)?,
                        _ => backward.accumulate(context)?,
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Adds what is a part of gradients column by column.
    pub(super) fn add_column_decay(
        self,
        parameters: &Parameters,
        gradients: &mut [Mat<f32>],
    ) -> Result<()> {
        for (number, gradient) in gradients.iter_mut().enumerate() {
            if let Some(factors) = self.plan.column_factors[number] {
                let decay = Decay {
                    all: 0.0,
                    columns: Some(&self.memory.shared[factors.0]),
                };
                let weight = parameters.entries[number].value.as_ref();
                decay.add_to(self.context, weight, gradient.as_mut())?;
            }
        }
        Ok(())
    }

    /// Adds the weight decay to gradients in memory.
    pub(super) fn decay_weights(
        self,
        weight_decay: f32,
        parameters: &Parameters,
        gradients: &mut [Mat<f32>],
    ) -> Result<()> {
        for (number, gradient) in gradients.iter_mut().enumerate() {
            if !self.plan.terms[number].is_empty() {
                let weight = parameters.entries[number].value.as_ref();
                let decay = Decay {
                    all: weight_decay,
                    columns: None,
                };
                decay.add_to(self.context, weight, gradient.as_mut())?;
            }
        }
        Ok(())
    }

    /// The optimiser's step for all parameters, from gradients in memory.
    pub(super) fn update(
        self,
        update: Update,
        parameters: &mut Parameters,
        gradients: &[Mat<f32>],
        rows: usize,
    ) -> Result<()> {
        self.for_each_parameter(parameters, rows, |context, number, entry| {
            let has_gradient =
                !self.plan.terms[number].is_empty() || self.plan.sums[number].is_some();
            match has_gradient {
                true => update.apply(context, entry, &gradients[number]),
                false => Ok(()),
            }
        })
    }

    /// The same with the gradients of the weights on the way: they never go to memory.
    /// Those of vectors are in `gradients`.
    pub(super) fn update_from_terms(
        self,
        update: Update,
        parameters: &mut Parameters,
        gradients: &[Mat<f32>],
        weight_decay: f32,
        rows: usize,
    ) -> Result<()> {
        self.for_each_parameter(parameters, rows, |context, number, entry| {
            let terms = &self.plan.terms[number];
            if !terms.is_empty() {
                let factors = self.plan.column_factors[number];
                let decay = Decay {
                    all: weight_decay,
                    columns: factors.map(|factors| &*self.memory.shared[factors.0]),
                };
                self.with_terms(terms, rows, |terms| {
                    update.apply_terms(context, entry, terms, decay)
                })
            } else if self.plan.sums[number].is_some() {
                update.apply(context, entry, &gradients[number])
            } else {
                Ok(())
            }
        })
    }

    /// One tree of tasks: parameters, and the tiles of each.
    fn for_each_parameter(
        self,
        parameters: &mut Parameters,
        rows: usize,
        task: impl Fn(Context, usize, &mut Entry) -> Result<()> + Sync,
    ) -> Result<()> {
        let context = context_for_step(self.context, self.plan, rows);
        let failed = OnceLock::new();
        for_each_mut(
            context.parallelism,
            &mut parameters.entries,
            |number, entry| {
                if let Err(error) = task(context, number, entry) {
                    _ = failed.set(error);
                }
            },
        );
        failed.into_inner().map_or(Ok(()), Err)
    }

    /// Calls `f` with the rows of the terms that so many samples have, unless there are
    /// none. There are at most [`MAX_TERMS`].
    fn with_terms(
        self,
        terms: &[Term],
        rows: usize,
        f: impl FnOnce(&[GradientTerm<'_>]) -> Result<()>,
    ) -> Result<()> {
        let view = |term: Term| {
            let [x, delta] = [term.x, term.delta].map(|view| {
                let mat = &self.memory.buffers[view.register.0];
                view.of(mat.as_ref().submatrix(0..rows, 0..mat.cols()))
            });
            let x = if term.x_is_data { x.skip_zeros() } else { x };
            (x, delta)
        };
        let Some(&first) = terms.first() else {
            return Ok(());
        };
        let mut views = [view(first); MAX_TERMS];
        for (to, &term) in views.iter_mut().zip(terms) {
            *to = view(term);
        }
        f(&views[..terms.len()])
    }
}

impl Update {
    /// From a finished gradient.
    fn apply(self, context: Context, entry: &mut Entry, gradient: &Mat<f32>) -> Result<()> {
        let Some(state) = &mut entry.state else {
            return Ok(());
        };
        optimizer::update(
            context.level,
            self.optimizer,
            self.learning_rate,
            self.step,
            entry.value.as_mut_slice(),
            gradient.as_slice(),
            state,
        )?;
        Ok(())
    }

    /// From what makes up the gradient, which never goes to memory.
    fn apply_terms(
        self,
        context: Context,
        entry: &mut Entry,
        terms: &[GradientTerm<'_>],
        decay: Decay<'_>,
    ) -> Result<()> {
        let Some(state) = &mut entry.state else {
            return Ok(());
        };
        let update = UpdateWeight {
            terms,
            weight: entry.value.as_mut(),
            state,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            step: self.step,
            decay,
        };
        Ok(update.run(context)?)
    }
}
