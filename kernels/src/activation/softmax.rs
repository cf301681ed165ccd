//! Softmax over a row: the one activation that is not elementwise.

use crate::math::exp_of_non_positive;
use crate::simd::{Simd, fold, map_in_place, map_with, zip};

/// `row[i] = e^(row[i] − m) / Σⱼ e^(row[j] − m)` with the row's largest
/// element m, so that nothing overflows. One NaN makes the whole row NaN, and
/// so does an ∞; a −∞ gives 0 unless all are.
#[inline(always)]
pub(crate) fn forward_row<S: Simd>(s: S, row: &mut [f32]) {
    let lowest = s.splat(f32::NEG_INFINITY);
    let largest = fold(
        s,
        row,
        lowest,
        f32::NEG_INFINITY,
        #[inline(always)]
        |m, z| s.max(z, m),
    );
    let largest = s.splat(s.reduce_max(largest));
    map_in_place(
        s,
        row,
        #[inline(always)]
        |z| exp_of_non_positive(s, s.sub(z, largest)),
    );
    let sum = fold(
        s,
        row,
        s.splat(0.0),
        0.0,
        #[inline(always)]
        |sum, e| s.add(sum, e),
    );
    let sum = s.splat(s.reduce_add(sum));
    map_in_place(
        s,
        row,
        #[inline(always)]
        |e| s.div(e, sum),
    );
}

/// δ = y ⊙ (dy − Σⱼ dyⱼ·yⱼ), in place of dy.
#[inline(always)]
pub(crate) fn backward_row<S: Simd>(s: S, y: &[f32], dy_to_delta: &mut [f32]) {
    let mut dot = s.splat(0.0);
    zip(
        s,
        y,
        dy_to_delta,
        #[inline(always)]
        |y, dy, _| dot = s.mul_add(y, dy, dot),
    );
    let dot = s.splat(s.reduce_add(dot));
    map_with(
        s,
        y,
        dy_to_delta,
        #[inline(always)]
        |y, dy| s.mul(y, s.sub(dy, dot)),
    );
}
