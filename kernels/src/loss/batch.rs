//! Losses of whole batches: a row is a sample, a column a feature.
//!
//! Rows are summed one by one, in f32 lanes within a row and in f64 over the
//! rows. The result depends on the shape and the level alone, not on strides.

use std::ops::Range;

use super::Loss;
use super::elementwise::{ElementwiseLoss, LossVisitor};
use crate::error::{Error, check_length, check_shape};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::simd::{self, Simd};

/// The sum over the samples of their losses, and the gradient.
///
/// `prediction` and `target` have one sample a row. If `gradient` is given, of
/// the same shape, it receives `scale` times the derivative of that sum with
/// respect to the prediction; pass 1/rows for the gradient of the batch mean.
/// What it held is not read. Strides may be any; nothing is allocated.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ, [`Error::Parameter`] as
/// [`Loss::check`] does. Targets are not looked at: see [`check_targets`].
pub fn value_and_gradient(
    level: Level,
    loss: Loss,
    prediction: MatRef<'_, f32>,
    target: MatRef<'_, f32>,
    gradient: Option<MatMut<'_, f32>>,
    scale: f32,
) -> Result<f64, Error> {
    let mut sum = 0.0;
    run(
        level,
        loss,
        prediction,
        target,
        gradient,
        scale,
        |_, value| {
            sum += value;
        },
    )?;
    Ok(sum)
}

/// The loss of each sample: `out[i]` is that of row `i`.
///
/// # Errors
/// As [`value_and_gradient`], and [`Error::Length`] unless `out` has one
/// element for each row.
pub fn per_sample(
    level: Level,
    loss: Loss,
    prediction: MatRef<'_, f32>,
    target: MatRef<'_, f32>,
    out: &mut [f32],
) -> Result<(), Error> {
    check_length("out", out.len(), prediction.rows())?;
    run(level, loss, prediction, target, None, 1.0, |row, value| {
        out[row] = value as f32;
    })
}

/// Whether every target is one that the loss is defined for: in [0, 1] and not
/// NaN if [`Loss::requires_unit_targets`], anything otherwise.
///
/// # Errors
/// [`Error::Target`] with the first offender, in the order of rows.
pub fn check_targets(level: Level, loss: Loss, target: MatRef<'_, f32>) -> Result<(), Error> {
    if !loss.requires_unit_targets() {
        return Ok(());
    }
    for row in 0..target.rows() {
        if let Some(slice) = target.row(row)
            && level.dispatch(InUnitInterval(slice))
        {
            continue;
        }
        for col in 0..target.cols() {
            let value = target.get(row, col);
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Target {
                    row,
                    col,
                    given: value.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Whether all elements are in [0, 1].
struct InUnitInterval<'a>(&'a [f32]);

impl Kernel for InUnitInterval<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> bool {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let good = simd::fold(
            s,
            self.0,
            one,
            0.0,
            #[inline(always)]
            |good, x| {
                // Comparisons with NaN are false.
                let good = s.select(s.less_equal(zero, x), good, zero);
                s.select(s.less_equal(x, one), good, zero)
            },
        );
        !s.any(s.less(good, one))
    }
}

/// Checks, then calls `each_row(i, loss of sample i)` for each row.
fn run(
    level: Level,
    loss: Loss,
    prediction: MatRef<'_, f32>,
    target: MatRef<'_, f32>,
    gradient: Option<MatMut<'_, f32>>,
    scale: f32,
    each_row: impl FnMut(usize, f64),
) -> Result<(), Error> {
    loss.check()?;
    check_shape("target", target.shape(), prediction.shape())?;
    if let Some(gradient) = &gradient {
        check_shape("gradient", gradient.shape(), prediction.shape())?;
    }
    let feature_scale = loss.feature_scale(prediction.cols());
    loss.visit(Batch {
        level,
        prediction,
        target,
        gradient,
        gradient_scale: scale * feature_scale,
        feature_scale: f64::from(feature_scale),
        each_row,
    });
    Ok(())
}

/// The arguments of [`run`]; the shapes agree.
struct Batch<'a, F> {
    level: Level,
    prediction: MatRef<'a, f32>,
    target: MatRef<'a, f32>,
    gradient: Option<MatMut<'a, f32>>,
    gradient_scale: f32,
    feature_scale: f64,
    each_row: F,
}

/// A batch with its loss as a type.
struct Typed<'a, F, L> {
    loss: L,
    batch: Batch<'a, F>,
}

impl<F: FnMut(usize, f64)> LossVisitor for Batch<'_, F> {
    type Output = ();

    fn visit<L: ElementwiseLoss>(self, loss: L) {
        let level = self.level;
        level.dispatch(Typed { loss, batch: self });
    }
}

/// Columns that are worked on at once: a multiple of every level's lanes, few
/// enough for the stack, and fewer vectors than any loss can add unflushed.
const BLOCK: usize = 512;

impl<F: FnMut(usize, f64), L: ElementwiseLoss> Kernel for Typed<'_, F, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const {
            assert!(BLOCK.is_multiple_of(S::LANES) && BLOCK / S::LANES <= L::ADDS_BEFORE_FLUSH);
        }
        let Typed { loss, mut batch } = self;
        let (rows, cols) = batch.prediction.shape();
        // For rows whose elements are no neighbours.
        let mut prediction_copy = [0.0; BLOCK];
        let mut target_copy = [0.0; BLOCK];
        let mut gradient_copy = [0.0; BLOCK];
        for row in 0..rows {
            let mut sum = loss.start(s);
            for start in (0..cols).step_by(BLOCK) {
                let columns = start..cols.min(start + BLOCK);
                let prediction = block(batch.prediction, row, &columns, &mut prediction_copy);
                let target = block(batch.target, row, &columns, &mut target_copy);
                let scale = batch.gradient_scale;
                if let Some(mat) = &mut batch.gradient {
                    if let Some(gradient) = mat.row_mut(row) {
                        let gradient = &mut gradient[columns];
                        add_block(s, loss, &mut sum, prediction, target, gradient, scale);
                    } else {
                        let gradient = &mut gradient_copy[..columns.len()];
                        add_block(s, loss, &mut sum, prediction, target, gradient, scale);
                        for (col, &value) in columns.zip(&*gradient) {
                            mat.set(row, col, value);
                        }
                    }
                } else {
                    simd::zip(
                        s,
                        prediction,
                        target,
                        #[inline(always)]
                        |y, t, valid| {
                            loss.add(s, &mut sum, y, t, valid);
                        },
                    );
                }
                loss.flush(s, &mut sum);
            }
            let value = s.reduce_add(loss.total(s, sum));
            (batch.each_row)(row, f64::from(value) * batch.feature_scale);
        }
    }
}

/// Adds a block's values to the sum and writes its scaled derivatives.
#[inline(always)]
fn add_block<S: Simd, L: ElementwiseLoss>(
    s: S,
    loss: L,
    sum: &mut L::Sum<S>,
    prediction: &[f32],
    target: &[f32],
    gradient: &mut [f32],
    scale: f32,
) {
    let scale = s.splat(scale);
    simd::zip_into(
        s,
        prediction,
        target,
        gradient,
        #[inline(always)]
        |y, t, valid| s.mul(loss.add(s, sum, y, t, valid), scale),
    );
}

/// The given columns of the row, copied only if they are no
/// neighbours.
#[inline(always)]
fn block<'a>(
    mat: MatRef<'a, f32>,
    row: usize,
    columns: &Range<usize>,
    copy: &'a mut [f32; BLOCK],
) -> &'a [f32] {
    if let Some(slice) = mat.row(row) {
        return &slice[columns.clone()];
    }
    for (to, col) in copy.iter_mut().zip(columns.clone()) {
        *to = mat.get(row, col);
    }
    &copy[..columns.len()]
}
