//! y = act(x): δx = δy ⊙ act′, from y or from x as the activation says; for
//! softmax, row by row.

use autoencoder_kernels::activation::{self, Activation, Saves};

use super::Operation;
use crate::error::Result;
use crate::tape::instruction::{Frame, Instruction, Register};
use crate::tape::plan::Planner;
use crate::tape::record::Value;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Nonlinearity {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) activation: Activation,
}

impl Operation for Nonlinearity {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        if plan.is_training() && self.activation.saves() == Saves::Input {
            let to = plan.register(plan.width(me));
            plan.emit(Forward {
                activation: self.activation,
                from: plan.value(self.x),
                to,
            });
            plan.set_value(me, to);
        } else {
            let to = plan.value_to_change(self.x);
            plan.emit(ForwardInPlace {
                activation: self.activation,
                to,
            });
            plan.set_value(me, to);
        }
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let saved = match self.activation.saves() {
            Saves::Input => plan.value(self.x),
            Saves::Output => plan.value(me),
        };
        let gradient = plan.gradient(me);
        backward(self.activation, saved, gradient, plan);
        plan.pass(self.x, gradient);
    }

    fn keeps_value(&self) -> bool {
        self.activation.saves() == Saves::Output
    }
}

/// Multiplies the gradient by the derivative, in place.
pub(super) fn backward(
    activation: Activation,
    saved: Register,
    gradient: Register,
    plan: &mut Planner<'_>,
) {
    plan.emit(Backward {
        activation,
        saved,
        gradient,
    });
}

#[derive(Debug)]
struct Forward {
    activation: Activation,
    from: Register,
    to: Register,
}

impl Instruction for Forward {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from, &mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([from], [to]) = frame.access([self.from], [self.to]);
        Ok(activation::forward(level, self.activation, from, to)?)
    }
}

#[derive(Debug)]
struct ForwardInPlace {
    activation: Activation,
    to: Register,
}

impl Instruction for ForwardInPlace {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([], [to]) = frame.access([], [self.to]);
        Ok(activation::forward_in_place(level, self.activation, to)?)
    }
}

#[derive(Debug)]
struct Backward {
    activation: Activation,
    saved: Register,
    gradient: Register,
}

impl Instruction for Backward {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.saved, &mut self.gradient]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([saved], [gradient]) = frame.access([self.saved], [self.gradient]);
        Ok(activation::backward(
            level,
            self.activation,
            saved,
            gradient,
        )?)
    }
}
