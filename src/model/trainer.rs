//! The loop over epochs and minibatches.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use autoencoder_kernels::{Context, parallel};

use super::autoencoder::Autoencoder;
use super::callback::{Callback, Progress};
use super::early_stopping::{Verdict, Watch};
use super::fit::FitOptions;
use super::history::{Epoch, History};
use super::training::Training;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::random::{Generator, Purpose};
use crate::tape::{Parameters, Program, ProgramOptions};

/// A model in training.
pub(super) struct Trainer<'a> {
    model: Autoencoder,
    data: &'a Dataset,
    options: &'a FitOptions,
    program: Program,
    /// The samples in the order of this epoch.
    order: Vec<usize>,
    /// Steps done, over all epochs.
    steps: u64,
    history: History,
    watch: Option<Watch>,
    /// The best epoch so far and its parameters, where they may be wanted.
    best: Option<(u32, Parameters)>,
}

impl<'a> Trainer<'a> {
    /// The options must have been checked.
    pub(super) fn new(
        model: &Autoencoder,
        data: &'a Dataset,
        options: &'a FitOptions,
    ) -> Result<Self> {
        let batch_size = options.batch_size.min(data.len());
        let mut model = model.clone();
        model.values_mut().reset_state();
        Ok(Trainer {
            program: Program::new(&model.graph().tape, ProgramOptions::new(batch_size))?,
            model,
            data,
            options,
            order: (0..data.len()).collect(),
            steps: 0,
            history: History::default(),
            watch: options.early_stopping.map(Watch::new),
            best: None,
        })
    }

    /// Trains to the end.
    pub(super) fn run(mut self, callback: &mut dyn Callback) -> Result<(Autoencoder, History)> {
        parallel::in_pool(Context::default().parallelism, || {
            for epoch in 1..=self.options.epochs {
                if self.epoch(epoch, callback)?.is_break() {
                    self.history.stopped_early = true;
                    break;
                }
            }
            self.restore_best();
            self.model.values_mut().reset_state();
            Ok((self.model, self.history))
        })
    }

    /// One epoch with its validation. Says whether training goes on.
    fn epoch(&mut self, number: u32, callback: &mut dyn Callback) -> Result<ControlFlow<()>> {
        let Some((loss, time)) = self.train(number, callback)? else {
            return Ok(ControlFlow::Break(()));
        };
        let val_loss = match &self.options.validation {
            Some(validation) => Some(self.validate(number, validation)?),
            None => None,
        };
        self.check_parameters(number)?;
        let seconds = time.as_secs_f64();
        let epoch = Epoch {
            epoch: number,
            loss,
            val_loss,
            seconds,
            samples_per_second: self.data.len() as f64 / seconds.max(f64::MIN_POSITIVE),
        };
        self.history.epochs.push(epoch);
        self.history.weights_of = Some(number);
        self.model.set_training(Some(self.training(&epoch)));
        let flow = callback.on_epoch(&epoch, &self.model);
        Ok(if self.judge(&epoch).is_break() {
            ControlFlow::Break(())
        } else {
            flow
        })
    }

    /// The steps of one epoch: the mean loss and the time they took. `None` if
    /// the callback ended training between them.
    fn train(
        &mut self,
        epoch: u32,
        callback: &mut dyn Callback,
    ) -> Result<Option<(f64, Duration)>> {
        if self.options.shuffle {
            // From the same start each time, so that an epoch's order depends on
            // its number alone.
            for (place, sample) in self.order.iter_mut().enumerate() {
                *sample = place;
            }
            Generator::new(self.options.seed, Purpose::Shuffle { epoch }).shuffle(&mut self.order);
        }
        let learning_rate = self.options.effective_learning_rate();
        let (mut sum, mut samples, mut time) = (0.0, 0, Duration::ZERO);
        for batch in self.order.chunks(self.program.batch_size()) {
            // Samples of this epoch from this minibatch on.
            let rest = &self.order[samples..];
            let start = Instant::now();
            self.steps += 1;
            let loss = self.program.step(
                self.model.values_mut(),
                self.options.optimizer,
                learning_rate,
                self.steps,
                batch.len(),
                |_, rows, out| {
                    // The block after this one, of this minibatch or the next.
                    let next = rest.len().min(rows.end)..rest.len().min(rows.end + rows.len());
                    self.data
                        .gather_and_prefetch(&batch[rows], &rest[next], out)
                },
            )?;
            time += start.elapsed();
            check_loss(epoch, "loss", loss)?;
            sum += loss * batch.len() as f64;
            samples += batch.len();
            let progress = Progress {
                epoch,
                epochs: self.options.epochs,
                samples,
                samples_per_epoch: self.order.len(),
                loss: sum / samples as f64,
                seconds: time.as_secs_f64(),
            };
            if callback.on_batch(&progress).is_break() {
                return Ok(None);
            }
        }
        Ok(Some((sum / samples as f64, time)))
    }

    /// The mean loss on other data.
    fn validate(&mut self, epoch: u32, data: &Dataset) -> Result<f64> {
        let mut sum = 0.0;
        for start in (0..data.len()).step_by(self.program.batch_size()) {
            let rows = self.program.batch_size().min(data.len() - start);
            let loss = self
                .program
                .loss(self.model.values(), rows, |_, part, out| {
                    data.rows_into(start + part.start..start + part.end, out)
                })?;
            sum += loss * rows as f64;
        }
        let loss = sum / data.len() as f64;
        check_loss(epoch, "validation loss", loss)?;
        Ok(loss)
    }

    /// Fails if the last step has spoilt the weights, which no loss has seen.
    fn check_parameters(&self, epoch: u32) -> Result<()> {
        for (_, mat) in self.model.parameters() {
            if let Some(&value) = mat.as_slice().iter().find(|value| !value.is_finite()) {
                check_loss(epoch, "largest weight", f64::from(value))?;
            }
        }
        Ok(())
    }

    /// Early stopping's opinion of an epoch.
    fn judge(&mut self, epoch: &Epoch) -> ControlFlow<()> {
        let (Some(watch), Some(rule)) = (&mut self.watch, &self.options.early_stopping) else {
            return ControlFlow::Continue(());
        };
        match watch.judge(epoch.val_loss.unwrap_or(epoch.loss)) {
            Verdict::Best => {
                if rule.restore_best {
                    self.best = Some((epoch.epoch, self.model.values().clone()));
                }
                ControlFlow::Continue(())
            }
            Verdict::Wait => ControlFlow::Continue(()),
            Verdict::Stop => ControlFlow::Break(()),
        }
    }

    fn restore_best(&mut self) {
        let Some((number, parameters)) = self.best.take() else {
            return;
        };
        *self.model.values_mut() = parameters;
        self.history.weights_of = Some(number);
        let training = self.history.current().map(|epoch| self.training(epoch));
        self.model.set_training(training);
    }

    fn training(&self, epoch: &Epoch) -> Training {
        Training {
            optimizer: self.options.optimizer.to_string(),
            learning_rate: self.options.effective_learning_rate(),
            batch_size: self.options.batch_size,
            samples: self.data.len(),
            epochs: epoch.epoch,
            shuffle: self.options.shuffle,
            seed: self.options.seed,
            loss: epoch.loss,
            val_loss: epoch.val_loss,
        }
    }
}

fn check_loss(epoch: u32, what: &'static str, value: f64) -> Result<()> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(Error::Diverged { epoch, what, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::digits;
    use crate::model::callback::Silent;

    #[test]
    fn the_order_of_an_epoch_depends_on_its_number_alone() {
        let data = digits().slice(0..40).unwrap();
        let model = Autoencoder::builder().input(784).encoder([2]);
        let model = model.build().unwrap();
        let options = FitOptions::default();
        let order = |epochs: &[u32]| {
            let mut trainer = Trainer::new(&model, &data, &options).unwrap();
            for &epoch in epochs {
                trainer.train(epoch, &mut Silent).unwrap();
            }
            trainer.order
        };
        assert_eq!(order(&[1, 2, 3]), order(&[3]));
        assert_ne!(order(&[2]), order(&[3]));
        let mut sorted = order(&[3]);
        sorted.sort();
        assert!(sorted.into_iter().eq(0..40));
    }
}
