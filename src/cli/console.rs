//! What the program says, and how it ends.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

/// Why a subcommand ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads what is written any more, as after `| head`: the end, and
    /// nothing to say.
    Closed,
    /// One line for stderr.
    Message(String),
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        match error {
            // A pipe in the place of a file, `-o /dev/stdout` for one.
            crate::Error::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => {
                Failure::Closed
            }
            error => Failure::Message(error.to_string()),
        }
    }
}

/// Prints a line on stdout, at once.
pub(crate) fn print(line: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Message(format!("cannot write to stdout: {error}")),
        })
}

/// Prints a value as one line of JSON on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value);
    print(json.map_err(|error| Failure::Message(format!("cannot write JSON: {error}")))?)
}

/// Prints a remark on stderr, as one line.
pub(crate) fn remark(message: &str) {
    // Where stderr is closed, nobody misses it.
    let _ = writeln!(io::stderr(), "note: {message}");
}

/// Prints an error on stderr, as one line whatever is in it.
pub(crate) fn complain(message: &str) {
    say("error", message);
}

/// Prints a warning on stderr, as one line whatever is in it.
pub(crate) fn warn(message: &str) {
    say("warning", message);
}

fn say(what: &str, message: &str) {
    let line: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    // Where stderr is closed too, only the exit status is left.
    let _ = writeln!(io::stderr(), "{what}: {line}");
}
