//! Normalisation: rows brought to mean 0 and variance 1, with learned scale and shift.
//!
//! | file | what |
//! |---|---|
//! | `layer.rs` | [`LayerNorm`]: each sample over its own features, fused forward |
//! | `layer_backward.rs` | [`LayerNormBackward`]: the gradients of x, γ and β, fused |
//! | `sums.rs` | sums over a row in an order that depends on its length alone |
//!
//! A row is read three times forwards (mean, variance, output) and twice backwards
//! (sums, output), of which all but the first time from the L1 cache for rows of up to
//! a few thousand features.
//!
//! # Accuracy
//! Means are those of differences: first from the row's first element, then from that
//! mean rounded to f32, whose own mean, the *residual*, is subtracted once more (the
//! corrected two-pass algorithm of Chan, Golub and LeVeque 1983, "Algorithms for
//! computing the sample variance"). So:
//! * a row of equal finite numbers is centred to exact zeros, whatever the rounding of
//!   n·x/n would be, and its output is exactly β;
//! * errors are relative to the deviations of a row, not to its mean: numbers near 10⁴
//!   with a deviation of 1 are normalised as precisely as those near 0.
//!
//! The bounds are [`LayerNorm::error_bound`] and [`LayerNormBackward::error_bound`].

mod layer;
mod layer_backward;
mod sums;

pub use layer::LayerNorm;
pub use layer_backward::LayerNormBackward;

use crate::error::Error;
use crate::mat::{MatMut, MatRef};

/// The price of an element in floating-point operations, for the decision whether
/// threads pay: at AVX2 an element takes 0.3 ns, in which a product has some twenty
/// operations.
const ELEMENT_FLOPS: usize = 20;

/// Tasks of rows in one parallel region, at most.
const MAX_TASKS: usize = 32;

/// Elements of one task, at least.
const TASK_ELEMENTS: usize = 16 << 10;

/// Rows of one task. Depends on the shape alone.
fn task_rows((rows, features): (usize, usize)) -> usize {
    let enough = TASK_ELEMENTS.div_ceil(features.max(1));
    rows.div_ceil(MAX_TASKS).max(enough)
}

/// Fails without features: they have no mean.
fn check_features(features: usize) -> Result<(), Error> {
    if features > 0 {
        return Ok(());
    }
    Err(Error::Parameter {
        name: "the number of features",
        given: "0".into(),
        expected: "at least 1: a row without elements has no mean",
    })
}

/// Rows that pass through each step together: the CPU works on the next row while the
/// last sums of one, a chain of some 60 cycles, are on their way. (256×128 forwards
/// takes 0.7 of the time of single rows.)
const BLOCK: usize = 4;

/// Copies row `i` to `copy` if its elements are not contiguous.
#[inline(always)]
fn copy_row(mat: MatRef<'_, f32>, i: usize, copy: &mut [f32]) {
    if mat.row(i).is_none() {
        for (j, to) in copy.iter_mut().enumerate() {
            *to = mat.get(i, j);
        }
    }
}

/// Calls `write` with row `i`, or, if its elements are not contiguous, with `copy`,
/// which is stored afterwards.
#[inline(always)]
fn write_row(
    mat: &mut MatMut<'_, f32>,
    i: usize,
    copy: &mut [f32],
    write: impl FnOnce(&mut [f32]),
) {
    if let Some(row) = mat.row_mut(i) {
        return write(row);
    }
    write(copy);
    for (j, &value) in copy.iter().enumerate() {
        mat.set(i, j, value);
    }
}

/// Whether the rows are contiguous.
fn has_rows(mat: MatRef<'_, f32>) -> bool {
    mat.col_stride() == 1 || mat.cols() <= 1
}
