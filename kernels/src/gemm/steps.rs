//! Which products a tile adds up where A is mostly zeros: for each few rows of it
//! ([`LIST_ROWS`](crate::tuning::LIST_ROWS)) a list of those p at which one of them is
//! not 0.
//!
//! Images are dark round what they show, so that four of them find 61 % of a digit's
//! products to be 0·b, and four neighbouring pixels 72 %; twelve find 51 %. Adding 0 to
//! a sum moves no bit of it, unless b is ∞ or NaN or the sum is −0: that is why the
//! owner of A has to allow it ([`MatRef::skip_zeros`](crate::MatRef::skip_zeros)).

use std::ops::Range;

use super::listed::MAX_LISTS;
use super::tile::MAX_ROWS;
use crate::mat::Element;
use crate::simd::{MAX_LANES, Registers};
use crate::tuning::{MAX_K, SKIP_ZEROS};

// Numbers of products fit.
const _: () = assert!(MAX_K <= u16::MAX as usize);

/// Rows of tiles whose lists are made together, at most: whole rows of a transposed
/// A are read as they lie in memory, which the CPU's prefetcher follows. (With 20
/// of the 66 of 784-32-784 the lists take 1.2 of the time.)
pub(super) const GROUP: usize = 80;

/// Lists of these tiles, at most.
const MOST: usize = GROUP * MAX_LISTS;

/// Numbers that a list takes, for sums of up to `k` products: how many
/// there are, their p, and room for what [`Registers::store_numbers`] writes behind
/// the last one; whole cache lines.
pub(super) const fn room(k: usize) -> usize {
    (1 + k + MAX_LANES).next_multiple_of(32)
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

/// Writes the `lists`, at most those of [`GROUP`] tiles, for the rows of A that are
/// `rows_of` each, where `list_of` says. Those without rows may be left as they are.
///
/// # Safety
/// 1. A list has at most 32 rows, perhaps none, and they follow those of the list
///    before; all have at most [`GROUP`] · [`MAX_ROWS`]. A is readable at all of
///    them and p < k. One of its strides, from row to row and from p to p + 1, is 1.
/// 2. Each list has room for [`room`]`(k)` numbers, all of them initialised; `k` is
///    at most [`MAX_K`].
#[inline(always)]
pub(super) unsafe fn find<T: Element, S: Registers<T>>(
    s: S,
    a: *const T,
    (row, step): (isize, isize),
    lists: Range<usize>,
    rows_of: impl Fn(usize) -> Range<usize>,
    k: usize,
    list_of: impl Fn(usize) -> *mut u16,
) {
    const { assert!(S::LANES <= MAX_LANES) };
    if step == 1 {
        for list in lists {
            let rows = rows_of(list);
            if rows.is_empty() {
                // No tile looks there.
                continue;
            }
            let a = a.wrapping_offset(rows.start as isize * row);
            // SAFETY: the caller's contract.
            unsafe { find_along_rows(s, a, row, rows.len(), k, list_of(list)) };
        }
    } else {
        // SAFETY: the caller's contract.
        unsafe { find_along_columns(s, a, step, lists, rows_of, k, list_of) };
    }
}

/// A list that grows.
#[derive(Clone, Copy)]
struct List {
    numbers: *mut u16,
    count: usize,
}

impl List {
    #[inline(always)]
    fn new(start: *mut u16) -> Self {
        List {
            numbers: start.wrapping_add(1),
            count: 0,
        }
    }

    /// Adds the p of the lanes whose bit is set, where lane 0 is `p`, a multiple of
    /// `LANES` and larger than the one before.
    ///
    /// # Safety
    /// The list has room for a sum of more than `p` products.
    #[inline(always)]
    unsafe fn add<T: Element, S: Registers<T>>(&mut self, s: S, lanes: u32, p: usize) {
        // SAFETY: the count is at most p, and LANES numbers are written behind them.
        unsafe {
            let to = self.numbers.add(self.count);
            self.count += s.store_numbers(lanes, p as u16, to);
        }
    }

    /// Writes how many there are.
    ///
    /// # Safety
    /// The list has room.
    #[inline(always)]
    unsafe fn finish(self) {
        // SAFETY: the number before the first.
        unsafe { self.numbers.sub(1).write(self.count as u16) };
    }
}

/// Vectors of a row that are read one after another: whole cache lines.
const RUN: usize = 8;

/// A list where the p of a row are neighbours: the bits of all rows in one vector.
///
/// # Safety
/// As [`find`], for a list of `rows` rows, of which `a` is the first, and strides
/// `row` and 1.
#[inline(always)]
unsafe fn find_along_rows<T: Element, S: Registers<T>>(
    s: S,
    a: *const T,
    row: isize,
    rows: usize,
    k: usize,
    list: *mut u16,
) {
    let mut list = List::new(list);
    let mut p = 0;
    while k - p >= RUN * S::LANES {
        let mut run = [s.splat(T::default()); RUN];
        for i in 0..rows {
            for (v, bits) in run.iter_mut().enumerate() {
                // SAFETY: premise 1.
                let x = unsafe { s.load(a.offset(i as isize * row).add(p + v * S::LANES)) };
                *bits = s.or(*bits, x);
            }
        }
        for bits in run {
            // SAFETY: premise 2.
            unsafe { list.add(s, s.nonzero_lanes(bits), p) };
            p += S::LANES;
        }
    }
    while p < k {
        let some = s.first_lanes(k - p);
        let mut bits = s.splat(T::default());
        for i in 0..rows {
            // SAFETY: premise 1, by mask.
            let x = unsafe { s.load_masked(a.offset(i as isize * row).add(p), some) };
            bits = s.or(bits, x);
        }
        // SAFETY: premise 2.
        unsafe { list.add(s, s.nonzero_lanes(bits), p) };
        p += S::LANES;
    }
    // SAFETY: premise 2.
    unsafe { list.finish() };
}

/// Bits of a word.
const WORD: usize = u32::BITS as usize;

/// Words that a row of bits takes, and one more.
const WORDS: usize = (GROUP * MAX_ROWS).div_ceil(WORD) + 1;

/// The lists where all rows at one p are neighbours.
///
/// For as many p as a vector has lanes, first a bit for each element of all rows,
/// read as they lie in memory. Then the bits of a list, at the same place for all
/// of these p, are looked at together:
///
/// ```text
///              words[0]     words[1]     words[2]
///   p        ┌────────────┬────────────┬────────────┐
///   p + 1    │            │  0       ▒▒│▒     0     │    ▒ a list's rows:
///   ⋮        │            │          ▒▒│▒           │    one mask a word
///   p + 15   └────────────┴────────────┴────────────┘
/// ```
///
/// # Safety
/// As [`find`], with strides 1 and `step`.
#[inline(always)]
unsafe fn find_along_columns<T: Element, S: Registers<T>>(
    s: S,
    a: *const T,
    step: isize,
    lists: Range<usize>,
    rows_of: impl Fn(usize) -> Range<usize>,
    k: usize,
    list_of: impl Fn(usize) -> *mut u16,
) {
    const { assert!(WORD.is_multiple_of(S::LANES)) };
    #[derive(Clone, Copy)]
    struct Rows {
        list: List,
        /// The word of the first, and the bits of all there and in the next.
        word: usize,
        bits: [u32; 2],
    }
    if lists.is_empty() {
        return;
    }
    let start = rows_of(lists.start).start;
    let count = rows_of(lists.end - 1).end - start;
    let mut all = [const {
        Rows {
            list: List {
                numbers: std::ptr::null_mut(),
                count: 0,
            },
            word: 0,
            bits: [0; 2],
        }
    }; MOST];
    let all = &mut all[..lists.len()];
    for (to, list) in all.iter_mut().zip(lists) {
        let rows = rows_of(list);
        let first = rows.start - start;
        let bits = ((1u64 << rows.len()) - 1) << (first % WORD);
        *to = Rows {
            list: List::new(list_of(list)),
            word: first / WORD,
            bits: [bits as u32, (bits >> WORD) as u32],
        };
    }

    let mut words = [[0; MAX_LANES]; WORDS];
    for p in (0..k).step_by(S::LANES) {
        let some = S::LANES.min(k - p);
        for lane in 0..some {
            let row = a
                .wrapping_add(start)
                .wrapping_offset((p + lane) as isize * step);
            for (number, words) in words[..count.div_ceil(WORD)].iter_mut().enumerate() {
                let first = number * WORD;
                let mut word = 0;
                for v in 0..WORD / S::LANES {
                    let at = first + v * S::LANES;
                    // SAFETY: premise 1: `count` rows, the last of them by mask.
                    let x = unsafe {
                        if count - first >= WORD {
                            s.load(row.add(at))
                        } else if at < count {
                            s.load_masked(row.add(at), s.first_lanes(count - at))
                        } else {
                            break;
                        }
                    };
                    word |= s.nonzero_lanes(x) << (v * S::LANES);
                }
                words[lane] = word;
            }
        }
        // Behind the last p, words are those of others.
        let lanes = ((1u64 << some) - 1) as u32;
        for rows in &mut *all {
            let mut nonzero = 0;
            for (words, bits) in words[rows.word..].iter().zip(rows.bits) {
                // SAFETY: LANES ≤ MAX_LANES.
                nonzero |= unsafe { s.words_with(words.as_ptr(), bits) };
            }
            // SAFETY: premise 2.
            unsafe { rows.list.add(s, nonzero & lanes, p) };
        }
    }
    for rows in all {
        // SAFETY: premise 2.
        unsafe { rows.list.finish() };
    }
}

#[cfg(test)]
mod tests;
