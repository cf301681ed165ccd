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
use crate::activation::{Activation, ActivationVisitor, Elementwise};
use crate::error::{Error, check_length};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, map_with, zip_into};

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
    level.dispatch(Visit {
        activation,
        visitor: AddSlopes { saved, sums },
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
    level.dispatch(Visit {
        activation,
        visitor: Gradient {
            saved,
            norms,
            scale: 2.0 * scale,
            gradient,
        },
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

/// What to do with the activation as a type, at a level.
trait AtLevel {
    fn run<S: Simd, A: Elementwise>(self, s: S, activation: A);
}

struct Visit<V> {
    activation: Activation,
    visitor: V,
}

struct Typed<S, V>(S, V);

impl<V: AtLevel> Kernel for Visit<V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.activation.visit(Typed(s, self.visitor));
    }
}

impl<S: Simd, V: AtLevel> ActivationVisitor for Typed<S, V> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Elementwise>(self, activation: A) {
        self.1.run(self.0, activation);
    }
}

struct AddSlopes<'a> {
    saved: MatRef<'a, f32>,
    sums: &'a mut [f32],
}

impl AtLevel for AddSlopes<'_> {
    #[inline(always)]
    fn run<S: Simd, A: Elementwise>(self, s: S, activation: A) {
        for i in 0..self.saved.rows() {
            map_with(
                s,
                row(self.saved, i),
                self.sums,
                #[inline(always)]
                |saved, sum| {
                    let slope = activation.derivative(s, saved);
                    s.mul_add(slope, slope, sum)
                },
            );
        }
    }
}

struct Gradient<'a> {
    saved: MatRef<'a, f32>,
    norms: &'a [f32],
    scale: f32,
    gradient: MatMut<'a, f32>,
}

impl AtLevel for Gradient<'_> {
    #[inline(always)]
    fn run<S: Simd, A: Elementwise>(mut self, s: S, activation: A) {
        let scale = s.splat(self.scale);
        for i in 0..self.saved.rows() {
            zip_into(
                s,
                row(self.saved, i),
                self.norms,
                row_mut(&mut self.gradient, i),
                #[inline(always)]
                |saved, norm, _| {
                    let bend = activation.second_derivative(s, saved);
                    s.mul(s.mul(scale, norm), bend)
                },
            );
        }
    }
}
