//! What training adds to a loss: penalties on the activations of a layer, and
//! the two halves of a variational code.
//!
//! A row is a sample. Values are sums over the rows, in f32 lanes within a row
//! and in f64 over the rows; gradients are `scale` times the derivative of that
//! sum, and overwrite what they are written to. All rows must be contiguous.
//! Nothing is allocated.
//!
//! | file | what |
//! |---|---|
//! | `absolute.rs` | Σ\|x\|: the L1 penalty of a sparse code |
//! | `contractive.rs` | ‖J‖² of a dense layer, by columns |
//! | `gaussian.rs` | the KL divergence of N(μ, σ²) from N(0, 1); sampling, and its gradient |

mod absolute;
mod contractive;
mod gaussian;
#[cfg(test)]
mod tests;

pub use absolute::{absolute_gradient, absolute_sum};
pub use contractive::{add_squared_slopes, column_square_norms, contractive_gradient};
pub use gaussian::{kl_divergence, kl_gradient, sample, sample_gradient_log_variance};

use crate::error::{Error, check_rows_contiguous, check_shape};
use crate::mat::{MatMut, MatRef};

/// Fails unless the matrix has this shape and contiguous rows.
fn check(argument: &'static str, mat: MatRef<'_, f32>, shape: (usize, usize)) -> Result<(), Error> {
    check_shape(argument, mat.shape(), shape)?;
    check_rows_contiguous(argument, shape.1, mat.col_stride())
}

/// Row `i` of a matrix with contiguous rows.
fn row(mat: MatRef<'_, f32>, i: usize) -> &[f32] {
    mat.row(i).unwrap_or_default()
}

/// The same, to write.
fn row_mut<'a>(mat: &'a mut MatMut<'_, f32>, i: usize) -> &'a mut [f32] {
    mat.row_mut(i).unwrap_or_default()
}
