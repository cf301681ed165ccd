//! In which order a thread fills the rows of an input: so that it can fetch those to
//! come meanwhile.

use std::ops::Range;

use autoencoder_kernels::Parallelism;
use autoencoder_kernels::parallel::share_of_thread;

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
    /// The rows that the thread which fills `rows` will fill next, if all threads take
    /// their share. Beyond the end of the minibatch the rows of the next one go on,
    /// which is taken to be as long.
    ///
    /// Only a guess, which no result may depend on.
    pub fn after(self, rows: &Range<usize>) -> Range<usize> {
        let first = rows.start / self.chunk_rows * self.chunk_rows;
        let (chunk, length) = self.chunk(first);
        let blocks = chunk.len().div_ceil(length);
        let block = (rows.start - first) / length;
        if block >= blocks {
            return rows.end..rows.end;
        }
        let share = share_of_thread(self.parallelism, blocks, block);
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
        let share = share_of_thread(self.parallelism, blocks_then, block);
        let rows = self.block(next, share.start);
        offset + rows.start..offset + rows.end
    }

    /// The chunk that begins with row `first`, and the rows of its blocks.
    fn chunk(self, first: usize) -> (Range<usize>, usize) {
        let chunk = first..self.rows.min(first + self.chunk_rows);
        let length = block_rows(self.weights, chunk.len());
        (chunk, length)
    }

    /// A block of the chunk that begins with row `first`.
    fn block(self, first: usize, block: usize) -> Range<usize> {
        let (chunk, length) = self.chunk(first);
        let start = first + block * length;
        start..chunk.end.min(start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(order(256, 250).after(&(512..600)).is_empty());
        assert!(order(256, 1).after(&(0..1)) == (1..2));
    }
}
