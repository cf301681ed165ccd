//! `autoencoder encode`: the codes of samples.

use std::path::PathBuf;

use autoencoder::Autoencoder;
use clap::Args;

use super::console::Failure;
use super::data_options::{DATA, DataOptions};
use super::matrix_file::MatrixFile;

#[derive(Args)]
pub(crate) struct Encode {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    #[arg(help = DATA)]
    data: Option<PathBuf>,
    /// Where to write the codes, one a row: .npy or .csv
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    #[command(flatten, next_help_heading = "Data")]
    options: DataOptions,
}

impl Encode {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let codes = model.encode(&self.options.load(self.data.as_deref())?)?;
        Ok(self.output.write(&codes, &[])?)
    }
}
