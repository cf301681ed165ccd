//! ‖J‖² of h = act(x·W + b), the squared Frobenius norm of ∂h/∂x (Rifai et al.
//! 2011, "Contractive auto-encoders", equation 7):
//!
//! ```text
//! ∂hⱼ/∂xᵢ = act′(zⱼ)·Wᵢⱼ, so ‖J‖² = Σⱼ act′(zⱼ)²·nⱼ with nⱼ = Σᵢ Wᵢⱼ²
//!
//! ∂‖J‖²/∂hⱼ  = 2·nⱼ·act″(zⱼ)            (times act′(zⱼ), as any gradient of h: that of zⱼ)
//! ∂‖J‖²/∂Wᵢⱼ = 2·act′(zⱼ)²·Wᵢⱼ         (beside what comes through zⱼ)
//! ```
//!
//! Summed over a minibatch, the second is W with a factor for each column, a
//! [`Decay`](crate::dense::Decay).

use super::{check, row, row_mut};
use crate::activation::{Activation, ActivationLoops};
use crate::error::{Error, check_length};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, map_with};

/// `norms[j] = Σᵢ Wᵢⱼ²`, as a chain over the rows from first to last.
///
/// # Errors
/// [`Error::Length`] or [`Error::ColumnStride`].
pub fn column_square_norms(
    level: Level,
    weight: MatRef<'_, f32>,
    norms: &mut [f32],
) -> Result<(), Error> {
    check("weight", weight, weight.shape())?;
    check_length("norms", norms.len(), weight.cols())?;
    norms.fill(0.0);
    level.dispatch(AddSquares { weight, norms });
    Ok(())
}

/// `sums[j] += Σ act′(zⱼ)²` over the rows, a chain from first to last. `saved`
/// is what the activation keeps for backward
/// ([`Activation::saves`]).
///
/// # Errors
/// [`Error::Length`] or [`Error::ColumnStride`], [`Error::Unsupported`] for
/// softmax.
pub fn add_squared_slopes(
    level: Level,
    activation: Activation,
    saved: MatRef<'_, f32>,
    sums: &mut [f32],
) -> Result<(), Error> {
    check_activation(activation)?;
    check("saved", saved, saved.shape())?;
    check_length("sums", sums.len(), saved.cols())?;
    activation.with_loops(level, &mut |activation| {
        level.dispatch(AddSquaredSlopes {
            activation,
            saved,
            sums: &mut *sums,
        });
    });
    Ok(())
}

/// `gradient = scale · 2·nⱼ·act″(zⱼ)`, the gradient with respect to h.
///
/// # Errors
/// As [`add_squared_slopes`], and [`Error::Shape`].
pub fn contractive_gradient(
    level: Level,
    activation: Activation,
    saved: MatRef<'_, f32>,
    norms: &[f32],
    scale: f32,
    gradient: MatMut<'_, f32>,
) -> Result<(), Error> {
    check_activation(activation)?;
    check("saved", saved, saved.shape())?;
    check("gradient", gradient.as_ref(), saved.shape())?;
    check_length("norms", norms.len(), saved.cols())?;
    let mut gradient = gradient;
    activation.with_loops(level, &mut |activation| {
        level.dispatch(Gradient {
            activation,
            saved,
            norms,
            scale: 2.0 * scale,
            gradient: gradient.as_mut(),
        });
    });
    Ok(())
}

fn check_activation(activation: Activation) -> Result<(), Error> {
    activation.check()?;
    if activation.is_elementwise() {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: format!("the contractive penalty of {activation}"),
        instead: "an activation of single elements, such as sigmoid",
    })
}

struct AddSquares<'a> {
    weight: MatRef<'a, f32>,
    norms: &'a mut [f32],
}

impl Kernel for AddSquares<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for i in 0..self.weight.rows() {
            map_with(
                s,
                row(self.weight, i),
                self.norms,
                #[inline(always)]
                |w, sum| s.mul_add(w, w, sum),
            );
        }
    }
}

/// Columns whose slopes are in L1 at once.
const BLOCK: usize = 512;

struct AddSquaredSlopes<'a> {
    activation: &'a dyn ActivationLoops,
    saved: MatRef<'a, f32>,
    sums: &'a mut [f32],
}

impl Kernel for AddSquaredSlopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut room = [0.0; BLOCK];
        for i in 0..self.saved.rows() {
            let saved = row(self.saved, i).chunks(BLOCK);
            for (saved, sums) in saved.zip(self.sums.chunks_mut(BLOCK)) {
                let slopes = &mut room[..saved.len()];
                slopes.fill(1.0);
                self.activation.backward(saved, slopes);
                map_with(
                    s,
                    slopes,
                    sums,
                    #[inline(always)]
                    |slope, sum| s.mul_add(slope, slope, sum),
                );
            }
        }
    }
}

struct Gradient<'a> {
    activation: &'a dyn ActivationLoops,
    saved: MatRef<'a, f32>,
    norms: &'a [f32],
    scale: f32,
    gradient: MatMut<'a, f32>,
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let scale = s.splat(self.scale);
        for i in 0..self.saved.rows() {
            let gradient = row_mut(&mut self.gradient, i);
            self.activation
                .second_derivative(row(self.saved, i), gradient);
            map_with(
                s,
                self.norms,
                gradient,
                #[inline(always)]
                |norm, bend| s.mul(s.mul(scale, norm), bend),
            );
        }
    }
}
