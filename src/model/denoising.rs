//! How well a model mends corrupted samples.

use autoencoder_kernels::noise::{self, Noise};
use autoencoder_kernels::{Level, Mat};

use super::autoencoder::Autoencoder;
use super::distortion::Distortion;
use super::samples::Samples;
use crate::error::Result;
use crate::random::Stream;

/// Rows that are corrupted and mended together.
const ROWS: usize = 1024;

/// How far corrupted samples, and their reconstructions, are from the clean
/// ones; see [`Autoencoder::evaluate_denoising`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Denoising {
    /// How many samples there were.
    pub samples: usize,
    /// The mean of the squared differences between noisy and clean numbers.
    pub noisy_mean_squared_error: f64,
    /// The same between reconstructions of noisy samples and clean ones.
    pub mean_squared_error: f64,
    /// The peak signal-to-noise ratio of the noisy samples, in dB:
    /// 10·log₁₀(peak²/mean squared error). The peak is the width of the smallest
    /// interval that has 0, 1 and all clean numbers in it: 1 for pictures.
    pub noisy_psnr: f64,
    /// The same for the reconstructions.
    pub psnr: f64,
}

impl Samples<'_> {
    /// The samples with noise: numbers that are a function of seed, row and
    /// column.
    ///
    /// # Errors
    /// [`Error::Kernels`](crate::Error::Kernels) if the noise refuses its
    /// strength or the samples do not fit in memory.
    pub fn corrupted(&self, noise: Noise, seed: u64) -> Result<Mat<f32>> {
        let mut noisy = Mat::try_zeros(self.len(), self.features())?;
        self.corrupted_rows(noise, seed, 0, &mut noisy)?;
        Ok(noisy)
    }

    /// As many rows as `to` has, from row `first` on, with noise.
    fn corrupted_rows(
        &self,
        noise: Noise,
        seed: u64,
        first: usize,
        to: &mut Mat<f32>,
    ) -> Result<()> {
        let mut buffer = Mat::default();
        let clean = self.rows(first..first + to.rows(), &mut buffer)?;
        let key = Stream::Denoising.key(seed, 0);
        let level = Level::current();
        Ok(noise::corrupt(
            level,
            noise,
            key,
            first,
            clean,
            to.as_mut(),
        )?)
    }
}

impl Autoencoder {
    /// Corrupts samples as [`Samples::corrupted`] does, reconstructs them, and
    /// compares both with the clean ones. NaN for no samples.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) unless the samples are as wide as
    /// the input; [`Error::Kernels`](crate::Error::Kernels) if the noise
    /// refuses its strength.
    pub fn evaluate_denoising<'a>(
        &self,
        samples: impl Into<Samples<'a>>,
        noise: Noise,
        seed: u64,
    ) -> Result<Denoising> {
        let samples = samples.into();
        self.check_width(samples, self.architecture().input())?;
        let (mut before, mut after) = (Distortion::new(), Distortion::new());
        for first in (0..samples.len()).step_by(ROWS) {
            let rows = ROWS.min(samples.len() - first);
            let mut noisy = Mat::try_zeros(rows, samples.features())?;
            samples.corrupted_rows(noise, seed, first, &mut noisy)?;
            let mended = self.reconstruct(&noisy)?;
            let mut buffer = Mat::default();
            let clean = samples.rows(first..first + rows, &mut buffer)?;
            for i in 0..rows {
                let originals = || (0..clean.cols()).map(|j| clean.get(i, j));
                before.add(originals(), noisy.row(i));
                after.add(originals(), mended.row(i));
            }
        }
        Ok(Denoising {
            samples: samples.len(),
            noisy_mean_squared_error: before.mean_squared_error(),
            mean_squared_error: after.mean_squared_error(),
            noisy_psnr: before.psnr(),
            psnr: after.psnr(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{digits, standard_normal};

    #[test]
    fn ratios_are_those_of_the_parts() {
        let data = digits().slice(0..1_100).unwrap();
        let model = Autoencoder::builder().input(784).encoder([3]);
        let model = model.build().unwrap();
        let noise = Noise::SaltAndPepper { probability: 0.5 };
        let clean = data.to_mat().unwrap();
        let noisy = Samples::from(&data).corrupted(noise, 3).unwrap();
        let mended = model.reconstruct(&noisy).unwrap();
        let error = |a: &Mat<f32>| {
            let pairs = a.as_slice().iter().zip(clean.as_slice());
            let sum: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
            sum / clean.as_slice().len() as f64
        };
        let got = model.evaluate_denoising(&data, noise, 3).unwrap();
        assert_eq!(got.samples, 1_100);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{a} {b}");
        close(got.noisy_mean_squared_error, error(&noisy));
        close(got.mean_squared_error, error(&mended));
        close(got.noisy_psnr, -10.0 * error(&noisy).log10());
        close(got.psnr, -10.0 * error(&mended).log10());
        let other = model.evaluate_denoising(&data, noise, 4).unwrap();
        assert_ne!(other, got);
        let narrow = Mat::zeros(2, 783);
        assert!(model.evaluate_denoising(&narrow, noise, 3).is_err());
    }

    #[test]
    fn noise_is_no_copy_of_normal_data_of_the_same_seed() {
        let data = standard_normal(100, 50, 7).unwrap();
        let noise = Noise::Gaussian { stddev: 1.0 };
        let noisy = Samples::from(&data).corrupted(noise, 7).unwrap();
        let clean = data.to_mat().unwrap();
        let pairs = noisy.as_slice().iter().zip(clean.as_slice());
        let products = pairs.map(|(noisy, x)| f64::from((noisy - x) * x));
        // Of independent ones the mean is 0, with a standard error of 0.014.
        let mean = products.sum::<f64>() / 5_000.0;
        assert!(mean.abs() < 0.07, "{mean}");
    }

    #[test]
    fn the_peak_is_the_range_where_it_is_wider_than_one() {
        let data = Mat::from_fn(4, 10, |i, j| (i + j) as f32 - 2.0);
        let model = Autoencoder::builder().input(10).encoder([3]);
        let model = model.build().unwrap();
        let noise = Noise::Gaussian { stddev: 1.0 };
        let got = model.evaluate_denoising(&data, noise, 0).unwrap();
        let want = 20.0 * 12f64.log10() - 10.0 * got.noisy_mean_squared_error.log10();
        assert!((got.noisy_psnr - want).abs() < 1e-9);
    }
}
