//! [`LoadOptions`]: what to take from a file, and as which [`Format`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::framing::Framing;
use super::tokens::Text;

/// A kind of file that samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// IDX, the format of MNIST.
    Idx,
    /// One array of numpy.
    Npy,
    /// Several arrays of numpy, one of which is taken.
    Npz,
    /// A picture, or a folder of them.
    Png,
    /// Sound, cut into frames.
    Wav,
    /// Numbers as text, one sample a line.
    Csv,
    /// Text, one sample a line.
    Text,
}

/// What to take from a file, where its format leaves a choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadOptions {
    /// The format; if left out, what the first bytes say, else the name's ending.
    pub format: Option<Format>,
    /// The column of a `.csv` file that holds the labels; if left out, none.
    pub label_column: Option<Column>,
    /// The array of an `.npz` file; if left out, the only one, or that named
    /// `x_train`, `x`, `X`, `data`, `images` or `arr_0`.
    pub array: Option<String>,
    /// How sound is cut into frames.
    pub framing: Framing,
    /// How lines of text become numbers, which also says that a file is text; if
    /// left out, with the tokens of `vocabulary`.
    pub text: Option<Text>,
    /// The file of the vocabulary for text where `text` is left out; without both,
    /// as [`Text::default`].
    pub vocabulary: Option<PathBuf>,
    /// What the numbers are divided by, unless they are bytes, which count as
    /// fractions of 255 anyway.
    pub divide_by: Option<f32>,
    /// Whether the numbers stay in the file, which is mapped to memory, for data
    /// that are larger than that: bytes or `f32` in IDX, or in `.npy` in C order,
    /// and not within gzip. Everything else is an error.
    ///
    /// The results have the same bits. The file must stay as it is: where it was
    /// changed, the next minibatch is an error ([`Error::Format`](crate::Error::Format)), and if it is
    /// cut off within one, Unix ends the process with SIGBUS.
    pub mmap: bool,
}

#[cfg(feature = "text")]
impl LoadOptions {
    /// How lines of text become numbers.
    pub(super) fn tokens(&self) -> Text {
        let vocabulary = || self.vocabulary.clone().map(Text::File);
        let given = self.text.clone().or_else(vocabulary);
        given.unwrap_or_default()
    }
}

/// A column of a `.csv` file.
///
/// As text, digits alone are a number and all else is a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// The column with this name in the first line.
    Name(String),
    /// The column with this number; 1 is the first one.
    Number(usize),
}

impl FromStr for Column {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(number) => Column::Number(number),
            Err(_) => Column::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Name(name) => f.write_str(name),
            Column::Number(number) => write!(f, "{number}"),
        }
    }
}
