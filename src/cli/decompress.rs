//! `autoencoder decompress`: what is left of compressed samples.

use std::path::PathBuf;

use clap::Args;

use super::console::Failure;
use super::sample_file::SampleFile;
use crate::compress::Compressed;

#[derive(Args)]
pub(crate) struct Decompress {
    /// The compressed samples: a file that `compress` wrote
    file: PathBuf,
    /// Where to write the samples: .npy, .csv or .idx, one a row; of sound .wav; of
    /// text .txt, the tokens of at least ½; of pictures a new folder/
    #[arg(short, long, value_name = "FILE", value_parser = SampleFile::parse)]
    output: SampleFile,
}

impl Decompress {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let compressed = Compressed::load(&self.file)?;
        let samples = compressed.decompress()?;
        self.output.write(&samples, compressed.kind(), None)
    }
}
