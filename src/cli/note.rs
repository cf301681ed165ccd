//! What a checkpoint remembers for the command line.

use serde::{Deserialize, Serialize};

use super::console::Failure;
use super::source::Source;

/// The note of a checkpoint, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Where the data come from.
    #[serde(flatten)]
    pub(crate) source: Source,
    /// How far `--pretrain` has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pretraining: Option<Pretraining>,
}

impl Note {
    /// The inverse of [`text`](Self::text).
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|error| {
            let message = format!("the checkpoint was not written by this program: {error}");
            Failure::Message(message)
        })
    }

    /// To be saved with a checkpoint.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| {
            Failure::Message(format!("cannot write down where the data are: {error}"))
        })
    }
}

/// How far the layers have been trained one after another.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pretraining {
    /// Of each layer.
    pub(crate) epochs: u32,
    /// Layers that are done.
    pub(crate) layers: usize,
}

impl Pretraining {
    /// Before the first layer.
    pub(crate) fn new(epochs: u32) -> Self {
        Pretraining { epochs, layers: 0 }
    }
}
