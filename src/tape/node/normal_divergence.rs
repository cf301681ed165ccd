//! KL(N(μ, σ²) ‖ N(0, 1)) over the features, summed over the samples:
//! δμ += β·μ, δ(log σ²) += β·½·(σ² − 1).

use autoencoder_kernels::penalty::{kl_divergence, kl_gradient};

use crate::error::Result;
use crate::tape::id::{LossPart, Register, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct NormalDivergence {
    pub(in crate::tape) mean: Value,
    pub(in crate::tape) log_variance: Value,
    pub(in crate::tape) part: LossPart,
}

impl Operation for NormalDivergence {
    fn inputs(&self) -> Vec<Value> {
        vec![self.mean, self.log_variance]
    }

    fn forward(&self, _: Value, plan: &mut Planner<'_>) {
        plan.emit(DivergenceSum {
            mean: plan.value(self.mean),
            log_variance: plan.value(self.log_variance),
            part: self.part,
        });
    }

    fn backward(&self, _: Value, plan: &mut Planner<'_>) {
        if !plan.wants_gradient(self.mean) && !plan.wants_gradient(self.log_variance) {
            return;
        }
        let width = plan.width(self.mean);
        let (to_mean, to_log_variance) = (plan.register(width), plan.register(width));
        plan.emit(DivergenceGradient {
            mean: plan.value(self.mean),
            log_variance: plan.value(self.log_variance),
            part: self.part,
            to_mean,
            to_log_variance,
        });
        plan.pass(self.mean, to_mean);
        plan.pass(self.log_variance, to_log_variance);
    }

    fn is_goal(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct DivergenceSum {
    mean: View,
    log_variance: View,
    part: LossPart,
}

impl Instruction for DivergenceSum {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.mean.register, &mut self.log_variance.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([mean, log_variance], []) = frame.access([self.mean, self.log_variance], []);
        let sum = kl_divergence(level, mean, log_variance)?;
        frame.add_loss(self.part, sum);
        Ok(())
    }
}

#[derive(Debug)]
struct DivergenceGradient {
    mean: View,
    log_variance: View,
    part: LossPart,
    to_mean: View,
    to_log_variance: View,
}

impl Instruction for DivergenceGradient {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![
            &mut self.mean.register,
            &mut self.log_variance.register,
            &mut self.to_mean.register,
            &mut self.to_log_variance.register,
        ]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (level, scale) = (frame.context.level, frame.scale(self.part));
        let ([mean, log_variance], [to_mean, to_log_variance]) = frame.access(
            [self.mean, self.log_variance],
            [self.to_mean, self.to_log_variance],
        );
        Ok(kl_gradient(
            level,
            mean,
            log_variance,
            scale,
            to_mean,
            to_log_variance,
        )?)
    }
}
