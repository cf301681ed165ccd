//! Optimisers: how a gradient changes a weight, element by element, and the
//! kernel that runs it over an array.
//!
//! | file | what |
//! |---|---|
//! | `elementwise.rs` | what an optimiser is to a kernel: a new weight from the old one, its gradient and its state, on registers |
//! | `sgd.rs`, `adam.rs`, `adadelta.rs`, `rmsprop.rs` | one family each |
//! | `presets.rs` | the frameworks' usual parameters: [`Optimizer::adam_keras`], … |
//! | `name.rs` | names: `"adam"`, `"sgd-nesterov:0.9"`, `"adadelta-keras2"`, … |
//! | `update.rs` | [`update()`], [`OptimizerState`] |
//!
//! Frameworks disagree about details that move results; [`Convention`] says
//! whose are meant. Scalars that are the same for all weights, such as bias
//! corrections, are computed once per step and in f64: `1 − β₂` with `β₂` in
//! f32 would be off by 1e-5.
//!
//! To add an optimiser: a file with its [`ElementwiseUpdate`], a variant of
//! [`Optimizer`], its line in each `match` of this file and of `name.rs`, and
//! its formula in `reference/optimizer.rs`.

mod adadelta;
mod adam;
mod elementwise;
mod name;
mod presets;
mod rmsprop;
mod sgd;
#[cfg(test)]
mod tests;
mod update;

use crate::error::Error;

pub(crate) use elementwise::{ElementwiseUpdate, UpdateVisitor};
pub use update::{OptimizerState, update};

/// Whose formulas and defaults are meant where frameworks differ.
///
/// | | Keras (3) | Keras 2 (stand-alone, ≤ 2.3) | PyTorch |
/// |---|---|---|---|
/// | SGD | velocity holds the learning rate | as Keras | velocity is of gradients |
/// | Adam, AdamW | ε = 1e-7 beside `√v`, before the bias correction | as Keras | ε = 1e-8 beside `√v̂`, after it |
/// | Adadelta | learning rate 0.001 | learning rate 1 | learning rate 1, ρ = 0.9, ε = 1e-6 |
/// | RMSprop | ε inside the root, learning rate 0.001 | ε outside | ε outside, ρ = 0.99, learning rate 0.01 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Convention {
    /// Keras 3, and `tf.keras`.
    Keras,
    /// Keras before TensorFlow took it in (up to 2.3), of older tutorials.
    Keras2,
    /// `torch.optim`.
    PyTorch,
}

/// How weights follow their gradients. In the formulas `g` is the gradient,
/// `w` the weight, `t` the step counted from 1, `lr` the learning rate.
///
/// All state starts at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent, with momentum (Polyak 1964), or Nesterov's
    /// (1983; as Sutskever et al. 2013 write it).
    ///
    /// Keras: `v ← momentum·v − lr·g`, `w ← w + v`, or with Nesterov
    /// `w ← w + momentum·v − lr·g`. PyTorch: `v ← momentum·v + g`,
    /// `w ← w − lr·v`, or `w ← w − lr·(g + momentum·v)`. They differ when the
    /// learning rate changes.
    Sgd {
        /// Part of the velocity that is kept, in [0, 1); 0 keeps no state.
        momentum: f64,
        /// Whether to look one velocity ahead.
        nesterov: bool,
        /// Whether the velocity holds the learning rate.
        convention: Convention,
    },
    /// Adam (Kingma and Ba 2015): `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`.
    ///
    /// Keras: `w ← w − lr·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε)`. PyTorch:
    /// `w ← w − lr·m̂/(√v̂ + ε)`, `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`.
    Adam {
        /// Memory of the mean gradient, in [0, 1).
        beta1: f64,
        /// Memory of the mean square, in [0, 1).
        beta2: f64,
        /// Keeps the quotient finite; positive.
        epsilon: f64,
        /// Where ε stands.
        convention: Convention,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019): first
    /// `w ← w − lr·weight_decay·w`, then Adam.
    AdamW {
        /// Memory of the mean gradient, in [0, 1).
        beta1: f64,
        /// Memory of the mean square, in [0, 1).
        beta2: f64,
        /// Keeps the quotient finite; positive.
        epsilon: f64,
        /// Part of the weight lost per step, before the learning rate.
        weight_decay: f64,
        /// Where ε stands.
        convention: Convention,
    },
    /// Adadelta (Zeiler 2012): `v ← ρv + (1−ρ)g²`, `Δ = √(d + ε)/√(v + ε)·g`,
    /// `d ← ρd + (1−ρ)Δ²` without the learning rate, `w ← w − lr·Δ`.
    Adadelta {
        /// Memory of both means, in [0, 1).
        rho: f64,
        /// Starts the movement; positive.
        epsilon: f64,
        /// Whose default learning rate.
        convention: Convention,
    },
    /// RMSprop (Hinton 2012): `v ← ρv + (1−ρ)g²`, `u = g/√(v + ε)` (Keras) or
    /// `g/(√v + ε)` (Keras 2, PyTorch), `w ← w − lr·u`.
    ///
    /// Centered (Graves 2013): `a ← ρa + (1−ρ)g` and `v − a²` in the place of
    /// `v` under the root. Momentum: `b ← momentum·b + lr·u`, `w ← w − b`
    /// (Keras), or `b ← momentum·b + u`, `w ← w − lr·b` (PyTorch).
    RmsProp {
        /// Memory of the mean square, in [0, 1).
        rho: f64,
        /// Keeps the quotient finite; positive.
        epsilon: f64,
        /// Part of the velocity that is kept, in [0, 1).
        momentum: f64,
        /// Whether to divide by the deviation in the place of the magnitude.
        centered: bool,
        /// Where ε and the learning rate stand.
        convention: Convention,
    },
}

impl Optimizer {
    /// The framework whose formulas are meant.
    pub const fn convention(self) -> Convention {
        match self {
            Optimizer::Sgd { convention, .. }
            | Optimizer::Adam { convention, .. }
            | Optimizer::AdamW { convention, .. }
            | Optimizer::Adadelta { convention, .. }
            | Optimizer::RmsProp { convention, .. } => convention,
        }
    }

    /// Numbers that are kept for each weight, at most 3.
    pub const fn state_slots(self) -> usize {
        self.state_names().len()
    }

    /// Their names, as the formulas of the variants call them.
    pub const fn state_names(self) -> &'static [&'static str] {
        match self {
            Optimizer::Sgd { momentum: 0.0, .. } => &[],
            Optimizer::Sgd { .. } => &["v"],
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } => &["m", "v"],
            Optimizer::Adadelta { .. } => &["v", "d"],
            Optimizer::RmsProp {
                momentum: 0.0,
                centered: false,
                ..
            } => &["v"],
            Optimizer::RmsProp { .. } => &["v", "a", "b"],
        }
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that does not: memories (β, ρ,
    /// momentum) lie in [0, 1), ε is positive, a weight decay is not negative.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Optimizer::Sgd { momentum, .. } => check_memory("momentum", momentum),
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
                ..
            } => {
                check_memory("beta1", beta1)?;
                check_memory("beta2", beta2)?;
                check_epsilon(epsilon)
            }
            Optimizer::AdamW {
                beta1,
                beta2,
                epsilon,
                weight_decay,
                ..
            } => {
                check_memory("beta1", beta1)?;
                check_memory("beta2", beta2)?;
                check_epsilon(epsilon)?;
                if weight_decay >= 0.0 && weight_decay.is_finite() {
                    return Ok(());
                }
                Err(Error::Parameter {
                    name: "weight decay",
                    given: weight_decay.to_string(),
                    expected: "a finite number that is not negative",
                })
            }
            Optimizer::Adadelta { rho, epsilon, .. } => {
                check_memory("rho", rho)?;
                check_epsilon(epsilon)
            }
            Optimizer::RmsProp {
                rho,
                epsilon,
                momentum,
                ..
            } => {
                check_memory("rho", rho)?;
                check_memory("momentum", momentum)?;
                check_epsilon(epsilon)
            }
        }
    }

    /// Calls the visitor with step number `step` (from 1) as a type, so that
    /// what it compiles is compiled for this optimiser. Call it outside of
    /// `Level::dispatch`. Parameters that [`Self::check`] refuses make
    /// meaningless weights.
    pub(crate) fn visit<V: UpdateVisitor>(
        self,
        learning_rate: f32,
        step: u64,
        visitor: V,
    ) -> V::Output {
        let learning_rate = f64::from(learning_rate);
        match self {
            Optimizer::Sgd { momentum: 0.0, .. } => visitor.visit(sgd::Plain::new(learning_rate)),
            Optimizer::Sgd {
                momentum,
                nesterov,
                convention,
            } => visitor.visit(sgd::Momentum::new(
                learning_rate,
                momentum,
                nesterov,
                convention,
            )),
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
                convention,
            } => visitor.visit(adam::Adam::new(
                learning_rate,
                step,
                [beta1, beta2],
                epsilon,
                0.0,
                convention,
            )),
            Optimizer::AdamW {
                beta1,
                beta2,
                epsilon,
                weight_decay,
                convention,
            } => visitor.visit(adam::Adam::new(
                learning_rate,
                step,
                [beta1, beta2],
                epsilon,
                weight_decay,
                convention,
            )),
            Optimizer::Adadelta { rho, epsilon, .. } => {
                visitor.visit(adadelta::Adadelta::new(learning_rate, rho, epsilon))
            }
            Optimizer::RmsProp {
                rho,
                epsilon,
                momentum,
                centered,
                convention,
            } => {
                let plain = rmsprop::RmsProp::new(learning_rate, rho, epsilon, convention);
                if momentum == 0.0 && !centered {
                    visitor.visit(plain)
                } else {
                    visitor.visit(plain.general(momentum, centered, convention))
                }
            }
        }
    }
}

fn check_memory(name: &'static str, given: f64) -> Result<(), Error> {
    if (0.0..1.0).contains(&given) {
        return Ok(());
    }
    Err(Error::Parameter {
        name,
        given: given.to_string(),
        expected: "at least 0 and below 1",
    })
}

fn check_epsilon(given: f64) -> Result<(), Error> {
    if given > 0.0 && given.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter {
        name: "epsilon",
        given: given.to_string(),
        expected: "a positive finite number",
    })
}
