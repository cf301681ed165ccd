//! Planning: which nodes run, as which instructions, in which buffers.
//!
//! 1. Nodes that the goal does not depend on are left out.
//! 2. [`fuse`] joins what one kernel can do.
//! 3. Each node emits its forward instructions in order, then, in reverse, its
//!    backward ones. They name [`Register`]s, a new one for each result.
//! 4. [`share_buffers`] maps the registers to as few buffers as their
//!    lifetimes allow.

use super::buffers::share_buffers;
use super::fuse::fuse;
use autoencoder_kernels::activation::Saves;

use super::instruction::{Instruction, Register, Shared, Sums};
use super::node::{Accumulate, Copy, Node, Weight};
use super::record::{Parameter, Tape, Value};
use super::reduction::Reduction;
use crate::error::{Error, Result};

/// What is planned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// All losses, and the gradients of all parameters.
    Training,
    /// One value.
    Value(Value),
}

/// A tape, ready to be replayed on blocks of rows.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) instructions: Vec<Box<dyn Instruction>>,
    /// The first instruction of the way back. Before it, losses are complete.
    pub(super) backward: usize,
    /// The features of each buffer.
    pub(super) buffers: Vec<usize>,
    /// For each parameter, which buffers make its gradient: Σ xᵀ·δ.
    pub(super) terms: Vec<Vec<Term>>,
    /// For each parameter, whether its gradient comes as sums per block.
    pub(super) sums: Vec<Option<Sums>>,
    /// The number of elements of each of these sums.
    pub(super) sums_widths: Vec<usize>,
    /// The widths of rows of numbers that all blocks share.
    pub(super) shared_widths: Vec<usize>,
    /// Weights of which the squared norms of the columns are wanted, and where.
    pub(super) norms: Vec<(Parameter, Shared)>,
    /// What happens with sums over all rows.
    pub(super) reductions: Vec<Box<dyn Reduction>>,
    /// Whether the way back reads what reductions leave behind, so that it has
    /// to wait for all rows.
    pub(super) waits: bool,
    /// For each parameter, the factors of its columns that are a part of its
    /// gradient.
    pub(super) column_factors: Vec<Option<Shared>>,
    /// The number of parts of the loss.
    pub(super) parts: usize,
    /// For each parameter, whether products read it, and its transpose.
    pub(super) reads: Vec<Reads>,
    /// Where the inputs are.
    pub(super) inputs: Vec<Register>,
    /// Where the value is that the plan is for.
    pub(super) result: Option<Register>,
    /// Elements of all weights, each counted as often as it is read.
    pub(super) weight_reads: usize,
    /// Elements of all parameters.
    pub(super) weights: usize,
}

/// How products read a weight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    pub(super) plain: bool,
    pub(super) transposed: bool,
}

/// One use of a weight: the pair that adds xᵀ·δ to its gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) x: Register,
    pub(super) delta: Register,
    /// Whether x is made of data alone, which may be full of zeros.
    pub(super) x_is_data: bool,
}

impl Plan {
    /// # Errors
    /// [`Error::Configuration`] if there is no loss to train for, or the value
    /// is none of this tape.
    pub(super) fn new(tape: &Tape, goal: Goal, fused: bool) -> Result<Self> {
        let mut planner = Planner::new(tape, goal)?;
        if fused {
            fuse(tape, &mut planner.nodes, &planner.uses);
        }
        planner.lower(goal);
        let mut plan = planner.plan;
        share_buffers(&mut plan);
        let size = |(rows, cols): (usize, usize)| rows.saturating_mul(cols);
        plan.weights = tape.shapes().map(size).fold(0, usize::saturating_add);
        Ok(plan)
    }
}

/// The state of planning, through which nodes emit their instructions; see
/// [`Operation`](super::node::Operation).
pub(super) struct Planner<'a> {
    tape: &'a Tape,
    training: bool,
    /// By value; None where a node is not needed or part of a fused one.
    nodes: Vec<Option<Node>>,
    /// By value: how many nodes read it, one more for the goal.
    uses: Vec<usize>,
    values: Vec<Option<Register>>,
    saved: Vec<Option<Register>>,
    shared: Vec<Option<Shared>>,
    gradients: Vec<Option<Gradient>>,
    plan: Plan,
}

#[derive(Clone, Copy)]
struct Gradient {
    register: Register,
    /// Whether it went through the node's activation and bias already.
    finished: bool,
}

impl<'a> Planner<'a> {
    fn new(tape: &'a Tape, goal: Goal) -> Result<Self> {
        let count = tape.len();
        let mut uses = vec![0; count];
        match goal {
            Goal::Training => {
                for value in (0..count).map(Value) {
                    uses[value.0] += usize::from(tape.node(value).operation().is_goal());
                }
                if uses.iter().all(|&uses| uses == 0) {
                    return Err(Error::configuration(
                        "the number of losses on the tape",
                        0,
                        "at least 1; record one with Tape::loss",
                    ));
                }
            }
            Goal::Value(value) => {
                tape.features(value)?;
                uses[value.0] = 1;
            }
        }
        let mut nodes = vec![None; count];
        for value in (0..count).rev().map(Value) {
            if uses[value.0] > 0 {
                let node = *tape.node(value);
                for input in node.operation().inputs() {
                    uses[input.0] += 1;
                }
                nodes[value.0] = Some(node);
            }
        }
        let parameters = tape.parameters().len();
        Ok(Planner {
            tape,
            training: goal == Goal::Training,
            nodes,
            uses,
            values: vec![None; count],
            saved: vec![None; count],
            shared: vec![None; count],
            gradients: vec![None; count],
            plan: Plan {
                terms: vec![Vec::new(); parameters],
                sums: vec![None; parameters],
                reads: vec![Reads::default(); parameters],
                column_factors: vec![None; parameters],
                parts: tape.parts().len(),
                ..Plan::default()
            },
        })
    }

    fn lower(&mut self, goal: Goal) {
        for place in 0..self.nodes.len() {
            if let Some(node) = self.nodes[place] {
                node.operation().forward(Value(place), self);
            }
        }
        self.plan.backward = self.plan.instructions.len();
        for place in (0..self.nodes.len()).rev() {
            if let Some(node) = self.nodes[place]
                && (self.gradients[place].is_some() || node.operation().is_goal())
            {
                node.operation().backward(Value(place), self);
            }
        }
        if let Goal::Value(value) = goal {
            self.plan.result = Some(self.value(value));
        }
    }

    /// Whether there will be a way back.
    pub(super) fn is_training(&self) -> bool {
        self.training
    }

    /// The features of a value.
    pub(super) fn width(&self, value: Value) -> usize {
        self.tape.width(value)
    }

    /// What computes a value, after fusion.
    ///
    /// # Panics
    /// If it is not part of the plan.
    pub(super) fn node(&self, value: Value) -> &Node {
        match &self.nodes[value.0] {
            Some(node) => node,
            None => unreachable!("a live node reads only live values"),
        }
    }

    /// Whether one node alone reads the value.
    pub(super) fn is_used_once(&self, value: Value) -> bool {
        self.uses[value.0] == 1
    }

    /// A new register.
    pub(super) fn register(&mut self, features: usize) -> Register {
        self.plan.buffers.push(features);
        Register(self.plan.buffers.len() - 1)
    }

    /// Appends an instruction.
    pub(super) fn emit(&mut self, instruction: impl Instruction + 'static) {
        self.plan.instructions.push(Box::new(instruction));
    }

    /// Where a value is.
    ///
    /// # Panics
    /// Before its node's forward.
    pub(super) fn value(&self, value: Value) -> Register {
        match self.values[value.0] {
            Some(register) => register,
            None => unreachable!("forward runs in the order of recording"),
        }
    }

    /// A register that holds the value and may be changed: its own where
    /// nobody else will read it, a copy elsewhere.
    pub(super) fn value_to_change(&mut self, value: Value) -> Register {
        let from = self.value(value);
        let node = self.node(value);
        // Outside of training, an input may be the caller's.
        let kept = match self.training {
            true => node.operation().keeps_value(),
            false => matches!(node, Node::Input(_)),
        };
        if self.is_used_once(value) && !kept {
            return from;
        }
        let to = self.register(self.width(value));
        self.emit(Copy { from, to });
        to
    }

    /// Tells that a value is the same as an earlier one.
    pub(super) fn set_same_value(&mut self, value: Value, as_value: Value) {
        let register = self.value_to_change(as_value);
        self.set_value(value, register);
    }

    /// Tells where a value is.
    pub(super) fn set_value(&mut self, value: Value, register: Register) {
        self.values[value.0] = Some(register);
    }

    /// Tells where an input is.
    pub(super) fn set_input(&mut self, register: Register) {
        self.plan.inputs.push(register);
    }

    /// What a fused node's activation kept for its backward.
    ///
    /// # Panics
    /// Before [`Planner::set_saved`].
    pub(super) fn saved(&self, value: Value) -> Register {
        match self.saved[value.0] {
            Some(register) => register,
            None => unreachable!("a layer's forward runs before any backward"),
        }
    }

    /// Tells what a fused node's activation kept.
    pub(super) fn set_saved(&mut self, value: Value, register: Register) {
        self.saved[value.0] = Some(register);
    }

    /// What the activation of a value's node keeps for its backward, fused or
    /// not.
    pub(super) fn saved_of(&self, value: Value) -> Register {
        match self.node(value) {
            Node::Dense(_) => self.saved(value),
            Node::Nonlinearity(node) if node.activation.saves() == Saves::Input => {
                self.value(node.x)
            }
            _ => self.value(value),
        }
    }

    /// A row of numbers that a node's backward reads.
    ///
    /// # Panics
    /// Before [`Planner::set_shared`].
    pub(super) fn shared(&self, value: Value) -> Shared {
        match self.shared[value.0] {
            Some(shared) => shared,
            None => unreachable!("a node's forward runs before its backward"),
        }
    }

    /// Tells which row of numbers a node's backward reads.
    pub(super) fn set_shared(&mut self, value: Value, shared: Shared) {
        self.shared[value.0] = Some(shared);
    }

    /// Room for a row of numbers that all blocks share.
    pub(super) fn new_shared(&mut self, width: usize) -> Shared {
        self.plan.shared_widths.push(width);
        Shared(self.plan.shared_widths.len() - 1)
    }

    /// Room for sums per block.
    pub(super) fn new_sums(&mut self, width: usize) -> Sums {
        self.plan.sums_widths.push(width);
        Sums(self.plan.sums_widths.len() - 1)
    }

    /// Where the squared norms of a weight's columns are in each step.
    pub(super) fn column_norms(&mut self, weight: Parameter) -> Shared {
        let width = self.tape.shape(weight).map_or(0, |(_, cols)| cols);
        let norms = self.new_shared(width);
        self.plan.norms.push((weight, norms));
        norms
    }

    /// Appends what happens after the first region.
    pub(super) fn reduce(&mut self, reduction: impl Reduction + 'static) {
        self.plan.reductions.push(Box::new(reduction));
    }

    /// Appends what happens between forward and backward of all rows.
    pub(super) fn reduce_before_backward(&mut self, reduction: impl Reduction + 'static) {
        self.reduce(reduction);
        self.plan.waits = true;
    }

    /// Tells that W times these factors of its columns is a part of the
    /// gradient of W, unless it is frozen. The tape has checked that there are
    /// no others.
    pub(super) fn set_column_factors(&mut self, weight: Parameter, factors: Shared) {
        if !self.tape.is_frozen(weight) {
            self.plan.column_factors[weight.0] = Some(factors);
        }
    }

    /// Announces that an instruction reads the weight.
    pub(super) fn reads_weight(&mut self, weight: Weight) {
        let Parameter(number) = weight.parameter;
        let reads = &mut self.plan.reads[number];
        match weight.transposed {
            false => reads.plain = true,
            true => reads.transposed = true,
        }
        if let Ok((rows, cols)) = self.tape.shape(weight.parameter) {
            self.plan.weight_reads += rows * cols;
        }
    }

    /// Whether no parameter takes part in a value: it may be full of zeros.
    pub(super) fn is_data(&self, value: Value) -> bool {
        !self.tape.is_differentiable(value)
    }

    /// Whether backward should compute the gradient of a value.
    pub(super) fn wants_gradient(&self, value: Value) -> bool {
        self.tape.is_differentiable(value)
    }

    /// The gradient of a value, with the terms of all its readers. Backward
    /// may change it.
    ///
    /// # Panics
    /// If there is none; backward is not called then.
    pub(super) fn gradient(&self, value: Value) -> Register {
        match self.gradient_so_far(value) {
            Some(register) => register,
            None => unreachable!("backward runs where there is a gradient"),
        }
    }

    /// The gradient of a value as far as its readers have contributed.
    pub(super) fn gradient_so_far(&self, value: Value) -> Option<Register> {
        self.gradients[value.0].map(|gradient| gradient.register)
    }

    /// Whether the gradient of a value went through its node's activation and
    /// bias already: see [`Planner::pass_finished`].
    pub(super) fn is_finished(&self, value: Value) -> bool {
        self.gradients[value.0].is_some_and(|gradient| gradient.finished)
    }

    /// Hands a term of its gradient to a value, and the register with it. A
    /// value that no parameter takes part in ignores it.
    pub(super) fn pass(&mut self, value: Value, from: Register) {
        match self.gradient_so_far(value) {
            _ if !self.wants_gradient(value) => {}
            Some(to) => self.emit(Accumulate { from, to }),
            None => self.start_gradient(value, from),
        }
    }

    /// Hands a value its whole gradient, through its node's activation and
    /// bias already.
    pub(super) fn pass_finished(&mut self, value: Value, register: Register) {
        self.gradients[value.0] = Some(Gradient {
            register,
            finished: true,
        });
    }

    /// Sets the gradient that a node computed for itself in forward, as losses
    /// do.
    pub(super) fn start_gradient(&mut self, value: Value, register: Register) {
        self.gradients[value.0] = Some(Gradient {
            register,
            finished: false,
        });
    }

    /// Adds xᵀ·δ to the gradient of a weight unless it is frozen; for Wᵀ, δᵀ·x.
    /// Both registers stay as they are from here on.
    pub(super) fn weight_gradient(&mut self, weight: Weight, x: Value, delta: Register) {
        let (x, x_is_data) = (self.value(x), self.is_data(x));
        if self.tape.is_frozen(weight.parameter) {
            return;
        }
        let term = match weight.transposed {
            false => Term {
                x,
                delta,
                x_is_data,
            },
            true => Term {
                x: delta,
                delta: x,
                x_is_data: false,
            },
        };
        self.plan.terms[weight.parameter.0].push(term);
    }

    /// The sums per block that make up the gradient of a bias; none if it is
    /// frozen.
    pub(super) fn sums(&mut self, bias: Parameter) -> Option<Sums> {
        if self.tape.is_frozen(bias) || self.plan.sums[bias.0].is_some() {
            return self.plan.sums[bias.0];
        }
        let width = self.tape.shape(bias).map_or(0, |(_, cols)| cols);
        let sums = self.new_sums(width);
        self.plan.sums[bias.0] = Some(sums);
        Some(sums)
    }
}
