//! `autoencoder train`: a model from data.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autoencoder_kernels::{Parallelism, parallel};
use clap::Args;
use serde::Serialize;

use super::console::{Failure, print, print_json, warn};
use super::data_options::DataOptions;
use super::denoising::Report;
use super::interrupt::Interrupt;
use super::model_options::ModelOptions;
use super::note::{Note, Pretraining};
use super::pretraining::pretrain;
use super::regularization_options::{RegularizationOptions, remark_on_copying};
use super::run_directory::RunDirectory;
use super::source::{LabelFilter, Source, ValidationOptions};
use super::training_options::TrainingOptions;
use super::watch::{Bar, Lines, table};
use crate::data::Dataset;
use crate::model::{Callback, FitOptions, Preset, Trainer};

/// A crash loses no more than this.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Saving takes no more than this part of the time.
const SAVING_PART: u32 = 20;

#[derive(Args)]
pub(crate) struct Train {
    /// The samples: IDX, .npy, .npz, .csv, a .png or a folder of them, .wav, .txt,
    /// perhaps with gzip. If left out, the 10 000 MNIST digits that come with the
    /// program, the last 1 000 held for validation
    data: Option<PathBuf>,

    /// A tutorial's program: its model, data and training, but for what is given;
    /// `autoencoder presets` lists them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "init"])]
    preset: Option<String>,

    #[command(flatten, next_help_heading = "Model")]
    model: ModelOptions,

    #[command(flatten, next_help_heading = "Training")]
    training: TrainingOptions,

    /// First train the layers one after another, for so many epochs each: every
    /// layer of the encoder, with the one that mirrors it, on the codes of the
    /// layers below
    #[arg(long, value_name = "EPOCHS", help_heading = "Training", conflicts_with_all = ["freeze", "resume"],
          value_parser = clap::value_parser!(u32).range(1..))]
    pretrain: Option<u32>,

    #[command(flatten, next_help_heading = "Regularisation")]
    regularization: RegularizationOptions,

    #[command(flatten, next_help_heading = "Validation")]
    validation: ValidationOptions,

    #[command(flatten, next_help_heading = "Data")]
    reading: DataOptions,
    #[command(flatten)]
    filter: LabelFilter,

    #[command(flatten, next_help_heading = "Output")]
    output: OutputOptions,
}

#[derive(Args)]
struct OutputOptions {
    /// A new or empty folder for the run: checkpoint, last and best model,
    /// history and pictures
    #[arg(long, value_name = "DIR", default_value = "./autoencoder-run")]
    out: PathBuf,
    /// Overwrite a run in that folder
    #[arg(long)]
    force: bool,
    /// Go on with the run in this folder, up to --epochs from its beginning. Data
    /// and options are those of the run; Ctrl-C ends it in good order again
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "force", "init"])]
    resume: Option<PathBuf>,
    /// Print one JSON object a line: each epoch, and {"done": …} at the end
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done<'a> {
    done: Outcome<'a>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    epochs: u32,
    loss: Option<f64>,
    val_loss: Option<f64>,
    best_epoch: Option<u32>,
    seconds: f64,
    interrupted: bool,
    /// Whether early stopping has ended it before its last epoch.
    stopped_early: bool,
    /// On the validation data, or else on those trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    denoising: Option<Report>,
    out: &'a Path,
}

impl Train {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.output.resume.clone() {
            Some(path) => self.resume(&path),
            None => self.begin(),
        }
    }

    /// What can be said before the data are there.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let preset = self.preset.as_deref().map(Preset::named).transpose()?;
        let _ = self.options(preset).warnings();
        self.model.check_widths(preset)
    }

    /// The options of a new run.
    fn options(&self, preset: Option<&Preset>) -> FitOptions {
        let mut options = preset.map_or_else(FitOptions::default, Preset::options);
        self.training.apply(&mut options);
        self.regularization.apply(&mut options);
        options
    }

    fn begin(self) -> Result<(), Failure> {
        let preset = self.preset.as_deref().map(Preset::named).transpose()?;
        let source = Source::of(preset).with(self.data.clone(), &self.validation, &self.reading);
        let source = source.filtered(&self.filter).for_model(self.model.init());
        let (data, validation) = source.load()?;
        let options = FitOptions {
            validation,
            ..self.options(preset)
        };
        let model = self.model.model(&data, preset, options.seed)?;
        remark_on_copying(model.architecture(), &options);
        let interrupt = Interrupt::listen()?;
        let directory = RunDirectory::prepare(&self.output.out, self.output.force)?;
        let trainer = Trainer::new(&model, &data, &options)?;
        let note = Note {
            source: source.absolute(),
            pretraining: self.pretrain.map(Pretraining::new),
        };
        self.train(trainer, note, &data, &options, directory, &interrupt)
    }

    fn resume(self, path: &Path) -> Result<(), Failure> {
        let interrupt = Interrupt::listen()?;
        let (directory, checkpoint) = RunDirectory::resume(path)?;
        let mut note = Note::read(checkpoint.note())?;
        note.source = note
            .source
            .with(self.data.clone(), &self.validation, &self.reading);
        note.source = note.source.filtered(&self.filter);
        let (data, validation) = note.source.load()?;
        note.source = note.source.absolute();
        let mut options = FitOptions {
            validation,
            ..checkpoint.options().clone()
        };
        self.training.apply(&mut options);
        self.regularization.apply(&mut options);
        self.model.check(checkpoint.model())?;
        let trainer = Trainer::resume(checkpoint, &data, &options)?;
        self.train(trainer, note, &data, &options, directory, &interrupt)
    }

    fn train(
        &self,
        trainer: Trainer<'_>,
        mut note: Note,
        data: &Dataset,
        options: &FitOptions,
        mut directory: RunDirectory,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        for warning in options.warnings() {
            warn(&warning);
        }
        let json = self.output.json;
        let before = trainer.history().epochs.len();
        if note.pretraining.is_none() {
            directory.remove_pretraining();
        }
        let mut trainer = pretrain(
            trainer,
            data,
            options,
            &mut note,
            &mut directory,
            json,
            interrupt,
        )?;
        let note = note.text()?;
        let mut run = |watch: &mut dyn Callback| {
            let mut callback = interrupt.over(watch);
            let (trainer, directory, note) = (&mut trainer, &mut directory, note.as_str());
            // A whole loop on one thread of the pool: parallel regions start faster.
            parallel::in_pool(Parallelism::Pool, move || {
                epochs(trainer, &mut callback, directory, note)
            })
        };
        let result = if self.output.json {
            let mut lines = Lines::default();
            run(&mut lines).and_then(|()| lines.end())
        } else {
            let mut bar = Bar::new(options.epochs, data.len());
            run(&mut bar)
        };
        let pictured = options.validation.as_ref().unwrap_or(data);
        let some = !trainer.history().epochs.is_empty();
        let mut save = || {
            if some || interrupt.is_asked() {
                directory.save(&trainer, &note)?;
            }
            if some {
                directory.draw(&trainer, pictured)?;
            }
            Ok(())
        };
        let saved = save();
        // What ended training is told first; it may be that it could not be saved.
        let result = result.and(saved);
        result.map_err(|failure| explain(failure, &directory))?;
        let denoising = match options.noise {
            Some(noise) if some => {
                let model = trainer.model();
                Some(Report::new(model, pictured, noise, options.seed)?)
            }
            _ => None,
        };
        self.tell(&trainer, &directory, interrupt.is_asked(), denoising)?;
        if !json && before > 0 && trainer.history().epochs.len() == before && !interrupt.is_asked()
        {
            print("nothing was left to do: no epoch was added")?;
        }
        Ok(())
    }

    /// Says how it went.
    fn tell(
        &self,
        trainer: &Trainer<'_>,
        directory: &RunDirectory,
        interrupted: bool,
        denoising: Option<Report>,
    ) -> Result<(), Failure> {
        let (history, out) = (trainer.history(), directory.path());
        let last = history.epochs.last();
        let epochs = last.map_or(0, |epoch| epoch.epoch);
        let interrupted = interrupted && !trainer.is_done();
        let stopped_early = trainer.is_stopped_early();
        if self.output.json {
            return print_json(&Done {
                done: Outcome {
                    epochs,
                    loss: last.map(|epoch| epoch.loss),
                    val_loss: last.and_then(|epoch| epoch.val_loss),
                    best_epoch: history.best().map(|epoch| epoch.epoch),
                    seconds: history.seconds(),
                    interrupted,
                    stopped_early,
                    denoising,
                    out,
                },
            });
        }
        if last.is_some() {
            print(table(history))?;
        }
        denoising.map_or(Ok(()), print)?;
        print(format_args!("written to {}", out.display()))?;
        if stopped_early {
            print(format_args!(
                "early stopping ended the run after epoch {epochs}: see --patience"
            ))?;
        }
        if interrupted {
            let out = out.display();
            print(format_args!(
                "interrupted after epoch {epochs}; go on with: autoencoder train --resume {out}"
            ))?;
        }
        Ok(())
    }
}

/// Trains to the end, and saves what there is from time to time.
fn epochs(
    trainer: &mut Trainer<'_>,
    callback: &mut dyn Callback,
    directory: &mut RunDirectory,
    note: &str,
) -> Result<(), Failure> {
    let mut due = Instant::now();
    while trainer.epoch(callback)?.is_continue() {
        let now = Instant::now();
        if now >= due {
            directory.save(trainer, note)?;
            due = Instant::now() + SAVE_EVERY.max(now.elapsed() * SAVING_PART);
        }
    }
    Ok(())
}

/// Says what is left of a training that failed.
fn explain(failure: Failure, directory: &RunDirectory) -> Failure {
    match (failure, directory.saved()) {
        (Failure::Message(message), Some(epoch)) => Failure::Message(format!(
            "{message}; the model as it was after epoch {epoch} is in {}",
            directory.path().display()
        )),
        (failure, _) => failure,
    }
}
