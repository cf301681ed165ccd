//! Matrices among canaries, and the numbers in them.

use autoencoder_kernels::{MatMut, MatRef};

/// A value that no kernel computes: a NaN with a payload of its own.
const CANARY: u32 = 0x7fed_cba9;

/// Elements before and after the matrix.
const MARGIN: usize = 40;

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    RowMajor { gap: usize },
    ColMajor { gap: usize },
    Spread { gap: usize, step: usize },
}

/// What numbers a matrix holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// In (−1, 1).
    Noise,
    /// From −8 to 8: sums of many products are exact.
    SmallIntegers,
    /// Of magnitudes from 2⁻⁸⁰ to 2⁵⁸: products are subnormal or vanish, and
    /// sums of 4 096 of them are finite.
    Wild,
}

impl Values {
    /// A number that depends on its place only.
    pub fn at(self, seed: u64, i: usize, j: usize) -> f32 {
        let random = mix(seed ^ (i as u64) << 32 ^ j as u64);
        let noise = (random >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
        match self {
            Values::Noise => noise,
            Values::SmallIntegers => (noise * 8.0).round(),
            Values::Wild => noise * 2f32.powi((random % 139) as i32 - 80),
        }
    }
}

/// splitmix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number
/// Generators*, 2014).
fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A matrix in strided memory with canaries in every gap and round it.
#[derive(Clone, Debug)]
pub struct Guarded {
    data: Vec<f32>,
    shape: (usize, usize),
    strides: (usize, usize),
}

impl Guarded {
    pub fn new(
        (rows, cols): (usize, usize),
        layout: Layout,
        f: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let strides = match layout {
            Layout::RowMajor { gap } => (cols + gap, 1),
            Layout::ColMajor { gap } => (1, rows + gap),
            Layout::Spread { gap, step } => (cols * step + gap, step),
        };
        let len = 2 * MARGIN + rows * strides.0 + cols * strides.1;
        let mut data = vec![f32::from_bits(CANARY); len];
        for i in 0..rows {
            for j in 0..cols {
                data[MARGIN + i * strides.0 + j * strides.1] = f(i, j);
            }
        }
        let shape = (rows, cols);
        Guarded {
            data,
            shape,
            strides,
        }
    }

    /// One of random numbers.
    pub fn random(shape: (usize, usize), layout: Layout, values: Values, seed: u64) -> Self {
        Self::new(shape, layout, |i, j| values.at(seed, i, j))
    }

    /// One that a kernel must overwrite without reading it.
    pub fn unread(shape: (usize, usize), layout: Layout) -> Self {
        Self::new(shape, layout, |_, _| f32::NAN)
    }

    pub fn view(&self) -> MatRef<'_, f32> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatRef::with_strides(&self.data[MARGIN..], rows, cols, row, col).expect("the memory fits")
    }

    pub fn view_mut(&mut self) -> MatMut<'_, f32> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatMut::with_strides(&mut self.data[MARGIN..], rows, cols, row, col)
            .expect("the memory fits")
    }

    /// Panics unless every element that is not of the matrix is a canary.
    pub fn check_canaries(&self) {
        let mut outside = vec![true; self.data.len()];
        for i in 0..self.shape.0 {
            for j in 0..self.shape.1 {
                outside[MARGIN + i * self.strides.0 + j * self.strides.1] = false;
            }
        }
        for (i, (x, outside)) in self.data.iter().zip(outside).enumerate() {
            assert!(
                !outside || x.to_bits() == CANARY,
                "element {i} outside of the matrix was overwritten with {x}: {:?} {:?}",
                self.shape,
                self.strides
            );
        }
    }

    /// The bits of the matrix, after a look at the canaries.
    pub fn bits(&self) -> Vec<u32> {
        self.check_canaries();
        bits_of(self.view().to_owned().as_slice())
    }
}

/// The bits of each number. All NaN are one: which NaN an operation gives is
/// the processor's choice.
pub fn bits_of(numbers: &[f32]) -> Vec<u32> {
    let bits = |x: &f32| if x.is_nan() { f32::NAN } else { *x }.to_bits();
    numbers.iter().map(bits).collect()
}
