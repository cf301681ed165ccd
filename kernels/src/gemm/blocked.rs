//! The loops round the micro-kernel, numbered as in BLIS from the outermost
//! (van Zee and van de Geijn, *BLIS: A Framework for Rapidly Instantiating
//! BLAS Functionality*, 2015), with two liberties: a short K is not cut, and
//! an operand is packed only where that pays.
//!
//! ```text
//! LOOP 5  columns of C, BLOCK_COLS at a time   (all of them where nothing is packed)
//! LOOP 4  rows of C, BLOCK_ROWS at a time      (likewise)
//! LOOP 3  parts of K, at most MAX_K long       pack B's part, unless it has panels, and A's,
//!                                              or list where A is not 0;
//!                                              partial sums stay in the workspace
//! tasks   a grid over the tiles of the block   one parallel region
//! LOOP 2  columns of tiles                     a panel of B, which stays in L1 or L2 …
//! LOOP 1  rows of tiles                        … while the panels of A pass
//!         micro-kernel                         one tile in registers
//! strips  one or two columns at the end        behind the tiles of their rows (`narrow.rs`)
//! ```

use std::ops::Range;

use super::epilogue::{PANEL_TILES, Panel, Partial, Room, Sink};
use super::flops;
use super::narrow::{self, Strip, copy_columns, rows_at_once};
use super::pack::pack_panel;
use super::steps::{self, GROUP, Steps};
use super::tile::{MAX_ROWS, TileArguments, compute};
use crate::crossover::PARALLEL_FLOPS;
use crate::extent::Extent;
use crate::mat::{Element, MatRef, PanelsRef, Tiling};
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
                let narrow = plan.narrow_of(cols.len(), S::LANES);
                let block = Block::new(rows, cols, narrow, (S::TILE_ROWS, plan.width));
                // SAFETY: the caller's contract; the block lies inside of C.
                unsafe { multiply_block(s, &plan, &block, terms, sink, workspace, parallelism) }
            }
        }
    });
}

/// How a product is cut and what is packed.
struct Plan {
    /// Columns of C.
    cols: usize,
    /// Columns of a tile.
    width: usize,
    block_rows: usize,
    block_cols: usize,
    /// Length of the longest part of K.
    part: usize,
    /// Number of parts.
    parts: usize,
    pack_a: bool,
    pack_b: bool,
    /// Whether every term's B is there in panels already.
    has_panels: bool,
    /// Whether a few columns at the end are computed apart.
    splits_narrow: bool,
    /// Elements of the workspace, and where its areas begin: packed A at
    /// 0, then packed B, then partial sums, then lists of steps, then the columns
    /// of B that are computed apart.
    workspace: usize,
    b_area: usize,
    partial_area: usize,
    steps_area: usize,
    narrow_area: usize,
}

impl Plan {
    fn new<T: Element, S: Registers<T>>(m: usize, n: usize, terms: &[Term<T>]) -> Self {
        let width = S::TILE_VECTORS * S::LANES;
        let (tile_rows, tile_cols) = (m.div_ceil(S::TILE_ROWS), n.div_ceil(width));
        let parts = terms.iter().map(|term| parts_of(term.k)).sum::<usize>();
        let part = terms
            .iter()
            .map(|term| term.k.div_ceil(parts_of(term.k)))
            .max()
            .unwrap_or(0);
        let tiling = Tiling {
            width,
            lanes: S::LANES,
        };
        let in_panels = |term: &Term<T>| term.panels.is_some_and(|b| b.tiling == tiling);
        let has_panels = terms.iter().all(in_panels);
        // A block begins with a panel.
        const { assert!(tuning::BLOCK_COLS.is_multiple_of(S::TILE_VECTORS * S::LANES)) };
        let pack_b = !has_panels
            && terms.iter().any(|term| {
                let (row, col) = term.b_strides;
                (n > 1 && col != 1)
                    || (tile_rows >= tuning::PACK_B_TILE_ROWS
                        && n > width
                        && row.unsigned_abs() > tuning::PACK_B_STRIDE
                        && term.k > tuning::PACK_B_K)
            });
        let pack_a = tile_cols >= tuning::PACK_A_TILE_COLS
            && terms
                .iter()
                .any(|term| flops((m, size_of::<T>()), term.k) / 2 >= tuning::PACK_A_BYTES);
        let skips_zeros = terms.iter().any(|term| term.skips_zeros);
        // The rows' neighbours are loaded together: A as it is, row by row.
        let splits_narrow = parts == 1
            && m >= tuning::NARROW_ROWS
            && !pack_a
            && !skips_zeros
            && terms.iter().all(|term| term.a_strides.1 == 1);
        let block_rows = if pack_a || parts > 1 || skips_zeros {
            tuning::BLOCK_ROWS.min(m)
        } else {
            m
        };
        let block_cols = if pack_b || parts > 1 {
            tuning::BLOCK_COLS.min(n)
        } else {
            n
        };
        let padded_cols = block_cols.next_multiple_of(width);
        let a_len = if pack_a { block_rows * part } else { 0 };
        let b_len = if pack_b { padded_cols * part } else { 0 };
        let partial_len = if parts > 1 {
            block_rows.div_ceil(S::TILE_ROWS) * S::TILE_ROWS * padded_cols
        } else {
            0
        };
        let steps_len = if skips_zeros {
            let numbers = steps::room(part) * block_rows.div_ceil(S::TILE_ROWS);
            (numbers * size_of::<u16>()).div_ceil(size_of::<T>())
        } else {
            0
        };
        // Areas start at cache lines.
        let b_area = a_len.next_multiple_of(16);
        let partial_area = (b_area + b_len).next_multiple_of(16);
        let steps_area = (partial_area + partial_len).next_multiple_of(16);
        let narrow_area = (steps_area + steps_len).next_multiple_of(16);
        let narrow_len = if splits_narrow {
            part * tuning::NARROW
        } else {
            0
        };
        Plan {
            cols: n,
            width,
            block_rows,
            block_cols,
            part,
            parts,
            pack_a,
            pack_b,
            has_panels,
            splits_narrow,
            workspace: narrow_area + narrow_len,
            b_area,
            partial_area,
            steps_area,
            narrow_area,
        }
    }
}

impl Plan {
    /// How many of so many columns of a block are computed apart.
    fn narrow_of(&self, cols: usize, lanes: usize) -> usize {
        let rest = cols % lanes;
        if self.splits_narrow && rest <= tuning::NARROW {
            rest
        } else {
            0
        }
    }
}

/// Part number `i` of `of` things shared among so many. Views that repeat an
/// element make sums of any length, so that a product may need more bits.
fn share(of: usize, among: usize, i: usize) -> Range<usize> {
    let start = |i: usize| match of.checked_mul(i) {
        Some(product) => product / among,
        None => (of as u128 * i as u128 / among as u128) as usize,
    };
    start(i)..start(i + 1)
}

/// Into how many parts a sum of length `k` is cut; a sum of length 0 still
/// has one, so that the sink gets its tiles.
fn parts_of(k: usize) -> usize {
    k.div_ceil(tuning::MAX_K).max(1)
}

/// A block of C and its grid of tiles.
struct Block {
    rows: Range<usize>,
    cols: Range<usize>,
    /// Columns of a tile.
    width: usize,
    /// Rows and columns of tiles.
    tile_rows: usize,
    tile_cols: usize,
    /// Columns at the end that belong to no tile.
    narrow: usize,
    /// Rows of a tile, of which the first `higher` have one more.
    height: usize,
    higher: usize,
}

impl Block {
    /// Cut into tiles of at most so many rows and columns, but for the last
    /// `narrow` columns. All tiles are equally high, give or take one row.
    fn new(
        rows: Range<usize>,
        cols: Range<usize>,
        narrow: usize,
        (height, width): (usize, usize),
    ) -> Self {
        let tile_rows = rows.len().div_ceil(height).max(1);
        Block {
            width,
            tile_rows,
            tile_cols: (cols.len() - narrow).div_ceil(width),
            narrow,
            height: rows.len() / tile_rows,
            higher: rows.len() % tile_rows,
            rows,
            cols,
        }
    }

    /// Rows of the `i`th row of tiles, from the block's first row.
    fn tile_row(&self, i: usize) -> Range<usize> {
        let start = |i: usize| i * self.height + i.min(self.higher);
        start(i)..start(i + 1)
    }

    /// Columns of the `j`th column of tiles, from the block's first column.
    fn tile_col(&self, j: usize) -> Range<usize> {
        let wide = self.cols.len() - self.narrow;
        j * self.width..wide.min((j + 1) * self.width)
    }
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
            if plan.pack_a {
                for_each(packing(k * block.rows.len()), tile_rows, |i| {
                    let rows = block.tile_row(i);
                    // SAFETY: as for B, without padding.
                    s.vectorize(
                        #[inline(always)]
                        || unsafe {
                            let from = a
                                .get()
                                .wrapping_offset(rows.start as isize * term.a_strides.0);
                            let to = workspace.get().add(rows.start * k);
                            term.a_extent.check(from, (rows.len(), k), term.a_strides);
                            space.check_slice(to, k * rows.len());
                            pack_panel(s, from, term.a_strides, rows.len(), k, to, rows.len());
                        },
                    )
                });
            }

            // SAFETY: the block's rows of the part are readable.
            let skip = term.skips_zeros
                && unsafe {
                    let block = (block.rows.len(), k);
                    steps::are_worthwhile(s, a.get().cast_const(), term.a_strides, block)
                };
            let list_of = |i: usize| {
                let area = workspace.get().wrapping_add(plan.steps_area);
                area.cast::<u16>().wrapping_add(i * steps::room(plan.part))
            };
            if skip {
                const { assert!(S::TILE_ROWS <= MAX_ROWS) };
                let listing = packing(k * block.rows.len());
                // Lists are the same however they are shared.
                let groups = threads(listing).clamp(tile_rows.div_ceil(GROUP), tile_rows);
                for_each(listing, groups, |group| {
                    let tiles = share(tile_rows, groups, group);
                    let shape = (block.rows.len(), k);
                    term.a_extent.check(a.get(), shape, term.a_strides);
                    space.check_slice(list_of(tiles.start), tiles.len() * steps::room(plan.part));
                    // SAFETY: 1. the block's rows are readable; one of the strides
                    // is 1, else it would not be worthwhile; a tile has at most
                    // MAX_ROWS of them, and a group at most GROUP tiles; 2. the area
                    // has room for a list a row of tiles, the workspace is initialised, and
                    // k ≤ part ≤ MAX_K.
                    s.vectorize(
                        #[inline(always)]
                        || unsafe {
                            let (a, strides) = (a.get().cast_const(), term.a_strides);
                            let rows_of = |i| block.tile_row(i);
                            steps::find(s, a, strides, tiles, rows_of, k, list_of);
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
            let (row_tasks, col_tasks) = task_grid(tile_rows, tile_cols, block, k, sink);
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
                            let panel = workspace.get().wrapping_add(rows.start * k);
                            (panel, (1, rows.len() as isize))
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
                        let steps = if skip {
                            // SAFETY: written above for this part.
                            unsafe { Steps::listed(list_of(i)) }
                        } else {
                            Steps::all(k)
                        };
                        let partial = workspace
                            .get()
                            .wrapping_add(plan.partial_area + (i * tile_cols + j) * slot);
                        let tile = TileArguments {
                            k: steps.count,
                            steps: steps.list,
                            a: a.wrapping_offset(steps.first * a_strides.1),
                            a_strides,
                            b: b.wrapping_offset(steps.first * b_stride),
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
                        // the caller's panels, padded to whole vectors; 3. `partial` is this tile's
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
                    // A, whose p are neighbours (`splits_narrow`), and the copy of B;
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

/// Into how many tasks the rows and the columns of tiles are shared: enough
/// that a task has TASK_FLOPS or one tile, and that its rows of A stay in L2.
/// Tiles that an operation gets at once belong to one task.
fn task_grid<T>(
    tile_rows: usize,
    tile_cols: usize,
    block: &Block,
    k: usize,
    sink: Sink<'_, T>,
) -> (usize, usize) {
    let (rows, cols) = (block.rows.len(), block.cols.len());
    let flops = 2 * rows * cols * k;
    let tasks = (flops / tuning::TASK_FLOPS).clamp(1, tuning::MAX_TASKS);
    let resident = (rows * k * size_of::<T>()).div_ceil(tuning::A_BLOCK_BYTES);
    let most = match sink {
        Sink::Store(_) => tile_rows,
        Sink::Operation(_) => tile_rows.div_ceil(PANEL_TILES),
    };
    let row_tasks = tasks.max(resident).min(most);
    let col_tasks = tasks.div_ceil(row_tasks).min(tile_cols).max(1);
    (row_tasks, col_tasks)
}
