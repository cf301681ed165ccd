//! `autoencoder reconstruct`: what is left of samples after the way through the
//! code.

use std::path::{Path, PathBuf};

use autoencoder::data::Dataset;
use autoencoder::model::Samples;
use autoencoder::plot::{TileLayout, write_reconstructions, write_rows};
use autoencoder::{Autoencoder, Mat, Result};
use clap::Args;

use super::console::Failure;
use super::denoising::noise_of;
use super::load;
use super::matrix_file::MatrixFile;

/// Samples in a picture.
const PICTURED: usize = 10;

#[derive(Args)]
pub(crate) struct Reconstruct {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// The samples: IDX or npy, perhaps with gzip; the embedded digits, if left out
    data: Option<PathBuf>,
    /// Where to write the reconstructions, one a row: .npy or .csv
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    /// Where to draw the first ten samples over their reconstructions
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

impl Reconstruct {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = load(self.data.as_deref())?;
        let reconstructions = model.reconstruct(&data)?;
        if let Some(png) = &self.png {
            draw(png, &model, &data)?;
        }
        Ok(self.output.write(&reconstructions, &[])?)
    }
}

/// Draws the first samples over their reconstructions; where the model was
/// trained with noise, also what it was given to mend, between them.
pub(crate) fn draw(path: &Path, model: &Autoencoder, data: &Dataset) -> Result<()> {
    let some = data.slice(0..data.len().min(PICTURED))?;
    let shape = some.sample_shape();
    let shape = shape.unwrap_or(model.architecture().sample_shape());
    let layout = TileLayout::new(data.features(), Some(shape)).scaled(2);
    let originals = some.to_mat()?;
    let Some(noise) = noise_of(model) else {
        let reconstructions = model.reconstruct(&some)?;
        return write_reconstructions(path, originals.as_ref(), reconstructions.as_ref(), layout);
    };
    let noisy = Samples::from(&some).corrupted(noise, model.seed())?;
    let mended = model.reconstruct(&noisy)?;
    write_rows(path, [&originals, &noisy, &mended].map(Mat::as_ref), layout)
}
