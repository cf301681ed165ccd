//! Σ|x|: a code is sparse where most of it is 0 (Olshausen and Field 1996).

use super::{check, row, row_mut};
use crate::error::Error;
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, fold, map_into};

/// Σ|x| over all elements.
///
/// # Errors
/// [`Error::ColumnStride`].
pub fn absolute_sum(level: Level, x: MatRef<'_, f32>) -> Result<f64, Error> {
    check("x", x, x.shape())?;
    Ok(level.dispatch(Sum { x }))
}

/// `gradient = scale · sign(x)`, 0 at 0.
///
/// # Errors
/// [`Error::Shape`] or [`Error::ColumnStride`].
pub fn absolute_gradient(
    level: Level,
    x: MatRef<'_, f32>,
    scale: f32,
    gradient: MatMut<'_, f32>,
) -> Result<(), Error> {
    check("x", x, x.shape())?;
    check("gradient", gradient.as_ref(), x.shape())?;
    level.dispatch(Gradient { x, scale, gradient });
    Ok(())
}

struct Sum<'a> {
    x: MatRef<'a, f32>,
}

impl Kernel for Sum<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let mut total = 0.0;
        for i in 0..self.x.rows() {
            let sum = fold(
                s,
                row(self.x, i),
                s.splat(0.0),
                0.0,
                #[inline(always)]
                |sum, x| s.add(sum, s.abs(x)),
            );
            total += f64::from(s.reduce_add(sum));
        }
        total
    }
}

struct Gradient<'a> {
    x: MatRef<'a, f32>,
    scale: f32,
    gradient: MatMut<'a, f32>,
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (zero, scale) = (s.splat(0.0), s.splat(self.scale));
        for i in 0..self.x.rows() {
            map_into(
                s,
                row(self.x, i),
                row_mut(&mut self.gradient, i),
                #[inline(always)]
                |x| {
                    let slope = s.copy_sign(scale, x);
                    s.select(s.less(zero, s.abs(x)), slope, s.mul(x, zero))
                },
            );
        }
    }
}
