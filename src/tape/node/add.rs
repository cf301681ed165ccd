//! y = a + b: δa = δb = δy.

use super::Operation;
use crate::error::Result;
use crate::tape::instruction::{Frame, Instruction, Register};
use crate::tape::plan::Planner;
use crate::tape::record::Value;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Add {
    pub(in crate::tape) a: Value,
    pub(in crate::tape) b: Value,
}

impl Operation for Add {
    fn inputs(&self) -> Vec<Value> {
        vec![self.a, self.b]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let to = plan.value_to_change(self.a);
        plan.emit(Accumulate {
            from: plan.value(self.b),
            to,
        });
        plan.set_value(me, to);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        if plan.wants_gradient(self.b) {
            // A copy: whoever gets a gradient may change it.
            let copy = plan.register(plan.width(me));
            plan.emit(Copy {
                from: delta,
                to: copy,
            });
            plan.pass(self.b, copy);
        }
        if plan.wants_gradient(self.a) {
            plan.pass(self.a, delta);
        }
    }
}

/// to = from.
#[derive(Debug)]
pub(in crate::tape) struct Copy {
    pub(in crate::tape) from: Register,
    pub(in crate::tape) to: Register,
}

impl Instruction for Copy {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from, &mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let ([from], [mut to]) = frame.access([self.from], [self.to]);
        to.copy_from(from);
        Ok(())
    }
}

/// to += from.
#[derive(Debug)]
pub(in crate::tape) struct Accumulate {
    pub(in crate::tape) from: Register,
    pub(in crate::tape) to: Register,
}

impl Instruction for Accumulate {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from, &mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let ([from], [mut to]) = frame.access([self.from], [self.to]);
        for i in 0..to.rows() {
            let (to, from) = (to.row_mut(i).unwrap_or_default(), from.row(i));
            let from = from.unwrap_or_default();
            to.iter_mut().zip(from).for_each(|(y, x)| *y += x);
        }
        Ok(())
    }
}
