//! The numbers by which the parts of a tape and of a plan name each other.

/// A matrix that a tape computes: one row for each sample of a minibatch, with the
/// numbers of a [`Shape`](super::Shape). A number of the node that computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub(super) usize);

/// A matrix or a vector of numbers that a tape uses and training changes; a number
/// into [`Parameters`](super::Parameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parameter(pub(super) usize);

/// A part of the loss: a loss, or a penalty, whose factor may change from step
/// to step ([`Program::set_factor`](super::Program::set_factor)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LossPart(pub(super) usize);

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

/// A matrix of the replay, batch × numbers of a sample. While planning there is one for
/// each result; afterwards it is the number of a buffer, which several results share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register(pub(super) usize);

/// A matrix with one row for each block, for the partial sums of a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums(pub(super) usize);

/// A row of numbers that all blocks read, one for each feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shared(pub(super) usize);

/// The place of a node among those that draw random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream(pub(super) u16);
