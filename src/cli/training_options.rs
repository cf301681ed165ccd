//! How to train: the options that say so, over the choices of a preset.

use std::num::NonZeroUsize;

use clap::Args;

use super::values::{not_negative, positive};
use crate::Optimizer;
use crate::model::{EarlyStopping, FitOptions, Part, Schedule};

#[derive(Args)]
pub(crate) struct TrainingOptions {
    /// adam, adamw, sgd, sgd-nesterov, rmsprop, adadelta, each also with -pytorch
    /// [default: adam]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<Optimizer>,
    /// [default: the usual one of the optimizer]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    learning_rate: Option<f32>,
    /// How the learning rate changes: constant, step:EPOCHS[:FACTOR],
    /// cosine[:LOWEST[:EPOCHS]], plateau[:PATIENCE[:FACTOR]] [default: constant].
    /// A cosine without EPOCHS goes over --epochs, which a resumed run keeps then
    #[arg(long, value_name = "NAME")]
    schedule: Option<Schedule>,
    /// Scale gradients whose norm, over all weights together, is larger than this
    #[arg(long, value_name = "NORM", value_parser = positive)]
    clip_norm: Option<f32>,
    /// Passes over the data [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// End after so many epochs in a row in which the validation loss (the loss,
    /// without validation) did not fall
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u32).range(1..))]
    patience: Option<u32>,
    /// By how much it has to fall to count [default: 0]
    #[arg(long, value_name = "LOSS", value_parser = not_negative, requires = "patience")]
    min_delta: Option<f64>,
    /// Keep the weights of this part as they are: encoder or decoder
    #[arg(long, value_name = "PART")]
    freeze: Option<Part>,
    /// Samples per training step [default: 256]
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroUsize>,
    /// Seed of the first weights and of the order of the samples [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Keep the samples in their order
    #[arg(long)]
    no_shuffle: bool,
    /// Take targets outside of [0, 1] for a loss that is only defined there
    #[arg(long)]
    allow_any_target: bool,
}

impl TrainingOptions {
    /// Puts what was given in the place of what `options` has.
    pub(crate) fn apply(&self, options: &mut FitOptions) {
        if let Some(optimizer) = self.optimizer {
            options.optimizer = optimizer;
            // A preset's rate is for the preset's optimiser.
            options.learning_rate = None;
        }
        set(&mut options.learning_rate, self.learning_rate.map(Some));
        set(&mut options.schedule, self.schedule);
        set(&mut options.clip_norm, self.clip_norm.map(Some));
        set(&mut options.epochs, self.epochs);
        if let Some(patience) = self.patience {
            options.early_stopping = Some(EarlyStopping {
                min_delta: self.min_delta.unwrap_or(0.0),
                // The best weights have a file of their own.
                restore_best: false,
                ..EarlyStopping::new(patience)
            });
        }
        set(
            &mut options.batch_size,
            self.batch_size.map(NonZeroUsize::get),
        );
        set(&mut options.freeze, self.freeze.map(Some));
        set(&mut options.seed, self.seed);
        if self.no_shuffle {
            options.shuffle = false;
        }
        if self.allow_any_target {
            options.any_targets = true;
        }
    }
}

fn set<T>(to: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *to = given;
    }
}
