//! `autoencoder decode`: what codes stand for.

use std::path::PathBuf;

use clap::Args;

use super::console::Failure;
use super::matrix_file::MatrixFile;
use crate::{Autoencoder, data};

#[derive(Args)]
pub(crate) struct Decode {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// The codes, one a row: .npy, .npz, IDX or .csv
    codes: PathBuf,
    /// Where to write the samples, one a row: .npy or .csv
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
}

impl Decode {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let samples = model.decode(&data::load(&self.codes)?)?;
        Ok(self.output.write(&samples, &[])?)
    }
}
