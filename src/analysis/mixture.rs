//! [`GaussianMixture`]: where codes lie, as a distribution to draw new ones from.

use std::f64::consts::PI;

use autoencoder_kernels::random::fill_normal;
use autoencoder_kernels::{Level, Mat};
use nalgebra::{Cholesky, DMatrix};

use super::moments::{covariance, mean};
use super::pca::affine;
use super::{check_some, check_width, not_finite};
use crate::error::{Error, Result};
use crate::model::Samples;
use crate::random::{Generator, Purpose, Stream};

/// Added to each variance, in units of the mean variance: numbers of a code that
/// never change have none.
const FLOOR: f64 = 1e-5;

/// How to fit a [`GaussianMixture`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixtureOptions {
    /// Gaussians: 1, the normal distribution.
    pub components: usize,
    /// Rounds of expectation and maximisation, at most: 100.
    pub iterations: usize,
    /// It ends where a round adds less to the mean log-likelihood: 10⁻³ nats.
    pub tolerance: f64,
    /// The seed of the samples that the Gaussians begin at: 0.
    pub seed: u64,
}

impl Default for MixtureOptions {
    fn default() -> Self {
        MixtureOptions {
            components: 1,
            iterations: 100,
            tolerance: 1e-3,
            seed: 0,
        }
    }
}

/// A sum of Gaussians with covariances of their own, fitted by
/// expectation-maximisation (Dempster, Laird and Rubin 1977) from samples chosen
/// as by k-means++ (Arthur and Vassilvitskii 2007). Of one component, the normal
/// distribution with the samples' mean and covariance.
///
/// To draw from a distribution fitted to codes, and to decode what was drawn,
/// makes a plain autoencoder a generator.
///
/// ```
/// use autoencoder::analysis::{GaussianMixture, MixtureOptions};
///
/// // Two places.
/// let codes = autoencoder::Mat::from_fn(100, 2, |i, j| {
///     let place = if i < 25 { -5.0 } else { 5.0 };
///     place + (i * (j + 3) % 7) as f32 * 0.1
/// });
/// let options = MixtureOptions { components: 2, ..MixtureOptions::default() };
/// let mixture = GaussianMixture::fit(&codes, &options)?;
/// let mut weights = mixture.weights().to_vec();
/// weights.sort_by(f64::total_cmp);
/// assert!((weights[0] - 0.25).abs() < 1e-3);
/// assert_eq!(mixture.sample(64, 0)?.shape(), (64, 2));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    weights: Vec<f64>,
    components: Vec<Gaussian>,
}

#[derive(Clone, Debug)]
struct Gaussian {
    mean: Vec<f64>,
    /// L, lower triangular: L·Lᵀ is the covariance.
    factor: DMatrix<f64>,
}

impl GaussianMixture {
    /// Fits a mixture to codes, one a row.
    ///
    /// # Errors
    /// [`Error::Shape`] for no codes, [`Error::Configuration`] unless there are
    /// from 1 to as many components as codes, or for codes that are not finite,
    /// [`Error::Kernels`] if a number for each component and code does not fit in
    /// memory.
    pub fn fit<'a>(codes: impl Into<Samples<'a>>, options: &MixtureOptions) -> Result<Self> {
        let codes = codes.into();
        check_some(codes)?;
        if !(1..=codes.len()).contains(&options.components) {
            return Err(Error::configuration(
                "the number of Gaussians",
                options.components,
                format_args!("1 to {}, the number of codes", codes.len()),
            ));
        }
        let whole = Gaussian::fit(codes, None, 0.0)?;
        let floor = FLOOR * whole.variance();
        let whole = Gaussian::fit(codes, None, floor)?;
        let mut mixture = GaussianMixture {
            weights: vec![1.0],
            components: vec![whole],
        };
        if options.components > 1 {
            mixture.spread(codes, options, floor)?;
        }
        Ok(mixture)
    }

    /// From one Gaussian to many.
    fn spread(&mut self, codes: Samples<'_>, options: &MixtureOptions, floor: f64) -> Result<()> {
        let count = options.components;
        // Shares of each in each: an allocation that fails ends the program, so ask
        // first.
        drop(Mat::<f64>::try_zeros(count, codes.len())?);
        let (starts, nearest) = starts(codes, count, options.seed)?;
        let one = |mean| Gaussian {
            mean,
            factor: self.components[0].factor.clone(),
        };
        self.components = starts.into_iter().map(one).collect();
        self.weights = vec![1.0 / count as f64; count];
        let mut shares = vec![vec![0.0; codes.len()]; count];
        for (i, &nearest) in nearest.iter().enumerate() {
            shares[nearest][i] = 1.0;
        }
        self.maximise(codes, &shares, floor)?;
        let mut before = f64::NEG_INFINITY;
        for _ in 0..options.iterations {
            let likelihood = self.expect(codes, &mut shares)?;
            if likelihood - before < options.tolerance {
                break;
            }
            before = likelihood;
            self.maximise(codes, &shares, floor)?;
        }
        Ok(())
    }

    /// The probability that each Gaussian has a share in each code; returns the
    /// mean log-likelihood.
    fn expect(&self, codes: Samples<'_>, shares: &mut [Vec<f64>]) -> Result<f64> {
        for ((share, gaussian), weight) in
            shares.iter_mut().zip(&self.components).zip(&self.weights)
        {
            *share = gaussian.log_density(codes)?;
            share.iter_mut().for_each(|density| *density += weight.ln());
        }
        let mut sum = 0.0;
        for i in 0..codes.len() {
            let all = || shares.iter().map(|share| share[i]);
            let largest = all().fold(f64::NEG_INFINITY, f64::max);
            let total = largest + all().map(|log| (log - largest).exp()).sum::<f64>().ln();
            sum += total;
            shares
                .iter_mut()
                .for_each(|share| share[i] = (share[i] - total).exp());
        }
        Ok(sum / codes.len() as f64)
    }

    /// The Gaussians that fit those shares best.
    fn maximise(&mut self, codes: Samples<'_>, shares: &[Vec<f64>], floor: f64) -> Result<()> {
        for ((share, gaussian), weight) in shares
            .iter()
            .zip(&mut self.components)
            .zip(&mut self.weights)
        {
            *weight = share.iter().sum::<f64>() / codes.len() as f64;
            // One that has no codes left stays where it is and counts no more.
            if *weight > f64::EPSILON {
                *gaussian = Gaussian::fit(codes, Some(share), floor)?;
            }
        }
        Ok(())
    }

    /// The part of the codes that each Gaussian stands for; they add up to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The mean of each Gaussian.
    pub fn means(&self) -> impl Iterator<Item = &[f64]> {
        self.components
            .iter()
            .map(|gaussian| gaussian.mean.as_slice())
    }

    /// The logarithm of the density at codes, in nats: the mean over them. To
    /// compare numbers of components, take codes that it was not fitted to.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the codes are as wide as those fitted to.
    pub fn log_likelihood<'a>(&self, codes: impl Into<Samples<'a>>) -> Result<f64> {
        let codes = codes.into();
        check_width(codes, self.components[0].mean.len())?;
        self.expect(codes, &mut vec![Vec::new(); self.components.len()])
    }

    /// New codes, one a row. Code i depends on the seed and on i alone, and has
    /// the same bits on every machine.
    ///
    /// # Errors
    /// [`Error::Kernels`] if they do not fit in memory.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Mat<f32>> {
        let width = self.components[0].mean.len();
        let mut codes = Mat::try_zeros(count, width)?;
        let key = Stream::Mixture.key(seed, 0);
        fill_normal(Level::Portable, key, 0, codes.as_mut())?;
        let mut generator = Generator::new(seed, Purpose::Choice);
        for i in 0..count {
            let gaussian = &self.components[choose(&self.weights, f64::from(generator.unit()))];
            let normal: Vec<f64> = codes.row(i).iter().map(|&z| f64::from(z)).collect();
            for (j, to) in codes.row_mut(i).iter_mut().enumerate() {
                let row = (0..=j).map(|k| gaussian.factor[(j, k)] * normal[k]);
                *to = (gaussian.mean[j] + row.sum::<f64>()) as f32;
            }
        }
        Ok(codes)
    }
}

impl Gaussian {
    /// The one with the mean and the covariance of codes, `floor` added to each
    /// variance.
    fn fit(codes: Samples<'_>, weights: Option<&[f64]>, floor: f64) -> Result<Self> {
        let mean = mean(codes, weights)?;
        let mut covariance = covariance(codes, &mean, weights)?;
        // Codes that are all the same are a very narrow distribution.
        let floor = floor.max(f64::from(f32::MIN_POSITIVE));
        (0..mean.len()).for_each(|j| covariance[(j, j)] += floor);
        if !covariance.iter().all(|x| x.is_finite()) {
            return Err(not_finite());
        }
        let factor = Cholesky::new(covariance.clone()).map(Cholesky::unpack);
        // Without a floor rounding may leave no factor: the variances then.
        let variances = || DMatrix::from_diagonal(&covariance.diagonal().map(f64::sqrt));
        Ok(Gaussian {
            factor: factor.unwrap_or_else(variances),
            mean,
        })
    }

    /// The mean variance of a number of the code.
    fn variance(&self) -> f64 {
        self.factor.norm_squared() / self.mean.len() as f64
    }

    /// ln N(x | mean, covariance) = −½·(‖L⁻¹·(x − mean)‖² + d·ln 2π) − ln |L|.
    fn log_density(&self, codes: Samples<'_>) -> Result<Vec<f64>> {
        let width = self.mean.len();
        let identity = DMatrix::identity(width, width);
        let inverse = self.factor.solve_lower_triangular(&identity);
        let inverse = inverse.ok_or_else(not_finite)?;
        let weight = Mat::from_fn(width, width, |i, j| inverse[(j, i)] as f32);
        let shift = |row: usize| {
            let products = (0..width).map(|j| inverse[(row, j)] * self.mean[j]);
            -products.sum::<f64>() as f32
        };
        let bias: Vec<f32> = (0..width).map(shift).collect();
        let whitened = affine(codes, weight.as_ref(), &bias)?;
        let logs = self.factor.diagonal().iter().map(|l| l.ln()).sum::<f64>();
        let constant = -0.5 * width as f64 * (2.0 * PI).ln() - logs;
        let density = |row: &[f32]| {
            let squares = row.iter().map(|&z| f64::from(z) * f64::from(z));
            constant - 0.5 * squares.sum::<f64>()
        };
        Ok(whitened
            .as_slice()
            .chunks_exact(width)
            .map(density)
            .collect())
    }
}

/// Codes far from each other, and for each code the place of the nearest.
fn starts(codes: Samples<'_>, count: usize, seed: u64) -> Result<(Vec<Vec<f64>>, Vec<usize>)> {
    let mut buffer = Mat::default();
    let all = codes.rows(0..codes.len(), &mut buffer)?;
    let row = |i: usize| (0..all.cols()).map(move |j| f64::from(all.get(i, j)));
    let mut generator = Generator::new(seed, Purpose::Choice);
    let mut distances = vec![f64::INFINITY; codes.len()];
    let (mut starts, mut nearest) = (Vec::new(), vec![0; codes.len()]);
    let mut next = generator.below(codes.len());
    for place in 0..count {
        let start: Vec<f64> = row(next).collect();
        for (i, distance) in distances.iter_mut().enumerate() {
            let squares = row(i).zip(&start).map(|(x, s)| (x - s) * (x - s));
            let new = squares.sum();
            if new < *distance {
                (*distance, nearest[i]) = (new, place);
            }
        }
        starts.push(start);
        next = choose(&distances, f64::from(generator.unit()));
    }
    Ok((starts, nearest))
}

/// The place that a number in [0, 1) falls on, where each is as wide as its
/// weight.
fn choose(weights: &[f64], unit: f64) -> usize {
    let mut left = unit * weights.iter().sum::<f64>();
    for (place, &weight) in weights.iter().enumerate() {
        if left < weight {
            return place;
        }
        left -= weight;
    }
    weights
        .iter()
        .rposition(|&weight| weight > 0.0)
        .unwrap_or(0)
}
