//! Noise, one element at a time.

use super::random::{normal, uniform};
use crate::noise::Noise;
use crate::random::Key;

/// What becomes of x in a row and column.
pub fn corrupt(noise: Noise, key: Key, row: u32, col: usize, x: f64) -> f64 {
    let u = uniform(key, row, col);
    match noise {
        Noise::Gaussian { stddev } => x + f64::from(stddev) * normal(key, row, col),
        Noise::ClippedGaussian { stddev } => {
            (x + f64::from(stddev) * normal(key, row, col)).clamp(0.0, 1.0)
        }
        Noise::Masking { probability } if u < probability => 0.0,
        Noise::SaltAndPepper { probability } if u < probability / 2.0 => 0.0,
        Noise::SaltAndPepper { probability } if u < probability => 1.0,
        Noise::Masking { .. } | Noise::SaltAndPepper { .. } => x,
    }
}

/// What dropout leaves of x in a row and column.
pub fn drop_out(probability: f32, key: Key, row: u32, col: usize, x: f64) -> f64 {
    if uniform(key, row, col) < probability {
        0.0
    } else {
        x / (1.0 - f64::from(probability))
    }
}
