//! [`Format`]: the kinds of files that samples come from, a line each in
//! [`Format::loader`].

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::csv::Column;
use super::dataset::Dataset;
use super::source::Source;
use super::text::Text;
use super::wav::Framing;
use super::{csv, idx, npy, npz, png, text, wav};
use crate::error::{Error, Result};

/// A kind of file that samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// IDX, the format of MNIST.
    Idx,
    /// One array of numpy.
    Npy,
    /// Several arrays of numpy, one of which is taken.
    Npz,
    /// A picture, or a folder of them.
    Png,
    /// Sound, cut into frames.
    Wav,
    /// Numbers as text, one sample a line.
    Csv,
    /// Text, one sample a line.
    Text,
}

/// How to read files of one format.
pub(super) struct Loader {
    /// As people call it.
    pub(super) name: &'static str,
    /// The endings of its files' names, without the dot.
    pub(super) endings: &'static [&'static str],
    /// Whether a file that begins so is of this format, whatever its name.
    pub(super) begins: fn(&[u8]) -> bool,
    pub(super) read: fn(Source<'_>, &LoadOptions) -> Result<Dataset>,
}

/// What to take from a file, where its format leaves a choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadOptions {
    /// The format; if left out, what the first bytes say, else the name's ending.
    pub format: Option<Format>,
    /// The column of a `.csv` file that holds the labels; if left out, none.
    pub label_column: Option<Column>,
    /// The array of an `.npz` file; if left out, the only one, or that named
    /// `x_train`, `x`, `X`, `data`, `images` or `arr_0`.
    pub array: Option<String>,
    /// How sound is cut into frames.
    pub framing: Framing,
    /// How lines of text become numbers, which also says that a file is text; if
    /// left out, with the tokens of `vocabulary`.
    pub text: Option<Text>,
    /// The file of the vocabulary for text where `text` is left out; without both,
    /// as [`Text::default`].
    pub vocabulary: Option<PathBuf>,
    /// What the numbers are divided by, unless they are bytes, which count as
    /// fractions of 255 anyway.
    pub divide_by: Option<f32>,
    /// Whether the numbers stay in the file, which is mapped to memory, for data
    /// that are larger than that: bytes or `f32` in IDX, or in `.npy` in C order,
    /// and not within gzip. Everything else is an error.
    ///
    /// The results have the same bits. The file must stay as it is: where it was
    /// changed, the next minibatch is an error ([`Error::Format`]), and if it is
    /// cut off within one, Unix ends the process with SIGBUS.
    pub mmap: bool,
}

impl LoadOptions {
    /// How lines of text become numbers.
    pub(super) fn tokens(&self) -> Text {
        let vocabulary = || self.vocabulary.clone().map(Text::File);
        let given = self.text.clone().or_else(vocabulary);
        given.unwrap_or_default()
    }
}

impl Format {
    /// Every format, in the order in which they are tried.
    pub const ALL: [Format; 7] = [
        Format::Idx,
        Format::Npy,
        Format::Npz,
        Format::Png,
        Format::Wav,
        Format::Csv,
        Format::Text,
    ];

    fn loader(self) -> &'static Loader {
        match self {
            Format::Idx => &idx::LOADER,
            Format::Npy => &npy::LOADER,
            Format::Npz => &npz::LOADER,
            Format::Png => &png::LOADER,
            Format::Wav => &wav::LOADER,
            Format::Csv => &csv::LOADER,
            Format::Text => &text::LOADER,
        }
    }

    /// Fails if files of this format are to be mapped, and cannot be.
    fn check_mmap(self, path: &Path, options: &LoadOptions) -> Result<()> {
        if !options.mmap || matches!(self, Format::Idx | Format::Npy) {
            return Ok(());
        }
        Err(Error::format(
            path,
            format_args!("{}, which cannot be mapped", self.name()),
            "IDX or npy; convert it, or read it whole, without --mmap",
        ))
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        self.loader().name
    }

    /// The format of a file with this name that begins so.
    fn detect(path: &Path, start: &[u8], options: &LoadOptions) -> Option<Self> {
        let begins = |format: &Format| (format.loader().begins)(start);
        if let Some(format) = Format::ALL.into_iter().find(begins) {
            return Some(format);
        }
        if options.text.is_some() {
            return Some(Format::Text);
        }
        // What is within gzip has the ending before `.gz`.
        let is = |path: &Path, ending: &str| {
            let own = path.extension().and_then(OsStr::to_str);
            own.is_some_and(|own| own.eq_ignore_ascii_case(ending))
        };
        let path = match is(path, "gz") {
            true => path.with_extension(""),
            false => PathBuf::from(path),
        };
        let ends = |format: &Format| {
            let endings = format.loader().endings;
            endings.iter().any(|ending| is(&path, ending))
        };
        Format::ALL.into_iter().find(ends)
    }
}

/// Reads samples from the file or folder at `path`.
pub(super) fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    if path.is_dir() {
        Format::Png.check_mmap(path, options)?;
        return finish(png::read_folder(path)?, path, options);
    }
    read(Source::open(path)?, options)
}

/// Reads samples from an open file.
pub(super) fn read(mut source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    let path = source.path();
    let start = source.peek()?;
    let format = options.format;
    let format = format.or_else(|| Format::detect(path, start, options));
    let Some(format) = format else {
        let names = Format::ALL.map(Format::name).join(", ");
        return Err(Error::format(
            path,
            "a file of no known format",
            format_args!("one of {names}, perhaps compressed with gzip"),
        ));
    };
    format.check_mmap(path, options)?;
    finish((format.loader().read)(source, options)?, path, options)
}

/// What the options have done to samples of any format.
fn finish(data: Dataset, path: &Path, options: &LoadOptions) -> Result<Dataset> {
    if data.is_empty() || data.features() == 0 {
        return Err(Error::format(path, "no samples", "at least one"));
    }
    match options.divide_by {
        None => Ok(data),
        Some(divisor) if divisor > 0.0 && divisor.is_finite() => data.divided_by(divisor),
        Some(divisor) => Err(Error::configuration(
            "the divisor of the data",
            divisor,
            "a positive finite number",
        )),
    }
}
