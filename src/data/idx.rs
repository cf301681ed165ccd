//! IDX, the format of MNIST: two zero bytes, a type, the number of axes, the
//! axes' sizes, and the numbers, all big-endian.
//! <https://yann.lecun.com/exdb/mnist/>

use super::array::{Array, Endian, Number};
use super::source::Source;
use crate::error::{Error, Result};

pub(super) fn is_idx(start: &[u8]) -> bool {
    start.starts_with(&[0, 0])
}

pub(super) fn read(source: &mut Source<'_>) -> Result<Array> {
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
    Array::read(source, shape, number, Endian::Big)
}
