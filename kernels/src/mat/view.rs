//! [`MatRef`]: a shared view, and what keeps views inside of their slices.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use super::{Element, Mat};
use crate::error::Error;
use crate::extent::Extent;

/// A shared strided view.
#[derive(Clone, Copy)]
pub struct MatRef<'a, T: Element> {
    // Every index in range reaches an element that is readable for 'a. `panels`, if
    // any, are those of a matrix of this shape, packed for their tiling, and
    // readable for 'a.
    data: *const T,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
    skips_zeros: bool,
    panels: Option<PanelsRef<T>>,
    lifetime: PhantomData<&'a [T]>,
}

/// A packed copy of a matrix as the right operand of products: the panel that
/// begins with column j lies j · rows elements from `data`.
#[derive(Clone, Copy)]
pub(crate) struct PanelsRef<T> {
    pub(crate) data: *const T,
    pub(crate) tiling: Tiling,
    pub(crate) extent: Extent,
}

/// What panels depend on of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Columns of a tile.
    pub(crate) width: usize,
    /// Elements of a vector, to a multiple of which the last panel is made up.
    pub(crate) lanes: usize,
}

// SAFETY: a `MatRef` is a `&[T]` with a shape, perhaps with another `&[T]` of its
// panels, and `T` is Sync.
unsafe impl<T: Element> Send for MatRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Element> Sync for MatRef<'_, T> {}

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

pub(super) fn check_bounds(
    given: usize,
    shape: (usize, usize),
    strides: (usize, usize),
) -> Result<(), Error> {
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
            skips_zeros: false,
            panels: None,
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
            skips_zeros: false,
            panels: None,
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
            panels: None,
            ..self
        }
    }

    /// The same view of a matrix that may be full of zeros, such as images on a
    /// black ground: products whose left operand it is, or a gradient Xᵀ·δ whose
    /// X it is, may leave out multiplications with 0. A hint: zeros have to
    /// meet in neighbouring rows, and whether looking for them pays is decided by
    /// a sample.
    ///
    /// It changes no finite result but for the sign of a zero. An ∞ or NaN on the
    /// other side may go unnoticed where it only ever meets zeros.
    #[must_use]
    pub fn skip_zeros(self) -> Self {
        MatRef {
            skips_zeros: true,
            ..self
        }
    }

    /// Whether multiplications with zeros may be left out.
    pub(crate) fn skips_zeros(&self) -> bool {
        self.skips_zeros
    }

    /// The same view with a packed copy.
    ///
    /// # Safety
    /// The panels are those of a matrix of this shape, packed for their tiling, and
    /// readable, and written by nobody, during 'a.
    pub(crate) unsafe fn with_panels_ref(self, panels: Option<PanelsRef<T>>) -> Self {
        MatRef { panels, ..self }
    }

    /// Its packed copy.
    pub(crate) fn panels(&self) -> Option<PanelsRef<T>> {
        self.panels
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
            panels: None,
            ..self
        }
    }

    /// Each row of n·c columns as n rows of c columns, (rows·n) × c, in the same memory:
    /// row i·n + k holds the columns k·c … (k + 1)·c of row i. Nothing is copied.
    ///
    /// `None` unless n is at least 1 and divides the number of columns, the columns are
    /// contiguous, and the rows follow each other without a gap. One row has no gaps,
    /// and neither has a view without elements.
    ///
    /// ```
    /// use autoencoder_kernels::MatRef;
    ///
    /// let data = [0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    /// let steps = MatRef::new(&data, 2, 4)?.folded(2).expect("rows without gaps");
    /// assert_eq!(steps.shape(), (4, 2));
    /// assert_eq!(steps.row(1), Some(&[2.0, 3.0][..]));
    /// # Ok::<(), autoencoder_kernels::Error>(())
    /// ```
    pub fn folded(self, n: usize) -> Option<Self> {
        if n == 0 || !self.cols.is_multiple_of(n) {
            return None;
        }
        let rows = self.rows.checked_mul(n)?;
        let cols = self.cols / n;
        // Without gaps the elements are one slice, which is read again in another shape.
        self.as_slice()?;
        Some(MatRef {
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
            panels: None,
            ..self
        })
    }

    /// A row-major copy.
    ///
    /// # Panics
    /// If there is no memory for it, as where strides of 0 repeat a few elements
    /// without end.
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
