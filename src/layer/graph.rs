//! [`GraphWriter`]: nodes of a graph that other programs run.

use autoencoder_kernels::activation::Activation;

/// What a layer writes its nodes to. The operators and the names of their attributes are
/// those of ONNX.
pub trait GraphWriter {
    /// A node that computes the value `output`.
    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    );

    /// The nodes of an activation; none for the identity, of which `input` and `output`
    /// are the same value.
    fn activation(&mut self, activation: Activation, input: &str, output: &str);
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attribute {
    /// A floating-point number.
    Float(f32),
    /// An integer.
    Int(i64),
    /// Integers.
    Ints(&'static [i64]),
}
