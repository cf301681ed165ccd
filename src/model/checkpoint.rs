//! [`Checkpoint`]: a training between two epochs, and how it goes on.

use serde_json::Value;

use super::autoencoder::Autoencoder;
use super::fit::FitOptions;
use super::history::Epoch;
use crate::data::{Dataset, Fingerprint};
use crate::error::{Error, Result};
use crate::tape::Parameters;

/// A training between two epochs, as [`Trainer::save`](super::Trainer::save) wrote it.
///
/// A training that goes on from it gives the same bits as one that was never
/// stopped:
///
/// ```
/// use autoencoder::model::{Checkpoint, FitOptions, Trainer};
/// use autoencoder::Autoencoder;
///
/// let data = autoencoder::data::digits().slice(0..256)?;
/// let model = Autoencoder::builder().input(784).encoder([8]).build()?;
/// let options = FitOptions { epochs: 1, ..FitOptions::default() };
/// let mut trainer = Trainer::new(&model, &data, &options)?;
/// trainer.epoch(&mut ())?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("checkpoint.safetensors");
/// trainer.save(&path, "")?;
///
/// let checkpoint = Checkpoint::load(&path)?;
/// let options = FitOptions { epochs: 2, ..checkpoint.options().clone() };
/// let mut trainer = Trainer::resume(checkpoint, &data, &options)?;
/// assert!(trainer.epoch(&mut ())?.is_break());
/// assert_eq!(trainer.history().epochs.len(), 2);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// With the optimiser's state.
    pub(super) model: Autoencoder,
    pub(super) best: Option<Parameters>,
    pub(super) history: Vec<Epoch>,
    pub(super) steps: u64,
    pub(super) options: FitOptions,
    pub(super) data: Fingerprint,
    pub(super) validation: Option<Fingerprint>,
    pub(super) note: String,
}

impl Checkpoint {
    /// The model as it is after the last epoch.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// The options that the training began with; without the validation data,
    /// which are the caller's to give again.
    pub fn options(&self) -> &FitOptions {
        &self.options
    }

    /// The epochs so far.
    pub fn epochs(&self) -> &[Epoch] {
        &self.history
    }

    /// What the caller of [`Trainer::save`](super::Trainer::save) wanted to know again.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Fails unless training may go on with these.
    pub(super) fn check(&self, data: &Dataset, options: &FitOptions) -> Result<()> {
        let differs = |what: String, given: String, expected: String| Error::Resume {
            what,
            given,
            expected,
        };
        let (given, expected) = (as_json(options)?, as_json(&self.options)?);
        for (name, expected) in &expected {
            // When to end may be thought over; what was done stays the same.
            if ["epochs", "early_stopping"].contains(&name.as_str()) {
                continue;
            }
            let given = given.get(name).unwrap_or(&Value::Null);
            if given != expected {
                let (given, expected) = (given.to_string(), expected.to_string());
                return Err(differs(name.replace('_', " "), given, expected));
            }
        }
        let (given, expected) = (options.epochs, self.options.epochs);
        if options.schedule.depends_on_epochs() && given != expected {
            let what = "epochs, the length of its cosine schedule (a new run with \
                        cosine:LOWEST:EPOCHS leaves them open)";
            return Err(differs(
                what.into(),
                given.to_string(),
                expected.to_string(),
            ));
        }
        let given = data.fingerprint();
        if given != self.data {
            let (given, expected) = (given.to_string(), self.data.to_string());
            return Err(differs("the training data".into(), given, expected));
        }
        let given = options.validation.as_ref().map(Dataset::fingerprint);
        if given != self.validation {
            let text = |print: Option<Fingerprint>| print.map_or("none".into(), |p| p.to_string());
            let what = "the validation data".into();
            return Err(differs(what, text(given), text(self.validation)));
        }
        Ok(())
    }
}

fn as_json(options: &FitOptions) -> Result<serde_json::Map<String, Value>> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => Ok(map),
        other => Err(Error::configuration(
            "the list of options",
            format_args!("{other:?}"),
            "options that can be written as JSON",
        )),
    }
}
