//! Sums over a row in an order that depends on its length and the level alone.

use crate::simd::{Simd, load_at};

/// Chains of additions that run side by side: an addition takes three or four cycles,
/// and two of them start in each.
const CHAINS: usize = 4;

/// `SUMS` sums over vectors of `INPUTS` slices of one length, `add(sums so far,
/// vectors)`. Lanes beyond the end hold the number of `fill`, which must add 0.
///
/// Vector k belongs to chain k mod 4; the chains are added up as (0 + 1) + (2 + 3),
/// then the lanes of the result.
#[inline(always)]
pub(super) fn sums<S: Simd, const INPUTS: usize, const SUMS: usize>(
    s: S,
    inputs: [&[f32]; INPUTS],
    fill: [f32; INPUTS],
    add: impl Fn([S::Vector; SUMS], [S::Vector; INPUTS]) -> [S::Vector; SUMS],
) -> [f64; SUMS] {
    let len = inputs.iter().map(|x| x.len()).min().unwrap_or(0);
    let zero = s.splat(0.0);
    let stride = CHAINS * S::LANES;
    let mut chains = [[zero; SUMS]; CHAINS];
    let mut at = 0;
    while len - at >= stride {
        for (k, chain) in chains.iter_mut().enumerate() {
            let mut vectors = [zero; INPUTS];
            for (vector, input) in vectors.iter_mut().zip(inputs) {
                *vector = load_at(s, &input[at..at + stride], k * S::LANES);
            }
            *chain = add(*chain, vectors);
        }
        at += stride;
    }
    for chain in &mut chains {
        if at >= len {
            break;
        }
        let valid = s.first_lanes(len - at);
        let mut vectors = [zero; INPUTS];
        for ((vector, input), fill) in vectors.iter_mut().zip(inputs).zip(fill) {
            *vector = s.select(valid, load_at(s, &input[..len], at), s.splat(fill));
        }
        *chain = add(*chain, vectors);
        at += S::LANES;
    }
    let [a, b, c, d] = chains;
    let mut totals = [0.0; SUMS];
    for (i, total) in totals.iter_mut().enumerate() {
        let chains = s.add(s.add(a[i], b[i]), s.add(c[i], d[i]));
        *total = f64::from(s.reduce_add(chains));
    }
    totals
}

/// A bound on the error of such a sum of `len` numbers, relative to the sum of their
/// magnitudes and in units of 2⁻²⁴, at every level: at most len/32 additions in a chain
/// of one lane, two to add up the chains, four for sixteen lanes, and two roundings of
/// each number before it is added.
pub(super) fn sum_error(len: usize) -> f64 {
    (len as f64 / 32.0).ceil() + 8.0
}
