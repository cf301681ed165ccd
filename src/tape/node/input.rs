//! Rows that the caller provides.

use crate::error::Result;
use crate::tape::id::{Register, Value};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Input;

impl Operation for Input {
    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let to = plan.register(plan.width(me));
        plan.emit(Fill { input: me, to });
        plan.set_value(me, to);
        plan.set_input(to);
    }

    fn backward(&self, _: Value, _: &mut Planner<'_>) {}

    fn is_input(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Fill {
    input: Value,
    to: View,
}

impl Instruction for Fill {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        if frame
            .input
            .is_some_and(|input| input.register == self.to.register)
        {
            return Ok(());
        }
        let (fill, rows) = (frame.fill, frame.block.rows());
        let rows = frame.first_row + rows.start..frame.first_row + rows.end;
        let ([], [to]) = frame.access([], [self.to]);
        fill(self.input, rows, to)
    }
}
