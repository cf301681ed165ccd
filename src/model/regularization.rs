//! [`Regularization`]: what training minimises beside the reconstruction's loss.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use crate::error::{Error, Result};

/// What training minimises beside the loss of the reconstruction. Nothing, by
/// default.
///
/// Each part is reported by name, as a mean over the samples *without* its
/// factor, in the figures of an [`Epoch`](super::Epoch): the loss is
/// `reconstruction` + Σ factor · part.
///
/// | option | name | part |
/// |---|---|---|
/// | `code_l1` | `code_l1` | Σⱼ \|hⱼ\| of the code h |
/// | `code_kl` | `code_kl` | Σⱼ KL(ρ ‖ ρ̂ⱼ) with ρ̂ⱼ the mean of hⱼ over the minibatch |
/// | `contractive` | `contractive` | ‖∂h/∂x‖², the squared norm of the encoder's Jacobian |
/// | `beta` | `kl` | KL(N(μ, σ²) ‖ N(0, 1)) of a variational code, in nats |
/// | `weight_decay` | | in the gradients alone |
///
/// In the training of a **variational** model, `reconstruction` is a sum over the
/// features in the place of a mean, so that with β = 1 the loss is the negative
/// ELBO in nats per sample: with the binary cross-entropy −ln p(x|z) of Bernoulli
/// pixels, with `half-sse` that of normal ones up to a constant (see
/// [`Elbo`](super::Elbo)). The validation's parts have `val_` before their names.
///
/// ```
/// use autoencoder::model::{FitOptions, Regularization};
///
/// let regularization = Regularization {
///     code_l1: Some(1e-4),
///     ..Regularization::default()
/// };
/// let options = FitOptions { regularization, ..FitOptions::default() };
/// # assert!(options.regularization != Regularization::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regularization {
    /// The factor of the L1 penalty on the code, for a sparse one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_l1: Option<f32>,
    /// The penalty on codes whose numbers are not near 0 most of the time; for a
    /// code with a sigmoid or softmax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_kl: Option<Sparsity>,
    /// The factor of the contractive penalty, for an encoder of one layer.
    /// (Rifai et al. 2011)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contractive: Option<f32>,
    /// How many times W is added to the gradient of a weight, biases excepted:
    /// the L2 penalty ½·decay·‖W‖² in the convention of PyTorch's optimisers
    /// (Keras' `L2(λ)` is a decay of 2λ). It is no part of the loss that is
    /// reported. For AdamW it takes the place of the optimiser's own, decoupled
    /// one, which leaves gradients alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// The factor of a variational model's KL divergence: 1, if left out, which
    /// makes the loss the negative ELBO. (Higgins et al. 2017)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f32>,
    /// Epochs over which that factor grows from 0 on, linearly: epoch e of E has
    /// e/E of it. (Bowman et al. 2016) The validation loss has all of it from
    /// the first epoch on, so that epochs compare.
    #[serde(skip_serializing_if = "is_zero")]
    pub beta_warm_up: u32,
}

/// As a list for people: `code_l1 0.0001, weight_decay 0.01`.
impl fmt::Display for Regularization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warm_up = (self.beta_warm_up > 0).then_some(self.beta_warm_up);
        let all = [
            ("code_l1", self.code_l1.map(|x| x.to_string())),
            ("code_kl", self.code_kl.map(|x| x.to_string())),
            ("contractive", self.contractive.map(|x| x.to_string())),
            ("weight_decay", self.weight_decay.map(|x| x.to_string())),
            ("beta", self.beta.map(|x| x.to_string())),
            ("beta_warm_up", warm_up.map(|x| x.to_string())),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        for (i, (name, value)) in given.enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {value}")?;
        }
        Ok(())
    }
}

fn is_zero(epochs: &u32) -> bool {
    *epochs == 0
}

/// The sparsity penalty on mean activations, `target:factor` as text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sparsity {
    /// ρ, the mean activation to come near to, between 0 and 1.
    pub target: f32,
    /// The factor of the penalty.
    pub factor: f32,
}

impl FromStr for Sparsity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no TARGET:FACTOR, expected such as 0.05:0.1");
        let (target, factor) = text.split_once(':').ok_or_else(expected)?;
        let number = |part: &str| part.trim().parse().map_err(|_| expected());
        let sparsity = Sparsity {
            target: number(target)?,
            factor: number(factor)?,
        };
        sparsity.check().map_err(|error| error.to_string())?;
        Ok(sparsity)
    }
}

impl fmt::Display for Sparsity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.target, self.factor)
    }
}

impl Sparsity {
    fn check(self) -> Result<()> {
        if !(self.target > 0.0 && self.target < 1.0) {
            return Err(Error::configuration(
                "the target of the sparsity penalty",
                self.target,
                "a mean activation between 0 and 1, such as 0.05",
            ));
        }
        check_factor("the factor of the sparsity penalty", Some(self.factor))
    }
}

impl Regularization {
    /// Whether it is nothing.
    pub fn is_none(&self) -> bool {
        *self == Regularization::default()
    }

    /// β in an epoch, counted from 1.
    pub(super) fn beta_in(&self, epoch: u32) -> f32 {
        let grown = f64::from(epoch) / f64::from(self.beta_warm_up.max(1));
        (f64::from(self.full_beta()) * grown.min(1.0)) as f32
    }

    /// β after its warm-up.
    pub(super) fn full_beta(&self) -> f32 {
        self.beta.unwrap_or(1.0)
    }

    /// Fails unless a model of this architecture can be trained so.
    pub(super) fn check(&self, architecture: &Architecture) -> Result<()> {
        check_factor("the factor of the code's L1 penalty", self.code_l1)?;
        check_factor("the factor of the contractive penalty", self.contractive)?;
        if let Some(sparsity) = self.code_kl {
            sparsity.check()?;
        }
        let layers = architecture.encoder().len();
        if self.contractive.is_some() && layers != 1 {
            return Err(Error::configuration(
                "the number of encoder layers under a contractive penalty",
                layers,
                "1: the closed form of its Jacobian is that of one layer",
            ));
        }
        for (option, value) in [
            ("the weight decay", self.weight_decay),
            (
                "β, the factor of the KL divergence,",
                self.beta.map(f64::from),
            ),
        ] {
            if value.is_some_and(|value| !(value >= 0.0 && value.is_finite())) {
                let given = value.unwrap_or_default();
                return Err(Error::configuration(
                    option,
                    given,
                    "a finite number, 0 or more",
                ));
            }
        }
        if !architecture.is_variational() && (self.beta.is_some() || self.beta_warm_up > 0) {
            return Err(Error::configuration(
                "the model under a KL divergence (β)",
                "not variational",
                "a variational one",
            ));
        }
        Ok(())
    }
}

fn check_factor(option: &'static str, factor: Option<f32>) -> Result<()> {
    match factor {
        Some(factor) if !(factor > 0.0 && factor.is_finite()) => Err(Error::configuration(
            option,
            factor,
            "a positive finite number",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_grows_linearly_to_its_value() {
        let rule = |beta, beta_warm_up| Regularization {
            beta,
            beta_warm_up,
            ..Regularization::default()
        };
        let betas = |rule: Regularization| [1, 2, 4, 5].map(|epoch| rule.beta_in(epoch));
        assert_eq!(betas(rule(Some(2.0), 4)), [0.5, 1.0, 2.0, 2.0]);
        assert_eq!(betas(rule(None, 0)), [1.0; 4]);
    }

    #[test]
    fn sparsity_is_read_as_it_is_written() {
        let sparsity: Sparsity = "0.05:0.1".parse().unwrap();
        assert_eq!((sparsity.target, sparsity.factor), (0.05, 0.1));
        assert_eq!(sparsity.to_string().parse(), Ok(sparsity));
        for bad in ["", "0.05", "0.05:", "1:1", "0:1", "0.1:0", "0.1:nan", "a:b"] {
            assert!(bad.parse::<Sparsity>().is_err(), "{bad}");
        }
    }
}
