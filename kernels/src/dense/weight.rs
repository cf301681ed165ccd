//! ∇W = Σ Xᵀ·δ, and the optimiser's step with ∇W still in L1.

use super::Destination;
use super::decay::{Decay, Decayed};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, ScaledStore, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::optimizer::{Optimizer, OptimizerState, UpdateBlock, UpdateLoop};
use crate::parallel::{Context, Parallelism};
use crate::simd::Simd;

/// Most terms of one gradient: uses of one weight matrix in a net.
pub const MAX_TERMS: usize = 8;

/// A pair (X, δ), batch × in and batch × out, that adds Xᵀ·δ to a gradient.
/// Where a net uses Wᵀ, as a tied decoder does, the pair is (δ, X).
pub type GradientTerm<'a> = (MatRef<'a, f32>, MatRef<'a, f32>);

/// ∇W = Σ Xᵀ·δ over the uses of W.
#[derive(Debug)]
pub struct BackwardWeight<'a> {
    /// One to [`MAX_TERMS`] pairs (X, δ), any strides.
    pub terms: &'a [GradientTerm<'a>],
    /// ∇W, in × out, rows contiguous.
    pub gradient: MatMut<'a, f32>,
}

/// W after one step of the optimiser along ∇W = Σ Xᵀ·δ. A tile of the
/// gradient updates its weights and their state as soon as it is finished,
/// and never goes to memory.
#[derive(Debug)]
pub struct UpdateWeight<'a> {
    /// One to [`MAX_TERMS`] pairs (X, δ), any strides.
    pub terms: &'a [GradientTerm<'a>],
    /// W, in × out, rows contiguous.
    pub weight: MatMut<'a, f32>,
    /// The optimiser's state for W.
    pub state: &'a mut OptimizerState,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// Its learning rate in this step.
    pub learning_rate: f32,
    /// Number of this step, from 1.
    pub step: u64,
    /// What is added to the gradient before the optimiser sees it.
    pub decay: Decay<'a>,
}

/// The terms as operands of the product, Xᵀ as A.
fn operands(
    terms: &[GradientTerm<'_>],
    (inputs, outputs): (usize, usize),
) -> Result<([Term<f32>; MAX_TERMS], usize), Error> {
    if !(1..=MAX_TERMS).contains(&terms.len()) {
        return Err(Error::Parameter {
            name: "number of gradient terms",
            given: terms.len().to_string(),
            expected: "1 to 8",
        });
    }
    let (x, delta) = terms[0];
    let mut operands = [Term::new(x.transpose(), delta); MAX_TERMS];
    let mut work = 0usize;
    for (operand, &(x, delta)) in operands.iter_mut().zip(terms) {
        check_shape("x", x.shape(), (x.rows(), inputs))?;
        check_shape("delta", delta.shape(), (x.rows(), outputs))?;
        *operand = Term::new(x.transpose(), delta);
        work = work.saturating_add(flops((inputs, outputs), x.rows()));
    }
    Ok((operands, work))
}

impl BackwardWeight<'_> {
    /// Computes the gradient. What was there is overwritten without being read.
    ///
    /// # Errors
    /// Shapes that do not fit, rows that are not contiguous, no terms or too
    /// many.
    pub fn run(self, context: Context) -> Result<(), Error> {
        self.store(context, None)
    }

    /// Adds the gradient to what is there, as if [`run`](Self::run) had gone to
    /// another matrix: for a minibatch that comes in parts.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn accumulate(self, context: Context) -> Result<(), Error> {
        self.store(context, Some(1.0))
    }

    fn store(self, context: Context, beta: Option<f32>) -> Result<(), Error> {
        let shape = self.gradient.shape();
        check_rows_contiguous("gradient", shape.1, self.gradient.col_stride())?;
        let (operands, work) = operands(self.terms, shape)?;
        let context = context.for_work(work);
        context.level.dispatch(Gradient {
            shape,
            terms: &operands[..self.terms.len()],
            gradient: Destination::new(self.gradient),
            beta,
            parallelism: context.parallelism,
        });
        Ok(())
    }
}

struct Gradient<'a> {
    shape: (usize, usize),
    terms: &'a [Term<f32>],
    gradient: Destination,
    beta: Option<f32>,
    parallelism: Parallelism,
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let to = self.gradient;
        let scaled = ScaledStore {
            s,
            c: to.data,
            row_stride: to.row_stride as isize,
            col_stride: 1,
            alpha: 1.0,
            beta: self.beta,
            extent: to.extent,
        };
        let sink = match self.beta {
            None => Sink::Store(to.store()),
            Some(_) => Sink::Operation(&scaled),
        };
        // SAFETY: the views are readable, the gradient writable, at every
        // index of the checked shapes; its exclusive borrow keeps it apart.
        unsafe { multiply(s, self.shape, self.terms, sink, self.parallelism) }
    }
}

impl UpdateWeight<'_> {
    /// Makes the step.
    ///
    /// # Errors
    /// Shapes that do not fit, rows that are not contiguous, no terms or too
    /// many, state of another optimiser, parameters that the optimiser
    /// refuses, a step of 0.
    pub fn run(self, context: Context) -> Result<(), Error> {
        let shape = self.weight.shape();
        check_rows_contiguous("weight", shape.1, self.weight.col_stride())?;
        self.optimizer.check()?;
        if self.step == 0 {
            return Err(Error::Parameter {
                name: "step",
                given: "0".into(),
                expected: "1 for the first step",
            });
        }
        self.decay.check(shape.1)?;
        let slots = self.state.slots_mut();
        let wanted = self.optimizer.state_slots();
        check_length("optimizer state", slots.len(), wanted)?;
        let mut state = [Destination::NONE; 3];
        for (to, slot) in state.iter_mut().zip(slots) {
            check_shape("optimizer state", slot.shape(), shape)?;
            *to = Destination::new(slot.as_mut());
        }
        let slots = wanted;
        let (operands, work) = operands(self.terms, shape)?;
        let context = context.for_work(work);
        let (weight, decay) = (Destination::new(self.weight), self.decay);
        let terms = &operands[..self.terms.len()];
        let (optimizer, rate, step) = (self.optimizer, self.learning_rate, self.step);
        optimizer.with_loop(context.level, rate, step, &mut |update| {
            context.level.dispatch(UpdateTiles {
                shape,
                terms,
                decay,
                operation: Update {
                    update,
                    weight,
                    state,
                    slots,
                },
                parallelism: context.parallelism,
            });
        });
        Ok(())
    }
}

struct UpdateTiles<'a> {
    shape: (usize, usize),
    terms: &'a [Term<f32>],
    decay: Decay<'a>,
    operation: Update<'a>,
    parallelism: Parallelism,
}

impl Kernel for UpdateTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let operation = &self.operation;
        let decayed = Decayed::new(s, self.decay, operation.weight, operation);
        let sink = if self.decay.is_none() {
            Sink::Operation(operation)
        } else {
            Sink::Operation(&decayed)
        };
        // SAFETY: the views are readable, weight and state writable, at every
        // index of the checked shapes; exclusive borrows keep them apart; each
        // tile touches its own elements of weight and state.
        unsafe { multiply(s, self.shape, self.terms, sink, self.parallelism) }
    }
}

/// One step with the tile as gradient.
struct Update<'a> {
    update: &'a dyn UpdateLoop,
    weight: Destination,
    /// As many as the optimiser has slots.
    state: [Destination; 3],
    slots: usize,
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart.
unsafe impl Sync for Update<'_> {}

impl TileOperation<f32> for Update<'_> {
    unsafe fn apply(&self, panel: Panel<f32>) {
        let (place, shape) = panel.rectangle();
        self.weight.check(place, shape);
        for slot in &self.state[..self.slots] {
            slot.check(place, shape);
        }
        // SAFETY: weight and the optimiser's slots hold the panel's elements.
        let at = |to: Destination| unsafe { (to.at(panel.row, panel.col), to.row_stride) };
        let mut slots = [(std::ptr::null_mut(), 0); 3];
        for (to, &slot) in slots.iter_mut().zip(&self.state[..self.slots]) {
            *to = at(slot);
        }
        // SAFETY: as above; the panel holds its own, and the caller's contract keeps
        // threads apart.
        unsafe {
            self.update.run(UpdateBlock {
                rows: panel.rows,
                cols: panel.cols,
                weight: at(self.weight),
                gradient: (panel.data, panel.stride),
                slots,
            });
        }
    }
}
