//! Column sums: ∇b of a dense layer.

use super::{check_rows_contiguous, for_each_vector, load, store};
use crate::error::{Error, check_length};
use crate::level::Kernel;
use crate::mat::MatRef;
use crate::parallel::Context;
use crate::simd::Simd;

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
        let (from, stride) = (self.delta.as_ptr(), self.delta.row_stride());
        let sums = self.sums.as_mut_ptr();
        for i in 0..self.delta.rows() {
            for_each_vector(
                s,
                self.delta.cols(),
                #[inline(always)]
                |j, mask| {
                    // SAFETY: columns j .. of row i and of the sums exist, by
                    // mask; both have `cols` elements, as checked.
                    unsafe {
                        let row = load(s, from.add(i * stride + j), mask);
                        let sum = s.add(load(s, sums.add(j), mask), row);
                        store(s, sums.add(j), sum, mask);
                    }
                },
            );
        }
    }
}
