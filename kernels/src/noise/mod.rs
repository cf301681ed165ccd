//! Noise: samples made worse on purpose, for a denoising autoencoder to mend,
//! and dropout.
//!
//! | file | what becomes of x |
//! |---|---|
//! | `gaussian.rs` | x + σ·n, with n standard normal |
//! | `clipped_gaussian.rs` | the same, cut to [0, 1] |
//! | `masking.rs` | 0 with probability p |
//! | `salt_and_pepper.rs` | 0 or 1, each with probability p/2 |
//! | `dropout.rs` | 0 with probability p, else x/(1 − p) |
//! | `elementwise.rs` | what a noise is to a kernel |
//! | `name.rs` | noise as text |
//!
//! Every number comes from [`random`](crate::random): an element's fate depends
//! on key, row and column alone. So nothing has to be remembered for the way
//! back, and no block of rows waits for another.
//!
//! To add a noise: a file with its [`ElementwiseNoise`], a variant of [`Noise`]
//! and its line in [`Noise::ALL`] and each `match` of this folder.

mod clipped_gaussian;
mod dropout;
mod elementwise;
mod gaussian;
mod masking;
mod name;
mod salt_and_pepper;
#[cfg(test)]
mod tests;

use elementwise::{ElementwiseNoise, NoiseVisitor};

use crate::error::{Error, check_rows_contiguous, check_shape};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::random::{Key, Places};
use crate::simd::{Simd, load_at, store_at};

/// How samples are corrupted; the targets of a denoising autoencoder stay clean
/// (Vincent, Larochelle, Lajoie, Bengio and Manzagol, "Stacked denoising
/// autoencoders", 2010, section 3.5).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Noise {
    /// x + σ·n with n standard normal. Not clipped.
    Gaussian {
        /// σ; finite, 0 or more.
        stddev: f32,
    },
    /// x + σ·n cut to [0, 1]: the noise of the Keras blog's denoising autoencoder.
    /// Also samples outside of [0, 1] are cut.
    ClippedGaussian {
        /// σ; finite, 0 or more.
        stddev: f32,
    },
    /// 0 with some probability.
    Masking {
        /// From 0 to 1.
        probability: f32,
    },
    /// 0 or 1, the extremes of a picture, each with half of some probability.
    SaltAndPepper {
        /// Of either together; from 0 to 1.
        probability: f32,
    },
}

impl Noise {
    /// Every noise, with a usual strength.
    pub const ALL: [Noise; 4] = [
        Noise::Gaussian { stddev: 0.3 },
        Noise::ClippedGaussian { stddev: 0.5 },
        Noise::Masking { probability: 0.3 },
        Noise::SaltAndPepper { probability: 0.2 },
    ];

    /// Whether the strength makes sense.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a standard deviation that is negative or not
    /// finite, or a probability outside of [0, 1].
    pub fn check(self) -> Result<(), Error> {
        let (valid, expected) = match self {
            Noise::Gaussian { stddev } | Noise::ClippedGaussian { stddev } => (
                stddev >= 0.0 && stddev.is_finite(),
                "a finite standard deviation, 0 or more",
            ),
            Noise::Masking { probability } | Noise::SaltAndPepper { probability } => (
                (0.0..=1.0).contains(&probability),
                "a probability from 0 to 1",
            ),
        };
        if valid {
            Ok(())
        } else {
            Err(Error::Parameter {
                name: self.word(),
                given: self.strength().to_string(),
                expected,
            })
        }
    }

    /// Calls the visitor with the noise as a type. Call it outside of
    /// `Level::dispatch`.
    fn visit<V: NoiseVisitor>(self, visitor: V) -> V::Output {
        match self {
            Noise::Gaussian { stddev } => visitor.visit(gaussian::Gaussian { stddev }),
            Noise::ClippedGaussian { stddev } => {
                visitor.visit(clipped_gaussian::ClippedGaussian { stddev })
            }
            Noise::Masking { probability } => visitor.visit(masking::Masking { probability }),
            Noise::SaltAndPepper { probability } => {
                visitor.visit(salt_and_pepper::SaltAndPepper { probability })
            }
        }
    }
}

/// `to` = `from`, corrupted by the numbers of rows `first_row ..`: see
/// [`random`](crate::random). Masking and salt and pepper give the same bits on
/// every level.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ; those of [`Noise::check`] and
/// [`fill_uniform`](crate::random::fill_uniform).
pub fn corrupt(
    level: Level,
    noise: Noise,
    key: Key,
    first_row: usize,
    from: MatRef<'_, f32>,
    to: MatMut<'_, f32>,
) -> Result<(), Error> {
    noise.check()?;
    let run = Run::new(key, first_row, from, to)?;
    noise.visit(Corrupt { level, run });
    Ok(())
}

/// `to` = `from` with elements dropped: 0 with `probability`, else divided by
/// 1 − `probability`, so that the mean stays (inverted dropout; Srivastava et
/// al., "Dropout", 2014, section 10). The same bits on every level.
///
/// The map is linear and its own transpose: with the same key and rows it turns
/// the gradient of `to` into that of `from`.
///
/// # Errors
/// [`Error::Parameter`] unless the probability is in [0, 1); else as
/// [`corrupt`].
pub fn drop_out(
    level: Level,
    probability: f32,
    key: Key,
    first_row: usize,
    from: MatRef<'_, f32>,
    to: MatMut<'_, f32>,
) -> Result<(), Error> {
    check_dropout(probability)?;
    let run = Run::new(key, first_row, from, to)?;
    let noise = dropout::Dropout::new(probability);
    Corrupt { level, run }.visit(noise);
    Ok(())
}

/// Fails unless a probability of dropout is in [0, 1).
///
/// # Errors
/// [`Error::Parameter`].
pub fn check_dropout(probability: f32) -> Result<(), Error> {
    if (0.0..1.0).contains(&probability) {
        return Ok(());
    }
    Err(Error::Parameter {
        name: "the probability of dropout",
        given: probability.to_string(),
        expected: "a number from 0 to below 1",
    })
}

struct Run<'a> {
    places: Places,
    from: MatRef<'a, f32>,
    to: MatMut<'a, f32>,
}

impl<'a> Run<'a> {
    fn new(
        key: Key,
        first_row: usize,
        from: MatRef<'a, f32>,
        to: MatMut<'a, f32>,
    ) -> Result<Self, Error> {
        check_shape("to", to.shape(), from.shape())?;
        check_rows_contiguous("from", from.cols(), from.col_stride())?;
        check_rows_contiguous("to", to.cols(), to.col_stride())?;
        let places = Places::new(key, first_row, to.shape())?;
        Ok(Run { places, from, to })
    }
}

struct Corrupt<'a> {
    level: Level,
    run: Run<'a>,
}

impl NoiseVisitor for Corrupt<'_> {
    type Output = ();

    fn visit<N: ElementwiseNoise>(self, noise: N) {
        let run = self.run;
        self.level.dispatch(CorruptWith { noise, run });
    }
}

struct CorruptWith<'a, N> {
    noise: N,
    run: Run<'a>,
}

impl<N: ElementwiseNoise> Kernel for CorruptWith<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let noise = self.noise;
        let Run {
            places,
            from,
            mut to,
        } = self.run;
        for i in 0..to.rows() {
            let from = from.row(i).unwrap_or_default();
            let to = to.row_mut(i).unwrap_or_default();
            places.row(i).for_each(
                s,
                N::DISTRIBUTION,
                to.len(),
                #[inline(always)]
                |at, random| {
                    let x = load_at(s, from, at);
                    store_at(s, to, at, noise.corrupt(s, x, random));
                },
            );
        }
    }
}
