//! What happens to a finished tile of A·B: the only code that touches C.
//!
//! [`Store`] writes from registers. Everything longer (an activation, a loss,
//! an optimiser) is a [`TileOperation`]: up to [`PANEL_TILES`] tiles below each
//! other go to a panel of 6 KB on the stack, which never leaves L1, and one
//! indirect call works on all of it; or, where that is
//! [wide](TileOperation::is_wide), up to four times as many go side by side to the
//! stack, and a call works on a few whole rows. In registers an operation would save a
//! store and a load per vector, but each of some 60 operations would have to
//! be compiled into each of 120 micro-kernels. Tile by tile, its loads would
//! wait for stores that are still on their way: measured on Zen 5, bias and
//! identity then cost 1.8 ns per vector, ten times as much as in registers.

use std::mem::MaybeUninit;

use super::tile::MAX_ROWS;
use crate::extent::Extent;
use crate::mat::Element;
use crate::simd::Registers;
use crate::tuning;

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
    /// What may be written.
    pub(crate) extent: Extent,
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
        self.extent.check(c, (MR, cols), (self.row_stride, 1));
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
                                // Two roundings, as `StoreStrided`: C's layout moves no bit.
                                s.add(scaled, s.mul(s.splat(beta), old))
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

/// Keeps a tile as whole vectors: a partial sum for the next part of K, or one that
/// waits for an operation.
pub(crate) struct Partial<T> {
    /// The tile's place.
    pub(crate) to: *mut T,
    /// Elements from row to row.
    pub(crate) stride: usize,
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
                // SAFETY: whoever made `self` set NR vectors aside in each of MR rows.
                unsafe { s.store(self.to.add(i * self.stride + j * S::LANES), v) };
            }
        }
    }
}

/// A panel of finished tiles in L1: its element (i, j), which is element
/// (row + i, col + j) of C, lies at `data[i · stride + j]`.
#[derive(Clone, Copy)]
pub(crate) struct Panel<T> {
    pub(crate) data: *mut T,
    /// Elements from row to row: a multiple of the vector length, so that the
    /// last vector of a row may be read and written whole.
    pub(crate) stride: usize,
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl<T> Panel<T> {
    /// Its place in C, and its rows and columns.
    pub(crate) fn rectangle(&self) -> ((usize, usize), (usize, usize)) {
        ((self.row, self.col), (self.rows, self.cols))
    }
}

/// Something to do with finished tiles.
pub(crate) trait TileOperation<T>: Sync {
    /// # Safety
    /// As [`Epilogue::finish`], for the whole panel; `panel.data` holds
    /// rows · stride elements, which are the call's own. At most
    /// [`MAX_PANEL_VECTORS`] vectors.
    unsafe fn apply(&self, panel: Panel<T>);

    /// Whether it gets tiles side by side rather than below each other, a few rows of
    /// them at a time: for what it reads and writes is either so much that it comes from
    /// beyond L2, where the CPU fetches ahead what follows in memory, or would share a
    /// few sets of L1.
    fn is_wide(&self) -> bool {
        false
    }
}

/// Rows and columns of tiles that an operation gets one after another, where C has so
/// many columns of them.
pub(crate) fn panel_tiles<T>(operation: &dyn TileOperation<T>, tile_cols: usize) -> (usize, usize) {
    if tile_cols > 1 && operation.is_wide() {
        let cols = tile_cols.min(tuning::WIDE_TILES);
        (ROOM_TILES / cols, cols)
    } else {
        (PANEL_TILES, 1)
    }
}

/// Tiles below each other that an operation gets at once.
pub(crate) const PANEL_TILES: usize = 4;

/// Tiles that wait for a wide one, at most.
const ROOM_TILES: usize = 2 * tuning::WIDE_TILES;

/// Bytes of the largest tile of any level: 12 rows of two 64-byte vectors.
pub(crate) const TILE_BYTES: usize = MAX_ROWS * 2 * 64;

/// Elements of the largest f32 panel of any level.
pub(crate) const MAX_PANEL: usize = PANEL_TILES * TILE_BYTES / size_of::<f32>();

/// Vectors of the largest panel of any level.
pub(crate) const MAX_PANEL_VECTORS: usize = PANEL_TILES * MAX_ROWS * 2;

/// Room for the tiles that wait for an operation.
#[repr(align(64))]
pub(crate) struct Room([MaybeUninit<u8>; ROOM_TILES * TILE_BYTES]);

impl Room {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Room([MaybeUninit::uninit(); ROOM_TILES * TILE_BYTES])
    }

    pub(crate) fn data<T: Element>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }

    pub(crate) fn extent(&self) -> Extent {
        Extent::of_slice(self.0.as_ptr(), self.0.len())
    }
}

/// Where the finished tiles of a product go.
#[derive(Clone, Copy)]
pub(crate) enum Sink<'a, T> {
    /// To C, from registers.
    Store(Store<T>),
    /// Through L1 to an operation.
    Operation(&'a dyn TileOperation<T>),
}

/// C = α·tile + β·C where neither rows nor columns are neighbours in memory.
pub(crate) struct StoreStrided<T> {
    pub(crate) c: *mut T,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
    pub(crate) alpha: T,
    /// `None` where C is not read (β = 0).
    pub(crate) beta: Option<T>,
    /// What may be written.
    pub(crate) extent: Extent,
}

// SAFETY: as `Store`.
unsafe impl<T: Element> Sync for StoreStrided<T> {}

impl<T> TileOperation<T> for StoreStrided<T>
where
    T: Element + std::ops::Mul<Output = T> + std::ops::Add<Output = T>,
{
    unsafe fn apply(&self, tile: Panel<T>) {
        let start = self
            .c
            .wrapping_offset(tile.row as isize * self.row_stride)
            .wrapping_offset(tile.col as isize * self.col_stride);
        let strides = (self.row_stride, self.col_stride);
        self.extent.check(start, (tile.rows, tile.cols), strides);
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing {
        is_wide: bool,
    }

    impl TileOperation<f32> for Nothing {
        unsafe fn apply(&self, _: Panel<f32>) {}

        fn is_wide(&self) -> bool {
            self.is_wide
        }
    }

    #[test]
    fn wide_operations_get_tiles_side_by_side() {
        let tiles = |is_wide, cols| panel_tiles(&Nothing { is_wide }, cols);
        for cols in [0, 1, 4, 100] {
            assert_eq!(tiles(false, cols), (PANEL_TILES, 1));
        }
        assert_eq!(tiles(true, 0), (PANEL_TILES, 1));
        assert_eq!(tiles(true, 1), (PANEL_TILES, 1));
        for cols in 2..100 {
            let (rows, side_by_side) = tiles(true, cols);
            assert_eq!(side_by_side, cols.min(tuning::WIDE_TILES));
            assert!(rows >= 1 && rows * side_by_side <= ROOM_TILES);
        }
    }
}
