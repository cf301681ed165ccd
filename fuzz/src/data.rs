//! Files of samples.

use autoencoder::Result;
use autoencoder::data::{
    Dataset, Format, LoadOptions, Origin, from_bytes, from_bytes_with, write_csv_to, write_npy_to,
};

use super::guarded::bits_of;
use super::message::check_format;

/// Bytes as an IDX file:
///
/// - it is read if and only if it is well-formed and of just the right length,
///   and the numbers are those that a naive reader finds;
/// - whatever is no data is an `Error::Format`, never a panic;
/// - compressed with gzip it is read the same.
pub fn check_idx(data: &[u8]) {
    let dataset = read(data);
    if data.starts_with(&[0, 0]) {
        match (&dataset, naive_idx(data)) {
            (Ok(dataset), Some((shape, numbers))) => {
                assert_eq!(dataset.len(), shape[0]);
                let sample = &shape[1..];
                assert_eq!(dataset.features(), sample.iter().product::<usize>());
                let several = (sample.len() > 1).then_some(sample);
                assert_eq!(dataset.sample_shape(), several);
                if let Some(bytes) = dataset.as_u8() {
                    assert!(data[2] == 0x08 && data.ends_with(bytes));
                } else {
                    assert!(data[2] != 0x08 && bits(dataset) == bits_of(&numbers));
                }
            }
            (Err(_), None) => {}
            (Ok(_), None) => panic!("a malformed file was read"),
            (Err(error), Some(_)) => panic!("a well-formed file was refused: {error}"),
        }
    }
    // gzip in gzip is no data; a stored block is of at most 65 535 bytes.
    if !data.starts_with(&GZIP) && data.len() < 1 << 16 {
        match (&dataset, read(&gzip(data))) {
            (Ok(plain), Ok(compressed)) => {
                assert_eq!(bits(plain), bits(&compressed));
                assert_eq!(plain.sample_shape(), compressed.sample_shape());
            }
            (Err(_), Err(_)) => {}
            (_, compressed) => panic!("compressed: {compressed:?}, not: {dataset:?}"),
        }
    }
}

/// Bytes as a `.npy` file:
///
/// - they are data or an `Error::Format`, never a panic;
/// - data take up the file to its end, in numbers of 1, 2, 4 or 8 bytes;
/// - data that were written and are read again have the same bits.
pub fn check_npy(data: &[u8]) {
    let Ok(dataset) = read(data) else { return };
    let count = dataset.len() * dataset.features();
    assert!(count > 0);
    if data.starts_with(b"\x93NUMPY") {
        let header = match data[6] {
            1 => 10 + usize::from(u16::from_le_bytes([data[8], data[9]])),
            _ => 12 + u32::from_le_bytes([data[8], data[9], data[10], data[11]]) as usize,
        };
        let numbers = data.len() - header;
        assert!(numbers.is_multiple_of(count) && [1, 2, 4, 8].contains(&(numbers / count)));
    }
    let mat = dataset.to_mat().expect("what was read fits in memory");
    let mut written = Vec::new();
    write_npy_to(&mut written, mat.as_ref()).expect("a vector takes all bytes");
    let again = read(&written).expect("a file that was written");
    assert_eq!(bits(&again), bits(&dataset));
    assert_eq!(again.features(), dataset.features());
}

/// Bytes as an `.npz` file: data or an `Error::Format`, never a panic; data are
/// no more than the file can hold when deflated at best.
pub fn check_npz(data: &[u8]) {
    if let Some(dataset) = read_as(Format::Npz, data) {
        assert!(dataset.len() * dataset.features() <= 1032 * data.len());
    }
}

/// Bytes as a `.csv` file:
///
/// - they are data or an `Error::Format`, never a panic;
/// - a file of plain numbers is read if and only if a naive reader reads it, with
///   the same numbers;
/// - data that were written and are read again have the same bits.
pub fn check_csv(data: &[u8]) {
    let dataset = read_as(Format::Csv, data);
    let plain = |byte: &u8| b"0123456789.,-e \n".contains(byte);
    if data.iter().all(plain) {
        let naive = naive_csv(data).filter(|(rows, _)| *rows > 0);
        let ours = dataset.as_ref().map(|data| (data.len(), bits(data)));
        assert_eq!(ours, naive.map(|(rows, numbers)| (rows, bits_of(&numbers))));
    }
    let Some(dataset) = dataset else { return };
    let mat = dataset.to_mat().expect("what was read fits in memory");
    let mut written = Vec::new();
    write_csv_to(&mut written, &[], mat.as_ref()).expect("a vector takes all bytes");
    let again = read_as(Format::Csv, &written).expect("a file that was written");
    assert_eq!(again.features(), dataset.features());
    // NaN may have other bits.
    let same = |(a, b): (&u32, &u32)| a == b || f32::from_bits(*a).is_nan();
    assert!(bits(&again).iter().zip(&bits(&dataset)).all(same));
}

/// Bytes as a PNG picture: a sample of bytes, with the shape of a picture, or an
/// `Error::Format`, never a panic.
pub fn check_png(data: &[u8]) {
    if let Some(dataset) = read_as(Format::Png, data) {
        assert_eq!(dataset.len(), 1);
        assert!(matches!(dataset.sample_shape(), Some([_, _] | [_, _, 3])));
        assert!(dataset.as_u8().is_some());
    }
}

/// Bytes as a WAV file: frames, or an `Error::Format`, never a panic. Frames
/// make up as much sound as they were cut from.
pub fn check_wav(data: &[u8]) {
    let Some(dataset) = read_as(Format::Wav, data) else {
        return;
    };
    let Some(Origin::Audio(audio)) = dataset.origin() else {
        panic!("frames of no sound");
    };
    assert!(audio.length <= data.len());
    let frames = dataset.to_mat().expect("what was read fits in memory");
    let sound = audio.join(frames.as_ref()).expect("its own frames");
    assert_eq!(sound.len(), audio.length);
}

/// Bytes as text: lines with the tokens that they have, or an `Error::Format`,
/// never a panic.
pub fn check_text(data: &[u8]) {
    for tokens in ["words:9", "bytes:2:9"] {
        let options = LoadOptions {
            format: Some(Format::Text),
            text: Some(tokens.parse().expect("known tokens")),
            ..LoadOptions::default()
        };
        let Some(dataset) = refused(from_bytes_with(data, &options)) else {
            continue;
        };
        let numbers = dataset.as_u8().expect("tokens are counted in bytes");
        let mut lines = numbers.chunks(dataset.features());
        assert!(dataset.features() <= 9 && lines.len() == dataset.len());
        assert!(lines.any(|line| line.contains(&255)));
    }
}

fn read_as(format: Format, data: &[u8]) -> Option<Dataset> {
    let options = LoadOptions {
        format: Some(format),
        ..LoadOptions::default()
    };
    refused(from_bytes_with(data, &options))
}

/// The data; if there are none, the error must be one of the file, on one line.
fn refused(dataset: Result<Dataset>) -> Option<Dataset> {
    match dataset {
        Ok(dataset) => Some(dataset),
        Err(error) => {
            check_format(&error);
            None
        }
    }
}

/// Rows and numbers of a file of plain numbers, as simply as can be.
fn naive_csv(data: &[u8]) -> Option<(usize, Vec<f32>)> {
    let text = std::str::from_utf8(data).ok()?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut rows: Vec<Vec<Option<f32>>> = lines
        .map(|line| {
            line.split(',')
                .map(|field| field.trim().parse().ok())
                .collect()
        })
        .collect();
    if rows.first().is_some_and(|row| row.contains(&None)) {
        rows.remove(0);
    }
    let width = rows.first().map_or(0, Vec::len);
    let same = rows.iter().all(|row| row.len() == width);
    let count = rows.len();
    let numbers: Option<Vec<f32>> = rows.into_iter().flatten().collect();
    numbers.filter(|_| same).map(|numbers| (count, numbers))
}

fn read(data: &[u8]) -> Result<Dataset> {
    let dataset = from_bytes(data);
    if let Err(error) = &dataset {
        check_format(error);
    }
    dataset
}

fn bits(dataset: &Dataset) -> Vec<u32> {
    let mat = dataset.to_mat().expect("what was read fits in memory");
    bits_of(mat.as_slice())
}

/// Shape and numbers of an IDX file, as simply as can be.
fn naive_idx(data: &[u8]) -> Option<(Vec<usize>, Vec<f32>)> {
    let (&[_, _, number, axes], mut rest) = data.split_first_chunk::<4>()?;
    let mut shape = Vec::new();
    for _ in 0..axes {
        let (&size, after) = rest.split_first_chunk::<4>()?;
        shape.push(u32::from_be_bytes(size) as usize);
        rest = after;
    }
    let size = match number {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        _ => return None,
    };
    // What overflows is longer than the file, too.
    let expected = shape
        .iter()
        .try_fold(size, |n: usize, &size| n.checked_mul(size))?;
    let sound = (1..=64).contains(&axes) && expected > 0 && expected == rest.len();
    let value = |bytes: &[u8]| match (number, bytes) {
        (0x08, &[a]) => f32::from(a),
        (0x09, &[a]) => f32::from(a as i8),
        (0x0b, &[a, b]) => f32::from(i16::from_be_bytes([a, b])),
        (0x0c, &[a, b, c, d]) => i32::from_be_bytes([a, b, c, d]) as f32,
        (0x0d, &[a, b, c, d]) => f32::from_be_bytes([a, b, c, d]),
        (_, &[a, b, c, d, e, f, g, h]) => f64::from_be_bytes([a, b, c, d, e, f, g, h]) as f32,
        _ => unreachable!("chunks are of the number's size"),
    };
    sound.then(|| (shape, rest.chunks(size).map(value).collect()))
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A gzip file (RFC 1952) of one stored block (RFC 1951, section 3.2.4).
fn gzip(data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    let mut file = [&GZIP[..], &[8, 0, 0, 0, 0, 0, 0, 255, 1]].concat();
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(data);
    file.extend(crc32(data).to_le_bytes());
    file.extend(u32::from(length).to_le_bytes());
    file
}

pub(super) fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
