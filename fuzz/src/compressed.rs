//! Files of compressed samples.

use autoencoder::compress::Compressed;

use super::message::check_format;

/// Where the checksum stands, and what it is of.
const CHECKSUM: std::ops::Range<usize> = 12..16;

/// Bytes as a file of compressed samples, and the same with the right checksum,
/// which a fuzzer hardly finds:
///
/// - they are such a file or an `Error::Format` of one line, never a panic;
/// - a file that was read has no more codes than 1024 times its size, and when it
///   is written and read again is the same.
pub fn check_compressed(data: &[u8]) {
    check(data);
    if data.len() >= CHECKSUM.end {
        let mut right = data.to_vec();
        let sum = super::data::crc32(&right[CHECKSUM.end..]);
        right[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
        check(&right);
    }
}

fn check(data: &[u8]) {
    let compressed = match Compressed::from_bytes(data) {
        Ok(compressed) => compressed,
        Err(error) => return check_format(&error),
    };
    let decoder = compressed.decoder();
    assert!(compressed.len() * decoder.code() <= 1024 * data.len());
    let codes = compressed.codes().expect("what was read fits in memory");
    assert_eq!(codes.shape(), (compressed.len(), decoder.code()));
    let written = compressed.to_bytes().expect("a file that was read");
    let again = Compressed::from_bytes(&written).expect("a file that was written");
    assert_eq!(again.kind(), compressed.kind());
    let bits = |codes: &[f32]| -> Vec<u32> { codes.iter().map(|x| x.to_bits()).collect() };
    let again = again.codes().expect("what was read fits in memory");
    assert_eq!(bits(again.as_slice()), bits(codes.as_slice()));
    // Samples may be many more numbers than the file has.
    if compressed.len() * decoder.features() < 1 << 16 {
        let samples = compressed.decompress().expect("codes that fit");
        assert_eq!(samples.shape(), (compressed.len(), decoder.features()));
    }
}
