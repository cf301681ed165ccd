//! In which order a thread fills the rows of an input: so that it can fetch those to
//! come meanwhile.

use std::ops::Range;

use autoencoder_kernels::Parallelism;
use autoencoder_kernels::parallel::share_with;

use super::replay::block_rows;

/// The blocks of rows of a minibatch, in the order in which one thread will probably
/// fill them. ([`Program::fill_order`](super::Program::fill_order))
#[derive(Clone, Copy, Debug)]
pub struct FillOrder {
    pub(super) parallelism: Parallelism,
    /// Of the net.
    pub(super) weights: usize,
    /// Rows that go through the regions together.
    pub(super) chunk_rows: usize,
    /// Rows of the minibatch.
    pub(super) rows: usize,
}

impl FillOrder {
    /// The rows that the thread which fills the block `rows` will fill next, if all
    /// threads of the pool in which this is called take their share. Row `n + i`, of a
    /// minibatch of `n`, is row `i` of the next one, which is taken to be as long. Empty
    /// if `rows` begins outside of the minibatch.
    ///
    /// Only a guess, which no result may depend on. It is a good one on one thread and
    /// on two. Of more, only the thread that enters a region is sure to have the same
    /// share in the next one.
    pub fn after(self, rows: &Range<usize>) -> Range<usize> {
        if rows.start >= self.rows {
            return rows.end..rows.end;
        }
        let first = rows.start / self.chunk_rows * self.chunk_rows;
        let (chunk, length) = self.chunk(first);
        let blocks = chunk.len().div_ceil(length);
        let block = (rows.start - first) / length;
        let share = share_with(self.parallelism, blocks, block);
        if block + 1 < share.end {
            return self.block(first, block + 1);
        }
        // The thread's first block of the next chunk, or of the next minibatch.
        let (next, offset) = match chunk.end < self.rows {
            true => (chunk.end, 0),
            false => (0, self.rows),
        };
        let (chunk, length) = self.chunk(next);
        let blocks_then = chunk.len().div_ceil(length);
        // About the same share, perhaps of another number of blocks.
        let block = (share.start + share.end) / 2 * blocks_then / blocks;
        let share = share_with(self.parallelism, blocks_then, block);
        let rows = self.block(next, share.start);
        offset.saturating_add(rows.start)..offset.saturating_add(rows.end)
    }

    /// The chunk that begins with row `first`, and the rows of its blocks.
    fn chunk(self, first: usize) -> (Range<usize>, usize) {
        let chunk = first..self.rows.min(first.saturating_add(self.chunk_rows));
        let length = block_rows(self.weights, chunk.len());
        (chunk, length)
    }

    /// A block of the chunk that begins with row `first`.
    fn block(self, first: usize, block: usize) -> Range<usize> {
        let (chunk, length) = self.chunk(first);
        let start = first + block * length;
        start..chunk.end.min(start.saturating_add(length))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use autoencoder_kernels::{Activation, Context, Loss, MatMut, Optimizer};

    use super::*;
    use crate::tape::{Parameters, Program, ProgramOptions, Tape};

    fn order(chunk_rows: usize, rows: usize) -> FillOrder {
        FillOrder {
            parallelism: Parallelism::Serial,
            weights: 50_000,
            chunk_rows,
            rows,
        }
    }

    #[test]
    fn one_thread_fills_block_after_block() {
        // 32 rows a block; in two chunks; the last block shorter.
        for order in [order(256, 256), order(128, 256), order(128, 250)] {
            let mut rows = 0..32;
            let mut seen = 0;
            while rows.end < order.rows {
                let next = order.after(&rows);
                assert_eq!(next.start, rows.end);
                assert_eq!(next.end, order.rows.min(next.start + 32));
                (rows, seen) = (next, seen + 1);
            }
            assert_eq!(seen, 7);
            assert_eq!(order.after(&rows), order.rows..order.rows + 32);
        }
    }

    #[cfg(feature = "parallel")]
    #[test]
    fn two_threads_fill_a_half_each() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        pool.expect("threads").install(|| {
            let order = FillOrder {
                parallelism: Parallelism::Pool,
                ..order(256, 256)
            };
            assert_eq!(order.after(&(64..96)), 96..128);
            // The same half of the next minibatch.
            assert_eq!(order.after(&(96..128)), 256..288);
            assert_eq!(order.after(&(128..160)), 160..192);
            assert_eq!(order.after(&(224..256)), 256 + 128..256 + 160);
            // And of the next chunk, which has one block less.
            let order = FillOrder {
                rows: 256 + 224,
                ..order
            };
            assert_eq!(order.after(&(96..128)), 256..288);
            assert_eq!(order.after(&(224..256)), 256 + 96..256 + 128);
            let last = 256 + 192..256 + 224;
            assert_eq!(order.after(&last), 480 + 128..480 + 160);
        });
    }

    #[test]
    fn rows_that_nobody_fills_are_followed_by_none() {
        for order in [order(256, 250), order(1, 0), order(256, usize::MAX)] {
            for start in [order.rows, usize::MAX - 1] {
                assert!(order.after(&(start..usize::MAX)).is_empty() || start < order.rows);
            }
        }
        let last = usize::MAX / 256 * 256;
        let next = order(256, usize::MAX).after(&(last..usize::MAX));
        assert!(next.start <= next.end);
    }

    /// What is guessed beside what two steps ask for.
    #[test]
    fn a_step_asks_for_rows_in_that_order() {
        // Blocks of 32 rows; the same in two chunks; blocks that differ by chunk, for
        // beyond 2¹⁸ weights they are an eighth of it.
        for (width, hidden, rows) in [(20, 3, 250), (20, 3, 700), (700, 200, 2048 + 512)] {
            let mut tape = Tape::new();
            let x = tape.input(width);
            let (down, up) = (tape.weight(width, hidden), tape.weight(hidden, width));
            let code = tape.dense(x, down, None, Activation::Relu).unwrap();
            let y = tape.dense(code, up, None, Activation::Identity).unwrap();
            tape.loss(Loss::MeanSquaredError, y, x).unwrap();
            let mut parameters = Parameters::zeros(&tape).unwrap();
            let options = ProgramOptions {
                context: Context::serial(),
                ..ProgramOptions::new(rows)
            };
            let mut program = Program::new(&tape, options).unwrap();
            let order = program.fill_order(rows);
            let asked = Mutex::new(Vec::new());
            for step in 0..2 {
                let optimizer = Optimizer::adam_keras();
                let fill = |_, part: Range<usize>, _: MatMut<'_, f32>| {
                    let first = step as usize * rows;
                    asked
                        .lock()
                        .unwrap()
                        .push(first + part.start..first + part.end);
                    Ok(())
                };
                let done = program.step(&mut parameters, optimizer, 0.1, step + 1, rows, fill);
                done.unwrap();
            }
            let asked = asked.into_inner().unwrap();
            let steps = asked.len() / 2;
            for (now, next) in asked[..steps].iter().zip(&asked[1..]) {
                assert_eq!(order.after(now), *next, "{width}-{hidden}, {rows} rows");
            }
        }
    }
}
