//! Which model to train: the options that describe one, and `--init`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Failure;
use crate::data::Dataset;
use crate::layer::{Described, Description, Layer};
use crate::model::{Architecture, Builder, Preset};
use crate::{Activation, Autoencoder, Loss};

#[derive(Args)]
pub(crate) struct ModelOptions {
    /// The encoder, from the shape of a sample to the code: 784,128,64, or with other
    /// layers and activations of their own 784,layer-norm,128:tanh,64 [default: INPUT,32]
    #[arg(long, value_name = "LAYERS")]
    layers: Option<Description>,
    /// The decoder, from the code to the output; the encoder's mirror, if left out
    #[arg(long, value_name = "LAYERS")]
    decoder: Option<Description>,
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
        let input = layers.input;
        let builder = builder.sample_shape(input.sizes());
        self.describe(builder, input.len())?.architecture()?;
        Ok(())
    }

    /// The model that a builder describes, with the choices given in their place.
    fn describe(&self, mut builder: Builder, features: usize) -> Result<Builder, Failure> {
        if let Some(layers) = &self.layers {
            if layers.input.len() != features {
                return Err(Failure::Message(format!(
                    "--layers {layers} begins with {}, but the data have {features} numbers per sample",
                    layers.input
                )));
            }
            builder = builder.layers(layers.clone()).mirrored();
        }
        if self.tied {
            builder = builder.tied(true);
        }
        if self.variational {
            builder = builder.variational(true);
        }
        if let Some(layers) = &self.decoder {
            // Layers that do not fit together have an error of their own.
            if let Some(code) = builder.code_shape()
                && layers.input != code
            {
                return Err(Failure::Message(format!(
                    "--decoder {layers} begins with {}, but the code has {code} numbers",
                    layers.input
                )));
            }
            builder = builder.decoder_layers(layers.clone());
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
        let shapes = [old.input_shape(), old.code_shape()];
        let halves = [&encoder, &decoder].into_iter().zip(shapes);
        let given = [("--layers", &self.layers), ("--decoder", &self.decoder)];
        for ((name, given), (layers, input)) in given.into_iter().zip(halves) {
            let described = |&layer: &Layer| Described {
                layer,
                has_activation: false,
            };
            let old = Description {
                input,
                layers: layers.iter().map(described).collect(),
            };
            let names = |half: &Description| -> Vec<String> {
                half.layers.iter().map(|l| l.layer.kind().name()).collect()
            };
            if let Some(given) = given
                && (given.input != input || names(given) != names(&old))
            {
                return Err(Failure::Message(format!(
                    "{name} {given} does not fit the model of {of}, which has {old}"
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
        // The code has the hidden activation, too, unless it is a random one.
        let hidden = self.hidden.filter(|_| !old.is_variational());
        let code = self.code.or(hidden);
        change(&mut encoder, self.hidden, code, self.layers.as_ref());
        change(
            &mut decoder,
            self.hidden,
            self.output,
            self.decoder.as_ref(),
        );
        // Data of another width fail later, with a message of their own.
        let fits = shape.iter().product::<usize>() == old.input();
        let shape = if fits {
            shape
        } else {
            old.sample_shape().to_vec()
        };
        let loss = self.loss.unwrap_or(old.loss());
        let (input, tied) = (old.input_shape(), old.is_tied());
        let architecture = Architecture::new(shape, input, encoder, decoder, tied, loss)?
            .with_variational(old.is_variational())?;
        Ok(model.with_architecture(architecture)?)
    }
}

/// Gives layers the activations of the options: `last` for the last one that has an
/// activation, `hidden` for the others, and before both what their text names.
fn change(
    layers: &mut [Layer],
    hidden: Option<Activation>,
    last: Option<Activation>,
    text: Option<&Description>,
) {
    let has_one = |layer: &Layer| layer.kind().activation().is_some();
    let last_place = layers.iter().rposition(has_one);
    for (place, layer) in layers.iter_mut().enumerate() {
        let named = text.and_then(|text| text.layers.get(place));
        let named = named.filter(|described| described.has_activation);
        let named = named.and_then(|described| described.layer.kind().activation());
        let of_place = if Some(place) == last_place {
            last
        } else {
            hidden
        };
        if let Some(activation) = named.or(of_place) {
            *layer = layer.kind().with_activation(activation);
        }
    }
}
