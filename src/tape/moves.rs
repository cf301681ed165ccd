//! Instructions that move numbers from register to register: copies, sums, zeros.

use super::id::Register;
use super::instruction::{Frame, Instruction};
use super::view::View;
use crate::error::Result;

/// to = from.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) from: View,
    pub(super) to: View,
}

impl Instruction for Copy {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from.register, &mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let ([from], [mut to]) = frame.access([self.from], [self.to]);
        to.copy_from(from);
        Ok(())
    }
}

/// to += from.
#[derive(Debug)]
pub(super) struct Accumulate {
    pub(super) from: View,
    pub(super) to: View,
}

impl Instruction for Accumulate {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.from.register, &mut self.to.register]
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

/// to = 0.
#[derive(Debug)]
pub(super) struct Zero {
    pub(super) to: View,
}

impl Instruction for Zero {
    fn registers(&mut self) -> Vec<&mut Register> {
        vec![&mut self.to.register]
    }

    fn run(&self, frame: &mut Frame<'_>) -> Result<()> {
        let ([], [mut to]) = frame.access([], [self.to]);
        to.fill(0.0);
        Ok(())
    }
}
