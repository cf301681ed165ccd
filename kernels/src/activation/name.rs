//! Activations as text: `relu`, `leaky_relu:0.2`.

use std::fmt;
use std::str::FromStr;

use super::Activation;
use crate::error::Error;

/// Every name, for the error message.
pub(super) const KNOWN: &str = "identity, linear, relu, leaky_relu, leaky_relu:SLOPE, \
     elu, elu:ALPHA, selu, sigmoid, tanh, softplus, gelu, gelu_tanh, silu or softmax";

impl Activation {
    /// Its name as text, parameter included; [`str::parse`] reads it back.
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// The name without a parameter.
    fn word(self) -> &'static str {
        match self {
            Activation::Identity => "identity",
            Activation::Relu => "relu",
            Activation::LeakyRelu { .. } => "leaky_relu",
            Activation::Elu { .. } => "elu",
            Activation::Selu => "selu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Softplus => "softplus",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_tanh",
            Activation::Silu => "silu",
            Activation::Softmax => "softmax",
        }
    }

    fn parameter(self) -> Option<f32> {
        match self {
            Activation::LeakyRelu { slope } => Some(slope),
            Activation::Elu { alpha } => Some(alpha),
            _ => None,
        }
    }

    /// The same activation with another parameter, if it has one.
    fn with_parameter(self, value: f32) -> Option<Self> {
        match self {
            Activation::LeakyRelu { .. } => Some(Activation::LeakyRelu { slope: value }),
            Activation::Elu { .. } => Some(Activation::Elu { alpha: value }),
            _ => None,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parameter() {
            Some(value) => write!(f, "{}:{value}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (word, parameter) = match text.split_once(':') {
            Some((word, parameter)) => (word, Some(parameter.trim())),
            None => (text, None),
        };
        // Losses and options are spelt with `-`.
        let word = word.trim().to_ascii_lowercase().replace('-', "_");
        // Keras' name for it.
        let word = if word == "linear" { "identity" } else { &word };
        let activation = Activation::ALL
            .into_iter()
            .find(|known| known.word() == word)
            .ok_or_else(|| Error::UnknownName {
                kind: "activation",
                given: text.to_string(),
                expected: KNOWN,
            })?;
        let Some(parameter) = parameter else {
            return Ok(activation);
        };
        let wrong = |expected| Error::Parameter {
            name: activation.word(),
            given: parameter.to_string(),
            expected,
        };
        let value = parameter
            .parse()
            .map_err(|_| wrong("a number after the colon, as in leaky_relu:0.2"))?;
        let activation = activation
            .with_parameter(value)
            .ok_or_else(|| wrong("no parameter: only leaky_relu and elu have one"))?;
        activation.check()?;
        Ok(activation)
    }
}
