//! Columns of C that are too few to fill a vector: rows lie along the lanes
//! instead.
//!
//! A vector of one column's results takes a multiply-add for each *vector* of rows,
//! where a tile of one column takes one for each row. Its elements of A have to be
//! transposed, in registers, which a few columns pay back.

use std::ops::Range;

use super::epilogue::{Epilogue, MAX_PANEL, MAX_PANEL_VECTORS, Panel, Sink, Store};
use super::tile::opaque;
use crate::extent::Extent;
use crate::mat::Element;
use crate::simd::{MAX_LANES, Registers, SQUARE};
use crate::tuning::NARROW;

/// Vectors of rows that are computed at once: the chain of multiply-adds of each
/// fills the time that the others wait for theirs.
const GROUPS: usize = 3;

// An operation takes a vector of as many rows, and a panel has room for them.
const _: () = assert!(GROUPS * MAX_LANES <= MAX_PANEL_VECTORS);
const _: () = assert!(GROUPS * MAX_LANES * MAX_LANES <= MAX_PANEL);

/// Rows that are computed at once.
pub(super) const fn rows_at_once(lanes: usize) -> usize {
    GROUPS * lanes
}

/// Copies `cols` columns of B, `k` rows of them, row after row, so that they lie in
/// few cache lines.
///
/// # Safety
/// They are readable, with these strides from row to row and from column to column;
/// `to` holds as many elements and overlaps none of them.
pub(super) unsafe fn copy_columns<T: Element>(
    mut b: *const T,
    (row, col): (isize, isize),
    (k, cols): (usize, usize),
    mut to: *mut T,
) {
    for _ in 0..k {
        for j in 0..cols {
            // SAFETY: the caller's contract.
            unsafe { to.add(j).write(b.offset(j as isize * col).read()) };
        }
        (b, to) = (b.wrapping_offset(row), to.wrapping_add(cols));
    }
}

/// A strip of C: rows × cols, at most [`rows_at_once`] and [`NARROW`].
pub(super) struct Strip<T> {
    /// Length of the sums.
    pub(super) k: usize,
    /// A\[0, 0\] of the strip; neighbours from p to p + 1.
    pub(super) a: *const T,
    /// Stride of A from row to row.
    pub(super) a_row: isize,
    /// B's columns of the strip, row after row.
    pub(super) b: *const T,
    /// Position in C.
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) a_extent: Extent,
}

/// Computes a strip and gives it to the sink, by way of `room`.
///
/// # Safety
/// 1. `1 ≤ rows ≤ rows_at_once(S::LANES)`, `1 ≤ cols ≤ NARROW`.
/// 2. A is readable at every (i < rows, p < k), and B's copy at (p < k, j < cols).
/// 3. `room` holds rows · LANES elements of the caller's own.
/// 4. What the sink asks for a tile of the strip's place and size.
#[inline(never)]
pub(super) unsafe fn compute<T: Element, S: Registers<T>>(
    s: S,
    strip: &Strip<T>,
    sink: Sink<'_, T>,
    room: *mut T,
) {
    const { assert!(NARROW <= S::LANES) };
    let shape = (strip.rows, strip.k);
    strip.a_extent.check(strip.a, shape, (strip.a_row, 1));
    s.vectorize(
        #[inline(always)]
        || {
            // SAFETY: the caller's contract; the number of columns is `cols`.
            unsafe {
                match strip.cols {
                    1 => accumulate::<T, S, 1>(s, strip, room),
                    2 => accumulate::<T, S, 2>(s, strip, room),
                    cols => debug_assert!(false, "a strip of {cols} columns"),
                }
                if let Sink::Store(store) = sink {
                    store_rows(s, strip, &store, room);
                }
            }
        },
    );
    if let Sink::Operation(operation) = sink {
        // SAFETY: premise 4; the room holds the strip.
        unsafe {
            operation.apply(Panel {
                data: room,
                stride: S::LANES,
                row: strip.row,
                col: strip.col,
                rows: strip.rows,
                cols: strip.cols,
            });
        }
    }
}

/// Writes element (i, j) of the strip to `room[i · LANES + j]`, and zeros beside it.
///
/// # Safety
/// As [`compute`], with `cols = N`.
#[inline(always)]
unsafe fn accumulate<T: Element, S: Registers<T>, const N: usize>(
    s: S,
    strip: &Strip<T>,
    room: *mut T,
) {
    const { assert!(N <= S::LANES && S::LANES <= MAX_LANES) };
    let groups = strip.rows.div_ceil(S::LANES);
    // Rows of a group, from the strip's first row.
    let group_rows = |group: usize| {
        let first = group * S::LANES;
        first..strip.rows.min(first + S::LANES)
    };
    let whole = strip.k / SQUARE * SQUARE;
    let mut acc = [[s.splat(T::default()); N]; GROUPS];
    // SAFETY: premise 2; as many rows as there are.
    unsafe {
        if strip.rows == rows_at_once(S::LANES) {
            for p in (0..whole).step_by(SQUARE) {
                // Written out: these accumulators are to stay in registers.
                let [first, second, third] = &mut acc;
                add_group(s, first, strip, 0..S::LANES, p);
                add_group(s, second, strip, S::LANES..2 * S::LANES, p);
                add_group(s, third, strip, 2 * S::LANES..3 * S::LANES, p);
            }
        } else {
            for p in (0..whole).step_by(SQUARE) {
                for (group, acc) in acc.iter_mut().enumerate().take(groups) {
                    add_group(s, acc, strip, group_rows(group), p);
                }
            }
        }
    }
    for (group, mut acc) in acc.into_iter().enumerate().take(groups) {
        let rows = group_rows(group);
        if whole < strip.k {
            let mut rest = [T::default(); MAX_LANES * SQUARE];
            for (i, rest) in rows.clone().zip(rest.chunks_exact_mut(SQUARE)) {
                for (p, x) in (whole..strip.k).zip(rest) {
                    // SAFETY: premise 2: i < rows, p < k.
                    *x = unsafe { strip.a.offset(i as isize * strip.a_row).add(p).read() };
                }
            }
            // SAFETY: MAX_LANES rows of SQUARE elements.
            unsafe {
                let columns = s.load_columns(rest.as_ptr(), SQUARE as isize, S::LANES);
                add_products(s, &mut acc, columns, strip, whole..strip.k);
            }
        }
        let mut columns = [[T::default(); MAX_LANES]; N];
        for (column, acc) in columns.iter_mut().zip(acc) {
            // SAFETY: there are LANES elements.
            unsafe { s.store(column.as_mut_ptr(), acc) };
        }
        for (lane, i) in rows.enumerate() {
            // SAFETY: premise 3: LANES elements of row i.
            unsafe {
                let to = room.add(i * S::LANES);
                s.store(to, s.splat(T::default()));
                for (j, column) in columns.iter().enumerate() {
                    to.add(j).write(column[lane]);
                }
            }
        }
    }
}

/// Adds the products of SQUARE p from `p` on to the sums of some rows.
///
/// # Safety
/// As [`compute`], for 1 to LANES of its rows, and p + SQUARE ≤ k.
#[inline(always)]
unsafe fn add_group<T: Element, S: Registers<T>, const N: usize>(
    s: S,
    acc: &mut [S::Vector; N],
    strip: &Strip<T>,
    rows: Range<usize>,
    p: usize,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let a = strip.a.offset(rows.start as isize * strip.a_row).add(p);
        let columns = s.load_columns(a, strip.a_row, rows.len());
        add_products(s, acc, columns, strip, p..p + SQUARE);
    }
}

/// Adds the products of A's columns at these p, at most as many as there are.
///
/// # Safety
/// B is readable at every one of the p and column below N.
#[inline(always)]
unsafe fn add_products<T: Element, S: Registers<T>, const N: usize>(
    s: S,
    acc: &mut [S::Vector; N],
    columns: [S::Vector; SQUARE],
    strip: &Strip<T>,
    p: Range<usize>,
) {
    // Else the compiler keeps B's elements for the next rows, in registers that it
    // does not have.
    let b = opaque(strip.b.wrapping_add(p.start * N));
    for (p, column) in columns.into_iter().enumerate().take(p.len()) {
        for (j, acc) in acc.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            let b = unsafe { b.add(p * N + j).read() };
            *acc = s.mul_add(column, s.splat(b), *acc);
        }
    }
}

/// Gives the rows in the room to the epilogue that writes C.
///
/// # Safety
/// As [`compute`]; the room holds the strip.
#[inline(always)]
unsafe fn store_rows<T: Element, S: Registers<T>>(
    s: S,
    strip: &Strip<T>,
    store: &Store<T>,
    room: *const T,
) where
    Store<T>: Epilogue<T, S>,
{
    for i in 0..strip.rows {
        // SAFETY: LANES elements of row i, which go to row i of the strip.
        unsafe {
            let row = s.load(room.add(i * S::LANES));
            store.finish(s, [[row]], strip.row + i, strip.col, strip.cols);
        }
    }
}
