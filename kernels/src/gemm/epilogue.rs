//! What happens to a finished tile of A·B: the only code that touches C.
//!
//! [`Store`] writes from registers. Everything longer (an activation, a loss,
//! an optimiser) is a [`TileOperation`] behind [`InCache`]: the tile goes
//! through 1.5 KB of stack, which never leaves L1, and one indirect call. That
//! costs 24 stores and 24 loads per tile, and saves compiling each of some 60
//! operations into each of 36 micro-kernels.

use std::mem::MaybeUninit;

use super::tile::MAX_ROWS;
use crate::mat::Element;
use crate::simd::Registers;

/// Receives each tile of the product once, in any order, from any thread.
pub(crate) trait Epilogue<T: Element, S: Registers<T>>: Sync {
    /// `acc` holds rows `row .. row + MR` and columns `col .. col + cols` of
    /// A·B; lanes from `cols` on are unspecified.
    ///
    /// # Safety
    /// The tile lies inside of the C that the epilogue was made for, and no
    /// other thread finishes an overlapping tile at the same time.
    unsafe fn finish<const MR: usize, const NR: usize>(
        &self,
        s: S,
        acc: [[S::Vector; NR]; MR],
        row: usize,
        col: usize,
        cols: usize,
    );
}

/// C = α·acc + β·C, columns neighbours in memory.
#[derive(Clone, Copy)]
pub(crate) struct Store<T> {
    pub(crate) c: *mut T,
    pub(crate) row_stride: isize,
    pub(crate) alpha: T,
    /// `None` where C is not read (β = 0).
    pub(crate) beta: Option<T>,
    /// α = 1 and β = 0.
    pub(crate) plain: bool,
}

// SAFETY: the pointer is dereferenced in `finish` only, whose contract keeps
// threads apart.
unsafe impl<T: Element> Sync for Store<T> {}

impl<T: Element, S: Registers<T>> Epilogue<T, S> for Store<T> {
    #[inline(always)]
    unsafe fn finish<const MR: usize, const NR: usize>(
        &self,
        s: S,
        acc: [[S::Vector; NR]; MR],
        row: usize,
        col: usize,
        cols: usize,
    ) {
        let last = s.first_lanes(cols - (NR - 1) * S::LANES);
        let whole = cols == NR * S::LANES;
        // SAFETY: (row, col) lies in C.
        let mut c = unsafe { self.c.offset(row as isize * self.row_stride).add(col) };
        for acc in acc {
            for (j, v) in acc.into_iter().enumerate() {
                // SAFETY: the row's columns `col .. col + cols` lie in C; all
                // vectors but the last are whole, the last one goes by mask
                // unless it is whole too.
                unsafe {
                    let to = c.add(j * S::LANES);
                    let v = if self.plain {
                        v
                    } else {
                        let scaled = s.mul(v, s.splat(self.alpha));
                        match self.beta {
                            None => scaled,
                            Some(beta) => {
                                let old = if j == NR - 1 {
                                    s.load_masked(to, last)
                                } else {
                                    s.load(to)
                                };
                                s.mul_add(s.splat(beta), old, scaled)
                            }
                        }
                    };
                    if j == NR - 1 && !whole {
                        s.store_masked(to, v, last);
                    } else {
                        s.store(to, v);
                    }
                }
            }
            c = c.wrapping_offset(self.row_stride);
        }
    }
}

/// Keeps a partial sum for the next part of K: tiles one after another, each
/// as whole vectors.
pub(crate) struct Partial<T> {
    /// The tile's place.
    pub(crate) to: *mut T,
}

// SAFETY: as `Store`; each task has a `Partial` of its own.
unsafe impl<T: Element> Sync for Partial<T> {}

impl<T: Element, S: Registers<T>> Epilogue<T, S> for Partial<T> {
    #[inline(always)]
    unsafe fn finish<const MR: usize, const NR: usize>(
        &self,
        s: S,
        acc: [[S::Vector; NR]; MR],
        _row: usize,
        _col: usize,
        _cols: usize,
    ) {
        for (i, acc) in acc.into_iter().enumerate() {
            for (j, v) in acc.into_iter().enumerate() {
                // SAFETY: whoever made `self` set MR · NR vectors aside.
                unsafe { s.store(self.to.add((i * NR + j) * S::LANES), v) };
            }
        }
    }
}

/// A tile in L1: element (i, j) of the tile, which is element
/// (row + i, col + j) of C, lies at `data[i · stride + j]`.
#[derive(Clone, Copy)]
pub(crate) struct Tile<T> {
    pub(crate) data: *mut T,
    /// Elements from row to row: a multiple of the vector length, so that the
    /// last vector of a row may be read and written whole.
    pub(crate) stride: usize,
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

/// Something to do with a finished tile.
pub(crate) trait TileOperation<T>: Sync {
    /// # Safety
    /// As [`Epilogue::finish`]; `tile.data` holds rows · stride elements.
    unsafe fn apply(&self, tile: Tile<T>);
}

/// Runs a [`TileOperation`] on the tile in L1.
pub(crate) struct InCache<'a, T> {
    pub(crate) operation: &'a dyn TileOperation<T>,
}

/// Bytes of the largest tile of any level: 12 rows of two 64-byte vectors.
const MAX_BYTES: usize = MAX_ROWS * 2 * 64;

/// Elements of the largest f32 tile of any level.
pub(crate) const MAX_TILE: usize = MAX_BYTES / size_of::<f32>();

/// Room for a tile.
#[repr(align(64))]
struct Room([MaybeUninit<u8>; MAX_BYTES]);

impl<T: Element, S: Registers<T>> Epilogue<T, S> for InCache<'_, T> {
    #[inline(always)]
    unsafe fn finish<const MR: usize, const NR: usize>(
        &self,
        s: S,
        acc: [[S::Vector; NR]; MR],
        row: usize,
        col: usize,
        cols: usize,
    ) {
        const { assert!(MR <= MAX_ROWS && NR * S::LANES * size_of::<T>() <= 128) };
        let mut room = Room([MaybeUninit::uninit(); MAX_BYTES]);
        let data: *mut T = room.0.as_mut_ptr().cast();
        // SAFETY: MR rows of NR vectors fit, as asserted.
        unsafe { Epilogue::<T, S>::finish(&Partial { to: data }, s, acc, row, col, cols) };
        let tile = Tile {
            data,
            stride: NR * S::LANES,
            row,
            col,
            rows: MR,
            cols,
        };
        // SAFETY: the caller's contract; MR rows of `stride` were just written.
        unsafe { self.operation.apply(tile) };
    }
}

/// C = α·tile + β·C where neither rows nor columns are neighbours in memory.
pub(crate) struct StoreStrided<T> {
    pub(crate) c: *mut T,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
    pub(crate) alpha: T,
    /// `None` where C is not read (β = 0).
    pub(crate) beta: Option<T>,
}

// SAFETY: as `Store`.
unsafe impl<T: Element> Sync for StoreStrided<T> {}

impl<T> TileOperation<T> for StoreStrided<T>
where
    T: Element + std::ops::Mul<Output = T> + std::ops::Add<Output = T>,
{
    unsafe fn apply(&self, tile: Tile<T>) {
        for i in 0..tile.rows {
            for j in 0..tile.cols {
                // SAFETY: (i, j) is in the tile, (row + i, col + j) in C.
                unsafe {
                    let c = self
                        .c
                        .offset((tile.row + i) as isize * self.row_stride)
                        .offset((tile.col + j) as isize * self.col_stride);
                    let v = *tile.data.add(i * tile.stride + j) * self.alpha;
                    *c = match self.beta {
                        None => v,
                        Some(beta) => v + beta * *c,
                    };
                }
            }
        }
    }
}
