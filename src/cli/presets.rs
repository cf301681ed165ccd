//! `autoencoder presets`: the programs that `train --preset` knows.

use clap::Args;
use serde::Serialize;

use super::console::{Failure, print, print_json};
use crate::model::{Architecture, Preset};

#[derive(Args)]
pub(crate) struct Presets {
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    about: &'static str,
    widths: Vec<usize>,
    activations: Vec<String>,
    tied: bool,
    parameters: usize,
    loss: String,
    optimizer: String,
    learning_rate: f32,
    epochs: u32,
    batch_size: usize,
    warnings: Vec<String>,
}

impl Presets {
    pub(crate) fn run(self) -> Result<(), Failure> {
        for preset in Preset::ALL {
            let line = Line::new(preset)?;
            match self.json {
                true => print_json(&line)?,
                false => line.print()?,
            }
        }
        Ok(())
    }
}

impl Line {
    fn new(preset: &Preset) -> Result<Self, Failure> {
        let (architecture, options) = (preset.builder().architecture()?, preset.options());
        let layers = architecture.layers();
        let outputs = layers.iter().map(|placed| placed.output.len());
        Ok(Line {
            name: preset.name,
            about: preset.about,
            widths: [architecture.input()].into_iter().chain(outputs).collect(),
            activations: activations(&architecture),
            tied: architecture.is_tied(),
            parameters: architecture.parameter_count(),
            loss: architecture.loss().to_string(),
            optimizer: options.optimizer.to_string(),
            learning_rate: options.effective_learning_rate(),
            epochs: options.epochs,
            batch_size: options.batch_size,
            warnings: options.warnings(),
        })
    }

    fn print(&self) -> Result<(), Failure> {
        let widths: Vec<String> = self.widths.iter().map(usize::to_string).collect();
        print(format_args!("{}: {}", self.name, self.about))?;
        print(format_args!(
            "    {} ({}{}), {} parameters, loss {}",
            widths.join("-"),
            self.activations.join(", "),
            if self.tied { ", tied" } else { "" },
            self.parameters,
            self.loss,
        ))?;
        print(format_args!(
            "    {} with learning rate {}, {} epochs, batches of {}",
            self.optimizer, self.learning_rate, self.epochs, self.batch_size,
        ))
    }
}

fn activations(architecture: &Architecture) -> Vec<String> {
    let layers = architecture.layers().into_iter();
    let activations = layers.filter_map(|placed| placed.layer.kind().activation());
    activations
        .map(|activation| activation.to_string())
        .collect()
}
