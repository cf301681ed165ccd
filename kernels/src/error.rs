//! The one error type of the crate.

use std::fmt;

use crate::Level;

/// What was wrong with a call. The message tells what was given and what was
/// expected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The name is none of the known SIMD levels.
    UnknownLevel(String),
    /// The SIMD level exists, but this CPU lacks it.
    UnavailableLevel(Level),
    /// A slice is too short for the matrix that it should hold.
    TooShort {
        /// Elements that the slice has.
        given: usize,
        /// Elements that the shape and strides reach.
        needed: usize,
        /// Rows and columns of the matrix.
        shape: (usize, usize),
        /// Row stride and column stride.
        strides: (usize, usize),
    },
    /// A mutable view would reach one element by two indices.
    Overlap {
        /// Rows and columns of the matrix.
        shape: (usize, usize),
        /// Row stride and column stride.
        strides: (usize, usize),
    },
    /// A shape whose element count or byte size does not fit in memory.
    TooLarge {
        /// Rows and columns of the matrix.
        shape: (usize, usize),
    },
    /// The shapes of two arguments do not fit.
    Shape {
        /// Which argument.
        argument: &'static str,
        /// Rows and columns given.
        given: (usize, usize),
        /// Rows and columns expected.
        expected: (usize, usize),
    },
    /// A vector argument has the wrong length.
    Length {
        /// Which argument.
        argument: &'static str,
        /// Elements given.
        given: usize,
        /// Elements expected.
        expected: usize,
    },
    /// The rows of a matrix must be contiguous for this kernel.
    ColumnStride {
        /// Which argument.
        argument: &'static str,
        /// Its column stride.
        given: usize,
    },
    /// The combination exists, but not in this kernel.
    Unsupported {
        /// What was asked.
        what: String,
        /// What to call in its place.
        instead: &'static str,
    },
    /// The name is none of the known ones.
    UnknownName {
        /// What it should name, such as "loss".
        kind: &'static str,
        /// The name given.
        given: String,
        /// The names that exist.
        expected: &'static str,
    },
    /// A target outside of [0, 1], for a loss that needs probabilities.
    Target {
        /// Row of the first such target.
        row: usize,
        /// Its column.
        col: usize,
        /// The value, as text.
        given: String,
    },
    /// A number outside of its range.
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// The value given, as text.
        given: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownLevel(name) => write!(
                f,
                "unknown SIMD level {name:?}: expected portable, avx2 or avx512"
            ),
            Error::UnavailableLevel(level) => {
                write!(f, "this CPU has no {level}; available:")?;
                for (i, level) in Level::available().iter().enumerate() {
                    write!(f, "{} {level}", if i == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Error::TooShort {
                given,
                needed,
                shape: (rows, cols),
                strides: (row, col),
            } => write!(
                f,
                "a {rows} × {cols} matrix with strides {row}, {col} needs {needed} elements, \
                 the slice has {given}"
            ),
            Error::Overlap {
                shape: (rows, cols),
                strides: (row, col),
            } => write!(
                f,
                "a mutable {rows} × {cols} view with strides {row}, {col} would reach an \
                 element by two indices; use strides that keep rows or columns apart"
            ),
            Error::TooLarge {
                shape: (rows, cols),
            } => write!(f, "a {rows} × {cols} matrix does not fit in memory"),
            Error::Shape {
                argument,
                given,
                expected,
            } => write!(
                f,
                "{argument} is {} × {}, expected {} × {}",
                given.0, given.1, expected.0, expected.1
            ),
            Error::Length {
                argument,
                given,
                expected,
            } => write!(f, "{argument} has {given} elements, expected {expected}"),
            Error::ColumnStride { argument, given } => write!(
                f,
                "{argument} has column stride {given}, expected 1: copy it into a row-major matrix"
            ),
            Error::Unsupported { what, instead } => {
                write!(f, "{what} is not supported here; use {instead}")
            }
            Error::UnknownName {
                kind,
                given,
                expected,
            } => write!(f, "unknown {kind} {given:?}: expected {expected}"),
            Error::Target { row, col, given } => write!(
                f,
                "target ({row}, {col}) is {given}, but binary cross-entropy needs targets in \
                 [0, 1]; scale the data, or choose another loss, such as mse"
            ),
            Error::Parameter {
                name,
                given,
                expected,
            } => write!(f, "{name} is {given}, expected {expected}"),
        }
    }
}

impl std::error::Error for Error {}

/// Fails unless `given == expected`.
pub(crate) fn check_shape(
    argument: &'static str,
    given: (usize, usize),
    expected: (usize, usize),
) -> Result<(), Error> {
    if given == expected {
        Ok(())
    } else {
        Err(Error::Shape {
            argument,
            given,
            expected,
        })
    }
}

/// Fails unless `given == expected`.
pub(crate) fn check_length(
    argument: &'static str,
    given: usize,
    expected: usize,
) -> Result<(), Error> {
    if given == expected {
        Ok(())
    } else {
        Err(Error::Length {
            argument,
            given,
            expected,
        })
    }
}

/// Fails unless the rows' elements are neighbours in memory.
pub(crate) fn check_rows_contiguous(
    argument: &'static str,
    cols: usize,
    col_stride: usize,
) -> Result<(), Error> {
    if col_stride == 1 || cols <= 1 {
        Ok(())
    } else {
        Err(Error::ColumnStride {
            argument,
            given: col_stride,
        })
    }
}
