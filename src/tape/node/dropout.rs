//! y = x with features dropped, in training: m ⊙ x, where m is 0 with
//! probability p and 1/(1 − p) elsewhere; δx = m ⊙ δy. Elsewhere y = x.
//!
//! m is drawn again on the way back, since its numbers are a function of their
//! place: it costs no memory.

use super::randomize::{Change, Randomize};
use crate::tape::id::{Stream, Value};
use crate::tape::planner::{Operation, Planner};
use crate::tape::view::View;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Dropout {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) probability: f32,
    pub(in crate::tape) stream: Stream,
}

impl Dropout {
    fn drop_features(&self, from: View, to: View) -> Randomize {
        Randomize {
            change: Change::Dropout(self.probability),
            stream: self.stream,
            from,
            to,
        }
    }
}

impl Operation for Dropout {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        if !plan.is_training() {
            return plan.set_same_value(me, self.x);
        }
        let to = plan.register(plan.width(me));
        plan.emit(self.drop_features(plan.value(self.x), to));
        plan.set_value(me, to);
    }

    fn backward(&self, me: Value, plan: &mut Planner<'_>) {
        if plan.wants_gradient(self.x) {
            let to = plan.register(plan.width(me));
            plan.emit(self.drop_features(plan.gradient(me), to));
            plan.pass(self.x, to);
        }
    }
}
