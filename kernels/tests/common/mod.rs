//! Matrices in the middle of guarded memory, for tests of kernels.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary includes this module and uses a part of it"
)]

pub mod dense;
#[cfg(unix)]
pub mod paged;

use autoencoder_kernels::{Context, Level, Mat, MatMut, MatRef, Parallelism};
use proptest::prelude::*;

/// A value that no kernel computes: a NaN with a payload of its own.
pub const CANARY: u32 = 0x7fed_cba9;

/// Strided memory for a matrix with canaries in every gap and round it.
#[derive(Clone, Debug)]
pub struct Guarded {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// Elements before and after the matrix.
const MARGIN: usize = 40;

impl Guarded {
    pub fn new(rows: usize, cols: usize, layout: Layout, f: impl Fn(usize, usize) -> f32) -> Self {
        let (row_stride, col_stride) = match layout {
            Layout::RowMajor { gap } => (cols + gap, 1),
            Layout::ColMajor { gap } => (1, rows + gap),
            Layout::Spread { gap, step } => (cols * step + gap, step),
        };
        let len = 2 * MARGIN + rows * row_stride.max(1) + cols * col_stride.max(1);
        let mut guarded = Guarded {
            data: vec![f32::from_bits(CANARY); len],
            rows,
            cols,
            row_stride,
            col_stride,
        };
        for i in 0..rows {
            for j in 0..cols {
                guarded.data[MARGIN + i * row_stride + j * col_stride] = f(i, j);
            }
        }
        guarded
    }

    pub fn view(&self) -> MatRef<'_, f32> {
        let (rows, cols) = (self.rows, self.cols);
        MatRef::with_strides(
            &self.data[MARGIN..],
            rows,
            cols,
            self.row_stride,
            self.col_stride,
        )
        .expect("the memory fits")
    }

    pub fn view_mut(&mut self) -> MatMut<'_, f32> {
        let (rows, cols) = (self.rows, self.cols);
        let strides = (self.row_stride, self.col_stride);
        MatMut::with_strides(&mut self.data[MARGIN..], rows, cols, strides.0, strides.1)
            .expect("the memory fits")
    }

    /// Panics unless every element that is not of the matrix is a canary.
    pub fn check_canaries(&self) {
        let mut inside = vec![false; self.data.len()];
        for i in 0..self.rows {
            for j in 0..self.cols {
                inside[MARGIN + i * self.row_stride + j * self.col_stride] = true;
            }
        }
        for (i, x) in self.data.iter().enumerate() {
            assert!(
                inside[i] || x.to_bits() == CANARY,
                "element {i} outside of the {} × {} matrix was overwritten with {x}",
                self.rows,
                self.cols
            );
        }
    }

    /// All bits of the matrix, row by row.
    pub fn bits(&self) -> Vec<u32> {
        bits(self.view())
    }
}

pub fn bits(mat: MatRef<'_, f32>) -> Vec<u32> {
    mat.to_owned()
        .as_slice()
        .iter()
        .map(|x| x.to_bits())
        .collect()
}

/// Each level that the CPU has, on one thread and on many.
pub fn contexts() -> impl Iterator<Item = Context> {
    Level::available().iter().flat_map(|&level| {
        [Parallelism::Serial, Parallelism::Pool].map(|parallelism| {
            Context::default()
                .with_level(level)
                .with_parallelism(parallelism)
        })
    })
}

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    RowMajor { gap: usize },
    ColMajor { gap: usize },
    Spread { gap: usize, step: usize },
}

pub fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![
        4 => (0usize..4).prop_map(|gap| Layout::RowMajor { gap }),
        4 => (0usize..4).prop_map(|gap| Layout::ColMajor { gap }),
        1 => (0usize..4, 2usize..4).prop_map(|(gap, step)| Layout::Spread { gap, step }),
    ]
}

pub fn contiguous_rows() -> impl Strategy<Value = Layout> {
    (0usize..4).prop_map(|gap| Layout::RowMajor { gap })
}

/// Sizes with a reason: nothing, one, the tiles' heights (4, 6, 12) and widths
/// (8, 16, 32) and their neighbours, two tiles, the tutorials' layers.
pub fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        1 => Just(0usize),
        2 => Just(1usize),
        6 => prop::sample::select(vec![3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25]),
        4 => prop::sample::select(vec![31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 128]),
        1 => 0usize..130,
    ]
}

/// A number in (−1, 1) that depends on its place only.
pub fn noise(seed: u64, i: usize, j: usize) -> f32 {
    let mut x = seed ^ (i as u64) << 32 ^ j as u64;
    // splitmix64
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    (x >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

/// A small integer that depends on its place only: products and sums of many
/// are exact.
pub fn small_integer(seed: u64, i: usize, j: usize) -> f32 {
    (noise(seed, i, j) * 8.0).round()
}

pub fn noisy(rows: usize, cols: usize, seed: u64) -> Mat<f32> {
    Mat::from_fn(rows, cols, |i, j| noise(seed, i, j))
}
