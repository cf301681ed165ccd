//! What an operation gets of a product: each tile once, no more at once than it takes.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::epilogue::{MAX_PANEL_VECTORS, Panel, TileOperation};
use super::*;
use crate::gemm::gemm;
use crate::level::{Kernel, Level};
use crate::mat::{Mat, MatRef};
use crate::parallel::{Context, Shared};
use crate::simd::Simd;

/// Writes C, and remembers what it got.
struct Copy {
    c: Shared<f32>,
    shape: (usize, usize),
    lanes: usize,
    is_wide: bool,
    elements: AtomicUsize,
    most_cols: AtomicUsize,
}

impl TileOperation<f32> for Copy {
    unsafe fn apply(&self, panel: Panel<f32>) {
        let (rows, cols) = self.shape;
        assert!(panel.row + panel.rows <= rows && panel.col + panel.cols <= cols);
        assert!(panel.stride.is_multiple_of(self.lanes) && panel.cols <= panel.stride);
        assert!(panel.rows * panel.stride / self.lanes <= MAX_PANEL_VECTORS);
        for i in 0..panel.rows {
            // Also what is behind the last column, as operations do.
            for j in 0..panel.stride {
                // SAFETY: the panel holds rows · stride elements; the place is inside of
                // C, and no other thread has it.
                unsafe {
                    let x = panel.data.add(i * panel.stride + j).read();
                    if j < panel.cols {
                        let to = (panel.row + i) * cols + panel.col + j;
                        let to = self.c.get().add(to);
                        assert!((*to).is_nan(), "a tile comes twice");
                        *to = x;
                    }
                }
            }
        }
        let count = panel.rows * panel.cols;
        self.elements.fetch_add(count, Ordering::Relaxed);
        self.most_cols.fetch_max(panel.cols, Ordering::Relaxed);
    }

    fn is_wide(&self) -> bool {
        self.is_wide
    }
}

/// A product that goes to a [`Copy`].
struct Product<'a> {
    a: MatRef<'a, f32>,
    b: MatRef<'a, f32>,
    c: &'a mut Mat<f32>,
    is_wide: bool,
    parallelism: Parallelism,
}

impl Kernel for Product<'_> {
    /// Columns of a tile, and of the widest panel.
    type Output = (usize, usize);

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (usize, usize) {
        let shape = self.c.shape();
        let copy = Copy {
            c: Shared::new(self.c.as_mut_slice().as_mut_ptr()),
            shape,
            lanes: <S as Registers<f32>>::LANES,
            is_wide: self.is_wide,
            elements: AtomicUsize::new(0),
            most_cols: AtomicUsize::new(0),
        };
        let terms = [Term::new(self.a, self.b)];
        // SAFETY: the views fit each other and C, which nobody else reads or writes.
        unsafe { multiply(s, shape, &terms, Sink::Operation(&copy), self.parallelism) };
        assert_eq!(copy.elements.into_inner(), shape.0 * shape.1);
        let tile = <S as Registers<f32>>::TILE_VECTORS * <S as Registers<f32>>::LANES;
        (tile, copy.most_cols.into_inner())
    }
}

/// Numbers of which more than half are 0.
fn sparse(rows: usize, cols: usize, seed: usize) -> Mat<f32> {
    Mat::from_fn(rows, cols, |i, j| {
        ((i * 31 + j * 17 + i * j + seed) % 23).saturating_sub(13) as f32 / 7.0
    })
}

#[test]
fn an_operation_gets_each_tile_once() {
    // Blocks of rows and of columns, parts of K, packed operands, strips, a ragged edge.
    for (m, k, n, turned) in [
        (97, 5, 300, false),
        (70, 70, 257, false),
        (150, 1100, 90, false),
        (40, 70, 2100, true),
        (1930, 140, 290, true),
        (13, 3, 1, false),
        (33, 0, 40, false),
    ] {
        let a = sparse(m, k, 1);
        let (b, bt) = (sparse(k, n, 2), sparse(n, k, 2));
        let b = if turned {
            bt.as_ref().transpose()
        } else {
            b.as_ref()
        };
        for skips in [false, true] {
            let a = if skips {
                a.as_ref().skip_zeros()
            } else {
                a.as_ref()
            };
            for &level in Level::available() {
                let mut want = Mat::zeros(m, n);
                let context = Context::serial().with_level(level);
                gemm(context, 1.0, a, b, 0.0, want.as_mut()).unwrap();
                for parallelism in [Parallelism::Serial, Parallelism::Pool] {
                    for is_wide in [false, true] {
                        let mut c = Mat::from_fn(m, n, |_, _| f32::NAN);
                        let (tile, widest) = level.dispatch(Product {
                            a,
                            b,
                            c: &mut c,
                            is_wide,
                            parallelism,
                        });
                        assert!(c.as_slice() == want.as_slice(), "{level} {m}×{k}×{n}");
                        // Not of tiles alone, where there are more beside each other.
                        let has_more = n > tile + crate::tuning::NARROW;
                        assert_eq!(widest > tile, is_wide && has_more, "{level} {m}×{k}×{n}");
                    }
                }
            }
        }
    }
}
