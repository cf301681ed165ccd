//! 8-bit samples to f32.

use crate::error::{Error, check_length};
use crate::level::{Kernel, Level};
use crate::simd::Simd;

/// `to[i] = from[i] / divisor`, correctly rounded: the same bits as NumPy's
/// `x.astype("float32") / divisor`.
///
/// # Errors
/// [`Error::Length`] if the lengths differ.
pub fn scale_u8(level: Level, from: &[u8], divisor: f32, to: &mut [f32]) -> Result<(), Error> {
    check_length("to", to.len(), from.len())?;
    level.dispatch(Scale { from, divisor, to });
    Ok(())
}

struct Scale<'a> {
    from: &'a [u8],
    divisor: f32,
    to: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // A division takes longer than the rest of the loop. 1/255 = HIGH + LOW,
        // where HIGH has 16 significant bits: byte · HIGH is exact, and adding
        // byte · LOW rounds to the very quotient (the test goes through all
        // 256).
        const HIGH: f32 = f32::from_bits((1.0f32 / 255.0).to_bits() & 0xffff_ff00);
        const LOW: f32 = (1.0 / 255.0 - HIGH as f64) as f32;
        let (high, low, divisor) = (s.splat(HIGH), s.splat(LOW), s.splat(self.divisor));
        let (from, from_rest) = split_vectors(self.from, S::LANES);
        let (to, to_rest) = self.to.split_at_mut(from.len());
        for (from, to) in from
            .chunks_exact(S::LANES)
            .zip(to.chunks_exact_mut(S::LANES))
        {
            // SAFETY: the chunk holds LANES elements.
            let byte = unsafe { s.load_u8(from.as_ptr()) };
            let quotient = if self.divisor == 255.0 {
                s.mul_add(byte, low, s.mul(byte, high))
            } else {
                s.div(byte, divisor)
            };
            // SAFETY: as above.
            unsafe { s.store(to.as_mut_ptr(), quotient) };
        }
        for (from, to) in from_rest.iter().zip(to_rest) {
            *to = f32::from(*from) / self.divisor;
        }
    }
}

/// The longest start that is whole vectors, and the rest.
#[inline(always)]
fn split_vectors(x: &[u8], lanes: usize) -> (&[u8], &[u8]) {
    x.split_at(x.len() - x.len() % lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_divided_exactly() {
        for &level in Level::available() {
            for len in [0, 1, 7, 16, 255, 256] {
                let from: Vec<u8> = (0..len).map(|i| (i * 7 % 256) as u8).collect();
                for divisor in [255.0, 256.0, 3.0] {
                    let mut to = vec![f32::NAN; len];
                    scale_u8(level, &from, divisor, &mut to).unwrap();
                    for (x, y) in from.iter().zip(&to) {
                        assert_eq!(y.to_bits(), (f32::from(*x) / divisor).to_bits());
                    }
                }
            }
        }
        assert!(scale_u8(Level::Portable, &[1, 2], 255.0, &mut [0.0]).is_err());
    }
}
