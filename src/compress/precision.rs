//! [`Precision`]: codes as bytes.
//!
//! The bytes stand plane by plane: all first bytes of the first number of each
//! code, then their second bytes, then those of the second number, and so on.
//! Bytes of one kind side by side are what an entropy coder does best with.

use std::fmt;
use std::str::FromStr;

use autoencoder_kernels::Mat;
use serde::{Deserialize, Serialize};

use super::{Error, Result, half};

/// As what numbers codes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// 8 bits: for each number of a code, 256 equal steps from the smallest to
    /// the largest one that there is. Off by half a step at most.
    U8,
    /// Half precision: 11 significant bits, up to 65504.
    F16,
    /// Single precision: as they are.
    F32,
}

/// The last of 256 steps.
const STEPS: f64 = 255.0;

impl Precision {
    /// Every precision, the shortest first.
    pub const ALL: [Precision; 3] = [Precision::U8, Precision::F16, Precision::F32];

    /// Bytes per number.
    pub fn size(self) -> usize {
        match self {
            Precision::U8 => 1,
            Precision::F16 => 2,
            Precision::F32 => 4,
        }
    }

    /// Its name: `u8`, `f16`, `f32`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::U8 => "u8",
            Precision::F16 => "f16",
            Precision::F32 => "f32",
        }
    }

    /// Bytes of so many codes, if a `usize` can count them: of 8-bit codes, with
    /// the range of each number in front.
    pub(super) fn byte_count(self, samples: usize, code: usize) -> Option<usize> {
        let ranges = match self {
            Precision::U8 => code.checked_mul(2 * size_of::<f32>())?,
            _ => 0,
        };
        let numbers = samples.checked_mul(code)?;
        numbers.checked_mul(self.size())?.checked_add(ranges)
    }

    /// Rounds codes.
    pub(super) fn to_bytes(self, codes: &Mat<f32>) -> Result<Vec<u8>> {
        let (rows, cols) = codes.shape();
        for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
            let value = codes[(i, j)];
            if !value.is_finite() {
                let (row, column) = (i, j);
                return Err(Error::NotFinite { value, row, column });
            }
            if self == Precision::F16 && half::from_bits(half::to_bits(value)).is_infinite() {
                return Err(Error::configuration(
                    "a number of a code",
                    value,
                    "at most 65504 for f16; choose u8 or f32",
                ));
            }
        }
        let column = |j: usize| (0..rows).map(move |i| codes[(i, j)]);
        let mut bytes = Vec::new();
        let ranges: Vec<(f32, f32)> = (0..cols).map(|j| range(column(j))).collect();
        if self == Precision::U8 {
            let both = ranges.iter().flat_map(|&(low, high)| [low, high]);
            bytes.extend(both.flat_map(f32::to_le_bytes));
        }
        for (j, &(low, high)) in ranges.iter().enumerate() {
            for plane in 0..self.size() {
                bytes.extend(column(j).map(|x| match self {
                    Precision::U8 => step(x, low, high),
                    Precision::F16 => half::to_bits(x).to_le_bytes()[plane],
                    Precision::F32 => x.to_le_bytes()[plane],
                }));
            }
        }
        Ok(bytes)
    }

    /// The codes that [`to_bytes`](Self::to_bytes) has rounded; there must be
    /// [`byte_count`](Self::byte_count) bytes of them.
    pub(super) fn restore(self, bytes: &[u8], (rows, cols): (usize, usize)) -> Result<Mat<f32>> {
        let mut codes = Mat::try_zeros(rows, cols)?;
        let ranges = match self {
            Precision::U8 => 2 * size_of::<f32>() * cols,
            _ => 0,
        };
        let (ranges, planes) = bytes.split_at(ranges);
        let (ranges, _) = ranges.as_chunks::<4>();
        for j in 0..cols {
            for i in 0..rows {
                let byte = |plane: usize| planes[(j * self.size() + plane) * rows + i];
                codes[(i, j)] = match self {
                    Precision::U8 => {
                        let [low, high] = [0, 1].map(|end| f32::from_le_bytes(ranges[2 * j + end]));
                        value(byte(0), low, high)
                    }
                    Precision::F16 => half::from_bits(u16::from_le_bytes([0, 1].map(byte))),
                    Precision::F32 => f32::from_le_bytes([0, 1, 2, 3].map(byte)),
                };
            }
        }
        Ok(codes)
    }
}

/// The smallest and the largest number; 0 for none.
fn range(numbers: impl Iterator<Item = f32> + Clone) -> (f32, f32) {
    let low = numbers.clone().reduce(f32::min);
    let high = numbers.reduce(f32::max);
    (low.unwrap_or(0.0), high.unwrap_or(0.0))
}

/// Which of the 256 steps is nearest; the cast turns the NaN of an empty range
/// into 0.
fn step(x: f32, low: f32, high: f32) -> u8 {
    // In f64, where no range of floats is infinite.
    let [x, low, high] = [x, low, high].map(f64::from);
    ((x - low) / (high - low) * STEPS).round() as u8
}

/// The number that a step stands for; in f64, as [`step`].
fn value(step: u8, low: f32, high: f32) -> f32 {
    let [low, high] = [low, high].map(f64::from);
    (low + (high - low) * (f64::from(step) / STEPS)) as f32
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut all = Precision::ALL.into_iter();
        all.find(|precision| precision.name() == text)
            .ok_or_else(|| Error::configuration("the precision of codes", text, "u8, f16 or f32"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_as_near_as_the_precision_allows() {
        let codes = Mat::from_fn(7, 3, |i, j| match j {
            0 => (i as f32 * 1.3).sin() * 10.0,
            1 => 2.5,
            _ => i as f32 * 1e-3,
        });
        for precision in Precision::ALL {
            let bytes = precision.to_bytes(&codes).unwrap();
            assert_eq!(Some(bytes.len()), precision.byte_count(7, 3));
            let again = precision.restore(&bytes, (7, 3)).unwrap();
            for (i, j) in (0..7).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let (x, y) = (codes[(i, j)], again[(i, j)]);
                let bound = match precision {
                    Precision::U8 => [20.0, 0.0, 6e-3][j] / 255.0 / 2.0 * 1.001,
                    Precision::F16 => x.abs() / 2048.0 + 1e-7,
                    Precision::F32 => 0.0,
                };
                assert!((x - y).abs() <= bound, "{precision} {i} {j}: {x} {y}");
            }
            assert_eq!(precision.name().parse::<Precision>().unwrap(), precision);
            assert!(precision.to_bytes(&Mat::zeros(0, 3)).unwrap().len() <= 24);
        }
        // The wider step of the first number is really half used.
        let bytes = Precision::U8.to_bytes(&codes).unwrap();
        assert!(bytes[24..31].contains(&0) && bytes[24..31].contains(&255));
    }

    #[test]
    fn codes_that_do_not_fit_are_errors() {
        let one = |x: f32| Mat::from_fn(1, 1, |_, _| x);
        for precision in Precision::ALL {
            for bad in [f32::NAN, f32::INFINITY] {
                assert!(matches!(
                    precision.to_bytes(&one(bad)),
                    Err(Error::NotFinite { .. })
                ));
            }
        }
        assert!(Precision::F16.to_bytes(&one(65504.0)).is_ok());
        assert!(Precision::F16.to_bytes(&one(7e4)).is_err());
        let wide = Mat::from_fn(3, 1, |i, _| [f32::MIN, 0.0, f32::MAX][i]);
        let bytes = Precision::U8.to_bytes(&wide).unwrap();
        assert_eq!(bytes[8..], [0, 128, 255]);
        let again = Precision::U8.restore(&bytes, (3, 1)).unwrap();
        let middle = (f64::from(f32::MAX) / 255.0) as f32;
        assert_eq!(again.as_slice(), [f32::MIN, middle, f32::MAX]);
        assert!("u4".parse::<Precision>().is_err());
    }
}
