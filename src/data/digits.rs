//! The digits that come with the crate: 10 000 samples of MNIST.
//!
//! They are the work of Yann LeCun, Corinna Cortes and Christopher J. C. Burges,
//! under CC BY-SA 3.0, apart from the licence of the code; see
//! `src/data/digits/README.md`.

use std::path::Path;
use std::sync::LazyLock;

use super::dataset::Dataset;
use super::source::Source;
use super::{LoadOptions, format, read_labels};
use crate::error::Result;

const IMAGES: &[u8] = include_bytes!("digits/mnist-10k-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("digits/mnist-10k-labels-idx1-ubyte.gz");

/// How many of the digits [`digits_split`] trains on.
const TRAINING: usize = 9_000;

static DIGITS: LazyLock<Dataset> = LazyLock::new(|| {
    // The bytes are part of the program, and a test reads them all.
    read().expect("the embedded digits are intact")
});

fn read() -> Result<Dataset> {
    let images = Source::from_bytes(Path::new("embedded images"), IMAGES)?;
    let labels = Source::from_bytes(Path::new("embedded labels"), LABELS)?;
    format::read(images, &LoadOptions::default())?.with_labels(read_labels(labels)?)
}

/// The first 10 000 samples of MNIST's training set in shuffled order: 28 × 28
/// bytes each, 0 for paper and 255 for ink, with labels 0 to 9.
///
/// Decompressed at the first call; later calls are free.
pub fn digits() -> Dataset {
    DIGITS.clone()
}

/// The [`digits`] in two parts: 9 000 to train on, and the last 1 000 for
/// validation.
pub fn digits_split() -> (Dataset, Dataset) {
    let digits = digits();
    let part = |range| digits.slice(range).expect("there are 10 000 digits");
    (part(0..TRAINING), part(TRAINING..digits.len()))
}
