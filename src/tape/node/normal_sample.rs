//! z = μ + σ·ε with σ = e^(½·log σ²), the reparameterisation of Kingma and
//! Welling (2014): δμ = δz, δ(log σ²) = δz ⊙ ½·σ·ε. The noise ε is an input.

use autoencoder_kernels::penalty::{sample, sample_gradient_log_variance};

use crate::error::Result;
use crate::tape::id::{Register, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct NormalSample {
    pub(in crate::tape) mean: Value,
    pub(in crate::tape) log_variance: Value,
    pub(in crate::tape) noise: Value,
}

impl Operation for NormalSample {
    fn inputs(&self) -> Vec<Value> {
        vec![self.mean, self.log_variance, self.noise]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let to = plan.register(plan.width(me));
        plan.emit(SampleForward {
            mean: plan.value(self.mean),
            log_variance: plan.value(self.log_variance),
            noise: plan.value(self.noise),
            to,
        });
        plan.set_value(me, to);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        let to = plan.register(plan.width(me));
        plan.emit(SampleGradient {
            delta,
            log_variance: plan.value(self.log_variance),
            noise: plan.value(self.noise),
            to,
        });
        plan.pass(self.log_variance, to);
        plan.pass(self.mean, delta);
    }
}

#[derive(Debug)]
struct SampleForward {
    mean: View,
    log_variance: View,
    noise: View,
    to: View,
}

impl Instruction for SampleForward {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![
            &mut self.mean.register,
            &mut self.log_variance.register,
            &mut self.noise.register,
            &mut self.to.register,
        ]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([mean, log_variance, noise], [to]) =
            frame.access([self.mean, self.log_variance, self.noise], [self.to]);
        Ok(sample(level, mean, log_variance, noise, to)?)
    }
}

#[derive(Debug)]
struct SampleGradient {
    delta: View,
    log_variance: View,
    noise: View,
    to: View,
}

impl Instruction for SampleGradient {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![
            &mut self.delta.register,
            &mut self.log_variance.register,
            &mut self.noise.register,
            &mut self.to.register,
        ]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([delta, log_variance, noise], [to]) =
            frame.access([self.delta, self.log_variance, self.noise], [self.to]);
        Ok(sample_gradient_log_variance(
            level,
            delta,
            log_variance,
            noise,
            to,
        )?)
    }
}
