//! The formats of data: what tells them apart, and what reads each of them. What
//! this build leaves out is an error that names the feature.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

#[cfg(feature = "csv")]
use super::csv;
use super::dataset::Dataset;
#[cfg(feature = "npz")]
use super::npz;
use super::options::{Format, LoadOptions};
#[cfg(feature = "png")]
use super::png;
use super::source::Source;
#[cfg(feature = "text")]
use super::text;
#[cfg(feature = "wav")]
use super::wav;
use super::{idx, npy};
use crate::error::{Error, Result};

/// What tells the files of a format from others.
struct Signs {
    /// As people call it.
    name: &'static str,
    /// The endings of its files' names, without the dot.
    endings: &'static [&'static str],
    /// Whether a file that begins so is of this format, whatever its name.
    begins: fn(&[u8]) -> bool,
}

impl Signs {
    fn new(
        name: &'static str,
        endings: &'static [&'static str],
        begins: fn(&[u8]) -> bool,
    ) -> Self {
        Signs {
            name,
            endings,
            begins,
        }
    }
}

/// Reads the samples of a file.
type Reader = fn(Source<'_>, &LoadOptions) -> Result<Dataset>;

/// The reader, unless the feature is left out of this build.
macro_rules! reader {
    ($feature:tt, $reader:path) => {{
        #[cfg(feature = $feature)]
        let reader: Result<Reader> = Ok($reader);
        #[cfg(not(feature = $feature))]
        let reader: Result<Reader> = Err(Error::feature(concat!("reading ", $feature), $feature));
        reader
    }};
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

    fn signs(self) -> Signs {
        let signs = Signs::new;
        match self {
            Format::Idx => signs("IDX", &["idx"], idx::is_idx),
            Format::Npy => signs("npy", &["npy"], npy::is_npy),
            Format::Npz => signs("npz", &["npz"], |start| {
                start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
            }),
            Format::Png => signs("png", &["png"], |start| {
                start.starts_with(b"\x89PNG\r\n\x1a\n")
            }),
            Format::Wav => signs("wav", &["wav"], |start| {
                start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WAVE")
            }),
            Format::Csv => signs("csv", &["csv"], |_| false),
            Format::Text => signs("text", &["txt"], |_| false),
        }
    }

    fn reader(self) -> Result<Reader> {
        match self {
            Format::Idx => Ok(idx::read),
            Format::Npy => Ok(npy::read),
            Format::Npz => reader!("npz", npz::read),
            Format::Png => reader!("png", png::read),
            Format::Wav => reader!("wav", wav::read),
            Format::Csv => reader!("csv", csv::read),
            Format::Text => reader!("text", text::read),
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
        self.signs().name
    }

    /// The format of a file with this name that begins so.
    fn detect(path: &Path, start: &[u8], options: &LoadOptions) -> Option<Self> {
        let begins = |format: &Format| (format.signs().begins)(start);
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
            let endings = format.signs().endings;
            endings.iter().any(|ending| is(&path, ending))
        };
        Format::ALL.into_iter().find(ends)
    }
}

/// Reads samples from the file or folder at `path`.
pub(super) fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    if path.is_dir() {
        Format::Png.check_mmap(path, options)?;
        return finish(read_folder(path)?, path, options);
    }
    read(Source::open(path)?, options)
}

/// Reads all pictures of a folder.
fn read_folder(path: &Path) -> Result<Dataset> {
    #[cfg(feature = "png")]
    return png::read_folder(path);
    #[cfg(not(feature = "png"))]
    return Err(Error::feature(
        format_args!("reading the pictures of the folder {}", path.display()),
        "png",
    ));
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
    finish(format.reader()?(source, options)?, path, options)
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
