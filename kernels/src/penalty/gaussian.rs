//! A code that is a normal distribution with mean μ and log σ² for each
//! element (Kingma and Welling 2014, "Auto-encoding variational Bayes").
//!
//! ```text
//! z = μ + σ·ε, σ = e^(½·log σ²):  ∂z/∂μ = 1, ∂z/∂(log σ²) = ½·σ·ε
//! KL(N(μ, σ²) ‖ N(0, 1)) = ½·(μ² + σ² − 1 − log σ²)       (their appendix B)
//!                ∂/∂μ = μ, ∂/∂(log σ²) = ½·(σ² − 1)
//! ```

use super::{check, row, row_mut};
use crate::error::Error;
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::math::{exp, expm1};
use crate::simd::{Simd, map_into, map_with, zip, zip_into};

/// Σ KL(N(μ, σ²) ‖ N(0, 1)) over all elements, in nats.
///
/// # Errors
/// [`Error::Shape`] or [`Error::ColumnStride`].
pub fn kl_divergence(
    level: Level,
    mean: MatRef<'_, f32>,
    log_variance: MatRef<'_, f32>,
) -> Result<f64, Error> {
    check("mean", mean, mean.shape())?;
    check("log_variance", log_variance, mean.shape())?;
    Ok(level.dispatch(Divergence { mean, log_variance }))
}

/// `mean_gradient = scale · μ` and `log_variance_gradient = scale · ½·(σ² − 1)`.
///
/// # Errors
/// [`Error::Shape`] or [`Error::ColumnStride`].
pub fn kl_gradient(
    level: Level,
    mean: MatRef<'_, f32>,
    log_variance: MatRef<'_, f32>,
    scale: f32,
    mean_gradient: MatMut<'_, f32>,
    log_variance_gradient: MatMut<'_, f32>,
) -> Result<(), Error> {
    let shape = mean.shape();
    check("mean", mean, shape)?;
    check("log_variance", log_variance, shape)?;
    check("mean_gradient", mean_gradient.as_ref(), shape)?;
    check(
        "log_variance_gradient",
        log_variance_gradient.as_ref(),
        shape,
    )?;
    level.dispatch(DivergenceGradient {
        mean,
        log_variance,
        scale,
        mean_gradient,
        log_variance_gradient,
    });
    Ok(())
}

/// z = μ + σ·ε.
///
/// # Errors
/// [`Error::Shape`] or [`Error::ColumnStride`].
pub fn sample(
    level: Level,
    mean: MatRef<'_, f32>,
    log_variance: MatRef<'_, f32>,
    noise: MatRef<'_, f32>,
    z: MatMut<'_, f32>,
) -> Result<(), Error> {
    let shape = mean.shape();
    check("mean", mean, shape)?;
    check("log_variance", log_variance, shape)?;
    check("noise", noise, shape)?;
    check("z", z.as_ref(), shape)?;
    level.dispatch(Sample {
        with: mean,
        log_variance,
        noise,
        factor: 1.0,
        product: false,
        to: z,
    });
    Ok(())
}

/// `gradient = dz ⊙ ½·σ·ε`, the gradient with respect to log σ². That with
/// respect to μ is dz itself.
///
/// # Errors
/// [`Error::Shape`] or [`Error::ColumnStride`].
pub fn sample_gradient_log_variance(
    level: Level,
    dz: MatRef<'_, f32>,
    log_variance: MatRef<'_, f32>,
    noise: MatRef<'_, f32>,
    gradient: MatMut<'_, f32>,
) -> Result<(), Error> {
    let shape = dz.shape();
    check("dz", dz, shape)?;
    check("log_variance", log_variance, shape)?;
    check("noise", noise, shape)?;
    check("gradient", gradient.as_ref(), shape)?;
    level.dispatch(Sample {
        with: dz,
        log_variance,
        noise,
        factor: 0.5,
        product: true,
        to: gradient,
    });
    Ok(())
}

struct Divergence<'a> {
    mean: MatRef<'a, f32>,
    log_variance: MatRef<'a, f32>,
}

impl Kernel for Divergence<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let mut total = 0.0;
        for i in 0..self.mean.rows() {
            let mut sum = s.splat(0.0);
            zip(
                s,
                row(self.mean, i),
                row(self.log_variance, i),
                #[inline(always)]
                |mean, log_variance, _| {
                    // (σ² − 1) − log σ² does not cancel near σ = 1; lanes
                    // without an element add 0.
                    let spread = s.sub(expm1(s, log_variance), log_variance);
                    sum = s.add(sum, s.mul_add(mean, mean, spread));
                },
            );
            total += 0.5 * f64::from(s.reduce_add(sum));
        }
        total
    }
}

struct DivergenceGradient<'a> {
    mean: MatRef<'a, f32>,
    log_variance: MatRef<'a, f32>,
    scale: f32,
    mean_gradient: MatMut<'a, f32>,
    log_variance_gradient: MatMut<'a, f32>,
}

impl Kernel for DivergenceGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (scale, half_scale) = (s.splat(self.scale), s.splat(0.5 * self.scale));
        for i in 0..self.mean.rows() {
            map_into(
                s,
                row(self.mean, i),
                row_mut(&mut self.mean_gradient, i),
                #[inline(always)]
                |mean| s.mul(scale, mean),
            );
            map_into(
                s,
                row(self.log_variance, i),
                row_mut(&mut self.log_variance_gradient, i),
                #[inline(always)]
                |log_variance| s.mul(half_scale, expm1(s, log_variance)),
            );
        }
    }
}

/// `with + factor·σ·ε`, or `with ⊙ factor·σ·ε`.
struct Sample<'a> {
    with: MatRef<'a, f32>,
    log_variance: MatRef<'a, f32>,
    noise: MatRef<'a, f32>,
    factor: f32,
    product: bool,
    to: MatMut<'a, f32>,
}

impl Kernel for Sample<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (half, factor) = (s.splat(0.5), s.splat(self.factor));
        for i in 0..self.noise.rows() {
            let to = row_mut(&mut self.to, i);
            zip_into(
                s,
                row(self.log_variance, i),
                row(self.noise, i),
                to,
                #[inline(always)]
                |log_variance, noise, _| {
                    let deviation = exp(s, s.mul(half, log_variance));
                    s.mul(s.mul(factor, deviation), noise)
                },
            );
            map_with(
                s,
                row(self.with, i),
                to,
                #[inline(always)]
                |with, shift| {
                    if self.product {
                        s.mul(with, shift)
                    } else {
                        s.add(with, shift)
                    }
                },
            );
        }
    }
}
