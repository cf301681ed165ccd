//! Products with one or two columns, m × k × 1 or 2: the rows of C lie along the lanes.
//!
//! A vector of one column's results takes a multiply-add for each *vector* of rows,
//! where a tile of one column takes one for each row. Its elements of A have to be
//! transposed, in registers, which a few columns pay back.

use std::ops::Range;

use super::epilogue::{MAX_PANEL, MAX_PANEL_VECTORS, Panel, Room, Sink};
use super::plan::{share, tasks_for};
use super::term::Term;
use super::tile::opaque;
use crate::extent::Extent;
use crate::mat::Element;
use crate::parallel::{Parallelism, Shared, for_each};
use crate::simd::{MAX_LANES, Registers, SQUARE};
use crate::tuning::{GEMV_COLS, GEMV_ROWS, MAX_K};
use crate::workspace::with_buffer;

/// Vectors of rows that are computed at once: the chain of multiply-adds of each
/// fills the time that the others wait for theirs.
const GROUPS: usize = 3;

// An operation takes a vector of as many rows, and a panel has room for them.
const _: () = assert!(GROUPS * MAX_LANES <= MAX_PANEL_VECTORS);
const _: () = assert!(GROUPS * MAX_LANES * MAX_LANES <= MAX_PANEL);

/// Rows that are computed at once.
const fn rows_at_once(lanes: usize) -> usize {
    GROUPS * lanes
}

/// Whether a product is computed here: rows of A are read as they are.
pub(super) fn is_gemv<T>((m, n): (usize, usize), terms: &[Term<T>]) -> bool {
    let [term] = terms else { return false };
    n <= GEMV_COLS
        && m >= GEMV_ROWS
        && term.k <= MAX_K
        && term.a_strides.1 == 1
        && !term.skips_zeros
}

/// Computes the product strip by strip.
///
/// # Safety
/// As [`multiply`](super::blocked::multiply), for a product that [`is_gemv`].
pub(super) unsafe fn multiply<T: Element, S: Registers<T>>(
    s: S,
    (m, n): (usize, usize),
    term: &Term<T>,
    sink: Sink<'_, T>,
    parallelism: Parallelism,
) {
    with_buffer(n * term.k, |b: &mut [T]| {
        term.b_extent.check(term.b, (term.k, n), term.b_strides);
        // SAFETY: B is readable there, and the buffer is another memory.
        unsafe { copy_columns(term.b, term.b_strides, (term.k, n), b.as_mut_ptr()) };
        let b = Shared::new(b.as_mut_ptr());
        let height = rows_at_once(S::LANES);
        let strips = m.div_ceil(height);
        let tasks = tasks_for((m, n), term.k).min(strips);
        for_each(parallelism, tasks, |task| {
            let mut room = Room::new();
            for strip in share(strips, tasks, task) {
                let row = strip * height;
                let strip = Strip {
                    k: term.k,
                    a: term.a.wrapping_offset(row as isize * term.a_strides.0),
                    a_row: term.a_strides.0,
                    b: b.get(),
                    row,
                    rows: height.min(m - row),
                    cols: n,
                    a_extent: term.a_extent,
                };
                room.extent()
                    .check_slice(room.data::<T>(), strip.rows * S::LANES);
                // SAFETY: 1. at least one row is left, at most `height` are taken, and n is
                // at most GEMV_COLS; 2. the operands are the caller's A, contiguous along
                // its rows, and the copy of B; 3. the room is as large as the largest
                // panel; 4. each strip belongs to one task, and comes once.
                unsafe { compute(s, &strip, sink, room.data()) };
            }
        });
    });
}

/// Copies `cols` columns of B, `k` rows of them, row after row, so that they lie in
/// few cache lines.
///
/// # Safety
/// They are readable, with these strides from row to row and from column to column;
/// `to` holds as many elements and overlaps none of them.
unsafe fn copy_columns<T: Element>(
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

/// A strip of C: rows × cols, at most [`rows_at_once`] and [`GEMV_COLS`].
struct Strip<T> {
    /// Length of the sums.
    k: usize,
    /// A\[0, 0\] of the strip; contiguous from p to p + 1.
    a: *const T,
    /// Stride of A from row to row.
    a_row: isize,
    /// B's columns of the strip, row after row.
    b: *const T,
    /// Its first row in C.
    row: usize,
    rows: usize,
    cols: usize,
    a_extent: Extent,
}

/// Computes a strip and gives it to the sink, by way of `room`.
///
/// # Safety
/// 1. `1 ≤ rows ≤ rows_at_once(S::LANES)`, `1 ≤ cols ≤ GEMV_COLS`.
/// 2. A is readable at every (i < rows, p < k), and B's copy at (p < k, j < cols).
/// 3. `room` holds rows · LANES elements of the caller's own.
/// 4. What the sink asks for a tile of the strip's place and size.
#[inline(never)]
unsafe fn compute<T: Element, S: Registers<T>>(
    s: S,
    strip: &Strip<T>,
    sink: Sink<'_, T>,
    room: *mut T,
) {
    const { assert!(GEMV_COLS <= S::LANES) };
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
                    let to = store.at(strip.row, 0);
                    let (shape, strides) = ((strip.rows, strip.cols), (store.row_stride, 1));
                    store.extent.check(to.cast_const(), shape, strides);
                    for i in 0..strip.rows {
                        let to = to.wrapping_offset(i as isize * store.row_stride);
                        let row = room.add(i * S::LANES).cast_const();
                        row.copy_to_nonoverlapping(to, strip.cols);
                    }
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
                col: 0,
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
