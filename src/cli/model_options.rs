//! Which model to train: the options that describe one, and `--init`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Failure;
use super::values::Widths;
use crate::data::Dataset;
use crate::model::{Architecture, Builder, Preset};
use crate::{Activation, Autoencoder, Loss};

#[derive(Args)]
pub(crate) struct ModelOptions {
    /// Widths of the encoder, from the input to the code [default: INPUT,32]
    #[arg(long, value_name = "WIDTHS")]
    layers: Option<Widths>,
    /// Widths of the decoder, from the code to the output; the encoder's mirror,
    /// if left out
    #[arg(long, value_name = "WIDTHS")]
    decoder: Option<Widths>,
    /// Activation of the hidden layers: relu, elu, tanh, … [default: relu]
    #[arg(long, value_name = "NAME")]
    hidden: Option<Activation>,
    /// Activation of the code: linear, … [default: that of the hidden layers]
    #[arg(long, value_name = "NAME")]
    code: Option<Activation>,
    /// Activation of the output: sigmoid, linear, … [default: sigmoid]
    #[arg(long, value_name = "NAME")]
    output: Option<Activation>,
    /// bce, bce-clipped, mse, sse, half-sse, mae, huber:DELTA [default: bce for a
    /// sigmoid output, else mse]
    #[arg(long, value_name = "NAME")]
    loss: Option<Loss>,
    /// Let the decoder use the encoder's weights, transposed
    #[arg(long)]
    tied: bool,
    /// Make the code random, a normal distribution for each sample: a variational
    /// autoencoder, whose loss is in nats per sample
    #[arg(long)]
    variational: bool,
    /// Start from the weights of this model; other options of the model must
    /// agree with it
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
}

impl ModelOptions {
    /// The model for these data; where there is a preset, its choices with those
    /// given in their place.
    pub(crate) fn model(
        &self,
        data: &Dataset,
        preset: Option<&Preset>,
        seed: u64,
    ) -> Result<Autoencoder, Failure> {
        let shape = match data.sample_shape() {
            Some(shape) => shape.to_vec(),
            None => vec![data.features()],
        };
        match &self.init {
            Some(path) => self.adapt(Autoencoder::load(path)?, shape, "--init"),
            None => {
                let builder = match preset {
                    Some(preset) => preset.builder(),
                    None => Autoencoder::builder().encoder([32]),
                };
                let builder = builder.sample_shape(shape).seed(seed);
                Ok(self.describe(builder, data.features())?.build()?)
            }
        }
    }

    /// The file whose weights to start from.
    pub(crate) fn init(&self) -> Option<&Path> {
        self.init.as_deref()
    }

    /// Fails unless the options given are those of a model that is to go on.
    pub(crate) fn check(&self, model: &Autoencoder) -> Result<(), Failure> {
        let old = model.architecture();
        let given = self.adapt(model.clone(), old.sample_shape().to_vec(), "--resume")?;
        if given.architecture() == old {
            return Ok(());
        }
        let message = "the model of --resume has other activations or another loss; \
                       leave out the options that describe the model";
        Err(Failure::Message(message.into()))
    }

    /// Fails unless the widths given go together; their input may be that of any data.
    pub(crate) fn check_widths(&self, preset: Option<&Preset>) -> Result<(), Failure> {
        let Some(layers) = &self.layers else {
            return Ok(());
        };
        let builder = preset.map_or_else(Autoencoder::builder, Preset::builder);
        let input = layers.0[0];
        self.describe(builder.input(input), input)?.architecture()?;
        Ok(())
    }

    /// The model that a builder describes, with the choices given in their place.
    fn describe(&self, mut builder: Builder, features: usize) -> Result<Builder, Failure> {
        if let Some(widths) = &self.layers {
            if widths.0[0] != features {
                return Err(Failure::Message(format!(
                    "--layers {widths} begins with {}, but the data have {features} numbers per sample",
                    widths.0[0]
                )));
            }
            builder = builder.encoder(&widths.0[1..]).mirrored();
        }
        if self.tied {
            builder = builder.tied(true);
        }
        if self.variational {
            builder = builder.variational(true);
        }
        if let Some(widths) = &self.decoder {
            let code = builder.code_width();
            if Some(widths.0[0]) != code {
                return Err(Failure::Message(format!(
                    "--decoder {widths} begins with {}, but the code has {} numbers",
                    widths.0[0],
                    code.unwrap_or(0)
                )));
            }
            builder = builder.decoder(&widths.0[1..]);
        }
        if let Some(activation) = self.hidden {
            builder = builder.hidden(activation);
        }
        if let Some(activation) = self.code {
            builder = builder.code(activation);
        }
        if let Some(activation) = self.output {
            builder = builder.output(activation);
        }
        if let Some(loss) = self.loss {
            builder = builder.loss(loss);
        }
        Ok(builder)
    }

    /// The model of the option `of` with the activations and the loss given.
    fn adapt(
        &self,
        model: Autoencoder,
        shape: Vec<usize>,
        of: &str,
    ) -> Result<Autoencoder, Failure> {
        let old = model.architecture();
        let (mut encoder, mut decoder) = (old.encoder().to_vec(), old.decoder().to_vec());
        for (name, given, layers) in [
            ("--layers", &self.layers, &encoder),
            ("--decoder", &self.decoder, &decoder),
        ] {
            let outputs = layers.iter().map(|layer| layer.outputs);
            let widths = Widths(
                layers[..1]
                    .iter()
                    .map(|l| l.inputs)
                    .chain(outputs)
                    .collect(),
            );
            if let Some(given) = given
                && *given != widths
            {
                return Err(Failure::Message(format!(
                    "{name} {given} does not fit the model of {of}, which has {widths}"
                )));
            }
        }
        if self.tied && !old.is_tied() {
            return Err(Failure::Message(format!(
                "--tied does not fit the model of {of}, which has weights of its own"
            )));
        }
        if self.variational && !old.is_variational() {
            return Err(Failure::Message(format!(
                "--variational does not fit the model of {of}, which has no log-variance"
            )));
        }
        let (code, output) = (encoder.len() - 1, decoder.len() - 1);
        let hidden = encoder.iter_mut().chain(&mut decoder[..output]);
        if let Some(activation) = self.hidden {
            hidden.for_each(|layer| layer.activation = activation);
        }
        if let Some(activation) = self.code {
            encoder[code].activation = activation;
        }
        if let Some(activation) = self.output {
            decoder[output].activation = activation;
        }
        // Data of another width fail later, with a message of their own.
        let fits = shape.iter().product::<usize>() == old.input();
        let shape = if fits {
            shape
        } else {
            old.sample_shape().to_vec()
        };
        let loss = self.loss.unwrap_or(old.loss());
        let architecture = Architecture::new(shape, encoder, decoder, old.is_tied(), loss)?
            .with_variational(old.is_variational())?;
        Ok(model.with_architecture(architecture)?)
    }
}
