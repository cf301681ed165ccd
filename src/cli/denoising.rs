//! How well a denoiser mends samples, as told to people and programs.

use std::fmt;

use serde::Serialize;

use crate::data::Dataset;
use crate::model::Denoising;
use crate::{Autoencoder, Noise, Result};

/// Peak signal-to-noise ratios before and after.
#[derive(Serialize)]
pub(crate) struct Report {
    noise: String,
    samples: usize,
    /// In dB; `null` where nothing differs.
    noisy_psnr: f64,
    psnr: f64,
    noisy_mean_squared_error: f64,
    mean_squared_error: f64,
}

impl Report {
    pub(crate) fn new(
        model: &Autoencoder,
        data: &Dataset,
        noise: Noise,
        seed: u64,
    ) -> Result<Self> {
        let Denoising {
            samples,
            noisy_mean_squared_error,
            mean_squared_error,
            noisy_psnr,
            psnr,
            ..
        } = model.evaluate_denoising(data, noise, seed)?;
        Ok(Report {
            noise: noise.to_string(),
            samples,
            noisy_psnr,
            psnr,
            noisy_mean_squared_error,
            mean_squared_error,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "noise {}: {:.2} dB with it, {:.2} dB mended (PSNR of {} samples)",
            self.noise, self.noisy_psnr, self.psnr, self.samples
        )
    }
}

/// The noise that a model was trained with, if it was with any.
pub(crate) fn noise_of(model: &Autoencoder) -> Option<Noise> {
    model.training()?.noise.as_deref()?.parse().ok()
}
