//! The JSON in a model file: the architecture in words, and how it was trained.
//!
//! Version 2 has each half of the net as a text ([`Description`]). Version 1, which knew
//! dense layers alone, had a list of objects; it is still read.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::layer::{Dense, Described, Description, Layer};
use crate::model::architecture::Architecture;
use crate::model::training::Training;
use crate::tape::Shape;

const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    crate_version: String,
    sample_shape: Vec<usize>,
    encoder: Layers,
    decoder: Layers,
    tied: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    variational: bool,
    loss: String,
    pub(super) seed: u64,
    pub(super) training: Option<Training>,
}

/// Half of a net, as either version has it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Layers {
    Text(String),
    Dense(Vec<DenseRecord>),
}

/// By hand, for an error that says what is wrong within a list.
impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Layers::Text(text)),
            list => match serde_json::from_value(list) {
                Ok(layers) => Ok(Layers::Dense(layers)),
                Err(error) => Err(D::Error::custom(error)),
            },
        }
    }
}

/// A layer in version 1.
#[derive(Serialize, Deserialize)]
pub(super) struct DenseRecord {
    kind: Kind,
    inputs: usize,
    outputs: usize,
    activation: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Dense,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Record {
    pub(super) fn new(architecture: &Architecture, seed: u64, training: Option<&Training>) -> Self {
        let [encoder, decoder] = architecture.descriptions();
        Record {
            format: FORMAT,
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            sample_shape: architecture.sample_shape().to_vec(),
            encoder: Layers::new(&encoder),
            decoder: Layers::new(&decoder),
            tied: architecture.is_tied(),
            variational: architecture.is_variational(),
            loss: architecture.loss().to_string(),
            seed,
            training: training.cloned(),
        }
    }

    /// Reads any version; `Err` says what is wrong with the text.
    pub(super) fn from_json(json: &str) -> Result<Self, String> {
        let describe =
            |error: serde_json::Error| format!("metadata that is not understood: {error}");
        let version: Version = serde_json::from_str(json).map_err(describe)?;
        match version.format {
            0 => return Err("metadata of format 0".to_owned()),
            1..=FORMAT => {}
            later => {
                return Err(format!(
                    "metadata of format {later}, of a later version of this program"
                ));
            }
        }
        serde_json::from_str(json).map_err(describe)
    }

    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The architecture.
    ///
    /// # Errors
    /// As [`Architecture::new`], and for unknown names.
    pub(super) fn architecture(&self) -> Result<Architecture> {
        let (encoder, decoder) = (self.encoder.description()?, self.decoder.description()?);
        let layers = |half: &Description| half.layers.iter().map(|l| l.layer).collect();
        let architecture = Architecture::new(
            self.sample_shape.clone(),
            encoder.input,
            layers(&encoder),
            layers(&decoder),
            self.tied,
            self.loss.parse()?,
        )?;
        let code = architecture.code_shape();
        if decoder.input != code {
            return Err(crate::Error::configuration(
                "the shape that the decoder begins with",
                decoder.input,
                format_args!("{code}, that of the code"),
            ));
        }
        architecture.with_variational(self.variational)
    }
}

impl Layers {
    pub(super) fn new(half: &Description) -> Self {
        Layers::Text(half.to_string())
    }

    /// The layers and what the first one reads.
    ///
    /// # Errors
    /// [`Error`](crate::Error) for unknown names, or layers that do not fit together.
    pub(super) fn description(&self) -> Result<Description> {
        let layers = match self {
            Layers::Text(text) => return text.parse(),
            Layers::Dense(layers) => layers,
        };
        let Some(first) = layers.first() else {
            return "".parse();
        };
        let input = Shape::new(&[first.inputs])?;
        let mut width = first.inputs;
        let mut described = Vec::with_capacity(layers.len());
        for layer in layers {
            let Kind::Dense = layer.kind;
            if layer.inputs != width {
                return Err(crate::Error::configuration(
                    "the input of a layer",
                    layer.inputs,
                    format_args!("{width}, the output of the layer before"),
                ));
            }
            width = layer.outputs;
            described.push(Described {
                layer: Layer::Dense(Dense {
                    outputs: layer.outputs,
                    activation: layer.activation.parse()?,
                }),
                has_activation: true,
            });
        }
        Ok(Description {
            input,
            layers: described,
        })
    }
}
