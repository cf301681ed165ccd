//! y = x + b in each row: δx = δy, ∇b = the column sums of δy.

use autoencoder_kernels::dense::column_sums;

use crate::error::Result;
use crate::tape::id::{Parameter, Register, Sums, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

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
        let rows = plan.by_position(to, plan.shape(me));
        plan.emit(AddRow {
            bias: self.bias,
            to: rows,
        });
        plan.set_value(me, to);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        bias_gradient(self.bias, me, delta, plan);
        if plan.wants_gradient(self.x) {
            plan.pass(self.x, delta);
        }
    }
}

/// Adds the column sums of δ, the gradient of `value`, to the gradient of the bias.
pub(super) fn bias_gradient(bias: Parameter, value: Value, delta: View, plan: &mut Planner<'_>) {
    if let Some(sums) = plan.sums(bias) {
        let delta = plan.by_position(delta, plan.shape(value));
        plan.emit(ColumnSums { delta, sums });
    }
}

/// to += b in each row.
#[derive(Debug)]
struct AddRow {
    bias: Parameter,
    to: View,
}

impl Instruction for AddRow {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let bias = frame.weights.vector(self.bias);
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
    delta: View,
    sums: Sums,
}

impl Instruction for ColumnSums {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.delta.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let context = frame.context;
        let ([delta], [], [sums]) = frame.access_with([self.delta], [], [Some(self.sums)]);
        match sums {
            Some(sums) => Ok(column_sums(context, delta, sums)?),
            None => Ok(()),
        }
    }
}
