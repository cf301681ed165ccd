//! One step of an optimiser over an array of weights.

use super::Optimizer;
use super::elementwise::{ElementwiseUpdate, UpdateVisitor};
use crate::error::{Error, check_length};
use crate::level::{Kernel, Level};
use crate::mat::Mat;
use crate::simd::{Simd, for_each_vector, load, store};

/// What an optimiser remembers about the weights of one matrix: a matrix of
/// the same shape, zero at first, for each of [`Optimizer::state_names`].
#[derive(Clone, Debug)]
pub struct OptimizerState {
    slots: Vec<Mat<f32>>,
    shape: (usize, usize),
}

impl OptimizerState {
    /// The state before the first step, for `rows` × `cols` weights.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the size overflows.
    pub fn new(optimizer: Optimizer, rows: usize, cols: usize) -> Result<Self, Error> {
        let slots = (0..optimizer.state_slots())
            .map(|_| Mat::try_zeros(rows, cols))
            .collect::<Result<_, _>>()?;
        Ok(OptimizerState {
            slots,
            shape: (rows, cols),
        })
    }

    /// Rows and columns of the weights.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// The matrices, in the order of [`Optimizer::state_names`].
    pub fn slots(&self) -> &[Mat<f32>] {
        &self.slots
    }

    /// The matrices, in the order of [`Optimizer::state_names`].
    pub fn slots_mut(&mut self) -> &mut [Mat<f32>] {
        &mut self.slots
    }
}

/// Step number `step`, counted from 1, of `weight` along `gradient`. Both have
/// as many elements as the state, a matrix in row-major order. Nothing is
/// allocated. An element of the result depends on the elements of the same
/// index only.
///
/// # Errors
/// [`Error::Length`] if sizes differ or the state was made for an optimiser
/// with another number of slots; [`Error::Parameter`] if `step` is 0 or as
/// [`Optimizer::check`] does.
pub fn update(
    level: Level,
    optimizer: Optimizer,
    learning_rate: f32,
    step: u64,
    weight: &mut [f32],
    gradient: &[f32],
    state: &mut OptimizerState,
) -> Result<(), Error> {
    optimizer.check()?;
    if step == 0 {
        return Err(Error::Parameter {
            name: "step",
            given: step.to_string(),
            expected: "1 for the first step",
        });
    }
    check_length("gradient", gradient.len(), weight.len())?;
    check_length(
        "optimizer state",
        state.slots.len(),
        optimizer.state_slots(),
    )?;
    let mut slots = [(std::ptr::null_mut(), 0); 3];
    for (to, slot) in slots.iter_mut().zip(&mut state.slots) {
        let slot = slot.as_mut_slice();
        check_length("optimizer state", slot.len(), weight.len())?;
        *to = (slot.as_mut_ptr(), 0);
    }
    let block = UpdateBlock {
        rows: 1,
        cols: weight.len(),
        weight: (weight.as_mut_ptr(), 0),
        gradient: (gradient.as_ptr(), 0),
        slots,
    };
    optimizer.with_loop(level, learning_rate, step, &mut |update| {
        // SAFETY: the lengths agree, as checked; the slices are borrowed exclusively.
        unsafe { update.run(block) };
    });
    Ok(())
}

/// Weights with their gradient and state: (address, row stride) of each.
#[derive(Clone, Copy)]
pub(crate) struct UpdateBlock {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) weight: (*mut f32, usize),
    pub(crate) gradient: (*const f32, usize),
    /// As many as the optimiser has slots; the others may be null.
    pub(crate) slots: [(*mut f32, usize); 3],
}

/// A step of an optimiser over a block: compiled once for each optimiser and level.
pub(crate) trait UpdateLoop: Sync {
    /// # Safety
    /// The gradient is readable, and the weights and the optimiser's slots readable and
    /// writable, at rows × cols elements; they do not overlap, and nobody else reads or
    /// writes them.
    unsafe fn run(&self, block: UpdateBlock);
}

impl Optimizer {
    /// Calls `then` with step number `step` at the level.
    pub(crate) fn with_loop(
        self,
        level: Level,
        learning_rate: f32,
        step: u64,
        then: &mut dyn FnMut(&dyn UpdateLoop),
    ) {
        self.visit(learning_rate, step, Find { level, then });
    }
}

struct Find<'a> {
    level: Level,
    then: &'a mut dyn FnMut(&dyn UpdateLoop),
}

impl UpdateVisitor for Find<'_> {
    type Output = ();

    fn visit<U: ElementwiseUpdate>(self, update: U) {
        let Find { level, then } = self;
        level.dispatch(Found { update, then });
    }
}

struct Found<'a, U> {
    update: U,
    then: &'a mut dyn FnMut(&dyn UpdateLoop),
}

impl<U: ElementwiseUpdate> Kernel for Found<'_, U> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let update = self.update;
        (self.then)(&Loop { s, update });
    }
}

struct Loop<S, U> {
    s: S,
    update: U,
}

impl<S: Simd, U: ElementwiseUpdate> UpdateLoop for Loop<S, U> {
    unsafe fn run(&self, block: UpdateBlock) {
        let (s, update) = (self.s, self.update);
        s.vectorize(
            #[inline(always)]
            || {
                // Copied to locals: the stores below could alias what the closure borrows.
                let UpdateBlock {
                    rows,
                    cols,
                    weight,
                    gradient,
                    slots,
                } = block;
                for i in 0..rows {
                    for_each_vector(
                        s,
                        cols,
                        #[inline(always)]
                        |j, mask| {
                            // SAFETY: the caller's contract, by mask; null slots are not
                            // touched.
                            unsafe {
                                let gradient = gradient.0.add(i * gradient.1 + j);
                                let gradient = load(s, gradient, mask);
                                let weight = weight.0.add(i * weight.1 + j);
                                let mut state = [s.splat(0.0); 3];
                                for (v, slot) in state.iter_mut().zip(&slots).take(U::SLOTS) {
                                    *v = load(s, slot.0.add(i * slot.1 + j), mask);
                                }
                                let old = load(s, weight, mask);
                                let new = update.update(s, old, gradient, &mut state);
                                store(s, weight, new, mask);
                                for (v, slot) in state.into_iter().zip(&slots).take(U::SLOTS) {
                                    store(s, slot.0.add(i * slot.1 + j), v, mask);
                                }
                            }
                        },
                    );
                }
            },
        );
    }
}
