//! [`Plan`], what planning makes; [`Operation`], what a kind of node is; and
//! [`Planner`], through which nodes emit their instructions.

use std::fmt;

use autoencoder_kernels::activation::Activation;

use super::copies::Reads;
use super::id::{Parameter, Register, Shared, Sums, Value, Weight};
use super::instruction::Instruction;
use super::moves::{Accumulate, Copy, Zero};
use super::reduction::Reduction;
use super::shape::Shape;
use super::view::View;

/// What a plan computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The value of every loss, and the gradient of every parameter.
    Training,
    /// One value, and nothing that it does not depend on.
    Value(Value),
}

/// A tape, ready to be replayed on blocks of rows.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) instructions: Vec<Box<dyn Instruction>>,
    /// The number of the first instruction of the backward pass. The losses are complete
    /// before it.
    pub(super) backward: usize,
    /// The number of columns of each buffer.
    pub(super) buffers: Vec<usize>,
    /// For each weight, the pairs of views whose products xᵀ·δ add up to its gradient.
    pub(super) terms: Vec<Vec<Term>>,
    /// For each vector (bias or scale), the sums per block that add up to its gradient.
    pub(super) sums: Vec<Option<Sums>>,
    /// The number of elements of each of the sums per block.
    pub(super) sums_widths: Vec<usize>,
    /// The number of elements of each row that all blocks share.
    pub(super) shared_widths: Vec<usize>,
    /// Weights whose columns' squared norms are computed before each step, and the shared
    /// row that they go to.
    pub(super) norms: Vec<(Parameter, Shared)>,
    /// What is done with sums over all rows once the forward pass of all blocks is done.
    pub(super) reductions: Vec<Box<dyn Reduction>>,
    /// Whether the backward pass reads the result of a reduction, so that it waits for
    /// the forward pass of all rows.
    pub(super) waits: bool,
    /// For each parameter, the factors of its columns that are a part of its
    /// gradient.
    pub(super) column_factors: Vec<Option<Shared>>,
    /// How many losses and penalties the tape has.
    pub(super) parts: usize,
    /// For each weight, whether products read it as it is, transposed, or both.
    pub(super) reads: Vec<Reads>,
    /// Whether an instruction folds a sample's numbers into several rows.
    pub(super) folds: bool,
    /// The registers of the inputs.
    pub(super) inputs: Vec<Register>,
    /// The register of the value that was asked for; none in training.
    pub(super) result: Option<Register>,
    /// The number of elements of all weights, each counted as often as products read it.
    pub(super) weight_reads: usize,
    /// The number of elements of all parameters.
    pub(super) weights: usize,
}

/// One use of a weight: the pair of views that adds xᵀ·δ to its gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) x: View,
    pub(super) delta: View,
    /// Whether x is made of data alone, which may be full of zeros.
    pub(super) x_is_data: bool,
}

/// What the planner knows of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueFacts {
    pub(super) shape: Shape,
    /// Whether a parameter that is not frozen takes part in it.
    pub(super) differentiable: bool,
}

/// What the planner knows of a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParameterFacts {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) is_vector: bool,
    pub(super) is_frozen: bool,
    pub(super) uses: usize,
}

/// How a node becomes instructions. `me` is the node's own value.
pub(super) trait Operation: fmt::Debug {
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

    /// Whether the caller provides the value.
    fn is_input(&self) -> bool {
        false
    }

    /// Whether backward reads the value itself, so that nobody may change it
    /// after forward.
    fn keeps_value(&self) -> bool {
        false
    }

    /// Whether the value is numbers of another one, in the same memory.
    fn is_view(&self) -> bool {
        false
    }

    /// What the activation of this node, of value `me`, keeps for its backward.
    fn saved(&self, me: Value, plan: &Planner<'_>) -> View {
        plan.value(me)
    }

    /// How a kernel that computes the gradient of the value can finish it, by what this
    /// node would do with it first.
    fn finish(&self) -> Option<Finish> {
        None
    }
}

/// What turns the gradient of a value into the δ of its node, in the kernel that
/// computes the gradient: the derivative of an activation, and the sums over the
/// samples that are the gradient of a bias.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish {
    pub(super) activation: Activation,
    pub(super) bias: Option<Parameter>,
}

/// The state of planning, through which nodes emit their instructions.
pub(super) struct Planner<'a> {
    training: bool,
    /// By value; None where a node is not needed or part of a fused one.
    nodes: Vec<Option<&'a dyn Operation>>,
    /// By value: how many nodes read it, one more for the goal.
    uses: &'a [usize],
    facts: &'a [ValueFacts],
    parameters: &'a [ParameterFacts],
    values: Vec<Option<View>>,
    saved: Vec<Option<View>>,
    shared: Vec<Option<Shared>>,
    gradients: Vec<Option<PassedGradient>>,
    plan: Plan,
}

#[derive(Clone, Copy)]
struct PassedGradient {
    view: View,
    /// Whether the kernel that computed it has applied the derivative of the node's
    /// activation and added up the bias gradient already.
    finished: bool,
}

impl<'a> Planner<'a> {
    /// Lowers nodes to instructions: forward in the order of recording, backward in
    /// reverse. `nodes` has the live ones, after fusion, each in the place of its value;
    /// `uses` counts who reads each, once more for the goal.
    pub(super) fn lower(
        goal: Goal,
        nodes: Vec<Option<&'a dyn Operation>>,
        uses: &'a [usize],
        facts: &'a [ValueFacts],
        parameters: &'a [ParameterFacts],
        parts: usize,
    ) -> Plan {
        let count = nodes.len();
        let weights = parameters.iter().map(|p| p.rows.saturating_mul(p.cols));
        let mut planner = Planner {
            training: goal == Goal::Training,
            uses,
            facts,
            parameters,
            values: vec![None; count],
            saved: vec![None; count],
            shared: vec![None; count],
            gradients: vec![None; count],
            plan: Plan {
                terms: vec![Vec::new(); parameters.len()],
                sums: vec![None; parameters.len()],
                reads: vec![Reads::default(); parameters.len()],
                column_factors: vec![None; parameters.len()],
                parts,
                weights: weights.fold(0, usize::saturating_add),
                ..Plan::default()
            },
            nodes,
        };
        for place in 0..count {
            if let Some(node) = planner.nodes[place] {
                node.forward(Value(place), &mut planner);
            }
        }
        planner.plan.backward = planner.plan.instructions.len();
        for place in (0..count).rev() {
            if let Some(node) = planner.nodes[place]
                && (planner.gradients[place].is_some() || node.is_goal())
            {
                node.backward(Value(place), &mut planner);
            }
        }
        if let Goal::Value(value) = goal {
            // The caller gets the value as the rows of a matrix of its own.
            let view = planner.value(value);
            let is_whole = view.width() == planner.plan.buffers[view.register.0];
            let result = match is_whole {
                true => view,
                false => planner.copy_of(value),
            };
            planner.plan.result = Some(result.register);
        }
        planner.plan
    }

    /// Whether the plan has a backward pass.
    pub(super) fn is_training(&self) -> bool {
        self.training
    }

    /// The shape of a sample of a value.
    pub(super) fn shape(&self, value: Value) -> Shape {
        self.facts[value.0].shape
    }

    /// How many numbers a sample of a value has.
    pub(super) fn width(&self, value: Value) -> usize {
        self.shape(value).len()
    }

    /// What computes a value, after fusion.
    ///
    /// # Panics
    /// If it is not part of the plan.
    fn node(&self, value: Value) -> &'a dyn Operation {
        match self.nodes[value.0] {
            Some(node) => node,
            None => unreachable!("a live node reads only live values"),
        }
    }

    /// How the gradient of a value can be finished by the kernel that computes it: where
    /// one node alone sends a gradient there, and the value's node says how.
    pub(super) fn finish(&self, value: Value) -> Option<Finish> {
        self.node(value)
            .finish()
            .filter(|_| self.is_used_once(value))
    }

    /// Whether one node alone reads the value.
    pub(super) fn is_used_once(&self, value: Value) -> bool {
        self.uses[value.0] == 1
    }

    /// A new register.
    pub(super) fn register(&mut self, width: usize) -> View {
        self.plan.buffers.push(width);
        View::whole(Register(self.plan.buffers.len() - 1), width)
    }

    /// A view with a row for each position of a shape, whose numbers are the channels.
    /// Some columns of a register are copied first, if there are several positions.
    pub(super) fn by_position(&mut self, view: View, shape: Shape) -> View {
        let positions = shape.positions();
        if positions == 1 {
            return view;
        }
        self.plan.folds = true;
        if view.width() == self.plan.buffers[view.register.0] {
            return view.folded(positions);
        }
        let copy = self.register(view.width());
        self.emit(Copy {
            from: view,
            to: copy,
        });
        copy.folded(positions)
    }

    /// Appends an instruction.
    pub(super) fn emit(&mut self, instruction: impl Instruction + 'static) {
        self.plan.instructions.push(Box::new(instruction));
    }

    /// The view of a value.
    ///
    /// # Panics
    /// If the forward instructions of its node are not emitted yet.
    pub(super) fn value(&self, value: Value) -> View {
        match self.values[value.0] {
            Some(view) => view,
            None => unreachable!("forward runs in the order of recording"),
        }
    }

    /// A register that holds the value and may be changed: its own where
    /// nobody else will read it, a copy elsewhere.
    pub(super) fn value_to_change(&mut self, value: Value) -> View {
        let node = self.node(value);
        // Outside of training, an input may be memory of the caller's.
        let kept = match self.training {
            true => node.keeps_value(),
            false => node.is_input(),
        };
        if self.is_used_once(value) && !kept && !node.is_view() {
            return self.value(value);
        }
        self.copy_of(value)
    }

    fn copy_of(&mut self, value: Value) -> View {
        let from = self.value(value);
        let to = self.register(self.width(value));
        self.emit(Copy { from, to });
        to
    }

    /// Records that a value is equal to an earlier one.
    pub(super) fn set_same_value(&mut self, value: Value, as_value: Value) {
        let view = self.value_to_change(as_value);
        self.set_value(value, view);
    }

    /// Records the view of a value.
    pub(super) fn set_value(&mut self, value: Value, view: View) {
        self.values[value.0] = Some(view);
    }

    /// Records the register of an input.
    pub(super) fn set_input(&mut self, view: View) {
        self.plan.inputs.push(view.register);
    }

    /// What a node's forward pass saved for its backward pass.
    ///
    /// # Panics
    /// If [`Planner::set_saved`] was not called before.
    pub(super) fn saved(&self, value: Value) -> View {
        match self.saved[value.0] {
            Some(view) => view,
            None => unreachable!("a layer's forward runs before any backward"),
        }
    }

    /// Records what a node's forward pass saved for its backward pass.
    pub(super) fn set_saved(&mut self, value: Value, view: View) {
        self.saved[value.0] = Some(view);
    }

    /// What the activation of a value's node saves for its backward pass, whether the
    /// node is fused or not.
    pub(super) fn saved_of(&self, value: Value) -> View {
        self.node(value).saved(value, self)
    }

    /// The shared row that a node's backward pass reads.
    ///
    /// # Panics
    /// If [`Planner::set_shared`] was not called before.
    pub(super) fn shared(&self, value: Value) -> Shared {
        match self.shared[value.0] {
            Some(shared) => shared,
            None => unreachable!("a node's forward runs before its backward"),
        }
    }

    /// Records the shared row that a node's backward pass reads.
    pub(super) fn set_shared(&mut self, value: Value, shared: Shared) {
        self.shared[value.0] = Some(shared);
    }

    /// A new row of numbers that all blocks share.
    pub(super) fn new_shared(&mut self, width: usize) -> Shared {
        self.plan.shared_widths.push(width);
        Shared(self.plan.shared_widths.len() - 1)
    }

    /// New sums per block.
    pub(super) fn new_sums(&mut self, width: usize) -> Sums {
        self.plan.sums_widths.push(width);
        Sums(self.plan.sums_widths.len() - 1)
    }

    /// A new shared row that gets the squared norms of a weight's columns before each
    /// step.
    pub(super) fn column_norms(&mut self, weight: Parameter) -> Shared {
        let width = self.parameters[weight.0].cols;
        let norms = self.new_shared(width);
        self.plan.norms.push((weight, norms));
        norms
    }

    /// Appends a reduction, which runs after the first region.
    pub(super) fn reduce(&mut self, reduction: impl Reduction + 'static) {
        self.plan.reductions.push(Box::new(reduction));
    }

    /// Appends a reduction that runs after the forward pass of all rows and before the
    /// backward pass of any.
    pub(super) fn reduce_before_backward(&mut self, reduction: impl Reduction + 'static) {
        self.reduce(reduction);
        self.plan.waits = true;
    }

    /// Records that each column of W times its factor is a term of the gradient of W,
    /// unless W is frozen. The tape has checked that W has only one such term.
    pub(super) fn set_column_factors(&mut self, weight: Parameter, factors: Shared) {
        if !self.is_frozen(weight) {
            self.plan.column_factors[weight.0] = Some(factors);
        }
    }

    /// Counts that an instruction reads a weight.
    pub(super) fn reads_weight(&mut self, weight: Weight) {
        let Parameter(number) = weight.parameter;
        let reads = &mut self.plan.reads[number];
        match weight.transposed {
            false => reads.plain = true,
            true => reads.transposed = true,
        }
        let ParameterFacts { rows, cols, .. } = self.parameters[number];
        self.plan.weight_reads += rows * cols;
    }

    /// Whether a value is computed from inputs alone. It may hold many zeros, such as the
    /// background of pictures.
    pub(super) fn is_data(&self, value: Value) -> bool {
        !self.facts[value.0].differentiable
    }

    /// Whether backward should compute the gradient of a value.
    pub(super) fn wants_gradient(&self, value: Value) -> bool {
        self.facts[value.0].differentiable
    }

    /// The gradient of a value, with the terms of all its readers. Backward
    /// may change it.
    ///
    /// # Panics
    /// If there is none; backward is not called then.
    pub(super) fn gradient(&self, value: Value) -> View {
        match self.gradient_so_far(value) {
            Some(view) => view,
            None => unreachable!("backward runs where there is a gradient"),
        }
    }

    /// The gradient of a value as far as its readers have contributed.
    pub(super) fn gradient_so_far(&self, value: Value) -> Option<View> {
        self.gradients[value.0].map(|gradient| gradient.view)
    }

    /// Whether the gradient of a value is δ of its node already: see
    /// [`Planner::pass_finished`].
    pub(super) fn is_finished(&self, value: Value) -> bool {
        self.gradients[value.0].is_some_and(|gradient| gradient.finished)
    }

    /// Adds a term to the gradient of a value; the first one becomes the gradient, and its
    /// register with it. Nothing happens for a value that no parameter takes part in.
    pub(super) fn pass(&mut self, value: Value, from: View) {
        match self.gradient_so_far(value) {
            _ if !self.wants_gradient(value) => {}
            Some(to) => self.emit(Accumulate { from, to }),
            None => self.start_gradient(value, from),
        }
    }

    /// Adds a term to the gradient of some columns of a value. Nothing happens for a value
    /// that no parameter takes part in.
    pub(super) fn pass_columns(&mut self, value: Value, from: View, start: usize) {
        if !self.wants_gradient(value) {
            return;
        }
        let to = match self.gradient_so_far(value) {
            Some(to) => to,
            None => {
                let to = self.register(self.width(value));
                self.emit(Zero { to });
                self.start_gradient(value, to);
                to
            }
        };
        let to = to.columns(start..start + from.width());
        self.emit(Accumulate { from, to });
    }

    /// Sets the whole gradient of a value, as δ of its node: the derivative of the
    /// activation is applied, and the bias gradient added up ([`Finish`]).
    pub(super) fn pass_finished(&mut self, value: Value, view: View) {
        self.gradients[value.0] = Some(PassedGradient {
            view,
            finished: true,
        });
    }

    /// Sets the gradient that a node computed for itself in forward, as losses
    /// do.
    pub(super) fn start_gradient(&mut self, value: Value, view: View) {
        self.gradients[value.0] = Some(PassedGradient {
            view,
            finished: false,
        });
    }

    /// Adds xᵀ·δ to the gradient of a weight unless it is frozen; for Wᵀ, δᵀ·x. Where
    /// the samples have several positions, the rows of x and δ are these.
    /// Both registers stay as they are from here on.
    pub(super) fn weight_gradient(&mut self, weight: Weight, x: Value, delta: View) {
        let (shape, x_is_data) = (self.shape(x), self.is_data(x));
        if self.is_frozen(weight.parameter) {
            return;
        }
        let x = self.value(x);
        let (x, delta) = (self.by_position(x, shape), self.by_position(delta, shape));
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

    /// The sums per block that make up the gradient of a vector; none if it is
    /// frozen.
    pub(super) fn sums(&mut self, parameter: Parameter) -> Option<Sums> {
        if self.is_frozen(parameter) || self.plan.sums[parameter.0].is_some() {
            return self.plan.sums[parameter.0];
        }
        let sums = self.new_sums(self.parameters[parameter.0].cols);
        self.plan.sums[parameter.0] = Some(sums);
        Some(sums)
    }

    fn is_frozen(&self, parameter: Parameter) -> bool {
        self.parameters[parameter.0].is_frozen
    }
}
