//! LOOP 3: one part of K of one block of C. Operands are packed and lists written as
//! the plan says, then the block's tiles are shared among tasks.

use std::ops::Range;

use super::epilogue::Sink;
use super::listed::{lists_of, rows_of_list};
use super::narrow::copy_columns;
use super::pack::{PackedRows, pack_panel};
use super::plan::{Block, Plan, share, task_grid};
use super::steps::{self, GROUP};
use super::task::Task;
use super::term::Term;
use super::tile::MAX_ROWS;
use crate::crossover::PARALLEL_FLOPS;
use crate::extent::Extent;
use crate::mat::Element;
use crate::parallel::{Parallelism, for_each, threads};
use crate::simd::Registers;
use crate::tuning;

/// The memory of a product, of which the plan says what lies where.
#[derive(Clone, Copy)]
pub(super) struct Workspace<T> {
    data: *mut T,
    pub(super) extent: Extent,
}

impl<T> Workspace<T> {
    pub(super) fn new(memory: &mut [T]) -> Self {
        Workspace {
            data: memory.as_mut_ptr(),
            extent: Extent::of_slice(memory.as_ptr(), memory.len()),
        }
    }

    /// Its elements from this one on.
    pub(super) fn at(self, offset: usize) -> *mut T {
        self.data.wrapping_add(offset)
    }
}

/// A part of K of a block: what its tasks share.
pub(super) struct Part<'a, T> {
    pub(super) plan: &'a Plan,
    pub(super) block: &'a Block,
    pub(super) term: &'a Term<T>,
    /// Its p, and how many there are.
    pub(super) steps: Range<usize>,
    pub(super) k: usize,
    /// Whether the sums begin with it, and whether they are complete after it.
    pub(super) is_first: bool,
    is_last: bool,
    /// A\[0, 0\] and B\[0, 0\] of the block and the part.
    pub(super) a: *const T,
    pub(super) b: *const T,
    /// How the rows of A lie where they are packed.
    pub(super) packed: PackedRows,
    pub(super) workspace: Workspace<T>,
}

// SAFETY: the operands are only read; of the workspace, each task writes places of its
// own, and the pointers are dereferenced in methods whose contract says so.
unsafe impl<T: Element> Sync for Part<'_, T> {}

impl<'a, T: Element> Part<'a, T> {
    pub(super) fn new(
        plan: &'a Plan,
        block: &'a Block,
        term: &'a Term<T>,
        steps: Range<usize>,
        (is_first, is_last): (bool, bool),
        workspace: Workspace<T>,
    ) -> Self {
        let a = term
            .a
            .wrapping_offset(block.rows.start as isize * term.a_strides.0)
            .wrapping_offset(steps.start as isize * term.a_strides.1);
        let b = term
            .b
            .wrapping_offset(steps.start as isize * term.b_strides.0)
            .wrapping_offset(block.cols.start as isize * term.b_strides.1);
        let k = steps.len();
        Part {
            plan,
            block,
            term,
            steps,
            k,
            is_first,
            is_last,
            a,
            b,
            packed: PackedRows::new::<T>(term.a_strides, k),
            workspace,
        }
    }

    /// Computes the part's share of the sums, and gives the tiles to the sink if it is
    /// the last part.
    ///
    /// # Safety
    /// As [`multiply`](super::blocked::multiply), where the block lies inside of C; the
    /// workspace is the plan's, initialised, and holds what the parts before have left.
    // A part of `multiply`, its only caller.
    #[inline(always)]
    pub(super) unsafe fn run<S: Registers<T>>(
        &self,
        s: S,
        sink: Sink<'_, T>,
        parallelism: Parallelism,
    ) {
        let (plan, block) = (self.plan, self.block);
        let packing = |elements: usize| {
            if elements * tuning::PACK_FLOPS < PARALLEL_FLOPS {
                Parallelism::Serial
            } else {
                parallelism
            }
        };
        let (a_packing, b_packing) = (
            packing(self.k * block.rows.len()),
            packing(self.k * block.cols.len()),
        );
        if plan.pack_b {
            // SAFETY: the caller's contract; one task a panel.
            for_each(b_packing, block.tile_cols, |j| unsafe { self.pack_b(s, j) });
        }
        let (row_tasks, col_tasks) = task_grid::<T>(block, self.k, sink);
        // Where only one task has them, it packs its rows of A itself: nobody else
        // reads or writes their panels, and they are in its L2 then.
        let packs_own_rows = plan.pack_a && col_tasks == 1;
        // SAFETY: the caller's contract; one task a row of tiles: that of the region
        // below, or the only one that has it.
        let pack_a = |i: usize| unsafe { self.pack_a(s, i) };
        if plan.pack_a && !packs_own_rows {
            for_each(a_packing, block.tile_rows, pack_a);
        }
        // SAFETY: the block's rows of the part are readable.
        let is_listed = self.term.skips_zeros
            && unsafe {
                let shape = (block.rows.len(), self.k);
                steps::are_worthwhile(s, self.a, self.term.a_strides, shape)
            };
        if is_listed {
            // Lists are the same however they are shared.
            let most = block.tile_rows;
            let groups = threads(a_packing).clamp(most.div_ceil(GROUP), most);
            for_each(a_packing, groups, |group| {
                // SAFETY: the caller's contract; one of the strides is 1, else it would
                // not be worthwhile; each row of tiles is in one group, of which none has
                // more than GROUP.
                unsafe { self.list(s, share(most, groups, group)) }
            });
        }
        if block.narrow > 0 {
            // SAFETY: the caller's contract.
            unsafe { self.copy_narrow() };
        }
        for_each(parallelism, row_tasks * col_tasks, |task| {
            let (r, c) = (task % row_tasks, task / row_tasks);
            let rows = share(block.tile_rows, row_tasks, r);
            if packs_own_rows {
                rows.clone().for_each(pack_a);
            }
            let task = Task {
                part: self,
                rows,
                cols: share(block.tile_cols, col_tasks, c),
                sink: self.is_last.then_some(sink),
                is_listed,
            };
            // SAFETY: the caller's contract; what the plan packs is packed, what is
            // listed is listed; each tile belongs to one task.
            unsafe { task.run(s) };
        });
    }

    /// Where the panel of these rows of A lies, from the block's first row.
    pub(super) fn a_panel(&self, rows: &Range<usize>) -> *mut T {
        self.workspace.at(rows.start * self.packed.len)
    }

    /// Where a list lies.
    pub(super) fn list_of(&self, list: usize) -> *mut u16 {
        let area = self.workspace.at(self.plan.steps_area);
        area.cast::<u16>().wrapping_add(list * self.list_stride())
    }

    /// Numbers from the beginning of a list to that of the next.
    pub(super) fn list_stride(&self) -> usize {
        steps::room(self.plan.part)
    }

    /// Packs column `j` of tiles of B.
    ///
    /// # Safety
    /// As [`run`](Self::run); nobody else reads or writes the panel.
    unsafe fn pack_b<S: Registers<T>>(&self, s: S, j: usize) {
        let (term, k) = (self.term, self.k);
        let cols = self.block.tile_col(j);
        let width = cols.len().next_multiple_of(S::LANES);
        let from = self
            .b
            .wrapping_offset(cols.start as isize * term.b_strides.1);
        let strides = (term.b_strides.1, term.b_strides.0);
        let to = self.workspace.at(self.plan.b_area + cols.start * k);
        term.b_extent.check(from, (cols.len(), k), strides);
        self.workspace.extent.check_slice(to, k * width);
        s.vectorize(
            #[inline(always)]
            // SAFETY: columns `cols` of the part are readable, if it has any rows; the
            // panels before take cols.start · k elements of the area, which has room for
            // whole panels of the longest part.
            || unsafe { pack_panel(s, from, strides, cols.len(), k, to, width) },
        );
    }

    /// Packs row `i` of tiles of A.
    ///
    /// # Safety
    /// As [`run`](Self::run); nobody else reads or writes the panel.
    unsafe fn pack_a<S: Registers<T>>(&self, s: S, i: usize) {
        let (strides, packed) = (self.term.a_strides, self.packed);
        let rows = self.block.tile_row(i);
        let from = self.a.wrapping_offset(rows.start as isize * strides.0);
        let to = self.a_panel(&rows);
        let shape = (rows.len(), self.k);
        self.term.a_extent.check(from, shape, strides);
        self.workspace
            .extent
            .check_slice(to, rows.len() * packed.len);
        s.vectorize(
            #[inline(always)]
            // SAFETY: as for B; the area has room for the block's rows, since
            // len ≤ row_stride(plan.part).
            || unsafe { packed.pack(s, from, strides, rows.len(), to) },
        );
    }

    /// Lists where these rows of tiles of A are not 0.
    ///
    /// # Safety
    /// As [`run`](Self::run); nobody else reads or writes these lists; at most [`GROUP`]
    /// rows of tiles; one of A's strides is 1.
    unsafe fn list<S: Registers<T>>(&self, s: S, tiles: Range<usize>) {
        const { assert!(S::TILE_ROWS <= MAX_ROWS) };
        let (block, k) = (self.block, self.k);
        let (a, strides) = (self.a, self.term.a_strides);
        // Lists of the highest tile, and numbers of all.
        let lists = lists_of(S::TILE_ROWS);
        let numbers = tiles.start * lists..tiles.end * lists;
        self.term.a_extent.check(a, (block.rows.len(), k), strides);
        let length = numbers.len() * self.list_stride();
        self.workspace
            .extent
            .check_slice(self.list_of(numbers.start), length);
        s.vectorize(
            #[inline(always)]
            || {
                let rows_of = |list| {
                    let tile = block.tile_row(list / lists);
                    let rows = rows_of_list(S::TILE_ROWS, tile.len(), list % lists);
                    tile.start + rows.start..tile.start + rows.end
                };
                let list_of = |list| self.list_of(list);
                // SAFETY: 1. the block's rows are readable; one of the strides is 1;
                // `rows_of_list` shares those of a tile among its lists, and there are at
                // most GROUP tiles; 2. the area has room for the lists of all tiles, the
                // workspace is initialised, and k ≤ part ≤ MAX_K.
                unsafe { steps::find(s, a, strides, numbers, rows_of, k, list_of) };
            },
        );
    }

    /// Copies the columns of B that belong to no tile.
    ///
    /// # Safety
    /// As [`run`](Self::run).
    unsafe fn copy_narrow(&self) {
        let (block, term) = (self.block, self.term);
        let first = block.cols.len() - block.narrow;
        let from = self.b.wrapping_offset(first as isize * term.b_strides.1);
        let shape = (self.k, block.narrow);
        let to = self.workspace.at(self.plan.narrow_area);
        term.b_extent.check(from, shape, term.b_strides);
        self.workspace.extent.check_slice(to, self.k * block.narrow);
        // SAFETY: the last columns of the block are readable; the area has room for them.
        unsafe { copy_columns(from, term.b_strides, shape, to) };
    }
}
