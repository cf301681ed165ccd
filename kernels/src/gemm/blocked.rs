//! The loops round the micro-kernel, numbered as in BLIS from the outermost
//! (van Zee and van de Geijn, *BLIS: A Framework for Rapidly Instantiating
//! BLAS Functionality*, 2015), with two liberties: a short K is not cut, and
//! an operand is packed only where that pays.
//!
//! ```text
//! LOOP 5  columns of C, BLOCK_COLS at a time   (all of them where nothing is packed)
//! LOOP 4  rows of C, BLOCK_ROWS at a time      (likewise)
//! LOOP 3  parts of K, at most MAX_K long       pack B's part, unless it has panels, and A's,
//!  part.rs                                     unless each task packs its own rows;
//!                                              list where A is not 0;
//!                                              partial sums stay in the workspace
//! tasks   a grid over the tiles of the block   one parallel region
//!  task.rs
//! panels  tiles that an operation gets at once (all of the task's where there is none)
//! LOOP 2  columns of tiles                     a panel of B, which stays in L1 or L2 …
//! LOOP 1  rows of tiles                        … while the panels of A pass
//!         micro-kernel                         one tile in registers
//! strips  one or two columns at the end        behind the tiles of their rows (`narrow.rs`)
//! ```

use super::epilogue::Sink;
use super::part::{Part, Workspace};
use super::plan::{Block, Plan, parts_of, share};
use super::term::Term;
use crate::mat::Element;
use crate::parallel::Parallelism;
use crate::simd::Registers;
use crate::workspace::with_buffer;

/// Computes the sum of the terms, an m × n matrix, tile by tile, and gives
/// each tile to the sink.
///
/// Each element is one chain of multiply-adds through all terms in order,
/// whatever the blocking, the threads and the neighbouring elements; those
/// that are 0 may be missing from it where the term allows that.
///
/// # Safety
/// 1. Every term is readable at (i < m, p < k) of A and (p < k, j < n) of B, and
///    its panels, if any, are those of a k × n matrix, packed for their tiling;
///    nobody writes there meanwhile; the sink may only if no other tile reads
///    what it writes.
/// 2. The sink accepts every tile of an m × n matrix.
// Not inlined: only the micro-kernel needs the level's instructions, and one
// copy of the loops serves all callers.
#[inline(never)]
pub(crate) unsafe fn multiply<T, S>(
    s: S,
    (m, n): (usize, usize),
    terms: &[Term<T>],
    sink: Sink<'_, T>,
    parallelism: Parallelism,
) where
    T: Element,
    S: Registers<T>,
{
    if m == 0 || n == 0 {
        return;
    }
    let plan = Plan::new::<T, S>(m, n, terms);
    with_buffer(plan.workspace, |workspace| {
        let workspace = Workspace::new(workspace);
        for j in (0..n).step_by(plan.block_cols) {
            // LOOP 5
            for i in (0..m).step_by(plan.block_rows) {
                // LOOP 4
                let rows = i..m.min(i + plan.block_rows);
                let cols = j..n.min(j + plan.block_cols);
                let narrow = if cols.end == n { plan.narrow } else { 0 };
                let block = Block::new(rows, cols, narrow, (S::TILE_ROWS, plan.width));
                let mut done = 0;
                for term in terms {
                    let parts = parts_of(term.k);
                    for index in 0..parts {
                        // LOOP 3
                        let steps = share(term.k, parts, index);
                        let ends = (done == 0, done + 1 == plan.parts);
                        let part = Part::new(&plan, &block, term, steps, ends, workspace);
                        done += 1;
                        // SAFETY: the caller's contract; the block lies inside of C, the
                        // workspace is the plan's, and the parts come in order.
                        unsafe { part.run(s, sink, parallelism) };
                    }
                }
            }
        }
    });
    debug_assert!(plan.part >= 1 || terms.iter().all(|term| term.k == 0));
}

#[cfg(test)]
mod tests;
