//! An array as a file holds it, before it becomes a [`Dataset`] or labels.

use std::path::Path;

use super::dataset::Dataset;
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

pub(super) struct Array {
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    U8(Vec<u8>),
    F32(Vec<f32>),
}

impl Array {
    /// Reads the numbers of an array, the last index running fastest. Bytes
    /// stay bytes; other numbers become the nearest `f32`.
    pub(super) fn read(
        source: &mut Source<'_>,
        shape: Vec<usize>,
        number: Number,
        endian: Endian,
    ) -> Result<Self> {
        let count = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        let count = match count {
            Some(count) if count > 0 && (1..=MOST_AXES).contains(&shape.len()) => count,
            _ => {
                return Err(Error::format(
                    source.path(),
                    format_args!("an array of shape {shape:?}"),
                    "at least one sample of at least one number, and no more than fit in memory",
                ));
            }
        };
        let values = if number == Number::U8 {
            let copy = |bytes: &[u8], out: &mut Vec<u8>| out.extend_from_slice(bytes);
            Values::U8(source.numbers(count, 1, copy)?)
        } else {
            let decode = |bytes: &[u8], out: &mut Vec<f32>| decode(number, endian, bytes, out);
            Values::F32(source.numbers(count, number.size(), decode)?)
        };
        Ok(Array { shape, values })
    }

    /// The same array with its axes in reverse order: what `.npy` calls Fortran
    /// order is the C order of the transposed array.
    pub(super) fn reversed_axes(self) -> Self {
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
        if sample.len() > 1 {
            data.with_sample_shape(sample)
        } else {
            Ok(data)
        }
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
