//! `autoencoder train`: a model from data.

use std::path::{Path, PathBuf};

use autoencoder::Autoencoder;
use autoencoder::data::{self, Dataset};
use autoencoder::model::{FitOptions, History};
use clap::Args;
use serde::Serialize;

use super::console::{Failure, print, print_json};
use super::denoising::Report;
use super::load;
use super::model_options::ModelOptions;
use super::pretraining::pretrain;
use super::regularization_options::{RegularizationOptions, remark_on_copying};
use super::run_directory::RunDirectory;
use super::training_options::TrainingOptions;
use super::values::fraction;
use super::watch::{Bar, Lines, table};

#[derive(Args)]
pub(crate) struct Train {
    /// The samples: IDX or npy, perhaps with gzip. If left out, the 10 000 MNIST
    /// digits that come with the program, the last 1 000 held for validation
    data: Option<PathBuf>,

    #[command(flatten, next_help_heading = "Model")]
    model: ModelOptions,

    #[command(flatten, next_help_heading = "Training")]
    training: TrainingOptions,

    /// First train the layers one after another, for so many epochs each: every
    /// layer of the encoder, with the one that mirrors it, on the codes of the
    /// layers below
    #[arg(long, value_name = "EPOCHS", help_heading = "Training", conflicts_with = "freeze",
          value_parser = clap::value_parser!(u32).range(1..))]
    pretrain: Option<u32>,

    #[command(flatten, next_help_heading = "Regularisation")]
    regularization: RegularizationOptions,

    #[command(flatten, next_help_heading = "Validation")]
    validation: ValidationOptions,

    #[command(flatten, next_help_heading = "Output")]
    output: OutputOptions,
}

#[derive(Args)]
struct ValidationOptions {
    /// Measure the loss on these samples after each epoch
    #[arg(long, value_name = "PATH", conflicts_with = "validation_split")]
    validation: Option<PathBuf>,
    /// Hold this part of the data for validation, from its end
    #[arg(long, value_name = "PART", value_parser = fraction)]
    validation_split: Option<f64>,
}

#[derive(Args)]
struct OutputOptions {
    /// A new or empty folder for model.safetensors, history.csv, loss.svg,
    /// reconstructions.png and, of a variational model, samples.png
    #[arg(long, value_name = "DIR", default_value = "./autoencoder-run")]
    out: PathBuf,
    /// Overwrite a run in that folder
    #[arg(long)]
    force: bool,
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
    seconds: f64,
    /// On the validation data, or else on those trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    denoising: Option<Report>,
    out: &'a Path,
}

impl Train {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (data, validation) = self.validation.split(self.data.as_deref())?;
        let mut options = FitOptions {
            validation: validation.clone(),
            ..FitOptions::default()
        };
        self.training.apply(&mut options);
        self.regularization.apply(&mut options);
        let mut model = self.model.model(&data, options.seed)?;
        remark_on_copying(model.architecture(), &options);
        let directory = RunDirectory::prepare(&self.output.out, self.output.force)?;
        if let Some(epochs) = self.pretrain {
            pretrain(&mut model, &data, &options, epochs, self.output.json)?;
        }
        let history = self.fit(&mut model, &data, &options)?;
        let held_out = validation.as_ref().unwrap_or(&data);
        let denoising = match options.noise {
            Some(noise) => Some(Report::new(&model, held_out, noise, options.seed)?),
            None => None,
        };
        let out = directory.path().to_owned();
        directory.fill(&model, &history, validation.as_ref().unwrap_or(&data))?;
        if !self.output.json {
            print(table(&history))?;
            denoising.map_or(Ok(()), print)?;
            return print(format_args!("written to {}", out.display()));
        }
        let last = history.epochs.last();
        print_json(&Done {
            done: Outcome {
                epochs: last.map_or(0, |epoch| epoch.epoch),
                loss: last.map(|epoch| epoch.loss),
                val_loss: last.and_then(|epoch| epoch.val_loss),
                seconds: history.seconds(),
                denoising,
                out: &out,
            },
        })
    }

    fn fit(
        &self,
        model: &mut Autoencoder,
        data: &Dataset,
        options: &FitOptions,
    ) -> Result<History, Failure> {
        if self.output.json {
            let mut lines = Lines::default();
            let history = model.fit_with(data, options, &mut lines)?;
            lines.end()?;
            Ok(history)
        } else {
            let mut bar = Bar::new(options.epochs, data.len());
            Ok(model.fit_with(data, options, &mut bar)?)
        }
    }
}

impl ValidationOptions {
    /// The samples to train on, and those to validate on.
    fn split(&self, path: Option<&Path>) -> Result<(Dataset, Option<Dataset>), Failure> {
        if let Some(validation) = &self.validation {
            return Ok((load(path)?, Some(data::load(validation)?)));
        }
        match (path, self.validation_split) {
            (None, None) => {
                let (train, validation) = data::digits_split();
                Ok((train, Some(validation)))
            }
            (_, None) => Ok((load(path)?, None)),
            (_, Some(part)) => {
                let data = load(path)?;
                // As Keras rounds.
                let kept = (data.len() as f64 * (1.0 - part)).floor() as usize;
                if kept == data.len() {
                    return Ok((data, None));
                }
                if kept == 0 {
                    return Err(Failure::Message(format!(
                        "--validation-split {part} of {} samples leaves none to train on",
                        data.len()
                    )));
                }
                let (train, validation) = data.split_at(kept)?;
                Ok((train, Some(validation)))
            }
        }
    }
}
