//! Data: samples in memory or in a mapped file, and the files that they come from.
//!
//! - [`dataset`]: [`Dataset`], samples × features, as `f32` or as bytes.
//! - [`digits()`]: the 10 000 digits of MNIST that come with the crate.
//! - [`standard_normal`]: numbers that were never measured.
//! - [`load`], [`load_with`]: files of any [`Format`]: IDX, `.npy`, `.npz`, `.csv`,
//!   PNG pictures, WAV sound, text.
//! - [`read_csv`]: numbers as text.
//! - [`save`]: codes and reconstructions as `.npy` or `.csv`.
//! - [`write_idx`], [`write_png_folder`], [`write_wav`], [`write_text`]: samples as
//!   what they were; [`Origin`] remembers what that takes.
//!
//! | file | what |
//! |---|---|
//! | `dataset.rs`, `dataset/` | samples in memory, views and choices of them |
//! | `digits.rs`, `normal.rs` | data that need no file |
//! | `format.rs` | the list of formats, which of them a file is, and what reads it |
//! | `idx.rs`, `npy.rs`, `npz.rs`, `csv.rs`, `png.rs`, `wav.rs`, `text.rs` | a format each, read and most written |
//! | `options.rs` | what to take from a file, where its format leaves a choice |
//! | `framing.rs`, `tokens.rs`, `vocabulary.rs` | how sound and text become numbers |
//! | `memory.rs` | memory for samples, in huge pages where there are any |
//! | `source.rs` | the bytes of a file, perhaps compressed, as many as there really are |
//! | `matrix_file.rs` | numbers to write, by the ending of the name |
//! | `array.rs` | an array as a file holds it |
//! | `origin.rs` | what samples were before they became numbers |
//! | `fingerprint.rs` | whether data are still what they were |
//!
//! `npz`, `csv`, `png`, `wav` and `text` are features of Cargo of these names, the
//! digits are the feature `digits`, and files within gzip are `gzip`. What a build
//! leaves out is an [`Error::Feature`] that names the feature.
//!
//! To add a format: a file that reads it, its variant of `Format`, and its line in
//! each list of `format.rs`.

use std::path::Path;

mod array;
#[cfg(feature = "csv")]
mod csv;
pub mod dataset;
#[cfg(feature = "digits")]
mod digits;
mod fingerprint;
mod format;
mod framing;
mod idx;
mod matrix_file;
mod memory;
mod normal;
mod npy;
#[cfg(feature = "npz")]
mod npz;
mod options;
mod origin;
#[cfg(feature = "png")]
pub(crate) mod png;
mod source;
#[cfg(feature = "text")]
mod text;
mod tokens;
mod vocabulary;
#[cfg(feature = "wav")]
mod wav;

#[cfg(feature = "csv")]
pub use csv::{read_csv, write_csv, write_csv_to};
pub use dataset::Dataset;
#[cfg(feature = "digits")]
pub use digits::{digits, digits_split};
pub use fingerprint::Fingerprint;
pub use framing::{Audio, Framing};
pub use idx::write_idx;
#[cfg(feature = "cli")]
pub(crate) use matrix_file::MatrixFormat;
pub use matrix_file::save;
pub use normal::standard_normal;
pub use npy::{write_npy, write_npy_to};
pub use options::{Column, Format, LoadOptions};
pub use origin::{Origin, SampleKind};
#[cfg(feature = "png")]
pub use png::write_png_folder;
#[cfg(feature = "text")]
pub use text::write_text;
pub use tokens::{Text, Vocabulary};
#[cfg(feature = "wav")]
pub use wav::write_wav;

use crate::error::{Error, Result};
use array::Array;
use source::Source;

/// Reads samples from a file or a folder of pictures, with the
/// [options](LoadOptions) that are usual.
///
/// The file's first bytes tell its format, else the ending of its name. It may be
/// compressed with gzip, but for `.npz` and pictures.
///
/// | format | a sample is |
/// |---|---|
/// | IDX, npy, npz | one index of the first axis |
/// | csv | a line; the first one may be names |
/// | png | a picture, gray or in colour; all in a folder are of one size |
/// | wav | a frame of the channels' mean, in −1 to 1 |
/// | text | a line that is not blank, as a bag of words or of byte n-grams |
///
/// Further axes are flattened into features, and where there are several they
/// become the [`sample_shape`](Dataset::sample_shape). Bytes stay bytes and are
/// read as fractions of 255; all other types become the nearest `f32`.
///
/// No header makes this allocate more than the file can back with real bytes,
/// and what is compressed is read no further than a header says.
///
/// # Errors
/// [`Error::Io`], or [`Error::Format`] for a file that is malformed, cut off, too
/// long, empty, or of a type not listed here.
pub fn load(path: impl AsRef<Path>) -> Result<Dataset> {
    load_with(path, &LoadOptions::default())
}

/// [`load`] with other options.
///
/// ```no_run
/// use autoencoder::data::{self, LoadOptions};
///
/// let options = LoadOptions {
///     label_column: Some("species".parse()?),
///     ..LoadOptions::default()
/// };
/// let flowers = data::load_with("iris.csv", &options)?;
/// assert!(flowers.labels().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`load`], and [`Error::Configuration`] for options that make no sense.
pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Dataset> {
    format::load(path.as_ref(), options)
}

/// Reads labels from an IDX or `.npy` file, perhaps compressed with gzip: one whole
/// number from 0 to 255 per sample.
///
/// # Errors
/// As [`load`], and [`Error::Format`] for numbers that are no labels.
pub fn load_labels(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    read_labels(Source::open(path.as_ref())?)
}

/// [`load`] for the bytes of a file in memory.
///
/// # Errors
/// [`Error::Format`], as [`load`].
pub fn from_bytes(bytes: &[u8]) -> Result<Dataset> {
    from_bytes_with(bytes, &LoadOptions::default())
}

/// [`load_with`] for the bytes of a file in memory.
///
/// # Errors
/// [`Error::Format`] and [`Error::Configuration`], as [`load_with`].
pub fn from_bytes_with(bytes: &[u8], options: &LoadOptions) -> Result<Dataset> {
    let source = Source::from_bytes(Path::new("bytes in memory"), bytes)?;
    format::read(source, options)
}

fn read_labels(source: Source<'_>) -> Result<Vec<u8>> {
    let path = source.path();
    read_array(source)?.into_labels(path)
}

fn read_array(mut source: Source<'_>) -> Result<Array> {
    let start = source.peek()?;
    let header = if npy::is_npy(start) {
        npy::header(&mut source)?
    } else if idx::is_idx(start) {
        idx::header(&mut source)?
    } else {
        return Err(Error::format(
            source.path(),
            "neither an IDX nor an npy file",
            "one of them, perhaps compressed with gzip",
        ));
    };
    let array = Array::read(&mut source, header)?;
    source.end()?;
    Ok(array)
}

#[cfg(test)]
mod tests;
