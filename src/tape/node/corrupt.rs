//! y = x with noise, in training; y = x elsewhere. It is for inputs: no
//! gradient passes.

use autoencoder_kernels::noise::{self, Noise};

use super::Operation;
use crate::error::Result;
use crate::tape::instruction::{Frame, Instruction, Register, Stream};
use crate::tape::plan::Planner;
use crate::tape::record::Value;

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
        plan.emit(CorruptRows {
            noise: self.noise,
            stream: self.stream,
            from: plan.value(self.x),
            to,
        });
        plan.set_value(me, to);
    }

    fn backward(&self, _: Value, _: &mut Planner<'_>) {}
}

#[derive(Debug)]
struct CorruptRows {
    noise: Noise,
    stream: Stream,
    from: Register,
    to: Register,
}

impl Instruction for CorruptRows {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from, &mut self.to]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (level, random) = (frame.context.level, frame.random(self.stream));
        let ([from], [mut to]) = frame.access([self.from], [self.to]);
        match random {
            Some((key, row)) => noise::corrupt(level, self.noise, key, row, from, to)?,
            None => to.copy_from(from),
        }
        Ok(())
    }
}
