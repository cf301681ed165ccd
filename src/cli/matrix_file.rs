//! A matrix to write: `.npy` or `.csv`, by the ending of its name.

use std::path::PathBuf;

use crate::data::MatrixFormat;
use crate::{Mat, Result};

/// Where to write a matrix, and how.
#[derive(Clone, Debug)]
pub(crate) struct MatrixFile {
    path: PathBuf,
    format: MatrixFormat,
}

impl MatrixFile {
    /// For clap.
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        match MatrixFormat::of(&path) {
            Some(format) => Ok(MatrixFile { path, format }),
            None => Err("expected a name that ends with .npy or .csv".into()),
        }
    }

    /// Writes the matrix whole or not at all. `names` are the columns' names in
    /// the first line of a CSV file; without names it has no such line.
    pub(crate) fn write(&self, mat: &Mat<f32>, names: &[&str]) -> Result<()> {
        self.format.write(&self.path, names, mat.as_ref())
    }
}
