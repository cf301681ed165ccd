//! A schedule's text taken apart: a name and numbers behind colons.

use std::str::{FromStr, Split};

use crate::error::{Error, Result};

/// What text may stand for a schedule.
pub(super) const EXPECTED: &str = "constant, step:EPOCHS[:FACTOR], cosine[:LOWEST[:EPOCHS]] or \
                        plateau[:PATIENCE[:FACTOR]]";

pub(super) struct Numbers<'a> {
    text: &'a str,
    name: &'a str,
    rest: Split<'a, char>,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut rest = text.trim().split(':');
        // `split` gives at least one part.
        let name = rest.next().unwrap_or_default();
        Numbers { text, name, rest }
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The next number, if there is one.
    pub(super) fn next<T: FromStr>(&mut self) -> Result<Option<T>> {
        let Some(part) = self.rest.next() else {
            return Ok(None);
        };
        match part.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.unknown()),
        }
    }

    /// Fails unless all has been read.
    pub(super) fn end(mut self) -> Result<()> {
        match self.rest.next() {
            None => Ok(()),
            Some(_) => Err(self.unknown()),
        }
    }

    pub(super) fn unknown(&self) -> Error {
        Error::configuration("the schedule", format_args!("{:?}", self.text), EXPECTED)
    }
}
