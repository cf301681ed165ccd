//! The micro-kernel's loop where A is mostly zeros: products that are listed
//! ([`steps`](super::steps)), a list for each few rows of the tile; and which rows
//! these are.
//!
//! ```text
//!   A    p = 0 1 2 3 4 5 …
//!   4 rows   · ░ · · ░ ░      list 0: 1, 4, 5, …
//!   4 rows   · · · ░ ░ ·      list 1: 3, 4, …
//!   4 rows   · · ░ · · ·      list 2: 2, …
//! ```

use std::ops::Range;
use std::sync::atomic::{Ordering, compiler_fence};

use super::tile::{MAX_ROWS, TileArguments, load_row, opaque};
use crate::mat::Element;
use crate::simd::Registers;
use crate::tuning;

/// Rows of a tile that share a list of steps, at a level whose tiles have at most so
/// many rows.
const fn list_rows(most: usize) -> usize {
    let [whole, part] = tuning::LIST_ROWS;
    if most <= whole { whole } else { part }
}

/// Lists of steps of the highest tile of such a level.
pub(crate) const fn lists_of(most: usize) -> usize {
    most.div_ceil(list_rows(most))
}

/// Most lists of steps that a tile has at any level.
pub(crate) const MAX_LISTS: usize = lists_of(MAX_ROWS);

/// The rows of list `number` of a tile of `rows` rows: perhaps none.
pub(crate) const fn rows_of_list(most: usize, rows: usize, number: usize) -> Range<usize> {
    let (start, end) = (number * list_rows(most), (number + 1) * list_rows(most));
    let start = if start < rows { start } else { rows };
    start..if end < rows { end } else { rows }
}

/// Adds the listed products to the accumulators of a tile.
///
/// The lists take turns, as long as none is at its end: so all are at about the
/// same rows of B, which come into L1 once, and none waits for its own sums.
///
/// # Safety
/// As [`compute`](super::tile::compute), for a tile of `MR` rows and `NR` vectors, the
/// last of them whole unless `EDGE`; there are lists.
#[inline(always)]
pub(super) unsafe fn accumulate_listed<T, S, const MR: usize, const NR: usize, const EDGE: bool>(
    s: S,
    tile: &TileArguments<T>,
    acc: &mut [[S::Vector; NR]; MR],
) where
    T: Element,
    S: Registers<T>,
{
    // Lists without rows, which `find` may have left as they were, are none of these.
    // A copy that nobody else knows of, so that it may stay in registers.
    let tile = &{ *tile };
    let lists = const { MR.div_ceil(list_rows(S::TILE_ROWS)) };
    let a: [*const T; MAX_LISTS] = std::array::from_fn(|list| {
        let first = rows_of_list(S::TILE_ROWS, MR, list).start;
        opaque(tile.a.wrapping_offset(first as isize * tile.a_strides.0))
    });
    // SAFETY: premise 2.
    let count = |list: usize| unsafe { usize::from(*tile.lists.add(list * tile.list_stride)) };
    let together = (0..lists).map(count).min().unwrap_or(0);
    for number in 0..together {
        for list in 0..lists {
            let acc = &mut acc[rows_of_list(S::TILE_ROWS, MR, list)];
            // SAFETY: the list has at least `together` numbers.
            unsafe { step::<T, S, NR, EDGE>(s, tile, a[list], (list, number), acc) };
            // Left alone, the compiler reads the elements of all lists first, more
            // than there are registers.
            compiler_fence(Ordering::SeqCst);
        }
    }
    for list in 0..lists {
        let acc = &mut acc[rows_of_list(S::TILE_ROWS, MR, list)];
        for number in together..count(list) {
            // SAFETY: the list has as many numbers.
            unsafe { step::<T, S, NR, EDGE>(s, tile, a[list], (list, number), acc) };
        }
    }
}

/// Adds the products of a number of a list to its rows' accumulators.
///
/// # Safety
/// As [`accumulate_listed`]; there is this number, and `a` is A\[i, 0\] for the first of
/// the list's rows, as many as there are accumulators.
#[inline(always)]
unsafe fn step<T, S, const NR: usize, const EDGE: bool>(
    s: S,
    tile: &TileArguments<T>,
    a: *const T,
    (list, number): (usize, usize),
    acc: &mut [[S::Vector; NR]],
) where
    T: Element,
    S: Registers<T>,
{
    let (a_row, a_step) = tile.a_strides;
    let last = s.first_lanes(tile.cols - (NR - 1) * S::LANES);
    // SAFETY: the number is p < k, by premise 2, and so are A and B readable there.
    unsafe {
        let numbers = tile.lists.add(list * tile.list_stride + 1);
        let p = *numbers.add(number) as isize;
        let a = a.offset(p * a_step);
        let row = load_row::<T, S, NR, EDGE>(s, tile.b.offset(p * tile.b_stride), last);
        for (i, acc) in acc.iter_mut().enumerate() {
            let x = s.splat(a.offset(i as isize * a_row).read());
            for (acc, &b) in acc.iter_mut().zip(&row) {
                *acc = s.settle(s.mul_add(x, b, *acc));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_one_list() {
        for most in 1..=MAX_ROWS {
            assert!(lists_of(most) <= MAX_LISTS);
            for rows in 1..=most {
                let lists = (0..lists_of(most)).flat_map(|list| rows_of_list(most, rows, list));
                assert!(lists.eq(0..rows), "{rows} of at most {most} rows");
            }
        }
    }
}
