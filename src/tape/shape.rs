//! [`Shape`]: how the numbers of one sample are arranged.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Most dimensions of a sample.
const MAX_RANK: usize = 3;

/// The shape of one sample of a value: `[features]`, `[steps, features]` or
/// `[height, width, channels]`. The last dimension is contiguous, and the numbers of a
/// sample are a row of a matrix, so that `[28, 28, 1]` and `[784]` are the same memory.
///
/// As text it is `784`, `28x28` or `28x28x1`.
///
/// ```
/// use autoencoder::tape::Shape;
///
/// let shape: Shape = "28x28x3".parse()?;
/// assert_eq!((shape.len(), shape.positions(), shape.channels()), (2352, 784, 3));
/// assert_eq!(shape, Shape::from([28, 28, 3]));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    sizes: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// A shape of one, two or three dimensions.
    ///
    /// # Errors
    /// [`Error::Configuration`] for another number of dimensions, a size of 0, or more
    /// numbers than a `usize` counts.
    pub fn new(sizes: &[usize]) -> Result<Self> {
        let refused = |expected: &str| Err(Error::configuration("a shape", Dims(sizes), expected));
        if sizes.is_empty() || sizes.len() > MAX_RANK {
            return refused("one to three sizes, such as 784, 28x28 or 28x28x1");
        }
        if sizes.contains(&0) {
            return refused("sizes of at least 1");
        }
        let product = sizes
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        if product.is_none() {
            return refused("as many numbers as fit in memory");
        }
        Ok(Self::of(sizes))
    }

    /// At most [`MAX_RANK`] sizes.
    fn of(sizes: &[usize]) -> Self {
        let mut shape = Shape {
            sizes: [1; MAX_RANK],
            rank: sizes.len(),
        };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        shape
    }

    /// The sizes, from the outermost dimension to the contiguous one.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }

    /// How many numbers a sample has.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a shape without numbers is refused"
    )]
    pub fn len(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The size of the last dimension: features of a step, channels of a pixel.
    pub fn channels(&self) -> usize {
        self.sizes[self.rank - 1]
    }

    /// How many times a sample has [`channels`](Self::channels) numbers: steps of a
    /// sequence, pixels of a picture, 1 for a plain vector.
    pub fn positions(&self) -> usize {
        self.sizes[..self.rank - 1].iter().product()
    }

    /// The same shape with another last dimension.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.sizes[self.rank - 1] = channels;
        self
    }
}

impl From<usize> for Shape {
    fn from(features: usize) -> Self {
        Shape::of(&[features])
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    /// # Panics
    /// Does not compile for more than three dimensions.
    fn from(sizes: [usize; N]) -> Self {
        const { assert!(N > 0 && N <= MAX_RANK, "one to three dimensions") };
        Shape::of(&sizes)
    }
}

/// Sizes as text.
struct Dims<'a>(&'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, size) in self.0.iter().enumerate() {
            let cross = if i == 0 { "" } else { "x" };
            write!(f, "{cross}{size}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Dims(self.sizes()).fmt(f)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({self})")
    }
}

impl FromStr for Shape {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let sizes: Result<Vec<usize>, _> = text.trim().split('x').map(str::parse).collect();
        match sizes {
            Ok(sizes) => Self::new(&sizes),
            Err(_) => Err(Error::configuration(
                "a shape",
                format_args!("{text:?}"),
                "numbers with an x between them, such as 784 or 28x28x1",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_their_text() {
        for (text, sizes) in [
            ("784", &[784][..]),
            ("28x5", &[28, 5]),
            ("7x8x3", &[7, 8, 3]),
        ] {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.sizes(), sizes);
            assert_eq!(shape.to_string(), text);
            assert_eq!(shape.len(), shape.positions() * shape.channels());
            assert_eq!(shape, Shape::new(sizes).unwrap());
        }
        // [6] and [6, 1, 1] are other shapes of as many numbers.
        assert_ne!(Shape::from(6), Shape::from([6, 1, 1]));
        assert_eq!(Shape::from([4, 6]).with_channels(2), Shape::from([4, 2]));
    }

    #[test]
    fn what_is_no_shape_is_an_error_that_says_why() {
        for (text, says) in [
            ("", "numbers with an x"),
            ("28x", "numbers with an x"),
            ("-3", "numbers with an x"),
            ("0", "at least 1"),
            ("2x0x2", "at least 1"),
            ("1x2x3x4", "one to three"),
            ("18446744073709551615x2", "fit in memory"),
        ] {
            let message = text.parse::<Shape>().unwrap_err().to_string();
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
