//! y = x·W: δx = δy·Wᵀ, ∇W = xᵀ·δy. With Wᵀ for W: y = x·Wᵀ, δx = δy·W,
//! ∇W = δyᵀ·x.

use autoencoder_kernels::gemm::gemm;

use crate::error::Result;
use crate::tape::id::{Register, Value, Weight};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct MatMul {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) weight: Weight,
}

impl Operation for MatMul {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let to = plan.register(plan.width(me));
        plan.reads_weight(self.weight);
        let (x, shape) = (plan.value(self.x), plan.shape(me));
        let instruction = Product {
            x: plan.by_position(x, shape),
            weight: self.weight,
            to: plan.by_position(to, shape),
            add: false,
        };
        plan.emit(instruction);
        plan.set_value(me, to);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        plan.weight_gradient(self.weight, self.x, delta);
        if plan.wants_gradient(self.x) {
            backward_input(self.x, self.weight, delta, plan);
        }
    }
}

/// Adds δ·Wᵀ to the gradient of `x`.
pub(super) fn backward_input(x: Value, weight: Weight, delta: View, plan: &mut Planner<'_>) {
    let weight = weight.transpose();
    plan.reads_weight(weight);
    let (to, add) = match plan.gradient_so_far(x) {
        Some(view) => (view, true),
        None => (plan.register(plan.width(x)), false),
    };
    let shape = plan.shape(x);
    let instruction = Product {
        x: plan.by_position(delta, shape),
        weight,
        to: plan.by_position(to, shape),
        add,
    };
    plan.emit(instruction);
    if !add {
        plan.pass(x, to);
    }
}

/// to = x·W, or to += x·W.
#[derive(Debug)]
struct Product {
    x: View,
    weight: Weight,
    to: View,
    add: bool,
}

impl Instruction for Product {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.x.register, &mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (context, weight) = (frame.context, frame.weights.get(self.weight));
        let ([x], [to]) = frame.access([self.x], [self.to]);
        let beta = if self.add { 1.0 } else { 0.0 };
        Ok(gemm(context, 1.0, x, weight, beta, to)?)
    }
}
