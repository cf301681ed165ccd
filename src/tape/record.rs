//! Recording: what a net computes, as a flat list of nodes.

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::dense::MAX_TERMS;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::noise::{Noise, check_dropout};

use super::instruction::Stream;
use super::node::{
    Add, AddBias, Corrupt, Dropout, Input, LossNode, MatMul, Node, Nonlinearity, Weight,
};
use crate::error::{Error, Result};

/// A matrix that a tape computes: one row for each sample of a minibatch, a
/// fixed number of features. A number of the node that computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub(super) usize);

/// A weight matrix or a bias that a tape uses and training changes; a number
/// into [`Parameters`](super::Parameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parameter(pub(super) usize);

/// A part of the loss: a loss, or a penalty, whose factor may change from step
/// to step ([`Program::set_factor`](super::Program::set_factor)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LossPart(pub(super) usize);

/// Most parts of a loss.
pub(super) const MAX_PARTS: usize = 8;

/// A net, written down: nodes in the order of their creation, which is a
/// topological order, since a node can only use what exists.
///
/// Nothing is computed here. See the [module](super) for what follows.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    nodes: Vec<Recorded>,
    parameters: Vec<Shape>,
    /// How many nodes draw random numbers.
    streams: u16,
    /// By part of the loss, its factor.
    parts: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Recorded {
    node: Node,
    features: usize,
    /// Whether a parameter that is not frozen takes part in it.
    differentiable: bool,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    rows: usize,
    cols: usize,
    is_bias: bool,
    is_frozen: bool,
    uses: usize,
}

impl Tape {
    /// A tape without nodes.
    pub fn new() -> Self {
        Tape::default()
    }

    /// A value that the caller fills, row by row, in every step.
    pub fn input(&mut self, features: usize) -> Value {
        self.push(Node::Input(Input), features, false)
    }

    /// A weight matrix, `inputs` × `outputs`.
    pub fn weight(&mut self, inputs: usize, outputs: usize) -> Parameter {
        self.parameter(inputs, outputs, false)
    }

    /// A bias, one number for each feature: a matrix of one row.
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

    /// `x·W`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless W has as many rows as `x` has features;
    /// [`Error::Configuration`] for a bias in the place of a weight, an unknown
    /// value or parameter, or the ninth use of one weight.
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

    /// `x` with the bias added to each row.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the bias has as many elements as `x` has
    /// features; [`Error::Configuration`] for a weight in the place of a bias,
    /// or an unknown value or parameter.
    pub fn add_bias(&mut self, x: Value, bias: Parameter) -> Result<Value> {
        let Recorded {
            features,
            differentiable,
            ..
        } = *self.checked(x)?;
        let shape = *self.used(bias, true)?;
        if shape.cols != features {
            return Err(Error::shape(
                "bias",
                format_args!("{} elements", shape.cols),
                format_args!("{features}, the features of its value"),
            ));
        }
        self.parameters[bias.0].uses += 1;
        let node = Node::AddBias(AddBias { x, bias });
        Ok(self.push(node, features, differentiable || !shape.is_frozen))
    }

    /// The activation of each element of `x`, or of each row for softmax. The
    /// identity records nothing and returns `x`.
    ///
    /// # Errors
    /// [`Error::Configuration`] for an unknown value; [`Error::Kernels`] if the
    /// activation refuses its own parameters.
    pub fn activation(&mut self, x: Value, activation: Activation) -> Result<Value> {
        activation.check()?;
        let Recorded {
            features,
            differentiable,
            ..
        } = *self.checked(x)?;
        if activation == Activation::Identity {
            return Ok(x);
        }
        let node = Node::Nonlinearity(Nonlinearity { x, activation });
        Ok(self.push(node, features, differentiable))
    }

    /// `a + b`, such as a connection past some layers.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::Configuration`] for an
    /// unknown value.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value> {
        let (left, right) = (self.checked(a)?, self.checked(b)?);
        let features = left.features;
        if right.features != features {
            return Err(Error::shape(
                "the second value of a sum",
                format_args!("{} features", right.features),
                features,
            ));
        }
        let differentiable = left.differentiable || right.differentiable;
        Ok(self.push(Node::Add(Add { a, b }), features, differentiable))
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
        let Recorded {
            features,
            differentiable,
            ..
        } = *self.checked(x)?;
        if differentiable {
            return Err(Error::configuration(
                "what noise is put on",
                "the output of a layer",
                "an input; for layers there is dropout",
            ));
        }
        let stream = self.stream()?;
        let node = Node::Corrupt(Corrupt { x, noise, stream });
        Ok(self.push(node, features, false))
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
        let Recorded {
            features,
            differentiable,
            ..
        } = *self.checked(x)?;
        if probability == 0.0 {
            return Ok(x);
        }
        let node = Node::Dropout(Dropout {
            x,
            probability,
            stream: self.stream()?,
        });
        Ok(self.push(node, features, differentiable))
    }

    /// A dense layer, `activation(x·W + b)`: [`Tape::matmul`],
    /// [`Tape::add_bias`] and [`Tape::activation`], which the planner fuses.
    ///
    /// # Errors
    /// Theirs.
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
    /// Theirs.
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
        let Recorded {
            ref node,
            features,
            differentiable,
        } = *self.checked(prediction)?;
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
        if from.features != features {
            return Err(Error::shape(
                "the target of a loss",
                format_args!("{} features", from.features),
                format_args!("{features}, those of the prediction"),
            ));
        }
        let part = self.part(1.0)?;
        let node = Node::Loss(LossNode {
            loss,
            prediction,
            target,
            part,
            scale,
        });
        self.push(node, 0, true);
        Ok(part)
    }

    /// The number of features of a value.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a value of another, longer tape.
    pub fn features(&self, value: Value) -> Result<usize> {
        Ok(self.checked(value)?.features)
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
        let Shape { rows, cols, .. } = *self.known(parameter)?;
        Ok((rows, cols))
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0].node
    }

    pub(super) fn width(&self, value: Value) -> usize {
        self.nodes[value.0].features
    }

    pub(super) fn is_differentiable(&self, value: Value) -> bool {
        self.nodes[value.0].differentiable
    }

    pub(super) fn is_frozen(&self, parameter: Parameter) -> bool {
        self.parameters[parameter.0].is_frozen
    }

    pub(super) fn shapes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.parameters
            .iter()
            .map(|&Shape { rows, cols, .. }| (rows, cols))
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
    pub(super) fn part(&mut self, factor: f32) -> Result<LossPart> {
        if self.parts.len() == MAX_PARTS {
            return Err(Error::configuration(
                "the number of losses and penalties on one tape",
                MAX_PARTS + 1,
                format_args!("at most {MAX_PARTS}"),
            ));
        }
        self.parts.push(factor);
        Ok(LossPart(self.parts.len() - 1))
    }

    pub(super) fn push(&mut self, node: Node, features: usize, differentiable: bool) -> Value {
        self.nodes.push(Recorded {
            node,
            features,
            differentiable,
        });
        Value(self.nodes.len() - 1)
    }

    fn parameter(&mut self, rows: usize, cols: usize, is_bias: bool) -> Parameter {
        self.parameters.push(Shape {
            rows,
            cols,
            is_bias,
            is_frozen: false,
            uses: 0,
        });
        Parameter(self.parameters.len() - 1)
    }

    fn product(&mut self, x: Value, parameter: Parameter, transposed: bool) -> Result<Value> {
        let Recorded {
            features,
            differentiable,
            ..
        } = *self.checked(x)?;
        let shape = *self.used(parameter, false)?;
        let (inputs, outputs) = match transposed {
            false => (shape.rows, shape.cols),
            true => (shape.cols, shape.rows),
        };
        if inputs != features {
            return Err(Error::shape(
                "weight",
                format_args!("{inputs} inputs × {outputs} outputs"),
                format_args!("{features} inputs, the features of its value"),
            ));
        }
        let weight = Weight {
            parameter,
            transposed,
        };
        self.parameters[parameter.0].uses += 1;
        let node = Node::MatMul(MatMul { x, weight });
        Ok(self.push(node, outputs, differentiable || !shape.is_frozen))
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

    fn known(&self, parameter: Parameter) -> Result<&Shape> {
        let known = self.parameters.len();
        self.parameters.get(parameter.0).ok_or_else(|| {
            Error::configuration(
                "a parameter",
                format_args!("number {}", parameter.0),
                format_args!("one of this tape, which has {known}"),
            )
        })
    }

    /// The shape of a parameter that is about to be used.
    fn used(&self, parameter: Parameter, as_bias: bool) -> Result<&Shape> {
        let shape = self.known(parameter)?;
        if shape.is_bias != as_bias {
            let name = |is_bias| if is_bias { "a bias" } else { "a weight" };
            return Err(Error::configuration(
                "a parameter",
                name(shape.is_bias),
                name(as_bias),
            ));
        }
        if !as_bias && shape.uses >= MAX_TERMS {
            return Err(Error::configuration(
                "the number of uses of one weight",
                shape.uses + 1,
                format_args!("at most {MAX_TERMS}"),
            ));
        }
        Ok(shape)
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
