//! [`Origin`] and [`SampleKind`]: what samples were before they became numbers.

use serde::{Deserialize, Serialize};

use super::framing::Audio;
use super::tokens::Vocabulary;

/// What samples were before they became numbers, where that is needed to turn
/// numbers back into it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// Frames of sound.
    Audio(Audio),
    /// Lines of text.
    Text(Vocabulary),
}

/// What a number of samples have in common: all that is needed to write numbers
/// as samples again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleKind {
    /// The shape of a sample, `[784]` or `[28, 28]`.
    pub shape: Vec<usize>,
    /// Whether they were bytes, fractions of 255.
    pub bytes: bool,
    /// What they were before, where that is not all.
    pub origin: Option<Origin>,
}
