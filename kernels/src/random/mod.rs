//! Random numbers that are a function of their place: each element of a matrix
//! has its own, whatever was drawn before, on whichever thread.
//!
//! | function | each element |
//! |---|---|
//! | [`fill_uniform`] | uniform in [0, 1) |
//! | [`fill_normal`] | standard normal |
//!
//! ```
//! use autoencoder_kernels::random::{Key, fill_normal};
//! use autoencoder_kernels::{Level, Mat};
//!
//! let key = Key { seed: 7, stream: 0, step: 12 };
//! let mut all = Mat::zeros(100, 784);
//! fill_normal(Level::current(), key, 0, all.as_mut())?;
//! // Rows 40 to 49 by themselves: the same numbers.
//! let mut some = Mat::zeros(10, 784);
//! fill_normal(Level::current(), key, 40, some.as_mut())?;
//! assert_eq!(some.as_slice(), &all.as_slice()[40 * 784..50 * 784]);
//! # Ok::<(), autoencoder_kernels::Error>(())
//! ```
//!
//! # From a place to a number
//! The words come from Philox4x32-7, a generator without state (its paper is
//! named in `philox.rs`). Its key is the seed, and its counter
//!
//! ```text
//! word 0   16·⌊col/64⌋ + col mod 16
//! word 1   row
//! word 2   step, its low 32 bits
//! word 3   step's next 16 bits, and above them the stream
//! ```
//!
//! Of the four words that come out, element (row, col) takes number
//! ⌊col/16⌋ mod 4. So 64 neighbours in a row come from 16 neighbouring
//! counters, which every level computes in whole vectors and stores without a
//! shuffle.
//!
//! * Uniform: the first 24 bits of the word, times 2⁻²⁴. The same bits on
//!   every level.
//! * Normal: Box and Muller's transform of the words of columns c and c + 16,
//!   w and w′ (with ⌊c/16⌋ even): √(−2·ln u)·cos 2πv goes to c and
//!   √(−2·ln u)·sin 2πv to c + 16, where u = (⌊w/2⌋ + ½)·2⁻³¹ and
//!   v = ⌊w′/2⁸⌋·2⁻²⁴. No element is beyond ±6.67. Levels differ by rounding:
//!   each is within [`NORMAL_MAX_ULP`] of the exact value.

mod distribution;
mod philox;

pub use distribution::NORMAL_MAX_ULP;
pub(crate) use distribution::{Distribution, Normal, Uniform};

use crate::error::{Error, check_rows_contiguous};
use crate::level::{Kernel, Level};
use crate::mat::MatMut;
use crate::simd::{Simd, store_at};

/// Which of many matrices of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The seed of everything.
    pub seed: u64,
    /// What the numbers are for: numbers of two streams are independent.
    pub stream: u16,
    /// The training step, or anything else that counts; below 2⁴⁸.
    pub step: u64,
}

/// `to[i, j]` uniform in [0, 1), a multiple of 2⁻²⁴: the number of row
/// `first_row + i` and column `j`. The same bits on every level.
///
/// # Errors
/// [`Error::ColumnStride`] unless rows are contiguous; [`Error::Parameter`] for
/// a step of 2⁴⁸ or more, or rows or columns beyond 2³².
pub fn fill_uniform(
    level: Level,
    key: Key,
    first_row: usize,
    to: MatMut<'_, f32>,
) -> Result<(), Error> {
    fill(level, Uniform, key, first_row, to)
}

/// `to[i, j]` standard normal, within [`NORMAL_MAX_ULP`] on every level: the
/// number of row `first_row + i` and column `j`.
///
/// # Errors
/// As [`fill_uniform`].
pub fn fill_normal(
    level: Level,
    key: Key,
    first_row: usize,
    to: MatMut<'_, f32>,
) -> Result<(), Error> {
    fill(level, Normal, key, first_row, to)
}

fn fill<D: Distribution>(
    level: Level,
    distribution: D,
    key: Key,
    first_row: usize,
    to: MatMut<'_, f32>,
) -> Result<(), Error> {
    let places = Places::new(key, first_row, to.shape())?;
    check_rows_contiguous("to", to.cols(), to.col_stride())?;
    level.dispatch(Fill {
        distribution,
        places,
        to,
    });
    Ok(())
}

struct Fill<'a, D> {
    distribution: D,
    places: Places,
    to: MatMut<'a, f32>,
}

impl<D: Distribution> Kernel for Fill<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for i in 0..self.to.rows() {
            let to = self.to.row_mut(i).unwrap_or_default();
            self.places.row(i).for_each(
                s,
                self.distribution,
                to.len(),
                #[inline(always)]
                |at, numbers| store_at(s, to, at, numbers),
            );
        }
    }
}

/// The places of a matrix, known to have numbers.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    key: Key,
    first_row: u32,
}

impl Places {
    pub(crate) fn new(
        key: Key,
        first_row: usize,
        (rows, cols): (usize, usize),
    ) -> Result<Self, Error> {
        let error = |name, given: String, expected| Error::Parameter {
            name,
            given,
            expected,
        };
        if key.step >> 48 != 0 {
            let given = key.step.to_string();
            return Err(error("the step of random numbers", given, "below 2⁴⁸"));
        }
        let last = first_row.checked_add(rows);
        if last.is_none_or(|last| last as u64 > 1 << 32) || cols as u64 > 1 << 32 {
            let given = format!("{first_row} + {rows} rows of {cols}");
            return Err(error("a matrix of random numbers", given, "at most 2³²"));
        }
        Ok(Places {
            key,
            first_row: first_row as u32,
        })
    }

    /// Those of row `i`, one of the matrix.
    #[inline(always)]
    pub(crate) fn row(self, i: usize) -> RowPlaces {
        let Key { seed, stream, step } = self.key;
        RowPlaces {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [
                self.first_row + i as u32,
                step as u32,
                (step >> 32) as u32 | u32::from(stream) << 16,
            ],
        }
    }
}

/// The places of a row: all of the cipher's input but the column.
#[derive(Clone, Copy)]
pub(crate) struct RowPlaces {
    key: [u32; 2],
    counter: [u32; 3],
}

impl RowPlaces {
    /// Calls `visit(at, numbers)` for vectors that cover the columns below
    /// `cols`, in no promised order: `numbers` belong to columns `at ..
    /// at + LANES`, some of which may lie beyond `cols`.
    #[inline(always)]
    pub(crate) fn for_each<S: Simd, D: Distribution>(
        self,
        s: S,
        distribution: D,
        cols: usize,
        mut visit: impl FnMut(usize, S::Vector),
    ) {
        const { assert!(16 % S::LANES == 0) };
        let [row, step, stream] = self.counter.map(
            #[inline(always)]
            |word| s.splat_words(word),
        );
        for group in 0..cols.div_ceil(64) {
            for lane in (0..16).step_by(S::LANES) {
                let at = 64 * group + lane;
                if at >= cols {
                    break;
                }
                let first = s.splat_words((16 * group + lane) as u32);
                let counter = [s.add_words(first, s.lane_numbers()), row, step, stream];
                let words = philox::philox::<S, { philox::ROUNDS }>(s, counter, self.key);
                let numbers = distribution.sample(s, words);
                for (i, numbers) in numbers.into_iter().enumerate() {
                    visit(at + 16 * i, numbers);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
