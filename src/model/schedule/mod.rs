//! [`Schedule`]: how the learning rate changes from epoch to epoch.
//!
//! | file | what |
//! |---|---|
//! | `step.rs` | [`StepDecay`]: a factor every so many epochs |
//! | `cosine.rs` | [`Cosine`]: half a wave down |
//! | `plateau.rs` | [`Plateau`]: a factor when the loss no longer falls |
//! | `text.rs` | names: `step:10:0.5`, `cosine`, `plateau:5`, … |
//!
//! To add a schedule: a file with its struct, its [`Rule`] and its numbers as
//! text, and a variant of [`Schedule`] with its line in each `match` of this file.

mod cosine;
mod plateau;
mod step;
mod text;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
pub use cosine::Cosine;
pub use plateau::Plateau;
pub use step::StepDecay;
use text::Numbers;

/// How the learning rate changes from epoch to epoch: the base learning rate
/// times a factor, which is 1 in the first epoch.
///
/// ```
/// use autoencoder::model::{Schedule, StepDecay};
///
/// let schedule: Schedule = "step:10:0.5".parse()?;
/// assert_eq!(schedule, Schedule::Step(StepDecay { every: 10, factor: 0.5 }));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// The same in all epochs.
    #[default]
    Constant,
    /// Multiplied by a factor every so many epochs.
    Step(StepDecay),
    /// Half a cosine wave, from 1 to a lowest factor.
    Cosine(Cosine),
    /// Multiplied by a factor when the loss no longer falls.
    Plateau(Plateau),
}

impl Schedule {
    /// Fails unless the numbers make sense.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Schedule::Constant => Ok(()),
            Schedule::Step(step) => step.check(),
            Schedule::Cosine(cosine) => cosine.check(),
            Schedule::Plateau(plateau) => plateau.check(),
        }
    }

    /// Whether the factors of its first epochs depend on how many are to follow.
    pub(super) fn depends_on_epochs(self) -> bool {
        matches!(self, Schedule::Cosine(Cosine { epochs: None, .. }))
    }

    /// The schedule before the first of `epochs` epochs.
    pub(super) fn start(self, epochs: u32) -> Box<dyn Rule> {
        match self {
            Schedule::Constant => Box::new(Constant),
            Schedule::Step(step) => Box::new(step),
            Schedule::Cosine(cosine) => Box::new(cosine.over(epochs)),
            Schedule::Plateau(plateau) => Box::new(plateau.start()),
        }
    }
}

impl fmt::Display for Schedule {
    /// What [`Schedule::from_str`] reads, with all numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Constant => f.write_str("constant"),
            Schedule::Step(StepDecay { every, factor }) => write!(f, "step:{every}:{factor}"),
            Schedule::Cosine(Cosine { lowest, epochs }) => match epochs {
                Some(epochs) => write!(f, "cosine:{lowest}:{epochs}"),
                None => write!(f, "cosine:{lowest}"),
            },
            Schedule::Plateau(Plateau { patience, factor }) => {
                write!(f, "plateau:{patience}:{factor}")
            }
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;

    /// Reads `constant`, `step:EPOCHS[:FACTOR]`, `cosine[:LOWEST[:EPOCHS]]` or
    /// `plateau[:PATIENCE[:FACTOR]]`.
    fn from_str(text: &str) -> Result<Self> {
        let mut numbers = Numbers::new(text);
        let schedule = match numbers.name() {
            "constant" => Schedule::Constant,
            "step" => Schedule::Step(StepDecay::read(&mut numbers)?),
            "cosine" => Schedule::Cosine(Cosine::read(&mut numbers)?),
            "plateau" => Schedule::Plateau(Plateau::read(&mut numbers)?),
            _ => return Err(numbers.unknown()),
        };
        numbers.end()?;
        schedule.check()?;
        Ok(schedule)
    }
}

/// A schedule in the course of training. All that it remembers follows from the
/// losses that it was told, so that a resumed run tells them again.
pub(super) trait Rule: Send {
    /// The factor of the learning rate in an epoch, counted from 1.
    fn factor(&self, epoch: u32) -> f64;

    /// Told of the validation loss (the training loss, where there is none)
    /// after each epoch.
    fn observe(&mut self, loss: f64) {
        let _ = loss;
    }
}

struct Constant;

impl Rule for Constant {
    fn factor(&self, _: u32) -> f64 {
        1.0
    }
}

/// Fails unless a factor lies in (0, 1].
fn check_factor(option: &'static str, factor: f64) -> Result<()> {
    if factor > 0.0 && factor <= 1.0 {
        Ok(())
    } else {
        Err(Error::configuration(
            option,
            factor,
            "more than 0 and at most 1",
        ))
    }
}

/// Fails for 0 epochs.
fn check_epochs(option: &'static str, epochs: u32) -> Result<()> {
    if epochs > 0 {
        Ok(())
    } else {
        Err(Error::configuration(option, 0, "at least 1 epoch"))
    }
}

#[cfg(test)]
mod tests;
