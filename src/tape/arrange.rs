//! Recording values that are numbers of others: in another shape, or some of them.

use std::ops::Range;

use super::id::Value;
use super::node::{Node, ViewOf};
use super::record::Tape;
use super::shape::Shape;
use crate::error::{Error, Result};

impl Tape {
    /// The same numbers in another shape: a picture as a vector, or a vector as a
    /// sequence. Nothing is computed, nothing copied.
    ///
    /// # Errors
    /// [`Error::Shape`] unless both shapes have as many numbers;
    /// [`Error::Configuration`] for an unknown value.
    pub fn reshape(&mut self, x: Value, shape: impl Into<Shape>) -> Result<Value> {
        let (facts, shape) = (self.facts(x)?, shape.into());
        if shape.len() != facts.shape.len() {
            return Err(Error::shape(
                "a value in another shape",
                format_args!("{shape}, {} numbers", shape.len()),
                format_args!("{} numbers, as {} has", facts.shape.len(), facts.shape),
            ));
        }
        let node = Node::View(ViewOf { x, start: 0 });
        Ok(self.push(node, shape, facts.differentiable))
    }

    /// Some of the numbers of each sample, as a vector: one step of a sequence `[T, F]` is
    /// the columns `t·F..(t + 1)·F`. Nothing is copied.
    ///
    /// # Errors
    /// [`Error::Shape`] for no columns, or some that `x` does not have;
    /// [`Error::Configuration`] for an unknown value.
    pub fn columns(&mut self, x: Value, columns: Range<usize>) -> Result<Value> {
        let facts = self.facts(x)?;
        if columns.is_empty() || columns.end > facts.shape.len() {
            return Err(Error::shape(
                "some columns of a value",
                format_args!("{} to {}", columns.start, columns.end),
                format_args!("at least one of {}", facts.shape.len()),
            ));
        }
        let node = Node::View(ViewOf {
            x,
            start: columns.start,
        });
        Ok(self.push(node, columns.len().into(), facts.differentiable))
    }
}
