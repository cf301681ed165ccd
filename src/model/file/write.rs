//! Writing a model file.

use std::io;
use std::path::Path;

use super::container::{matrix_bytes, to_bytes};
use super::read::{METADATA_KEY, forms};
use super::record::Record;
use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::model::autoencoder::Autoencoder;

impl Autoencoder {
    /// Writes the model to a `.safetensors` file, whole or not at all.
    ///
    /// The file has the tensors `encoder.0.weight` of `[outputs, inputs]`,
    /// `encoder.0.bias` of `[outputs]`, …, `decoder.0.weight`, … in f32, as
    /// PyTorch's `nn.Linear` has them, and the architecture as JSON under the
    /// metadata key `autoencoder`. A tied decoder has no weights in the file; a
    /// variational encoder has `encoder.log_variance.weight` and `.bias` too.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self
            .serialize()
            .map_err(|error| Error::io("write", path, error))?;
        write_atomically(path, |writer| writer.write_all(&bytes))
    }

    /// The bytes of a model file; see [`save`](Self::save).
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        self.serialize()
            .map_err(|error| Error::io("write", Path::new("model in memory"), error))
    }

    fn serialize(&self) -> io::Result<Vec<u8>> {
        let forms = forms("", self.architecture()).into_iter();
        let numbers = self.parameters().map(|(_, mat)| matrix_bytes(mat));
        let tensors: Vec<_> = forms.zip(numbers).collect();
        let record = Record::new(self.architecture(), self.seed(), self.training());
        to_bytes(&tensors, METADATA_KEY, record.to_json()?)
    }
}
