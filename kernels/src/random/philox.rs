//! Philox4x32-7: a block cipher of a counter, on registers.
//!
//! J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random
//! numbers: as easy as 1, 2, 3" (SC11, 2011). Seven rounds are the fewest that
//! pass all of TestU01's BigCrush; the constants are the paper's.

use crate::simd::Simd;

/// Rounds.
pub(super) const ROUNDS: usize = 7;

pub(super) const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What the keys of a round differ by from the round before: the golden ratio
/// and √3 − 1, as fractions of 2³².
pub(super) const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Four words for each of as many counters as there are lanes.
#[inline(always)]
pub(super) fn philox<S: Simd, const ROUNDS: usize>(
    s: S,
    mut counter: [S::Words; 4],
    key: [u32; 2],
) -> [S::Words; 4] {
    for round in 0..ROUNDS as u32 {
        let [k0, k1] = [0, 1].map(
            #[inline(always)]
            |i| s.splat_words(key[i].wrapping_add(WEYL[i].wrapping_mul(round))),
        );
        let (high_0, low_0) = s.multiply_words(counter[0], MULTIPLIERS[0]);
        let (high_1, low_1) = s.multiply_words(counter[2], MULTIPLIERS[1]);
        counter = [
            s.xor_words(s.xor_words(high_1, counter[1]), k0),
            low_1,
            s.xor_words(s.xor_words(high_0, counter[3]), k1),
            low_0,
        ];
    }
    counter
}
