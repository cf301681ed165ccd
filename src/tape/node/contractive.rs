//! ‖∂h/∂x‖² of a layer h = act(x·W + b), summed over the samples, in closed
//! form: Σⱼ act′(zⱼ)²·nⱼ with nⱼ = Σᵢ Wᵢⱼ². (Rifai et al. 2011)
//!
//! Its gradient goes two ways: to h, as λ·2·nⱼ·act″(zⱼ), and to W itself, as a
//! factor for each column, λ·2·Σ act′(zⱼ)² over the rows.

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::penalty::{add_squared_slopes, contractive_gradient};

use crate::error::Result;
use crate::tape::id::{LossPart, Parameter, Register, Shared, Sums, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::reduction::Reduction;
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct ContractivePenalty {
    /// h
    pub(in crate::tape) output: Value,
    pub(in crate::tape) weight: Parameter,
    pub(in crate::tape) activation: Activation,
    pub(in crate::tape) part: LossPart,
}

impl Operation for ContractivePenalty {
    fn inputs(&self) -> Vec<Value> {
        vec![self.output]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let width = plan.width(self.output);
        let sums = plan.new_sums(width);
        let (norms, factors) = (plan.column_norms(self.weight), plan.new_shared(width));
        plan.emit(Slopes {
            activation: self.activation,
            saved: plan.saved_of(self.output),
            sums,
        });
        plan.reduce(Factors {
            part: self.part,
            sums,
            norms,
            factors,
        });
        plan.set_column_factors(self.weight, factors);
        plan.set_shared(me, norms);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        if !plan.wants_gradient(self.output) {
            return;
        }
        let to = plan.register(plan.width(self.output));
        plan.emit(ContractiveGradient {
            activation: self.activation,
            saved: plan.saved_of(self.output),
            norms: plan.shared(me),
            part: self.part,
            to,
        });
        plan.pass(self.output, to);
    }

    fn is_goal(&self) -> bool {
        true
    }
}

/// sums += column sums of act′².
#[derive(Debug)]
struct Slopes {
    activation: Activation,
    saved: View,
    sums: Sums,
}

impl Instruction for Slopes {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.saved.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let level = frame.context.level;
        let ([saved], [], [sums]) = frame.access_with([self.saved], [], [Some(self.sums)]);
        match sums {
            Some(sums) => Ok(add_squared_slopes(level, self.activation, saved, sums)?),
            None => Ok(()),
        }
    }
}

/// From sums of slopes to the factors of W's columns.
#[derive(Debug)]
struct Factors {
    part: LossPart,
    sums: Sums,
    norms: Shared,
    factors: Shared,
}

impl Reduction for Factors {
    fn sums(&self) -> Sums {
        self.sums
    }

    fn to(&self) -> Shared {
        self.factors
    }

    fn part(&self) -> LossPart {
        self.part
    }

    fn finish(&self, rows: usize, scale: f32, shared: &mut [Vec<f32>]) -> f64 {
        let mut sum = 0.0;
        for j in 0..shared[self.factors.0].len() {
            let norm = f64::from(shared[self.norms.0][j]);
            let factor = &mut shared[self.factors.0][j];
            sum += norm * f64::from(*factor);
            *factor *= 2.0 * scale;
        }
        sum / rows as f64
    }
}

#[derive(Debug)]
struct ContractiveGradient {
    activation: Activation,
    saved: View,
    norms: Shared,
    part: LossPart,
    to: View,
}

impl Instruction for ContractiveGradient {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.saved.register, &mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (level, scale) = (frame.context.level, frame.scale(self.part));
        let norms = &frame.shared[self.norms.0];
        let ([saved], [to]) = frame.access([self.saved], [self.to]);
        Ok(contractive_gradient(
            level,
            self.activation,
            saved,
            norms,
            scale,
            to,
        )?)
    }
}
