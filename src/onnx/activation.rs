//! Activations as ONNX's operators.
//! <https://onnx.ai/onnx/operators/>

use autoencoder_kernels::activation::Activation;

use super::message::{Attribute, Node};

/// λ and α of selu. (Klambauer et al. 2017)
const GAMMA: f32 = 1.050_701;
const ALPHA: f32 = 1.673_263_2;

/// The nodes that turn the value `input` into `output`; none for the identity.
pub(super) fn nodes(activation: Activation, input: &str, output: &str) -> Vec<Node> {
    let node = |operator: &str, inputs: &[&str], attribute: Vec<Attribute>, output: &str| Node {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("{output}.{}", operator.to_lowercase()),
        op_type: operator.to_owned(),
        attribute,
    };
    let one = |operator, attribute| vec![node(operator, &[input], attribute, output)];
    match activation {
        Activation::Relu => one("Relu", vec![]),
        Activation::LeakyRelu { slope } => one("LeakyRelu", vec![Attribute::float("alpha", slope)]),
        Activation::Elu { alpha } => one("Elu", vec![Attribute::float("alpha", alpha)]),
        Activation::Selu => {
            let attributes = [("alpha", ALPHA), ("gamma", GAMMA)];
            let attributes = attributes.map(|(name, x)| Attribute::float(name, x));
            one("Selu", attributes.into())
        }
        Activation::Sigmoid => one("Sigmoid", vec![]),
        Activation::Tanh => one("Tanh", vec![]),
        Activation::Softplus => one("Softplus", vec![]),
        Activation::Gelu => one("Gelu", vec![]),
        Activation::GeluTanh => one("Gelu", vec![Attribute::string("approximate", "tanh")]),
        Activation::Silu => {
            let gate = format!("{output}.gate");
            vec![
                node("Sigmoid", &[input], vec![], &gate),
                node("Mul", &[input, &gate], vec![], output),
            ]
        }
        Activation::Softmax => one("Softmax", vec![Attribute::int("axis", -1)]),
        // The identity; a test goes through all others.
        _ => vec![],
    }
}
