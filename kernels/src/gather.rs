//! Rows of a matrix in any order, such as the samples of a shuffled minibatch.

use crate::error::{Error, check_rows_contiguous, check_shape};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, map_into};

/// Writes the rows `indices` of `from`, in that order, to the rows of `to`.
///
/// For rows of a few elements this takes half the time of a copy of each,
/// which is a call of `memcpy`.
///
/// # Errors
/// [`Error::Shape`] unless `to` has a row for each index and the columns of
/// `from`; [`Error::ColumnStride`] if rows are not contiguous;
/// [`Error::Parameter`] for a row that does not exist.
pub fn gather_rows(
    level: Level,
    from: MatRef<'_, f32>,
    indices: &[usize],
    to: MatMut<'_, f32>,
) -> Result<(), Error> {
    check_shape("to", to.shape(), (indices.len(), from.cols()))?;
    if let Some(&row) = indices.iter().find(|&&row| row >= from.rows()) {
        return Err(Error::Parameter {
            name: "the number of a row",
            given: row.to_string(),
            expected: "one of the matrix's rows",
        });
    }
    for (argument, given) in [("from", from.col_stride()), ("to", to.col_stride())] {
        check_rows_contiguous(argument, from.cols(), given)?;
    }
    level.dispatch(Gather { from, indices, to });
    Ok(())
}

/// The checked arguments.
struct Gather<'a> {
    from: MatRef<'a, f32>,
    indices: &'a [usize],
    to: MatMut<'a, f32>,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for (i, &row) in self.indices.iter().enumerate() {
            if let (Some(from), Some(to)) = (self.from.row(row), self.to.row_mut(i)) {
                map_into(
                    s,
                    from,
                    to,
                    #[inline(always)]
                    |x| x,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mat::Mat;

    #[test]
    fn rows_arrive_in_the_order_asked_for_and_nothing_else_is_written() {
        for &level in Level::available() {
            for cols in [1, 2, 7, 8, 15, 16, 17, 33] {
                let from = Mat::from_fn(9, cols + 2, |i, j| (100 * i + j) as f32);
                let from = from.as_ref().submatrix(0..9, 1..cols + 1);
                let indices = [8, 0, 3, 3, 5];
                let mut to = Mat::from_fn(7, cols + 3, |_, _| f32::NAN);
                let inner = to.as_mut().submatrix(1..6, 2..cols + 2);
                gather_rows(level, from, &indices, inner).unwrap();
                for i in 0..7 {
                    for j in 0..cols + 3 {
                        let inside = (1..6).contains(&i) && (2..cols + 2).contains(&j);
                        let got = to.as_ref().get(i, j);
                        if inside {
                            assert_eq!(got, from.get(indices[i - 1], j - 2));
                        } else {
                            assert!(got.is_nan(), "{level}: ({i}, {j}) of {cols} columns");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let level = Level::current();
        let from = Mat::zeros(3, 4);
        let mut to = Mat::zeros(2, 4);
        let mut gather = |indices: &[usize]| {
            let result = gather_rows(level, from.as_ref(), indices, to.as_mut());
            result.map_err(|error| error.to_string())
        };
        assert!(gather(&[0, 2]).is_ok());
        assert!(gather(&[0, 3]).unwrap_err().contains('3'));
        assert!(gather(&[0]).is_err());
        let mut narrow = Mat::zeros(2, 3);
        assert!(gather_rows(level, from.as_ref(), &[0, 1], narrow.as_mut()).is_err());
        let turned = Mat::zeros(4, 3);
        let turned = turned.as_ref().transpose();
        assert!(gather_rows(level, turned, &[0, 1], to.as_mut()).is_err());
    }
}
