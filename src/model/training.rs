//! [`Training`]: how a model came to its numbers, as its file tells.

use serde::{Deserialize, Serialize};

/// How a model was trained last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Training {
    /// The optimiser's name.
    pub optimizer: String,
    /// The learning rate.
    pub learning_rate: f32,
    /// Samples per training step.
    pub batch_size: usize,
    /// Samples per epoch.
    pub samples: usize,
    /// Epochs that led to these weights.
    pub epochs: u32,
    /// Whether the samples were shuffled before each epoch.
    pub shuffle: bool,
    /// The seed of the shuffling.
    pub seed: u64,
    /// The loss of the last of those epochs.
    pub loss: f64,
    /// The loss on the validation data after it, if there were any.
    pub val_loss: Option<f64>,
}
