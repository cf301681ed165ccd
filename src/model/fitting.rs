//! [`Autoencoder::fit`]: a training from its beginning to its end.

use super::autoencoder::Autoencoder;
use super::callback::Callback;
use super::fit::FitOptions;
use super::history::History;
use super::trainer::Trainer;
use crate::data::Dataset;
use crate::error::{Error, Result};

impl Autoencoder {
    /// Trains the model to give back the samples of `data`.
    ///
    /// One seed gives the same bits, whatever the number of threads. The
    /// optimiser starts anew with each call; the weights go on from where they
    /// are. Training runs on the current rayon pool.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Configuration`] for data and options that do
    /// not fit the model, [`Error::TargetOutOfRange`] and [`Error::NotFinite`]
    /// for samples that cannot be learned: the model is unchanged then.
    /// [`Error::Diverged`] where a loss or a weight becomes NaN or infinite: the
    /// model is that of the last good epoch.
    pub fn fit(&mut self, data: &Dataset, options: &FitOptions) -> Result<History> {
        self.fit_with(data, options, &mut ())
    }

    /// [`fit`](Self::fit), with a callback that watches training and may end it.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with(
        &mut self,
        data: &Dataset,
        options: &FitOptions,
        callback: &mut dyn Callback,
    ) -> Result<History> {
        let mut trainer = Trainer::new(self, data, options)?;
        let result = trainer.run(callback);
        let (model, history) = match &result {
            Ok(()) | Err(Error::Diverged { .. }) => trainer.finish(),
            Err(_) => return result.map(|()| History::default()),
        };
        *self = model;
        result.map(|()| history)
    }
}
