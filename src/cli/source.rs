//! Which data to train on and to validate on: the options that say so, and what
//! a checkpoint remembers of them.

use std::path::{PathBuf, absolute};

use autoencoder::data::{self, Dataset, LoadOptions, Origin, Text};
use autoencoder::model::Preset;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::console::Failure;
use super::data_options::{DataOptions, load};
use super::values::fraction;

#[derive(Args)]
pub(crate) struct ValidationOptions {
    /// Measure the loss on these samples after each epoch
    #[arg(long, value_name = "PATH", conflicts_with = "validation_split")]
    validation: Option<PathBuf>,
    /// Hold this part of the data for validation, from its end
    #[arg(long, value_name = "PART", value_parser = fraction)]
    validation_split: Option<f64>,
}

/// Where the data come from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    data: Option<PathBuf>,
    validation: Option<PathBuf>,
    validation_split: Option<f64>,
    /// How to read them.
    options: LoadOptions,
    /// The name of a preset, whose data they are where nothing else is said.
    preset: Option<String>,
}

impl Source {
    /// The data of a preset, or the digits.
    pub(crate) fn of(preset: Option<&Preset>) -> Self {
        Source {
            preset: preset.map(|preset| preset.name.to_owned()),
            ..Source::default()
        }
    }

    /// With absolute paths, since a run may be resumed from another folder.
    pub(crate) fn absolute(self) -> Self {
        let whole = |path: &Option<PathBuf>| match path {
            Some(path) => absolute(path).ok().or_else(|| Some(path.clone())),
            None => None,
        };
        let mut options = self.options.clone();
        if let Some(Text::File(path)) = &mut options.text {
            *path = absolute(&*path).unwrap_or_else(|_| path.clone());
        }
        Source {
            options,
            data: whole(&self.data),
            validation: whole(&self.validation),
            ..self
        }
    }

    /// With what was given in the place of what was known.
    pub(crate) fn with(
        mut self,
        data: Option<PathBuf>,
        options: &ValidationOptions,
        reading: &DataOptions,
    ) -> Self {
        self.data = data.or(self.data);
        reading.apply(&mut self.options);
        if options.validation.is_some() || options.validation_split.is_some() {
            self.validation = options.validation.clone();
            self.validation_split = options.validation_split;
        }
        self
    }

    /// The samples to train on, and those to validate on.
    pub(crate) fn load(&self) -> Result<(Dataset, Option<Dataset>), Failure> {
        let preset = self.preset.as_deref().map(Preset::named).transpose()?;
        let own = || match preset {
            Some(preset) => preset.data(),
            None => {
                let (train, validation) = data::digits_split();
                Ok((train, Some(validation)))
            }
        };
        let all = || match (&self.data, preset) {
            (None, Some(_)) => Ok(own()?.0),
            (path, _) => load(path.as_deref(), &self.options),
        };
        match (&self.validation, self.validation_split) {
            (Some(validation), _) => {
                let all = all()?;
                let mut options = self.options.clone();
                if let Some(Origin::Text(vocabulary)) = all.origin() {
                    options.text = Some(Text::Vocabulary(vocabulary.clone()));
                }
                let validation = data::load_with(validation, &options)?;
                Ok((all, Some(validation)))
            }
            (None, Some(part)) => split(all()?, part),
            (None, None) if self.data.is_none() => Ok(own()?),
            (None, None) => Ok((all()?, None)),
        }
    }
}

/// Holds a part back from the end.
fn split(data: Dataset, part: f64) -> Result<(Dataset, Option<Dataset>), Failure> {
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
