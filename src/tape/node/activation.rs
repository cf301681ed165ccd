//! y = act(x): δx = δy ⊙ act′, from y or from x as the activation says; for
//! softmax, row by row.

use autoencoder_kernels::activation::{self, Activation, Saves};

use crate::error::Result;
use crate::tape::id::{Register, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

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
        // Softmax is over the channels of each position.
        let shape = plan.shape(me);
        if plan.is_training() && self.activation.saves() == Saves::Input {
            let (from, to) = (plan.value(self.x), plan.register(plan.width(me)));
            plan.emit(ActivationForward {
                activation: self.activation,
                from,
                to,
            });
            plan.set_value(me, to);
        } else {
            let to = plan.value_to_change(self.x);
            let rows = match self.activation.is_elementwise() {
                true => to,
                false => plan.by_position(to, shape),
            };
            plan.emit(ActivationInPlace {
                activation: self.activation,
                to: rows,
            });
            plan.set_value(me, to);
        }
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let saved = self.saved(me, plan);
        let gradient = plan.gradient(me);
        match self.activation.is_elementwise() {
            true => backward(self.activation, saved, gradient, plan),
            false => {
                let shape = plan.shape(me);
                let saved = plan.by_position(saved, shape);
                let rows = plan.by_position(gradient, shape);
                backward(self.activation, saved, rows, plan);
            }
        }
        plan.pass(self.x, gradient);
    }

    fn saved(&self, me: Value, plan: &Planner<'_>) -> View {
        match self.activation.saves() {
            Saves::Input => plan.value(self.x),
            Saves::Output => plan.value(me),
        }
    }

    fn keeps_value(&self) -> bool {
        self.activation.saves() == Saves::Output
    }
}

/// Multiplies the gradient by the derivative, in place.
pub(super) fn backward(
    activation: Activation,
    saved: View,
    gradient: View,
    plan: &mut Planner<'_>,
) {
    plan.emit(ActivationBackward {
        activation,
        saved,
        gradient,
    });
}

#[derive(Debug)]
struct ActivationForward {
    activation: Activation,
    from: View,
    to: View,
}

impl Instruction for ActivationForward {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from.register, &mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([from], [to]) = frame.access([self.from], [self.to]);
        Ok(activation::forward(level, self.activation, from, to)?)
    }
}

#[derive(Debug)]
struct ActivationInPlace {
    activation: Activation,
    to: View,
}

impl Instruction for ActivationInPlace {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([], [to]) = frame.access([], [self.to]);
        Ok(activation::forward_in_place(level, self.activation, to)?)
    }
}

#[derive(Debug)]
struct ActivationBackward {
    activation: Activation,
    saved: View,
    gradient: View,
}

impl Instruction for ActivationBackward {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.saved.register, &mut self.gradient.register]
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
