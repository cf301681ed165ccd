//! Which products a tile adds up where A is mostly zeros: those p at which one of
//! the tile's rows of A is not 0.
//!
//! Images are dark at their edges, so that a tile of twelve of them, or of twelve
//! neighbouring pixels, finds half of a digit's products to be 0·b. Adding 0 to a
//! sum moves no bit of it, unless b is ∞ or NaN or the sum is −0: that is why the
//! owner of A has to allow it ([`MatRef::skip_zeros`](crate::MatRef::skip_zeros)).

use std::ops::Range;

use crate::mat::Element;
use crate::simd::Registers;
use crate::tuning::{MAX_K, SKIP_ZEROS};

// Numbers of products fit.
const _: () = assert!(MAX_K <= u16::MAX as usize);

/// Rows of tiles whose lists are made together: neighbours share cache lines and
/// pages of a transposed A.
pub(super) const GROUP: usize = 8;

/// Most lanes of any level.
const MAX_LANES: usize = 16;

/// Numbers that the list of a tile takes, for sums of up to `k` products: how many
/// there are, their p, and room for what [`Registers::store_numbers`] writes behind
/// the last one; whole cache lines.
pub(super) const fn room(k: usize) -> usize {
    (1 + k + MAX_LANES).next_multiple_of(32)
}

/// The products of a tile.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// How many.
    pub(super) count: usize,
    /// The p of the first.
    pub(super) first: isize,
    /// The p of all, and one number more; null where they are neighbours.
    pub(super) list: *const u16,
}

impl Steps {
    /// All `k` of them.
    pub(super) fn all(k: usize) -> Self {
        Steps {
            count: k,
            first: 0,
            list: std::ptr::null(),
        }
    }

    /// Those that [`find`] wrote to `list`.
    ///
    /// # Safety
    /// It did.
    pub(super) unsafe fn listed(list: *const u16) -> Self {
        // SAFETY: `find` has written the count, and the list has room for at least
        // one number.
        let (count, first) = unsafe { (usize::from(*list), *list.add(1) as isize) };
        Steps {
            count,
            first: if count > 0 { first } else { 0 },
            list: list.wrapping_add(1),
        }
    }
}

/// Whether so many of A's elements are 0 that looking for them pays, by the look
/// of those of them that are neighbours in memory: the `rows` of the first p, or
/// the `k` of the first row.
///
/// # Safety
/// A is readable there.
#[inline(always)]
pub(super) unsafe fn are_worthwhile<T: Element, S: Registers<T>>(
    s: S,
    a: *const T,
    (row, step): (isize, isize),
    (rows, k): (usize, usize),
) -> bool {
    if rows == 0 || k == 0 {
        return false;
    }
    let count = match (row, step) {
        (_, 1) => k,
        (1, _) => rows,
        _ => return false,
    };
    // SAFETY: neighbours, as the caller says.
    let sample = unsafe { std::slice::from_raw_parts(a, count) };
    let zeros = s.vectorize(
        #[inline(always)]
        || sample.iter().filter(|&&x| x == T::default()).count(),
    );
    zeros * SKIP_ZEROS >= count
}

/// Writes the list of each of the `tiles`, at most [`GROUP`], whose rows of A are
/// `rows_of` it, where `list_of` says.
///
/// # Safety
/// 1. A is readable at every row of the tiles and p < k. One of its strides, from
///    row to row and from p to p + 1, is 1; if it is the first, a tile has at most
///    `S::LANES` rows.
/// 2. Each list has room for [`room`]`(k)` numbers, all of them initialised; `k` is
///    at most [`MAX_K`].
#[inline(always)]
pub(super) unsafe fn find<T: Element, S: Registers<T>>(
    s: S,
    a: *const T,
    (row, step): (isize, isize),
    tiles: Range<usize>,
    rows_of: impl Fn(usize) -> Range<usize>,
    k: usize,
    list_of: impl Fn(usize) -> *mut u16,
) {
    const { assert!(S::LANES <= MAX_LANES) };
    struct Tile<T> {
        a: *const T,
        rows: usize,
        list: *mut u16,
        count: usize,
    }
    let mut all: [_; GROUP] = std::array::from_fn(|number| {
        let tile = tiles.start + number;
        let rows = if tile < tiles.end {
            rows_of(tile)
        } else {
            0..0
        };
        Tile {
            a: a.wrapping_offset(rows.start as isize * row),
            rows: rows.len(),
            list: list_of(tile).wrapping_add(1),
            count: 0,
        }
    });
    let all = &mut all[..tiles.len()];
    for p in (0..k).step_by(S::LANES) {
        let some = S::LANES.min(k - p);
        let mask = s.first_lanes(some);
        for tile in &mut *all {
            let nonzero;
            // SAFETY: premise 1: `some` neighbours of every row, by mask, or all
            // rows of `some` p, also by mask.
            unsafe {
                if step == 1 {
                    let mut bits = s.splat(T::default());
                    let mut from = tile.a.add(p);
                    for _ in 0..tile.rows {
                        bits = s.or(bits, s.load_masked(from, mask));
                        from = from.wrapping_offset(row);
                    }
                    nonzero = s.nonzero_lanes(bits);
                } else {
                    let from = tile.a.offset(p as isize * step);
                    nonzero = s.nonzero_runs(from, step, some, tile.rows);
                }
            }
            // SAFETY: premise 2: the count is at most p, and LANES more numbers
            // are written at most.
            unsafe {
                let to = tile.list.add(tile.count);
                tile.count += s.store_numbers(nonzero, p as u16, to);
            }
        }
    }
    for tile in all {
        // SAFETY: premise 2.
        unsafe { tile.list.sub(1).write(tile.count as u16) };
    }
}
