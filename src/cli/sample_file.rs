//! Samples to write: numbers, or what they were, by the ending of the name.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::console::Failure;
use crate::data::{
    MatrixFormat, Origin, SampleKind, write_idx, write_png_folder, write_text, write_wav,
};
use crate::{Mat, Result};

/// Where to write samples, and as what.
#[derive(Clone, Debug)]
pub(crate) struct SampleFile {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Numbers(MatrixFormat),
    Idx,
    Wav,
    Text,
    Pictures,
}

impl SampleFile {
    /// For clap.
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let is_folder = path.ends_with(std::path::is_separator);
        let path = PathBuf::from(path);
        let ending = path.extension().and_then(OsStr::to_str);
        let numbers = MatrixFormat::of(&path).map(Format::Numbers);
        let format = match ending.map(str::to_ascii_lowercase).as_deref() {
            _ if is_folder => Format::Pictures,
            Some("idx") => Format::Idx,
            Some("wav") => Format::Wav,
            Some("txt") => Format::Text,
            _ => numbers.ok_or(
                "expected a name that ends with .npy, .csv, .idx, .wav, .txt, or \
                 with a slash: a folder for pictures",
            )?,
        };
        Ok(SampleFile { path, format })
    }

    /// Writes samples whole or not at all. `counts` tells how many tokens each
    /// line of text had.
    pub(crate) fn write(
        &self,
        mat: &Mat<f32>,
        kind: &SampleKind,
        counts: Option<&[usize]>,
    ) -> Result<(), Failure> {
        let (path, mat) = (&self.path, mat.as_ref());
        let was_not = |what: &str| {
            let path = path.display();
            Failure::Message(format!(
                "the samples were no {what}, so that they cannot be written to {path}; \
                 choose .npy or .csv"
            ))
        };
        Ok(match (self.format, &kind.origin) {
            (Format::Numbers(format), _) => format.write(path, &[], mat),
            (Format::Idx, _) => write_idx(path, mat, &kind.shape, kind.bytes),
            (Format::Pictures, _) => write_png_folder(path, mat, &kind.shape),
            (Format::Wav, Some(Origin::Audio(audio))) => write_wav(path, mat, audio),
            (Format::Wav, _) => return Err(was_not("sound")),
            (Format::Text, Some(Origin::Text(vocabulary))) => {
                write_text(path, mat, vocabulary, counts)
            }
            (Format::Text, _) => return Err(was_not("text")),
        }?)
    }
}
