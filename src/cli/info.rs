//! `autoencoder info`: what a model is made of and how it was trained.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::console::{Failure, print, print_json};
use crate::Autoencoder;
use crate::model::Training;

#[derive(Args)]
pub(crate) struct Info {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    sample_shape: &'a [usize],
    /// As `--layers` and `--decoder` take them.
    encoder: String,
    decoder: String,
    layers: Vec<Layer>,
    tied: bool,
    variational: bool,
    loss: String,
    parameters: usize,
    bytes: usize,
    flops_per_sample: u64,
    seed: u64,
    training: Option<&'a Training>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    /// As `--layers` takes it.
    layer: String,
    inputs: usize,
    outputs: usize,
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<String>,
}

impl Info {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        if self.json {
            print_json(&line(&model))
        } else {
            print(model.summary())?;
            print(trained(model.training()))
        }
    }
}

fn line(model: &Autoencoder) -> Line<'_> {
    let architecture = model.architecture();
    let [encoder, decoder] = architecture.descriptions().map(|half| half.to_string());
    let layers = architecture.layers();
    let layers = layers.iter().map(|placed| Layer {
        name: placed.name(),
        layer: placed.layer.to_string(),
        inputs: placed.input.len(),
        outputs: placed.output.len(),
        input_shape: placed.input.sizes().to_vec(),
        output_shape: placed.output.sizes().to_vec(),
        activation: placed.layer.kind().activation().map(|a| a.to_string()),
    });
    let parameters = architecture.parameter_count();
    Line {
        sample_shape: architecture.sample_shape(),
        encoder,
        decoder,
        layers: layers.collect(),
        tied: architecture.is_tied(),
        variational: architecture.is_variational(),
        loss: architecture.loss().to_string(),
        parameters,
        bytes: parameters * size_of::<f32>(),
        flops_per_sample: architecture.flops_per_sample(),
        seed: model.seed(),
        training: model.training(),
    }
}

fn trained(training: Option<&Training>) -> String {
    let Some(training) = training else {
        return "never trained".into();
    };
    let order = if training.shuffle {
        format!("shuffled with seed {}", training.seed)
    } else {
        "in their order".to_owned()
    };
    let extras = extras(training);
    let losses = match training.val_loss {
        Some(val_loss) => format!("loss {:.6}, validation loss {val_loss:.6}", training.loss),
        None => format!("loss {:.6}", training.loss),
    };
    let epochs = match training.epochs {
        1 => "1 epoch".to_owned(),
        epochs => format!("{epochs} epochs"),
    };
    let schedule = training.schedule.as_ref();
    let schedule = schedule.map_or(String::new(), |schedule| format!(" ({schedule})"));
    let clipped = training.clip_norm;
    let clipped = clipped.map_or(String::new(), |norm| {
        format!(", gradients clipped to {norm}")
    });
    let also = match training.regularization.is_none() {
        true => String::new(),
        false => format!(" and {}", training.regularization),
    };
    format!(
        "trained for {} with {}{also}, learning rate {}{schedule}{clipped}, on {} samples {order}, \
         {} at a time{extras}: {losses}",
        epochs, training.optimizer, training.learning_rate, training.samples, training.batch_size,
    )
}

/// What else was done to the samples or left undone to the weights.
fn extras(training: &Training) -> String {
    let dropout = |what: &str, p: Option<f32>| p.map(|p| format!("{what} {p}"));
    let all = [
        training
            .noise
            .as_ref()
            .map(|noise| format!("noise {noise}")),
        dropout("input dropout", training.input_dropout),
        dropout("dropout", training.dropout),
        training
            .frozen
            .as_ref()
            .map(|part| format!("the {part} frozen")),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(", with {}", all.join(", "))
    }
}
