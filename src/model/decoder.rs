//! [`Decoder`]: the half of a model that turns codes into samples, by itself.

use autoencoder_kernels::{Context, Mat, parallel};

use super::architecture::Dense;
use super::autoencoder::Autoencoder;
use super::samples::Samples;
use crate::error::{Error, Result};
use crate::tape::{Inference, Parameter, Parameters, Tape, Value};

/// The decoder of an [`Autoencoder`] alone, with weights of its own: what a
/// receiver of codes needs, and no more.
///
/// ```
/// use autoencoder::model::{Autoencoder, Decoder};
/// # let codes = autoencoder::Mat::from_fn(2, 3, |i, j| (i + j) as f32);
/// let model = Autoencoder::builder().input(8).encoder([5, 3]).build()?;
/// let decoder = Decoder::of(&model)?;
/// assert_eq!(decoder.decode(&codes)?.as_slice(), model.decode(&codes)?.as_slice());
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    layers: Vec<Dense>,
    tape: Tape,
    /// Weight and bias of each layer, in order.
    values: Parameters,
    output: Value,
}

impl Decoder {
    /// A copy of the decoder of a model. Tied weights are copied, too.
    ///
    /// # Errors
    /// [`Error::Kernels`] if it does not fit in memory.
    pub fn of(model: &Autoencoder) -> Result<Self> {
        let architecture = model.architecture();
        let mut decoder = Self::zeros(architecture.decoder().to_vec())?;
        let places = architecture.places().into_iter();
        let places = places.skip(architecture.encoder().len());
        let own: Vec<Parameter> = decoder.tape.parameters().collect();
        for (place, own) in places.zip(own.chunks(2)) {
            let weight = model.parameter(place.weight).as_ref();
            let weight = match place.transposed {
                true => weight.transpose(),
                false => weight,
            };
            let bias = model.parameter(place.bias).as_ref();
            decoder.values.get_mut(own[0]).copy_from(weight);
            decoder.values.get_mut(own[1]).copy_from(bias);
        }
        Ok(decoder)
    }

    /// A decoder whose numbers are zero. Each layer must take what the one before
    /// gives, and there must be one.
    pub(super) fn zeros(layers: Vec<Dense>) -> Result<Self> {
        let mut tape = Tape::new();
        let code = tape.input(layers.first().map_or(0, |layer| layer.inputs));
        let mut output = code;
        for layer in &layers {
            let weight = tape.weight(layer.inputs, layer.outputs);
            let bias = tape.bias(layer.outputs);
            output = tape.dense(output, weight, Some(bias), layer.activation)?;
        }
        Ok(Decoder {
            values: Parameters::zeros(&tape)?,
            layers,
            tape,
            output,
        })
    }

    /// The layers from codes to samples; at least one.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// Numbers per code.
    pub fn code(&self) -> usize {
        self.layers[0].inputs
    }

    /// Numbers per sample.
    pub fn features(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// The numbers: weight and bias of each layer, in order.
    pub(super) fn values(&self) -> impl Iterator<Item = &Mat<f32>> {
        self.tape.parameters().map(|p| self.values.get(p))
    }

    /// The number of such a matrix, to write.
    pub(super) fn value_mut(&mut self, index: usize) -> autoencoder_kernels::MatMut<'_, f32> {
        let parameter = self.tape.parameters().nth(index);
        self.values.get_mut(parameter.expect("it exists"))
    }

    /// What codes stand for, one a row.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the codes are as wide as the decoder takes;
    /// [`Error::Kernels`] if the samples do not fit in memory.
    pub fn decode<'a>(&self, codes: impl Into<Samples<'a>>) -> Result<Mat<f32>> {
        let codes = codes.into();
        if codes.features() != self.code() {
            let expected = format!("{}, which the decoder takes", self.code());
            return Err(Error::shape("numbers per code", codes.features(), expected));
        }
        let context = Context::default();
        let inference = Inference::new(&self.tape, self.output, context)?;
        parallel::in_pool(context.parallelism, || match codes.matrix() {
            Some(matrix) => inference.run_on(&self.values, matrix),
            None => inference.run(&self.values, codes.len(), |_, rows, out| {
                codes.rows_into(rows, out)
            }),
        })
    }
}
