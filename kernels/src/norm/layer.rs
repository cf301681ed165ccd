//! [`LayerNorm`], forward.

use super::sums::{sum_error, sums};
use super::{
    BLOCK, ELEMENT_FLOPS, MAX_TASKS, check_features, copy_row, has_rows, task_rows, write_row,
};
use crate::error::{Error, check_length, check_shape};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::parallel::{Context, Parallelism, for_each_mut};
use crate::simd::{Simd, load_at, store_at};
use crate::workspace::with_buffer;

/// Layer normalisation (Ba, Kiros and Hinton 2016): of each row of x,
///
/// ```text
/// y = γ ⊙ x̂ + β,  x̂ = (x − mean)/√(variance + ε),
/// ```
///
/// with the mean and the biased variance (divided by the number of features) of that
/// row. ε is 1e-5 in PyTorch and 1e-3 in Keras.
///
/// Strides may be any. A row has the same bits alone, in any batch, and on any number
/// of threads. A row with a NaN or an infinity becomes NaN as a whole and leaves the
/// others alone. A finite row of which differences overflow f32 becomes NaN too; where
/// only their squares do, 1/√(variance + ε) is 0 and the row becomes β.
///
/// ```
/// use autoencoder_kernels::norm::LayerNorm;
/// use autoencoder_kernels::{Context, Mat};
///
/// let x = Mat::from_slice(2, 2, &[1.0, 3.0, 7.0, 7.0])?;
/// let mut y = Mat::zeros(2, 2);
/// LayerNorm {
///     x: x.as_ref(),
///     weight: &[1.0, 2.0],
///     bias: &[0.0, 0.5],
///     epsilon: 1e-12,
///     output: y.as_mut(),
///     statistics: None,
/// }
/// .run(Context::default())?;
/// assert_eq!(y.as_slice(), [-1.0, 2.5, 0.0, 0.5]);
/// # Ok::<(), autoencoder_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct LayerNorm<'a> {
    /// rows × features.
    pub x: MatRef<'a, f32>,
    /// γ, one a feature.
    pub weight: &'a [f32],
    /// β, one a feature.
    pub bias: &'a [f32],
    /// ε, positive and finite.
    pub epsilon: f32,
    /// rows × features; what it held is not read.
    pub output: MatMut<'a, f32>,
    /// rows × 2: the mean and 1/√(variance + ε) of each row, for the way back.
    pub statistics: Option<MatMut<'a, f32>>,
}

impl LayerNorm<'_> {
    /// The bound e with |error of y| ≤ e·(|γ|·(1 + |x̂|) + |β|), at every level, for
    /// finite x of at most 10¹⁵ and ε ≥ 10⁻³⁰.
    ///
    /// It grows by 2⁻²⁴ with each 16 features, as the roundings of a sum do in the worst
    /// case; typical errors are one or two of these units whatever the length.
    pub fn error_bound(features: usize) -> f64 {
        (2.0 * sum_error(features) + 8.0) * 2f64.powi(-24)
    }

    /// Normalises all rows.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Length`] where arguments do not fit x,
    /// [`Error::Parameter`] if ε is not positive and finite or there are no features.
    pub fn run(self, context: Context) -> Result<(), Error> {
        let (rows, features) = self.x.shape();
        check_features(features)?;
        check_length("weight", self.weight.len(), features)?;
        check_length("bias", self.bias.len(), features)?;
        check_shape("output", self.output.shape(), (rows, features))?;
        if let Some(statistics) = &self.statistics {
            check_shape("statistics", statistics.shape(), (rows, 2))?;
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Error::Parameter {
                name: "epsilon",
                given: self.epsilon.to_string(),
                expected: "positive and finite, such as 1e-5",
            });
        }
        let flops = rows.saturating_mul(features).saturating_mul(ELEMENT_FLOPS);
        let context = context.for_work(flops);
        if context.parallelism == Parallelism::Serial {
            self.run_rows(context.level);
            return Ok(());
        }
        let task_rows = task_rows((rows, features));
        let mut tasks: [Option<LayerNorm<'_>>; MAX_TASKS] = [const { None }; MAX_TASKS];
        let mut rest = Some(self);
        for task in &mut tasks {
            if let Some(all) = rest.take() {
                let (first, others) = all.split_at_row(task_rows);
                *task = Some(first);
                rest = others;
            }
        }
        let count = rows.div_ceil(task_rows).min(MAX_TASKS);
        for_each_mut(context.parallelism, &mut tasks[..count], |_, task| {
            if let Some(task) = task.take() {
                task.run_rows(context.level);
            }
        });
        Ok(())
    }

    /// All rows on this thread.
    fn run_rows(self, level: Level) {
        let in_rows = has_rows(self.x) && has_rows(self.output.as_ref());
        let room = if in_rows { 0 } else { self.x.cols() };
        with_buffer(2 * room, |buffer| {
            let copies = buffer.split_at_mut(room);
            level.dispatch(Rows { task: self, copies });
        });
    }
}

impl<'a> LayerNorm<'a> {
    /// The first rows, at most `row` of them, and the others.
    fn split_at_row(self, row: usize) -> (Self, Option<Self>) {
        let (rows, features) = self.x.shape();
        if rows <= row {
            return (self, None);
        }
        let (output, output_rest) = self.output.split_at_row(row);
        let (statistics, statistics_rest) = match self.statistics {
            Some(statistics) => {
                let (first, rest) = statistics.split_at_row(row);
                (Some(first), Some(rest))
            }
            None => (None, None),
        };
        let rest = LayerNorm {
            x: self.x.submatrix(row..rows, 0..features),
            output: output_rest,
            statistics: statistics_rest,
            ..self
        };
        let first = LayerNorm {
            x: self.x.submatrix(0..row, 0..features),
            output,
            statistics,
            ..self
        };
        (first, Some(rest))
    }
}

/// Rows of one task, with room for one of x and one of y whose elements are not
/// contiguous.
struct Rows<'a, 'b> {
    task: LayerNorm<'a>,
    copies: (&'b mut [f32], &'b mut [f32]),
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let LayerNorm {
            x,
            weight,
            bias,
            epsilon,
            mut output,
            mut statistics,
        } = self.task;
        let (x_copy, output_copy) = self.copies;
        let per_feature = 1.0 / x.cols() as f64;
        // There is room for one copy only.
        let block_rows = if x_copy.is_empty() { BLOCK } else { 1 };
        let mut moments = [Moments::default(); BLOCK];
        for first in (0..x.rows()).step_by(block_rows) {
            copy_row(x, first, x_copy);
            let moments = &mut moments[..block_rows.min(x.rows() - first)];
            for (i, moments) in (first..).zip(&mut *moments) {
                let row = x.row(i).unwrap_or(x_copy);
                moments.mean = mean(s, row, per_feature);
            }
            for (i, moments) in (first..).zip(&mut *moments) {
                let row = x.row(i).unwrap_or(x_copy);
                *moments = Moments::around(s, row, moments.mean, per_feature, epsilon);
            }
            for (i, moments) in (first..).zip(moments) {
                if let Some(statistics) = &mut statistics {
                    let mean = f64::from(moments.mean) + moments.residual;
                    statistics.set(i, 0, mean as f32);
                    statistics.set(i, 1, moments.scale);
                }
                let row = x.row(i).unwrap_or(x_copy);
                let normalise = Normalise::new(s, moments.mean, moments.residual, moments.scale);
                write_row(
                    &mut output,
                    i,
                    output_copy,
                    #[inline(always)]
                    |y| write(s, normalise, [row, weight, bias], y),
                );
            }
        }
    }
}

/// y = γ ⊙ x̂ + β of one row.
#[inline(always)]
fn write<S: Simd>(s: S, normalise: Normalise<S>, from: [&[f32]; 3], y: &mut [f32]) {
    let len = y.len();
    let [x, weight, bias] = from;
    let (x, weight, bias) = (&x[..len], &weight[..len], &bias[..len]);
    let mut at = 0;
    while at < len {
        let normalised = normalise.apply(s, load_at(s, x, at));
        let result = s.mul_add(load_at(s, weight, at), normalised, load_at(s, bias, at));
        store_at(s, y, at, result);
        at += S::LANES;
    }
}

/// The mean of a row, rounded: exactly its elements, if they are equal.
#[inline(always)]
fn mean<S: Simd>(s: S, x: &[f32], per_feature: f64) -> f32 {
    let first = x.first().copied().unwrap_or_default();
    let origin = s.splat(first);
    let [sum] = sums(
        s,
        [x],
        [first],
        #[inline(always)]
        |[sum], [x]| [s.add(sum, s.sub(x, origin))],
    );
    (f64::from(first) + sum * per_feature) as f32
}

/// What a row is normalised by.
#[derive(Clone, Copy, Default)]
struct Moments {
    /// The rounded mean.
    mean: f32,
    /// The exact mean is close to `mean + residual`.
    residual: f64,
    /// 1/√(variance + ε)
    scale: f32,
}

impl Moments {
    #[inline(always)]
    fn around<S: Simd>(s: S, x: &[f32], mean: f32, per_feature: f64, epsilon: f32) -> Self {
        let center = s.splat(mean);
        let [sum, squares] = sums(
            s,
            [x],
            [mean],
            #[inline(always)]
            |[sum, squares], [x]| {
                let centred = s.sub(x, center);
                [s.add(sum, centred), s.mul_add(centred, centred, squares)]
            },
        );
        let residual = sum * per_feature;
        let variance = squares * per_feature - residual * residual;
        // Rounding may leave a variance of nearly 0 below it; NaN stays.
        let variance = if variance < 0.0 { 0.0 } else { variance };
        Moments {
            mean,
            residual,
            scale: (1.0 / (variance + f64::from(epsilon)).sqrt()) as f32,
        }
    }
}

/// x̂ = ((x − mean) − residual)·scale, as (x − mean)·scale + shift.
#[derive(Clone, Copy)]
pub(super) struct Normalise<S: Simd> {
    mean: S::Vector,
    scale: S::Vector,
    shift: S::Vector,
}

impl<S: Simd> Normalise<S> {
    #[inline(always)]
    pub(super) fn new(s: S, mean: f32, residual: f64, scale: f32) -> Self {
        Normalise {
            mean: s.splat(mean),
            scale: s.splat(scale),
            shift: s.splat((-residual * f64::from(scale)) as f32),
        }
    }

    #[inline(always)]
    pub(super) fn apply(self, s: S, x: S::Vector) -> S::Vector {
        s.mul_add(s.sub(x, self.mean), self.scale, self.shift)
    }
}
