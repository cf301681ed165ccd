//! New codes from those of samples: round about them, and between two.

use autoencoder_kernels::random::fill_normal;
use autoencoder_kernels::{Level, Mat};

use super::moments::{blocks, mean};
use super::{check_some, check_width};
use crate::error::{Error, Result};
use crate::model::Samples;
use crate::random::Stream;

/// The standard deviation of each number of the code.
///
/// # Errors
/// [`Error::Shape`] for no codes.
pub fn standard_deviations<'a>(codes: impl Into<Samples<'a>>) -> Result<Vec<f32>> {
    let codes = codes.into();
    check_some(codes)?;
    let mean = mean(codes, None)?;
    let mut squares = vec![0.0; mean.len()];
    blocks(codes, |_, block| {
        for row in block.as_slice().chunks_exact(mean.len()) {
            for ((sum, &x), mean) in squares.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(x) - mean).powi(2);
            }
        }
        Ok(())
    })?;
    let count = codes.len() as f64;
    Ok(squares
        .iter()
        .map(|sum| (sum / count).sqrt() as f32)
        .collect())
}

/// Codes with normal noise on them, of a standard deviation for each number of
/// the code. The noise of row i depends on the seed and on i alone, and has the
/// same bits on every machine.
///
/// ```
/// use autoencoder::analysis::{around, standard_deviations};
///
/// let codes = autoencoder::Mat::from_slice(2, 2, &[0.0, 7.0, 2.0, 7.0])?;
/// let deviations = standard_deviations(&codes)?;
/// assert_eq!(deviations, [1.0, 0.0]);
/// let others = around(&codes, &deviations, 0)?;
/// assert_eq!(others[(0, 1)], 7.0); // the second number never changes
/// assert_ne!(others[(0, 0)], 0.0);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] unless there is one deviation for each number of a code.
pub fn around<'a>(
    codes: impl Into<Samples<'a>>,
    deviations: &[f32],
    seed: u64,
) -> Result<Mat<f32>> {
    let codes = codes.into();
    check_width(codes, deviations.len())?;
    let mut noise = Mat::try_zeros(codes.len(), codes.features())?;
    let key = Stream::Around.key(seed, 0);
    fill_normal(Level::Portable, key, 0, noise.as_mut())?;
    blocks(codes, |first, block| {
        for i in 0..block.rows() {
            let row = noise.row_mut(first + i).iter_mut();
            for ((to, code), deviation) in row.zip(block.row(i)).zip(deviations) {
                *to = code + deviation * *to;
            }
        }
        Ok(())
    })?;
    Ok(noise)
}

/// Codes at equal distances on the straight way from each row of `from` to the
/// same row of `to`, both ends among them: `steps` rows for the first pair, then
/// those of the second.
///
/// ```
/// # use autoencoder::{Mat, analysis::interpolate};
/// let from = Mat::from_slice(1, 2, &[0.0, 8.0])?;
/// let to = Mat::from_slice(1, 2, &[1.0, 0.0])?;
/// let way = interpolate(&from, &to, 3)?;
/// assert_eq!(way.as_slice(), [0.0, 8.0, 0.5, 4.0, 1.0, 0.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] unless both have the same shape; [`Error::Configuration`] for
/// less than two steps; [`Error::Kernels`] if the codes do not fit in memory.
pub fn interpolate(from: &Mat<f32>, to: &Mat<f32>, steps: usize) -> Result<Mat<f32>> {
    if from.shape() != to.shape() {
        let shape = |mat: &Mat<f32>| format!("{} × {}", mat.rows(), mat.cols());
        return Err(Error::shape("codes to end at", shape(to), shape(from)));
    }
    if steps < 2 {
        return Err(Error::configuration(
            "the number of steps",
            steps,
            "at least 2, the two ends",
        ));
    }
    let mut way = Mat::try_zeros(from.rows().saturating_mul(steps), from.cols())?;
    for i in 0..way.rows() {
        let (pair, part) = (i / steps, (i % steps) as f32 / (steps - 1) as f32);
        let ends = from.row(pair).iter().zip(to.row(pair));
        for (to, (a, b)) in way.row_mut(i).iter_mut().zip(ends) {
            *to = a * (1.0 - part) + b * part;
        }
    }
    Ok(way)
}

/// Moves each number of new codes into the range that it has in known ones, where
/// the decoder was trained: a normal distribution knows nothing of the 0 below
/// which no relu goes.
///
/// # Errors
/// [`Error::Shape`] for no known codes, or unless all are of the same width.
pub fn clamp_to_range<'a>(codes: &mut Mat<f32>, known: impl Into<Samples<'a>>) -> Result<()> {
    let known = known.into();
    check_some(known)?;
    check_width((&*codes).into(), known.features())?;
    let mut ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); known.features()];
    blocks(known, |_, block| {
        for row in block.as_slice().chunks_exact(ranges.len()) {
            for ((min, max), &x) in ranges.iter_mut().zip(row) {
                (*min, *max) = (min.min(x), max.max(x));
            }
        }
        Ok(())
    })?;
    for i in 0..codes.rows() {
        for (x, (min, max)) in codes.row_mut(i).iter_mut().zip(&ranges) {
            *x = x.max(*min).min(*max);
        }
    }
    Ok(())
}
