//! Column sums: ∇b of a dense layer.

use crate::error::{Error, check_length, check_rows_contiguous};
use crate::level::Kernel;
use crate::mat::MatRef;
use crate::parallel::Context;
use crate::simd::{Simd, map_with};

/// Adds the sum of each column of `delta` (rows × cols, rows contiguous) to
/// `sums` (cols elements), as a chain over the rows from first to last.
///
/// # Errors
/// [`Error::Length`] or [`Error::ColumnStride`].
pub fn column_sums(
    context: Context,
    delta: MatRef<'_, f32>,
    sums: &mut [f32],
) -> Result<(), Error> {
    check_length("sums", sums.len(), delta.cols())?;
    check_rows_contiguous("delta", delta.cols(), delta.col_stride())?;
    context.level.dispatch(ColumnSums { delta, sums });
    Ok(())
}

struct ColumnSums<'a> {
    delta: MatRef<'a, f32>,
    sums: &'a mut [f32],
}

impl Kernel for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for i in 0..self.delta.rows() {
            map_with(
                s,
                self.delta.row(i).unwrap_or_default(),
                self.sums,
                #[inline(always)]
                |row, sum| s.add(sum, row),
            );
        }
    }
}
