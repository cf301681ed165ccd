//! One product of the sum that makes up C: its operands as raw pointers.

use crate::extent::Extent;
use crate::mat::{Element, MatRef, PanelsRef};

/// One product A·B of the sum that makes up C.
#[derive(Clone, Copy)]
pub(crate) struct Term<T> {
    pub(crate) a: *const T,
    /// From row to row of A, and from p to p + 1.
    pub(crate) a_strides: (isize, isize),
    pub(crate) b: *const T,
    /// From p to p + 1, and from column to column of B.
    pub(crate) b_strides: (isize, isize),
    pub(crate) k: usize,
    /// Whether products with zeros of A may be left out.
    pub(crate) skips_zeros: bool,
    /// What the product may read of A and of B.
    pub(crate) a_extent: Extent,
    pub(crate) b_extent: Extent,
    /// B once more, packed.
    pub(crate) panels: Option<PanelsRef<T>>,
}

// SAFETY: the operands are only read, and whoever starts the product
// guarantees that nobody writes them meanwhile.
unsafe impl<T: Element> Sync for Term<T> {}

impl<T: Element> Term<T> {
    /// The product of two views. The caller sees to it that A has as many
    /// columns as B has rows.
    pub(crate) fn new(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Self {
        let (a_strides, b_strides) = (strides(a), strides(b));
        Term {
            a: a.as_ptr(),
            a_strides,
            b: b.as_ptr(),
            b_strides,
            k: a.cols(),
            skips_zeros: a.skips_zeros(),
            a_extent: Extent::new(a.as_ptr(), a.shape(), a_strides),
            b_extent: Extent::new(b.as_ptr(), b.shape(), b_strides),
            panels: b.panels(),
        }
    }
}

/// A view with elements spans at most isize::MAX bytes, so that its strides fit,
/// but for that of a dimension of length 1. Those that are never used, of such
/// a dimension or an empty view, can be any number and become 1.
fn strides<T: Element>(view: MatRef<'_, T>) -> (isize, isize) {
    let empty = view.rows() == 0 || view.cols() == 0;
    let used = |count: usize, stride: usize| {
        if count > 1 && !empty {
            stride as isize
        } else {
            1
        }
    };
    (
        used(view.rows(), view.row_stride()),
        used(view.cols(), view.col_stride()),
    )
}
