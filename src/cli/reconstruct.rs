//! `autoencoder reconstruct`: what is left of samples after the way through the
//! code.

use std::path::PathBuf;

use clap::Args;

use super::console::Failure;
use super::pictures::draw_reconstructions;
use super::sample_file::SampleFile;
use super::samples::SampleOptions;
use crate::data::Dataset;
use crate::model::Samples;
use crate::{Autoencoder, Noise};

#[derive(Args)]
pub(crate) struct Reconstruct {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// Where to write the reconstructions: .npy, .csv or .idx, one a row; of sound
    /// .wav; of text .txt, the nearest tokens; of pictures a new folder/
    #[arg(short, long, value_name = "FILE", value_parser = SampleFile::parse)]
    output: SampleFile,
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
    #[command(flatten)]
    samples: SampleOptions,
}

impl Reconstruct {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = self.samples.load(&self.model)?;
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
        let counts = tokens(&data);
        self.output
            .write(&reconstructions, &data.kind(), counts.as_deref())
    }
}

/// How many different tokens each line of text has.
fn tokens(data: &Dataset) -> Option<Vec<usize>> {
    let lines = data.as_u8()?.chunks(data.features().max(1));
    let different = |line: &[u8]| line.iter().filter(|&&count| count > 0).count();
    Some(lines.map(different).collect())
}
