//! Blocks of rows of many matrices at once: one parallel region over a
//! minibatch, whose blocks never meet.
//!
//! Forward pass and deltas of a dense net are row-local: a row of a buffer
//! depends on the same row of others and on the weights. So a block of rows
//! can pass through all layers and back while it stays in L2, and blocks run
//! on different threads without a lock. [`Block`] hands out views of the
//! block's rows alone, which is what makes that safe.

use std::marker::PhantomData;
use std::ops::Range;

use crate::error::{Error, check_length};
use crate::mat::{Mat, MatMut, MatRef};
use crate::parallel::{Parallelism, Shared, for_each};

/// Calls `task(b, block)` for each block of `block_rows` rows (the last may be
/// shorter) of the first `rows` rows of the buffers.
///
/// `per_block` are matrices of which row `b` belongs to block `b`: for partial
/// sums.
///
/// # Errors
/// [`Error::Length`] if a buffer has fewer than `rows` rows, or a matrix of
/// `per_block` fewer rows than there are blocks; [`Error::Parameter`] if
/// `block_rows` is 0.
pub fn for_each_block(
    parallelism: Parallelism,
    buffers: &mut [Mat<f32>],
    per_block: &mut [Mat<f32>],
    rows: usize,
    block_rows: usize,
    task: impl Fn(usize, Block<'_>) + Sync,
) -> Result<(), Error> {
    if block_rows == 0 {
        return Err(Error::Parameter {
            name: "block_rows",
            given: "0".into(),
            expected: "at least 1",
        });
    }
    let blocks = rows.div_ceil(block_rows);
    check_rows(buffers, per_block, rows, blocks)?;
    let (buffer_count, per_block_count) = (buffers.len(), per_block.len());
    let buffers = Shared::new(buffers.as_mut_ptr());
    let per_block = Shared::new(per_block.as_mut_ptr());
    for_each(parallelism, blocks, |index| {
        task(
            index,
            Block {
                buffers: buffers.get(),
                buffer_count,
                per_block: per_block.get(),
                per_block_count,
                index,
                rows: index * block_rows..rows.min((index * block_rows).saturating_add(block_rows)),
                lifetime: PhantomData,
            },
        );
    });
    Ok(())
}

/// Fails if a buffer has fewer than `rows` rows, or a matrix of `per_block` fewer
/// than there are blocks.
fn check_rows(
    buffers: &[Mat<f32>],
    per_block: &[Mat<f32>],
    rows: usize,
    blocks: usize,
) -> Result<(), Error> {
    for (argument, mats, needed) in [
        ("rows of a buffer", buffers, rows),
        ("rows of a per-block matrix", per_block, blocks),
    ] {
        if let Some(mat) = mats.iter().find(|mat| mat.rows() < needed) {
            check_length(argument, mat.rows(), needed)?;
        }
    }
    Ok(())
}

/// The rows of one block, of all buffers.
pub struct Block<'a> {
    // Invariant: the pointers reach this many matrices, exclusively borrowed
    // for 'a by the call of `for_each_block` or `whole`, in which only this block
    // touches the elements of `rows` (of the buffers) and of row `index` (of
    // `per_block`). The matrices' own fields are only read.
    buffers: *mut Mat<f32>,
    buffer_count: usize,
    per_block: *mut Mat<f32>,
    per_block_count: usize,
    index: usize,
    rows: Range<usize>,
    lifetime: PhantomData<&'a mut [Mat<f32>]>,
}

impl<'a> Block<'a> {
    /// The first `rows` rows as the only block.
    ///
    /// # Errors
    /// [`Error::Length`] if a buffer has fewer than `rows` rows, or a matrix of
    /// `per_block` none.
    pub fn whole(
        buffers: &'a mut [Mat<f32>],
        per_block: &'a mut [Mat<f32>],
        rows: usize,
    ) -> Result<Self, Error> {
        check_rows(buffers, per_block, rows, 1)?;
        Ok(Block {
            buffers: buffers.as_mut_ptr(),
            buffer_count: buffers.len(),
            per_block: per_block.as_mut_ptr(),
            per_block_count: per_block.len(),
            index: 0,
            rows: 0..rows,
            lifetime: PhantomData,
        })
    }
}

impl Block<'_> {
    /// The block's rows in the minibatch.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Views of the block's rows: of some buffers to read, of others to write.
    ///
    /// # Panics
    /// If a number is out of range, or a written buffer is named twice.
    pub fn access<const R: usize, const W: usize>(
        &mut self,
        read: [usize; R],
        write: [usize; W],
    ) -> ([MatRef<'_, f32>; R], [MatMut<'_, f32>; W]) {
        for (i, buffer) in write.iter().enumerate() {
            assert!(
                !read.contains(buffer) && !write[..i].contains(buffer),
                "buffer {buffer} is written and named twice"
            );
        }
        for &buffer in read.iter().chain(&write) {
            assert!(
                buffer < self.buffer_count,
                "buffer {buffer} of {}",
                self.buffer_count
            );
        }
        let (count, cols) = (self.rows.len(), |buffer: usize| {
            // SAFETY: the number is in range as asserted; the matrix's fields
            // are only read during the region.
            let (rows, cols) = unsafe { (*self.buffers.add(buffer)).shape() };
            debug_assert!(self.rows.end <= rows);
            cols
        });
        let start = |buffer: usize| {
            // SAFETY: as above; row rows.start exists or is one past the last,
            // since `check_rows` has looked at their number.
            unsafe {
                (*self.buffers.add(buffer))
                    .data()
                    .add(self.rows.start * cols(buffer))
            }
        };
        // SAFETY: 1. the block's rows lie inside of the matrix; 2. no other
        // block touches them (the invariant), and this one hands them out by
        // `&mut self`; 3. what is written is named once, as asserted.
        unsafe {
            (
                read.map(|buffer| {
                    MatRef::from_raw_parts(start(buffer), count, cols(buffer), cols(buffer), 1)
                }),
                write.map(|buffer| {
                    MatMut::from_raw_parts(start(buffer), count, cols(buffer), cols(buffer), 1)
                }),
            )
        }
    }

    /// [`Block::access`], and [`Block::per_block`] for each number that is given, at
    /// once: for kernels that add up what they write.
    ///
    /// # Panics
    /// As they do, and if a number is given twice.
    #[expect(clippy::type_complexity, reason = "three things of three types")]
    pub fn access_with<const R: usize, const W: usize, const S: usize>(
        &mut self,
        read: [usize; R],
        write: [usize; W],
        per_block: [Option<usize>; S],
    ) -> (
        [MatRef<'_, f32>; R],
        [MatMut<'_, f32>; W],
        [Option<&mut [f32]>; S],
    ) {
        for (i, number) in per_block.iter().enumerate() {
            assert!(
                number.is_none() || !per_block[..i].contains(number),
                "per-block matrix {number:?} is named twice"
            );
        }
        let sums = per_block.map(|number| {
            let sums: Option<*mut [f32]> = number.map(|number| &raw mut *self.per_block(number));
            sums
        });
        let (read, write) = self.access(read, write);
        // SAFETY: 1. the pointer comes from an exclusive borrow of this block,
        // whose lifetime the result has again; 2. what `access` hands out are
        // elements of other matrices: whoever made the block has exclusive borrows
        // of both slices, so that none is in both; 3. no number is given twice, as
        // asserted.
        let sums = sums.map(|sums| sums.map(|sums| unsafe { &mut *sums }));
        (read, write, sums)
    }

    /// The block's row of a per-block matrix.
    ///
    /// # Panics
    /// If the number is out of range.
    pub fn per_block(&mut self, number: usize) -> &mut [f32] {
        assert!(
            number < self.per_block_count,
            "per-block matrix {number} of {}",
            self.per_block_count
        );
        // SAFETY: 1. the number is in range; 2. `check_rows` has seen that
        // row `index` exists; 3. it belongs to this block alone.
        unsafe {
            let mat = &*self.per_block.add(number);
            debug_assert!(self.index < mat.rows());
            let row = mat.data().add(self.index * mat.cols());
            std::slice::from_raw_parts_mut(row, mat.cols())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_rows_and_nothing_else() {
        for (rows, block_rows) in [(0usize, 3), (1, 3), (7, 3), (9, 3), (9, 100)] {
            for parallelism in [Parallelism::Serial, Parallelism::Pool] {
                let blocks = rows.div_ceil(block_rows);
                let mut buffers = [
                    Mat::zeros(10, 2),
                    Mat::from_fn(10, 3, |i, j| (i * 3 + j) as f32),
                ];
                let mut sums = [Mat::zeros(blocks, 1)];
                for_each_block(
                    parallelism,
                    &mut buffers,
                    &mut sums,
                    rows,
                    block_rows,
                    |b, mut block| {
                        block.per_block(0).fill(0.0);
                        let ([from], [mut to], [sums]) = block.access_with([1], [0], [Some(0)]);
                        let sums = sums.unwrap();
                        for i in 0..from.rows() {
                            to.set(i, 1, from.get(i, 2));
                            sums[0] += from.get(i, 2);
                        }
                        assert!(block.access_with([0, 1], [], [None]).2[0].is_none());
                        assert_eq!(block.rows().start, b * block_rows);
                    },
                )
                .unwrap();
                for i in 0..10 {
                    let want = if i < rows { (i * 3 + 2) as f32 } else { 0.0 };
                    assert_eq!(buffers[0].row(i), [0.0, want]);
                }
                let total: f32 = (0..rows).map(|i| (i * 3 + 2) as f32).sum();
                assert_eq!(sums[0].as_slice().iter().sum::<f32>(), total);
            }
        }
    }

    #[test]
    fn too_few_rows_are_an_error() {
        let mut buffers = [Mat::zeros(4, 2)];
        let mut sums = [Mat::zeros(1, 2)];
        let region = |buffers: &mut [Mat<f32>], sums: &mut [Mat<f32>], rows, block_rows| {
            for_each_block(
                Parallelism::Serial,
                buffers,
                sums,
                rows,
                block_rows,
                |_, _| {},
            )
        };
        assert!(region(&mut buffers, &mut sums, 5, 5).is_err());
        assert!(region(&mut buffers, &mut sums, 4, 2).is_err());
        assert!(region(&mut buffers, &mut sums, 4, 0).is_err());
        assert!(region(&mut buffers, &mut sums, 4, 4).is_ok());
        assert!(Block::whole(&mut buffers, &mut sums, 5).is_err());
        assert!(Block::whole(&mut buffers, &mut [Mat::zeros(0, 1)], 4).is_err());
    }

    #[test]
    fn a_whole_block_has_the_first_rows() {
        let mut buffers = [Mat::zeros(4, 2), Mat::from_fn(4, 1, |i, _| i as f32)];
        let mut sums = [Mat::zeros(1, 2)];
        let mut block = Block::whole(&mut buffers, &mut sums, 3).unwrap();
        assert_eq!(block.rows(), 0..3);
        block.per_block(0).fill(5.0);
        let ([from], [mut to]) = block.access([1], [0]);
        (0..from.rows()).for_each(|i| to.set(i, 1, from.get(i, 0)));
        assert_eq!(
            buffers[0].as_slice(),
            [0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0]
        );
        assert_eq!(sums[0].as_slice(), [5.0; 2]);
    }

    #[test]
    #[should_panic(expected = "named twice")]
    fn a_buffer_cannot_be_written_twice() {
        let mut buffers = [Mat::zeros(4, 2)];
        let _ = for_each_block(
            Parallelism::Serial,
            &mut buffers,
            &mut [],
            4,
            4,
            |_, mut block| {
                let _ = block.access([0], [0]);
            },
        );
    }
}
