//! `autoencoder reconstruct`: what is left of samples after the way through the
//! code.

use std::path::PathBuf;

use autoencoder::Autoencoder;
use clap::Args;

use super::console::Failure;
use super::load;
use super::matrix_file::MatrixFile;
use super::pictures::draw_reconstructions;

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
            draw_reconstructions(png, &model, &data)?;
        }
        Ok(self.output.write(&reconstructions, &[])?)
    }
}
