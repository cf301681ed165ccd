//! Which data to train on and to validate on: the options that say so, and what
//! a checkpoint remembers of them.

use std::path::{Path, PathBuf, absolute};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::console::Failure;
use super::data_options::{DataOptions, load, vocabulary_of};
use super::values::{Labels, fraction};
use crate::data::{self, Dataset, LoadOptions, Origin, Text};
use crate::model::Preset;

#[derive(Args)]
pub(crate) struct ValidationOptions {
    /// Measure the loss on these samples after each epoch
    #[arg(long, value_name = "PATH", conflicts_with = "validation_split")]
    validation: Option<PathBuf>,
    /// Hold this part of the data for validation, from its end
    #[arg(long, value_name = "PART", value_parser = fraction)]
    validation_split: Option<f64>,
    /// Labels of the samples: a file like them, with a whole number from 0 to 255
    /// for each. The embedded digits have theirs
    #[arg(long, value_name = "FILE", requires = "data")]
    labels: Option<PathBuf>,
    /// Labels of the samples of --validation
    #[arg(long, value_name = "FILE", requires = "validation")]
    validation_labels: Option<PathBuf>,
}

/// Which of the samples.
#[derive(Args)]
pub(crate) struct LabelFilter {
    /// Train on the samples with these labels alone, such as 0-8 or 1,3,5;
    /// validation samples with labels are chosen likewise
    #[arg(long, value_name = "LABELS")]
    only_labels: Option<Labels>,
    /// Train on the samples with other labels than these
    #[arg(long, value_name = "LABELS", conflicts_with = "only_labels")]
    without_labels: Option<Labels>,
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
    labels: Option<PathBuf>,
    validation_labels: Option<PathBuf>,
    only_labels: Option<Labels>,
    without_labels: Option<Labels>,
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
        options.vocabulary = whole(&options.vocabulary);
        Source {
            options,
            data: whole(&self.data),
            validation: whole(&self.validation),
            labels: whole(&self.labels),
            validation_labels: whole(&self.validation_labels),
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
            self.validation_labels = options.validation_labels.clone();
        }
        self.labels = options.labels.clone().or(self.labels);
        self
    }

    /// For a model that goes on from that in a file, if there is one.
    pub(crate) fn for_model(mut self, model: Option<&Path>) -> Self {
        self.options.vocabulary = model.map(vocabulary_of);
        self
    }

    /// With some of the samples alone.
    pub(crate) fn filtered(mut self, filter: &LabelFilter) -> Self {
        if filter.only_labels.is_some() || filter.without_labels.is_some() {
            self.only_labels = filter.only_labels.clone();
            self.without_labels = filter.without_labels.clone();
        }
        self
    }

    /// The samples to train on, and those to validate on.
    pub(crate) fn load(&self) -> Result<(Dataset, Option<Dataset>), Failure> {
        let (train, validation) = self.load_all()?;
        if self.only_labels.is_none() && self.without_labels.is_none() {
            return Ok((train, validation));
        }
        if train.labels().is_none() {
            let message = "the samples have no labels to choose by; give them with --labels FILE";
            return Err(Failure::Message(message.to_owned()));
        }
        let chosen = |data: Dataset| match data.labels() {
            Some(_) => data.filter_labels(|label| self.wants(label)),
            None => Ok(data),
        };
        let train = chosen(train)?;
        if train.is_empty() {
            let message = "no sample has one of the labels that were asked for";
            return Err(Failure::Message(message.to_owned()));
        }
        let validation = validation.map(chosen).transpose()?;
        // Nothing is left to measure on where all were of other labels.
        Ok((train, validation.filter(|data| !data.is_empty())))
    }

    fn wants(&self, label: u8) -> bool {
        let only = self.only_labels.as_ref();
        let without = self.without_labels.as_ref();
        only.is_none_or(|labels| labels.contains(label))
            && !without.is_some_and(|labels| labels.contains(label))
    }

    fn load_all(&self) -> Result<(Dataset, Option<Dataset>), Failure> {
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
            (path, _) => labelled(
                load(path.as_deref(), &self.options)?,
                self.labels.as_deref(),
            ),
        };
        match (&self.validation, self.validation_split) {
            (Some(validation), _) => {
                let all = all()?;
                let mut options = self.options.clone();
                if let Some(Origin::Text(vocabulary)) = all.origin() {
                    options.text = Some(Text::Vocabulary(vocabulary.clone()));
                }
                let validation = data::load_with(validation, &options)?;
                let validation = labelled(validation, self.validation_labels.as_deref())?;
                Ok((all, Some(validation)))
            }
            (None, Some(part)) => split(all()?, part),
            (None, None) if self.data.is_none() => Ok(own()?),
            (None, None) => Ok((all()?, None)),
        }
    }
}

/// Samples with the labels in a file, if there is one.
pub(crate) fn labelled(data: Dataset, labels: Option<&Path>) -> Result<Dataset, Failure> {
    let Some(path) = labels else {
        return Ok(data);
    };
    let with = data.with_labels(data::load_labels(path)?);
    with.map_err(|error| Failure::Message(format!("{}: {error}", path.display())))
}

/// Holds a part back from the end.
pub(crate) fn split(data: Dataset, part: f64) -> Result<(Dataset, Option<Dataset>), Failure> {
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
