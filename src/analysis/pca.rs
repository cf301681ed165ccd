//! [`Pca`]: principal components, the linear code with the least squared error.

use autoencoder_kernels::dense::Forward;
use autoencoder_kernels::{Activation, Context, Mat, MatRef};
use nalgebra::SymmetricEigen;

use super::moments::{blocks, covariance, mean};
use super::{check_some, check_width, not_finite};
use crate::error::{Error, Result};
use crate::model::Samples;

/// Principal component analysis (Pearson 1901): of all linear codes of `k`
/// numbers, the one whose reconstructions have the least mean squared error, and
/// so what an autoencoder is to be measured against.
///
/// The covariance is a product of this project's own, its eigenvectors are
/// nalgebra's: the time grows with the cube of the features, and is a third of a
/// second for 784 of them.
///
/// ```
/// use autoencoder::analysis::Pca;
///
/// let digits = autoencoder::data::digits().slice(0..500)?;
/// let pca = Pca::fit(&digits, 8)?;
/// let codes = pca.encode(&digits)?;
/// assert_eq!(codes.shape(), (500, 8));
/// let reconstructions = pca.decode(&codes)?;
/// assert_eq!(reconstructions.shape(), (500, 784));
/// // Eight numbers of 784 tell half of the variance.
/// let ratio: f64 = pca.explained_variance_ratio().iter().sum();
/// assert!((0.4..0.6).contains(&ratio));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Vec<f32>,
    /// −mean · components.
    shift: Vec<f32>,
    /// features × components, orthonormal columns.
    components: Mat<f32>,
    /// All eigenvalues, the largest first.
    variances: Vec<f64>,
}

impl Pca {
    /// Finds the first `components` principal components of samples.
    ///
    /// The sign of a component is such that its number that is farthest from 0 is
    /// positive.
    ///
    /// # Errors
    /// [`Error::Shape`] for no samples, [`Error::Configuration`] unless there are
    /// from 1 to as many components as features, or for samples that are not
    /// finite.
    pub fn fit<'a>(samples: impl Into<Samples<'a>>, components: usize) -> Result<Self> {
        Self::fit_samples(samples.into(), components)
    }

    /// Not generic, so that it is compiled here, optimised as this crate is.
    fn fit_samples(samples: Samples<'_>, components: usize) -> Result<Self> {
        check_some(samples)?;
        let features = samples.features();
        if !(1..=features).contains(&components) {
            return Err(Error::configuration(
                "the number of principal components",
                components,
                format_args!("1 to {features}, the numbers of a sample"),
            ));
        }
        let mean = mean(samples, None)?;
        let covariance = covariance(samples, &mean, None)?;
        if !covariance.iter().all(|x| x.is_finite()) {
            return Err(not_finite());
        }
        // Never more than a few iterations for each.
        let eigen = SymmetricEigen::try_new(covariance, f64::EPSILON, 100 * features);
        let eigen = eigen.ok_or_else(not_finite)?;
        let mut order: Vec<usize> = (0..features).collect();
        order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
        let column = |j: usize| {
            let column = eigen.eigenvectors.column(order[j]);
            let sign = column[column.iamax()].signum();
            column.iter().map(|x| sign * x).collect::<Vec<f64>>()
        };
        let columns: Vec<Vec<f64>> = (0..components).map(column).collect();
        let shift = columns.iter().map(|column| {
            let products = column.iter().zip(&mean).map(|(c, m)| c * m);
            -products.sum::<f64>() as f32
        });
        Ok(Pca {
            shift: shift.collect(),
            components: Mat::from_fn(features, components, |i, j| columns[j][i] as f32),
            mean: mean.iter().map(|&m| m as f32).collect(),
            // Rounding can push what should be 0 below it.
            variances: order
                .iter()
                .map(|&i| eigen.eigenvalues[i].max(0.0))
                .collect(),
        })
    }

    /// The components, one a column: features × components, orthonormal.
    pub fn components(&self) -> MatRef<'_, f32> {
        self.components.as_ref()
    }

    /// The mean of the samples.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The variance of each number of the code, the largest first: eigenvalues of
    /// the covariance, the squares summed over samples and divided by their number.
    pub fn explained_variance(&self) -> &[f64] {
        &self.variances[..self.components.cols()]
    }

    /// The variance of the samples, summed over all features. What the components
    /// leave of it is the squared error of the reconstruction, summed over the
    /// features, in the mean over the samples.
    pub fn total_variance(&self) -> f64 {
        self.variances.iter().sum()
    }

    /// [`explained_variance`](Self::explained_variance) as parts of the
    /// [total](Self::total_variance); zeros where there is no variance.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        let total = self.total_variance().max(f64::MIN_POSITIVE);
        let variances = self.explained_variance().iter();
        variances.map(|variance| variance / total).collect()
    }

    /// The codes of samples, one a row.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the samples are as wide as those fitted to.
    pub fn encode<'a>(&self, samples: impl Into<Samples<'a>>) -> Result<Mat<f32>> {
        let samples = samples.into();
        check_width(samples, self.mean.len())?;
        affine(samples, self.components.as_ref(), &self.shift)
    }

    /// What codes stand for, one a row.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are as many numbers in a code as components.
    pub fn decode<'a>(&self, codes: impl Into<Samples<'a>>) -> Result<Mat<f32>> {
        let codes = codes.into();
        check_width(codes, self.components.cols())?;
        affine(codes, self.components.as_ref().transpose(), &self.mean)
    }
}

/// X·W + b, one row a sample.
pub(super) fn affine(x: Samples<'_>, weight: MatRef<'_, f32>, bias: &[f32]) -> Result<Mat<f32>> {
    let mut output = Mat::try_zeros(x.len(), weight.cols())?;
    blocks(x, |first, block| {
        let rows = first..first + block.rows();
        Forward {
            x: block.as_ref(),
            weight,
            bias: Some(bias),
            activation: Activation::Identity,
            output: output.as_mut().submatrix(rows, 0..weight.cols()),
            pre_activation: None,
        }
        .run(Context::default())?;
        Ok(())
    })?;
    Ok(output)
}
