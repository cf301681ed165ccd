//! [`Plateau`]: a factor when the loss no longer falls.

use super::text::Numbers;
use super::{Rule, check_epochs, check_factor};
use crate::error::Result;

/// A loss counts as lower if it is so by more than this, as in Keras.
const MIN_DELTA: f64 = 1e-4;

/// The learning rate is multiplied by `factor` whenever `patience` epochs in a
/// row had no validation loss (training loss, where there is no validation)
/// lower than the best one by more than 10⁻⁴: Keras' `ReduceLROnPlateau`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// Epochs without improvement; at least 1. Keras' is 10.
    pub patience: u32,
    /// In (0, 1]; Keras' is 0.1.
    pub factor: f64,
}

impl Default for Plateau {
    /// Keras'.
    fn default() -> Self {
        Plateau {
            patience: 10,
            factor: 0.1,
        }
    }
}

impl Plateau {
    pub(super) fn check(self) -> Result<()> {
        check_epochs("the patience of the plateau schedule", self.patience)?;
        check_factor("the factor of the plateau schedule", self.factor)
    }

    pub(super) fn read(numbers: &mut Numbers<'_>) -> Result<Self> {
        let usual = Plateau::default();
        Ok(Plateau {
            patience: numbers.next()?.unwrap_or(usual.patience),
            factor: numbers.next()?.unwrap_or(usual.factor),
        })
    }

    pub(super) fn start(self) -> impl Rule {
        Watch {
            rule: self,
            best: f64::INFINITY,
            waited: 0,
            factor: 1.0,
        }
    }
}

struct Watch {
    rule: Plateau,
    best: f64,
    waited: u32,
    factor: f64,
}

impl Rule for Watch {
    fn factor(&self, _: u32) -> f64 {
        self.factor
    }

    fn observe(&mut self, loss: f64) {
        if loss < self.best - MIN_DELTA {
            self.best = loss;
            self.waited = 0;
            return;
        }
        self.waited += 1;
        if self.waited >= self.rule.patience {
            self.factor *= self.rule.factor;
            self.waited = 0;
        }
    }
}
