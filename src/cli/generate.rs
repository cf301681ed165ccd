//! `autoencoder generate`: new samples from a variational model.

use std::path::{Path, PathBuf};

use autoencoder::plot::{TileLayout, write_grid};
use autoencoder::{Autoencoder, Mat, Result};
use clap::Args;

use super::console::Failure;
use super::matrix_file::MatrixFile;

#[derive(Args)]
pub(crate) struct Generate {
    /// The model: a .safetensors file that `train --variational` wrote
    model: PathBuf,
    /// Samples to generate
    #[arg(short = 'n', long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Seed of the codes that they are made from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Where to write the samples, one a row: .npy or .csv
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    /// Where to draw them, in a square
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

impl Generate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let samples = model.sample(self.count as usize, self.seed)?;
        if let Some(png) = &self.png {
            draw(png, &model, &samples)?;
        }
        Ok(self.output.write(&samples, &[])?)
    }
}

/// Draws samples in a square.
pub(crate) fn draw(path: &Path, model: &Autoencoder, samples: &Mat<f32>) -> Result<()> {
    let shape = model.architecture().sample_shape();
    let layout = TileLayout::new(samples.cols(), Some(shape)).scaled(2);
    let root = samples.rows().isqrt();
    let columns = root + usize::from(root * root < samples.rows());
    write_grid(path, samples.as_ref(), columns, layout)
}
