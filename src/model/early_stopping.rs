//! [`EarlyStopping`]: to end when the loss no longer falls.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Ends training when the validation loss, or the training loss where there is
/// no validation, no longer falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Training ends after this many epochs in a row without improvement; at
    /// least 1.
    pub patience: u32,
    /// A loss counts as an improvement if it is lower than the best one by more
    /// than this.
    pub min_delta: f64,
    /// Whether the model gets the weights of the best epoch at the end, whether
    /// or not training ended early.
    pub restore_best: bool,
}

impl EarlyStopping {
    /// Stops after `patience` epochs without any improvement and restores the
    /// best weights.
    pub fn new(patience: u32) -> Self {
        EarlyStopping {
            patience,
            min_delta: 0.0,
            restore_best: true,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.patience == 0 {
            return Err(Error::configuration(
                "the patience of early stopping",
                0,
                "at least 1 epoch",
            ));
        }
        if !(self.min_delta >= 0.0 && self.min_delta.is_finite()) {
            return Err(Error::configuration(
                "min_delta of early stopping",
                self.min_delta,
                "a finite number, 0 or more",
            ));
        }
        Ok(())
    }
}

/// What a loss means for the course of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The best one so far.
    Best,
    /// Not better, but go on.
    Wait,
    /// Not better for too long.
    Stop,
}

/// Follows the losses.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    rule: EarlyStopping,
    best: f64,
    waited: u32,
}

impl Watch {
    pub(super) fn new(rule: EarlyStopping) -> Self {
        Watch {
            rule,
            best: f64::INFINITY,
            waited: 0,
        }
    }

    pub(super) fn judge(&mut self, loss: f64) -> Verdict {
        if loss < self.best - self.rule.min_delta {
            self.best = loss;
            self.waited = 0;
            return Verdict::Best;
        }
        self.waited += 1;
        if self.waited < self.rule.patience {
            Verdict::Wait
        } else {
            Verdict::Stop
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_epochs_since_the_best() {
        let mut watch = Watch::new(EarlyStopping {
            min_delta: 0.1,
            ..EarlyStopping::new(2)
        });
        let verdicts = [1.0, 0.95, 0.8, 0.75, 0.9, 0.1].map(|loss| watch.judge(loss));
        use Verdict::{Best, Stop, Wait};
        assert_eq!(verdicts, [Best, Wait, Best, Wait, Stop, Best]);
    }

    #[test]
    fn senseless_rules_are_errors() {
        assert!(EarlyStopping::new(0).check().is_err());
        for min_delta in [-1.0, f64::NAN, f64::INFINITY] {
            let rule = EarlyStopping {
                min_delta,
                ..EarlyStopping::new(1)
            };
            assert!(rule.check().is_err());
        }
        assert!(EarlyStopping::new(1).check().is_ok());
    }
}
