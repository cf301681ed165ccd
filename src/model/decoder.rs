//! [`Decoder`]: the half of a model that turns codes into samples, by itself.

use autoencoder_kernels::{Context, Mat, parallel};

use super::autoencoder::Autoencoder;
use super::samples::Samples;
use crate::error::{Error, Result};
use crate::layer::{Layer, ParameterSpec, Slot};
use crate::tape::{Inference, Parameter, Parameters, Shape, Tape, Value};

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
    input: Shape,
    layers: Vec<Layer>,
    features: usize,
    /// By layer, its parameters.
    specs: Vec<Vec<ParameterSpec>>,
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
        let mut decoder = Self::zeros(architecture.code_shape(), architecture.decoder().to_vec())?;
        let placed = architecture.layers().into_iter();
        let slots = placed
            .skip(architecture.encoder().len())
            .flat_map(|placed| placed.slots);
        let own: Vec<Parameter> = decoder.tape.parameters().collect();
        for (slot, own) in slots.zip(own) {
            let from = model.parameter(slot.parameter).as_ref();
            let from = match slot.transposed {
                true => from.transpose(),
                false => from,
            };
            decoder.values.get_mut(own).copy_from(from);
        }
        Ok(decoder)
    }

    /// One of zeros.
    ///
    /// # Errors
    /// Those of the layers, if they do not fit together, and of the tape.
    pub(super) fn zeros(input: Shape, layers: Vec<Layer>) -> Result<Self> {
        let mut tape = Tape::new();
        let mut output = tape.input(input);
        let (mut shape, mut specs) = (input, Vec::new());
        for layer in &layers {
            let kind = layer.kind();
            let parameters = kind.parameters(shape);
            let slot = |spec: &ParameterSpec| Slot {
                parameter: match spec.is_vector {
                    true => tape.bias(spec.shape.1),
                    false => tape.weight(spec.shape.0, spec.shape.1),
                },
                transposed: false,
            };
            let slots: Vec<Slot> = parameters.iter().map(slot).collect();
            output = kind.record(&mut tape, output, &slots)?.output;
            shape = kind.output_shape(shape)?;
            specs.push(parameters);
        }
        Ok(Decoder {
            values: Parameters::zeros(&tape)?,
            input,
            features: shape.len(),
            layers,
            specs,
            tape,
            output,
        })
    }

    /// The layers from codes to samples; at least one.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Numbers per code.
    pub fn code(&self) -> usize {
        self.input.len()
    }

    /// Numbers per sample.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The shape of a code.
    pub(super) fn input_shape(&self) -> Shape {
        self.input
    }

    /// By layer, its parameters.
    pub(super) fn specs(&self) -> &[Vec<ParameterSpec>] {
        &self.specs
    }

    /// The numbers of all layers, in the order of [`specs`](Self::specs).
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
