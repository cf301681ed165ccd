//! Buffers: registers that are never needed at the same time share one.
//!
//! Instructions are in a fixed order, so a register is needed from the first
//! instruction that names it to the last. A scan in that order gives each
//! register a buffer of its width that is free by then, or a new one (Poletto
//! and Sarkar 1999, "Linear scan register allocation"). What the second region
//! of a step reads, and the result, stays to the end; so do, where nothing is
//! trained, inputs, whose rows may be the caller's.

use super::id::Register;
use super::planner::Plan;

/// Replaces the registers of the plan by buffers.
pub(super) fn share_buffers(plan: &mut Plan) {
    let widths = std::mem::take(&mut plan.buffers);
    let end = plan.instructions.len();
    let mut last = vec![0; widths.len()];
    for (position, instruction) in plan.instructions.iter_mut().enumerate() {
        for register in instruction.registers() {
            last[register.0] = position;
        }
    }
    let terms = plan.terms.iter().flatten();
    for register in terms
        .flat_map(|term| [term.x.register, term.delta.register])
        .chain(plan.result)
        .chain(plan.result.iter().flat_map(|_| plan.inputs.iter().copied()))
    {
        last[register.0] = end;
    }

    // Of each buffer: its width, and the last position at which it is taken.
    let mut buffers: Vec<(usize, usize)> = Vec::new();
    let mut homes: Vec<Option<Register>> = vec![None; widths.len()];
    for (position, instruction) in plan.instructions.iter_mut().enumerate() {
        for register in instruction.registers() {
            let (width, until) = (widths[register.0], last[register.0]);
            *register = *homes[register.0].get_or_insert_with(|| {
                let free = |&(has, taken): &(usize, usize)| has == width && taken < position;
                let home = buffers.iter().position(free).unwrap_or_else(|| {
                    buffers.push((width, 0));
                    buffers.len() - 1
                });
                buffers[home].1 = until;
                Register(home)
            });
        }
    }
    let home = |register: &mut Register| {
        if let Some(home) = homes[register.0] {
            *register = home;
        }
    };
    for term in plan.terms.iter_mut().flatten() {
        home(&mut term.x.register);
        home(&mut term.delta.register);
    }
    plan.result.iter_mut().for_each(home);
    plan.inputs.iter_mut().for_each(home);
    plan.buffers = buffers.into_iter().map(|(width, _)| width).collect();
}
