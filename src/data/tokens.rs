//! [`Text`] and [`Vocabulary`]: which tokens lines of text are counted by.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How many tokens a vocabulary has where nobody says.
const MOST: usize = 1000;

/// How lines of text become numbers: what their tokens are, and which of them
/// count.
///
/// As text: `words`, `words:500`, `bytes:2`, `bytes:2:500`, or
/// `vocabulary:FILE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
#[non_exhaustive]
pub enum Text {
    /// The most frequent words of the text: runs of letters and digits, in lower
    /// case.
    Words {
        /// How many of them at most.
        most: usize,
    },
    /// The most frequent runs of bytes.
    Bytes {
        /// Bytes in a run.
        length: usize,
        /// How many of them at most.
        most: usize,
    },
    /// The tokens of a vocabulary in a file, as [`Vocabulary::save`] wrote.
    File(PathBuf),
    /// The tokens of this vocabulary.
    Vocabulary(Vocabulary),
}

impl Default for Text {
    /// The 1000 most frequent words.
    fn default() -> Self {
        Text::Words { most: MOST }
    }
}

impl FromStr for Text {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let expected = "words:MOST, bytes:LENGTH, bytes:LENGTH:MOST or vocabulary:FILE";
            Error::configuration("the kind of tokens", text, expected)
        };
        let number = |text: &str| match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(wrong()),
        };
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        match (kind, rest) {
            ("words", None) => Ok(Text::default()),
            ("words", Some(most)) => Ok(Text::Words {
                most: number(most)?,
            }),
            ("bytes", Some(rest)) => {
                let (length, most) = match rest.split_once(':') {
                    Some((length, most)) => (length, number(most)?),
                    None => (rest, MOST),
                };
                let length = number(length)?;
                Ok(Text::Bytes { length, most })
            }
            ("vocabulary", Some(path)) if !path.is_empty() => Ok(Text::File(path.into())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Words { most } => write!(f, "words:{most}"),
            Text::Bytes { length, most } => write!(f, "bytes:{length}:{most}"),
            Text::File(path) => write!(f, "vocabulary:{}", path.display()),
            // For people: no text is parsed as this.
            Text::Vocabulary(vocabulary) => write!(f, "{} known tokens", vocabulary.len()),
        }
    }
}

/// As what a [`Text`] is saved.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Name(String),
    Vocabulary(Vocabulary),
}

impl TryFrom<Form> for Text {
    type Error = Error;

    fn try_from(form: Form) -> Result<Self> {
        match form {
            Form::Name(name) => name.parse(),
            Form::Vocabulary(vocabulary) => Ok(Text::Vocabulary(vocabulary)),
        }
    }
}

impl From<Text> for Form {
    fn from(text: Text) -> Self {
        match text {
            Text::Vocabulary(vocabulary) => Form::Vocabulary(vocabulary),
            text => Form::Name(text.to_string()),
        }
    }
}

/// The tokens that count, in the order of the numbers that stand for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Bytes in a run; `None` for words.
    pub(super) bytes: Option<usize>,
    pub(super) tokens: Vec<Vec<u8>>,
}

impl Vocabulary {
    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token that a number stands for, for people: bytes that are no ASCII
    /// letters are escaped, but for words.
    pub fn token(&self, index: usize) -> Option<String> {
        let token = self.tokens.get(index)?;
        Some(match self.bytes {
            None => String::from_utf8_lossy(token).into_owned(),
            // A blank would end the token.
            Some(_) => token.escape_ascii().to_string().replace(' ', "\\x20"),
        })
    }
}
