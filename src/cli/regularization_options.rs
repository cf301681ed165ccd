//! What keeps training from learning by heart: what it minimises beside the loss
//! (`--code-l1`, `--beta`, …), noise and dropout.

use clap::Args;

use super::console::remark;
use super::values::{below_one, not_negative, positive};
use crate::Noise;
use crate::model::{Architecture, FitOptions, Sparsity};

#[derive(Args)]
pub(crate) struct RegularizationOptions {
    /// Corrupt the samples of each step, and learn to mend them: gaussian:STDDEV,
    /// gaussian-clipped:STDDEV, masking:PROBABILITY, salt-and-pepper:PROBABILITY
    #[arg(long, value_name = "NOISE")]
    noise: Option<Noise>,
    /// Drop each number of a sample with this probability, in training
    #[arg(long, value_name = "P", value_parser = below_one)]
    input_dropout: Option<f32>,
    /// Drop each output of all layers but the last with this probability, in
    /// training
    #[arg(long, value_name = "P", value_parser = below_one)]
    dropout: Option<f32>,
    /// Make codes sparse: add this times the sum of their absolute values
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    code_l1: Option<f32>,
    /// Make codes sparse: bring the mean of each of their numbers near TARGET,
    /// such as 0.05:0.1; for --code sigmoid
    #[arg(long, value_name = "TARGET:FACTOR")]
    code_kl: Option<Sparsity>,
    /// Make codes change little with the sample: add this times the squared norm
    /// of the encoder's Jacobian; for one encoder layer
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    contractive: Option<f32>,
    /// Add this times the weight to the gradient of each, as PyTorch does; for
    /// adamw the decoupled kind
    #[arg(long, value_name = "FACTOR", value_parser = not_negative)]
    weight_decay: Option<f64>,
    /// Factor of the KL divergence of --variational [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = not_negative)]
    beta: Option<f64>,
    /// Epochs over which it grows from 0 to that
    #[arg(long, value_name = "EPOCHS")]
    beta_warm_up: Option<u32>,
}

impl RegularizationOptions {
    /// Puts what was given in the place of what `options` has.
    pub(crate) fn apply(&self, options: &mut FitOptions) {
        options.noise = self.noise.or(options.noise);
        options.input_dropout = self.input_dropout.unwrap_or(options.input_dropout);
        options.dropout = self.dropout.unwrap_or(options.dropout);
        let to = &mut options.regularization;
        to.code_l1 = self.code_l1.or(to.code_l1);
        to.code_kl = self.code_kl.or(to.code_kl);
        to.contractive = self.contractive.or(to.contractive);
        to.weight_decay = self.weight_decay.or(to.weight_decay);
        to.beta = self.beta.map(|x| x as f32).or(to.beta);
        to.beta_warm_up = self.beta_warm_up.unwrap_or(to.beta_warm_up);
    }
}

/// Remarks on a model that may learn to copy.
pub(crate) fn remark_on_copying(architecture: &Architecture, options: &FitOptions) {
    let is_regularised = options.is_regularised() || architecture.is_variational();
    if architecture.is_overcomplete() && !is_regularised {
        remark(&format!(
            "the code has {} numbers, no fewer than the {} of a sample, and nothing keeps the \
             model from learning to copy: consider a narrower code, --noise or --dropout",
            architecture.code(),
            architecture.input()
        ));
    }
}
