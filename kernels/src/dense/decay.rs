//! Penalties on weights as a part of ∇W: weight decay, and that of a
//! contractive layer.

use super::{Destination, Source, for_each_vector, load, store};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, TileOperation};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::Context;
use crate::simd::Simd;

/// What is added to a gradient ∇W that is a multiple of W itself, element by
/// element: first `∇W ← ∇W + columns[j]·W`, then `∇W ← ∇W + all·W`.
///
/// `all` is the usual L2 weight decay, the gradient of ½·all·‖W‖²; `columns`
/// has a factor for each output, as the gradient of Σⱼ ½·cⱼ·‖column j of W‖².
#[derive(Clone, Copy, Debug, Default)]
pub struct Decay<'a> {
    /// The factor for all weights; 0, the default, adds nothing.
    pub all: f32,
    /// A factor for each column.
    pub columns: Option<&'a [f32]>,
}

impl Decay<'_> {
    /// Whether it adds nothing.
    pub fn is_none(&self) -> bool {
        self.all == 0.0 && self.columns.is_none()
    }

    pub(super) fn check(&self, outputs: usize) -> Result<(), Error> {
        match self.columns {
            Some(columns) => check_length("column factors", columns.len(), outputs),
            None => Ok(()),
        }
    }

    /// Adds to a gradient in memory; both matrices have contiguous rows.
    ///
    /// # Errors
    /// Shapes or lengths that do not fit, or rows that are not contiguous.
    pub fn add_to(
        self,
        context: Context,
        weight: MatRef<'_, f32>,
        gradient: MatMut<'_, f32>,
    ) -> Result<(), Error> {
        let shape = weight.shape();
        check_shape("gradient", gradient.shape(), shape)?;
        check_rows_contiguous("weight", shape.1, weight.col_stride())?;
        check_rows_contiguous("gradient", shape.1, gradient.col_stride())?;
        self.check(shape.1)?;
        if !self.is_none() {
            context.level.dispatch(AddTo {
                decay: self,
                weight,
                gradient,
            });
        }
        Ok(())
    }
}

struct AddTo<'a> {
    decay: Decay<'a>,
    weight: MatRef<'a, f32>,
    gradient: MatMut<'a, f32>,
}

impl Kernel for AddTo<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (rows, cols) = self.weight.shape();
        let gradient = Destination::new(self.gradient);
        let factors = Factors {
            weight: Source::new(self.weight),
            all: self.decay.all,
            columns: Source::vector(self.decay.columns),
        };
        // SAFETY: both matrices have contiguous rows of this shape, and the
        // factors a column for each, as checked.
        unsafe {
            factors.add(s, gradient.data, gradient.row_stride, (0, 0), (rows, cols));
        }
    }
}

/// A [`Decay`] with the weights that it multiplies.
#[derive(Clone, Copy)]
struct Factors {
    weight: Source,
    all: f32,
    /// Every row is the columns' factors.
    columns: Source,
}

impl Factors {
    /// Adds to the elements (0, 0) to `shape` at `to`, which are those from
    /// `place` on of the whole gradient.
    ///
    /// # Safety
    /// The elements at `to`, with this stride between rows, are writable;
    /// their weights, and the factors of their columns, readable.
    #[inline(always)]
    unsafe fn add<S: Simd>(
        self,
        s: S,
        to: *mut f32,
        stride: usize,
        (row, col): (usize, usize),
        (rows, cols): (usize, usize),
    ) {
        self.weight.check((row, col), (rows, cols));
        self.columns.check((row, col), (rows, cols));
        for i in 0..rows {
            for_each_vector(
                s,
                cols,
                #[inline(always)]
                |j, mask| {
                    // SAFETY: element (i, j .. ) of each, by mask: the caller's
                    // contract.
                    unsafe {
                        let to = to.add(i * stride + j);
                        let w = load(s, self.weight.at(row + i, col + j), mask);
                        let mut gradient = load(s, to, mask);
                        if !self.columns.is_none() {
                            let factors = load(s, self.columns.at(0, col + j), mask);
                            gradient = s.mul_add(factors, w, gradient);
                        }
                        if self.all != 0.0 {
                            gradient = s.mul_add(s.splat(self.all), w, gradient);
                        }
                        store(s, to, gradient, mask);
                    }
                },
            );
        }
    }
}

/// Adds a decay to a finished tile of ∇W, then goes on with it.
pub(super) struct Decayed<S, T> {
    pub(super) s: S,
    factors: Factors,
    then: T,
}

impl<S, T> Decayed<S, T> {
    pub(super) fn new(s: S, decay: Decay<'_>, weight: Destination, then: T) -> Self {
        let factors = Factors {
            weight: weight.as_source(),
            all: decay.all,
            columns: Source::vector(decay.columns),
        };
        Decayed { s, factors, then }
    }
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart.
unsafe impl<S: Sync, T: Sync> Sync for Decayed<S, T> {}

impl<S: Simd, T: TileOperation<f32>> TileOperation<f32> for Decayed<S, T> {
    unsafe fn apply(&self, panel: Panel<f32>) {
        self.s.vectorize(
            #[inline(always)]
            || {
                let (place, shape) = ((panel.row, panel.col), (panel.rows, panel.cols));
                // SAFETY: the panel is the call's own; whoever made `self` has
                // checked that weight and factors cover the gradient.
                unsafe {
                    self.factors
                        .add(self.s, panel.data, panel.stride, place, shape);
                }
            },
        );
        // SAFETY: the caller's contract.
        unsafe { self.then.apply(panel) }
    }

    fn is_wide(&self) -> bool {
        self.then.is_wide()
    }
}
