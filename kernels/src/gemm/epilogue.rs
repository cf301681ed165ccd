//! What happens to a finished tile of A·B.
//!
//! The micro-kernel stores its accumulators and does nothing else. A plain product
//! stores them to C ([`Sink::Store`]). Everything longer (α and β, an activation, a loss,
//! an optimiser) is a [`TileOperation`]: up to [`PANEL_TILES`] tiles below each other
//! are stored to a panel of 6 KB on the stack, which never leaves L1, and one indirect
//! call works on all of it. In registers an operation would save a store and a load per
//! vector, but each of some 60 operations would have to be compiled into each of 120
//! micro-kernels. Tile by tile, its loads would wait for stores that are still on their
//! way: measured on Zen 3, bias and identity then cost 1.8 ns per vector, ten times as
//! much as in registers.

use std::mem::MaybeUninit;

use super::tile::MAX_ROWS;
use crate::extent::Extent;
use crate::mat::Element;
use crate::simd::{Simd, for_each_vector, load, store};

/// C, contiguous along its rows, which receives the product as it is.
#[derive(Clone, Copy)]
pub(crate) struct Store<T> {
    pub(crate) c: *mut T,
    pub(crate) row_stride: isize,
    /// What may be written.
    pub(crate) extent: Extent,
}

// SAFETY: the pointer is dereferenced by tasks only, each of which writes tiles of its own.
unsafe impl<T: Element> Sync for Store<T> {}

impl<T> Store<T> {
    /// The address of an element.
    #[inline(always)]
    pub(super) fn at(&self, row: usize, col: usize) -> *mut T {
        self.c
            .wrapping_offset(row as isize * self.row_stride)
            .wrapping_add(col)
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
    /// Receives each element of the product once, in any order, from any thread.
    ///
    /// # Safety
    /// The panel lies inside of the C that the operation was made for, and no other
    /// thread has an overlapping panel at the same time; `panel.data` holds
    /// rows · stride elements, which are the call's own. At most
    /// [`MAX_PANEL_VECTORS`] vectors.
    unsafe fn apply(&self, panel: Panel<T>);
}

/// Tiles below each other that an operation gets at once.
pub(crate) const PANEL_TILES: usize = 4;

/// Bytes of the largest tile of any level: 12 rows of two 64-byte vectors.
pub(crate) const TILE_BYTES: usize = MAX_ROWS * 2 * 64;

/// Elements of the largest f32 panel of any level.
pub(crate) const MAX_PANEL: usize = PANEL_TILES * TILE_BYTES / size_of::<f32>();

/// Vectors of the largest panel of any level.
pub(crate) const MAX_PANEL_VECTORS: usize = PANEL_TILES * MAX_ROWS * 2;

/// Room for a panel.
#[repr(align(64))]
pub(crate) struct Room([MaybeUninit<u8>; PANEL_TILES * TILE_BYTES]);

impl Room {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Room([MaybeUninit::uninit(); PANEL_TILES * TILE_BYTES])
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

/// C = α·tile + β·C for C in any strides. α, β and the sum are rounded one after another,
/// so that C's layout moves no bit.
pub(crate) struct ScaledStore<S> {
    pub(crate) s: S,
    pub(crate) c: *mut f32,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
    pub(crate) alpha: f32,
    /// `None` where C is not read (β = 0).
    pub(crate) beta: Option<f32>,
    /// What may be written.
    pub(crate) extent: Extent,
}

// SAFETY: the pointer is dereferenced in `apply` only, whose contract keeps threads apart.
unsafe impl<S: Sync> Sync for ScaledStore<S> {}

impl<S: Simd> ScaledStore<S> {
    /// # Safety
    /// As [`TileOperation::apply`]; C is contiguous along its rows.
    #[inline(always)]
    unsafe fn apply_to_rows(&self, panel: Panel<f32>, c: *mut f32) {
        let s = self.s;
        let alpha = s.splat(self.alpha);
        for i in 0..panel.rows {
            let c = c.wrapping_offset(i as isize * self.row_stride);
            for_each_vector(
                s,
                panel.cols,
                #[inline(always)]
                |j, mask| {
                    // SAFETY: the panel's rows hold whole vectors; C has its columns, by
                    // mask.
                    unsafe {
                        let to = c.add(j);
                        let v = s.mul(s.load(panel.data.add(i * panel.stride + j)), alpha);
                        let v = match self.beta {
                            None => v,
                            Some(beta) => s.add(v, s.mul(s.splat(beta), load(s, to, mask))),
                        };
                        store(s, to, v, mask);
                    }
                },
            );
        }
    }
}

impl<S: Simd> TileOperation<f32> for ScaledStore<S> {
    unsafe fn apply(&self, panel: Panel<f32>) {
        let start = self
            .c
            .wrapping_offset(panel.row as isize * self.row_stride)
            .wrapping_offset(panel.col as isize * self.col_stride);
        let strides = (self.row_stride, self.col_stride);
        self.extent.check(start, (panel.rows, panel.cols), strides);
        if self.col_stride == 1 {
            self.s.vectorize(
                #[inline(always)]
                // SAFETY: the caller's contract.
                || unsafe { self.apply_to_rows(panel, start) },
            );
            return;
        }
        for i in 0..panel.rows {
            for j in 0..panel.cols {
                // SAFETY: (i, j) is in the panel, (row + i, col + j) in C.
                unsafe {
                    let c = start
                        .offset(i as isize * self.row_stride)
                        .offset(j as isize * self.col_stride);
                    let v = *panel.data.add(i * panel.stride + j) * self.alpha;
                    *c = match self.beta {
                        None => v,
                        Some(beta) => v + beta * *c,
                    };
                }
            }
        }
    }
}
