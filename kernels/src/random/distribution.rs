//! From random words to numbers of a distribution, on registers.

use crate::math::{log_of_positive, sin_cos_of_turn};
use crate::simd::Simd;

/// A distribution.
pub(crate) trait Distribution: Copy + Send + Sync + 'static {
    /// Four vectors of numbers from four vectors of words.
    fn sample<S: Simd>(self, s: S, words: [S::Words; 4]) -> [S::Vector; 4];
}

/// Uniform in [0, 1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uniform;

impl Distribution for Uniform {
    #[inline(always)]
    fn sample<S: Simd>(self, s: S, words: [S::Words; 4]) -> [S::Vector; 4] {
        words.map(
            #[inline(always)]
            |word| unit(s, word),
        )
    }
}

/// Standard normal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normal;

/// Error bound of normal numbers in ULP: of the exact transform of their words.
pub const NORMAL_MAX_ULP: f32 = 4.0;

impl Distribution for Normal {
    #[inline(always)]
    fn sample<S: Simd>(self, s: S, [a, b, c, d]: [S::Words; 4]) -> [S::Vector; 4] {
        let (x, y) = box_muller(s, a, b);
        let (z, w) = box_muller(s, c, d);
        [x, y, z, w]
    }
}

/// The word's first 24 bits times 2⁻²⁴.
#[inline(always)]
fn unit<S: Simd>(s: S, word: S::Words) -> S::Vector {
    s.mul(s.leading_bits(word, 24), s.splat(1.0 / 16_777_216.0))
}

/// Two independent normal numbers: radius and angle of a point in the plane
/// (G. E. P. Box and M. E. Muller, "A note on the generation of random normal
/// deviates", 1958).
#[inline(always)]
fn box_muller<S: Simd>(s: S, radius: S::Words, angle: S::Words) -> (S::Vector, S::Vector) {
    // 31 bits, rounded to 24 significant ones: small u, of which large radii
    // come, are as dense as f32 are. From 2⁻³² to 1.
    let scale = 1.0 / 2_147_483_648.0;
    let u = s.mul_add(
        s.leading_bits(radius, 31),
        s.splat(scale),
        s.splat(0.5 * scale),
    );
    let radius = s.sqrt(s.mul(s.splat(-2.0), log_of_positive(s, u)));
    let (sin, cos) = sin_cos_of_turn(s, unit(s, angle));
    (s.mul(radius, cos), s.mul(radius, sin))
}
