//! y = γ ⊙ (x − mean)/√(variance + ε) + β at each position of a sample: δx and the
//! sums that are the gradients of γ and β in one pass over the rows.

use autoencoder_kernels::norm;

use crate::error::Result;
use crate::tape::id::{Parameter, Register, Sums, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct LayerNorm {
    pub(in crate::tape) x: Value,
    /// γ
    pub(in crate::tape) weight: Parameter,
    /// β
    pub(in crate::tape) bias: Parameter,
    /// ε
    pub(in crate::tape) epsilon: f32,
}

impl Operation for LayerNorm {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let (shape, x) = (plan.shape(me), plan.value(self.x));
        let to = plan.register(shape.len());
        // The mean and 1/√(variance + ε) of each position, for the way back.
        let of_each = shape.with_channels(2);
        let statistics = plan.is_training().then(|| plan.register(of_each.len()));
        let instruction = NormForward {
            x: plan.by_position(x, shape),
            weight: self.weight,
            bias: self.bias,
            epsilon: self.epsilon,
            to: plan.by_position(to, shape),
            statistics: statistics.map(|view| plan.by_position(view, of_each)),
        };
        plan.emit(instruction);
        plan.set_value(me, to);
        if let Some(statistics) = statistics {
            plan.set_saved(me, statistics);
        }
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let (shape, x, delta) = (plan.shape(me), plan.value(self.x), plan.gradient(me));
        let statistics = plan.saved(me);
        let to = plan
            .wants_gradient(self.x)
            .then(|| plan.register(shape.len()));
        let instruction = NormBackward {
            x: plan.by_position(x, shape),
            statistics: plan.by_position(statistics, shape.with_channels(2)),
            weight: self.weight,
            delta: plan.by_position(delta, shape),
            to: to.map(|to| plan.by_position(to, shape)),
            sums: [plan.sums(self.weight), plan.sums(self.bias)],
        };
        plan.emit(instruction);
        if let Some(to) = to {
            plan.pass(self.x, to);
        }
    }
}

#[derive(Debug)]
struct NormForward {
    x: View,
    weight: Parameter,
    bias: Parameter,
    epsilon: f32,
    to: View,
    statistics: Option<View>,
}

impl Instruction for NormForward {
    fn registers(&mut self) -> Vec<&mut Register> {
        let mut all = vec![&mut self.x.register, &mut self.to.register];
        all.extend(self.statistics.as_mut().map(|view| &mut view.register));
        all
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (context, weights) = (frame.context, frame.weights);
        let (x, output, statistics) = match self.statistics {
            Some(statistics) => {
                let ([x], [output, statistics]) = frame.access([self.x], [self.to, statistics]);
                (x, output, Some(statistics))
            }
            None => {
                let ([x], [output]) = frame.access([self.x], [self.to]);
                (x, output, None)
            }
        };
        let forward = norm::LayerNorm {
            x,
            weight: weights.vector(self.weight),
            bias: weights.vector(self.bias),
            epsilon: self.epsilon,
            output,
            statistics,
        };
        Ok(forward.run(context)?)
    }
}

#[derive(Debug)]
struct NormBackward {
    x: View,
    statistics: View,
    weight: Parameter,
    delta: View,
    to: Option<View>,
    /// Of γ and β.
    sums: [Option<Sums>; 2],
}

impl Instruction for NormBackward {
    fn registers(&mut self) -> Vec<&mut Register> {
        let mut all = vec![
            &mut self.x.register,
            &mut self.statistics.register,
            &mut self.delta.register,
        ];
        all.extend(self.to.as_mut().map(|to| &mut to.register));
        all
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (context, weight) = (frame.context, frame.weights.vector(self.weight));
        let read = [self.x, self.statistics, self.delta];
        let ([x, statistics, delta], output, [weight_gradient, bias_gradient]) = match self.to {
            Some(to) => {
                let (read, [to], sums) = frame.access_with(read, [to], self.sums);
                (read, Some(to), sums)
            }
            None => {
                let (read, [], sums) = frame.access_with(read, [], self.sums);
                (read, None, sums)
            }
        };
        let backward = norm::LayerNormBackward {
            x,
            statistics,
            weight,
            delta,
            output,
            weight_gradient,
            bias_gradient,
        };
        Ok(backward.run(context)?)
    }
}
