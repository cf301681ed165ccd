//! The one error type of the crate.

use std::fmt::{self, Display, Write};
use std::io;
use std::path::{Path, PathBuf};

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The message is one line: what was given, what was expected
/// and, where it helps, what to do. Of what a file says it has the beginning and the
/// end, and control characters as escapes, such as `\n`.
///
/// The message of an inner error is part of the line, so that
/// [`source`](std::error::Error::source) does not repeat it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("cannot {action} {}: {error}", Line(path.display()))]
    Io {
        /// What was being done, as a verb: `read`, `create`, ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system answered.
        error: io::Error,
    },
    /// The contents of a file are not what its format demands.
    #[error(
        "{}: found {}, expected {}",
        Line(path.display()), Line(found), Line(expected)
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// A length or shape does not fit the other arguments.
    #[error("{what}: given {}, expected {}", Line(given), Line(expected))]
    Shape {
        /// What has the shape.
        what: &'static str,
        /// The shape given.
        given: String,
        /// The shape expected.
        expected: String,
    },
    /// A row or sample beyond the end of the data.
    #[error("row {row} is outside of data with {rows} rows; count from 0")]
    RowOutOfRange {
        /// The row asked for.
        row: usize,
        /// Rows that exist.
        rows: usize,
    },
    /// The data holds NaN or an infinity.
    #[error(
        "the data has {value} at row {row}, column {column}, expected finite numbers; \
         remove or replace such samples"
    )]
    NotFinite {
        /// The first such value.
        value: f32,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
    },
    /// A target that the loss is not defined for.
    #[error(
        "the target {value} at row {row}, column {column} is outside of [0, 1], where \
         binary cross-entropy has no lower bound; scale the data, choose another loss \
         such as mse, or allow such targets (--allow-any-target, `any_targets`)"
    )]
    TargetOutOfRange {
        /// The first such value.
        value: f32,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
    },
    /// An option with a value that makes no sense.
    #[error("{option} is {}, expected {}", Line(given), Line(expected))]
    Configuration {
        /// Which option.
        option: &'static str,
        /// The value given.
        given: String,
        /// What is allowed.
        expected: String,
    },
    /// Something that this build of the crate leaves out.
    #[error(
        "{} needs the feature `{feature}`, which this build of autoencoder lacks; build it \
         with `--features {feature}`, or name the feature in Cargo.toml",
        Line(what)
    )]
    Feature {
        /// What was to be done.
        what: String,
        /// The feature of Cargo that brings it.
        feature: &'static str,
    },
    /// A checkpoint was made with other data or options.
    #[error(
        "cannot continue the run: {}: given {}, but it began with {}; \
         give it the same, or begin a new run",
        Line(what),
        Line(given),
        Line(expected)
    )]
    Resume {
        /// What differs.
        what: String,
        /// What was given.
        given: String,
        /// What the run began with.
        expected: String,
    },
    /// Training led to a number that is NaN or infinite.
    #[error(
        "the {what} became {value} in epoch {epoch}; use a smaller learning rate, \
         or scale the data"
    )]
    Diverged {
        /// The epoch, from 1.
        epoch: u32,
        /// Which number.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A call of a kernel with arguments that do not fit.
    #[error("{0}")]
    Kernels(autoencoder_kernels::Error),
}

/// Text that may be from a file, as part of a line that people can read.
struct Line<T>(T);

impl<T: Display> Display for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Characters of the beginning and of the end where not all are shown.
        const SHOWN: (usize, usize) = (400, 80);
        let text = self.0.to_string();
        let cut = |from: usize| {
            text.char_indices()
                .nth(from)
                .map_or(text.len(), |(at, _)| at)
        };
        let count = text.chars().count();
        let (begin, end) = if count > SHOWN.0 + SHOWN.1 {
            (cut(SHOWN.0), cut(count - SHOWN.1))
        } else {
            (text.len(), text.len())
        };
        write_line(f, &text[..begin])?;
        if begin < end {
            write!(f, " [{} characters] ", count - SHOWN.0 - SHOWN.1)?;
        }
        write_line(f, &text[end..])
    }
}

/// Writes the text with those characters as escapes that move a terminal's cursor or
/// turn the direction of writing.
fn write_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                write!(f, "{}", c.escape_unicode())?
            }
            c if c.is_control() => write!(f, "{}", c.escape_default())?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

impl From<autoencoder_kernels::Error> for Error {
    fn from(error: autoencoder_kernels::Error) -> Self {
        Error::Kernels(error)
    }
}

impl Error {
    /// An [`Error::Io`]; `action` is a verb that reads well before the path.
    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Error::Io {
            action,
            path: path.to_owned(),
            error,
        }
    }

    /// An [`Error::Format`].
    pub(crate) fn format(path: &Path, found: impl Display, expected: impl Display) -> Self {
        Error::Format {
            path: path.to_owned(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// An [`Error::Io`] for what a file holds and memory does not.
    pub(crate) fn no_memory(path: &Path, what: impl Display) -> Self {
        let text = format!("{what} do not fit in memory");
        Self::io(
            "read",
            path,
            io::Error::new(io::ErrorKind::OutOfMemory, text),
        )
    }

    /// An [`Error::Feature`]. A build with all features has no use for it.
    #[allow(dead_code, reason = "builds with all features leave nothing out")]
    pub(crate) fn feature(what: impl Display, feature: &'static str) -> Self {
        Error::Feature {
            what: what.to_string(),
            feature,
        }
    }

    /// An [`Error::Shape`].
    pub(crate) fn shape(what: &'static str, given: impl Display, expected: impl Display) -> Self {
        Error::Shape {
            what,
            given: given.to_string(),
            expected: expected.to_string(),
        }
    }

    /// An [`Error::Configuration`].
    pub(crate) fn configuration(
        option: &'static str,
        given: impl Display,
        expected: impl Display,
    ) -> Self {
        Error::Configuration {
            option,
            given: given.to_string(),
            expected: expected.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_a_file_says() {
        let said = |found: &str| Error::format(Path::new("a\nb"), found, "1").to_string();
        assert_eq!(
            said("é \"x\"\t\r\n\u{1b}[2J\u{202e}"),
            "a\\nb: found é \"x\"\\t\\r\\n\\u{1b}[2J\\u{202e}, expected 1"
        );
        let most = "é".repeat(480);
        assert!(said(&most).contains(&most));
        let long = format!("{}{}", "é".repeat(400), "ö".repeat(81));
        let cut = format!("é [1 characters] {}, expected", "ö".repeat(80));
        assert!(said(&long).contains(&cut), "{}", said(&long));
        assert!(said(&"x".repeat(1 << 20)).len() < 600);
    }
}
