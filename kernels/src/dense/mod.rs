//! Fused dense layers: Y = act(X·W + b), its gradients, its loss, its update.
//!
//! Weights are `in × out`, row-major; a minibatch is `batch × features`. With
//! Z = X·W + b, and δ the gradient of the loss with respect to Z:
//!
//! | file | kernel | computes | in the epilogue of the product |
//! |---|---|---|---|
//! | `forward.rs` | [`Forward`] | Y = act(Z) | bias, activation |
//! | `loss.rs`, `one_pass.rs` | [`ForwardLoss`] | the last layer's δ and loss | bias, activation, loss, δ, column sums of δ |
//! | `input.rs` | [`BackwardInput`] | δ of the layer below = (δ·Wᵀ) ⊙ act′ | act′, column sums |
//! | `weight.rs` | [`BackwardWeight`] | ∇W = Σ Xᵀ·δ | – |
//! | `weight.rs` | [`UpdateWeight`] | W after a step of the optimiser | the optimiser; ∇W never goes to memory |
//! | `decay.rs` | [`Decay`] | ∇W + c·W: weight decay | (with the optimiser, before it) |
//! | `sums.rs` | [`column_sums`] | ∇b | (a pass of its own, where it was not fused) |
//!
//! # Bits
//! A fused kernel computes the same bits as its parts do one after another:
//! the bias is added to the finished sum of products, and column sums are
//! chains over the rows from first to last. Only the *value* of a loss may
//! differ in its last bits, by the order of summation.
//!
//! Arguments are structs with named fields; `run` checks all shapes before
//! anything is written.

mod decay;
mod forward;
mod input;
mod loss;
mod one_pass;
mod sums;
mod weight;

pub use decay::Decay;
pub use forward::Forward;
pub use input::BackwardInput;
pub use loss::ForwardLoss;
pub use sums::column_sums;
pub use weight::{BackwardWeight, GradientTerm, MAX_TERMS, UpdateWeight};

use crate::extent::Extent;
use crate::gemm::epilogue::Store;
use crate::mat::{MatMut, MatRef};
use crate::simd::Simd;
use crate::tuning;

/// A matrix with contiguous rows that an epilogue reads at a tile's place.
/// Null where the epilogue reads nothing.
#[derive(Clone, Copy)]
struct Source {
    data: *const f32,
    row_stride: usize,
    extent: Extent,
}

impl Source {
    const NONE: Source = Source {
        data: std::ptr::null(),
        row_stride: 0,
        extent: Extent::NONE,
    };

    fn new(mat: MatRef<'_, f32>) -> Self {
        let strides = (mat.row_stride() as isize, 1);
        Source {
            data: mat.as_ptr(),
            row_stride: mat.row_stride(),
            extent: Extent::new(mat.as_ptr(), mat.shape(), strides),
        }
    }

    /// The same vector in every row.
    fn vector(data: Option<&[f32]>) -> Self {
        data.map_or(Source::NONE, |data| Source {
            data: data.as_ptr(),
            row_stride: 0,
            extent: Extent::of_slice(data.as_ptr(), data.len()),
        })
    }

    fn is_none(self) -> bool {
        self.data.is_null()
    }

    /// Panics in debug builds if the place of a tile reaches outside of the
    /// matrix, if there is one.
    #[inline(always)]
    fn check(self, (row, col): (usize, usize), shape: (usize, usize)) {
        if cfg!(debug_assertions) && !self.is_none() {
            let start = self.data.wrapping_add(row * self.row_stride + col);
            self.extent
                .check(start, shape, (self.row_stride as isize, 1));
        }
    }

    /// # Safety
    /// (row, col) is inside of the matrix.
    #[inline(always)]
    unsafe fn at(self, row: usize, col: usize) -> *const f32 {
        // SAFETY: the caller's contract.
        unsafe { self.data.add(row * self.row_stride + col) }
    }
}

/// A matrix with contiguous rows that an epilogue writes at a tile's place.
/// Null where the epilogue writes nothing.
#[derive(Clone, Copy)]
struct Destination {
    data: *mut f32,
    row_stride: usize,
    extent: Extent,
}

impl Destination {
    const NONE: Destination = Destination {
        data: std::ptr::null_mut(),
        row_stride: 0,
        extent: Extent::NONE,
    };

    fn new(mut mat: MatMut<'_, f32>) -> Self {
        let source = Source::new(mat.as_ref());
        Destination {
            data: mat.as_mut_ptr(),
            row_stride: source.row_stride,
            extent: source.extent,
        }
    }

    /// The same vector in every row.
    fn vector(data: Option<&mut [f32]>) -> Self {
        data.map_or(Destination::NONE, |data| Destination {
            data: data.as_mut_ptr(),
            row_stride: 0,
            extent: Extent::of_slice(data.as_ptr(), data.len()),
        })
    }

    /// The same place, to read.
    fn as_source(self) -> Source {
        Source {
            data: self.data,
            row_stride: self.row_stride,
            extent: self.extent,
        }
    }

    /// The product itself goes there.
    fn store(self) -> Store<f32> {
        Store {
            c: self.data,
            row_stride: self.row_stride as isize,
            alpha: 1.0,
            beta: None,
            plain: true,
            extent: self.extent,
        }
    }

    /// As [`Source::check`].
    #[inline(always)]
    fn check(self, place: (usize, usize), shape: (usize, usize)) {
        self.as_source().check(place, shape);
    }

    fn is_none(self) -> bool {
        self.data.is_null()
    }

    /// Whether an epilogue that reads or writes so many matrices of this shape, of which
    /// it is one, is [wide](crate::gemm::epilogue::TileOperation::is_wide).
    fn is_wide(self, shape: (usize, usize), matrices: usize) -> bool {
        let row_bytes = self.row_stride.wrapping_mul(size_of::<f32>());
        bytes(shape, matrices) >= tuning::WIDE_BYTES && row_bytes.is_multiple_of(tuning::WIDE_ALIAS)
    }

    /// # Safety
    /// (row, col) is inside of the matrix.
    #[inline(always)]
    unsafe fn at(self, row: usize, col: usize) -> *mut f32 {
        // SAFETY: the caller's contract.
        unsafe { self.data.add(row * self.row_stride + col) }
    }
}

/// Bytes of so many matrices of a shape.
fn bytes((rows, cols): (usize, usize), matrices: usize) -> usize {
    let elements = rows.saturating_mul(cols).saturating_mul(matrices);
    elements.saturating_mul(size_of::<f32>())
}

/// Calls `f(offset, None)` for each whole vector of `cols` columns and
/// `f(offset, Some(mask))` for the rest.
#[inline(always)]
fn for_each_vector<S: Simd>(s: S, cols: usize, mut f: impl FnMut(usize, Option<S::Mask>)) {
    let whole = cols - cols % S::LANES;
    let mut j = 0;
    while j < whole {
        f(j, None);
        j += S::LANES;
    }
    if whole < cols {
        f(whole, Some(s.first_lanes(cols - whole)));
    }
}

/// What is done with one vector of columns, so many rows at once.
trait Rows {
    /// Rows `i .. i + N`.
    ///
    /// # Safety
    /// The panel and the operands have these rows.
    unsafe fn run<const N: usize>(&mut self, i: usize);
}

/// Runs rows `0 .. count`, in order: [`tuning::ROWS_AT_ONCE`] if that is
/// `worthwhile`, the rest one by one.
///
/// # Safety
/// The panel and the operands have these rows.
#[inline(always)]
unsafe fn for_each_rows<S: Simd>(_: S, count: usize, worthwhile: bool, rows: &mut impl Rows) {
    const FEW: usize = tuning::ROWS_AT_ONCE[0];
    const MANY: usize = tuning::ROWS_AT_ONCE[1];
    let mut i = 0;
    // SAFETY: all rows are below `count`.
    unsafe {
        if worthwhile && const { S::LANES < 16 } {
            while i + FEW <= count {
                rows.run::<FEW>(i);
                i += FEW;
            }
        } else if worthwhile {
            while i + MANY <= count {
                rows.run::<MANY>(i);
                i += MANY;
            }
        }
        while i < count {
            rows.run::<1>(i);
            i += 1;
        }
    }
}

/// # Safety
/// The lanes in `mask`, or all, are readable.
#[inline(always)]
unsafe fn load<S: Simd>(s: S, from: *const f32, mask: Option<S::Mask>) -> S::Vector {
    // SAFETY: the caller's contract.
    unsafe {
        match mask {
            None => s.load(from),
            Some(mask) => s.load_masked(from, mask),
        }
    }
}

/// # Safety
/// The lanes in `mask`, or all, are writable.
#[inline(always)]
unsafe fn store<S: Simd>(s: S, to: *mut f32, v: S::Vector, mask: Option<S::Mask>) {
    // SAFETY: the caller's contract.
    unsafe {
        match mask {
            None => s.store(to, v),
            Some(mask) => s.store_masked(to, v, mask),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(debug_assertions)]
    #[test]
    fn a_tile_outside_of_its_operand_panics() {
        use super::*;

        fn panics(f: impl FnOnce() + std::panic::UnwindSafe) -> bool {
            std::panic::catch_unwind(f).is_err()
        }
        let mut data = [0f32; 20];
        // Rows 5 apart, of 3: what lies between them is not to be touched, but
        // inside.
        let mat = MatMut::with_strides(&mut data, 4, 3, 5, 1).unwrap();
        let destination = Destination::new(mat);
        let source = destination.as_source();
        for (place, shape, inside) in [
            ((0, 0), (4, 3), true),
            ((3, 2), (1, 1), true),
            ((3, 0), (1, 4), false),
            ((2, 0), (3, 1), false),
            ((4, 0), (1, 1), false),
        ] {
            assert_eq!(panics(|| source.check(place, shape)), !inside, "{place:?}");
            assert_eq!(
                panics(|| destination.check(place, shape)),
                !inside,
                "{place:?}"
            );
        }
        Source::NONE.check((7, 7), (7, 7));
        // A vector has the same elements in each row.
        let vector = Source::vector(Some(&[0.0; 3]));
        vector.check((9, 0), (5, 3));
        assert!(panics(|| vector.check((0, 1), (1, 3))));
    }

    #[test]
    fn rows_that_share_sets_want_wide_panels() {
        use super::*;

        let is_wide = |rows, cols, stride, matrices| {
            let mut data = vec![0.0; rows * stride];
            let mat = MatMut::with_strides(&mut data, rows, cols, stride, 1).unwrap();
            Destination::new(mat).is_wide((rows, cols), matrices)
        };
        for (shape, stride, matrices, wide) in [
            ((512, 512), 512, 1, true),
            ((512, 500), 512, 1, true),
            ((512, 500), 500, 1, false),
            ((256, 128), 128, 1, false),
            ((256, 128), 128, 2, true),
            ((256, 784), 784, 2, false),
        ] {
            let (rows, cols) = shape;
            assert_eq!(is_wide(rows, cols, stride, matrices), wide, "{shape:?}");
        }
    }
}
