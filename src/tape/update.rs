//! The second region of a step: gradients of weights, and the optimiser.

use std::sync::OnceLock;

use autoencoder_kernels::dense::{BackwardWeight, Decay, GradientTerm, MAX_TERMS, UpdateWeight};
use autoencoder_kernels::optimizer::{self, Optimizer};
use autoencoder_kernels::parallel::for_each_mut;
use autoencoder_kernels::{Context, Mat};

use super::parameters::{Entry, Parameters};
use super::plan::Term;
use super::program::{Chunk, Program};
use super::replay::context_for_step;
use crate::error::Result;

impl Program {
    /// The second region without an optimiser: gradients of all weights, added to
    /// those of the chunks before.
    pub(super) fn add_weight_gradients(&mut self, chunk: Chunk) -> Result<()> {
        let (plan, buffers) = (&self.plan, &self.memory.buffers);
        let context = context_for_step(self.options.context, plan, chunk.rows);
        for (terms, gradient) in plan.terms.iter().zip(&mut self.gradients) {
            with_terms(terms, buffers, chunk.rows, |terms| {
                let gradient = gradient.as_mut();
                let backward = BackwardWeight { terms, gradient };
                match chunk.first {
                    0 => backward.run(context)?,
                    _ => backward.accumulate(context)?,
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What is a part of gradients column by column.
    pub(super) fn add_column_decay(
        &mut self,
        context: Context,
        parameters: &Parameters,
    ) -> Result<()> {
        for (number, gradient) in self.gradients.iter_mut().enumerate() {
            if let Some(factors) = self.plan.column_factors[number] {
                let decay = Decay {
                    all: 0.0,
                    columns: Some(&self.memory.shared[factors.0]),
                };
                let weight = parameters.entries[number].value.as_ref();
                decay.add_to(context, weight, gradient.as_mut())?;
            }
        }
        Ok(())
    }

    /// Adds the weight decay to gradients in memory.
    pub(super) fn decay_weights(&mut self, parameters: &Parameters) -> Result<()> {
        for (number, gradient) in self.gradients.iter_mut().enumerate() {
            if !self.plan.terms[number].is_empty() {
                let weight = parameters.entries[number].value.as_ref();
                let decay = Decay {
                    all: self.weight_decay,
                    columns: None,
                };
                decay.add_to(self.options.context, weight, gradient.as_mut())?;
            }
        }
        Ok(())
    }

    /// The second region: the optimiser's step for all parameters, with the
    /// gradients of the weights on the way if they are not there yet.
    pub(super) fn update(
        &self,
        parameters: &mut Parameters,
        update: Update,
        rows: usize,
    ) -> Result<()> {
        let context = context_for_step(self.options.context, &self.plan, rows);
        let failed = OnceLock::new();
        let one = |number: usize, entry: &mut Entry| {
            let terms = &self.plan.terms[number];
            if !terms.is_empty() && self.updates_from_terms(rows) {
                let factors = self.plan.column_factors[number];
                let decay = Decay {
                    all: self.weight_decay,
                    columns: factors.map(|factors| &*self.memory.shared[factors.0]),
                };
                with_terms(terms, &self.memory.buffers, rows, |terms| {
                    update.apply_terms(context, entry, terms, decay)
                })
            } else if !terms.is_empty() || self.plan.sums[number].is_some() {
                update.apply(context, entry, &self.gradients[number])
            } else {
                Ok(())
            }
        };
        // One tree of tasks: parameters, and the tiles of each.
        for_each_mut(
            context.parallelism,
            &mut parameters.entries,
            |number, entry| {
                if let Err(error) = one(number, entry) {
                    _ = failed.set(error);
                }
            },
        );
        failed.into_inner().map_or(Ok(()), Err)
    }

    /// Whether the optimiser takes the gradients of weights tile by tile, as
    /// they come, and not from memory.
    pub(super) fn updates_from_terms(&self, rows: usize) -> bool {
        self.options.fused && self.clip.is_none() && rows <= self.chunk_rows
    }
}

/// A step of the optimiser.
#[derive(Clone, Copy)]
pub(super) struct Update {
    pub(super) optimizer: Optimizer,
    pub(super) learning_rate: f32,
    pub(super) step: u64,
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

/// Calls `f` with the first `rows` rows of the terms' buffers, unless there
/// are none. There are at most [`MAX_TERMS`], as the tape has checked.
fn with_terms(
    terms: &[Term],
    buffers: &[Mat<f32>],
    rows: usize,
    f: impl FnOnce(&[GradientTerm<'_>]) -> Result<()>,
) -> Result<()> {
    let view = |term: Term| {
        let top = |number: usize| {
            let mat = &buffers[number];
            mat.as_ref().submatrix(0..rows, 0..mat.cols())
        };
        let x = top(term.x.0);
        let x = if term.x_is_data { x.skip_zeros() } else { x };
        (x, top(term.delta.0))
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
