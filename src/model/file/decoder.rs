//! A decoder alone in a `.safetensors` file: the tensors `decoder.0.weight`,
//! `decoder.0.bias`, … of a model file, and the layers as JSON under the metadata
//! key `autoencoder_decoder`.

use std::io;
use std::path::Path;

use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::container::{Container, Form, matrix_bytes, to_bytes};
use super::record::Layers;
use crate::error::{Error, Result};
use crate::layer::{Description, Layer, ParameterSpec};
use crate::model::architecture::ParameterInfo;
use crate::model::decoder::Decoder;
use crate::tape::Shape;

const METADATA_KEY: &str = "autoencoder_decoder";
/// Version 1 had dense layers as objects, version 2 has a text.
const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    layers: Layers,
}

impl Decoder {
    /// The bytes of a `.safetensors` file of the decoder alone.
    ///
    /// # Errors
    /// [`Error::Io`], which does not happen in practice.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let serialize = || -> io::Result<Vec<u8>> {
            let numbers = self.values().map(matrix_bytes);
            let tensors: Vec<_> = forms(self).into_iter().zip(numbers).collect();
            let record = Record {
                format: FORMAT,
                layers: Layers::new(&Description::of(self.input_shape(), self.layers())),
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
    let half = file
        .text(METADATA_KEY)
        .and_then(description)
        .ok_or_else(|| {
            let expected = "the layers of a decoder as JSON under the key `autoencoder_decoder`";
            Error::format(path, "other metadata", expected)
        })?;
    let layers: Vec<_> = half
        .layers
        .iter()
        .map(|described| described.layer)
        .collect();
    let sizes = forms_of(half.input, &layers).ok_or_else(|| {
        let found = format!("{half}, layers that do not fit together");
        Error::format(path, found, "the layers of a decoder")
    })?;
    // After this the file is known to have all the numbers.
    let order = file.check(&sizes)?;
    let mut decoder = Decoder::zeros(half.input, layers)?;
    for index in order {
        file.matrix(decoder.value_mut(index))?;
    }
    Ok(decoder)
}

/// The layers that a text describes.
fn description(json: &str) -> Option<Description> {
    let record: Record = serde_json::from_str(json).ok()?;
    (1..=FORMAT).contains(&record.format).then_some(())?;
    record.layers.description().ok()
}

fn forms(decoder: &Decoder) -> Vec<Form> {
    forms_of_specs(decoder.specs())
}

/// The tensors of layers, if they fit together.
fn forms_of(input: Shape, layers: &[Layer]) -> Option<Vec<Form>> {
    let mut shape = input;
    let mut specs = Vec::with_capacity(layers.len());
    for layer in layers {
        let output = layer.kind().output_shape(shape).ok()?;
        Shape::new(output.sizes()).ok()?;
        specs.push(layer.kind().parameters(shape));
        shape = output;
    }
    Some(forms_of_specs(&specs))
}

fn forms_of_specs(specs: &[Vec<ParameterSpec>]) -> Vec<Form> {
    let form = |(number, spec): (usize, &ParameterSpec)| {
        let info = ParameterInfo::new(&format!("decoder.{number}"), spec);
        Form {
            shape: info.file_shape(),
            name: info.name,
            dtype: Dtype::F32,
        }
    };
    let layers = specs.iter().enumerate();
    let specs = layers.flat_map(|(number, specs)| specs.iter().map(move |spec| (number, spec)));
    specs.map(form).collect()
}
