//! Tensors and one text in a `.safetensors` file, whatever they mean.
//!
//! Nothing in a file is believed: the header must agree with itself, with what
//! the caller expects and with the length of the file before a number is read,
//! so that no claim makes this allocate more than the file holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use autoencoder_kernels::{Mat, MatMut};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorView, serialize};

use crate::error::{Error, Result};

/// The longest header that is looked at: ten thousand layers have less.
const HEADER_LIMIT: u64 = 8 << 20;

/// What a tensor is, without its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

/// The bytes of a file with these tensors, and a text under a metadata key.
pub(super) fn to_bytes(
    tensors: &[(Form, Vec<u8>)],
    key: &'static str,
    text: String,
) -> io::Result<Vec<u8>> {
    let views = tensors
        .iter()
        .map(|(form, bytes)| {
            let view = TensorView::new(form.dtype, form.shape.clone(), bytes)?;
            Ok((form.name.as_str(), view))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(io::Error::other)?;
    // One key: the order of several would change from run to run.
    let metadata = [(key.to_owned(), text)].into_iter().collect();
    serialize(views, Some(metadata)).map_err(io::Error::other)
}

/// The numbers of an `inputs × outputs` matrix as `[outputs, inputs]`.
pub(crate) fn matrix_bytes(mat: &Mat<f32>) -> Vec<u8> {
    let (inputs, outputs) = mat.shape();
    let mut bytes = Vec::with_capacity(4 * inputs * outputs);
    for output in 0..outputs {
        for input in 0..inputs {
            bytes.extend_from_slice(&mat[(input, output)].to_le_bytes());
        }
    }
    bytes
}

/// A file whose header has been read.
pub(super) struct Container<'a> {
    pub(super) path: &'a Path,
    metadata: Metadata,
    reader: Box<dyn Read + 'a>,
    /// Bytes behind the header.
    rest: u64,
}

impl<'a> Container<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((file, metadata.len()))
        };
        let (file, length) = open().map_err(|error| Error::io("open", path, error))?;
        Self::new(path, Box::new(BufReader::new(file)), length)
    }

    pub(super) fn new(path: &'a Path, mut reader: Box<dyn Read + 'a>, length: u64) -> Result<Self> {
        let header = read_header(path, &mut reader, length)?;
        let metadata = serde_json::from_slice(&header).map_err(|error| {
            let found = format!("a header that is not understood: {error}");
            Error::format(path, found, "that of a safetensors file")
        })?;
        Ok(Container {
            path,
            metadata,
            reader,
            rest: length - 8 - header.len() as u64,
        })
    }

    /// The text under a metadata key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        let metadata = self.metadata.metadata().as_ref()?;
        metadata.get(key).map(String::as_str)
    }

    /// The shape that the header claims for a tensor.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.metadata.info(name)?.shape)
    }

    /// Fails unless the file has exactly these tensors, and all their bytes.
    /// Returns them in the order of the file.
    pub(super) fn check(&self, forms: &[Form]) -> Result<Vec<usize>> {
        let names = forms.iter().map(|form| form.name.as_str());
        let indices: HashMap<&str, usize> = names.zip(0..).collect();
        let mut order = Vec::with_capacity(forms.len());
        for name in self.metadata.offset_keys() {
            let Some(&index) = indices.get(name.as_str()) else {
                return Err(Error::format(
                    self.path,
                    format_args!("a tensor {name:?}"),
                    "only those of the architecture",
                ));
            };
            order.push(index);
        }
        for form in forms {
            let number = match form.dtype {
                Dtype::F32 => "f32",
                _ => "f64",
            };
            let expected = format!("{} as {number} of shape {:?}", form.name, form.shape);
            match self.metadata.info(&form.name) {
                Some(info) if (info.dtype, &info.shape) == (form.dtype, &form.shape) => {}
                Some(info) => {
                    let found = format!("a tensor of {:?} of shape {:?}", info.dtype, info.shape);
                    return Err(Error::format(self.path, found, expected));
                }
                None => return Err(Error::format(self.path, "no such tensor", expected)),
            }
        }
        if self.rest != self.metadata.data_len() as u64 {
            return Err(Error::format(
                self.path,
                format_args!("{} bytes of numbers", self.rest),
                format_args!("{}, as the header says", self.metadata.data_len()),
            ));
        }
        Ok(order)
    }

    /// Reads the next tensor, `[outputs, inputs]`, into `inputs × outputs`.
    pub(super) fn matrix(&mut self, mut to: MatMut<'_, f32>) -> Result<()> {
        let (inputs, outputs) = to.shape();
        let mut bytes = vec![0; 4 * inputs];
        for output in 0..outputs {
            self.fill(&mut bytes)?;
            let (numbers, _) = bytes.as_chunks::<4>();
            for (input, &number) in numbers.iter().enumerate() {
                to.set(input, output, f32::from_le_bytes(number));
            }
        }
        Ok(())
    }

    /// Reads the next tensor, of `f64`.
    pub(super) fn doubles(&mut self, count: usize) -> Result<Vec<f64>> {
        let mut bytes = vec![0; 8 * count];
        self.fill(&mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        Ok(numbers.iter().map(|&n| f64::from_le_bytes(n)).collect())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.reader
            .read_exact(bytes)
            .map_err(|error| Error::io("read", self.path, error))
    }
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
