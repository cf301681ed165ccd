//! Numbers without more: `.npy` or `.csv`, by the ending of the file's name.

use std::ffi::OsStr;
use std::path::Path;

use autoencoder_kernels::MatRef;

#[cfg(feature = "csv")]
use super::csv::write_csv;
use super::npy::write_npy;
use crate::error::{Error, Result};

/// How a matrix is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MatrixFormat {
    Npy,
    Csv,
}

impl MatrixFormat {
    /// What the ending of a name says.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(OsStr::to_str)?;
        match ending.to_ascii_lowercase().as_str() {
            "npy" => Some(MatrixFormat::Npy),
            "csv" => Some(MatrixFormat::Csv),
            _ => None,
        }
    }

    /// Writes the matrix whole or not at all. `names` are the columns' names in the
    /// first line of a CSV file; without names it has no such line.
    pub(crate) fn write(self, path: &Path, names: &[&str], mat: MatRef<'_, f32>) -> Result<()> {
        match self {
            MatrixFormat::Npy => write_npy(path, mat),
            #[cfg(feature = "csv")]
            MatrixFormat::Csv => write_csv(path, names, mat),
            #[cfg(not(feature = "csv"))]
            MatrixFormat::Csv => {
                let _ = names;
                Err(Error::feature("writing csv", "csv"))
            }
        }
    }
}

/// Writes a matrix as `.npy` or `.csv`, as the ending of the name says.
///
/// # Errors
/// [`Error::Configuration`] for another ending; [`Error::Feature`] for `.csv` without
/// the feature `csv`; [`Error::Io`]. The file is written
/// whole or not at all.
pub fn save(path: impl AsRef<Path>, mat: MatRef<'_, f32>) -> Result<()> {
    let path = path.as_ref();
    let Some(format) = MatrixFormat::of(path) else {
        let expected = "a name that ends in .npy or .csv";
        return Err(Error::configuration(
            "the output file",
            path.display(),
            expected,
        ));
    };
    format.write(path, &[], mat)
}
