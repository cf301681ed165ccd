//! One parallel task: some rows and columns of tiles of a block, for one part of K.

use std::ops::Range;

use super::epilogue::{MAX_PANEL_VECTORS, Panel, Partial, Room, Sink, TILE_BYTES, panel_tiles};
use super::listed::lists_of;
use super::narrow::{self, Strip, rows_at_once};
use super::part::Part;
use super::tile::{TileArguments, compute};
use crate::extent::Extent;
use crate::mat::Element;
use crate::prefetch::prefetch_elements;
use crate::simd::Registers;
use crate::tuning;

/// A task.
pub(super) struct Task<'a, T> {
    pub(super) part: &'a Part<'a, T>,
    /// Its rows of tiles, at least one, and its columns of tiles.
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    /// Where the tiles go; `None` for sums that are not complete, which stay in the
    /// workspace.
    pub(super) sink: Option<Sink<'a, T>>,
    /// Whether there are lists of where A is not 0.
    pub(super) is_listed: bool,
}

/// Cuts a range into pieces of this length; the last one is what is left.
fn cut(range: Range<usize>, length: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(length).map(move |i| i..end.min(i + length))
}

/// A column of tiles, and B there.
struct Column<T> {
    number: usize,
    /// Its columns, from the block's first one.
    cols: Range<usize>,
    b: *const T,
    /// From p to p + 1.
    b_stride: isize,
    b_extent: Extent,
}

/// Where tiles wait for an operation.
struct Waiting<T> {
    data: *mut T,
    /// Elements from row to row.
    stride: usize,
    /// Row and column of the block at which it begins.
    row: usize,
    col: usize,
    extent: Extent,
}

impl<T: Element> Task<'_, T> {
    /// Computes the tiles and, behind them, the strips beside them.
    ///
    /// # Safety
    /// As [`Part::run`]: what the plan packs of these tiles' operands is packed, what is
    /// listed is listed, and no other task has these tiles.
    pub(super) unsafe fn run<S: Registers<T>>(&self, s: S) {
        // The room takes any tile of the level, and an operation a row of a wide panel.
        const {
            let tile = S::TILE_ROWS * S::TILE_VECTORS * S::LANES * size_of::<T>();
            assert!(tile <= TILE_BYTES);
            assert!(tuning::WIDE_TILES * S::TILE_VECTORS <= MAX_PANEL_VECTORS);
        };
        let block = self.part.block;
        let mut room = Room::new();
        let (rows, cols) = match self.sink {
            Some(Sink::Operation(operation)) => panel_tiles(operation, block.tile_cols),
            _ => (self.rows.len(), self.cols.len().max(1)),
        };
        for cols in cut(self.cols.clone(), cols) {
            for rows in cut(self.rows.clone(), rows) {
                // SAFETY: the caller's contract; the tiles are the task's, and no more
                // than an operation gets.
                unsafe { self.tiles(s, &mut room, rows, cols.clone()) };
            }
        }
        let has_last_cols = self.cols.end == block.tile_cols;
        if let (Some(sink), true) = (self.sink, block.narrow > 0 && has_last_cols) {
            // SAFETY: the caller's contract; each row of tiles is in one task of those
            // that have the last columns.
            unsafe { self.strips(s, sink, &mut room) };
        }
    }

    /// Computes tiles, and gives them to the operation, if there is one.
    ///
    /// # Safety
    /// As [`run`](Self::run), for these rows and columns of tiles, at least one each; if
    /// an operation is to get them, at most as many as [`panel_tiles`] says.
    unsafe fn tiles<S: Registers<T>>(
        &self,
        s: S,
        room: &mut Room,
        rows: Range<usize>,
        cols: Range<usize>,
    ) {
        let block = self.part.block;
        let (row, col) = (
            block.tile_row(rows.start).start,
            block.tile_col(cols.start).start,
        );
        let (end_row, end_col) = (
            block.tile_row(rows.end - 1).end,
            block.tile_col(cols.end - 1).end,
        );
        let waiting = Waiting {
            extent: room.extent(),
            data: room.data(),
            stride: (end_col - col).next_multiple_of(S::LANES),
            row,
            col,
        };
        let fetches_rows = self.fetches_rows();
        for j in cols {
            // LOOP 2
            let column = self.column::<S>(j);
            for i in rows.clone() {
                // LOOP 1
                if fetches_rows && i + 1 < self.rows.end {
                    self.fetch_row(i + 1);
                }
                // SAFETY: the caller's contract; the room takes these tiles.
                unsafe { self.tile(s, &waiting, i, &column) };
            }
        }
        let Some(Sink::Operation(operation)) = self.sink else {
            return;
        };
        // As many rows at once as an operation takes.
        let count = MAX_PANEL_VECTORS / (waiting.stride / S::LANES);
        for rows in cut(row..end_row, count) {
            // SAFETY: the sink accepts each tile, and this task alone has it; the rows
            // are those of tiles that have just been written, with vectors that are whole,
            // and at most MAX_PANEL_VECTORS of these.
            unsafe {
                operation.apply(Panel {
                    data: waiting.data.add((rows.start - row) * waiting.stride),
                    stride: waiting.stride,
                    row: block.rows.start + rows.start,
                    col: block.cols.start + col,
                    rows: rows.len(),
                    cols: end_col - col,
                });
            }
        }
    }

    /// Whether rows of A come from memory, one after another.
    fn fetches_rows(&self) -> bool {
        let (part, term) = (self.part, self.part.term);
        let bytes = part.block.rows.len() * part.k * size_of::<T>();
        !part.plan.pack_a && term.a_strides.1 == 1 && bytes > tuning::PREFETCH_BYTES
    }

    /// Asks for the beginnings of the rows of A of row `i` of tiles.
    fn fetch_row(&self, i: usize) {
        for row in self.part.block.tile_row(i) {
            let row = row as isize * self.part.term.a_strides.0;
            let start = self.part.a.wrapping_offset(row);
            prefetch_elements(start, self.part.k.min(tuning::PREFETCH_START));
        }
    }

    /// Column `j` of tiles.
    fn column<S: Registers<T>>(&self, j: usize) -> Column<T> {
        let part = self.part;
        let (plan, block, term) = (part.plan, part.block, part.term);
        let cols = block.tile_col(j);
        let (b, b_stride, b_extent) = match term.panels {
            Some(panels) if plan.has_panels => {
                // With columns, perhaps, that belong to no tile.
                let col = block.cols.start + cols.start;
                let width = block.width.min(plan.cols - col).next_multiple_of(S::LANES);
                let start = col * term.k + part.steps.start * width;
                let b = panels.data.wrapping_add(start);
                (b, width as isize, panels.extent)
            }
            _ if plan.pack_b => {
                let width = cols.len().next_multiple_of(S::LANES);
                let b = part.workspace.at(plan.b_area + cols.start * part.k);
                (b.cast_const(), width as isize, part.workspace.extent)
            }
            _ => {
                let b = part.b.wrapping_add(cols.start);
                (b, term.b_strides.0, term.b_extent)
            }
        };
        Column {
            number: j,
            cols,
            b,
            b_stride,
            b_extent,
        }
    }

    /// Computes the tile in row `i` of tiles and this column: a partial sum, a tile of C, or
    /// one that waits in the room.
    ///
    /// # Safety
    /// As [`run`](Self::run), for this tile, which has a place among those that wait.
    // A part of `tiles`, its only caller.
    #[inline(always)]
    unsafe fn tile<S: Registers<T>>(
        &self,
        s: S,
        waiting: &Waiting<T>,
        i: usize,
        column: &Column<T>,
    ) {
        let part = self.part;
        let (plan, block, term) = (part.plan, part.block, part.term);
        let (rows, cols) = (block.tile_row(i), &column.cols);
        let (a, a_strides) = if plan.pack_a {
            (
                part.a_panel(&rows).cast_const(),
                part.packed.strides(rows.len()),
            )
        } else {
            let row = rows.start as isize * term.a_strides.0;
            (part.a.wrapping_offset(row), term.a_strides)
        };
        let slot = S::TILE_ROWS * block.width;
        let partial = part
            .workspace
            .at(plan.partial_area + (i * block.tile_cols + column.number) * slot);
        let tile = TileArguments {
            k: part.k,
            lists: if self.is_listed {
                part.list_of(i * lists_of(S::TILE_ROWS))
            } else {
                std::ptr::null()
            },
            list_stride: part.list_stride(),
            a,
            a_strides,
            b: column.b,
            b_stride: column.b_stride,
            start: if part.is_first {
                std::ptr::null()
            } else {
                partial
            },
            row: block.rows.start + rows.start,
            col: block.cols.start + cols.start,
            rows: rows.len(),
            cols: cols.len(),
            a_extent: if plan.pack_a {
                part.workspace.extent
            } else {
                term.a_extent
            },
            b_extent: column.b_extent,
        };
        let stride = cols.len().next_multiple_of(S::LANES);
        if plan.parts > 1 {
            part.workspace
                .extent
                .check_slice(partial, rows.len() * stride);
        }
        let b_full = plan.has_panels || plan.pack_b;
        // SAFETY: 1. tile_row and tile_col give 1 … height rows and 1 … width columns;
        // 2. the operands are the caller's, where columns of B are neighbours (else it is
        // packed), or were packed for this part, or are the caller's panels, padded to
        // whole vectors; the lists of rows were written for this part; 3. `partial` is
        // this tile's own slot, filled by the part before; 4. each tile of the block
        // belongs to one task, and comes once; its place in the room is its own.
        unsafe {
            match self.sink {
                None => {
                    let to = Partial {
                        to: partial,
                        stride,
                    };
                    compute(s, &tile, b_full, &to);
                }
                Some(Sink::Store(store)) => compute(s, &tile, b_full, &store),
                Some(Sink::Operation(_)) => {
                    let offset =
                        (rows.start - waiting.row) * waiting.stride + cols.start - waiting.col;
                    let to = Partial {
                        to: waiting.data.add(offset),
                        stride: waiting.stride,
                    };
                    let shape = (rows.len(), stride);
                    waiting
                        .extent
                        .check(to.to.cast_const(), shape, (waiting.stride as isize, 1));
                    compute(s, &tile, b_full, &to);
                }
            }
        }
    }

    /// Computes the strips that end with the task's rows of A, which are still in L2.
    ///
    /// # Safety
    /// As [`run`](Self::run); no other task has the last columns of these rows.
    unsafe fn strips<S: Registers<T>>(&self, s: S, sink: Sink<'_, T>, room: &mut Room) {
        let part = self.part;
        let (block, term) = (part.block, part.term);
        let begin = block.tile_row(self.rows.start).start;
        let end = block.tile_row(self.rows.end - 1).end;
        let height = rows_at_once(S::LANES);
        let mut row = begin / height * height;
        while row < block.rows.len() && block.rows.len().min(row + height) <= end {
            let strip = Strip {
                k: part.k,
                a: part.a.wrapping_offset(row as isize * term.a_strides.0),
                a_row: term.a_strides.0,
                b: part.workspace.at(part.plan.narrow_area),
                row: block.rows.start + row,
                col: block.cols.end - block.narrow,
                rows: height.min(block.rows.len() - row),
                cols: block.narrow,
                a_extent: term.a_extent,
            };
            room.extent()
                .check_slice(room.data::<T>(), strip.rows * S::LANES);
            // SAFETY: 1. at least one row is left, at most `height` are taken, and
            // `narrow` is at most NARROW; 2. the operands are the caller's A, whose p are
            // neighbours (`Plan::new`), and the copy of B; 3. the room is as large as the
            // largest panel; 4. each strip of the block ends within the rows of one task,
            // and no tile has its columns.
            unsafe { narrow::compute(s, &strip, sink, room.data()) };
            row += height;
        }
    }
}
