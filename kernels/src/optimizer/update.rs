//! One step of an optimiser over an array of weights.

use super::Optimizer;
use super::elementwise::{ElementwiseUpdate, UpdateVisitor};
use crate::error::{Error, check_length};
use crate::level::{Kernel, Level};
use crate::mat::Mat;
use crate::simd::{self, Simd};

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
    let mut slots: [&mut [f32]; 3] = Default::default();
    for (to, slot) in slots.iter_mut().zip(&mut state.slots) {
        *to = slot.as_mut_slice();
        check_length("optimizer state", to.len(), weight.len())?;
    }
    optimizer.visit(
        learning_rate,
        step,
        Arrays {
            level,
            weight,
            gradient,
            slots,
        },
    );
    Ok(())
}

/// The arguments of [`update`]; their lengths agree.
struct Arrays<'a> {
    level: Level,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    slots: [&'a mut [f32]; 3],
}

/// Arrays with the step as a type.
struct Typed<'a, U> {
    update: U,
    arrays: Arrays<'a>,
}

impl UpdateVisitor for Arrays<'_> {
    type Output = ();

    fn visit<U: ElementwiseUpdate>(self, update: U) {
        let level = self.level;
        level.dispatch(Typed {
            update,
            arrays: self,
        });
    }
}

impl<U: ElementwiseUpdate> Kernel for Typed<'_, U> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Arrays {
            weight,
            gradient,
            slots,
            ..
        } = self.arrays;
        simd::update_with_state(
            s,
            U::SLOTS,
            weight,
            gradient,
            slots,
            #[inline(always)]
            |w, g, state| self.update.update(s, w, g, state),
        );
    }
}
