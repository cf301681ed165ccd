//! [`History`]: what training reported, epoch by epoch.

use serde::Serialize;

/// One pass over the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: u32,
    /// The mean over the samples of their losses, each as it was when its batch
    /// was trained on.
    pub loss: f64,
    /// The loss on the validation data after the epoch, if there are any.
    pub val_loss: Option<f64>,
    /// Time of the training steps alone: without validation, callbacks and
    /// shuffling.
    pub seconds: f64,
    /// Samples trained on in one of those seconds.
    pub samples_per_second: f64,
}

/// What training reported, epoch by epoch.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// The epochs in order.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights the model has now: the last one, unless early
    /// stopping went back to an earlier one. `None` where no epoch was run.
    pub weights_of: Option<u32>,
    /// Whether training ended before its last epoch, by early stopping or by a
    /// callback.
    pub stopped_early: bool,
}

impl History {
    /// The epoch with the lowest validation loss; with the lowest loss where
    /// there was no validation. The first of equals.
    pub fn best(&self) -> Option<&Epoch> {
        let monitored = |epoch: &Epoch| epoch.val_loss.unwrap_or(epoch.loss);
        self.epochs
            .iter()
            .min_by(|a, b| monitored(a).total_cmp(&monitored(b)))
    }

    /// The epoch whose weights the model has now.
    pub fn current(&self) -> Option<&Epoch> {
        let number = self.weights_of?;
        self.epochs.iter().find(|epoch| epoch.epoch == number)
    }

    /// Time of all training steps.
    pub fn seconds(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.seconds).sum()
    }
}
