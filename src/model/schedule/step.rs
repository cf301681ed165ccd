//! [`StepDecay`]: a factor every so many epochs.

use super::text::Numbers;
use super::{Rule, check_epochs, check_factor};
use crate::error::Result;

/// The learning rate is multiplied by `factor` after every `every` epochs, as
/// PyTorch's `StepLR` does: `factor^⌊(epoch − 1)/every⌋`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepDecay {
    /// Epochs between two changes; at least 1.
    pub every: u32,
    /// In (0, 1]; PyTorch's is 0.1.
    pub factor: f64,
}

impl StepDecay {
    pub(super) fn check(self) -> Result<()> {
        check_epochs("the number of epochs between steps", self.every)?;
        check_factor("the factor of a step", self.factor)
    }

    pub(super) fn read(numbers: &mut Numbers<'_>) -> Result<Self> {
        Ok(StepDecay {
            every: numbers.next()?.ok_or_else(|| numbers.unknown())?,
            factor: numbers.next()?.unwrap_or(0.1),
        })
    }
}

impl Rule for StepDecay {
    fn factor(&self, epoch: u32) -> f64 {
        self.factor.powf(f64::from((epoch - 1) / self.every))
    }
}
