//! The file of compressed samples.
//!
//! ```text
//! 8 bytes     89 41 45 43 4f 44 45 0a
//! u32         version 1
//! u32         CRC-32 of all that follows
//! 3 × u64     bytes of each of the following
//! header      JSON: samples, precision, what the samples were
//! decoder     a .safetensors file
//! codes       Brotli (RFC 7932); zeros behind it, where it would be less than
//!             a 1024th of what is in it
//! ```
//!
//! Numbers are little-endian. Nothing is believed: sizes must agree with the
//! file's length and each other before anything is unpacked, and no file makes
//! this allocate more than 1024 times its own size.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use brotli::enc::BrotliEncoderParams;
use serde::{Deserialize, Serialize};

use super::{Compressed, Precision};
use crate::checksum::Crc32;
use crate::data::SampleKind;
use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::model::read_decoder;

const MAGIC: [u8; 8] = *b"\x89AECODE\n";
const VERSION: u32 = 1;
/// Magic, version, checksum, three lengths.
const PREFIX: usize = 8 + 4 + 4 + 3 * 8;
/// The most that a byte of packed codes may stand for.
const BEST_COMPRESSION: usize = 1024;

#[derive(Serialize, Deserialize)]
struct Header {
    samples: usize,
    precision: Precision,
    kind: SampleKind,
}

/// Bytes of the parts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) whole: usize,
    pub(super) decoder: usize,
}

impl Compressed {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Error::Io`], which does not happen in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.to_bytes_and_sizes()?.0)
    }

    pub(super) fn to_bytes_and_sizes(&self) -> Result<(Vec<u8>, Sizes)> {
        let header = serde_json::to_vec(&Header {
            samples: self.samples,
            precision: self.precision,
            kind: self.kind.clone(),
        });
        let header = header.map_err(|error| failed(error.into()))?;
        let decoder = self.decoder.to_safetensors()?;
        let parts = [&header, &decoder, &self.packed];
        let mut rest: Vec<u8> = Vec::new();
        rest.extend(
            parts
                .iter()
                .flat_map(|part| (part.len() as u64).to_le_bytes()),
        );
        parts.iter().for_each(|part| rest.extend(*part));
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(checksum(&rest).to_le_bytes());
        bytes.extend(rest);
        let sizes = Sizes {
            whole: bytes.len(),
            decoder: decoder.len(),
        };
        Ok((bytes, sizes))
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let bytes = self.to_bytes()?;
        write_atomically(path, |writer| writer.write_all(&bytes))
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] for a file that is damaged, cut off,
    /// or no such file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
        read(path, &bytes)
    }

    /// [`load`](Self::load) for the bytes of a file in memory.
    ///
    /// # Errors
    /// [`Error::Format`], as [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        read(Path::new("compressed samples"), bytes)
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Compressed> {
    let damaged = |found: &str| {
        let expected = "an intact file of compressed samples, as `compress` writes";
        Error::format(path, found, expected)
    };
    let Some((prefix, mut parts)) = bytes.split_at_checked(PREFIX) else {
        return Err(damaged("a file of a few bytes"));
    };
    let (numbers, _) = prefix[16..].as_chunks::<8>();
    if prefix[..8] != MAGIC {
        return Err(damaged("another kind of file"));
    }
    if prefix[8..12] != VERSION.to_le_bytes() {
        return Err(damaged("a file of another version"));
    }
    let lengths = numbers.iter().map(|&n| u64::from_le_bytes(n));
    let total = lengths.clone().try_fold(0u64, u64::checked_add);
    if total != Some(parts.len() as u64) {
        return Err(damaged("a file that is cut off or too long"));
    }
    if prefix[12..16] != checksum(&bytes[16..]).to_le_bytes() {
        return Err(damaged("a wrong checksum"));
    }
    // The sum is the length of the file, so that none is longer.
    let mut part = Vec::new();
    for length in lengths {
        let (first, rest) = parts.split_at(length as usize);
        part.push(first);
        parts = rest;
    }
    let (header, decoder, packed) = (part[0], part[1], part[2]);
    let header: Header = serde_json::from_slice(header)
        .map_err(|error| damaged(&format!("a header that is not understood: {error}")))?;
    let decoder = read_decoder(path, decoder)?;
    let shape = header.kind.shape.iter();
    let features = shape.copied().try_fold(1usize, usize::checked_mul);
    if features != Some(decoder.features()) {
        return Err(damaged("samples of another shape than the decoder gives"));
    }
    let count = header.precision.byte_count(header.samples, decoder.code());
    let limit = packed.len().saturating_mul(BEST_COMPRESSION);
    let Some(count) = count.filter(|&count| count <= limit) else {
        return Err(damaged("more codes than the file can hold"));
    };
    let codes = unpack(packed, count).ok_or_else(|| damaged("codes that cannot be unpacked"))?;
    Ok(Compressed {
        decoder,
        kind: header.kind,
        precision: header.precision,
        samples: header.samples,
        codes,
        packed: packed.to_vec(),
    })
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.sum()
}

fn failed(error: io::Error) -> Error {
    Error::io("write", Path::new("compressed samples"), error)
}

/// Bytes as they stand in a file.
pub(super) fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &params).map_err(failed)?;
    let least = bytes.len().div_ceil(BEST_COMPRESSION);
    packed.resize(packed.len().max(least), 0);
    Ok(packed)
}

/// Exactly `count` bytes, if there are as many.
fn unpack(packed: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(count).ok()?;
    let mut reader = brotli::Decompressor::new(packed, 4096);
    // One more, to see that there are no more.
    let mut reader = reader.by_ref().take(count as u64 + 1);
    reader.read_to_end(&mut bytes).ok()?;
    (bytes.len() == count).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::digits;
    use crate::model::Autoencoder;

    fn file(precision: Precision) -> (Compressed, Vec<u8>) {
        let data = digits().slice(0..20).unwrap();
        let model = Autoencoder::builder().input(784).encoder([3]);
        let model = model.tied(true).build().unwrap();
        let compressed = Compressed::new(&model, &data, precision).unwrap();
        let bytes = compressed.to_bytes().unwrap();
        (compressed, bytes)
    }

    #[test]
    fn a_file_comes_back() {
        for precision in Precision::ALL {
            let (compressed, bytes) = file(precision);
            let again = Compressed::from_bytes(&bytes).unwrap();
            assert_eq!((again.len(), again.precision()), (20, precision));
            assert_eq!(again.kind(), compressed.kind());
            let codes = |c: &Compressed| c.codes().unwrap().as_slice().to_vec();
            assert_eq!(codes(&again), codes(&compressed));
            let samples = |c: &Compressed| c.decompress().unwrap().as_slice().to_vec();
            assert_eq!(samples(&again), samples(&compressed));
            assert_eq!(again.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn damage_anywhere_is_an_error() {
        let (_, bytes) = file(Precision::U8);
        for length in (0..bytes.len()).step_by(7) {
            let error = Compressed::from_bytes(&bytes[..length]).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error:?}");
        }
        for at in (0..bytes.len()).step_by(5) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(Compressed::from_bytes(&flipped).is_err(), "byte {at}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Compressed::from_bytes(&longer).is_err());
    }

    /// The checksum finds accidents alone, so a file may lie in spite of it.
    #[test]
    fn lies_with_the_right_checksum_are_errors() {
        let (_, bytes) = file(Precision::U8);
        let lie = |from: &str, to: &str| {
            assert_eq!(from.len(), to.len());
            let at = bytes.windows(from.len()).position(|w| w == from.as_bytes());
            let at = at.unwrap_or_else(|| panic!("no {from}"));
            let mut changed = bytes.clone();
            changed[at..at + to.len()].copy_from_slice(to.as_bytes());
            let sum = checksum(&changed[16..]);
            changed[12..16].copy_from_slice(&sum.to_le_bytes());
            Compressed::from_bytes(&changed).unwrap_err().to_string()
        };
        for (from, to, says) in [
            ("\"samples\":20", "\"samples\":21", "cannot be unpacked"),
            ("\"samples\":20", "\"samples\":19", "cannot be unpacked"),
            ("\"samples\":20", "\"samples\":9e", "not understood"),
            ("[28,28]", "[28,27]", "another shape"),
            ("\"u8\"", "\"u9\"", "not understood"),
        ] {
            let message = lie(from, to);
            assert!(message.contains(says), "{to}: {message}");
        }
        // As many samples as a number can say, in the place of blanks.
        let huge = "\"samples\":18446744073709551615,\"precision\":\"u8\"";
        let at = bytes
            .windows(12)
            .position(|w| w == b"\"samples\":20")
            .unwrap();
        let old = "\"samples\":20,\"precision\":\"u8\"".len();
        let mut changed = bytes.clone();
        changed.splice(at..at + old, huge.bytes());
        let header = u64::from_le_bytes(changed[16..24].try_into().unwrap());
        let header = header + (huge.len() - old) as u64;
        changed[16..24].copy_from_slice(&header.to_le_bytes());
        let sum = checksum(&changed[16..]);
        changed[12..16].copy_from_slice(&sum.to_le_bytes());
        let error = Compressed::from_bytes(&changed).unwrap_err().to_string();
        assert!(
            error.contains("more codes than the file can hold"),
            "{error}"
        );
    }

    #[test]
    fn what_packs_too_well_is_padded() {
        let zeros = vec![0; 1 << 22];
        let packed = pack(&zeros).unwrap();
        assert_eq!(packed.len(), 1 << 12);
        assert_eq!(unpack(&packed, zeros.len()), Some(zeros));
        assert_eq!(unpack(&packed, 5), None);
    }
}
