//! Samples to use a model on, and their labels.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Failure;
use super::data_options::{DATA, DataOptions};
use super::source::labelled;
use crate::data::{Dataset, digits_split};

#[derive(Args)]
pub(crate) struct SampleOptions {
    #[arg(help = DATA)]
    data: Option<PathBuf>,
    /// Of the embedded digits, the last 1 000 alone, which `train` holds for
    /// validation
    #[arg(long, conflicts_with = "data")]
    held_out: bool,
    #[command(flatten, next_help_heading = "Data")]
    options: DataOptions,
}

impl SampleOptions {
    /// The samples for a model.
    pub(crate) fn load(&self, model: &Path) -> Result<Dataset, Failure> {
        if self.held_out {
            return Ok(digits_split().1);
        }
        self.options.load(self.data.as_deref(), model)
    }
}

/// Samples for what asks for labels, too.
#[derive(Args)]
pub(crate) struct LabelledSampleOptions {
    #[command(flatten)]
    samples: SampleOptions,
    /// Their labels: a file like them, with a whole number from 0 to 255 for each.
    /// The embedded digits have theirs
    #[arg(long, value_name = "FILE", requires = "data")]
    labels: Option<PathBuf>,
}

impl LabelledSampleOptions {
    /// The samples for a model, with labels where there are any.
    pub(crate) fn load(&self, model: &Path) -> Result<Dataset, Failure> {
        labelled(self.samples.load(model)?, self.labels.as_deref())
    }
}

/// The labels of samples that must have them.
pub(crate) fn labels_of(data: &Dataset) -> Result<&[u8], Failure> {
    data.labels().ok_or_else(|| {
        Failure::Message("the samples have no labels; give them with --labels FILE".to_owned())
    })
}
