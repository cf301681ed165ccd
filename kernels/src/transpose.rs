//! Transposed copies: Wᵀ for the gradient that a layer hands down.

use crate::error::{Error, check_shape};
use crate::mat::{Element, MatMut, MatRef};
use crate::parallel::{Context, Shared, for_each};

/// Side of the square that is copied at a time: 16 rows of 16 f32, 16 cache
/// lines to read and 16 to write.
const SIDE: usize = 16;

/// `to[j, i] = from[i, j]`, for any strides.
///
/// # Errors
/// [`Error::Shape`] unless `to` has the transposed shape.
pub fn transpose_into<T: Element>(
    context: Context,
    from: MatRef<'_, T>,
    mut to: MatMut<'_, T>,
) -> Result<(), Error> {
    let (rows, cols) = from.shape();
    check_shape("to", to.shape(), (cols, rows))?;
    // A copy moves 8 bytes an element; priced as eight operations.
    let context = context.for_work(rows * cols * 8);
    let (row_stride, col_stride) = (to.row_stride(), to.col_stride());
    let pointer = Shared::new(to.as_mut_ptr());
    for_each(context.parallelism, cols.div_ceil(SIDE), |strip| {
        let columns = strip * SIDE..cols.min((strip + 1) * SIDE);
        for top in (0..rows).step_by(SIDE) {
            for i in top..rows.min(top + SIDE) {
                for j in columns.clone() {
                    // SAFETY: (i, j) is in `from`, so (j, i) is in `to`, whose
                    // elements are distinct; a strip writes its own rows.
                    unsafe {
                        let to = pointer.get().add(j * row_stride + i * col_stride);
                        *to = from.get(i, j);
                    }
                }
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mat::Mat;

    #[test]
    fn every_element_changes_places() {
        for (rows, cols) in [(0, 3), (1, 1), (15, 17), (16, 32), (33, 50)] {
            let from = Mat::<f32>::from_fn(rows, cols, |i, j| (i * cols + j) as f32);
            let mut to = Mat::from_fn(cols, rows, |_, _| f32::NAN);
            transpose_into(Context::default(), from.as_ref(), to.as_mut()).unwrap();
            assert_eq!(to, from.transposed());
            assert!(
                transpose_into(
                    Context::default(),
                    from.as_ref(),
                    Mat::zeros(rows + 1, cols).as_mut()
                )
                .is_err()
            );
        }
    }
}
