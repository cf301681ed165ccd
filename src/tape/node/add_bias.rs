//! y = x + b in each row: δx = δy, ∇b = the column sums of δy.

use autoencoder_kernels::dense::column_sums;

use super::Operation;
use crate::error::Result;
use crate::tape::instruction::{Frame, Instruction, Register, Sums};
use crate::tape::plan::Planner;
use crate::tape::record::{Parameter, Value};

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct AddBias {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) bias: Parameter,
}

impl Operation for AddBias {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let to = plan.value_to_change(self.x);
        plan.emit(AddRow {
            bias: self.bias,
            to,
        });
        plan.set_value(me, to);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        bias_gradient(self.bias, delta, plan);
        if plan.wants_gradient(self.x) {
            plan.pass(self.x, delta);
        }
    }
}

/// Adds the column sums of δ to the gradient of the bias.
pub(super) fn bias_gradient(bias: Parameter, delta: Register, plan: &mut Planner<'_>) {
    if let Some(sums) = plan.sums(bias) {
        plan.emit(ColumnSums { delta, sums });
    }
}

/// to += b in each row.
#[derive(Debug)]
struct AddRow {
    bias: Parameter,
    to: Register,
}

impl Instruction for AddRow {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let bias = frame.weights.bias(self.bias);
        let ([], [mut to]) = frame.access([], [self.to]);
        for i in 0..to.rows() {
            let row = to.row_mut(i).unwrap_or_default();
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        }
        Ok(())
    }
}

/// sums += column sums of δ.
#[derive(Debug)]
struct ColumnSums {
    delta: Register,
    sums: Sums,
}

impl Instruction for ColumnSums {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.delta]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let context = frame.context;
        let ([delta], [], sums) = frame.access_with([self.delta], [], Some(self.sums));
        match sums {
            Some(sums) => Ok(column_sums(context, delta, sums)?),
            None => Ok(()),
        }
    }
}
