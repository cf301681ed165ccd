//! A decoder alone in a `.safetensors` file: the tensors `decoder.0.weight`,
//! `decoder.0.bias`, … of a model file, and the layers as JSON under the metadata
//! key `autoencoder_decoder`.

use std::io;
use std::path::Path;

use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::container::{Container, Form, matrix_bytes, to_bytes};
use super::record::Layer;
use crate::error::{Error, Result};
use crate::model::architecture::Dense;
use crate::model::decoder::Decoder;

const METADATA_KEY: &str = "autoencoder_decoder";
/// The only version of the JSON so far.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    layers: Vec<Layer>,
}

impl Decoder {
    /// The bytes of a `.safetensors` file of the decoder alone.
    ///
    /// # Errors
    /// [`Error::Io`], which does not happen in practice.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let serialize = || -> io::Result<Vec<u8>> {
            let numbers = self.values().map(matrix_bytes);
            let tensors: Vec<_> = forms(self.layers()).into_iter().zip(numbers).collect();
            let record = Record {
                format: FORMAT,
                layers: self.layers().iter().map(Layer::new).collect(),
            };
            to_bytes(&tensors, METADATA_KEY, serde_json::to_string(&record)?)
        };
        serialize().map_err(|error| Error::io("write", Path::new("decoder in memory"), error))
    }

    /// Reads what [`to_safetensors`](Self::to_safetensors) gave.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that are malformed, cut off, too long or
    /// contradict themselves. No bytes make this panic, or allocate more than
    /// their own size.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        read(Path::new("decoder in memory"), bytes)
    }
}

/// Reads a decoder that is part of the file at `path`.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Decoder> {
    let mut file = Container::new(path, Box::new(bytes), bytes.len() as u64)?;
    let layers = file.text(METADATA_KEY).and_then(layers).ok_or_else(|| {
        let expected = "the layers of a decoder as JSON under the key `autoencoder_decoder`";
        Error::format(path, "other metadata", expected)
    })?;
    // After this the file is known to have all the numbers.
    let order = file.check(&forms(&layers))?;
    let mut decoder = Decoder::zeros(layers)?;
    for index in order {
        file.matrix(decoder.value_mut(index))?;
    }
    Ok(decoder)
}

/// The layers that a text describes, if they fit together.
fn layers(json: &str) -> Option<Vec<Dense>> {
    let record: Record = serde_json::from_str(json).ok()?;
    (record.format == FORMAT).then_some(())?;
    let layers: Result<Vec<Dense>, _> = record.layers.iter().map(Layer::dense).collect();
    let layers = layers.ok()?;
    let mut width = layers.first()?.inputs;
    for layer in &layers {
        let fits = layer.inputs == width && layer.inputs > 0 && layer.outputs > 0;
        (fits && layer.activation.check().is_ok()).then_some(())?;
        width = layer.outputs;
    }
    Some(layers)
}

fn forms(layers: &[Dense]) -> Vec<Form> {
    let form = |i: usize, what: &str, shape| Form {
        name: format!("decoder.{i}.{what}"),
        dtype: Dtype::F32,
        shape,
    };
    let both = |(i, layer): (usize, &Dense)| {
        [
            form(i, "weight", vec![layer.outputs, layer.inputs]),
            form(i, "bias", vec![layer.outputs]),
        ]
    };
    layers.iter().enumerate().flat_map(both).collect()
}
