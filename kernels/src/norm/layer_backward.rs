//! [`LayerNormBackward`].

use super::layer::Normalise;
use super::sums::{sum_error, sums};
use super::{
    BLOCK, ELEMENT_FLOPS, MAX_TASKS, check_features, copy_row, has_rows, task_rows, write_row,
};
use crate::error::{Error, check_length, check_shape};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::parallel::{Context, Parallelism, for_each_mut};
use crate::simd::{Simd, load_at, map_with, store_at};
use crate::workspace::with_buffer;

/// The gradients of [`LayerNorm`](super::LayerNorm), with g = γ ⊙ δ and s = 1/√(variance + ε):
///
/// ```text
/// dx = (g − mean(g) − x̂·mean(g ⊙ x̂))·s,  dγ = Σ δ ⊙ x̂ and dβ = Σ δ over the rows
/// ```
///
/// Strides may be any. The sums over the rows are one chain from the first row to the
/// last for each feature, on one thread; dx alone spreads over threads. So no bit
/// depends on their number, and a row of dx has the same bits in any batch. x̂ is
/// computed from x again; the rounding of the mean in `statistics` is corrected by what
/// is left of it in x − mean.
///
/// A NaN in a row of x, δ or `statistics`, or an infinity in x, makes that row of dx
/// NaN; an infinity in δ leaves nothing finite in it. Other rows are not touched by
/// that, but dγ and dβ are sums over all rows.
#[derive(Debug)]
pub struct LayerNormBackward<'a> {
    /// rows × features, what the forward pass read.
    pub x: MatRef<'a, f32>,
    /// rows × 2, what it wrote.
    pub statistics: MatRef<'a, f32>,
    /// γ, one a feature.
    pub weight: &'a [f32],
    /// rows × features: the gradient of y.
    pub delta: MatRef<'a, f32>,
    /// rows × features: the gradient of x. What it held is not read.
    pub output: Option<MatMut<'a, f32>>,
    /// The gradient of γ is added to it.
    pub weight_gradient: Option<&'a mut [f32]>,
    /// The gradient of β is added to it.
    pub bias_gradient: Option<&'a mut [f32]>,
}

impl LayerNormBackward<'_> {
    /// The bound e, at every level, under the conditions of
    /// [`LayerNorm::error_bound`](super::LayerNorm::error_bound) and with the statistics
    /// that it wrote, of
    ///
    /// ```text
    /// |error of dx| ≤ e·s·(|g| + G·(1 + |x̂|)),  G = √mean(g²)
    /// |error of dγ| ≤ (e + rows·2⁻²³)·(|dγ before| + Σ |δ|·(1 + |x̂|))
    /// |error of dβ| ≤        rows·2⁻²⁴·(|dβ before| + Σ |δ|)
    /// ```
    pub fn error_bound(features: usize) -> f64 {
        (4.0 * sum_error(features) + 16.0) * 2f64.powi(-24)
    }

    /// Computes those gradients that are asked for.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Length`] where arguments do not fit x,
    /// [`Error::Parameter`] if there are no features.
    pub fn run(self, context: Context) -> Result<(), Error> {
        let (rows, features) = self.x.shape();
        check_features(features)?;
        check_shape("statistics", self.statistics.shape(), (rows, 2))?;
        check_length("weight", self.weight.len(), features)?;
        check_shape("delta", self.delta.shape(), (rows, features))?;
        if let Some(output) = &self.output {
            check_shape("output", output.shape(), (rows, features))?;
        }
        for (name, gradient) in [
            ("weight_gradient", &self.weight_gradient),
            ("bias_gradient", &self.bias_gradient),
        ] {
            if let Some(gradient) = gradient {
                check_length(name, gradient.len(), features)?;
            }
        }
        if self.weight_gradient.is_some() || self.bias_gradient.is_some() {
            self.run_rows(context.level);
            return Ok(());
        }
        let Some(output) = self.output else {
            return Ok(());
        };
        let flops = rows.saturating_mul(features).saturating_mul(ELEMENT_FLOPS);
        let context = context.for_work(flops);
        if context.parallelism == Parallelism::Serial {
            let task = LayerNormBackward {
                output: Some(output),
                ..self
            };
            task.run_rows(context.level);
            return Ok(());
        }
        let task_rows = task_rows((rows, features));
        let mut tasks: [Option<MatMut<'_, f32>>; MAX_TASKS] = [const { None }; MAX_TASKS];
        let mut rest = output;
        let count = rows.div_ceil(task_rows).min(MAX_TASKS);
        for task in &mut tasks[..count] {
            let (first, others) = {
                let row = task_rows.min(rest.rows());
                rest.split_at_row(row)
            };
            *task = Some(first);
            rest = others;
        }
        let (x, statistics, weight, delta) = (self.x, self.statistics, self.weight, self.delta);
        for_each_mut(context.parallelism, &mut tasks[..count], |i, task| {
            let output = task.take();
            let rows = i * task_rows..rows.min((i + 1) * task_rows);
            let task = LayerNormBackward {
                x: x.submatrix(rows.clone(), 0..features),
                statistics: statistics.submatrix(rows.clone(), 0..2),
                weight,
                delta: delta.submatrix(rows, 0..features),
                output,
                weight_gradient: None,
                bias_gradient: None,
            };
            task.run_rows(context.level);
        });
        Ok(())
    }

    /// All rows on this thread.
    fn run_rows(self, level: Level) {
        let features = self.x.cols();
        let output = self.output.as_ref().map(MatMut::as_ref);
        let mats = [Some(self.x), Some(self.delta), output];
        let in_rows = mats.into_iter().flatten().all(has_rows);
        let room = if in_rows { 0 } else { features };
        with_buffer(3 * room, |buffer| {
            let (x, others) = buffer.split_at_mut(room);
            let (delta, output) = others.split_at_mut(room);
            let copies = [x, delta, output];
            level.dispatch(Rows { task: self, copies });
        });
    }
}

/// Rows of one task, with room for one of x, of δ and of dx whose elements are not
/// contiguous.
struct Rows<'a, 'b> {
    task: LayerNormBackward<'a>,
    copies: [&'b mut [f32]; 3],
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut task = self.task;
        let [x_copy, delta_copy, output_copy] = self.copies;
        let (x, delta) = (task.x, task.delta);
        let per_feature = 1.0 / x.cols() as f64;
        // There is room for one copy only.
        let block_rows = if x_copy.is_empty() { BLOCK } else { 1 };
        let mut means = [Means::default(); BLOCK];
        for first in (0..x.rows()).step_by(block_rows) {
            copy_row(x, first, x_copy);
            copy_row(delta, first, delta_copy);
            let means = &mut means[..block_rows.min(x.rows() - first)];
            for (i, means) in (first..).zip(&mut *means) {
                let x = x.row(i).unwrap_or(x_copy);
                let delta = delta.row(i).unwrap_or(delta_copy);
                let statistics = (task.statistics.get(i, 0), task.statistics.get(i, 1));
                *means = Means::of(s, [x, task.weight, delta], statistics, per_feature);
            }
            for (i, means) in (first..).zip(&*means) {
                let x = x.row(i).unwrap_or(x_copy);
                let delta = delta.row(i).unwrap_or(delta_copy);
                let row = Row::new(s, [x, task.weight, delta], means);
                let weight_gradient = task.weight_gradient.as_deref_mut();
                match (&mut task.output, weight_gradient) {
                    (Some(output), Some(gradient)) => write_row(
                        output,
                        i,
                        output_copy,
                        #[inline(always)]
                        |dx| row.write_both(s, dx, gradient),
                    ),
                    (Some(output), None) => write_row(
                        output,
                        i,
                        output_copy,
                        #[inline(always)]
                        |dx| row.write(s, dx),
                    ),
                    (None, Some(gradient)) => row.add_weight_gradient(s, gradient),
                    (None, None) => {}
                }
                if let Some(gradient) = &mut task.bias_gradient {
                    map_with(
                        s,
                        delta,
                        gradient,
                        #[inline(always)]
                        |delta, sum| s.add(sum, delta),
                    );
                }
            }
        }
    }
}

/// What the gradients of a row need of all of it.
#[derive(Clone, Copy, Default)]
struct Means {
    /// The mean of x, rounded, and s, as given.
    statistics: (f32, f32),
    /// mean(x − the rounded mean)
    residual: f64,
    /// mean(g)
    mean: f32,
    /// mean(g ⊙ x̂)
    projection: f32,
}

impl Means {
    #[inline(always)]
    fn of<S: Simd>(s: S, row: [&[f32]; 3], statistics: (f32, f32), per_feature: f64) -> Self {
        let (mean, scale) = statistics;
        let center = s.splat(mean);
        let [residual, sum, product] = sums(
            s,
            row,
            [mean, 0.0, 0.0],
            #[inline(always)]
            |[residual, sum, product], [x, weight, delta]| {
                let centred = s.sub(x, center);
                let g = s.mul(weight, delta);
                [
                    s.add(residual, centred),
                    s.add(sum, g),
                    s.mul_add(g, centred, product),
                ]
            },
        );
        let residual = residual * per_feature;
        let projection = (product - residual * sum) * per_feature * f64::from(scale);
        Means {
            statistics,
            residual,
            mean: (sum * per_feature) as f32,
            projection: projection as f32,
        }
    }
}

/// One row, and its means in all lanes.
struct Row<'a, S: Simd> {
    x: &'a [f32],
    weight: &'a [f32],
    delta: &'a [f32],
    normalise: Normalise<S>,
    /// s = 1/√(variance + ε)
    scale: S::Vector,
    /// mean(g)
    mean: S::Vector,
    /// mean(g ⊙ x̂)
    projection: S::Vector,
}

impl<'a, S: Simd> Row<'a, S> {
    #[inline(always)]
    fn new(s: S, [x, weight, delta]: [&'a [f32]; 3], means: &Means) -> Self {
        let (mean, scale) = means.statistics;
        Row {
            x,
            weight,
            delta,
            normalise: Normalise::new(s, mean, means.residual, scale),
            scale: s.splat(scale),
            mean: s.splat(means.mean),
            projection: s.splat(means.projection),
        }
    }

    /// dx from vectors of g and x̂.
    #[inline(always)]
    fn gradient(&self, s: S, g: S::Vector, normalised: S::Vector) -> S::Vector {
        let rest = s.neg_mul_add(normalised, self.projection, s.sub(g, self.mean));
        s.mul(rest, self.scale)
    }

    #[inline(always)]
    fn write(&self, s: S, dx: &mut [f32]) {
        let len = dx.len();
        let (x, weight, delta) = (&self.x[..len], &self.weight[..len], &self.delta[..len]);
        let mut at = 0;
        while at < len {
            let normalised = self.normalise.apply(s, load_at(s, x, at));
            let g = s.mul(load_at(s, weight, at), load_at(s, delta, at));
            store_at(s, dx, at, self.gradient(s, g, normalised));
            at += S::LANES;
        }
    }

    #[inline(always)]
    fn write_both(&self, s: S, dx: &mut [f32], weight_gradient: &mut [f32]) {
        let len = dx.len();
        let (x, weight, delta) = (&self.x[..len], &self.weight[..len], &self.delta[..len]);
        let weight_gradient = &mut weight_gradient[..len];
        let mut at = 0;
        while at < len {
            let normalised = self.normalise.apply(s, load_at(s, x, at));
            let delta = load_at(s, delta, at);
            let g = s.mul(load_at(s, weight, at), delta);
            store_at(s, dx, at, self.gradient(s, g, normalised));
            let sum = s.mul_add(delta, normalised, load_at(s, weight_gradient, at));
            store_at(s, weight_gradient, at, sum);
            at += S::LANES;
        }
    }

    #[inline(always)]
    fn add_weight_gradient(&self, s: S, weight_gradient: &mut [f32]) {
        let len = weight_gradient.len();
        let (x, delta) = (&self.x[..len], &self.delta[..len]);
        let mut at = 0;
        while at < len {
            let normalised = self.normalise.apply(s, load_at(s, x, at));
            let sum = s.mul_add(
                load_at(s, delta, at),
                normalised,
                load_at(s, weight_gradient, at),
            );
            store_at(s, weight_gradient, at, sum);
            at += S::LANES;
        }
    }
}
