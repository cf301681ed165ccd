//! An array as a file holds it, before it becomes a [`Dataset`] or labels.

use std::path::Path;

use super::dataset::{Dataset, Stored};
use super::options::LoadOptions;
use super::source::Source;
use crate::error::{Error, Result};

/// As in numpy.
const MOST_AXES: usize = 64;

/// A type of number that a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Number {
    fn size(self) -> usize {
        match self {
            Number::Bool | Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }
}

/// In which order the bytes of a number stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// What the header of a file says of its array.
pub(super) struct Header {
    /// As the file has it: its last axis runs fastest, unless it is in Fortran
    /// order.
    pub(super) shape: Vec<usize>,
    pub(super) number: Number,
    pub(super) endian: Endian,
    /// Whether the first axis runs fastest.
    pub(super) fortran_order: bool,
}

impl Header {
    /// Reads the samples that follow the header, or maps them, to the end of the
    /// file.
    pub(super) fn load(self, mut source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
        if options.mmap {
            return self.map(source);
        }
        let array = Array::read(&mut source, self)?;
        source.end()?;
        array.into_dataset()
    }

    /// The samples that follow the header, left in their file.
    fn map(self, source: Source<'_>) -> Result<Dataset> {
        let path = source.path();
        let count = self.count(path)?;
        let stored = match (self.number, self.endian) {
            (Number::U8, _) => Stored::U8,
            (Number::F32, Endian::Little) => Stored::LittleF32,
            (Number::F32, Endian::Big) => Stored::BigF32,
            (number, _) => {
                return Err(Error::format(
                    path,
                    format_args!("numbers of type {number:?}"),
                    "F32 or U8, which can be mapped; convert with x.astype('float32'), or read \
                     them whole, without --mmap",
                ));
            }
        };
        if self.fortran_order && self.shape.len() > 1 {
            return Err(Error::format(
                path,
                "an array in Fortran order",
                "C order, which can be mapped; convert with numpy.ascontiguousarray(x), or read \
                 it whole, without --mmap",
            ));
        }
        let (file, start) = source.map(count, stored.size())?;
        let (rows, sample) = (self.shape[0], &self.shape[1..]);
        let features = sample.iter().product();
        shaped(Dataset::mapped(rows, features, file, start, stored), sample)
    }

    /// How many numbers there are.
    fn count(&self, path: &Path) -> Result<usize> {
        let shape = &self.shape;
        let count = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        match count {
            Some(count) if count > 0 && (1..=MOST_AXES).contains(&shape.len()) => Ok(count),
            _ => Err(Error::format(
                path,
                format_args!("an array of shape {shape:?}"),
                "at least one sample of at least one number, and no more than fit in memory",
            )),
        }
    }
}

/// The samples, said to be of this shape where that is more than one axis.
fn shaped(data: Dataset, sample: &[usize]) -> Result<Dataset> {
    if sample.len() > 1 {
        data.with_sample_shape(sample)
    } else {
        Ok(data)
    }
}

pub(super) struct Array {
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    U8(Vec<u8>),
    F32(Vec<f32>),
}

impl Array {
    /// Reads the numbers of an array. Bytes stay bytes; other numbers become the
    /// nearest `f32`.
    pub(super) fn read(source: &mut Source<'_>, header: Header) -> Result<Self> {
        let count = header.count(source.path())?;
        let Header {
            mut shape,
            number,
            endian,
            fortran_order,
        } = header;
        if fortran_order {
            shape.reverse();
        }
        let values = if number == Number::U8 {
            let copy = |bytes: &[u8], out: &mut Vec<u8>| out.extend_from_slice(bytes);
            Values::U8(source.numbers(count, 1, copy)?)
        } else {
            let decode = |bytes: &[u8], out: &mut Vec<f32>| decode(number, endian, bytes, out);
            Values::F32(source.numbers(count, number.size(), decode)?)
        };
        let array = Array { shape, values };
        Ok(match fortran_order {
            true => array.reversed_axes(),
            false => array,
        })
    }

    /// The same array with its axes in reverse order: what `.npy` calls Fortran
    /// order is the C order of the transposed array.
    fn reversed_axes(self) -> Self {
        let values = match self.values {
            Values::U8(values) => Values::U8(reverse_axes(&self.shape, &values)),
            Values::F32(values) => Values::F32(reverse_axes(&self.shape, &values)),
        };
        let shape = self.shape.into_iter().rev().collect();
        Array { shape, values }
    }

    /// The first axis counts the samples; the others are one sample's shape.
    pub(super) fn into_dataset(self) -> Result<Dataset> {
        let (rows, sample) = (self.shape[0], &self.shape[1..]);
        let features = sample.iter().product();
        let data = match self.values {
            Values::U8(values) => Dataset::from_u8(rows, features, values)?,
            Values::F32(values) => Dataset::from_f32(rows, features, values)?,
        };
        shaped(data, sample)
    }

    /// One whole number from 0 to 255 per sample.
    pub(super) fn into_labels(self, path: &Path) -> Result<Vec<u8>> {
        if self.shape[1..].iter().any(|&size| size != 1) {
            return Err(Error::format(
                path,
                format_args!("an array of shape {:?}", self.shape),
                "one label per sample",
            ));
        }
        let values = match self.values {
            Values::U8(values) => return Ok(values),
            Values::F32(values) => values,
        };
        let label = |&value: &f32| {
            // A cast clamps, so that only labels survive it unchanged.
            let label = value as u8;
            if f32::from(label) == value {
                Ok(label)
            } else {
                let found = format_args!("the label {value}").to_string();
                Err(Error::format(path, found, "whole numbers from 0 to 255"))
            }
        };
        values.iter().map(label).collect()
    }
}

/// A number of [0, 1] as a byte; the cast turns NaN into 0 and clamps.
pub(super) fn byte(value: f32) -> u8 {
    (value * 255.0).round() as u8
}

fn reverse_axes<T: Copy + Default>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut reversed = vec![T::default(); values.len()];
    // The stride of each axis in the result.
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for &value in values {
        reversed[at] = value;
        // Count up like an odometer, the last axis fastest.
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    reversed
}

fn decode(number: Number, endian: Endian, bytes: &[u8], out: &mut Vec<f32>) {
    match number {
        Number::Bool => extend(endian, bytes, out, |[b]: [u8; 1]| f32::from(b != 0)),
        Number::U8 => extend(endian, bytes, out, |b| f32::from(u8::from_le_bytes(b))),
        Number::I8 => extend(endian, bytes, out, |b| f32::from(i8::from_le_bytes(b))),
        Number::U16 => extend(endian, bytes, out, |b| f32::from(u16::from_le_bytes(b))),
        Number::I16 => extend(endian, bytes, out, |b| f32::from(i16::from_le_bytes(b))),
        Number::U32 => extend(endian, bytes, out, |b| u32::from_le_bytes(b) as f32),
        Number::I32 => extend(endian, bytes, out, |b| i32::from_le_bytes(b) as f32),
        Number::U64 => extend(endian, bytes, out, |b| u64::from_le_bytes(b) as f32),
        Number::I64 => extend(endian, bytes, out, |b| i64::from_le_bytes(b) as f32),
        Number::F32 => extend(endian, bytes, out, f32::from_le_bytes),
        Number::F64 => extend(endian, bytes, out, |b| f64::from_le_bytes(b) as f32),
    }
}

fn extend<const N: usize>(
    endian: Endian,
    bytes: &[u8],
    out: &mut Vec<f32>,
    from_le_bytes: impl Fn([u8; N]) -> f32,
) {
    let (numbers, _) = bytes.as_chunks::<N>();
    out.extend(numbers.iter().map(|&(mut bytes)| {
        if endian == Endian::Big {
            bytes.reverse();
        }
        from_le_bytes(bytes)
    }));
}
