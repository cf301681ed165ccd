//! The instruction of nodes that draw a number for each element: noise, and
//! dropout on both ways.

use autoencoder_kernels::noise::{self, Noise};

use crate::error::Result;
use crate::tape::id::{Register, Stream};
use crate::tape::instruction::{Frame, Instruction};
use crate::tape::view::View;

/// What becomes of an element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Noise(Noise),
    /// With this probability.
    Dropout(f32),
}

/// Rows changed in training; the same rows elsewhere.
#[derive(Debug)]
pub(super) struct Randomize {
    pub(super) change: Change,
    pub(super) stream: Stream,
    pub(super) from: View,
    pub(super) to: View,
}

impl Instruction for Randomize {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from.register, &mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let (level, random) = (frame.context.level, frame.random(self.stream));
        let ([from], [mut to]) = frame.access([self.from], [self.to]);
        match (random, self.change) {
            (Some((key, row)), Change::Noise(noise)) => {
                noise::corrupt(level, noise, key, row, from, to)?;
            }
            (Some((key, row)), Change::Dropout(probability)) => {
                noise::drop_out(level, probability, key, row, from, to)?;
            }
            (None, _) => to.copy_from(from),
        }
        Ok(())
    }
}
