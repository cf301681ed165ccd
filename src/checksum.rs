//! CRC-32, as in gzip, PNG and zip: it finds accidents, not forgeries.
//!
//! The remainder of the bytes as a polynomial over GF(2). A table has the remainder
//! of each byte with 0 to 15 zero bytes behind it, so that sixteen bytes at a time are
//! sixteen independent look-ups, and their sum is the remainder ("slicing", Kounavis and
//! Berry 2005).

/// The polynomial of CRC-32, its lowest power in the highest bit.
const POLYNOMIAL: u32 = 0xedb8_8320;

const SLICES: usize = 16;

static TABLE: [[u32; 256]; SLICES] = table();

const fn table() -> [[u32; 256]; SLICES] {
    let mut table = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = (rest >> 1) ^ (POLYNOMIAL * (rest & 1));
            bit += 1;
        }
        table[0][byte] = rest;
        byte += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let before: u32 = table[slice - 1][byte];
            table[slice][byte] = (before >> 8) ^ table[0][(before & 0xff) as usize];
            byte += 1;
        }
        slice += 1;
    }
    table
}

/// The checksum of the bytes seen so far.
pub(crate) struct Crc32 {
    /// The remainder with all bits flipped.
    state: u32,
}

impl Crc32 {
    /// That of no bytes.
    pub(crate) fn new() -> Self {
        Crc32 { state: u32::MAX }
    }

    /// Goes on with these bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<SLICES>();
        for &(mut block) in blocks {
            for (byte, state) in block.iter_mut().zip(self.state.to_le_bytes()) {
                *byte ^= state;
            }
            let sum = block.iter().zip(TABLE.iter().rev());
            self.state = sum.fold(0, |sum, (&byte, slice)| sum ^ slice[usize::from(byte)]);
        }
        for &byte in rest {
            let index = (self.state as u8) ^ byte;
            self.state = (self.state >> 8) ^ TABLE[0][usize::from(index)];
        }
    }

    /// The checksum.
    pub(crate) fn sum(&self) -> u32 {
        !self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_checksum_of_gzip_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * i * 31 + i) as u8).collect();
        for length in (0..70).chain([999, 1000]) {
            let mut expected = flate2::Crc::new();
            expected.update(&bytes[..length]);
            for cut in [0, 1, 15, 16, 17, length] {
                let (start, end) = bytes[..length].split_at(cut.min(length));
                let mut crc = Crc32::new();
                crc.update(start);
                crc.update(end);
                assert_eq!(crc.sum(), expected.sum(), "{length}, cut at {cut}");
            }
        }
    }
}
