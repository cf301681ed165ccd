//! Noise as text: `gaussian:0.3`.

use std::fmt;
use std::str::FromStr;

use super::Noise;
use crate::error::Error;

impl Noise {
    /// The name without the strength.
    pub(super) fn word(self) -> &'static str {
        match self {
            Noise::Gaussian { .. } => "gaussian",
            Noise::ClippedGaussian { .. } => "gaussian-clipped",
            Noise::Masking { .. } => "masking",
            Noise::SaltAndPepper { .. } => "salt-and-pepper",
        }
    }

    pub(super) fn strength(self) -> f32 {
        match self {
            Noise::Gaussian { stddev } | Noise::ClippedGaussian { stddev } => stddev,
            Noise::Masking { probability } | Noise::SaltAndPepper { probability } => probability,
        }
    }

    /// The same noise with another strength.
    fn with_strength(self, strength: f32) -> Self {
        match self {
            Noise::Gaussian { .. } => Noise::Gaussian { stddev: strength },
            Noise::ClippedGaussian { .. } => Noise::ClippedGaussian { stddev: strength },
            Noise::Masking { .. } => Noise::Masking {
                probability: strength,
            },
            Noise::SaltAndPepper { .. } => Noise::SaltAndPepper {
                probability: strength,
            },
        }
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.word(), self.strength())
    }
}

impl FromStr for Noise {
    type Err = Error;

    /// The inverse of `to_string`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownName {
            kind: "noise",
            given: text.to_string(),
            expected: "gaussian:STDDEV, gaussian-clipped:STDDEV, masking:PROBABILITY or \
                       salt-and-pepper:PROBABILITY, such as gaussian:0.3",
        };
        let (word, strength) = text.split_once(':').ok_or_else(unknown)?;
        let word = word.trim().to_ascii_lowercase();
        let noise = Noise::ALL.into_iter().find(|noise| noise.word() == word);
        let noise = noise.ok_or_else(unknown)?;
        let strength = strength.trim().parse().map_err(|_| unknown())?;
        let noise = noise.with_strength(strength);
        noise.check()?;
        Ok(noise)
    }
}
