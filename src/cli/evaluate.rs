//! `autoencoder evaluate`: the losses of a model on data.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::console::{Failure, print, print_json};
use super::denoising::Report;
use super::samples::SampleOptions;
use crate::data::Dataset;
use crate::{Autoencoder, Noise};

#[derive(Args)]
pub(crate) struct Evaluate {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// Also corrupt the samples and see how well the model mends them:
    /// gaussian:STDDEV, gaussian-clipped:STDDEV, masking:PROBABILITY,
    /// salt-and-pepper:PROBABILITY
    #[arg(long, value_name = "NOISE")]
    noise: Option<Noise>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0, requires = "noise")]
    seed: u64,
    /// Take targets outside of [0, 1] for a loss that is only defined there
    #[arg(long)]
    allow_any_target: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    samples: SampleOptions,
}

#[derive(Serialize)]
struct Line {
    samples: usize,
    loss: f64,
    loss_name: String,
    mean_squared_error: f64,
    mean_absolute_error: f64,
    /// In nats per sample, of a variational model.
    #[serde(flatten)]
    elbo: Option<Nats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denoising: Option<Report>,
}

#[derive(Serialize)]
struct Nats {
    reconstruction: f64,
    kl: f64,
    elbo: f64,
}

impl Evaluate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = self.samples.load(&self.model)?;
        check(&model, &data, self.allow_any_target)?;
        let evaluation = model.evaluate(&data)?;
        let line = Line {
            samples: evaluation.samples,
            loss: evaluation.loss,
            loss_name: model.loss().to_string(),
            mean_squared_error: evaluation.mean_squared_error,
            mean_absolute_error: evaluation.mean_absolute_error,
            elbo: evaluation.elbo.map(|elbo| Nats {
                reconstruction: elbo.reconstruction,
                kl: elbo.kl,
                elbo: elbo.value(),
            }),
            denoising: match self.noise {
                Some(noise) => Some(Report::new(&model, &data, noise, self.seed)?),
                None => None,
            },
        };
        if self.json {
            return print_json(&line);
        }
        print(format_args!(
            "samples              {}\n\
             {:<19}  {:.6}\n\
             mean squared error   {:.6}\n\
             mean absolute error  {:.6}",
            line.samples,
            format!("loss ({})", line.loss_name),
            line.loss,
            line.mean_squared_error,
            line.mean_absolute_error
        ))?;
        if let Some(nats) = &line.elbo {
            print(format_args!(
                "reconstruction       {:.4} nats\n\
                 kl divergence        {:.4} nats\n\
                 elbo                 {:.4} nats",
                nats.reconstruction, nats.kl, nats.elbo
            ))?;
        }
        line.denoising.map_or(Ok(()), print)
    }
}

/// Fails for samples that the loss is not defined for, unless any target is
/// allowed.
pub(crate) fn check(
    model: &Autoencoder,
    data: &Dataset,
    allow_any_target: bool,
) -> Result<(), Failure> {
    if model.loss().requires_unit_targets() && !allow_any_target {
        data.check_unit_interval()?;
    }
    data.min_max()?;
    Ok(())
}
