//! [`Training`]: how a model came to its numbers, as its file tells.

use serde::{Deserialize, Serialize};

use super::fit::FitOptions;
use super::history::Epoch;
use super::regularization::Regularization;
use super::schedule::Schedule;

/// How a model was trained last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Training {
    /// The optimiser's name.
    pub optimizer: String,
    /// The learning rate at the beginning.
    pub learning_rate: f32,
    /// How it changed, unless it stayed the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The norm that gradients were clipped to, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f32>,
    /// The noise on the samples, if there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<String>,
    /// The probability of dropout on the input, unless it is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_dropout: Option<f32>,
    /// The probability of dropout on the other layers, unless it is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f32>,
    /// The part that was frozen, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// What was minimised beside the loss, if anything.
    #[serde(default, skip_serializing_if = "Regularization::is_none")]
    pub regularization: Regularization,
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

impl Training {
    /// Of a model as it is after an epoch.
    pub(super) fn new(options: &FitOptions, samples: usize, epoch: &Epoch) -> Self {
        let schedule = options.schedule;
        Training {
            optimizer: options.effective_optimizer().to_string(),
            learning_rate: options.effective_learning_rate(),
            schedule: (schedule != Schedule::Constant).then(|| schedule.to_string()),
            clip_norm: options.clip_norm,
            noise: options.noise.map(|noise| noise.to_string()),
            input_dropout: Some(options.input_dropout).filter(|&p| p > 0.0),
            dropout: Some(options.dropout).filter(|&p| p > 0.0),
            frozen: options.freeze.map(|part| part.name().to_owned()),
            regularization: options.regularization,
            batch_size: options.batch_size,
            samples,
            epochs: epoch.epoch,
            shuffle: options.shuffle,
            seed: options.seed,
            loss: epoch.loss,
            val_loss: epoch.val_loss,
        }
    }
}
