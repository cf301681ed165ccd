//! Matrices: [`Mat`] owns its elements, [`MatRef`] and [`MatMut`] are checked
//! strided views of somebody else's.
//!
//! Element (i, j) of a view lies at `data[i·row_stride + j·col_stride]`. A
//! transpose swaps shape and strides and copies nothing.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut, Range};
use std::ptr::NonNull;

use crate::error::Error;

/// Alignment of a [`Mat`] in bytes: a cache line, and an AVX-512 register.
pub const ALIGNMENT: usize = 64;

/// A number that a matrix may hold: `f32`, `f64` or `u8`.
///
/// Sealed: all zero bits must be a valid value, and no destructor may run.
pub trait Element:
    Copy + Default + PartialEq + fmt::Debug + Send + Sync + sealed::Sealed + 'static
{
}
impl Element for f32 {}
impl Element for f64 {}
impl Element for u8 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
}

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
    /// If the size overflows; see [`Mat::try_zeros`].
    pub fn zeros(rows: usize, cols: usize) -> Self {
        match Self::try_zeros(rows, cols) {
            Ok(mat) => mat,
            Err(error) => panic!("{error}"),
        }
    }

    /// A matrix of zeros.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the size in bytes overflows `isize`.
    pub fn try_zeros(rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Self::layout(rows, cols).ok_or(Error::TooLarge {
            shape: (rows, cols),
        })?;
        let data = if layout.size() == 0 {
            // SAFETY: ALIGNMENT is not 0.
            unsafe { NonNull::new_unchecked(std::ptr::without_provenance_mut(ALIGNMENT)) }
        } else {
            // SAFETY: the layout's size is not 0.
            let data = unsafe { alloc_zeroed(layout) };
            NonNull::new(data.cast()).unwrap_or_else(|| handle_alloc_error(layout))
        };
        Ok(Mat { data, rows, cols })
    }

    /// A copy of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] unless `data.len() == rows · cols`.
    pub fn from_slice(rows: usize, cols: usize, data: &[T]) -> Result<Self, Error> {
        let mut mat = Self::try_zeros(rows, cols)?;
        crate::error::check_length("data", data.len(), rows * cols)?;
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
        // SAFETY: `data` points to rows · cols initialised elements (zeroed at
        // allocation), or is aligned and dangling where there are none; they
        // live as long as `self` and are not written while it is borrowed.
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
        MatRef {
            data: self.data.as_ptr(),
            rows: self.rows,
            cols: self.cols,
            row_stride: self.cols,
            col_stride: 1,
            lifetime: PhantomData,
        }
    }

    /// A mutable view of the whole.
    pub fn as_mut(&mut self) -> MatMut<'_, T> {
        MatMut {
            data: self.data.as_ptr(),
            rows: self.rows,
            cols: self.cols,
            row_stride: self.cols,
            col_stride: 1,
            lifetime: PhantomData,
        }
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

/// A shared strided view.
#[derive(Clone, Copy)]
pub struct MatRef<'a, T: Element> {
    // Every index in range reaches an element that is readable for 'a.
    data: *const T,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
    lifetime: PhantomData<&'a [T]>,
}

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

// SAFETY: a `MatRef` is a `&[T]` with a shape, and `T` is Sync.
unsafe impl<T: Element> Send for MatRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Element> Sync for MatRef<'_, T> {}
// SAFETY: a `MatMut` is a `&mut [T]` with a shape, and `T` is Send.
unsafe impl<T: Element> Send for MatMut<'_, T> {}
// SAFETY: a shared `MatMut` gives shared access only, and `T` is Sync.
unsafe impl<T: Element> Sync for MatMut<'_, T> {}

/// Elements that a slice must have for the view: one more than the largest
/// index; `None` on overflow.
fn elements_needed(
    (rows, cols): (usize, usize),
    (row_stride, col_stride): (usize, usize),
) -> Option<usize> {
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    let last_row = (rows - 1).checked_mul(row_stride)?;
    let last_col = (cols - 1).checked_mul(col_stride)?;
    last_row.checked_add(last_col)?.checked_add(1)
}

fn check_bounds(given: usize, shape: (usize, usize), strides: (usize, usize)) -> Result<(), Error> {
    let needed = elements_needed(shape, strides).ok_or(Error::TooLarge { shape })?;
    if needed <= given {
        Ok(())
    } else {
        Err(Error::TooShort {
            given,
            needed,
            shape,
            strides,
        })
    }
}

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

impl<'a, T: Element> MatRef<'a, T> {
    /// A row-major view of exactly `rows · cols` elements or more.
    ///
    /// # Errors
    /// The slice is too short.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Result<Self, Error> {
        Self::with_strides(data, rows, cols, cols, 1)
    }

    /// A view with any strides; a stride of 0 repeats.
    ///
    /// # Errors
    /// An index would lie outside of the slice.
    pub fn with_strides(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, Error> {
        check_bounds(data.len(), (rows, cols), (row_stride, col_stride))?;
        Ok(MatRef {
            data: data.as_ptr(),
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
    /// Every index in range reaches an element that is readable, and written
    /// by nobody, during 'a.
    pub(crate) unsafe fn from_raw_parts(
        data: *const T,
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Self {
        MatRef {
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
    pub fn as_ptr(&self) -> *const T {
        self.data
    }

    /// Element (i, j).
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn get(&self, i: usize, j: usize) -> T {
        assert!(
            i < self.rows && j < self.cols,
            "({i}, {j}) is outside of a {} × {} matrix",
            self.rows,
            self.cols
        );
        // SAFETY: the index is in range, so the element is readable.
        unsafe { *self.data.add(i * self.row_stride + j * self.col_stride) }
    }

    /// Row `i` as a slice, if its elements are neighbours in memory.
    pub fn row(&self, i: usize) -> Option<&'a [T]> {
        if i >= self.rows || (self.col_stride != 1 && self.cols > 1) {
            return None;
        }
        if self.cols == 0 {
            return Some(&[]);
        }
        // SAFETY: the elements (i, 0) … (i, cols − 1) are in range and follow
        // each other, since col_stride is 1 or there is only one; none is
        // written during 'a.
        Some(unsafe { std::slice::from_raw_parts(self.data.add(i * self.row_stride), self.cols) })
    }

    /// All elements as one row-major slice, if they lie so in memory.
    pub fn as_slice(&self) -> Option<&'a [T]> {
        let rows_follow = self.row_stride == self.cols || self.rows <= 1;
        let cols_follow = self.col_stride == 1 || self.cols <= 1;
        if self.rows == 0 || self.cols == 0 {
            return Some(&[]);
        }
        // SAFETY: the strides are those of a row-major matrix, so the indices
        // in range are exactly rows · cols neighbours.
        (rows_follow && cols_follow)
            .then(|| unsafe { std::slice::from_raw_parts(self.data, self.rows * self.cols) })
    }

    /// The transpose; copies nothing.
    pub fn transpose(self) -> Self {
        MatRef {
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
        check_ranges(self.shape(), &rows, &cols);
        let (row, col) = (rows.start, cols.start);
        let empty = rows.is_empty() || cols.is_empty();
        MatRef {
            data: if empty {
                self.data
            } else {
                // SAFETY: element (row, col) is in range.
                unsafe { self.data.add(row * self.row_stride + col * self.col_stride) }
            },
            rows: rows.len(),
            cols: cols.len(),
            ..self
        }
    }

    /// A row-major copy.
    pub fn to_owned(&self) -> Mat<T> {
        let mut mat = Mat::zeros(self.rows, self.cols);
        mat.as_mut().copy_from(*self);
        mat
    }
}

fn check_ranges(shape: (usize, usize), rows: &Range<usize>, cols: &Range<usize>) {
    assert!(
        rows.start <= rows.end
            && rows.end <= shape.0
            && cols.start <= cols.end
            && cols.end <= shape.1,
        "rows {rows:?} and columns {cols:?} reach outside of a {} × {} matrix",
        shape.0,
        shape.1
    );
}

impl<T: Element> fmt::Debug for MatRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} × {}", self.rows, self.cols)?;
        let mut list = f.debug_list();
        for i in 0..self.rows.min(8) {
            let row: Vec<T> = (0..self.cols.min(8)).map(|j| self.get(i, j)).collect();
            list.entry(&row);
        }
        list.finish()
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
        MatRef {
            data: self.data,
            rows: self.rows,
            cols: self.cols,
            row_stride: self.row_stride,
            col_stride: self.col_stride,
            lifetime: PhantomData,
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
        let (data, rows, cols) = (view.data.cast_mut(), view.rows, view.cols);
        MatMut {
            data,
            rows,
            cols,
            ..self
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_reach_the_elements_they_name() {
        let data: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let view = MatRef::with_strides(&data, 3, 4, 7, 2).unwrap();
        assert_eq!(view.get(2, 3), 20.0);
        assert_eq!(view.transpose().get(3, 2), 20.0);
        assert_eq!(view.submatrix(1..3, 2..4).get(1, 1), 20.0);
        assert_eq!(view.row(0), None);
        assert_eq!(view.to_owned().as_slice()[11], 20.0);
        assert_eq!(MatRef::new(&data, 4, 6).unwrap().row(1).unwrap()[0], 6.0);
    }

    #[test]
    fn a_view_that_reaches_outside_is_an_error() {
        let mut data = vec![0f32; 10];
        assert!(MatRef::with_strides(&data, 2, 3, 8, 1).is_err());
        assert!(MatRef::with_strides(&data, usize::MAX, 2, usize::MAX, 1).is_err());
        assert!(MatRef::with_strides(&data, 2, 3, 7, 1).is_ok());
        assert!(MatRef::with_strides(&data, 0, usize::MAX, 1, 1).is_ok());
        assert!(MatMut::new(&mut data, 2, 6).is_err());
    }

    #[test]
    fn a_mutable_view_that_overlaps_itself_is_an_error() {
        let mut data = vec![0f32; 100];
        for (rows, cols, row, col, ok) in [
            (3, 4, 4, 1, true),
            (3, 4, 1, 3, true),
            (3, 4, 3, 1, false),
            (3, 4, 0, 1, false),
            (3, 1, 0, 1, false),
            (1, 4, 0, 1, true),
            (3, 1, 1, 0, true),
            (2, 2, 1, 1, false),
        ] {
            let view = MatMut::with_strides(&mut data, rows, cols, row, col);
            assert_eq!(view.is_ok(), ok, "{rows} × {cols}, strides {row}, {col}");
        }
    }

    #[test]
    fn halves_of_a_split_are_disjoint_and_complete() {
        let mut mat = Mat::<f32>::zeros(5, 3);
        let (mut top, mut bottom) = mat.as_mut().split_at_row(2);
        top.fill(1.0);
        bottom.fill(2.0);
        assert_eq!(
            mat.as_slice(),
            [[1.0; 3].as_slice().repeat(2), [2.0; 9].to_vec()].concat()
        );
        assert_eq!(mat.as_slice().as_ptr() as usize % ALIGNMENT, 0);
    }

    #[test]
    fn a_size_that_overflows_is_an_error() {
        assert!(Mat::<f32>::try_zeros(usize::MAX, 2).is_err());
        assert!(Mat::<f32>::try_zeros(usize::MAX / 8, 1).is_err());
        assert_eq!(Mat::<f32>::zeros(0, 7).as_slice(), &[] as &[f32]);
    }
}
