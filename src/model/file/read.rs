//! Reading a model file. Nothing in it is believed: the header must agree with
//! itself, with the architecture and with the length of the file before a number
//! is read, so that no claim makes this allocate more than the file holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use autoencoder_kernels::MatMut;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::record::Record;
use crate::error::{Error, Result};
use crate::model::architecture::Architecture;
use crate::model::autoencoder::Autoencoder;

/// Where the architecture stands in the header's metadata.
pub(super) const METADATA_KEY: &str = "autoencoder";

/// The longest header that is looked at: ten thousand layers have less.
const HEADER_LIMIT: u64 = 8 << 20;

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
        let path = path.as_ref();
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((file, metadata.len()))
        };
        let (file, length) = open().map_err(|error| Error::io("open", path, error))?;
        read(path, BufReader::new(file), length)
    }

    /// [`load`](Self::load) for the bytes of a file in memory.
    ///
    /// # Errors
    /// [`Error::Format`], as [`load`](Self::load).
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        read(Path::new("model in memory"), bytes, bytes.len() as u64)
    }
}

fn read(path: &Path, mut reader: impl Read, length: u64) -> Result<Autoencoder> {
    let header = read_header(path, &mut reader, length)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| {
        let found = format!("a header that is not understood: {error}");
        Error::format(path, found, "that of a safetensors file")
    })?;
    let record = read_record(path, &metadata)?;
    let architecture = record.architecture().map_err(|error| {
        let found = format!("metadata that contradict themselves: {error}");
        Error::format(path, found, "a sound architecture")
    })?;
    let order = check_tensors(path, &metadata, &architecture)?;

    // The header has been parsed, so it is no longer than the file.
    let given = length - 8 - header.len() as u64;
    if given != metadata.data_len() as u64 {
        return Err(Error::format(
            path,
            format_args!("{given} bytes of numbers"),
            format_args!("{}, as the header says", metadata.data_len()),
        ));
    }
    let mut model = Autoencoder::zeros(architecture, record.seed)?;
    for index in order {
        read_tensor(&mut reader, model.parameter_mut(index))
            .map_err(|error| Error::io("read", path, error))?;
    }
    model.set_training(record.training);
    Ok(model)
}

fn read_header(path: &Path, reader: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut prefix = [0; 8];
    if length < 8 {
        return Err(Error::format(
            path,
            format_args!("{length} bytes"),
            "a safetensors file, which has at least 8",
        ));
    }
    let failed = |error| Error::io("read", path, error);
    reader.read_exact(&mut prefix).map_err(failed)?;
    let size = u64::from_le_bytes(prefix);
    if size > HEADER_LIMIT || size > length - 8 {
        return Err(Error::format(
            path,
            format_args!("a header of {size} bytes in a file of {length}"),
            format_args!("a safetensors file with a header of at most {HEADER_LIMIT} bytes"),
        ));
    }
    // Not more than HEADER_LIMIT.
    let mut header = vec![0; size as usize];
    reader.read_exact(&mut header).map_err(failed)?;
    Ok(header)
}

fn read_record(path: &Path, metadata: &Metadata) -> Result<Record> {
    let json = metadata.metadata().as_ref();
    let json = json.and_then(|metadata| metadata.get(METADATA_KEY));
    let expected = "the architecture as JSON under the metadata key `autoencoder`";
    match json.map(|json| Record::from_json(json)) {
        Some(Ok(record)) => Ok(record),
        Some(Err(found)) => Err(Error::format(path, found, expected)),
        None => Err(Error::format(path, "no such metadata", expected)),
    }
}

/// The order of the architecture's parameters in the file, which has them all
/// and nothing else.
fn check_tensors(
    path: &Path,
    metadata: &Metadata,
    architecture: &Architecture,
) -> Result<Vec<usize>> {
    let parameters = architecture.parameters();
    let names = parameters.iter().map(|parameter| parameter.name.as_str());
    let indices: HashMap<&str, usize> = names.zip(0..).collect();
    let mut order = Vec::with_capacity(parameters.len());
    for name in metadata.offset_keys() {
        let Some(&index) = indices.get(name.as_str()) else {
            return Err(Error::format(
                path,
                format_args!("a tensor {name:?}"),
                "only those of the architecture",
            ));
        };
        order.push(index);
    }
    for parameter in &parameters {
        let shape = parameter.file_shape();
        let expected = format!("{} as f32 of shape {shape:?}", parameter.name);
        match metadata.info(&parameter.name) {
            Some(TensorInfo {
                dtype: Dtype::F32,
                shape: given,
                ..
            }) if *given == shape => {}
            Some(TensorInfo { dtype, shape, .. }) => {
                let found = format!("a tensor of {dtype:?} of shape {shape:?}");
                return Err(Error::format(path, found, expected));
            }
            None => return Err(Error::format(path, "no such tensor", expected)),
        }
    }
    Ok(order)
}

/// Reads `[outputs, inputs]`, as the file has them, into `inputs × outputs`.
fn read_tensor(reader: &mut impl Read, mut to: MatMut<'_, f32>) -> io::Result<()> {
    let (inputs, outputs) = to.shape();
    let mut bytes = vec![0; 4 * inputs];
    for output in 0..outputs {
        reader.read_exact(&mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        for (input, &number) in numbers.iter().enumerate() {
            to.set(input, output, f32::from_le_bytes(number));
        }
    }
    Ok(())
}
