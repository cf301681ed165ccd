//! `.npy`, numpy's format for one array, in its versions 1 to 3.
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::{self, Write};
use std::path::Path;

use autoencoder_kernels::MatRef;

use super::array::{self, Endian, Number};
use super::dataset::Dataset;
use super::options::LoadOptions;
use super::source::Source;
use crate::error::{Error, Result};
use crate::file::write_atomically;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Far more than the header of a plain array takes.
const LONGEST_HEADER: usize = 1 << 16;

/// Reads the array of a file, or maps it.
pub(super) fn read(mut source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    header(&mut source)?.load(source, options)
}

pub(super) fn is_npy(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

pub(super) fn header(source: &mut Source<'_>) -> Result<array::Header> {
    let magic: [u8; 6] = source.array("npy header")?;
    let [version, _] = source.array("npy header")?;
    let length = match (&magic[..] == MAGIC, version) {
        (true, 1) => usize::from(u16::from_le_bytes(source.array("npy header")?)),
        (true, 2 | 3) => u32::from_le_bytes(source.array("npy header")?) as usize,
        _ => {
            let found = format_args!("the start {magic:02x?} and version {version}").to_string();
            let expected = "npy of version 1, 2 or 3";
            return Err(Error::format(source.path(), found, expected));
        }
    };
    if length > LONGEST_HEADER {
        return Err(Error::format(
            source.path(),
            format_args!("an npy header of {length} bytes"),
            format_args!("at most {LONGEST_HEADER}"),
        ));
    }
    let bytes = source.numbers(length, 1, |bytes, out: &mut Vec<u8>| {
        out.extend_from_slice(bytes);
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let Some(header) = Header::parse(&text) else {
        return Err(Error::format(
            source.path(),
            format_args!("the npy header {:?}", text.trim_end()),
            "a dictionary with descr (one type of number), fortran_order and shape",
        ));
    };
    let Some((number, endian)) = number(header.descr) else {
        return Err(Error::format(
            source.path(),
            format_args!("numbers of type {:?}", header.descr),
            "f4, f8, u1 or another integer; convert with x.astype('float32')",
        ));
    };
    Ok(array::Header {
        shape: header.shape,
        number,
        endian,
        fortran_order: header.fortran_order,
    })
}

fn number(descr: &str) -> Option<(Number, Endian)> {
    let (endian, number) = match descr.split_at_checked(1)? {
        ("<" | "|", number) => (Endian::Little, number),
        (">", number) => (Endian::Big, number),
        _ => return None,
    };
    let number = match number {
        "b1" => Number::Bool,
        "u1" => Number::U8,
        "i1" => Number::I8,
        "u2" => Number::U16,
        "i2" => Number::I16,
        "u4" => Number::U32,
        "i4" => Number::I32,
        "u8" => Number::U64,
        "i8" => Number::I64,
        "f4" => Number::F32,
        "f8" => Number::F64,
        _ => return None,
    };
    Some((number, endian))
}

/// The three entries of the header, a Python dictionary in any order:
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = Text(text);
        rest.take("{").then_some(())?;
        while !rest.take("}") {
            let key = rest.string()?;
            rest.take(":").then_some(())?;
            let first = match key {
                "descr" => descr.replace(rest.string()?).is_none(),
                "fortran_order" => fortran_order.replace(rest.boolean()?).is_none(),
                "shape" => shape.replace(rest.tuple()?).is_none(),
                _ => false,
            };
            let more = rest.take(",") || rest.0.trim_start().starts_with('}');
            (first && more).then_some(())?;
        }
        rest.0.trim_start().is_empty().then_some(())?;
        Some(Header {
            descr: descr?,
            fortran_order: fortran_order?,
            shape: shape?,
        })
    }
}

/// What is left of a Python literal.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Skips blanks and then `token`, if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        let quote = ["'", "\""].into_iter().find(|quote| self.take(quote))?;
        let (string, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.take("True") {
            Some(true)
        } else {
            self.take("False").then_some(false)
        }
    }

    /// `()`, `(3,)` or `(3, 4)`.
    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut numbers = Vec::new();
        self.take("(").then_some(())?;
        let mut more = true;
        while !self.take(")") {
            more.then_some(())?;
            numbers.push(self.number()?);
            more = self.take(",");
        }
        Some(numbers)
    }

    fn number(&mut self) -> Option<usize> {
        let text = self.0.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
        // Python 2 marked long numbers.
        self.0 = rest.strip_prefix('L').unwrap_or(rest);
        digits.parse().ok()
    }
}

/// Writes a matrix as `.npy`: `<f4`, C order, two axes. `numpy.load` reads it.
///
/// # Errors
/// [`Error::Io`]; the file is written whole or not at all.
pub fn write_npy(path: impl AsRef<Path>, mat: MatRef<'_, f32>) -> Result<()> {
    write_atomically(path, |writer| write_npy_to(writer, mat))
}

/// Writes the bytes of a `.npy` file.
///
/// # Errors
/// Those of the writer.
pub fn write_npy_to(writer: &mut dyn Write, mat: MatRef<'_, f32>) -> io::Result<()> {
    let (rows, cols) = mat.shape();
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    // Magic, version and length take ten bytes, and the numbers start at a
    // multiple of 64.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    writer.write_all(MAGIC)?;
    writer.write_all(&[1, 0])?;
    writer.write_all(&(length as u16).to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    for i in 0..rows {
        for j in 0..cols {
            writer.write_all(&mat.get(i, j).to_le_bytes())?;
        }
    }
    Ok(())
}
