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
//! | `dense.rs` | act(x·W + b) | fusion |
//! | `dense_loss.rs` | the loss of act(x·W + b) | fusion |
//!
//! To add a kind: a file with a struct that is an [`Operation`], a variant of
//! [`Node`] and its line in [`Node::operation`], and a method of
//! [`Tape`](super::Tape) that checks and records it.

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
mod loss;
mod matmul;
mod normal_divergence;
mod normal_sample;
mod randomize;
mod sparsity;

pub(super) use absolute::AbsolutePenalty;
pub(super) use activation::Nonlinearity;
pub(super) use add::{Accumulate, Add, Copy};
pub(super) use add_bias::AddBias;
pub(super) use contractive::ContractivePenalty;
pub(super) use corrupt::Corrupt;
pub(super) use dense::Dense;
pub(super) use dense_loss::DenseLoss;
pub(super) use dropout::Dropout;
pub(super) use input::Input;
pub(super) use loss::LossNode;
pub(super) use matmul::MatMul;
pub(super) use normal_divergence::NormalDivergence;
pub(super) use normal_sample::NormalSample;
pub(super) use sparsity::SparsityPenalty;

use super::plan::Planner;
use super::record::{Parameter, Value};

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
            Node::DenseLoss(node) => node,
        }
    }
}

/// How a node becomes instructions. `me` is the node's own value.
pub(super) trait Operation {
    /// The values that it reads. Asked of recorded nodes, not of what fusion
    /// makes of them.
    fn inputs(&self) -> Vec<Value> {
        Vec::new()
    }

    /// Emits what computes the value, into a register that
    /// [`Planner::set_value`] is told.
    fn forward(&self, me: Value, plan: &mut Planner<'_>);

    /// Emits what turns the gradient of the value ([`Planner::gradient`]) into
    /// those of its inputs ([`Planner::pass`]) and parameters. Called in
    /// reverse order of the nodes, where there is a gradient or the node is a
    /// goal.
    fn backward(&self, me: Value, plan: &mut Planner<'_>);

    /// Whether training minimises it, as losses and penalties.
    fn is_goal(&self) -> bool {
        false
    }

    /// Whether backward reads the value itself, so that nobody may change it
    /// after forward.
    fn keeps_value(&self) -> bool {
        false
    }
}

/// A weight matrix as a node reads it: W, or Wᵀ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) parameter: Parameter,
    pub(super) transposed: bool,
}

impl Weight {
    /// The same matrix, read the other way.
    pub(super) fn transpose(self) -> Self {
        Weight {
            transposed: !self.transposed,
            ..self
        }
    }
}
