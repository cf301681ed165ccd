//! Recording: what a net computes, as a flat list of nodes.

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::noise::{Noise, check_dropout};

use super::id::{LossPart, Parameter, Stream, Value, Weight};
use super::node::{
    Add, AddBias, Corrupt, Dropout, Input, LayerNorm, LossNode, MatMul, Node, Nonlinearity,
};
use super::planner::{ParameterFacts, ValueFacts};
use super::shape::Shape;
use crate::error::{Error, Result};

/// A net, written down: nodes in the order of their creation, which is a
/// topological order, since a node can only use what exists.
///
/// Nothing is computed here. See the [module](super) for what follows.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    nodes: Vec<Recorded>,
    parameters: Vec<ParameterFacts>,
    /// How many nodes draw random numbers.
    streams: u16,
    /// By part of the loss, its factor.
    parts: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Recorded {
    node: Node,
    facts: ValueFacts,
}

impl Tape {
    /// A tape without nodes.
    pub fn new() -> Self {
        Tape::default()
    }

    /// A value that the caller fills, row by row, in every step: a number of features, or
    /// a [`Shape`] whose numbers a row has one after another.
    pub fn input(&mut self, shape: impl Into<Shape>) -> Value {
        self.push(Node::Input(Input), shape.into(), false)
    }

    /// A weight matrix, `inputs` × `outputs`.
    pub fn weight(&mut self, inputs: usize, outputs: usize) -> Parameter {
        self.parameter(inputs, outputs, false)
    }

    /// A vector such as a bias, one number for each feature: a matrix of one row.
    pub fn bias(&mut self, features: usize) -> Parameter {
        self.parameter(1, features, true)
    }

    /// Keeps a parameter as it is from here on: training changes no bit of it,
    /// computes no gradient for it, and none for what depends on frozen
    /// parameters alone.
    ///
    /// # Errors
    /// [`Error::Configuration`] for an unknown parameter, or one that is used
    /// already.
    pub fn freeze(&mut self, parameter: Parameter) -> Result<()> {
        let uses = self.known(parameter)?.uses;
        if uses > 0 {
            return Err(Error::configuration(
                "the number of uses of a parameter that is to be frozen",
                uses,
                "0; freeze it before its first use",
            ));
        }
        self.parameters[parameter.0].is_frozen = true;
        Ok(())
    }

    /// `x·W`, at each position of a sequence or a picture: `[T, F]` becomes `[T, outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless W has as many rows as `x` has channels;
    /// [`Error::Configuration`] for a bias in the place of a weight, or an unknown
    /// value or parameter.
    pub fn matmul(&mut self, x: Value, weight: Parameter) -> Result<Value> {
        self.product(x, weight, false)
    }

    /// `x·Wᵀ`: W is `outputs` × `inputs` here. With a weight that an encoder
    /// uses through [`Tape::matmul`], this is the decoder tied to it: both uses
    /// add to one gradient.
    ///
    /// # Errors
    /// As [`Tape::matmul`], for the columns of W.
    pub fn matmul_transposed(&mut self, x: Value, weight: Parameter) -> Result<Value> {
        self.product(x, weight, true)
    }

    /// `x` with the bias added at each position.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the bias has as many elements as `x` has
    /// channels; [`Error::Configuration`] for a weight in the place of a bias,
    /// or an unknown value or parameter.
    pub fn add_bias(&mut self, x: Value, bias: Parameter) -> Result<Value> {
        let facts = self.checked(x)?.facts;
        let vector = *self.used_vector("bias", bias, facts.shape)?;
        let node = Node::AddBias(AddBias { x, bias });
        let differentiable = facts.differentiable || !vector.is_frozen;
        Ok(self.push(node, facts.shape, differentiable))
    }

    /// The activation of each element of `x`, or of each row for softmax. The
    /// identity records nothing and returns `x`.
    ///
    /// # Errors
    /// [`Error::Configuration`] for an unknown value; [`Error::Kernels`] if the
    /// activation refuses its own parameters.
    pub fn activation(&mut self, x: Value, activation: Activation) -> Result<Value> {
        activation.check()?;
        let ValueFacts {
            shape,
            differentiable,
        } = self.checked(x)?.facts;
        if activation == Activation::Identity {
            return Ok(x);
        }
        let node = Node::Nonlinearity(Nonlinearity { x, activation });
        Ok(self.push(node, shape, differentiable))
    }

    /// `γ ⊙ (x − mean)/√(variance + ε) + β` with γ the `weight` and β the `bias`: each
    /// sample, or each position of a sequence or a picture, has mean 0 and variance 1
    /// over its channels, and is then scaled and shifted (Ba, Kiros and Hinton, "Layer
    /// normalization", 2016). The variance is the biased one.
    ///
    /// # Errors
    /// [`Error::Shape`] unless γ and β are vectors of as many elements as `x` has
    /// channels; [`Error::Configuration`] for a weight in the place of a vector, an ε
    /// that is not finite and positive, or an unknown value or parameter.
    pub fn layer_norm(
        &mut self,
        x: Value,
        weight: Parameter,
        bias: Parameter,
        epsilon: f32,
    ) -> Result<Value> {
        check_factor("the ε of a layer normalisation", epsilon)?;
        let facts = self.checked(x)?.facts;
        let weight_frozen = self.used_vector("γ", weight, facts.shape)?.is_frozen;
        let bias_frozen = self.used_vector("β", bias, facts.shape)?.is_frozen;
        let node = Node::LayerNorm(LayerNorm {
            x,
            weight,
            bias,
            epsilon,
        });
        let differentiable = facts.differentiable || !weight_frozen || !bias_frozen;
        Ok(self.push(node, facts.shape, differentiable))
    }

    /// `a + b`, such as a connection past some layers.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::Configuration`] for an
    /// unknown value.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value> {
        let (left, right) = (self.checked(a)?.facts, self.checked(b)?.facts);
        let shape = left.shape;
        if right.shape != shape {
            return Err(Error::shape(
                "the second value of a sum",
                format_args!("{} features", right.shape),
                shape,
            ));
        }
        let differentiable = left.differentiable || right.differentiable;
        Ok(self.push(Node::Add(Add { a, b }), shape, differentiable))
    }

    /// `x` with noise, in a training step; `x` itself in
    /// [`Program::loss`](super::Program::loss) and
    /// [`Inference`](super::Inference). Each such node and each step draws
    /// numbers of its own.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a value in which a parameter takes part (no
    /// gradient would pass), an unknown one, or more than 65 535 nodes that
    /// draw numbers; [`Error::Kernels`] if the noise refuses its strength.
    pub fn corrupt(&mut self, x: Value, noise: Noise) -> Result<Value> {
        noise.check()?;
        let ValueFacts {
            shape,
            differentiable,
        } = self.checked(x)?.facts;
        if differentiable {
            return Err(Error::configuration(
                "what noise is put on",
                "the output of a layer",
                "an input; for layers there is dropout",
            ));
        }
        let stream = self.stream()?;
        let node = Node::Corrupt(Corrupt { x, noise, stream });
        Ok(self.push(node, shape, false))
    }

    /// `x` with each feature dropped with a probability, in a training step:
    /// 0, or else `x / (1 − probability)`. `x` itself in
    /// [`Program::loss`](super::Program::loss) and
    /// [`Inference`](super::Inference). Probability 0 records nothing and
    /// returns `x`.
    ///
    /// # Errors
    /// [`Error::Configuration`] for an unknown value, or more than 65 535 nodes
    /// that draw numbers; [`Error::Kernels`] unless the probability is in
    /// [0, 1).
    pub fn dropout(&mut self, x: Value, probability: f32) -> Result<Value> {
        check_dropout(probability)?;
        let ValueFacts {
            shape,
            differentiable,
        } = self.checked(x)?.facts;
        if probability == 0.0 {
            return Ok(x);
        }
        let node = Node::Dropout(Dropout {
            x,
            probability,
            stream: self.stream()?,
        });
        Ok(self.push(node, shape, differentiable))
    }

    /// A dense layer, `activation(x·W + b)`: [`Tape::matmul`],
    /// [`Tape::add_bias`] and [`Tape::activation`], which the planner fuses.
    ///
    /// # Errors
    /// Those of the three.
    pub fn dense(
        &mut self,
        x: Value,
        weight: Parameter,
        bias: Option<Parameter>,
        activation: Activation,
    ) -> Result<Value> {
        let product = self.matmul(x, weight)?;
        self.finish_dense(product, bias, activation)
    }

    /// A dense layer with `Wᵀ`: [`Tape::matmul_transposed`],
    /// [`Tape::add_bias`] and [`Tape::activation`].
    ///
    /// # Errors
    /// Those of the three.
    pub fn dense_transposed(
        &mut self,
        x: Value,
        weight: Parameter,
        bias: Option<Parameter>,
        activation: Activation,
    ) -> Result<Value> {
        let product = self.matmul_transposed(x, weight)?;
        self.finish_dense(product, bias, activation)
    }

    /// What training minimises: the mean over the samples of the loss of
    /// `prediction` against `target`. Several losses add up.
    ///
    /// `target` is an input: another one, or that of an autoencoder itself,
    /// which is not copied.
    ///
    /// A loss that takes logits ([`Loss::takes_logits`]) and a prediction that
    /// is a sigmoid belong together: the loss then reads what the sigmoid
    /// read, and the sigmoid itself is computed for inference only. Any other
    /// prediction is taken for logits as it is.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::Configuration`] for a
    /// target that is no input, a prediction in which no parameter takes part that is not frozen,
    /// or an unknown value; [`Error::Kernels`] if the loss refuses its own
    /// parameters.
    pub fn loss(&mut self, loss: Loss, prediction: Value, target: Value) -> Result<LossPart> {
        self.scaled_loss(loss, prediction, target, 1.0)
    }

    /// [`Tape::loss`] times a factor that belongs to the loss itself, such as
    /// the number of features for a sum in the place of a mean over them:
    /// [`Program::parts`](super::Program::parts) has it too.
    ///
    /// # Errors
    /// As [`Tape::loss`], and [`Error::Configuration`] unless the factor is
    /// finite and positive.
    pub fn scaled_loss(
        &mut self,
        loss: Loss,
        prediction: Value,
        target: Value,
        scale: f32,
    ) -> Result<LossPart> {
        loss.check()?;
        check_factor("the factor of a loss", scale)?;
        let Recorded { node, facts } = self.checked(prediction)?;
        let (features, differentiable) = (facts.shape.len(), facts.differentiable);
        let prediction = match node {
            Node::Nonlinearity(sigmoid)
                if loss.takes_logits() && sigmoid.activation == Activation::Sigmoid =>
            {
                sigmoid.x
            }
            _ => prediction,
        };
        if !differentiable {
            return Err(Error::configuration(
                "the prediction of a loss",
                "free of parameters that training changes",
                "the output of a layer that is not frozen, or stands on one",
            ));
        }
        let from = self.checked(target)?;
        if !matches!(from.node, Node::Input(_)) {
            return Err(Error::configuration(
                "the target of a loss",
                "a computed value",
                "an input",
            ));
        }
        if from.facts.shape.len() != features {
            return Err(Error::shape(
                "the target of a loss",
                format_args!("{} features", from.facts.shape.len()),
                format_args!("{features}, those of the prediction"),
            ));
        }
        let part = self.part(1.0);
        let node = Node::Loss(LossNode {
            loss,
            prediction,
            target,
            part,
            scale,
        });
        self.push_goal(node);
        Ok(part)
    }

    /// How many numbers a sample of a value has.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a value of another, longer tape.
    pub fn features(&self, value: Value) -> Result<usize> {
        Ok(self.value_shape(value)?.len())
    }

    /// The shape of a sample of a value.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a value of another, longer tape.
    pub fn value_shape(&self, value: Value) -> Result<Shape> {
        Ok(self.checked(value)?.facts.shape)
    }

    /// The parameters, in the order of their creation.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = Parameter> + use<> {
        (0..self.parameters.len()).map(Parameter)
    }

    /// Rows and columns of a parameter; a bias has one row.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a parameter of another, longer tape.
    pub fn shape(&self, parameter: Parameter) -> Result<(usize, usize)> {
        let ParameterFacts { rows, cols, .. } = *self.known(parameter)?;
        Ok((rows, cols))
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0].node
    }

    /// What the planner wants to know of a value.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a value of another, longer tape.
    pub(super) fn facts(&self, value: Value) -> Result<ValueFacts> {
        Ok(self.checked(value)?.facts)
    }

    pub(super) fn is_differentiable(&self, value: Value) -> bool {
        self.nodes[value.0].facts.differentiable
    }

    /// By value, what the planner wants to know.
    pub(super) fn value_facts(&self) -> Vec<ValueFacts> {
        self.nodes.iter().map(|recorded| recorded.facts).collect()
    }

    /// The same by parameter.
    pub(super) fn parameter_facts(&self) -> &[ParameterFacts] {
        &self.parameters
    }

    pub(super) fn shapes(&self) -> impl Iterator<Item = (usize, usize)> {
        let parameters = self.parameters.iter();
        parameters.map(|&ParameterFacts { rows, cols, .. }| (rows, cols))
    }

    /// A stream of random numbers for a new node.
    pub(super) fn stream(&mut self) -> Result<Stream> {
        let stream = Stream(self.streams);
        self.streams = self.streams.checked_add(1).ok_or_else(|| {
            Error::configuration(
                "the number of nodes that draw random numbers",
                "65 536",
                "fewer",
            )
        })?;
        Ok(stream)
    }

    /// By part of the loss, its factor.
    pub(super) fn parts(&self) -> &[f32] {
        &self.parts
    }

    /// A new part of the loss.
    pub(super) fn part(&mut self, factor: f32) -> LossPart {
        self.parts.push(factor);
        LossPart(self.parts.len() - 1)
    }

    pub(super) fn push(&mut self, node: Node, shape: Shape, differentiable: bool) -> Value {
        let facts = ValueFacts {
            shape,
            differentiable,
        };
        self.nodes.push(Recorded { node, facts });
        Value(self.nodes.len() - 1)
    }

    /// A node that training minimises. What it computes is the part of the loss; its
    /// value is none that another node could read.
    pub(super) fn push_goal(&mut self, node: Node) {
        self.push(node, Shape::from(1), true);
    }

    fn parameter(&mut self, rows: usize, cols: usize, is_vector: bool) -> Parameter {
        self.parameters.push(ParameterFacts {
            rows,
            cols,
            is_vector,
            is_frozen: false,
            uses: 0,
        });
        Parameter(self.parameters.len() - 1)
    }

    fn product(&mut self, x: Value, parameter: Parameter, transposed: bool) -> Result<Value> {
        let ValueFacts {
            shape,
            differentiable,
        } = self.checked(x)?.facts;
        let matrix = *self.used(parameter, false)?;
        let (inputs, outputs) = match transposed {
            false => (matrix.rows, matrix.cols),
            true => (matrix.cols, matrix.rows),
        };
        if inputs != shape.channels() {
            return Err(Error::shape(
                "weight",
                format_args!("{inputs} inputs × {outputs} outputs"),
                format_args!("{} inputs, the features of its value", shape.channels()),
            ));
        }
        let weight = Weight {
            parameter,
            transposed,
        };
        self.parameters[parameter.0].uses += 1;
        let node = Node::MatMul(MatMul { x, weight });
        let differentiable = differentiable || !matrix.is_frozen;
        Ok(self.push(node, shape.with_channels(outputs), differentiable))
    }

    fn finish_dense(
        &mut self,
        product: Value,
        bias: Option<Parameter>,
        activation: Activation,
    ) -> Result<Value> {
        let sum = match bias {
            Some(bias) => self.add_bias(product, bias)?,
            None => product,
        };
        self.activation(sum, activation)
    }

    fn checked(&self, value: Value) -> Result<&Recorded> {
        let known = self.nodes.len();
        match self.nodes.get(value.0) {
            Some(recorded) => Ok(recorded),
            None => Err(Error::configuration(
                "a value",
                format_args!("number {}", value.0),
                format_args!("one of this tape, which has {known}"),
            )),
        }
    }

    fn known(&self, parameter: Parameter) -> Result<&ParameterFacts> {
        let known = self.parameters.len();
        self.parameters.get(parameter.0).ok_or_else(|| {
            Error::configuration(
                "a parameter",
                format_args!("number {}", parameter.0),
                format_args!("one of this tape, which has {known}"),
            )
        })
    }

    /// A parameter that is about to be used.
    fn used(&self, parameter: Parameter, as_vector: bool) -> Result<&ParameterFacts> {
        let facts = self.known(parameter)?;
        if facts.is_vector != as_vector {
            let name = |is_vector| if is_vector { "a bias" } else { "a weight" };
            return Err(Error::configuration(
                "a parameter",
                name(facts.is_vector),
                name(as_vector),
            ));
        }
        Ok(facts)
    }

    /// Counts the use of a vector that has a number for each channel of a shape.
    pub(super) fn used_vector(
        &mut self,
        what: &'static str,
        parameter: Parameter,
        shape: Shape,
    ) -> Result<&ParameterFacts> {
        let elements = self.used(parameter, true)?.cols;
        if elements != shape.channels() {
            return Err(Error::shape(
                what,
                format_args!("{elements} elements"),
                format_args!("{}, the features of its value", shape.channels()),
            ));
        }
        let facts = &mut self.parameters[parameter.0];
        facts.uses += 1;
        Ok(facts)
    }
}

/// Fails unless the factor is finite and positive.
pub(super) fn check_factor(option: &'static str, factor: f32) -> Result<()> {
    if factor > 0.0 && factor.is_finite() {
        Ok(())
    } else {
        Err(Error::configuration(
            option,
            factor,
            "a positive finite number",
        ))
    }
}
