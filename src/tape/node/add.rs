//! y = a + b: δa = δb = δy.

use crate::tape::id::Value;
use crate::tape::moves::{Accumulate, Copy};
use crate::tape::planner::{Operation, Planner};

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
