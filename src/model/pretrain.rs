//! Greedy layer-wise pre-training: a deep model as a stack of shallow ones.
//!
//! Layer k of the encoder and the layer of the decoder that mirrors it make up
//! an autoencoder of one hidden layer, stage k. Stage 0 learns the samples,
//! stage 1 the codes of stage 0, and so on; each starts from the weights that
//! the model has. What they learned is where training of the whole begins
//! (Bengio, Lamblin, Popovici and Larochelle, "Greedy layer-wise training of
//! deep networks", 2007; with noise, Vincent et al., "Stacked denoising
//! autoencoders", 2010).

use std::ops::ControlFlow;

use autoencoder_kernels::loss::Loss;

use super::architecture::{Architecture, Placed};
use super::autoencoder::Autoencoder;
use super::callback::{Callback, Progress};
use super::fit::FitOptions;
use super::history::{Epoch, History};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::tape::Shape;

impl Autoencoder {
    /// How many stages there are: layers of the encoder.
    ///
    /// # Errors
    /// [`Error::Configuration`] unless the decoder's shapes mirror the
    /// encoder's, and the output of each layer can be a code: a normalisation is no stage.
    pub fn stages(&self) -> Result<usize> {
        let architecture = self.architecture();
        let layers = architecture.layers();
        let has_no_code = |placed: &&Placed| placed.layer.kind().activation().is_none();
        if let Some(placed) = layers.iter().find(has_no_code) {
            return Err(Error::configuration(
                "a layer in layer-wise pre-training",
                format_args!("{}, {}", placed.name(), placed.layer),
                "layers whose output can be a code, such as dense ones; train this net at once",
            ));
        }
        let (encoder, decoder) = layers.split_at(architecture.encoder().len());
        let mirror: Vec<Shape> = encoder.iter().rev().map(|placed| placed.input).collect();
        let own: Vec<Shape> = decoder.iter().map(|placed| placed.output).collect();
        if own == mirror {
            return Ok(encoder.len());
        }
        let widths =
            |shapes: &[Shape]| -> Vec<String> { shapes.iter().map(Shape::to_string).collect() };
        Err(Error::configuration(
            "a decoder for layer-wise pre-training",
            format_args!("[{}]", widths(&own).join(", ")),
            format_args!(
                "[{}], the mirror of the encoder",
                widths(&mirror).join(", ")
            ),
        ))
    }

    /// Stage `number`, with the weights that the model has: layer `number` of
    /// the encoder and its mirror in the decoder. Stage 0 has the model's loss;
    /// the others, which learn codes, the mean squared error.
    ///
    /// # Errors
    /// As [`stages`](Self::stages); [`Error::Configuration`] for a number
    /// beyond them.
    pub fn stage(&self, number: usize) -> Result<Autoencoder> {
        self.check_stage(number)?;
        let architecture = self.architecture();
        let layers = architecture.layers();
        let (layer, mirror) = (&layers[number], &layers[layers.len() - 1 - number]);
        let (shape, loss) = match number {
            0 => (architecture.sample_shape().to_vec(), self.loss()),
            _ => (layer.input.sizes().to_vec(), Loss::MeanSquaredError),
        };
        let (encoder, decoder) = (vec![layer.layer], vec![mirror.layer]);
        let tied = architecture.is_tied();
        let shallow = Architecture::new(shape, layer.input, encoder, decoder, tied, loss)?;
        let mut stage = Autoencoder::zeros(shallow, self.seed())?;
        for (to, from) in self.parameters_of_stage(number).into_iter().enumerate() {
            let from = self.parameter(from);
            stage.parameter_mut(to).copy_from(from.as_ref());
        }
        Ok(stage)
    }

    /// Takes over the weights of a stage.
    ///
    /// # Errors
    /// As [`stage`](Self::stage); [`Error::Configuration`] for a stage of other
    /// widths.
    pub fn set_stage(&mut self, number: usize, stage: &Autoencoder) -> Result<()> {
        let own = self.stage(number)?;
        if stage.architecture().parameters() != own.architecture().parameters() {
            let widths = |model: &Autoencoder| {
                let architecture = model.architecture();
                let tied = if architecture.is_tied() { ", tied" } else { "" };
                let (input, code) = (architecture.input(), architecture.code());
                format!(
                    "{} layers, {input} → {code}{tied}",
                    architecture.layers().len()
                )
            };
            return Err(Error::configuration("a stage", widths(stage), widths(&own)));
        }
        for (from, to) in self.parameters_of_stage(number).into_iter().enumerate() {
            let from = stage.parameter(from);
            self.parameter_mut(to).copy_from(from.as_ref());
        }
        Ok(())
    }

    /// Trains each stage on the codes of the one before, with the same options
    /// for each; to be followed by [`fit`](Self::fit). Returns the histories.
    ///
    /// # Errors
    /// As [`stages`](Self::stages) and [`fit`](Self::fit), and
    /// [`Error::Configuration`] if the options freeze a part. The model is
    /// unchanged then.
    pub fn pretrain(&mut self, data: &Dataset, options: &FitOptions) -> Result<Vec<History>> {
        self.pretrain_with(data, options, &mut ())
    }

    /// [`pretrain`](Self::pretrain), with a callback that watches each stage. If
    /// it ends one, that ends all; what was learned so far stays.
    ///
    /// # Errors
    /// As [`pretrain`](Self::pretrain).
    pub fn pretrain_with(
        &mut self,
        data: &Dataset,
        options: &FitOptions,
        callback: &mut dyn Callback,
    ) -> Result<Vec<History>> {
        let mut callback = UntilBreak {
            callback,
            ended: false,
        };
        let mut model = self.clone();
        let mut histories = Vec::new();
        for number in 0..model.stages()? {
            histories.push(model.pretrain_stage(number, data, options, &mut callback)?);
            if callback.ended {
                break;
            }
        }
        *self = model;
        Ok(histories)
    }

    /// Trains stage `number` alone, on what the stages below make of the samples:
    /// [`pretrain`](Self::pretrain) is this for 0, 1, … up to
    /// [`stages`](Self::stages), and may be stopped and gone on with between
    /// them. Returns the history.
    ///
    /// # Errors
    /// As [`pretrain`](Self::pretrain) and [`stage`](Self::stage). The model is
    /// unchanged then.
    pub fn pretrain_stage(
        &mut self,
        number: usize,
        data: &Dataset,
        options: &FitOptions,
        callback: &mut dyn Callback,
    ) -> Result<History> {
        if let Some(part) = options.freeze {
            return Err(Error::configuration(
                "the part that is frozen in pre-training",
                part.name(),
                "none; freeze it in the training that follows",
            ));
        }
        let mut stage = self.stage(number)?;
        let mut options = options.clone();
        // A stage has no random code.
        options.regularization.beta = None;
        options.regularization.beta_warm_up = 0;
        let mut codes: Option<Dataset> = None;
        for below in 0..number {
            let below = self.stage(below)?;
            codes = Some(below.codes(codes.as_ref().unwrap_or(data))?);
            if let Some(validation) = &mut options.validation {
                *validation = below.codes(validation)?;
            }
        }
        let data = codes.as_ref().unwrap_or(data);
        let history = stage.fit_with(data, &options, callback)?;
        self.set_stage(number, &stage)?;
        Ok(history)
    }

    fn codes(&self, data: &Dataset) -> Result<Dataset> {
        Ok(Dataset::from_mat(self.encode(data)?.as_ref()))
    }

    fn check_stage(&self, number: usize) -> Result<()> {
        let stages = self.stages()?;
        if number < stages {
            return Ok(());
        }
        Err(Error::configuration(
            "the number of a stage",
            number,
            format_args!("one below {stages}, the number of the encoder's layers"),
        ))
    }

    /// The indices of a stage's parameters among the model's, in the stage's
    /// order.
    fn parameters_of_stage(&self, number: usize) -> Vec<usize> {
        let layers = self.architecture().layers();
        let (encoder, decoder) = (&layers[number], &layers[layers.len() - 1 - number]);
        let own = decoder.slots.iter().filter(|slot| !slot.transposed);
        let slots = encoder.slots.iter().chain(own);
        slots.map(|slot| slot.parameter).collect()
    }
}

/// A callback that remembers whether it ended training.
struct UntilBreak<'a> {
    callback: &'a mut dyn Callback,
    ended: bool,
}

impl Callback for UntilBreak<'_> {
    fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
        let flow = self.callback.on_batch(progress);
        self.ended |= flow.is_break();
        flow
    }

    fn on_epoch(&mut self, epoch: &Epoch, model: &Autoencoder) -> ControlFlow<()> {
        let flow = self.callback.on_epoch(epoch, model);
        self.ended |= flow.is_break();
        flow
    }
}
