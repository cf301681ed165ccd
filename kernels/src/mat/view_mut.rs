//! [`MatMut`]: an exclusive view, and what keeps its elements apart.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use super::view::check_bounds;
use super::{Element, MatRef};
use crate::error::Error;

/// An exclusive strided view. No element is reached by two indices.
pub struct MatMut<'a, T: Element> {
    // Every index in range reaches an element of its own that is readable and
    // writable for 'a by nobody else.
    data: *mut T,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: a `MatMut` is a `&mut [T]` with a shape, and `T` is Send.
unsafe impl<T: Element> Send for MatMut<'_, T> {}
// SAFETY: a shared `MatMut` gives shared access only, and `T` is Sync.
unsafe impl<T: Element> Sync for MatMut<'_, T> {}

/// Two indices reach one element if one dimension's steps fit between the
/// other's. The test is sufficient, not necessary: interleavings such as
/// strides (2, 3) are refused although some of them are free of overlap.
fn check_distinct(shape: (usize, usize), strides: (usize, usize)) -> Result<(), Error> {
    let ((rows, cols), (row, col)) = (shape, strides);
    // `check_bounds` has shown that these products do not overflow.
    let rows_apart = rows <= 1 || (cols >= 1 && row > (cols - 1) * col);
    let cols_apart = cols <= 1 || (rows >= 1 && col > (rows - 1) * row);
    let steps = (rows <= 1 || row > 0) && (cols <= 1 || col > 0);
    if rows == 0 || cols == 0 || (steps && (rows_apart || cols_apart)) {
        Ok(())
    } else {
        Err(Error::Overlap { shape, strides })
    }
}

impl<'a, T: Element> MatMut<'a, T> {
    /// A row-major view of the first `rows · cols` elements.
    ///
    /// # Errors
    /// The slice is too short.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, Error> {
        Self::with_strides(data, rows, cols, cols, 1)
    }

    /// A view with any strides that reach each element once.
    ///
    /// # Errors
    /// An index would lie outside of the slice, or two indices would reach one
    /// element.
    pub fn with_strides(
        data: &'a mut [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, Error> {
        check_bounds(data.len(), (rows, cols), (row_stride, col_stride))?;
        check_distinct((rows, cols), (row_stride, col_stride))?;
        Ok(MatMut {
            data: data.as_mut_ptr(),
            rows,
            cols,
            row_stride,
            col_stride,
            lifetime: PhantomData,
        })
    }

    /// A view from its parts.
    ///
    /// # Safety
    /// Every index in range reaches an element of its own that nobody else
    /// reads or writes during 'a.
    pub(crate) unsafe fn from_raw_parts(
        data: *mut T,
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Self {
        MatMut {
            data,
            rows,
            cols,
            row_stride,
            col_stride,
            lifetime: PhantomData,
        }
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

    /// Elements from one row to the next.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Elements from one column to the next.
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// Element (0, 0); dangling where there is none.
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.data
    }

    /// A shared view of the same elements.
    pub fn as_ref(&self) -> MatRef<'_, T> {
        // SAFETY: the elements are readable while `self` is borrowed.
        unsafe {
            MatRef::from_raw_parts(
                self.data,
                self.rows,
                self.cols,
                self.row_stride,
                self.col_stride,
            )
        }
    }

    /// A mutable view of the same elements with a shorter life.
    pub fn as_mut(&mut self) -> MatMut<'_, T> {
        MatMut {
            lifetime: PhantomData,
            ..*self
        }
    }

    /// Sets element (i, j).
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn set(&mut self, i: usize, j: usize, value: T) {
        assert!(
            i < self.rows && j < self.cols,
            "({i}, {j}) is outside of a {} × {} matrix",
            self.rows,
            self.cols
        );
        // SAFETY: the index is in range, so the element is writable.
        unsafe { *self.data.add(i * self.row_stride + j * self.col_stride) = value }
    }

    /// Row `i` as a slice, if its elements are neighbours in memory.
    pub fn row_mut(&mut self, i: usize) -> Option<&mut [T]> {
        if i >= self.rows || (self.col_stride != 1 && self.cols > 1) {
            return None;
        }
        if self.cols == 0 {
            return Some(&mut []);
        }
        // SAFETY: as in `MatRef::row`; `&mut self` makes the access exclusive.
        Some(unsafe {
            std::slice::from_raw_parts_mut(self.data.add(i * self.row_stride), self.cols)
        })
    }

    /// The transpose; copies nothing.
    pub fn transpose(self) -> Self {
        MatMut {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            lifetime: PhantomData,
        }
    }

    /// Rows and columns in the given ranges.
    ///
    /// # Panics
    /// If a range reaches outside of the matrix.
    pub fn submatrix(self, rows: Range<usize>, cols: Range<usize>) -> Self {
        let view = self.as_ref().submatrix(rows, cols);
        let (data, rows, cols) = (view.as_ptr().cast_mut(), view.rows(), view.cols());
        MatMut {
            data,
            rows,
            cols,
            ..self
        }
    }

    /// Each row of n·c columns as n rows of c columns, under the conditions of
    /// [`MatRef::folded`].
    pub fn folded(self, n: usize) -> Option<Self> {
        // The same elements, each still reached by one index.
        let view = self.as_ref().folded(n)?;
        let (rows, cols) = view.shape();
        let (row_stride, col_stride) = (view.row_stride(), view.col_stride());
        Some(MatMut {
            rows,
            cols,
            row_stride,
            col_stride,
            ..self
        })
    }

    /// The rows before `row` and those from it on.
    ///
    /// # Panics
    /// If `row > rows`.
    pub fn split_at_row(mut self, row: usize) -> (Self, Self) {
        let (rows, cols) = self.shape();
        // Both halves are views of elements that `self` held exclusively; they
        // share none, since no element is reached by two indices.
        let second = MatMut {
            lifetime: PhantomData,
            ..self.as_mut().submatrix(row..rows, 0..cols)
        };
        (self.submatrix(0..row, 0..cols), second)
    }

    /// Sets every element.
    pub fn fill(&mut self, value: T) {
        if self.cols == 0 {
            return;
        }
        for i in 0..self.rows {
            match self.row_mut(i) {
                Some(row) => row.fill(value),
                None => (0..self.cols).for_each(|j| self.set(i, j, value)),
            }
        }
    }

    /// Copies the elements of `from`.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn copy_from(&mut self, from: MatRef<'_, T>) {
        assert_eq!(self.shape(), from.shape(), "shapes differ");
        if self.cols == 0 {
            return;
        }
        for i in 0..self.rows {
            match (self.row_mut(i), from.row(i)) {
                (Some(to), Some(from)) => to.copy_from_slice(from),
                _ => (0..self.cols).for_each(|j| self.set(i, j, from.get(i, j))),
            }
        }
    }
}

impl<T: Element> fmt::Debug for MatMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}
