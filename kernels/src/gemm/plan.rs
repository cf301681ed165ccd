//! How a product is cut: blocks of C, parts of K, tiles, parallel tasks; and which
//! operands are packed.

use std::ops::Range;

use super::epilogue::{Sink, panel_tiles};
use super::listed::lists_of;
use super::pack::row_stride;
use super::term::Term;
use super::{flops, steps};
use crate::mat::{Element, Tiling};
use crate::simd::Registers;
use crate::tuning;

/// How a product is cut and what is packed.
pub(super) struct Plan {
    /// Columns of C.
    pub(super) cols: usize,
    /// Columns of a tile.
    pub(super) width: usize,
    pub(super) block_rows: usize,
    pub(super) block_cols: usize,
    /// Length of the longest part of K.
    pub(super) part: usize,
    /// Number of parts.
    pub(super) parts: usize,
    pub(super) pack_a: bool,
    pub(super) pack_b: bool,
    /// Whether every term's B is there in panels already.
    pub(super) has_panels: bool,
    /// Columns of C at the end that are computed apart.
    pub(super) narrow: usize,
    /// Elements of the workspace, and where its areas begin: packed A at
    /// 0, then packed B, then partial sums, then lists of steps, then the columns
    /// of B that are computed apart.
    pub(super) workspace: usize,
    pub(super) b_area: usize,
    pub(super) partial_area: usize,
    pub(super) steps_area: usize,
    pub(super) narrow_area: usize,
}

impl Plan {
    pub(super) fn new<T: Element, S: Registers<T>>(m: usize, n: usize, terms: &[Term<T>]) -> Self {
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
            && terms.iter().any(|term| {
                let (row, step) = term.a_strides;
                let row_bytes = row.unsigned_abs().wrapping_mul(size_of::<T>());
                flops((m, size_of::<T>()), term.k) / 2 >= tuning::PACK_A_BYTES
                    && (step != 1 || row != 0 && row_bytes.is_multiple_of(tuning::PACK_A_ALIAS))
            });
        let skips_zeros = terms.iter().any(|term| term.skips_zeros);
        // The rows' neighbours are loaded together: A as it is, row by row.
        let splits_narrow = parts == 1
            && n % S::LANES <= tuning::NARROW
            && m >= tuning::NARROW_ROWS
            && !pack_a
            && !skips_zeros
            && terms.iter().all(|term| term.a_strides.1 == 1);
        let narrow = if splits_narrow { n % S::LANES } else { 0 };
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
        let a_len = if pack_a {
            block_rows * row_stride::<T>(part)
        } else {
            0
        };
        let b_len = if pack_b { padded_cols * part } else { 0 };
        let partial_len = if parts > 1 {
            block_rows.div_ceil(S::TILE_ROWS) * S::TILE_ROWS * padded_cols
        } else {
            0
        };
        let steps_len = if skips_zeros {
            let tiles = block_rows.div_ceil(S::TILE_ROWS);
            let numbers = steps::room(part) * tiles * lists_of(S::TILE_ROWS);
            (numbers * size_of::<u16>()).div_ceil(size_of::<T>())
        } else {
            0
        };
        // Areas start at cache lines.
        let b_area = a_len.next_multiple_of(16);
        let partial_area = (b_area + b_len).next_multiple_of(16);
        let steps_area = (partial_area + partial_len).next_multiple_of(16);
        let narrow_area = (steps_area + steps_len).next_multiple_of(16);
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
            narrow,
            workspace: narrow_area + part * narrow,
            b_area,
            partial_area,
            steps_area,
            narrow_area,
        }
    }
}

/// Part number `i` of `of` things shared among so many. Views that repeat an
/// element make sums of any length, so that a product may need more bits.
pub(super) fn share(of: usize, among: usize, i: usize) -> Range<usize> {
    let start = |i: usize| match of.checked_mul(i) {
        Some(product) => product / among,
        None => (of as u128 * i as u128 / among as u128) as usize,
    };
    start(i)..start(i + 1)
}

/// Into how many parts a sum of length `k` is cut; a sum of length 0 still
/// has one, so that the sink gets its tiles.
pub(super) fn parts_of(k: usize) -> usize {
    k.div_ceil(tuning::MAX_K).max(1)
}

/// A block of C and its grid of tiles.
pub(super) struct Block {
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    /// Columns of a tile.
    pub(super) width: usize,
    /// Rows and columns of tiles.
    pub(super) tile_rows: usize,
    pub(super) tile_cols: usize,
    /// Columns at the end that belong to no tile.
    pub(super) narrow: usize,
    /// Rows of a tile, of which the first `higher` have one more.
    pub(super) height: usize,
    pub(super) higher: usize,
}

impl Block {
    /// Cut into tiles of at most so many rows and columns, but for the last
    /// `narrow` columns. All tiles are equally high, give or take one row.
    pub(super) fn new(
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
    pub(super) fn tile_row(&self, i: usize) -> Range<usize> {
        let start = |i: usize| i * self.height + i.min(self.higher);
        start(i)..start(i + 1)
    }

    /// Columns of the `j`th column of tiles, from the block's first column.
    pub(super) fn tile_col(&self, j: usize) -> Range<usize> {
        let wide = self.cols.len() - self.narrow;
        j * self.width..wide.min((j + 1) * self.width)
    }
}

/// Into how many tasks the rows and the columns of tiles are shared: enough
/// that a task has TASK_FLOPS or one tile, and that its rows of A stay in L2.
/// Tiles that an operation gets at once belong to one task.
pub(super) fn task_grid<T>(block: &Block, k: usize, sink: Sink<'_, T>) -> (usize, usize) {
    let (rows, cols) = (block.rows.len(), block.cols.len());
    let flops = 2 * rows * cols * k;
    let tasks = (flops / tuning::TASK_FLOPS).clamp(1, tuning::MAX_TASKS);
    let resident = (rows * k * size_of::<T>()).div_ceil(tuning::A_BLOCK_BYTES);
    let (panel_rows, panel_cols) = match sink {
        Sink::Store(_) => (1, 1),
        Sink::Operation(operation) => panel_tiles(operation, block.tile_cols),
    };
    let most_rows = block.tile_rows.div_ceil(panel_rows);
    let most_cols = block.tile_cols.div_ceil(panel_cols);
    let row_tasks = tasks.max(resident).min(most_rows);
    let col_tasks = tasks.div_ceil(row_tasks).min(most_cols).max(1);
    (row_tasks, col_tasks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Kernel, Level};
    use crate::mat::{Mat, MatRef};
    use crate::simd::Simd;

    /// Whether A is packed, for 260 columns of C.
    struct PacksA<'a>(MatRef<'a, f32>);

    impl Kernel for PacksA<'_> {
        type Output = bool;

        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> bool {
            let b = Mat::zeros(self.0.cols(), 260);
            Plan::new::<f32, S>(self.0.rows(), 260, &[Term::new(self.0, b.as_ref())]).pack_a
        }
    }

    #[test]
    fn a_is_packed_where_its_lines_would_push_each_other_out() {
        let memory = vec![0.0; 300 * 2048];
        let view = |cols, stride| MatRef::with_strides(&memory, 300, cols, stride, 1).unwrap();
        let turned = MatRef::with_strides(&memory, 300, 1024, 1, 300).unwrap();
        for (a, packs, what) in [
            (view(1024, 1024), true, "rows 4 KB apart"),
            (view(1024, 2048), true, "rows 8 KB apart"),
            (view(1024, 1040), false, "others"),
            (view(800, 1024), false, "less than 1 MB"),
            (view(1024, 0), false, "one row"),
            (turned, true, "p that are no neighbours"),
        ] {
            for &level in Level::available() {
                assert_eq!(level.dispatch(PacksA(a)), packs, "{level}: {what}");
            }
        }
    }
}
