//! What the tests of the dense kernels share.

use autoencoder_kernels::{Activation, Context, Level, Mat, activation};

use super::noise;

/// Every level on one thread.
pub fn contexts() -> impl Iterator<Item = Context> {
    Level::available()
        .iter()
        .map(|&level| Context::serial().with_level(level))
}

pub fn apply(context: Context, activation: Activation, z: &Mat<f32>) -> Mat<f32> {
    let mut y = Mat::zeros(z.rows(), z.cols());
    activation::forward(context.level, activation, z.as_ref(), y.as_mut()).unwrap();
    y
}

pub fn vector(len: usize, seed: u64) -> Vec<f32> {
    (0..len).map(|i| noise(seed, i, 9)).collect()
}

/// `start` plus the rows of `delta`, one after another.
pub fn sums_after(start: &[f32], delta: &Mat<f32>) -> Vec<u32> {
    let mut sums = start.to_vec();
    for i in 0..delta.rows() {
        for (sum, x) in sums.iter_mut().zip(delta.row(i)) {
            *sum += x;
        }
    }
    sums.iter().map(|x| x.to_bits()).collect()
}

pub fn to_bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}
