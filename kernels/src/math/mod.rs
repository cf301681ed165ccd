//! Vector maths: elementary functions over slices, with published error
//! bounds.
//!
//! | function | | bound in ULP |
//! |---|---|---|
//! | [`Function::Exp`] | eˣ | [`EXP_MAX_ULP`] |
//! | [`Function::Expm1`] | eˣ − 1 | [`EXPM1_MAX_ULP`] |
//! | [`Function::Log`] | ln x | [`LOG_MAX_ULP`] |
//! | [`Function::Log1p`] | ln(1 + x) | [`LOG1P_MAX_ULP`] |
//! | [`Function::Sigmoid`] | 1 / (1 + e⁻ˣ) | [`SIGMOID_MAX_ULP`] |
//! | [`Function::Tanh`] | | [`TANH_MAX_ULP`] |
//! | [`Function::Softplus`] | ln(1 + eˣ) | [`SOFTPLUS_MAX_ULP`] |
//! | [`Function::Erf`] | | [`ERF_MAX_ULP`] |
//! | [`Function::NormalCdf`] | ½·(1 + erf(x/√2)) | [`NORMAL_CDF_MAX_ULP`] |
//!
//! The bound holds for every `f32` and on every [`Level`]: the tests assert
//! these constants. An error of 1 ULP is the distance between the two `f32`
//! around the exact result; for a subnormal result that is 2⁻¹⁴⁹. Denormals
//! are never flushed, NaN gives NaN, ±∞ give the limit.
//!
//! Each function is written once, generic over the SIMD level, without
//! branches or tables, so that kernels inline it into their own loops.
//!
#![doc = include_str!("../../ACCURACY.md")]

mod erf;
mod exp;
mod log;
mod logistic;
mod polynomial;
mod turn;

pub use erf::{ERF_MAX_ULP, NORMAL_CDF_MAX_ULP};
pub use exp::{EXP_MAX_ULP, EXPM1_MAX_ULP};
pub use log::{LOG_MAX_ULP, LOG1P_MAX_ULP};
pub use logistic::{SIGMOID_MAX_ULP, SOFTPLUS_MAX_ULP, TANH_MAX_ULP};

pub(crate) use erf::{erf, normal, normal_cdf};
pub(crate) use exp::{exp, exp_of_non_positive, expm1};
pub(crate) use log::{log, log_of_positive, log1p};
pub(crate) use logistic::{sigmoid, sigmoid_each, softplus, tanh};
pub(crate) use turn::sin_cos_of_turn;

use crate::error::{Error, check_length};
use crate::level::{Kernel, Level};
use crate::simd::{Simd, map_into};

/// An elementary function of one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// eˣ
    Exp,
    /// eˣ − 1
    Expm1,
    /// Natural logarithm
    Log,
    /// ln(1 + x)
    Log1p,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
    /// ln(1 + eˣ)
    Softplus,
    /// Error function, 2/√π · ∫₀ˣ e^(−t²) dt
    Erf,
    /// Cumulative distribution of the standard normal, ½·(1 + erf(x/√2))
    NormalCdf,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 9] = [
        Function::Exp,
        Function::Expm1,
        Function::Log,
        Function::Log1p,
        Function::Sigmoid,
        Function::Tanh,
        Function::Softplus,
        Function::Erf,
        Function::NormalCdf,
    ];

    /// The error bound, in ULP.
    pub const fn max_ulp(self) -> f32 {
        match self {
            Function::Exp => EXP_MAX_ULP,
            Function::Expm1 => EXPM1_MAX_ULP,
            Function::Log => LOG_MAX_ULP,
            Function::Log1p => LOG1P_MAX_ULP,
            Function::Sigmoid => SIGMOID_MAX_ULP,
            Function::Tanh => TANH_MAX_ULP,
            Function::Softplus => SOFTPLUS_MAX_ULP,
            Function::Erf => ERF_MAX_ULP,
            Function::NormalCdf => NORMAL_CDF_MAX_ULP,
        }
    }

    /// `to[i] = f(from[i])` at the given level.
    ///
    /// # Errors
    /// The lengths differ.
    pub fn apply(self, level: Level, from: &[f32], to: &mut [f32]) -> Result<(), Error> {
        check_length("to", to.len(), from.len())?;
        level.dispatch(Apply {
            function: self,
            from,
            to,
        });
        Ok(())
    }
}

struct Apply<'a> {
    function: Function,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Apply { function, from, to } = self;
        match function {
            Function::Exp => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| exp(s, x),
            ),
            Function::Expm1 => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| expm1(s, x),
            ),
            Function::Log => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| log(s, x),
            ),
            Function::Log1p => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| log1p(s, x),
            ),
            Function::Sigmoid => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| sigmoid(s, x),
            ),
            Function::Tanh => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| tanh(s, x),
            ),
            Function::Softplus => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| softplus(s, x),
            ),
            Function::Erf => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| erf(s, x),
            ),
            Function::NormalCdf => map_into(
                s,
                from,
                to,
                #[inline(always)]
                |x| normal_cdf(s, x),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
