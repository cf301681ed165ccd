//! Transposed copies; and the squares that packing is made of. (The Wᵀ of a net's
//! way back is packed at once: [`Panels`](crate::gemm::Panels).)

use crate::error::{Error, check_shape};
use crate::extent::Extent;
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::{Context, Shared, for_each};
use crate::simd::{Registers, SQUARE, Simd};
use crate::tuning;

/// Rows of `to` that one task writes.
const STRIP: usize = 32;

/// `to[j, i] = from[i, j]`, for any strides.
///
/// # Errors
/// [`Error::Shape`] unless `to` has the transposed shape.
pub fn transpose_into(
    context: Context,
    from: MatRef<'_, f32>,
    mut to: MatMut<'_, f32>,
) -> Result<(), Error> {
    let (rows, cols) = from.shape();
    check_shape("to", to.shape(), (cols, rows))?;
    if rows == 0 || cols == 0 {
        return Ok(());
    }
    if from.row_stride() == 1 && to.col_stride() == 1 || from.col_stride() != 1 {
        // Rows of `to` are neighbours in both, and copied as they are; or those
        // of `from` have gaps, which the kernel does not take.
        to.copy_from(from.transpose());
        return Ok(());
    }
    let context = context.for_work(rows * cols * tuning::TRANSPOSE_FLOPS);
    let level = context.level;
    level.dispatch(Transpose { from, to, context });
    Ok(())
}

struct Transpose<'a> {
    from: MatRef<'a, f32>,
    to: MatMut<'a, f32>,
    context: Context,
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (rows, cols) = self.from.shape();
        let strides = (self.to.row_stride() as isize, self.to.col_stride() as isize);
        let from_stride = self.from.row_stride() as isize;
        let from = Shared::new(self.from.as_ptr().cast_mut());
        let to = Shared::new(self.to.as_mut_ptr());
        let extents = (
            Extent::new(from.get(), (rows, cols), (from_stride, 1)),
            Extent::new(to.get(), (cols, rows), strides),
        );
        let strip = |strip: usize| {
            let first = strip * STRIP;
            let lines = STRIP.min(cols - first);
            s.vectorize(
                #[inline(always)]
                || {
                    // SAFETY: columns first .. first + lines of `from`, whose
                    // elements are neighbours, are rows of `to`, which nobody
                    // else writes.
                    unsafe {
                        let from = from.get().add(first);
                        let to = to.get().offset(first as isize * strides.0);
                        extents.0.check(from, (rows, lines), (from_stride, 1));
                        extents.1.check(to, (lines, rows), strides);
                        transpose_lines(s, from, from_stride, (rows, lines), to, strides);
                    }
                },
            );
        };
        for_each(self.context.parallelism, cols.div_ceil(STRIP), strip);
    }
}

/// `to[j·to_strides.0 + i·to_strides.1] = from[i·from_stride + j]` for
/// i < rows, j < cols.
///
/// # Safety
/// All these elements are readable and writable; they do not overlap.
#[inline(always)]
pub(crate) unsafe fn transpose_lines<T: Copy, S: Registers<T>>(
    s: S,
    from: *const T,
    from_stride: isize,
    (rows, cols): (usize, usize),
    to: *mut T,
    (to_row, to_col): (isize, isize),
) {
    if to_col == 1 && rows >= SQUARE && cols >= SQUARE {
        // Squares in registers. Those at the end overlap their neighbours and
        // write the same again.
        for i in starts(rows) {
            for j in starts(cols) {
                debug_assert!(i + SQUARE <= rows && j + SQUARE <= cols);
                // SAFETY: the square lies inside of both.
                unsafe {
                    s.transpose_square(
                        from.offset(i as isize * from_stride).add(j),
                        from_stride,
                        to.offset(j as isize * to_row).add(i),
                        to_row,
                    );
                }
            }
        }
        return;
    }
    for i in 0..rows {
        for j in 0..cols {
            // SAFETY: (i, j) is in range.
            unsafe {
                let x = from.offset(i as isize * from_stride).add(j).read();
                to.offset(j as isize * to_row + i as isize * to_col)
                    .write(x);
            }
        }
    }
}

/// Where squares begin that cover `count` rows, at least one square.
#[inline(always)]
fn starts(count: usize) -> impl Iterator<Item = usize> {
    (0..count)
        .step_by(SQUARE)
        .map(move |i| i.min(count - SQUARE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;
    use crate::mat::Mat;

    #[test]
    fn every_element_changes_places() {
        for &level in Level::available() {
            let context = Context::default().with_level(level);
            for (rows, cols) in [
                (0, 3),
                (0, 100),
                (100, 0),
                (1, 1),
                (7, 9),
                (8, 8),
                (12, 1024),
                (15, 17),
                (16, 32),
                (33, 50),
                (784, 37),
                (700, 600),
            ] {
                let from = Mat::<f32>::from_fn(rows, cols, |i, j| (i * cols + j) as f32);
                let want = Mat::from_fn(cols, rows, |j, i| (i * cols + j) as f32);
                let mut to = Mat::from_fn(cols, rows, |_, _| f32::NAN);
                transpose_into(context, from.as_ref(), to.as_mut()).unwrap();
                assert_eq!(to, want);
                // From a view that is itself transposed: a plain copy.
                let mut copy = Mat::from_fn(rows, cols, |_, _| f32::NAN);
                transpose_into(context, from.as_ref().transpose(), copy.as_mut()).unwrap();
                assert_eq!(copy, from);
                // Into a column-major view.
                let mut to = Mat::from_fn(rows, cols, |_, _| f32::NAN);
                transpose_into(context, from.as_ref(), to.as_mut().transpose()).unwrap();
                assert_eq!(to, from);
                let mut wrong = Mat::zeros(rows + 1, cols);
                assert!(transpose_into(context, from.as_ref(), wrong.as_mut()).is_err());
            }
        }
    }
}
