//! y = x with features dropped, in training: m ⊙ x, where m is 0 with
//! probability p and 1/(1 − p) elsewhere; δx = m ⊙ δy. Elsewhere y = x.
//!
//! m is drawn again on the way back, since its numbers are a function of their
//! place: it costs no memory.

use autoencoder_kernels::noise;

use super::Operation;
use crate::error::Result;
use crate::tape::instruction::{Frame, Instruction, Register, Stream};
use crate::tape::plan::Planner;
use crate::tape::record::Value;

#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Dropout {
    pub(in crate::tape) x: Value,
    pub(in crate::tape) probability: f32,
    pub(in crate::tape) stream: Stream,
}

impl Dropout {
    fn drop_features(&self, from: Register, to: Register) -> DropFeatures {
        DropFeatures {
            probability: self.probability,
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

#[derive(Debug)]
struct DropFeatures {
    probability: f32,
    stream: Stream,
    from: Register,
    to: Register,
}

impl Instruction for DropFeatures {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from, &mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (level, random) = (frame.context.level, frame.random(self.stream));
        let ([from], [mut to]) = frame.access([self.from], [self.to]);
        match random {
            Some((key, row)) => noise::drop_out(level, self.probability, key, row, from, to)?,
            None => to.copy_from(from),
        }
        Ok(())
    }
}
