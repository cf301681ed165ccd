//! Fusion: a product, what is added to it, the activation and the loss become
//! one node wherever nobody else reads what lies between.
//!
//! ```text
//! matmul ─ add_bias ─ activation          => dense
//! matmul ─ add_bias ─ activation ─ loss   => dense_loss
//! ```
//!
//! Bias and activation may be missing. An activation over whole rows, such as
//! softmax, stays a node of its own; so does the loss of a sequence or a picture, whose
//! mean is over all positions of a sample.

use autoencoder_kernels::activation::Activation;

use super::id::Value;
use super::node::{Dense, DenseLoss, Node};
use super::planner::ValueFacts;

/// Replaces nodes by fused ones. `nodes` has the live ones, each in the place
/// of its value; `uses` counts who reads each. A fused node stands in the
/// place of its last part.
pub(super) fn fuse(nodes: &mut [Option<Node>], uses: &[usize], facts: &[ValueFacts]) {
    for place in 0..nodes.len() {
        let fused = match nodes[place] {
            Some(Node::MatMul(product)) => Some(Node::Dense(Dense {
                x: product.x,
                weight: product.weight,
                bias: None,
                activation: Activation::Identity,
            })),
            Some(Node::AddBias(sum)) => {
                take_dense(nodes, uses, sum.x, Dense::is_plain).map(|layer| {
                    Node::Dense(Dense {
                        bias: Some(sum.bias),
                        ..layer
                    })
                })
            }
            Some(Node::Nonlinearity(node)) if node.activation.is_elementwise() => {
                take_dense(nodes, uses, node.x, Dense::is_linear).map(|layer| {
                    Node::Dense(Dense {
                        activation: node.activation,
                        ..layer
                    })
                })
            }
            Some(Node::Loss(node)) if facts[node.prediction.0].shape.positions() == 1 => {
                take_dense(nodes, uses, node.prediction, |_| true).map(|layer| {
                    Node::DenseLoss(DenseLoss {
                        layer,
                        features: facts[node.prediction.0].shape.len(),
                        loss: node.loss,
                        target: node.target,
                        part: node.part,
                        scale: node.scale,
                    })
                })
            }
            _ => None,
        };
        if fused.is_some() {
            nodes[place] = fused;
        }
    }
}

/// Takes the dense layer out of its place if one reader alone uses it.
fn take_dense(
    nodes: &mut [Option<Node>],
    uses: &[usize],
    value: Value,
    fits: impl FnOnce(&Dense) -> bool,
) -> Option<Dense> {
    match nodes[value.0] {
        Some(Node::Dense(layer)) if uses[value.0] == 1 && fits(&layer) => {
            nodes[value.0] = None;
            Some(layer)
        }
        _ => None,
    }
}
