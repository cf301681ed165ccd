//! `autoencoder score`: the reconstruction error of each sample.

use std::path::PathBuf;

use autoencoder::{Autoencoder, Mat};
use clap::Args;

use super::console::Failure;
use super::data_options::{DATA, DataOptions};
use super::evaluate::check;
use super::matrix_file::MatrixFile;

#[derive(Args)]
pub(crate) struct Score {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    #[arg(help = DATA)]
    data: Option<PathBuf>,
    /// Where to write mean squared error and loss, one sample a row: .csv or .npy
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    /// Take targets outside of [0, 1] for a loss that is only defined there
    #[arg(long)]
    allow_any_target: bool,
    #[command(flatten, next_help_heading = "Data")]
    options: DataOptions,
}

impl Score {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = self.options.load(self.data.as_deref())?;
        check(&model, &data, self.allow_any_target)?;
        let errors = model.reconstruction_error(&data)?;
        let columns = [&errors.mean_squared_error, &errors.loss];
        let scores = Mat::from_fn(data.len(), 2, |row, column| columns[column][row]);
        Ok(self
            .output
            .write(&scores, &["mean_squared_error", "loss"])?)
    }
}
