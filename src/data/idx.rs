//! IDX, the format of MNIST, read and written: two zero bytes, a type, the number
//! of axes, the axes' sizes, and the numbers, all big-endian.
//! <https://yann.lecun.com/exdb/mnist/>

use std::io::{self, Write};
use std::path::Path;

use autoencoder_kernels::MatRef;

use super::array::{Endian, Header, Number, byte};
use super::dataset::Dataset;
use super::options::LoadOptions;
use super::source::Source;
use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Reads the array of a file, or maps it.
pub(super) fn read(mut source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    header(&mut source)?.load(source, options)
}

pub(super) fn is_idx(start: &[u8]) -> bool {
    start.starts_with(&[0, 0])
}

pub(super) fn header(source: &mut Source<'_>) -> Result<Header> {
    let [zero, zero_too, number, axes] = source.array("IDX header")?;
    let number = match (zero, zero_too, number) {
        (0, 0, 0x08) => Number::U8,
        (0, 0, 0x09) => Number::I8,
        (0, 0, 0x0b) => Number::I16,
        (0, 0, 0x0c) => Number::I32,
        (0, 0, 0x0d) => Number::F32,
        (0, 0, 0x0e) => Number::F64,
        _ => {
            return Err(Error::format(
                source.path(),
                format_args!("the first bytes {zero:02x} {zero_too:02x} {number:02x}"),
                "those of an IDX file: 00 00, then a type of 08, 09, 0b, 0c, 0d or 0e",
            ));
        }
    };
    let mut shape = Vec::new();
    for _ in 0..axes {
        let size = u32::from_be_bytes(source.array("IDX header")?);
        shape.push(size as usize);
    }
    Ok(Header {
        shape,
        number,
        endian: Endian::Big,
        fortran_order: false,
    })
}

/// Writes samples as IDX, each of `sample_shape`: as bytes, fractions of 255 that
/// are rounded and clamped, or as `f32`.
///
/// # Errors
/// [`Error::Shape`] unless each sample has as many numbers as `sample_shape` says
/// and sizes fit in the 32 bits that IDX has for them; [`Error::Io`]. The file is
/// written whole or not at all.
pub fn write_idx(
    path: impl AsRef<Path>,
    mat: MatRef<'_, f32>,
    sample_shape: &[usize],
    as_bytes: bool,
) -> Result<()> {
    let shape: Vec<usize> = [&[mat.rows()], sample_shape].concat();
    let sizes: Vec<u32> = shape.iter().filter_map(|&n| n.try_into().ok()).collect();
    let fits = sizes.len() == shape.len() && shape.len() < 256;
    if !fits || sample_shape.iter().product::<usize>() != mat.cols() {
        return Err(Error::shape(
            "shape of a sample in an IDX file",
            format_args!("{sample_shape:?}"),
            format_args!("a product of {}, each below 2³²", mat.cols()),
        ));
    }
    write_atomically(path, |writer| write(writer, mat, &sizes, as_bytes))
}

fn write(
    writer: &mut dyn Write,
    mat: MatRef<'_, f32>,
    sizes: &[u32],
    as_bytes: bool,
) -> io::Result<()> {
    let number = if as_bytes { 0x08 } else { 0x0d };
    writer.write_all(&[0, 0, number, sizes.len() as u8])?;
    for size in sizes {
        writer.write_all(&size.to_be_bytes())?;
    }
    for i in 0..mat.rows() {
        for j in 0..mat.cols() {
            let value = mat.get(i, j);
            if as_bytes {
                writer.write_all(&[byte(value)])?;
            } else {
                writer.write_all(&value.to_be_bytes())?;
            }
        }
    }
    Ok(())
}
