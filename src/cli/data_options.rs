//! How to read `DATA`, where its format leaves a choice.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Failure;
use super::values::positive;
use crate::Error;
use crate::data::{self, Column, Dataset, Framing, LoadOptions, Text};

/// The tokens of the text that a run was trained on.
pub(crate) const VOCABULARY: &str = "vocabulary.json";

/// What every command that takes samples says of them.
pub(crate) const DATA: &str = "The samples: IDX, .npy, .npz, .csv, a .png or a folder of them, .wav, .txt, \
     perhaps with gzip; the embedded digits, if left out";

#[derive(Args, Clone, Debug)]
pub(crate) struct DataOptions {
    /// Column of a .csv file that holds labels, by name or by number from 1
    #[arg(long, value_name = "NAME|N")]
    label_column: Option<Column>,
    /// Array of an .npz file [default: the only one, x_train, x, data, …]
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
    /// Divide numbers by this, unless they are bytes
    #[arg(long, value_name = "X", value_parser = positive)]
    divide_by: Option<f32>,
    /// Leave the numbers in the file, for data larger than the memory: an IDX or .npy
    /// file of bytes or f32, not within gzip, which must stay as it is meanwhile
    #[arg(long)]
    mmap: bool,
    /// Numbers in a frame of sound [default: 256]
    #[arg(long, value_name = "N")]
    frame: Option<usize>,
    /// Numbers from frame to frame [default: half a frame]
    #[arg(long, value_name = "N")]
    hop: Option<usize>,
    /// What counts in lines of text: words:MOST, bytes:LENGTH[:MOST], or
    /// vocabulary:FILE that a run has left [default: the vocabulary.json beside
    /// the model; without a model, words:1000]
    #[arg(long, value_name = "TOKENS")]
    text: Option<Text>,
}

impl DataOptions {
    /// Puts what was given in the place of what was known.
    pub(crate) fn apply(&self, options: &mut LoadOptions) {
        let given = self.clone();
        options.label_column = given.label_column.or(options.label_column.take());
        options.array = given.array.or(options.array.take());
        options.divide_by = given.divide_by.or(options.divide_by);
        options.mmap |= given.mmap;
        options.text = given.text.or(options.text.take());
        if let Some(frame) = given.frame {
            let hop = (frame / 2).max(1);
            options.framing = Framing { frame, hop };
        }
        options.framing.hop = given.hop.unwrap_or(options.framing.hop);
    }

    /// Reads samples for a model; without a path, the digits that come with the
    /// program.
    pub(crate) fn load(&self, path: Option<&Path>, model: &Path) -> Result<Dataset, Failure> {
        let mut options = LoadOptions {
            vocabulary: Some(vocabulary_of(model)),
            ..LoadOptions::default()
        };
        self.apply(&mut options);
        load(path, &options)
    }
}

/// Where a run leaves the vocabulary of its model. With any other one, text would
/// become numbers that the model takes for other words.
pub(crate) fn vocabulary_of(model: &Path) -> PathBuf {
    model.with_file_name(VOCABULARY)
}

/// Reads samples; without a path, the digits that come with the program.
pub(crate) fn load(path: Option<&Path>, options: &LoadOptions) -> Result<Dataset, Failure> {
    let Some(path) = path else {
        return Ok(data::digits());
    };
    data::load_with(path, options).map_err(|error| match (&error, &options.vocabulary) {
        (Error::Io { path: missing, .. }, Some(vocabulary))
            if missing == vocabulary && options.text.is_none() =>
        {
            Failure::Message(format!(
                "{error}; {} is text, and numbers mean the words that the model was \
                 trained on: give its vocabulary with --text vocabulary:FILE",
                path.display()
            ))
        }
        _ => error.into(),
    })
}
