//! [`Trainer`]: the loop over epochs and minibatches, an epoch at a time.

use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use autoencoder_kernels::{Context, parallel};

use super::autoencoder::Autoencoder;
use super::callback::{Callback, Progress};
use super::checkpoint::Checkpoint;
use super::early_stopping::{Verdict, Watch};
use super::fit::FitOptions;
use super::history::{Epoch, Figure, History, Means};
use super::schedule::Rule;
use super::training::Training;
use super::training_graph::{Draw, TrainingGraph};
use crate::data::{Dataset, Fingerprint};
use crate::error::{Error, Result};
use crate::random::{Generator, Purpose};
use crate::tape::{Parameters, Program, ProgramOptions};

/// A model in training: what [`Autoencoder::fit`] does, an epoch at a time, for
/// those who want to do something between epochs.
///
/// ```
/// use autoencoder::model::{FitOptions, Trainer};
/// use autoencoder::Autoencoder;
///
/// let data = autoencoder::data::digits().slice(0..256)?;
/// let model = Autoencoder::builder().input(784).encoder([8]).build()?;
/// let options = FitOptions { epochs: 2, ..FitOptions::default() };
/// let mut trainer = Trainer::new(&model, &data, &options)?;
/// while trainer.epoch(&mut ())?.is_continue() {
///     println!("{}", trainer.history().epochs.len());
/// }
/// let (model, history) = trainer.finish();
/// assert_eq!(history.epochs.len(), 2);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Trainer<'a> {
    pub(super) model: Autoencoder,
    pub(super) data: &'a Dataset,
    pub(super) options: &'a FitOptions,
    program: Program,
    graph: TrainingGraph,
    /// The samples in the order of this epoch.
    order: Vec<usize>,
    /// Steps done, over all epochs.
    pub(super) steps: u64,
    pub(super) history: History,
    schedule: Box<dyn Rule>,
    watch: Option<Watch>,
    /// Whether early stopping has said that it is enough.
    enough: bool,
    /// What the best epoch was judged by, and its parameters.
    pub(super) best: Option<(f64, Parameters)>,
    /// Parameters and steps as they were after the last whole epoch.
    whole: (Parameters, u64),
    /// Of the data and the validation data, once somebody has asked.
    fingerprints: OnceCell<(Fingerprint, Option<Fingerprint>)>,
}

impl<'a> Trainer<'a> {
    /// Before the first epoch. The optimiser starts anew, the weights go on from
    /// where they are.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Configuration`] for data and options that do
    /// not fit the model, [`Error::TargetOutOfRange`] and [`Error::NotFinite`]
    /// for samples that cannot be learned.
    pub fn new(model: &Autoencoder, data: &'a Dataset, options: &'a FitOptions) -> Result<Self> {
        options.check(model.architecture(), data)?;
        let batch_size = options.batch_size.min(data.len());
        let mut model = model.clone();
        model.values_mut().reset_state();
        let graph = TrainingGraph::new(model.architecture(), options)?;
        let program_options = ProgramOptions {
            seed: options.seed,
            ..ProgramOptions::new(batch_size)
        };
        let mut program = Program::new(&graph.tape, program_options)?;
        program.clip_gradients(options.clip_norm)?;
        program.set_weight_decay(options.coupled_decay());
        Ok(Trainer {
            program,
            graph,
            whole: (model.values().clone(), 0),
            model,
            data,
            options,
            order: (0..data.len()).collect(),
            steps: 0,
            history: History::default(),
            schedule: options.schedule.start(options.epochs),
            watch: options.early_stopping.map(Watch::new),
            enough: false,
            best: None,
            fingerprints: OnceCell::new(),
        })
    }

    /// The model as it is after the last whole epoch.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// The epochs so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The best model so far, by validation loss or, without validation, loss;
    /// `None` before the first epoch.
    pub fn best(&self) -> Option<Autoencoder> {
        let mut best = self.model.clone();
        best.values_mut().copy_values_from(&self.best.as_ref()?.1);
        let training = self.history.best().map(|epoch| self.training(epoch));
        best.set_training(training);
        Some(best)
    }

    /// Whether early stopping has ended training before its last epoch.
    pub fn is_stopped_early(&self) -> bool {
        self.enough && self.history.epochs.len() < self.options.epochs as usize
    }

    /// Whether all epochs are done, or early stopping has ended training.
    pub fn is_done(&self) -> bool {
        self.enough || self.history.epochs.len() >= self.options.epochs as usize
    }

    /// Trains to the end.
    pub(super) fn run(&mut self, callback: &mut dyn Callback) -> Result<()> {
        parallel::in_pool(Context::default().parallelism, || {
            while self.epoch(callback)?.is_continue() {}
            Ok(())
        })
    }

    /// The next epoch with its validation. Says whether training goes on: not
    /// after the last one, nor if early stopping or the callback ended it. An
    /// epoch that the callback ended before its last step is undone.
    ///
    /// # Errors
    /// [`Error::Diverged`] where a loss or a weight becomes NaN or infinite. The
    /// epoch is undone then: the model is that of the last good one.
    pub fn epoch(&mut self, callback: &mut dyn Callback) -> Result<ControlFlow<()>> {
        if self.is_done() {
            return Ok(ControlFlow::Break(()));
        }
        // There are at most `u32::MAX` epochs.
        let number = self.history.epochs.len() as u32 + 1;
        self.whole.0.copy_from(self.model.values());
        self.whole.1 = self.steps;
        match self.train_and_validate(number, callback) {
            Ok(Some(epoch)) => Ok(self.report(epoch, callback)),
            Ok(None) => {
                self.undo();
                self.history.stopped_early = true;
                Ok(ControlFlow::Break(()))
            }
            Err(error) => {
                self.undo();
                Err(error)
            }
        }
    }

    /// The model, and what there is to tell. Early stopping may have been told to
    /// give back the best epoch's weights.
    pub fn finish(mut self) -> (Autoencoder, History) {
        let restore = self.options.early_stopping.is_some_and(|r| r.restore_best);
        if let (true, Some(best)) = (restore, self.best()) {
            self.model = best;
            self.history.weights_of = self.history.best().map(|epoch| epoch.epoch);
        }
        self.model.values_mut().reset_state();
        (self.model, self.history)
    }

    /// Goes on where a checkpoint was saved. `options.epochs` counts from the
    /// run's beginning. Apart from them and from early stopping, the options must
    /// be those of the run, and so must the data; then the result has the same
    /// bits as if training had never stopped. A [`Cosine`](super::Cosine) schedule
    /// without a length of its own has that of the run, so that the epochs must be
    /// the same too.
    ///
    /// # Errors
    /// [`Error::Resume`] names what differs; else as [`Trainer::new`].
    pub fn resume(
        checkpoint: Checkpoint,
        data: &'a Dataset,
        options: &'a FitOptions,
    ) -> Result<Self> {
        checkpoint.check(data, options)?;
        let mut trainer = Trainer::new(&checkpoint.model, data, options)?;
        trainer.restore(checkpoint);
        Ok(trainer)
    }

    /// Takes the state of a checkpoint of the same run.
    fn restore(&mut self, checkpoint: Checkpoint) {
        // They have just been compared.
        self.fingerprints = OnceCell::from((checkpoint.data, checkpoint.validation));
        self.model = checkpoint.model;
        self.whole = (self.model.values().clone(), checkpoint.steps);
        self.steps = checkpoint.steps;
        let losses = checkpoint.history.iter().map(Epoch::monitored);
        let lowest = losses.reduce(f64::min);
        self.best = lowest.zip(checkpoint.best);
        for epoch in &checkpoint.history {
            self.judge(epoch);
        }
        self.history = History {
            weights_of: checkpoint.history.last().map(|epoch| epoch.epoch),
            epochs: checkpoint.history,
            stopped_early: self.enough,
        };
    }

    /// What the data are, and the validation data.
    pub(super) fn fingerprints(&self) -> (Fingerprint, Option<Fingerprint>) {
        *self.fingerprints.get_or_init(|| {
            let validation = self.options.validation.as_ref();
            (
                self.data.fingerprint(),
                validation.map(Dataset::fingerprint),
            )
        })
    }

    fn undo(&mut self) {
        self.model.values_mut().copy_from(&self.whole.0);
        self.steps = self.whole.1;
    }

    /// `None` if the callback ended the epoch.
    fn train_and_validate(
        &mut self,
        number: u32,
        callback: &mut dyn Callback,
    ) -> Result<Option<Epoch>> {
        let learning_rate = self.options.effective_learning_rate();
        let factor = self.schedule.factor(number);
        let learning_rate = (f64::from(learning_rate) * factor) as f32;
        let Some(trained) = self.train(number, learning_rate, callback)? else {
            return Ok(None);
        };
        let mut figures = trained.figures;
        let val_loss = match &self.options.validation {
            Some(validation) => Some(self.validate(number, validation, &mut figures)?),
            None => None,
        };
        if self.options.regularization.beta_warm_up > 0 {
            let beta = self.options.regularization.beta_in(number);
            figures.push(Figure::new("beta", f64::from(beta)));
        }
        self.check_parameters(number)?;
        let seconds = trained.time.as_secs_f64();
        Ok(Some(Epoch {
            epoch: number,
            loss: trained.loss,
            val_loss,
            seconds,
            samples_per_second: self.data.len() as f64 / seconds.max(f64::MIN_POSITIVE),
            learning_rate,
            figures,
        }))
    }

    /// The steps of one epoch. `None` if the callback ended training between
    /// them.
    fn train(
        &mut self,
        epoch: u32,
        learning_rate: f32,
        callback: &mut dyn Callback,
    ) -> Result<Option<Trained>> {
        if self.options.shuffle {
            // From the same start each time, so that an epoch's order depends on
            // its number alone.
            for (place, sample) in self.order.iter_mut().enumerate() {
                *sample = place;
            }
            Generator::new(self.options.seed, Purpose::Shuffle { epoch }).shuffle(&mut self.order);
        }
        self.graph.set_beta(
            &mut self.program,
            self.options.regularization.beta_in(epoch),
        );
        let optimizer = self.options.effective_optimizer();
        let (mut sum, mut samples, mut time) = (0.0, 0, Duration::ZERO);
        let mut means = Means::default();
        for batch in self.order.chunks(self.program.batch_size()) {
            let start = Instant::now();
            self.steps += 1;
            let noise = self.graph.noise(self.options.seed, Draw::Step(self.steps));
            let loss = self.program.step(
                self.model.values_mut(),
                optimizer,
                learning_rate,
                self.steps,
                batch.len(),
                |value, rows, out| {
                    if noise.is_for(value) {
                        return noise.fill(rows.start, out);
                    }
                    self.data.gather(&batch[rows], out)
                },
            )?;
            time += start.elapsed();
            check_loss(epoch, "loss", loss)?;
            sum += loss * batch.len() as f64;
            samples += batch.len();
            for (name, value) in self.graph.figures(&self.program) {
                means.add(name.0, value, batch.len());
            }
            if let Some(norm) = self.program.gradient_norm() {
                means.add("gradient_norm", norm, batch.len());
            }
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
        Ok(Some(Trained {
            loss: sum / samples as f64,
            time,
            figures: means.over(samples),
        }))
    }

    /// The mean loss on other data, and its parts.
    fn validate(&mut self, epoch: u32, data: &Dataset, figures: &mut Vec<Figure>) -> Result<f64> {
        let beta = self.options.regularization.full_beta();
        self.graph.set_beta(&mut self.program, beta);
        let noise = self.graph.noise(self.options.seed, Draw::Validation);
        let (mut sum, mut means) = (0.0, Means::default());
        for start in (0..data.len()).step_by(self.program.batch_size()) {
            let rows = self.program.batch_size().min(data.len() - start);
            let loss = self
                .program
                .loss(self.model.values(), rows, |value, part, out| {
                    if noise.is_for(value) {
                        return noise.fill(start + part.start, out);
                    }
                    data.rows_into(start + part.start..start + part.end, out)
                })?;
            sum += loss * rows as f64;
            for (name, value) in self.graph.figures(&self.program) {
                means.add(name.1, value, rows);
            }
        }
        figures.extend(means.over(data.len()));
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

    /// Takes a whole epoch into the history and lets others judge it.
    fn report(&mut self, epoch: Epoch, callback: &mut dyn Callback) -> ControlFlow<()> {
        self.model.set_training(Some(self.training(&epoch)));
        let (loss, values) = (epoch.monitored(), self.model.values());
        match &mut self.best {
            Some((best, _)) if loss >= *best => {}
            Some((best, of_best)) => {
                *best = loss;
                of_best.copy_values_from(values);
            }
            None => self.best = Some((loss, values.without_state())),
        }
        self.judge(&epoch);
        let flow = callback.on_epoch(&epoch, &self.model);
        self.history.weights_of = Some(epoch.epoch);
        self.history.epochs.push(epoch);
        if self.enough || flow.is_break() {
            self.history.stopped_early = true;
            return ControlFlow::Break(());
        }
        match self.is_done() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Tells the schedule and early stopping of an epoch.
    fn judge(&mut self, epoch: &Epoch) {
        self.schedule.observe(epoch.monitored());
        if let Some(watch) = &mut self.watch {
            self.enough = watch.judge(epoch.monitored()) == Verdict::Stop;
        }
    }

    fn training(&self, epoch: &Epoch) -> Training {
        Training::new(self.options, self.data.len(), epoch)
    }
}

/// The steps of an epoch.
struct Trained {
    loss: f64,
    time: Duration,
    figures: Vec<Figure>,
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

    #[test]
    fn the_order_of_an_epoch_depends_on_its_number_alone() {
        let data = digits().slice(0..40).unwrap();
        let model = Autoencoder::builder().input(784).encoder([2]);
        let model = model.build().unwrap();
        let options = FitOptions::default();
        let order = |epochs: &[u32]| {
            let mut trainer = Trainer::new(&model, &data, &options).unwrap();
            for &epoch in epochs {
                trainer.train(epoch, 1e-3, &mut ()).unwrap();
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
