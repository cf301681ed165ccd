//! Node kinds: one file each, forward and backward together.
//!
//! | file | computes | recorded by |
//! |---|---|---|
//! | `input.rs` | rows from the caller | `Tape::input` |
//! | `matmul.rs` | x·W or x·Wᵀ | `Tape::matmul`, `Tape::matmul_transposed` |
//! | `add_bias.rs` | x + b | `Tape::add_bias` |
//! | `activation.rs` | act(x) | `Tape::activation` |
//! | `add.rs` | a + b | `Tape::add` |
//! | `corrupt.rs` | x with noise | `Tape::corrupt` |
//! | `dropout.rs` | x with features dropped | `Tape::dropout` |
//! | `loss.rs` | a sum over samples | `Tape::loss` |
//! | `absolute.rs` | Σ\|x\| | `Tape::absolute_penalty` |
//! | `sparsity.rs` | the KL divergence of mean activations from a target | `Tape::sparsity_penalty` |
//! | `contractive.rs` | ‖∂h/∂x‖² | `Tape::contractive_penalty` |
//! | `normal_sample.rs` | μ + σ·ε | `Tape::normal_sample` |
//! | `normal_divergence.rs` | KL(N(μ, σ²) ‖ N(0, 1)) | `Tape::normal_divergence` |
//! | `randomize.rs` | (the instruction that `corrupt.rs` and `dropout.rs` share) | |
//! | `layer_norm.rs` | γ ⊙ (x − mean)/√(variance + ε) + β | `Tape::layer_norm` |
//! | `view.rs` | some columns of x, or x in another shape | `Tape::columns`, `Tape::reshape` |
//! | `dense.rs` | act(x·W + b) | fusion |
//! | `dense_loss.rs` | the loss of act(x·W + b) | fusion |
//!
//! To add a kind: a file with a struct that is an [`Operation`], a variant of
//! [`Node`] and its line in [`Node::operation`], and a method of
//! [`Tape`](super::Tape) that checks and records it. What a kind can do beyond forward
//! and backward is a method of [`Operation`]; the planner never asks which kind it is.

mod absolute;
mod activation;
mod add;
mod add_bias;
mod contractive;
mod corrupt;
mod dense;
mod dense_loss;
mod dropout;
mod input;
mod layer_norm;
mod loss;
mod matmul;
mod normal_divergence;
mod normal_sample;
mod randomize;
mod sparsity;
mod view;

pub(super) use absolute::AbsolutePenalty;
pub(super) use activation::Nonlinearity;
pub(super) use add::Add;
pub(super) use add_bias::AddBias;
pub(super) use contractive::ContractivePenalty;
pub(super) use corrupt::Corrupt;
pub(super) use dense::Dense;
pub(super) use dense_loss::DenseLoss;
pub(super) use dropout::Dropout;
pub(super) use input::Input;
pub(super) use layer_norm::LayerNorm;
pub(super) use loss::LossNode;
pub(super) use matmul::MatMul;
pub(super) use normal_divergence::NormalDivergence;
pub(super) use normal_sample::NormalSample;
pub(super) use sparsity::SparsityPenalty;
pub(super) use view::ViewOf;

use super::planner::Operation;

/// A node of a tape.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Input(Input),
    MatMul(MatMul),
    AddBias(AddBias),
    Nonlinearity(Nonlinearity),
    Add(Add),
    Corrupt(Corrupt),
    Dropout(Dropout),
    Loss(LossNode),
    Absolute(AbsolutePenalty),
    Sparsity(SparsityPenalty),
    Contractive(ContractivePenalty),
    NormalSample(NormalSample),
    NormalDivergence(NormalDivergence),
    Dense(Dense),
    LayerNorm(LayerNorm),
    View(ViewOf),
    DenseLoss(DenseLoss),
}

impl Node {
    pub(super) fn operation(&self) -> &dyn Operation {
        match self {
            Node::Input(node) => node,
            Node::MatMul(node) => node,
            Node::AddBias(node) => node,
            Node::Nonlinearity(node) => node,
            Node::Add(node) => node,
            Node::Corrupt(node) => node,
            Node::Dropout(node) => node,
            Node::Loss(node) => node,
            Node::Absolute(node) => node,
            Node::Sparsity(node) => node,
            Node::Contractive(node) => node,
            Node::NormalSample(node) => node,
            Node::NormalDivergence(node) => node,
            Node::Dense(node) => node,
            Node::LayerNorm(node) => node,
            Node::View(node) => node,
            Node::DenseLoss(node) => node,
        }
    }
}
