//! [`Fingerprint`]: to tell whether data are still what they were.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use crate::checksum::Crc32;

/// Size and checksum of a [`Dataset`]'s numbers. It finds data that were changed
/// by accident; it is no proof against somebody who means to deceive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    samples: usize,
    features: usize,
    crc32: u32,
}

impl Fingerprint {
    /// How many samples the data have.
    pub fn samples(self) -> usize {
        self.samples
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fingerprint {
            samples,
            features,
            crc32,
        } = self;
        write!(
            f,
            "{samples} × {features} numbers with checksum {crc32:08x}"
        )
    }
}

impl Dataset {
    /// The fingerprint of the numbers, as they are kept: bytes have another one
    /// than the `f32` that they are read as. Labels and shape do not matter.
    ///
    /// Where a mapped file was changed, it is the fingerprint of other numbers.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut crc = Crc32::new();
        // What cannot be read is not in the checksum, which then is another one.
        let _ = self.scan_bytes(|bytes| crc.update(bytes));
        Fingerprint {
            samples: self.len(),
            features: self.features(),
            crc32: crc.sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_the_numbers_seen() {
        // The check value of CRC-32 is that of these nine bytes.
        let nine = Dataset::from_u8(3, 3, b"123456789".to_vec()).unwrap();
        let expected = "3 × 3 numbers with checksum cbf43926";
        assert_eq!(nine.fingerprint().to_string(), expected);
        let values = vec![0.0, 1.0, 2.0, 3.0];
        let data = Dataset::from_f32(4, 1, values.clone()).unwrap();
        let part = data.slice(1..3).unwrap();
        let same = Dataset::from_f32(2, 1, vec![1.0, 2.0]).unwrap();
        assert_eq!(part.fingerprint(), same.fingerprint());
        let other = Dataset::from_f32(2, 1, vec![1.0, -2.0]).unwrap();
        assert_ne!(part.fingerprint(), other.fingerprint());
        let other = Dataset::from_f32(2, 2, values).unwrap();
        assert_ne!(data.fingerprint(), other.fingerprint());
    }
}
