//! ∇W = Σ Xᵀ·δ, and the optimiser's step with ∇W still in L1.

use super::decay::{Decay, Decayed};
use super::{Destination, bytes, for_each_vector, load, store};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, Sink, Store, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::optimizer::{ElementwiseUpdate, Optimizer, OptimizerState, UpdateVisitor};
use crate::parallel::{Context, Parallelism};
use crate::simd::Simd;
use crate::tuning;

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
        let store = Store {
            beta: self.beta,
            plain: self.beta.is_none(),
            ..self.gradient.store()
        };
        // SAFETY: the views are readable, the gradient writable, at every
        // index of the checked shapes; its exclusive borrow keeps it apart.
        unsafe {
            multiply(
                s,
                self.shape,
                self.terms,
                Sink::Store(store),
                self.parallelism,
            )
        }
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
        let (operands, work) = operands(self.terms, shape)?;
        let work = Work {
            context: context.for_work(work),
            shape,
            terms: &operands[..self.terms.len()],
            weight: Destination::new(self.weight),
            state,
            decay: self.decay,
        };
        self.optimizer.visit(self.learning_rate, self.step, work);
        Ok(())
    }
}

/// The checked arguments.
struct Work<'a> {
    context: Context,
    shape: (usize, usize),
    terms: &'a [Term<f32>],
    weight: Destination,
    state: [Destination; 3],
    decay: Decay<'a>,
}

impl UpdateVisitor for Work<'_> {
    type Output = ();

    fn visit<U: ElementwiseUpdate>(self, update: U) {
        let level = self.context.level;
        level.dispatch(Typed { update, work: self });
    }
}

struct Typed<'a, U> {
    update: U,
    work: Work<'a>,
}

impl<U: ElementwiseUpdate> Kernel for Typed<'_, U> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let work = self.work;
        let operation = Update {
            s,
            update: self.update,
            weight: work.weight,
            state: work.state,
            is_wide: bytes(work.shape, 1 + U::SLOTS) >= tuning::WIDE_UPDATE_BYTES,
        };
        let decayed;
        let sink = if work.decay.is_none() {
            Sink::Operation(&operation)
        } else {
            decayed = Decayed::new(s, work.decay, work.weight, operation);
            Sink::Operation(&decayed)
        };
        let parallelism = work.context.parallelism;
        // SAFETY: the views are readable, weight and state writable, at every
        // index of the checked shapes; exclusive borrows keep them apart; each
        // tile touches its own elements of weight and state.
        unsafe { multiply(s, work.shape, work.terms, sink, parallelism) }
    }
}

/// One step with the tile as gradient.
struct Update<S, U> {
    s: S,
    update: U,
    weight: Destination,
    /// As many as the optimiser has slots.
    state: [Destination; 3],
    /// Whether weight and state are too large to be still in L2 from the step before.
    is_wide: bool,
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart.
unsafe impl<S: Sync, U: Sync> Sync for Update<S, U> {}

impl<S: Simd, U: ElementwiseUpdate> TileOperation<f32> for Update<S, U> {
    fn is_wide(&self) -> bool {
        self.is_wide
    }

    unsafe fn apply(&self, panel: Panel<f32>) {
        let s = self.s;
        let (place, shape) = panel.rectangle();
        self.weight.check(place, shape);
        for slot in &self.state[..U::SLOTS] {
            slot.check(place, shape);
        }
        s.vectorize(
            #[inline(always)]
            || {
                // In registers: what is stored might else be one of these.
                let (panel, weight, slots) = (panel, self.weight, self.state);
                for i in 0..panel.rows {
                    let row = panel.row + i;
                    for_each_vector(
                        s,
                        panel.cols,
                        #[inline(always)]
                        |j, mask| {
                            let col = panel.col + j;
                            // SAFETY: the tile's rows hold whole vectors;
                            // weight and the optimiser's slots hold the tile's
                            // elements.
                            unsafe {
                                let gradient = s.load(panel.data.add(i * panel.stride + j));
                                let to = weight.at(row, col);
                                let mut state = [s.splat(0.0); 3];
                                for (v, slot) in state.iter_mut().zip(&slots).take(U::SLOTS) {
                                    *v = load(s, slot.at(row, col), mask);
                                }
                                let old = load(s, to, mask);
                                let new = self.update.update(s, old, gradient, &mut state);
                                store(s, to, new, mask);
                                for (v, slot) in state.into_iter().zip(&slots).take(U::SLOTS) {
                                    store(s, slot.at(row, col), v, mask);
                                }
                            }
                        },
                    );
                }
            },
        );
    }
}
