//! [`Preset`]: the programs of well-known tutorials, by name.
//!
//! To add one: an entry of [`Preset::ALL`].

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::optimizer::Optimizer;

use super::builder::Builder;
use super::fit::FitOptions;
use crate::data::{Dataset, standard_normal};
use crate::error::{Error, Result};

/// A program with a name: model, data, and how it is trained.
///
/// ```
/// use autoencoder::model::Preset;
///
/// let preset = Preset::named("keras-simple-adam")?;
/// let mut model = preset.builder().build()?;
/// let (train, validation) = preset.data()?;
/// # let train = train.slice(0..256)?;
/// let mut options = preset.options();
/// # options.epochs = 1;
/// options.validation = validation;
/// model.fit(&train, &options)?;
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct Preset {
    /// What the command line calls it.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    builder: fn() -> Builder,
    options: fn() -> FitOptions,
    data: fn() -> Result<(Dataset, Option<Dataset>)>,
}

impl Preset {
    /// All of them.
    pub const ALL: &[Preset] = &[
        Preset {
            name: "keras-simple-adadelta",
            about: "the Keras blog's first autoencoder, as Keras 3 runs it: it hardly learns",
            builder: simple,
            options: || with(Optimizer::adadelta_keras3(), 50),
            data: digits,
        },
        Preset {
            name: "keras-simple-adadelta-keras2",
            about: "the same as Keras 2 ran it, when the blog was written: learning rate 1",
            builder: simple,
            options: || with(Optimizer::adadelta_keras2(), 50),
            data: digits,
        },
        Preset {
            name: "keras-simple-adam",
            about: "the same with Adam",
            builder: simple,
            options: || with(Optimizer::adam_keras(), 50),
            data: digits,
        },
        Preset {
            name: "keras-deep-mse",
            about: "128 and 64 relu units, a code of 64, and back to 784 sigmoids, where the \
                    tutorial has a Flatten that cannot run; mean squared error",
            builder: deep,
            options: || with(Optimizer::adam_keras(), 50),
            data: digits,
        },
        Preset {
            name: "tied",
            about: "784-32-784 whose decoder has the transposed weight of the encoder: half \
                    of the numbers",
            builder: || simple().tied(true),
            options: || with(Optimizer::adam_keras(), 50),
            data: digits,
        },
        Preset {
            name: "gaussian-10",
            about: "cross-entropy on standard normal numbers, as written: refused, since it \
                    has no lower bound there",
            builder: || {
                gaussian(
                    Activation::Relu,
                    Activation::Sigmoid,
                    Loss::BinaryCrossEntropy,
                )
            },
            options: || with(Optimizer::adadelta_keras3(), 50),
            data: normal,
        },
        Preset {
            name: "gaussian-10-mse",
            about: "the same made sane: linear layers and mean squared error, which a linear code \
                    of 5 brings to 0.5 at best",
            builder: || {
                let linear = Activation::Identity;
                gaussian(linear, linear, Loss::MeanSquaredError)
            },
            options: || FitOptions {
                learning_rate: Some(0.01),
                batch_size: 100,
                ..with(Optimizer::adam_keras(), 100)
            },
            data: normal,
        },
    ];

    /// The preset of a name.
    ///
    /// # Errors
    /// [`Error::Configuration`] lists the names that there are.
    pub fn named(name: &str) -> Result<&'static Preset> {
        let preset = Self::ALL.iter().find(|preset| preset.name == name);
        preset.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|preset| preset.name).collect();
            Error::configuration("the preset", format_args!("{name:?}"), names.join(", "))
        })
    }

    /// The model, to be changed or built.
    pub fn builder(&self) -> Builder {
        (self.builder)()
    }

    /// How it is trained; without validation data, which
    /// [`data`](Self::data) has.
    pub fn options(&self) -> FitOptions {
        (self.options)()
    }

    /// The samples to train on, and those to validate on.
    ///
    /// # Errors
    /// [`Error::Kernels`] if they do not fit in memory; [`Error::Feature`] for the
    /// digits in a build without them.
    pub fn data(&self) -> Result<(Dataset, Option<Dataset>)> {
        (self.data)()
    }
}

/// 784-32-784, relu and sigmoid, binary cross-entropy.
fn simple() -> Builder {
    Builder::default().sample_shape([28, 28]).encoder([32])
}

/// 784-128-64-64-128-784. The tutorial's decoder ends in a `Flatten`, which
/// cannot give back a picture; a dense layer of 784 sigmoids, shaped 28 × 28,
/// stands in its place.
fn deep() -> Builder {
    Builder::default()
        .sample_shape([28, 28])
        .encoder([128, 64])
        .decoder([64, 128, 784])
        .loss(Loss::MeanSquaredError)
}

/// 10-5-8-10.
fn gaussian(hidden: Activation, output: Activation, loss: Loss) -> Builder {
    Builder::default()
        .input(10)
        .encoder([5])
        .decoder([8, 10])
        .hidden(hidden)
        .output(output)
        .loss(loss)
}

fn with(optimizer: Optimizer, epochs: u32) -> FitOptions {
    FitOptions {
        optimizer,
        epochs,
        ..FitOptions::default()
    }
}

#[cfg(feature = "digits")]
fn digits() -> Result<(Dataset, Option<Dataset>)> {
    let (train, validation) = crate::data::digits_split();
    Ok((train, Some(validation)))
}

#[cfg(not(feature = "digits"))]
fn digits() -> Result<(Dataset, Option<Dataset>)> {
    Err(Error::feature("training on the embedded digits", "digits"))
}

/// 1 000 samples, and 10 000 others for validation, whose mean loss is within
/// about 0.003 of that of all possible ones.
fn normal() -> Result<(Dataset, Option<Dataset>)> {
    let (train, validation) = standard_normal(11_000, 10, 0)?.split_at(1_000)?;
    Ok((train, Some(validation)))
}
