//! [`Vocabulary`] in a file.

use std::path::Path;

use super::source::Source;
use super::tokens::Vocabulary;
use crate::error::{Error, Result};
use crate::file::write_atomically;

impl Vocabulary {
    /// Reads a vocabulary that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] for another file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let reader = Source::open(path)?.into_reader();
        let vocabulary: Vocabulary = serde_json::from_reader(reader).map_err(|error| {
            Error::format(path, error, "a vocabulary, as a training with text writes")
        })?;
        if vocabulary.is_empty() || vocabulary.bytes == Some(0) {
            return Err(Error::format(path, "no tokens", "at least one"));
        }
        Ok(vocabulary)
    }

    /// Writes the vocabulary as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, |writer| Ok(serde_json::to_writer(writer, self)?))
    }
}
