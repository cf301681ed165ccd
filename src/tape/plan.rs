//! Planning: which nodes run, as which instructions, in which buffers.
//!
//! 1. Nodes that the goal does not depend on are left out.
//! 2. [`fuse`] joins what one kernel can do.
//! 3. Each node emits its forward instructions in order, then, in reverse, its
//!    backward ones ([`Planner::lower`]). They name registers, a new one for each
//!    result.
//! 4. [`share_buffers`] maps the registers to as few buffers as their
//!    lifetimes allow.

use super::buffers::share_buffers;
use super::fuse::fuse;
use super::id::Value;
use super::node::Node;
use super::planner::{Goal, Plan, Planner};
use super::record::Tape;
use crate::error::{Error, Result};

impl Plan {
    /// # Errors
    /// [`Error::Configuration`] if there is no loss to train for, or the value
    /// is none of this tape.
    pub(super) fn new(tape: &Tape, goal: Goal, fused: bool) -> Result<Self> {
        let (mut nodes, uses) = live(tape, goal)?;
        let (values, parameters) = (tape.value_facts(), tape.parameter_facts());
        if fused {
            fuse(&mut nodes, &uses, &values);
        }
        let operations = nodes
            .iter()
            .map(|node| node.as_ref().map(Node::operation))
            .collect();
        let parts = tape.parts().len();
        let mut plan = Planner::lower(goal, operations, &uses, &values, parameters, parts);
        share_buffers(&mut plan);
        Ok(plan)
    }
}

/// The nodes that the goal depends on, each in the place of its value, and how many
/// nodes read each value, once more for the goal.
fn live(tape: &Tape, goal: Goal) -> Result<(Vec<Option<Node>>, Vec<usize>)> {
    let count = tape.len();
    let mut uses = vec![0; count];
    match goal {
        Goal::Training => {
            for value in (0..count).map(Value) {
                uses[value.0] += usize::from(tape.node(value).operation().is_goal());
            }
            if uses.iter().all(|&uses| uses == 0) {
                return Err(Error::configuration(
                    "the number of losses on the tape",
                    0,
                    "at least 1; record one with Tape::loss",
                ));
            }
        }
        Goal::Value(value) => {
            tape.features(value)?;
            uses[value.0] = 1;
        }
    }
    let mut nodes = vec![None; count];
    for value in (0..count).rev().map(Value) {
        if uses[value.0] > 0 {
            let node = *tape.node(value);
            for input in node.operation().inputs() {
                uses[input.0] += 1;
            }
            nodes[value.0] = Some(node);
        }
    }
    Ok((nodes, uses))
}
