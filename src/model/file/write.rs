//! Writing a model file.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use super::read::METADATA_KEY;
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
    /// metadata key `autoencoder`. A tied decoder has no weights in the file.
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
        let architecture = self.architecture();
        let mut tensors = Vec::new();
        for (parameter, mat) in self.parameters() {
            let (inputs, outputs) = parameter.shape;
            let mut bytes = Vec::with_capacity(4 * inputs * outputs);
            for output in 0..outputs {
                for input in 0..inputs {
                    bytes.extend_from_slice(&mat[(input, output)].to_le_bytes());
                }
            }
            tensors.push((parameter.file_shape(), parameter.name, bytes));
        }
        let views = tensors
            .iter()
            .map(|(shape, name, bytes)| {
                let view = TensorView::new(Dtype::F32, shape.clone(), bytes)?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(io::Error::other)?;
        let json = Record::new(architecture, self.seed(), self.training()).to_json()?;
        // One key: the order of several would change from run to run.
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), json)]);
        serialize(views, Some(metadata)).map_err(io::Error::other)
    }
}
