//! Models as ONNX, for other programs to run: opset 20, IR version 9.
//!
//! | file | what |
//! |---|---|
//! | `message.rs` | the messages of ONNX's protobuf that it takes |
//! | `activation.rs` | activations as ONNX's operators |
//!
//! Each layer writes its own nodes ([`LayerKind::export`](crate::layer::LayerKind::export)): a dense one is a `Gemm` and
//! the operator of its activation. Weights are tensors
//! with the names and shapes of a model file: `encoder.0.weight` is
//! [outputs, inputs]; a tied decoder uses the same tensor, not transposed. Of the
//! graph's inputs and outputs, the first dimension is `N`, the number of samples.
//! <https://onnx.ai/onnx/intro/concepts.html>

mod activation;
mod message;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use autoencoder_kernels::activation::Activation;
use prost::Message;

use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::layer::{Attribute, GraphWriter, Slot};
use crate::model::{Autoencoder, Part, Placed, matrix_bytes};
use crate::tape::Shape;
use message::{
    Dimension, GraphProto, ModelProto, Node, OperatorSet, Tensor, TensorShape, TensorType, Type,
    ValueInfo,
};

/// The set of operators.
const OPSET: i64 = 20;
/// The version of the file format that came with it.
const IR_VERSION: i64 = 9;
/// What protobuf can hold.
const LARGEST: usize = i32::MAX as usize;

/// What of a model becomes a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// From `samples` to `codes`; of a variational model these are the means, and
    /// there is `log_variances` beside them.
    Encoder,
    /// From `codes` to `reconstructions`.
    Decoder,
    /// From `samples` to `reconstructions`, by way of the means.
    Whole,
}

impl Graph {
    /// Every graph.
    pub const ALL: [Graph; 3] = [Graph::Encoder, Graph::Decoder, Graph::Whole];

    /// Its name: `encoder`, `decoder` or `whole`.
    pub fn name(self) -> &'static str {
        match self {
            Graph::Encoder => "encoder",
            Graph::Decoder => "decoder",
            Graph::Whole => "whole",
        }
    }

    fn has(self, part: Part) -> bool {
        match self {
            Graph::Encoder => part == Part::Encoder,
            Graph::Decoder => part == Part::Decoder,
            Graph::Whole => true,
        }
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Graph {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut all = Graph::ALL.into_iter();
        all.find(|graph| graph.name() == text).ok_or_else(|| {
            Error::configuration("the part to export", text, "encoder, decoder or whole")
        })
    }
}

/// Writes a model as an `.onnx` file, whole or not at all.
///
/// # Errors
/// As [`to_bytes`]; [`Error::Io`].
pub fn save(path: impl AsRef<Path>, model: &Autoencoder, graph: Graph) -> Result<()> {
    let bytes = to_bytes(model, graph)?;
    write_atomically(path, |writer| writer.write_all(&bytes))
}

/// The bytes of an `.onnx` file.
///
/// ```
/// use autoencoder::Autoencoder;
/// use autoencoder::onnx::{self, Graph};
///
/// let model = Autoencoder::builder().input(784).encoder([32]).build()?;
/// let bytes = onnx::to_bytes(&model, Graph::Encoder)?;
/// assert!(bytes.len() > 4 * 784 * 32);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # Errors
/// [`Error::Configuration`] for a model of 2 GB or more: protobuf ends there.
pub fn to_bytes(model: &Autoencoder, graph: Graph) -> Result<Vec<u8>> {
    let architecture = model.architecture();
    let (input, code) = (architecture.input_shape(), architecture.code_shape());
    let (from, first) = match graph {
        Graph::Decoder => (code, "codes"),
        _ => (input, "samples"),
    };
    let (to, last) = match graph {
        Graph::Encoder => (code, "codes"),
        _ => (input, "reconstructions"),
    };
    let mut layers = architecture.layers();
    layers.retain(|placed| graph.has(placed.part));
    let mut builder = Builder::new(model);
    let mut value = first.to_owned();
    let mut outputs = vec![value_info(last, to)];
    for (number, placed) in layers.iter().enumerate() {
        let ends_graph = number + 1 == layers.len();
        if let (Graph::Encoder, true, Some(head)) = (graph, ends_graph, architecture.log_variance())
        {
            builder.layer(&head, &value, "log_variances");
            outputs.push(value_info("log_variances", head.output));
        }
        let result = match ends_graph {
            true => last.to_owned(),
            false => format!("{}.output", placed.name()),
        };
        builder.layer(placed, &value, &result);
        value = result;
    }
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "autoencoder".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(GraphProto {
            name: graph.name().into(),
            node: builder.nodes,
            initializer: builder.tensors,
            input: vec![value_info(first, from)],
            output: outputs,
        }),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: OPSET,
        }],
    };
    let size = model.encoded_len();
    if size > LARGEST {
        return Err(Error::configuration(
            "the size of an ONNX file",
            format_args!("{size} bytes"),
            "less than 2 GB; export encoder and decoder one by one, or narrower layers",
        ));
    }
    Ok(model.encode_to_vec())
}

/// The nodes so far, and the tensors that they use.
struct Builder<'a> {
    model: &'a Autoencoder,
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
}

impl<'a> Builder<'a> {
    fn new(model: &'a Autoencoder) -> Self {
        Builder {
            model,
            nodes: Vec::new(),
            tensors: Vec::new(),
        }
    }

    /// The nodes of a layer and their tensors.
    fn layer(&mut self, placed: &Placed, input: &str, output: &str) {
        let slot = |slot: &Slot<usize>| Slot {
            parameter: self.tensor(slot.parameter),
            transposed: slot.transposed,
        };
        let slots: Vec<Slot<String>> = placed.slots.iter().map(slot).collect();
        let kind = placed.layer.kind();
        kind.export(placed.input, &slots, input, output, self);
    }

    /// The name of a parameter's tensor, which is added if it is not there.
    fn tensor(&mut self, index: usize) -> String {
        let mut parameters = self.model.parameters();
        let (info, mat) = parameters
            .nth(index)
            .expect("an architecture knows its own");
        if self.tensors.iter().all(|tensor| tensor.name != info.name) {
            let dims = info.file_shape().into_iter().map(|size| size as i64);
            self.tensors.push(Tensor {
                dims: dims.collect(),
                data_type: message::FLOAT,
                name: info.name.clone(),
                raw_data: matrix_bytes(mat),
            });
        }
        info.name
    }
}

impl GraphWriter for Builder<'_> {
    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    ) {
        let attribute = |&(name, value): &(&str, Attribute)| match value {
            Attribute::Float(x) => message::Attribute::float(name, x),
            Attribute::Int(n) => message::Attribute::int(name, n),
            Attribute::Ints(all) => message::Attribute::ints(name, all),
        };
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{output}.{}", operator.to_lowercase()),
            op_type: operator.to_owned(),
            attribute: attributes.iter().map(attribute).collect(),
        });
    }

    fn activation(&mut self, activation: Activation, input: &str, output: &str) {
        self.nodes
            .extend(activation::nodes(activation, input, output));
    }
}

/// An input or output of `N` samples.
fn value_info(name: &str, shape: Shape) -> ValueInfo {
    let rows = Dimension {
        dim_value: None,
        dim_param: Some("N".into()),
    };
    let size = |&size: &usize| Dimension {
        dim_value: Some(size as i64),
        dim_param: None,
    };
    let sizes = shape.sizes().iter().map(size);
    let shape = TensorShape {
        dim: std::iter::once(rows).chain(sizes).collect(),
    };
    ValueInfo {
        name: name.into(),
        r#type: Some(Type {
            tensor_type: Some(TensorType {
                elem_type: message::FLOAT,
                shape: Some(shape),
            }),
        }),
    }
}

#[cfg(test)]
mod tests;
