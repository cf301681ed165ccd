//! The loops round the micro-kernel, numbered as in BLIS from the outermost
//! (van Zee and van de Geijn, *BLIS: A Framework for Rapidly Instantiating
//! BLAS Functionality*, 2015), with two liberties: a short K is not cut, and
//! an operand is packed only where that pays.
//!
//! ```text
//! LOOP 5  columns of C, BLOCK_COLS at a time   (all of them where nothing is packed)
//! LOOP 4  rows of C, BLOCK_ROWS at a time      (likewise)
//! LOOP 3  parts of K, at most MAX_K long       pack B's part, unless it has panels, and A's,
//!                                              unless each task packs its own rows;
//!                                              list where A is not 0;
//!                                              partial sums stay in the workspace
//! tasks   a grid over the tiles of the block   one parallel region
//! LOOP 2  columns of tiles                     a panel of B, which stays in L1 or L2 …
//! LOOP 1  rows of tiles                        … while the panels of A pass
//!         micro-kernel                         one tile in registers
//! strips  one or two columns at the end        behind the tiles of their rows (`narrow.rs`)
//! ```

use std::ops::Range;

use super::epilogue::{PANEL_TILES, Panel, Partial, Room, Sink};
use super::listed::{lists_of, rows_of_list};
use super::narrow::{self, Strip, copy_columns, rows_at_once};
use super::pack::{PackedRows, pack_panel};
use super::plan::{Block, Plan, parts_of, share, task_grid};
use super::steps::{self, GROUP};
use super::tile::{MAX_ROWS, TileArguments, compute};
use crate::crossover::PARALLEL_FLOPS;
use crate::extent::Extent;
use crate::mat::{Element, MatRef, PanelsRef};
use crate::parallel::{Parallelism, Shared, for_each, threads};
use crate::prefetch::prefetch_row;
use crate::simd::Registers;
use crate::tuning;
use crate::workspace::with_buffer;

/// One product A·B of the sum that makes up C.
#[derive(Clone, Copy)]
pub(crate) struct Term<T> {
    pub(crate) a: *const T,
    /// From row to row of A, and from p to p + 1.
    pub(crate) a_strides: (isize, isize),
    pub(crate) b: *const T,
    /// From p to p + 1, and from column to column of B.
    pub(crate) b_strides: (isize, isize),
    pub(crate) k: usize,
    /// Whether products with zeros of A may be left out.
    pub(crate) skips_zeros: bool,
    /// What the product may read of A and of B.
    pub(crate) a_extent: Extent,
    pub(crate) b_extent: Extent,
    /// B once more, packed.
    pub(crate) panels: Option<PanelsRef<T>>,
}

// SAFETY: the operands are only read, and whoever starts the product
// guarantees that nobody writes them meanwhile.
unsafe impl<T: Element> Sync for Term<T> {}

impl<T: Element> Term<T> {
    /// The product of two views. The caller sees to it that A has as many
    /// columns as B has rows.
    pub(crate) fn new(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Self {
        let (a_strides, b_strides) = (strides(a), strides(b));
        Term {
            a: a.as_ptr(),
            a_strides,
            b: b.as_ptr(),
            b_strides,
            k: a.cols(),
            skips_zeros: a.skips_zeros(),
            a_extent: Extent::new(a.as_ptr(), a.shape(), a_strides),
            b_extent: Extent::new(b.as_ptr(), b.shape(), b_strides),
            panels: b.panels(),
        }
    }
}

/// A view with elements spans at most isize::MAX bytes, so that its strides fit,
/// but for that of a dimension of length 1. Those that are never used, of such
/// a dimension or an empty view, can be any number and become 1.
fn strides<T: Element>(view: MatRef<'_, T>) -> (isize, isize) {
    let empty = view.rows() == 0 || view.cols() == 0;
    let used = |count: usize, stride: usize| {
        if count > 1 && !empty {
            stride as isize
        } else {
            1
        }
    };
    (
        used(view.rows(), view.row_stride()),
        used(view.cols(), view.col_stride()),
    )
}

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
        for j in (0..n).step_by(plan.block_cols) {
            // LOOP 5
            for i in (0..m).step_by(plan.block_rows) {
                // LOOP 4
                let rows = i..m.min(i + plan.block_rows);
                let cols = j..n.min(j + plan.block_cols);
                let narrow = if cols.end == n { plan.narrow } else { 0 };
                let block = Block::new(rows, cols, narrow, (S::TILE_ROWS, plan.width));
                // SAFETY: the caller's contract; the block lies inside of C.
                unsafe { multiply_block(s, &plan, &block, terms, sink, workspace, parallelism) }
            }
        }
    });
}

/// LOOP 3 of one block.
///
/// # Safety
/// As [`multiply`]; the block lies inside of C, and `workspace` is the plan's.
#[inline(always)]
unsafe fn multiply_block<T, S>(
    s: S,
    plan: &Plan,
    block: &Block,
    terms: &[Term<T>],
    sink: Sink<'_, T>,
    workspace: &mut [T],
    parallelism: Parallelism,
) where
    T: Element,
    S: Registers<T>,
{
    let (tile_rows, tile_cols) = (block.tile_rows, block.tile_cols);
    let slot = S::TILE_ROWS * block.width;
    let space = Extent::of_slice(workspace.as_ptr(), workspace.len());
    let workspace = Shared::new(workspace.as_mut_ptr());
    let mut done = 0;
    for term in terms {
        let parts = parts_of(term.k);
        for index in 0..parts {
            let part = share(term.k, parts, index);
            let k = part.len();
            let (first, last) = (done == 0, done + 1 == plan.parts);
            done += 1;
            let a = term
                .a
                .wrapping_offset(block.rows.start as isize * term.a_strides.0)
                .wrapping_offset(part.start as isize * term.a_strides.1);
            let b = term
                .b
                .wrapping_offset(part.start as isize * term.b_strides.0)
                .wrapping_offset(block.cols.start as isize * term.b_strides.1);
            let (a, b) = (Shared::new(a.cast_mut()), Shared::new(b.cast_mut()));

            let packing = |elements: usize| {
                if elements * tuning::PACK_FLOPS < PARALLEL_FLOPS {
                    Parallelism::Serial
                } else {
                    parallelism
                }
            };
            if plan.pack_b {
                for_each(packing(k * block.cols.len()), tile_cols, |j| {
                    let cols = block.tile_col(j);
                    let width = cols.len().next_multiple_of(S::LANES);
                    // SAFETY: columns `cols` of the part are readable, if it
                    // has any rows; the panels before take cols.start · k
                    // elements of the area, which has room for whole panels of
                    // the longest part.
                    s.vectorize(
                        #[inline(always)]
                        || unsafe {
                            let from = b
                                .get()
                                .wrapping_offset(cols.start as isize * term.b_strides.1);
                            let strides = (term.b_strides.1, term.b_strides.0);
                            let to = workspace.get().add(plan.b_area + cols.start * k);
                            term.b_extent.check(from, (cols.len(), k), strides);
                            space.check_slice(to, k * width);
                            pack_panel(s, from, strides, cols.len(), k, to, width);
                        },
                    )
                });
            }
            let (row_tasks, col_tasks) = task_grid(tile_rows, tile_cols, block, k, sink);
            let packed = PackedRows::new::<T>(term.a_strides, k);
            let panel_of =
                |rows: &Range<usize>| workspace.get().wrapping_add(rows.start * packed.len);
            let pack_tile_row = |i: usize| {
                let rows = block.tile_row(i);
                // SAFETY: as for B; the area has room for the block's rows, since
                // len ≤ row_stride(plan.part); one task a row of tiles: that of the
                // region below, or the only one that has it.
                s.vectorize(
                    #[inline(always)]
                    || unsafe {
                        let from = a
                            .get()
                            .wrapping_offset(rows.start as isize * term.a_strides.0);
                        let to = panel_of(&rows);
                        term.a_extent.check(from, (rows.len(), k), term.a_strides);
                        space.check_slice(to, rows.len() * packed.len);
                        packed.pack(s, from, term.a_strides, rows.len(), to);
                    },
                )
            };
            // Where only one task has them, it packs its rows of A itself: nobody else
            // reads or writes their panels, and they are in its L2 then.
            let packs_own_rows = plan.pack_a && col_tasks == 1;
            if plan.pack_a && !packs_own_rows {
                for_each(packing(k * block.rows.len()), tile_rows, pack_tile_row);
            }

            // SAFETY: the block's rows of the part are readable.
            let skip = term.skips_zeros
                && unsafe {
                    let block = (block.rows.len(), k);
                    steps::are_worthwhile(s, a.get().cast_const(), term.a_strides, block)
                };
            // Lists of the highest tile, and numbers of each.
            let (lists, list_stride) = (lists_of(S::TILE_ROWS), steps::room(plan.part));
            let list_of = |list: usize| {
                let area = workspace.get().wrapping_add(plan.steps_area);
                area.cast::<u16>().wrapping_add(list * list_stride)
            };
            if skip {
                const { assert!(S::TILE_ROWS <= MAX_ROWS) };
                let listing = packing(k * block.rows.len());
                // Lists are the same however they are shared.
                let groups = threads(listing).clamp(tile_rows.div_ceil(GROUP), tile_rows);
                for_each(listing, groups, |group| {
                    let tiles = share(tile_rows, groups, group);
                    let numbers = tiles.start * lists..tiles.end * lists;
                    let shape = (block.rows.len(), k);
                    term.a_extent.check(a.get(), shape, term.a_strides);
                    space.check_slice(list_of(numbers.start), numbers.len() * list_stride);
                    // SAFETY: 1. the block's rows are readable; one of the strides
                    // is 1, else it would not be worthwhile; `rows_of_list` shares those
                    // of a tile among its lists, and a group has at most GROUP tiles;
                    // 2. the area has room for the lists of all tiles, the workspace is
                    // initialised, and k ≤ part ≤ MAX_K.
                    s.vectorize(
                        #[inline(always)]
                        || unsafe {
                            let (a, strides) = (a.get().cast_const(), term.a_strides);
                            let rows_of = |list| {
                                let tile = block.tile_row(list / lists);
                                let rows = rows_of_list(S::TILE_ROWS, tile.len(), list % lists);
                                tile.start + rows.start..tile.start + rows.end
                            };
                            steps::find(s, a, strides, numbers, rows_of, k, list_of);
                        },
                    )
                });
            }

            let b_in_panels = plan.has_panels || plan.pack_b;
            let (panels, b_extent) = match term.panels {
                Some(panels) if plan.has_panels => {
                    (Shared::new(panels.data.cast_mut()), panels.extent)
                }
                _ if plan.pack_b => (b, space),
                _ => (b, term.b_extent),
            };
            let term_a = a;
            // Rows of A that come from memory, one after another.
            let fetch_a = !plan.pack_a
                && term.a_strides.1 == 1
                && block.rows.len() * k * size_of::<T>() > tuning::PREFETCH_BYTES;
            let first_narrow = block.cols.len() - block.narrow;
            let columns = workspace.get().wrapping_add(plan.narrow_area);
            if block.narrow > 0 {
                let from = b
                    .get()
                    .wrapping_offset(first_narrow as isize * term.b_strides.1);
                let shape = (k, block.narrow);
                term.b_extent.check(from, shape, term.b_strides);
                space.check_slice(columns, k * block.narrow);
                // SAFETY: the last columns of the block are readable; the area has
                // room for them.
                unsafe { copy_columns(from, term.b_strides, shape, columns) };
            }
            let columns = Shared::new(columns);
            for_each(parallelism, row_tasks * col_tasks, |task| {
                let mut room = Room::new();
                let room_extent = room.extent();
                let room = room.data::<T>();
                let (r, c) = (task % row_tasks, task / row_tasks);
                let tile_range = share(tile_rows, row_tasks, r);
                if packs_own_rows {
                    tile_range.clone().for_each(pack_tile_row);
                }
                for j in share(tile_cols, col_tasks, c) {
                    // LOOP 2
                    let cols = block.tile_col(j);
                    let (b, b_stride) = if plan.has_panels {
                        // With columns, perhaps, that belong to no tile.
                        let col = block.cols.start + cols.start;
                        let panel_cols = block.width.min(plan.cols - col);
                        let width = panel_cols.next_multiple_of(S::LANES);
                        let panel = panels.get().wrapping_add(col * term.k + part.start * width);
                        (panel.cast_const(), width as isize)
                    } else if plan.pack_b {
                        let width = cols.len().next_multiple_of(S::LANES);
                        let panel = workspace.get().wrapping_add(plan.b_area + cols.start * k);
                        (panel.cast_const(), width as isize)
                    } else {
                        let b = b.get().cast_const();
                        (b.wrapping_add(cols.start), term.b_strides.0)
                    };
                    // Rows and tiles that wait in the room for the operation.
                    let stride = cols.len().next_multiple_of(S::LANES);
                    let (mut waiting, mut tiles) = (0, 0);
                    for i in tile_range.clone() {
                        // LOOP 1
                        let rows = block.tile_row(i);
                        let (a, a_strides) = if plan.pack_a {
                            (panel_of(&rows), packed.strides(rows.len()))
                        } else {
                            let row = rows.start as isize * term.a_strides.0;
                            (a.get().wrapping_offset(row), term.a_strides)
                        };
                        if fetch_a && i + 1 < tile_range.end {
                            for row in block.tile_row(i + 1) {
                                let row = row as isize * term.a_strides.0;
                                let start = term_a.get().wrapping_offset(row).cast_const();
                                prefetch_row(start, k.min(tuning::PREFETCH_START));
                            }
                        }
                        let partial = workspace
                            .get()
                            .wrapping_add(plan.partial_area + (i * tile_cols + j) * slot);
                        let tile = TileArguments {
                            k,
                            lists: if skip {
                                list_of(i * lists)
                            } else {
                                std::ptr::null()
                            },
                            list_stride,
                            a,
                            a_strides,
                            b,
                            b_stride,
                            start: if first { std::ptr::null() } else { partial },
                            row: block.rows.start + rows.start,
                            col: block.cols.start + cols.start,
                            rows: rows.len(),
                            cols: cols.len(),
                            a_extent: if plan.pack_a { space } else { term.a_extent },
                            b_extent,
                        };
                        if plan.parts > 1 {
                            space.check_slice(partial, rows.len() * stride);
                        }
                        // SAFETY: 1. tile_row and tile_col give 1 … height rows
                        // and 1 … width columns; 2. the operands are the
                        // caller's, where columns of B are neighbours (else it
                        // is packed), or were packed above for this part, or are
                        // the caller's panels, padded to whole vectors; the lists of
                        // rows were written above for this part; 3. `partial` is this tile's
                        // own slot, filled by the part before; 4. each tile of
                        // the block belongs to one task, and comes once; the
                        // room has space for PANEL_TILES of the highest tiles.
                        unsafe {
                            match sink {
                                _ if !last => {
                                    compute(s, &tile, b_in_panels, &Partial { to: partial });
                                }
                                Sink::Store(store) => compute(s, &tile, b_in_panels, &store),
                                Sink::Operation(operation) => {
                                    operation.prepare(
                                        tile.row..tile.row + tile.rows,
                                        tile.col..tile.col + tile.cols,
                                    );
                                    let to = room.add(waiting * stride);
                                    room_extent.check_slice(to, rows.len() * stride);
                                    compute(s, &tile, b_in_panels, &Partial { to });
                                    waiting += tile.rows;
                                    tiles += 1;
                                    if tiles == PANEL_TILES || i + 1 == tile_range.end {
                                        operation.apply(Panel {
                                            data: room,
                                            stride,
                                            row: tile.row + tile.rows - waiting,
                                            col: tile.col,
                                            rows: waiting,
                                            cols: tile.cols,
                                        });
                                        (waiting, tiles) = (0, 0);
                                    }
                                }
                            }
                        }
                    }
                }
                if block.narrow == 0 || c + 1 < col_tasks {
                    return;
                }
                // The strips that end with these rows of A, which are still in L2.
                let begin = block.tile_row(tile_range.start).start;
                let end = block.tile_row(tile_range.end - 1).end;
                let height = rows_at_once(S::LANES);
                let mut row = begin / height * height;
                while row < block.rows.len() && block.rows.len().min(row + height) <= end {
                    let strip = Strip {
                        k,
                        a: term_a
                            .get()
                            .wrapping_offset(row as isize * term.a_strides.0),
                        a_row: term.a_strides.0,
                        b: columns.get(),
                        row: block.rows.start + row,
                        col: block.cols.start + first_narrow,
                        rows: height.min(block.rows.len() - row),
                        cols: block.narrow,
                        a_extent: term.a_extent,
                    };
                    room_extent.check_slice(room, strip.rows * S::LANES);
                    // SAFETY: 1. at least one row is left, at most `height` are taken,
                    // and `narrow` is at most NARROW; 2. the operands are the caller's
                    // A, whose p are neighbours (`Plan::new`), and the copy of B;
                    // 3. the room is as large as the largest panel; 4. each strip of
                    // the block ends within the rows of one task, and no tile has its
                    // columns.
                    unsafe { narrow::compute(s, &strip, sink, room) };
                    row += height;
                }
            });
        }
    }
    debug_assert!(plan.part >= 1 || terms.iter().all(|term| term.k == 0));
}
