//! The JSON in a model file: the architecture in words, and how it was trained.

use autoencoder_kernels::Error as KernelError;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::architecture::{Architecture, Dense};
use crate::model::training::Training;

/// The only version of the JSON so far.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    crate_version: String,
    sample_shape: Vec<usize>,
    encoder: Vec<Layer>,
    decoder: Vec<Layer>,
    tied: bool,
    /// Left out where it is false: files from before know nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    variational: bool,
    loss: String,
    pub(super) seed: u64,
    pub(super) training: Option<Training>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Layer {
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

/// The part of the JSON that tells whether the rest can be understood.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Record {
    pub(super) fn new(architecture: &Architecture, seed: u64, training: Option<&Training>) -> Self {
        let layers = |layers: &[Dense]| layers.iter().map(Layer::new).collect();
        Record {
            format: FORMAT,
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            sample_shape: architecture.sample_shape().to_vec(),
            encoder: layers(architecture.encoder()),
            decoder: layers(architecture.decoder()),
            tied: architecture.is_tied(),
            variational: architecture.is_variational(),
            loss: architecture.loss().to_string(),
            seed,
            training: training.cloned(),
        }
    }

    /// Fails with a text that says what was found.
    pub(super) fn from_json(json: &str) -> Result<Self, String> {
        let describe =
            |error: serde_json::Error| format!("metadata that is not understood: {error}");
        let version: Version = serde_json::from_str(json).map_err(describe)?;
        if version.format != FORMAT {
            return Err(format!("metadata of format {}", version.format));
        }
        serde_json::from_str(json).map_err(describe)
    }

    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    pub(super) fn architecture(&self) -> Result<Architecture> {
        let layers = |layers: &[Layer]| -> Result<Vec<Dense>, KernelError> {
            layers.iter().map(Layer::dense).collect()
        };
        Architecture::new(
            self.sample_shape.clone(),
            layers(&self.encoder)?,
            layers(&self.decoder)?,
            self.tied,
            self.loss.parse()?,
        )?
        .with_variational(self.variational)
    }
}

impl Layer {
    pub(super) fn new(dense: &Dense) -> Self {
        Layer {
            kind: Kind::Dense,
            inputs: dense.inputs,
            outputs: dense.outputs,
            activation: dense.activation.to_string(),
        }
    }

    pub(super) fn dense(&self) -> Result<Dense, KernelError> {
        let Kind::Dense = self.kind;
        Ok(Dense {
            inputs: self.inputs,
            outputs: self.outputs,
            activation: self.activation.parse()?,
        })
    }
}
