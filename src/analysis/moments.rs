//! Means and covariances of the columns, summed in f64.
//!
//! The products of a block of rows are one GEMM in f32, whose sums stay short;
//! the blocks are added in f64.

use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::{Context, Mat};
use nalgebra::DMatrix;

use crate::error::Result;
use crate::model::Samples;

/// Rows that are multiplied together.
const ROWS: usize = 256;

/// The weighted mean of each column. Without weights all are 1.
pub(super) fn mean(samples: Samples<'_>, weights: Option<&[f64]>) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; samples.features()];
    let mut total = 0.0;
    blocks(samples, |first, block| {
        for (i, row) in block.as_slice().chunks_exact(sums.len()).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[first + i]);
            total += weight;
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum += weight * f64::from(x);
            }
        }
        Ok(())
    })?;
    sums.iter_mut().for_each(|sum| *sum /= total);
    Ok(sums)
}

/// The weighted mean of (x − `mean`)·(x − `mean`)ᵀ, features × features.
pub(super) fn covariance(
    samples: Samples<'_>,
    mean: &[f64],
    weights: Option<&[f64]>,
) -> Result<DMatrix<f64>> {
    let features = samples.features();
    let mut product = Mat::try_zeros(features, features)?;
    let mut sums = DMatrix::zeros(features, features);
    let mut total = 0.0;
    blocks(samples, |first, block| {
        for (i, row) in block.as_mut_slice().chunks_exact_mut(features).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[first + i]);
            total += weight;
            let root = weight.sqrt();
            for (x, mean) in row.iter_mut().zip(mean) {
                *x = (root * (f64::from(*x) - mean)) as f32;
            }
        }
        let (block, context) = (block.as_ref(), Context::default());
        gemm(
            context,
            1.0,
            block.transpose(),
            block,
            0.0,
            product.as_mut(),
        )?;
        // Symmetric, so that the order of its elements does not matter.
        for (sum, &part) in sums.as_mut_slice().iter_mut().zip(product.as_slice()) {
            *sum += f64::from(part);
        }
        Ok(())
    })?;
    Ok(sums / total)
}

/// Calls `with` for block after block, with the number of its first row and a
/// copy of its rows.
pub(super) fn blocks(
    samples: Samples<'_>,
    mut with: impl FnMut(usize, &mut Mat<f32>) -> Result<()>,
) -> Result<()> {
    for first in (0..samples.len()).step_by(ROWS) {
        let rows = first..samples.len().min(first + ROWS);
        let mut block = Mat::try_zeros(rows.len(), samples.features())?;
        samples.rows_into(rows, block.as_mut())?;
        with(first, &mut block)?;
    }
    Ok(())
}
