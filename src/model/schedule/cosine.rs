//! [`Cosine`]: half a wave down.

use std::f64::consts::PI;

use super::text::Numbers;
use super::{Rule, check_epochs};
use crate::error::{Error, Result};

/// The learning rate falls along half a cosine wave, without restarts
/// (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm
/// restarts", 2017):
/// `lowest + (1 − lowest)·½(1 + cos(π·(epoch − 1)/epochs))`, and `lowest` after
/// those epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cosine {
    /// The factor at the end, in [0, 1]; 0 by default.
    pub lowest: f64,
    /// The length of the wave; that of the training, if `None`: such a training
    /// cannot be resumed with another number of epochs, since those that are done
    /// would have had other learning rates. Give it where there may be more epochs
    /// later.
    pub epochs: Option<u32>,
}

impl Cosine {
    pub(super) fn check(self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.lowest) {
            return Err(Error::configuration(
                "the lowest factor of the cosine schedule",
                self.lowest,
                "a number from 0 to 1",
            ));
        }
        let epochs = self.epochs.unwrap_or(1);
        check_epochs("the length of the cosine schedule", epochs)
    }

    pub(super) fn read(numbers: &mut Numbers<'_>) -> Result<Self> {
        Ok(Cosine {
            lowest: numbers.next()?.unwrap_or(0.0),
            epochs: numbers.next()?,
        })
    }

    /// With a length.
    pub(super) fn over(self, epochs: u32) -> impl Rule {
        Wave {
            lowest: self.lowest,
            epochs: self.epochs.unwrap_or(epochs),
        }
    }
}

struct Wave {
    lowest: f64,
    epochs: u32,
}

impl Rule for Wave {
    fn factor(&self, epoch: u32) -> f64 {
        let part = f64::from(epoch - 1) / f64::from(self.epochs.max(1));
        let wave = 0.5 * (1.0 + (PI * part.min(1.0)).cos());
        self.lowest + (1.0 - self.lowest) * wave
    }
}
