//! Σ|x| over the features, summed over the samples: δx += λ·sign(x).

use autoencoder_kernels::penalty::{absolute_gradient, absolute_sum};

use crate::error::Result;
use crate::tape::id::{LossPart, Register, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct AbsolutePenalty {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) part: LossPart,
}

impl Operation for AbsolutePenalty {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, _: Value, plan: &mut Planner<'_>) {
        plan.emit(AbsoluteSum {
            x: plan.value(self.x),
            part: self.part,
        });
    }

    fn backward(&self, _: Value, plan: &mut Planner<'_>) {
        if !plan.wants_gradient(self.x) {
            return;
        }
        let to = plan.register(plan.width(self.x));
        plan.emit(AbsoluteGradient {
            x: plan.value(self.x),
            part: self.part,
            to,
        });
        plan.pass(self.x, to);
    }

    fn is_goal(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct AbsoluteSum {
    x: View,
    part: LossPart,
}

impl Instruction for AbsoluteSum {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.x.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([x], []) = frame.access([self.x], []);
        let sum = absolute_sum(level, x)?;
        frame.add_loss(self.part, sum);
        Ok(())
    }
}

#[derive(Debug)]
struct AbsoluteGradient {
    x: View,
    part: LossPart,
    to: View,
}

impl Instruction for AbsoluteGradient {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.x.register, &mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (level, scale) = (frame.context.level, frame.scale(self.part));
        let ([x], [to]) = frame.access([self.x], [self.to]);
        Ok(absolute_gradient(level, x, scale, to)?)
    }
}
