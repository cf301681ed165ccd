//! y = x with noise, in training; y = x elsewhere. It is for inputs: no
//! gradient passes.

use autoencoder_kernels::noise::Noise;

use super::randomize::{Change, Randomize};
use crate::tape::id::{Stream, Value};
use crate::tape::planner::{Operation, Planner};

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Corrupt {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) noise: Noise,
    pub(in crate::tape) stream: Stream,
}

impl Operation for Corrupt {
    fn inputs(&self) -> Vec<Value> {
        vec![self.x]
    }

    fn forward(&self, me: Value, plan: &mut Planner<'_>) {
        if !plan.is_training() {
            return plan.set_same_value(me, self.x);
        }
        let to = plan.register(plan.width(me));
        plan.emit(Randomize {
            change: Change::Noise(self.noise),
            stream: self.stream,
            from: plan.value(self.x),
            to,
        });
        plan.set_value(me, to);
    }

    fn backward(&self, _: Value, _: &mut Planner<'_>) {}
}
