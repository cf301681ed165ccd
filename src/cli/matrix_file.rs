//! A matrix to write: `.npy` or `.csv`, by the ending of its name.

use std::ffi::OsStr;
use std::path::PathBuf;

use autoencoder::data::{write_csv, write_npy};
use autoencoder::{Mat, Result};

/// Where to write a matrix, and how.
#[derive(Clone, Debug)]
pub(crate) struct MatrixFile {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Npy,
    Csv,
}

impl MatrixFile {
    /// For clap.
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let ending = path.extension().and_then(OsStr::to_str);
        let format = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("npy") => Format::Npy,
            Some("csv") => Format::Csv,
            _ => return Err("expected a name that ends with .npy or .csv".into()),
        };
        Ok(MatrixFile { path, format })
    }

    /// Writes the matrix whole or not at all. `names` are the columns' names in
    /// the first line of a CSV file; without names it has no such line.
    pub(crate) fn write(&self, mat: &Mat<f32>, names: &[&str]) -> Result<()> {
        match self.format {
            Format::Npy => write_npy(&self.path, mat.as_ref()),
            Format::Csv => write_csv(&self.path, names, mat.as_ref()),
        }
    }
}
