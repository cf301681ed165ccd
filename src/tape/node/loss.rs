//! The sum over the samples of a loss: its gradient starts the way back.

use autoencoder_kernels::loss::{self, Loss};

use crate::error::Result;
use crate::tape::id::{LossPart, Register, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct LossNode {
    pub(in crate::tape) loss: Loss,
    pub(in crate::tape) prediction: Value,
    pub(in crate::tape) target: Value,
    pub(in crate::tape) part: LossPart,
    /// A factor of the loss itself.
    pub(in crate::tape) scale: f32,
}

impl Operation for LossNode {
    fn inputs(&self) -> Vec<Value> {
        vec![self.prediction, self.target]
    }

    /// Value and gradient share their work, so the gradient is there already.
    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let gradient = plan.register(plan.width(self.prediction));
        plan.emit(ValueAndGradient {
            loss: self.loss,
            part: self.part,
            scale: self.scale,
            prediction: plan.value(self.prediction),
            target: plan.value(self.target),
            gradient,
        });
        plan.start_gradient(me, gradient);
    }

    fn is_goal(&self) -> bool {
        true
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        plan.pass(self.prediction, plan.gradient(me));
    }
}

#[derive(Debug)]
struct ValueAndGradient {
    loss: Loss,
    part: LossPart,
    scale: f32,
    prediction: View,
    target: View,
    gradient: View,
}

impl Instruction for ValueAndGradient {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![
            &mut self.prediction.register,
            &mut self.target.register,
            &mut self.gradient.register,
        ]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let scale = frame.scale(self.part) * self.scale;
        let ([prediction, target], [gradient]) =
            frame.access([self.prediction, self.target], [self.gradient]);
        let gradient = Some(gradient);
        let value =
            loss::value_and_gradient(level, self.loss, prediction, target, gradient, scale)?;
        frame.add_loss(self.part, value * f64::from(self.scale));
        Ok(())
    }
}
