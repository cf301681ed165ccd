//! [`History`]: what training reported, epoch by epoch.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// One pass over the data. As JSON it is one flat object of its
/// [`columns`](Self::columns).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
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
    /// The learning rate, after its schedule.
    pub learning_rate: f32,
    /// What else there is to tell: `gradient_norm` where gradients are clipped,
    /// the mean over the steps of their norm before that; the parts of the loss
    /// where it has several ([`Regularization`](super::Regularization)).
    pub figures: Vec<Figure>,
}

/// A number with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// As a column of a table: lower case, without spaces.
    pub name: Cow<'static, str>,
    /// The number.
    pub value: f64,
}

impl Figure {
    /// A number with a name.
    pub fn new(name: impl Into<Cow<'static, str>>, value: f64) -> Self {
        Figure {
            name: name.into(),
            value,
        }
    }
}

impl Epoch {
    /// What tables and files show of an epoch besides its number, in their order:
    /// `loss`, `val_loss`, `seconds`, `samples_per_second`, `learning_rate`,
    /// then the [`figures`](Self::figures).
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        let own = [
            ("loss", Some(self.loss)),
            ("val_loss", self.val_loss),
            ("seconds", Some(self.seconds)),
            ("samples_per_second", Some(self.samples_per_second)),
            ("learning_rate", Some(decimal(self.learning_rate))),
        ];
        let more = self.figures.iter();
        own.into_iter()
            .chain(more.map(|figure| (&*figure.name, Some(figure.value))))
    }

    /// The loss by which epochs are judged: the validation loss, or the training
    /// loss where there is no validation.
    pub fn monitored(&self) -> f64 {
        self.val_loss.unwrap_or(self.loss)
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("epoch", &self.epoch)?;
        for (name, value) in self.columns() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

/// The `f64` with the fewest digits that is this `f32`: 0.001, and not
/// 0.0010000000474974513.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
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
        self.epochs
            .iter()
            .min_by(|a, b| a.monitored().total_cmp(&b.monitored()))
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

/// Means over the samples of an epoch, by name.
#[derive(Default)]
pub(super) struct Means(Vec<(&'static str, f64)>);

impl Means {
    /// Counts a value of `samples` samples.
    pub(super) fn add(&mut self, name: &'static str, value: f64, samples: usize) {
        let value = value * samples as f64;
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, sum)) => *sum += value,
            None => self.0.push((name, value)),
        }
    }

    /// The means over this many samples.
    pub(super) fn over(&self, samples: usize) -> Vec<Figure> {
        let mean = |&(name, sum): &(&'static str, f64)| Figure::new(name, sum / samples as f64);
        self.0.iter().map(mean).collect()
    }
}
