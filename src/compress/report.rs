//! [`Report`]: how small compressed samples are, and how much is lost.

use std::io::{self, Write};
use std::path::Path;

use autoencoder_kernels::Mat;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::Compressed;
use crate::data::{Dataset, png};
use crate::error::{Error, Result};
use crate::model::{Autoencoder, Distortion};

/// What compression brings, beside lossless compressors on the same samples.
/// Sizes are in bytes per sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How many samples there are.
    pub samples: usize,
    /// The whole file, in bytes.
    pub file: usize,
    /// The decoder in it, in bytes.
    pub decoder: usize,
    /// The whole file.
    pub bytes_per_sample: f64,
    /// The file without the decoder, as for a receiver who has that already.
    pub codes_per_sample: f64,
    /// The samples as they were: a byte or four for each number.
    pub raw_per_sample: f64,
    /// All samples in one gzip file, at its best level. Lossless.
    pub gzip_per_sample: f64,
    /// Each sample as a PNG file, as small as it gets. Lossless; `None` unless
    /// samples are pictures of bytes.
    pub png_per_sample: Option<f64>,
    /// Raw to the whole file.
    pub ratio: f64,
    /// Raw to the file without the decoder.
    pub ratio_without_decoder: f64,
    /// The peak signal-to-noise ratio of what comes back, in dB:
    /// 10·log₁₀(peak²/mean squared error), as of
    /// [`Denoising`](crate::model::Denoising).
    pub psnr: f64,
    /// The same without rounding the codes: what the model alone loses.
    pub psnr_unrounded: f64,
}

impl Report {
    /// Compares `compressed` with the samples that `model` made it of.
    ///
    /// # Errors
    /// [`Error::Shape`] unless these are the samples and the model;
    /// [`Error::Kernels`] if a copy does not fit in memory; [`Error::Io`], which
    /// does not happen in practice.
    pub fn new(compressed: &Compressed, model: &Autoencoder, data: &Dataset) -> Result<Self> {
        if data.len() != compressed.len() || data.is_empty() {
            let expected = format!("{}, at least one", compressed.len());
            return Err(Error::shape("samples of a report", data.len(), expected));
        }
        let failed = |error| Error::io("measure", Path::new("samples"), error);
        let (_, sizes) = compressed.to_bytes_and_sizes()?;
        let data = &data.to_memory()?;
        let originals = data.to_mat()?;
        let raw = raw(data, &originals);
        let gzip = gzip(&raw).map_err(failed)?;
        let png = pictures(data).map_err(failed)?;
        let count = data.len() as f64;
        let codes = (sizes.whole - sizes.decoder) as f64;
        Ok(Report {
            samples: data.len(),
            file: sizes.whole,
            decoder: sizes.decoder,
            bytes_per_sample: sizes.whole as f64 / count,
            codes_per_sample: codes / count,
            raw_per_sample: raw.len() as f64 / count,
            gzip_per_sample: gzip as f64 / count,
            png_per_sample: png.map(|png| png as f64 / count),
            ratio: raw.len() as f64 / sizes.whole as f64,
            ratio_without_decoder: raw.len() as f64 / codes,
            psnr: psnr(&originals, &compressed.decompress()?)?,
            psnr_unrounded: psnr(&originals, &model.reconstruct(data)?)?,
        })
    }
}

fn raw(data: &Dataset, mat: &Mat<f32>) -> Vec<u8> {
    match data.as_u8() {
        Some(bytes) => bytes.to_vec(),
        None => mat
            .as_slice()
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect(),
    }
}

fn gzip(bytes: &[u8]) -> io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// Bytes of all samples as PNG files, if they are pictures of bytes.
fn pictures(data: &Dataset) -> io::Result<Option<usize>> {
    let picture = data.sample_shape().and_then(png::picture);
    let (Some((size, color)), Some(bytes)) = (picture, data.as_u8()) else {
        return Ok(None);
    };
    let mut sum = 0;
    for pixels in bytes.chunks(data.features()) {
        sum += png::smallest(size, color, pixels)?;
    }
    Ok(Some(sum))
}

/// In dB.
fn psnr(originals: &Mat<f32>, others: &Mat<f32>) -> Result<f64> {
    if originals.shape() != others.shape() {
        let [given, expected] = [others, originals].map(|mat| format!("{:?}", mat.shape()));
        return Err(Error::shape("reconstructions", given, expected));
    }
    Ok(Distortion::of(originals.as_slice(), others.as_slice()).psnr())
}
