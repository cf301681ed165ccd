//! `autoencoder reconstruct`: what is left of samples after the way through the
//! code.

use std::path::PathBuf;

use autoencoder::model::Samples;
use autoencoder::{Autoencoder, Noise};
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
    /// Corrupt the samples first, for the model to mend: gaussian:STDDEV,
    /// gaussian-clipped:STDDEV, masking:PROBABILITY, salt-and-pepper:PROBABILITY
    #[arg(long, value_name = "NOISE")]
    noise: Option<Noise>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0, requires = "noise")]
    seed: u64,
    /// Where to draw the first ten samples over their reconstructions, with the
    /// noisy ones between them if there is noise
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

impl Reconstruct {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = load(self.data.as_deref())?;
        let reconstructions = match self.noise {
            Some(noise) => {
                let noisy = Samples::from(&data).corrupted(noise, self.seed)?;
                model.reconstruct(&noisy)?
            }
            None => model.reconstruct(&data)?,
        };
        if let Some(png) = &self.png {
            let noise = self.noise.map(|noise| (noise, self.seed));
            draw_reconstructions(png, &model, &data, noise)?;
        }
        Ok(self.output.write(&reconstructions, &[])?)
    }
}
