//! Packing: copies of A and B that the micro-kernel reads without missing the caches.
//!
//! A panel of B holds the columns of one tile, `[p][j]`, padded with zeros to whole
//! vectors. A panel of A holds the rows of one tile: where their p are neighbours in
//! memory, as they are, but at another distance ([`row_stride`]); else `[p][i]`.

use crate::mat::Element;
use crate::simd::Registers;
use crate::transpose::transpose_lines;

/// How the rows of a packed A lie.
#[derive(Clone, Copy)]
pub(crate) struct PackedRows {
    /// Elements of a row.
    k: usize,
    /// Elements that each takes: with `[p][i]`, k.
    pub(crate) len: usize,
    /// Whether they are copied as they are.
    as_they_are: bool,
}

impl PackedRows {
    /// Those of `k` elements of a matrix with these strides.
    pub(crate) fn new<T>((_, step): (isize, isize), k: usize) -> Self {
        let as_they_are = step == 1;
        PackedRows {
            k,
            len: if as_they_are { row_stride::<T>(k) } else { k },
            as_they_are,
        }
    }

    /// The strides of a panel of so many.
    pub(crate) fn strides(self, rows: usize) -> (isize, isize) {
        if self.as_they_are {
            (self.len as isize, 1)
        } else {
            (1, rows as isize)
        }
    }

    /// Writes a panel of `rows` rows.
    ///
    /// # Safety
    /// There is at least one row. `from`, whose strides are those of the matrix, is
    /// readable at every (i < rows, p < k); `to` holds rows · len elements and overlaps
    /// nothing that is read.
    #[inline(always)]
    pub(crate) unsafe fn pack<T: Element, S: Registers<T>>(
        self,
        s: S,
        from: *const T,
        strides: (isize, isize),
        rows: usize,
        to: *mut T,
    ) {
        if !self.as_they_are {
            // SAFETY: the caller's contract.
            return unsafe { pack_panel(s, from, strides, rows, self.k, to, rows) };
        }
        for i in 0..rows {
            // SAFETY: the row's elements are neighbours, and k ≤ len.
            unsafe {
                let from = from.offset(i as isize * strides.0);
                from.copy_to_nonoverlapping(to.add(i * self.len), self.k);
            }
        }
    }
}

/// From row to row of those that are copied as they are: an odd number of cache lines,
/// so that the rows of a tile are in different sets of the caches.
pub(crate) const fn row_stride<T>(k: usize) -> usize {
    let lines = (k * size_of::<T>()).div_ceil(LINE) | 1;
    lines * LINE / size_of::<T>()
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// Copies `k × lines` elements to `to[p · width + i]` and fills
/// `i = lines .. width` with zeros. `from` has the strides (from line to line,
/// from p to p + 1).
///
/// # Safety
/// 1. `from` is readable at every (i < lines, p < k); `to` holds k · width
///    elements and overlaps nothing that is read.
/// 2. `1 ≤ lines ≤ width`, and `width` is at most `lines` made up to whole
///    vectors.
#[inline(always)]
pub(crate) unsafe fn pack_panel<T: Element, S: Registers<T>>(
    s: S,
    from: *const T,
    (line, step): (isize, isize),
    lines: usize,
    k: usize,
    to: *mut T,
    width: usize,
) {
    if line == 1 {
        // The last vector of a step: read by mask, so that what is beyond is 0,
        // and written as far as the panel reaches.
        let full = (lines - 1) / S::LANES * S::LANES;
        let (read, written) = (s.first_lanes(lines - full), s.first_lanes(width - full));
        let whole = lines - full == S::LANES;
        for p in 0..k {
            // SAFETY: a step holds `lines` neighbours, of which `read` are left
            // after `full`; p · width + width ≤ k · width, and `written` lanes
            // of one vector are left, by premise 2.
            unsafe {
                let from = from.offset(p as isize * step);
                let to = to.add(p * width);
                for i in (0..full).step_by(S::LANES) {
                    s.store(to.add(i), s.load(from.add(i)));
                }
                if whole {
                    s.store(to.add(full), s.load(from.add(full)));
                } else {
                    let last = s.load_masked(from.add(full), read);
                    s.store_masked(to.add(full), last, written);
                }
            }
        }
        return;
    }
    if step == 1 {
        // SAFETY: (i, p) goes to p · width + i.
        unsafe { transpose_lines(s, from, line, (lines, k), to, (width as isize, 1)) };
    } else {
        for p in 0..k {
            for i in 0..lines {
                // SAFETY: i < lines and p < k.
                unsafe {
                    let x = from.offset(i as isize * line + p as isize * step).read();
                    to.add(p * width + i).write(x);
                }
            }
        }
    }
    for p in 0..k {
        for i in lines..width {
            // SAFETY: p < k and i < width.
            unsafe { to.add(p * width + i).write(T::default()) };
        }
    }
}
