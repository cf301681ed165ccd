//! y = act(x·W + b) in one pass: what fusion makes of a product and what
//! follows it.
//!
//! With z = x·W + b, the layer needs δ = the gradient of z. Where one dense
//! layer follows another, the upper one's backward hands it down finished: the
//! kernel that computes δ·Wᵀ multiplies by act′ of the layer below while the
//! numbers are in registers, and adds up that layer's bias gradient too.

use autoencoder_kernels::activation::{Activation, Saves};
use autoencoder_kernels::dense;

use super::add_bias::bias_gradient;
use super::{activation, matmul};
use crate::error::Result;
use crate::tape::id::{Parameter, Register, Sums, Value, Weight};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Finish, Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Dense {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) weight: Weight,
    pub(in crate::tape) bias: Option<Parameter>,
    pub(in crate::tape) activation: Activation,
}

impl Dense {
    /// Whether nothing but the product is in it yet.
    pub(in crate::tape) fn is_plain(&self) -> bool {
        self.bias.is_none() && self.is_linear()
    }

    /// Whether it has no activation yet.
    pub(in crate::tape) fn is_linear(&self) -> bool {
        self.activation == Activation::Identity
    }

    /// Emits what turns δ into the gradients of the weight and of x.
    pub(super) fn backward_from_delta(&self, delta: View, plan: &mut Planner<'_>) {
        plan.weight_gradient(self.weight, self.x, delta);
        if !plan.wants_gradient(self.x) {
            return;
        }
        // Where this layer is the only one to send a gradient, it finishes it.
        let Some(below) = plan.finish(self.x) else {
            return matmul::backward_input(self.x, self.weight, delta, plan);
        };
        let weight = self.weight.transpose();
        plan.reads_weight(weight);
        let (to, shape) = (plan.register(plan.width(self.x)), plan.shape(self.x));
        let sums = below.bias.and_then(|bias| plan.sums(bias));
        let is_linear = below.activation == Activation::Identity;
        let saved = (!is_linear).then(|| plan.saved_of(self.x));
        let instruction = DenseBackwardInput {
            delta: plan.by_position(delta, shape),
            weight,
            activation: below.activation,
            saved: saved.map(|saved| plan.by_position(saved, shape)),
            to: plan.by_position(to, shape),
            sums,
        };
        plan.emit(instruction);
        plan.pass_finished(self.x, to);
    }
}

impl Operation for Dense {
    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let width = plan.width(me);
        let to = plan.register(width);
        let keeps_input = plan.is_training()
            && !self.is_linear()
            && matches!(self.activation.saves(), Saves::Input);
        let pre_activation = keeps_input.then(|| plan.register(width));
        plan.reads_weight(self.weight);
        let (x, shape) = (plan.value(self.x), plan.shape(me));
        let instruction = DenseForward {
            x: plan.by_position(x, shape),
            x_is_data: plan.is_data(self.x),
            weight: self.weight,
            bias: self.bias,
            activation: self.activation,
            to: plan.by_position(to, shape),
            pre_activation: pre_activation.map(|z| plan.by_position(z, shape)),
        };
        plan.emit(instruction);
        plan.set_value(me, to);
        plan.set_saved(me, pre_activation.unwrap_or(to));
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        if !plan.is_finished(me) {
            if !self.is_linear() {
                activation::backward(self.activation, plan.saved(me), delta, plan);
            }
            if let Some(bias) = self.bias {
                bias_gradient(bias, me, delta, plan);
            }
        }
        self.backward_from_delta(delta, plan);
    }

    fn keeps_value(&self) -> bool {
        !self.is_linear()
    }

    fn saved(&self, me: Value, plan: &Planner<'_>) -> View {
        plan.saved(me)
    }

    fn finish(&self) -> Option<Finish> {
        Some(Finish {
            activation: self.activation,
            bias: self.bias,
        })
    }
}

/// Outputs from which it pays to look for zeros in rows that come from memory, not
/// from a block's buffer: they come twice then. (784-32 takes 1.25 of the time.)
const WIDE: usize = 64;

/// Elements of the rows up to which it pays always: the second time, they come from
/// L1. (A digit, 784-32, takes half of the time.)
const FEW: usize = 1 << 13;

#[derive(Debug)]
struct DenseForward {
    x: View,
    /// Whether it may be full of zeros.
    x_is_data: bool,
    weight: Weight,
    bias: Option<Parameter>,
    activation: Activation,
    to: View,
    pre_activation: Option<View>,
}

impl Instruction for DenseForward {
    fn registers(&mut self) -> Vec<&mut Register> {
        let mut all = vec![&mut self.x.register, &mut self.to.register];
        all.extend(self.pre_activation.as_mut().map(|z| &mut z.register));
        all
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (context, weights) = (frame.context, frame.weights);
        let is_filled = frame
            .input
            .is_none_or(|input| input.register != self.x.register);
        let (x, output, pre_activation) = match self.pre_activation {
            Some(z) => {
                let ([x], [output, z]) = frame.access([self.x], [self.to, z]);
                (x, output, Some(z))
            }
            None => {
                let ([x], [output]) = frame.access([self.x], [self.to]);
                (x, output, None)
            }
        };
        let pays = is_filled || output.cols() >= WIDE || x.rows() * x.cols() <= FEW;
        let skips_zeros = self.x_is_data && pays;
        let forward = dense::Forward {
            x: if skips_zeros { x.skip_zeros() } else { x },
            weight: weights.get(self.weight),
            bias: self.bias.map(|bias| weights.vector(bias)),
            activation: self.activation,
            output,
            pre_activation,
        };
        Ok(forward.run(context)?)
    }
}

#[derive(Debug)]
struct DenseBackwardInput {
    delta: View,
    /// Wᵀ.
    weight: Weight,
    /// Of the layer below, as the rest.
    activation: Activation,
    saved: Option<View>,
    to: View,
    sums: Option<Sums>,
}

impl Instruction for DenseBackwardInput {
    fn registers(&mut self) -> Vec<&mut Register> {
        let mut all = vec![&mut self.delta.register, &mut self.to.register];
        all.extend(self.saved.as_mut().map(|saved| &mut saved.register));
        all
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (context, weights) = (frame.context, frame.weights);
        // δ stands in for what is not read.
        let saved = self.saved.unwrap_or(self.delta);
        let ([delta, saved], [output], [sums]) =
            frame.access_with([self.delta, saved], [self.to], [self.sums]);
        let backward = dense::BackwardInput {
            delta,
            weight_transposed: weights.get(self.weight),
            activation: self.activation,
            saved: self.saved.map(|_| saved),
            output,
            bias_gradient: sums,
        };
        Ok(backward.run(context)?)
    }
}
