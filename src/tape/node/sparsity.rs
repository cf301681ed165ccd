//! Σⱼ KL(ρ ‖ ρ̂ⱼ) with ρ̂ⱼ the mean over the minibatch of feature j, between 0
//! and 1 (Lee, Ekanadham and Ng 2008; Ng's lecture notes "Sparse autoencoder"):
//! δxⱼ += β/rows·(−ρ/ρ̂ⱼ + (1 − ρ)/(1 − ρ̂ⱼ)), the same in every row.
//!
//! ρ̂ mixes rows, so that backward has to wait for forward of all of them: a
//! plan with such a node cuts the first region of a step in two. That costs one
//! more start of a region and some locality, and makes the gradient exact.

use autoencoder_kernels::dense::column_sums;

use crate::error::Result;
use crate::tape::id::{LossPart, Register, Shared, Sums, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::reduction::Reduction;
use crate::tape::view::View;

/// ρ̂ is kept this far from 0 and 1, where the divergence is infinite.
const MARGIN: f64 = 1e-7;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct SparsityPenalty {
    pub(in crate::tape) x: Value,
    /// ρ
    pub(in crate::tape) target: f32,
    pub(in crate::tape) part: LossPart,
}

impl Operation for SparsityPenalty {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let width = plan.width(self.x);
        let (sums, row) = (plan.new_sums(width), plan.new_shared(width));
        plan.emit(RateSums {
            x: plan.value(self.x),
            sums,
        });
        plan.reduce_before_backward(SparsityDivergence {
            target: f64::from(self.target),
            part: self.part,
            sums,
            row,
        });
        plan.set_shared(me, row);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        if !plan.wants_gradient(self.x) {
            return;
        }
        let to = plan.register(plan.width(self.x));
        plan.emit(SparsityGradient {
            row: plan.shared(me),
            to,
        });
        plan.pass(self.x, to);
    }

    fn is_goal(&self) -> bool {
        true
    }
}

/// sums += column sums of x.
#[derive(Debug)]
struct RateSums {
    x: View,
    sums: Sums,
}

impl Instruction for RateSums {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.x.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let context = frame.context;
        let ([x], [], [sums]) = frame.access_with([self.x], [], [Some(self.sums)]);
        match sums {
            Some(sums) => Ok(column_sums(context, x, sums)?),
            None => Ok(()),
        }
    }
}

/// From sums to the gradient's row.
#[derive(Debug)]
struct SparsityDivergence {
    target: f64,
    part: LossPart,
    sums: Sums,
    row: Shared,
}

impl Reduction for SparsityDivergence {
    fn sums(&self) -> Sums {
        self.sums
    }

    fn to(&self) -> Shared {
        self.row
    }

    fn part(&self) -> LossPart {
        self.part
    }

    fn finish(&self, rows: usize, scale: f32, shared: &mut [Vec<f32>]) -> f64 {
        let (target, scale) = (self.target, f64::from(scale));
        let mut sum = 0.0;
        for number in &mut shared[self.row.0] {
            let rate = (f64::from(*number) / rows as f64).clamp(MARGIN, 1.0 - MARGIN);
            let (on, off) = (target / rate, (1.0 - target) / (1.0 - rate));
            sum += target * on.ln() + (1.0 - target) * off.ln();
            *number = (scale * (off - on)) as f32;
        }
        sum
    }
}

/// to = the row, in each row.
#[derive(Debug)]
struct SparsityGradient {
    row: Shared,
    to: View,
}

impl Instruction for SparsityGradient {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let row = &frame.shared[self.row.0];
        let ([], [mut to]) = frame.access([], [self.to]);
        for i in 0..to.rows() {
            to.row_mut(i).unwrap_or_default().copy_from_slice(row);
        }
        Ok(())
    }
}
