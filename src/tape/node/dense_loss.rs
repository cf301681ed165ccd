//! The last layer and its loss in one pass: neither z nor y goes to memory,
//! only δ.

use autoencoder_kernels::dense::ForwardLoss;
use autoencoder_kernels::loss::Loss;

use super::dense::Dense;
use crate::error::Result;
use crate::tape::id::{LossPart, Register, Sums, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct DenseLoss {
    pub(in crate::tape) layer: Dense,
    pub(in crate::tape) features: usize,
    pub(in crate::tape) loss: Loss,
    pub(in crate::tape) target: Value,
    pub(in crate::tape) part: LossPart,
    pub(in crate::tape) scale: f32,
}

impl Operation for DenseLoss {
    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.register(self.features);
        let sums = self.layer.bias.and_then(|bias| plan.sums(bias));
        plan.reads_weight(self.layer.weight);
        plan.emit(LossAndDelta {
            layer: self.layer,
            loss: self.loss,
            part: self.part,
            scale: self.scale,
            x: plan.value(self.layer.x),
            target: plan.value(self.target),
            delta,
            sums,
        });
        plan.start_gradient(me, delta);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        self.layer.backward_from_delta(plan.gradient(me), plan);
    }
}

#[derive(Debug)]
struct LossAndDelta {
    layer: Dense,
    loss: Loss,
    part: LossPart,
    scale: f32,
    x: View,
    target: View,
    delta: View,
    sums: Option<Sums>,
}

impl Instruction for LossAndDelta {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![
            &mut self.x.register,
            &mut self.target.register,
            &mut self.delta.register,
        ]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (context, weights) = (frame.context, frame.weights);
        let scale = frame.scale(self.part) * self.scale;
        let ([x, target], [delta], [sums]) =
            frame.access_with([self.x, self.target], [self.delta], [self.sums]);
        let forward = ForwardLoss {
            x,
            weight: weights.get(self.layer.weight),
            bias: self.layer.bias.map(|bias| weights.vector(bias)),
            activation: self.layer.activation,
            loss: self.loss,
            target,
            scale,
            delta,
            bias_gradient: sums,
        };
        let value = forward.run(context)?;
        frame.add_loss(self.part, value * f64::from(self.scale));
        Ok(())
    }
}
