//! What training minimises beside the loss: `--code-l1`, `--beta`, ….

use autoencoder::model::{FitOptions, Sparsity};
use clap::Args;

use super::values::{not_negative, positive};

#[derive(Args)]
pub(crate) struct RegularizationOptions {
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
        let to = &mut options.regularization;
        to.code_l1 = self.code_l1.or(to.code_l1);
        to.code_kl = self.code_kl.or(to.code_kl);
        to.contractive = self.contractive.or(to.contractive);
        to.weight_decay = self.weight_decay.map(|x| x as f32).or(to.weight_decay);
        to.beta = self.beta.map(|x| x as f32).or(to.beta);
        to.beta_warm_up = self.beta_warm_up.unwrap_or(to.beta_warm_up);
    }
}
