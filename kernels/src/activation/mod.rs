//! Activation functions: what a layer applies to its pre-activations z.
//!
//! [`Activation`] is the runtime value. [`Elementwise`] is the same thing as a
//! type: kernels get it through [`Activation::visit`], once per call, and
//! inline `apply` and `derivative` into their loops.
//!
//! Backward needs act′(z), and each activation declares what it computes that
//! from ([`Saves`]): nearly all from their output y, which the next layer keeps
//! anyway; gelu and silu, which are not monotonic, from z.
//!
//! To add one: a file with a type that implements [`Elementwise`], a variant of
//! [`Activation`] with its line in `ALL` and in `visit`, its name in `name.rs`,
//! its formula in `reference/activation.rs`. The compiler asks for all but the
//! line in `ALL`; the tests loop over that.

mod gelu;
mod kernel;
mod linear;
mod logistic;
mod name;
pub(crate) mod softmax;

#[cfg(test)]
mod tests;

pub use kernel::{backward, forward, forward_in_place};

use crate::error::Error;
use crate::simd::Simd;

/// An activation function.
///
/// As text (`Display`, `FromStr`) it is its name, with the parameter after a
/// colon: `relu`, `leaky_relu:0.2`. A parameter left out has its default.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// z
    Identity,
    /// max(z, 0); its derivative at 0 is 0. (Nair and Hinton 2010)
    Relu,
    /// z for z > 0, `slope`·z elsewhere. (Maas et al. 2013)
    LeakyRelu {
        /// Finite and ≥ 0, so that y tells the sign of z.
        slope: f32,
    },
    /// z for z > 0, `alpha`·(eᶻ − 1) elsewhere. (Clevert et al. 2016)
    Elu {
        /// Finite and ≥ 0, so that y tells the sign of z.
        alpha: f32,
    },
    /// λ·elu(z, α) with the self-normalising λ = 1.0507 and α = 1.6733.
    /// (Klambauer et al. 2017)
    Selu,
    /// 1 / (1 + e⁻ᶻ)
    Sigmoid,
    /// tanh z
    Tanh,
    /// ln(1 + eᶻ)
    Softplus,
    /// z·Φ(z) with the normal distribution's Φ. (Hendrycks and Gimpel 2016)
    Gelu,
    /// gelu's approximation ½·z·(1 + tanh(√(2/π)·(z + 0.044715·z³)))
    GeluTanh,
    /// z·sigmoid(z), also called swish. (Elfwing et al. 2018)
    Silu,
    /// e^zᵢ / Σⱼ e^zⱼ over each row
    Softmax,
}

/// What an activation keeps from forward for backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Saves {
    /// Its output y.
    Output,
    /// Its input z, the pre-activation.
    Input,
}

impl Activation {
    /// Every activation, with the usual parameters (`slope` 0.01, `alpha` 1).
    pub const ALL: [Activation; 12] = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Elu { alpha: 1.0 },
        Activation::Selu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Softplus,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Softmax,
    ];

    /// 2⁻¹¹⁹; see [`Activation::max_ulp`].
    pub const SMALL: f32 = f32::from_bits((127 - 119) << 23);

    /// Calls `visitor` with the activation as a type. Softmax comes as
    /// [`Identity`](linear::Identity): it needs a whole row, so its callers run
    /// [`softmax`] over the rows in a pass of its own.
    #[inline(always)]
    pub(crate) fn visit<V: ActivationVisitor>(self, visitor: V) -> V::Output {
        match self {
            Activation::Identity | Activation::Softmax => visitor.visit(linear::Identity),
            Activation::Relu => visitor.visit(linear::Relu),
            Activation::LeakyRelu { slope } => visitor.visit(linear::LeakyRelu { slope }),
            Activation::Elu { alpha } => visitor.visit(linear::Elu { alpha }),
            Activation::Selu => visitor.visit(linear::Selu),
            Activation::Sigmoid => visitor.visit(logistic::Sigmoid),
            Activation::Tanh => visitor.visit(logistic::Tanh),
            Activation::Softplus => visitor.visit(logistic::Softplus),
            Activation::Gelu => visitor.visit(gelu::Gelu),
            Activation::GeluTanh => visitor.visit(gelu::GeluTanh),
            Activation::Silu => visitor.visit(logistic::Silu),
        }
    }

    /// What [`backward`] wants as `saved`.
    pub fn saves(self) -> Saves {
        struct Get;
        impl ActivationVisitor for Get {
            type Output = Saves;
            fn visit<A: Elementwise>(self, _: A) -> Saves {
                A::SAVES
            }
        }
        self.visit(Get)
    }

    /// Error bound of the activation in ULP, on every level and for every
    /// `f32`; [`math`](crate::math) has a table of the largest errors that
    /// there are. Gelu, its tanh form and silu multiply a number that may be
    /// subnormal by z: where their result is smaller than
    /// [`Activation::SMALL`], the unit is the spacing there, 2⁻¹⁴². `None` for
    /// softmax, whose results depend on a whole row.
    pub fn max_ulp(self) -> Option<f32> {
        struct Get;
        impl ActivationVisitor for Get {
            type Output = f32;
            fn visit<A: Elementwise>(self, _: A) -> f32 {
                A::MAX_ULP
            }
        }
        self.is_elementwise().then(|| self.visit(Get))
    }

    /// Error bound of act′, from exactly what [`Activation::saves`] says, in
    /// ULP of act′ or of 1, whichever is larger. `None` for softmax.
    pub fn derivative_max_ulp(self) -> Option<f32> {
        struct Get;
        impl ActivationVisitor for Get {
            type Output = f32;
            fn visit<A: Elementwise>(self, _: A) -> f32 {
                A::DERIVATIVE_MAX_ULP
            }
        }
        self.is_elementwise().then(|| self.visit(Get))
    }

    /// The z where the derivative jumps: there a finite difference says
    /// nothing.
    pub fn kinks(self) -> &'static [f32] {
        struct Get;
        impl ActivationVisitor for Get {
            type Output = &'static [f32];
            fn visit<A: Elementwise>(self, activation: A) -> &'static [f32] {
                activation.kinks()
            }
        }
        self.visit(Get)
    }

    /// Whether yᵢ depends on zᵢ alone; false for softmax.
    pub fn is_elementwise(self) -> bool {
        self != Activation::Softmax
    }

    /// Fails if a parameter is out of range.
    ///
    /// # Errors
    /// `slope` or `alpha` is negative, infinite or NaN.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Activation::LeakyRelu { slope } => check_parameter("slope", slope),
            Activation::Elu { alpha } => check_parameter("alpha", alpha),
            _ => Ok(()),
        }
    }
}

fn check_parameter(name: &'static str, value: f32) -> Result<(), Error> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::Parameter {
            name,
            given: value.to_string(),
            expected: "a finite number ≥ 0",
        })
    }
}

/// An activation of single elements, as a type.
pub(crate) trait Elementwise: Copy + Send + Sync + 'static {
    /// What [`Self::derivative`] takes.
    const SAVES: Saves;
    /// See [`Activation::max_ulp`].
    const MAX_ULP: f32;
    /// See [`Activation::derivative_max_ulp`].
    const DERIVATIVE_MAX_ULP: f32;
    /// Whether `apply` returns its argument, so that callers can skip passes.
    const IS_IDENTITY: bool = false;
    /// Whether a loss is compiled into one pass with it: for activations that
    /// usual output layers have. Each costs a function per loss and level.
    const FUSES_WITH_LOSS: bool = false;

    /// Whether `apply` is no more than two operations: taken row by row, it waits
    /// for memory alone.
    const IS_SHORT: bool = false;

    /// act(z). NaN gives NaN, ±∞ the limit.
    fn apply<S: Simd>(self, s: S, z: S::Vector) -> S::Vector;

    /// [`Self::apply`] to each, to the last bit. One that is a long chain of
    /// operations makes each of them for all vectors before the next.
    #[inline(always)]
    fn apply_each<S: Simd, const N: usize>(self, s: S, mut z: [S::Vector; N]) -> [S::Vector; N] {
        for z in &mut z {
            *z = self.apply(s, *z);
        }
        z
    }

    /// act′(z), computed from what [`Self::SAVES`] says.
    fn derivative<S: Simd>(self, s: S, saved: S::Vector) -> S::Vector;

    /// act″(z), computed from what [`Self::SAVES`] says; at a kink, that of
    /// one side.
    fn second_derivative<S: Simd>(self, s: S, saved: S::Vector) -> S::Vector;

    /// See [`Activation::kinks`].
    fn kinks(self) -> &'static [f32] {
        &[]
    }
}

/// What to do with an activation once it is a type; see
/// [`Activation::visit`].
pub(crate) trait ActivationVisitor {
    /// What the visit returns.
    type Output;

    /// Called once. Mark it `#[inline(always)]` inside of kernels.
    fn visit<A: Elementwise>(self, activation: A) -> Self::Output;
}
