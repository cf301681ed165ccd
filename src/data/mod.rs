//! Data: samples in memory, and the files that they come from.
//!
//! - [`dataset`]: [`Dataset`], samples × features, as `f32` or as bytes.
//! - [`digits()`]: the 10 000 digits of MNIST that come with the crate.
//! - [`standard_normal`]: numbers that were never measured.
//! - [`load`]: IDX and `.npy` files, also compressed with gzip.
//! - [`read_csv`]: numbers as text.
//! - [`save`]: codes and reconstructions as `.npy` or `.csv`.

use std::path::Path;

mod array;
mod csv;
pub mod dataset;
mod digits;
mod fingerprint;
mod idx;
mod normal;
mod npy;
mod source;

pub use csv::{read_csv, write_csv, write_csv_to};
pub use dataset::Dataset;
pub use digits::{digits, digits_split};
pub use fingerprint::Fingerprint;
pub use normal::standard_normal;
pub use npy::{write_npy, write_npy_to};

use autoencoder_kernels::MatRef;

use crate::error::{Error, Result};
use array::Array;
use source::Source;

/// Reads samples from an IDX or `.npy` file, which may be compressed with gzip;
/// the file's first bytes tell which, not its name.
///
/// The first axis counts the samples. The others are flattened into features,
/// and where there are several they become the
/// [`sample_shape`](Dataset::sample_shape). Bytes stay bytes and are read as
/// fractions of 255; all other types become the nearest `f32`.
///
/// A file never makes this allocate more than it can back with real bytes.
///
/// # Errors
/// [`Error::Io`], or [`Error::Format`] for a file that is malformed, cut off, too
/// long, empty, or of a type not listed here.
pub fn load(path: impl AsRef<Path>) -> Result<Dataset> {
    read_dataset(Source::open(path.as_ref())?)
}

/// Reads labels from a file like those of [`load`]: one whole number from 0 to
/// 255 per sample.
///
/// # Errors
/// As [`load`], and [`Error::Format`] for numbers that are no labels.
pub fn load_labels(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    read_labels(Source::open(path.as_ref())?)
}

/// Writes a matrix as `.npy` or `.csv`, as the ending of the name says.
///
/// # Errors
/// [`Error::Configuration`] for another ending; [`Error::Io`]. The file is written
/// whole or not at all.
pub fn save(path: impl AsRef<Path>, mat: MatRef<'_, f32>) -> Result<()> {
    let path = path.as_ref();
    let ending = path.extension().unwrap_or_default();
    if ending.eq_ignore_ascii_case("npy") {
        write_npy(path, mat)
    } else if ending.eq_ignore_ascii_case("csv") {
        write_csv(path, &[], mat)
    } else {
        Err(Error::configuration(
            "the output file",
            path.display(),
            "a name that ends in .npy or .csv",
        ))
    }
}

/// [`load`] for the bytes of a file in memory.
///
/// # Errors
/// [`Error::Format`], as [`load`].
pub fn from_bytes(bytes: &[u8]) -> Result<Dataset> {
    read_dataset(Source::from_bytes(Path::new("bytes in memory"), bytes)?)
}

fn read_dataset(source: Source<'_>) -> Result<Dataset> {
    read_array(source)?.into_dataset()
}

fn read_labels(source: Source<'_>) -> Result<Vec<u8>> {
    let path = source.path();
    read_array(source)?.into_labels(path)
}

fn read_array(mut source: Source<'_>) -> Result<Array> {
    let start = source.peek()?;
    let array = if npy::is_npy(start) {
        npy::read(&mut source)?
    } else if idx::is_idx(start) {
        idx::read(&mut source)?
    } else {
        return Err(Error::format(
            source.path(),
            "neither an IDX nor an npy file",
            "one of them, perhaps compressed with gzip",
        ));
    };
    source.end()?;
    Ok(array)
}

#[cfg(test)]
mod tests;
