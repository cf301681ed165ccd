//! [`Mat`]: a matrix that owns its elements.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fmt;
use std::ops::{Index, IndexMut};
use std::ptr::NonNull;

use super::{ALIGNMENT, Element, MatMut, MatRef};
use crate::error::{Error, check_length};

/// A dense row-major matrix that starts at a 64-byte boundary.
pub struct Mat<T: Element> {
    // Dangling and aligned where the matrix has no elements.
    data: NonNull<T>,
    rows: usize,
    cols: usize,
}

// SAFETY: a `Mat` owns its elements like a `Vec`, and `T` is Send and Sync.
unsafe impl<T: Element> Send for Mat<T> {}
// SAFETY: as above; `&Mat` gives shared access only.
unsafe impl<T: Element> Sync for Mat<T> {}

impl<T: Element> Mat<T> {
    /// A matrix of zeros.
    ///
    /// # Panics
    /// If there is no such memory; see [`Mat::try_zeros`].
    pub fn zeros(rows: usize, cols: usize) -> Self {
        match Self::try_zeros(rows, cols) {
            Ok(mat) => mat,
            Err(error) => panic!("{error}"),
        }
    }

    /// A matrix of zeros.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the size in bytes overflows `isize`, or the system
    /// has no such memory.
    pub fn try_zeros(rows: usize, cols: usize) -> Result<Self, Error> {
        // SAFETY: zeros are elements.
        unsafe { Self::try_allocate(rows, cols, alloc_zeroed) }
    }

    /// A matrix in memory that `allocate` returns.
    ///
    /// # Errors
    /// Those of [`Mat::try_zeros`].
    ///
    /// # Safety
    /// `allocate` is a function of [`std::alloc`]. Unless it returns zeros, the caller
    /// writes all elements before anyone reads one.
    pub(super) unsafe fn try_allocate(
        rows: usize,
        cols: usize,
        allocate: unsafe fn(Layout) -> *mut u8,
    ) -> Result<Self, Error> {
        let shape = (rows, cols);
        let layout = Self::layout(rows, cols).ok_or(Error::TooLarge { shape })?;
        let data = if layout.size() == 0 {
            // SAFETY: ALIGNMENT is not 0.
            unsafe { NonNull::new_unchecked(std::ptr::without_provenance_mut(ALIGNMENT)) }
        } else {
            // SAFETY: the layout's size is not 0.
            let data = unsafe { allocate(layout) };
            NonNull::new(data.cast()).ok_or(Error::TooLarge { shape })?
        };
        Ok(Mat { data, rows, cols })
    }

    /// A copy of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] unless `data.len() == rows · cols`, and those of
    /// [`Mat::try_zeros`].
    pub fn from_slice(rows: usize, cols: usize, data: &[T]) -> Result<Self, Error> {
        // Before any memory is asked for.
        let shape = (rows, cols);
        let len = rows.checked_mul(cols).ok_or(Error::TooLarge { shape })?;
        check_length("data", data.len(), len)?;
        let mut mat = Self::try_zeros(rows, cols)?;
        mat.as_mut_slice().copy_from_slice(data);
        Ok(mat)
    }

    /// Element (i, j) is `f(i, j)`.
    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> T) -> Self {
        let mut mat = Self::zeros(rows, cols);
        for i in 0..rows {
            for j in 0..cols {
                mat[(i, j)] = f(i, j);
            }
        }
        mat
    }

    fn layout(rows: usize, cols: usize) -> Option<Layout> {
        let bytes = rows.checked_mul(cols)?.checked_mul(size_of::<T>())?;
        Layout::from_size_align(bytes, ALIGNMENT).ok()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// All elements in row-major order.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `data` points to rows · cols initialised elements (`try_allocate`), or is
        // aligned and dangling where there are none; they live as long as `self` and are
        // not written while it is borrowed.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.rows * self.cols) }
    }

    /// All elements in row-major order.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.rows * self.cols) }
    }

    /// Element (0, 0), for raw access to disjoint rows from several threads.
    pub(crate) fn data(&self) -> *mut T {
        self.data.as_ptr()
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If `i` is out of range.
    pub fn row(&self, i: usize) -> &[T] {
        &self.as_slice()[i * self.cols..][..self.cols]
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If `i` is out of range.
    pub fn row_mut(&mut self, i: usize) -> &mut [T] {
        let cols = self.cols;
        &mut self.as_mut_slice()[i * cols..][..cols]
    }

    /// A view of the whole.
    pub fn as_ref(&self) -> MatRef<'_, T> {
        // SAFETY: the elements are readable while `self` is borrowed.
        unsafe { MatRef::from_raw_parts(self.data.as_ptr(), self.rows, self.cols, self.cols, 1) }
    }

    /// A mutable view of the whole.
    pub fn as_mut(&mut self) -> MatMut<'_, T> {
        // SAFETY: the elements are writable while `self` is borrowed, which
        // is exclusive, and a row-major matrix has one place for each.
        unsafe { MatMut::from_raw_parts(self.data.as_ptr(), self.rows, self.cols, self.cols, 1) }
    }

    /// The transpose, in memory of its own.
    pub fn transposed(&self) -> Mat<T> {
        self.as_ref().transpose().to_owned()
    }
}

impl<T: Element> Drop for Mat<T> {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.rows, self.cols)
            && layout.size() > 0
        {
            // SAFETY: `data` was allocated with this very layout, which depends
            // on the immutable shape only.
            unsafe { dealloc(self.data.as_ptr().cast(), layout) }
        }
    }
}

impl<T: Element> Clone for Mat<T> {
    fn clone(&self) -> Self {
        self.as_ref().to_owned()
    }
}

impl<T: Element> Default for Mat<T> {
    /// The 0 × 0 matrix.
    fn default() -> Self {
        Self::zeros(0, 0)
    }
}

impl<T: Element> PartialEq for Mat<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.as_slice() == other.as_slice()
    }
}

impl<T: Element> fmt::Debug for Mat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<T: Element> Index<(usize, usize)> for Mat<T> {
    type Output = T;

    fn index(&self, (i, j): (usize, usize)) -> &T {
        &self.row(i)[j]
    }
}

impl<T: Element> IndexMut<(usize, usize)> for Mat<T> {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut T {
        &mut self.row_mut(i)[j]
    }
}
