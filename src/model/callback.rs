//! [`Callback`]: to watch training, and to end it.

use std::ops::ControlFlow;

use super::autoencoder::Autoencoder;
use super::history::Epoch;

/// Where training stands within an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The epoch, from 1.
    pub epoch: u32,
    /// How many epochs there are to be.
    pub epochs: u32,
    /// Samples trained on in this epoch so far.
    pub samples: usize,
    /// Samples in an epoch.
    pub samples_per_epoch: usize,
    /// The mean loss of those samples so far.
    pub loss: f64,
    /// Time of this epoch's training steps so far.
    pub seconds: f64,
}

/// Told about the course of training. Each method may end it by
/// [`ControlFlow::Break`]; what was trained so far stays.
///
/// A closure over [`Epoch`] is a callback too:
///
/// ```
/// # use std::ops::ControlFlow;
/// # use autoencoder::model::{Callback, Epoch};
/// let mut print = |epoch: &Epoch| {
///     println!("{} {:.4}", epoch.epoch, epoch.loss);
///     if epoch.loss < 0.1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// };
/// let _: &mut dyn Callback = &mut print;
/// ```
pub trait Callback: Send {
    /// After each training step. To end training here undoes the unfinished
    /// epoch: the model is that of the last whole one.
    fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// After each epoch and its validation, with the model as it is then.
    fn on_epoch(&mut self, epoch: &Epoch, model: &Autoencoder) -> ControlFlow<()>;
}

impl<F: FnMut(&Epoch) -> ControlFlow<()> + Send> Callback for F {
    fn on_epoch(&mut self, epoch: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        self(epoch)
    }
}

/// Watches nothing.
impl Callback for () {
    fn on_epoch(&mut self, _: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
