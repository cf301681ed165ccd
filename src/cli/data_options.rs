//! How to read `DATA`, where its format leaves a choice.

use std::path::Path;

use autoencoder::data::{self, Column, Dataset, Framing, LoadOptions, Text};
use clap::Args;

use super::console::Failure;
use super::values::positive;

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
    /// Numbers in a frame of sound [default: 256]
    #[arg(long, value_name = "N")]
    frame: Option<usize>,
    /// Numbers from frame to frame [default: half a frame]
    #[arg(long, value_name = "N")]
    hop: Option<usize>,
    /// What counts in lines of text: words:MOST, bytes:LENGTH[:MOST], or
    /// vocabulary:FILE that a run has left [default: words:1000]
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
        options.text = given.text.or(options.text.take());
        if let Some(frame) = given.frame {
            let hop = (frame / 2).max(1);
            options.framing = Framing { frame, hop };
        }
        options.framing.hop = given.hop.unwrap_or(options.framing.hop);
    }

    /// Reads samples; without a path, the digits that come with the program.
    pub(crate) fn load(&self, path: Option<&Path>) -> Result<Dataset, Failure> {
        let mut options = LoadOptions::default();
        self.apply(&mut options);
        load(path, &options)
    }
}

/// Reads samples; without a path, the digits that come with the program.
pub(crate) fn load(path: Option<&Path>, options: &LoadOptions) -> Result<Dataset, Failure> {
    Ok(match path {
        Some(path) => data::load_with(path, options)?,
        None => data::digits(),
    })
}
