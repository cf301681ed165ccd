//! Reading a model file.

use std::path::Path;

use safetensors::Dtype;

use super::container::{Container, Form};
use super::record::Record;
use crate::error::{Error, Result};
use crate::model::architecture::Architecture;
use crate::model::autoencoder::Autoencoder;

/// Where the architecture stands in the header's metadata.
pub(super) const METADATA_KEY: &str = "autoencoder";

impl Autoencoder {
    /// Reads a model that [`save`](Self::save) wrote.
    ///
    /// Numbers are taken as they are, also NaN and infinities.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] for a file that is malformed, cut
    /// off, too long, contradicts itself, or has more, fewer or other tensors
    /// than its architecture. No file makes this panic, or allocate more than
    /// its own size.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        read(Container::open(path.as_ref())?)
    }

    /// [`load`](Self::load) for the bytes of a file in memory.
    ///
    /// # Errors
    /// [`Error::Format`], as [`load`](Self::load).
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        let (path, length) = (Path::new("model in memory"), bytes.len() as u64);
        read(Container::new(path, Box::new(bytes), length)?)
    }
}

fn read(mut file: Container<'_>) -> Result<Autoencoder> {
    let record = read_record(&file)?;
    let architecture = architecture(&file, &record)?;
    let order = file.check(&forms("", &architecture))?;
    let mut model = Autoencoder::zeros(architecture, record.seed)?;
    for index in order {
        file.matrix(model.parameter_mut(index))?;
    }
    model.set_training(record.training);
    Ok(model)
}

fn read_record(file: &Container<'_>) -> Result<Record> {
    let expected = "the architecture as JSON under the metadata key `autoencoder`";
    match file.text(METADATA_KEY).map(Record::from_json) {
        Some(Ok(record)) => Ok(record),
        Some(Err(found)) => Err(Error::format(file.path, found, expected)),
        None => Err(Error::format(file.path, "no such metadata", expected)),
    }
}

pub(super) fn architecture(file: &Container<'_>, record: &Record) -> Result<Architecture> {
    record.architecture().map_err(|error| {
        let found = format!("metadata that contradict themselves: {error}");
        Error::format(file.path, found, "a sound architecture")
    })
}

/// The tensors of an architecture, each name behind a prefix.
pub(super) fn forms(prefix: &str, architecture: &Architecture) -> Vec<Form> {
    let parameters = architecture.parameters().into_iter();
    parameters
        .map(|parameter| Form {
            name: format!("{prefix}{}", parameter.name),
            dtype: Dtype::F32,
            shape: parameter.file_shape(),
        })
        .collect()
}
