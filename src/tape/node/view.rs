//! Numbers of x in another shape, where they are: some of its columns, or all of them.
//! δx += δy in those columns.

use crate::tape::id::Value;
use crate::tape::planner::{Operation, Planner};

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct ViewOf {
    pub(in crate::tape) x: Value,
    /// The first column.
    pub(in crate::tape) start: usize,
}

impl Operation for ViewOf {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        let columns = self.start..self.start + plan.width(me);
        let view = plan.value(self.x).columns(columns);
        plan.set_value(me, view);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        let delta = plan.gradient(me);
        if plan.width(me) == plan.width(self.x) {
            plan.pass(self.x, delta);
        } else {
            plan.pass_columns(self.x, delta, self.start);
        }
    }

    fn is_view(&self) -> bool {
        true
    }
}
