//! The micro-kernel: one register tile of C.
//!
//! ```text
//!                 B: k × (NR·LANES), a row is NR vectors
//!                ┌────────────┐
//!   A: MR × k    │  ▒▒▒▒▒▒▒▒  │ row p
//!  ┌───────┐     └────────────┘
//!  │   ░   │     ┌────────────┐
//!  │   ░   │     │ MR × NR    │   acc[i][j] += A[i, p] · B[p, j]
//!  │   ░   │     │ registers  │
//!  └───────┘     └────────────┘
//!     col p
//! ```
//!
//! # Contract
//! * A is read through any strides, one broadcast an element. B's columns are
//!   neighbours in memory. Nothing outside of the operands is read.
//! * Each element of C is **one chain** of multiply-adds, p = 0 … k−1 in order,
//!   starting from 0 or from a partial sum: its bits do not depend on the
//!   tile's height, on where the tile lies, or on how K was cut.
//! * The last vector of an edge tile reads B by mask.
//! * What happens to the finished tile is the [`Epilogue`]'s business; the
//!   micro-kernel never reads or writes C.

use super::epilogue::Epilogue;
use super::listed::accumulate_listed;
use crate::extent::Extent;
use crate::mat::Element;
use crate::simd::Registers;

/// Most rows that a tile has at any level.
pub(crate) const MAX_ROWS: usize = 12;

/// A tile to compute: `rows × cols` of C at (`row`, `col`).
#[derive(Clone, Copy)]
pub(crate) struct TileArguments<T> {
    /// How many products a sum has.
    pub(crate) k: usize,
    /// Which of them count, for each list of rows
    /// ([`rows_of_list`](super::listed::rows_of_list)): how many, and their p. Null
    /// for all.
    pub(crate) lists: *const u16,
    /// Numbers from the beginning of a list to that of the next.
    pub(crate) list_stride: usize,
    /// A\[0, 0\] of the tile.
    pub(crate) a: *const T,
    /// Strides of A from row to row and from p to p + 1.
    pub(crate) a_strides: (isize, isize),
    /// B\[0, 0\] of the tile.
    pub(crate) b: *const T,
    /// Stride of B from p to p + 1.
    pub(crate) b_stride: isize,
    /// The partial sums to start from, a full row of the tile after another;
    /// null to start from 0.
    pub(crate) start: *const T,
    /// Position of the tile in C.
    pub(crate) row: usize,
    pub(crate) col: usize,
    /// Columns of the tile, at least one; its vectors and their tail follow.
    pub(crate) cols: usize,
    /// Rows of the tile, 1 … `TILE_ROWS`.
    pub(crate) rows: usize,
    /// Where A and B lie, packed or not.
    pub(crate) a_extent: Extent,
    pub(crate) b_extent: Extent,
}

/// Computes one tile and gives it to the epilogue.
///
/// # Safety
/// 1. `1 ≤ rows ≤ S::TILE_ROWS`, `1 ≤ cols ≤ S::TILE_VECTORS · S::LANES`.
/// 2. A and B are readable at every (i < rows, p < k) and (p < k, j < cols); with
///    `b_full`, B at j < vectors · LANES too. `lists` is null or points to a list
///    for each of [`rows_of_list`](super::listed::rows_of_list) that has rows, of a
///    count and as many numbers below k.
/// 3. `start` is null or holds rows · vectors · LANES elements.
/// 4. What the epilogue asks for tiles at (row, col).
#[inline(always)]
pub(crate) unsafe fn compute<T, S, E>(s: S, tile: &TileArguments<T>, b_full: bool, epilogue: &E)
where
    T: Element,
    S: Registers<T>,
    E: Epilogue<T, S>,
{
    let vectors = tile.cols.div_ceil(S::LANES);
    let edge = !b_full && !tile.cols.is_multiple_of(S::LANES);
    let readable = if b_full {
        vectors * S::LANES
    } else {
        tile.cols
    };
    if cfg!(debug_assertions) && tile.k > 0 {
        tile.a_extent
            .check(tile.a, (tile.rows, tile.k), tile.a_strides);
        tile.b_extent
            .check(tile.b, (tile.k, readable), (tile.b_stride, 1));
    }
    // SAFETY: the caller's contract; `rows`, `vectors` and `edge` are those of
    // the tile.
    unsafe {
        if vectors == S::TILE_VECTORS && !edge {
            by_height::<T, S, E, FULL>(s, tile, epilogue);
        } else if vectors == S::TILE_VECTORS {
            by_height::<T, S, E, FULL_EDGE>(s, tile, epilogue);
        } else if const { S::TILE_VECTORS > 1 } {
            by_height::<T, S, E, SINGLE>(s, tile, epilogue);
        }
    }
}

/// See the micro-kernel's loop.
const ROWS_PER_POINTER: usize = 3;

/// The same pointer, of which the compiler knows nothing else: it stays in a
/// register of its own. Costs no instruction.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
#[expect(
    clippy::pointers_in_nomem_asm_block,
    reason = "the pointer is passed through, not followed"
)]
pub(super) fn opaque<T>(mut pointer: *const T) -> *const T {
    // SAFETY: the template is a comment: the register is left as it is, and
    // nothing else is touched.
    unsafe {
        std::arch::asm!(
            "/* {0} */",
            inout(reg) pointer,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    pointer
}

/// Other architectures have the registers for twelve addresses.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn opaque<T>(pointer: *const T) -> *const T {
    pointer
}

// The three widths of a tile. A single vector is always read by mask.
const FULL: u8 = 0;
const FULL_EDGE: u8 = 1;
const SINGLE: u8 = 2;

/// # Safety
/// As [`compute`], and `WIDTH` fits the tile.
#[inline(always)]
unsafe fn by_height<T, S, E, const WIDTH: u8>(s: S, tile: &TileArguments<T>, epilogue: &E)
where
    T: Element,
    S: Registers<T>,
    E: Epilogue<T, S>,
{
    /// One arm a height; heights that the level never uses are not compiled.
    macro_rules! heights {
        ($($rows:literal)*) => {
            match tile.rows {
                $($rows => if const { S::TILE_ROWS >= $rows } {
                    // SAFETY: the caller's contract; the height is `tile.rows`.
                    unsafe {
                        if tile.lists.is_null() {
                            entry::<T, S, E, $rows, WIDTH, false>(s, tile, epilogue);
                        } else {
                            entry::<T, S, E, $rows, WIDTH, true>(s, tile, epilogue);
                        }
                    }
                },)*
                rows => debug_assert!(false, "a tile of {rows} rows"),
            }
        };
    }
    heights!(12 11 10 9 8 7 6 5 4 3 2 1);
}

/// A function of its own, so that each micro-kernel is compiled once.
///
/// # Safety
/// As [`by_height`], with `rows = MR`; there are lists if it is `LISTED`.
#[inline(never)]
unsafe fn entry<T, S, E, const MR: usize, const WIDTH: u8, const LISTED: bool>(
    s: S,
    tile: &TileArguments<T>,
    epilogue: &E,
) where
    T: Element,
    S: Registers<T>,
    E: Epilogue<T, S>,
{
    s.vectorize(
        #[inline(always)]
        || {
            // SAFETY: the caller's contract; the width is NR vectors.
            unsafe {
                match (WIDTH, S::TILE_VECTORS) {
                    (SINGLE, _) => micro_kernel::<T, S, E, MR, 1, true, LISTED>(s, tile, epilogue),
                    (FULL_EDGE, 2) => {
                        micro_kernel::<T, S, E, MR, 2, true, LISTED>(s, tile, epilogue)
                    }
                    (FULL, 2) => micro_kernel::<T, S, E, MR, 2, false, LISTED>(s, tile, epilogue),
                    (FULL_EDGE, _) => {
                        micro_kernel::<T, S, E, MR, 1, true, LISTED>(s, tile, epilogue)
                    }
                    (_, _) => micro_kernel::<T, S, E, MR, 1, false, LISTED>(s, tile, epilogue),
                }
            }
        },
    );
}

/// # Safety
/// As [`entry`], with `NR` vectors, the last of them whole unless `EDGE`.
#[inline(always)]
unsafe fn micro_kernel<
    T,
    S,
    E,
    const MR: usize,
    const NR: usize,
    const EDGE: bool,
    const LISTED: bool,
>(
    s: S,
    tile: &TileArguments<T>,
    epilogue: &E,
) where
    T: Element,
    S: Registers<T>,
    E: Epilogue<T, S>,
{
    let mut acc = [[s.splat(T::default()); NR]; MR];
    if !tile.start.is_null() {
        for (i, row) in acc.iter_mut().enumerate() {
            for (j, v) in row.iter_mut().enumerate() {
                // SAFETY: premise 3: MR rows of NR vectors.
                *v = unsafe { s.load(tile.start.add((i * NR + j) * S::LANES)) };
            }
        }
    }
    // SAFETY: the caller's contract.
    unsafe {
        if LISTED {
            accumulate_listed::<T, S, MR, NR, EDGE>(s, tile, &mut acc);
        } else {
            accumulate::<T, S, MR, NR, EDGE>(s, tile, &mut acc);
        }
    }
    // SAFETY: premise 4.
    unsafe { epilogue.finish(s, acc, tile.row, tile.col, tile.cols) };
}

/// Adds the products to the accumulators: the innermost loop.
///
/// # Safety
/// As [`micro_kernel`].
#[inline(always)]
unsafe fn accumulate<T, S, const MR: usize, const NR: usize, const EDGE: bool>(
    s: S,
    tile: &TileArguments<T>,
    acc: &mut [[S::Vector; NR]; MR],
) where
    T: Element,
    S: Registers<T>,
{
    let last = s.first_lanes(tile.cols - (NR - 1) * S::LANES);
    let mut b = tile.b;
    let (a_row, a_step) = tile.a_strides;
    // A pointer for every third row: [p], [p + stride] and [p + 2·stride] are
    // addresses that an instruction can have. Left alone, the compiler either
    // keeps all twelve addresses, more than there are registers, or walks from
    // row to row in a chain of twelve additions, as long as the twelve cycles
    // of a whole step.
    let mut a: [*const T; MAX_ROWS / ROWS_PER_POINTER] = std::array::from_fn(|group| {
        let row = (group * ROWS_PER_POINTER) as isize * a_row;
        opaque(tile.a.wrapping_offset(row))
    });
    for _ in 0..tile.k {
        // SAFETY: premise 2: columns j·LANES … of row p.
        let row = unsafe { load_row::<T, S, NR, EDGE>(s, b, last) };
        for (i, acc) in acc.iter_mut().enumerate() {
            // SAFETY: premise 2: i < MR = rows, one of the p.
            let x = s.splat(unsafe {
                let row = (i % ROWS_PER_POINTER) as isize * a_row;
                a[i / ROWS_PER_POINTER].offset(row).read()
            });
            for (acc, &b) in acc.iter_mut().zip(&row) {
                *acc = s.mul_add(x, b, *acc);
            }
        }
        // The last step leads out of the operand: only the address is made.
        for a in &mut a {
            *a = opaque(a.wrapping_offset(a_step));
        }
        b = b.wrapping_offset(tile.b_stride);
    }
}

/// A row of B: whole vectors, unless the last is an edge, which is read by mask.
///
/// # Safety
/// They are readable.
#[inline(always)]
pub(super) unsafe fn load_row<T, S, const NR: usize, const EDGE: bool>(
    s: S,
    b: *const T,
    last: S::Mask,
) -> [S::Vector; NR]
where
    T: Element,
    S: Registers<T>,
{
    let mut row = [s.splat(T::default()); NR];
    for (j, v) in row.iter_mut().enumerate() {
        // SAFETY: the caller's contract.
        *v = unsafe {
            let from = b.add(j * S::LANES);
            if EDGE && j == NR - 1 {
                s.load_masked(from, last)
            } else {
                s.load(from)
            }
        };
    }
    row
}
