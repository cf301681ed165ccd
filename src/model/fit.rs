//! [`FitOptions`]: how a model is trained.

use autoencoder_kernels::noise::{Noise, check_dropout};
use autoencoder_kernels::optimizer::Optimizer;
use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, Part};
use super::early_stopping::EarlyStopping;
use super::regularization::Regularization;
use super::schedule::Schedule;
use crate::data::Dataset;
use crate::error::{Error, Result};

/// How to train; the default is the program of the Keras blog's first
/// autoencoder with Adam.
///
/// ```
/// use autoencoder::model::{EarlyStopping, FitOptions};
///
/// let options = FitOptions {
///     epochs: 100,
///     early_stopping: Some(EarlyStopping::new(5)),
///     ..FitOptions::default()
/// };
/// assert_eq!(options.batch_size, 256);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
// A checkpoint holds all options but the data. One that is newer than its
// file has its default; one that is unknown is an error.
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Passes over the data: 50.
    pub epochs: u32,
    /// Samples per training step: 256. The last step of an epoch takes what is
    /// left.
    pub batch_size: usize,
    /// How weights follow their gradients: Adam, in Keras' convention.
    #[serde(with = "as_text")]
    pub optimizer: Optimizer,
    /// The learning rate; `None`, the default, is the optimiser's usual one.
    pub learning_rate: Option<f32>,
    /// How the learning rate changes from epoch to epoch: not at all.
    #[serde(with = "as_text")]
    pub schedule: Schedule,
    /// The largest norm of all gradients together; larger ones are scaled to it.
    /// `None`, the default, lets them be, which is faster.
    pub clip_norm: Option<f32>,
    /// What is put on the samples in each step, while the targets stay clean: a
    /// denoising autoencoder. `None`, the default, is nothing.
    #[serde(with = "as_optional_text")]
    pub noise: Option<Noise>,
    /// The probability with which each number of a sample is dropped in a step,
    /// after the noise: 0. What is left is scaled up by 1/(1 − probability);
    /// nothing is dropped but in steps.
    pub input_dropout: f32,
    /// The same for the outputs of all layers but the last one: 0.
    pub dropout: f32,
    /// The part whose parameters stay as they are: none. With tied weights, both
    /// parts have the weights, so that biases of the other part alone are
    /// trained.
    pub freeze: Option<Part>,
    /// What is minimised beside the loss: nothing.
    pub regularization: Regularization,
    /// Whether the samples are put in a new order before each epoch: yes.
    pub shuffle: bool,
    /// The seed of those orders, of noise and of dropout: 0.
    pub seed: u64,
    /// What the loss is measured on after each epoch, without training: nothing.
    #[serde(skip)]
    pub validation: Option<Dataset>,
    /// When to end before the last epoch: never.
    pub early_stopping: Option<EarlyStopping>,
    /// Whether a loss for targets in [0, 1] takes others too: no, they are an
    /// error.
    pub any_targets: bool,
}

/// Options that are written as what the command line reads.
mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(
        option: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(option)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The same for what may be left out.
mod as_optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(
        option: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = option.as_ref().map(T::to_string);
        text.serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let parse = |text: String| text.parse().map_err(D::Error::custom);
        text.map(parse).transpose()
    }
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            epochs: 50,
            batch_size: 256,
            optimizer: Optimizer::adam_keras(),
            learning_rate: None,
            schedule: Schedule::Constant,
            clip_norm: None,
            noise: None,
            input_dropout: 0.0,
            dropout: 0.0,
            freeze: None,
            regularization: Regularization::default(),
            shuffle: true,
            seed: 0,
            validation: None,
            early_stopping: None,
            any_targets: false,
        }
    }
}

impl FitOptions {
    /// The learning rate that is used.
    pub fn effective_learning_rate(&self) -> f32 {
        self.learning_rate
            .unwrap_or_else(|| self.optimizer.default_learning_rate())
    }

    /// Whether anything keeps a wide model from learning to copy: noise, dropout,
    /// a penalty or a weight decay.
    pub fn is_regularised(&self) -> bool {
        let decays =
            matches!(self.optimizer, Optimizer::AdamW { weight_decay, .. } if weight_decay > 0.0);
        self.noise.is_some()
            || self.input_dropout > 0.0
            || self.dropout > 0.0
            || decays
            || !self.regularization.is_none()
    }

    /// The optimiser that is used: AdamW with the weight decay of the
    /// regularisation, if there is one.
    pub fn effective_optimizer(&self) -> Optimizer {
        let mut optimizer = self.optimizer;
        if let (Optimizer::AdamW { weight_decay, .. }, Some(decay)) =
            (&mut optimizer, self.regularization.weight_decay)
        {
            *weight_decay = decay;
        }
        optimizer
    }

    /// The weight decay that is added to gradients: not AdamW's.
    pub(super) fn coupled_decay(&self) -> f32 {
        match self.optimizer {
            Optimizer::AdamW { .. } => 0.0,
            _ => self.regularization.weight_decay.unwrap_or(0.0) as f32,
        }
    }

    /// Fails unless a model can be trained with these options on these data.
    pub(super) fn check(&self, architecture: &Architecture, data: &Dataset) -> Result<()> {
        let learning_rate = self.effective_learning_rate();
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return Err(Error::configuration(
                "the learning rate",
                learning_rate,
                "a positive finite number",
            ));
        }
        self.noise.map_or(Ok(()), Noise::check)?;
        check_dropout(self.input_dropout)?;
        check_dropout(self.dropout)?;
        if self.batch_size == 0 {
            return Err(Error::configuration("the batch size", 0, "at least 1"));
        }
        self.regularization.check(architecture)?;
        self.schedule.check()?;
        if let Some(rule) = &self.early_stopping {
            rule.check()?;
        }
        self.check_data(architecture, "the training data", data)?;
        if let Some(validation) = &self.validation {
            self.check_data(architecture, "the validation data", validation)?;
        }
        Ok(())
    }

    fn check_data(
        &self,
        architecture: &Architecture,
        what: &'static str,
        data: &Dataset,
    ) -> Result<()> {
        let input = architecture.input();
        if data.is_empty() || data.features() != input {
            return Err(Error::shape(
                what,
                format_args!("{} × {}", data.len(), data.features()),
                format_args!("at least one sample of {input} numbers"),
            ));
        }
        if architecture.loss().requires_unit_targets() && !self.any_targets {
            return data.check_unit_interval();
        }
        // NaN or an infinity would spread over all weights.
        data.check_finite()
    }
}
