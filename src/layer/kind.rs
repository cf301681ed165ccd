//! [`LayerKind`]: what a layer can say of itself.

use std::fmt;

use autoencoder_kernels::activation::Activation;

use super::Layer;
use super::graph::GraphWriter;
use super::parameter::ParameterSpec;
use crate::error::Result;
use crate::tape::{Parameter, Shape, Tape, Value};

/// A kind of layer. All questions are about one sample of the shape `input`; a batch
/// changes no answer.
pub trait LayerKind: fmt::Debug {
    /// What a text calls it, without its activation: `128`, `layer-norm:keras`.
    fn name(&self) -> String;

    /// The shape of what comes out.
    ///
    /// # Errors
    /// [`Error::Configuration`](crate::Error::Configuration) if it cannot read `input`.
    fn output_shape(&self, input: Shape) -> Result<Shape>;

    /// The arrays of numbers that training changes, in the order of files.
    fn parameters(&self, input: Shape) -> Vec<ParameterSpec>;

    /// The activation that it ends with; `None` if it has none to choose.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// The same layer with another activation; itself, if it has none to choose.
    fn with_activation(&self, activation: Activation) -> Layer;

    /// Writes it down on a tape.
    ///
    /// `slots` are where its [`parameters`](Self::parameters) are, in their order.
    ///
    /// # Errors
    /// Those of the tape.
    fn record(&self, tape: &mut Tape, x: Value, slots: &[Slot]) -> Result<Recorded>;

    /// The layer of a decoder that mirrors it: from what it gives to what it reads.
    /// `None` where the mirror has nothing in its place.
    fn mirror(&self, input: Shape, place: MirrorPlace) -> Option<Layer>;

    /// Floating-point operations for one sample, activations not counted.
    fn flops(&self, input: Shape) -> u64;

    /// Writes the nodes that turn the value `input` of a graph into `output`. `slots` are
    /// as for [`record`](Self::record), by the names of tensors.
    fn export(
        &self,
        shape: Shape,
        slots: &[Slot<String>],
        input: &str,
        output: &str,
        graph: &mut dyn GraphWriter,
    );
}

/// Where a layer finds one of its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<P = Parameter> {
    /// The parameter.
    pub parameter: P,
    /// Whether the layer uses the transpose of it: the weight of a tied decoder is that
    /// of the encoder.
    pub transposed: bool,
}

/// What a layer computes.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// Before the activation, or the output itself where there is none.
    pub pre_activation: Value,
    /// What the next layer reads.
    pub output: Value,
}

/// Where in the decoder a layer's mirror would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorPlace {
    /// Whether it would be the first layer, the one that reads the code.
    pub is_first: bool,
    /// Whether it would be the last layer, the one that gives the reconstruction.
    pub is_last: bool,
}
