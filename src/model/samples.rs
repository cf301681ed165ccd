//! [`Samples`]: rows for a model, from a data set or a matrix.

use std::ops::Range;

use autoencoder_kernels::{Mat, MatMut, MatRef};

use crate::data::Dataset;
use crate::error::Result;

/// Rows to put through a model, one sample or one code each. Made from
/// `&Dataset`, `&Mat<f32>` or [`MatRef`]; copies nothing.
#[derive(Clone, Copy)]
pub struct Samples<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Dataset(&'a Dataset),
    Matrix(MatRef<'a, f32>),
}

impl<'a> From<&'a Dataset> for Samples<'a> {
    fn from(data: &'a Dataset) -> Self {
        Samples(match data.as_f32() {
            Some(matrix) => Kind::Matrix(matrix),
            None => Kind::Dataset(data),
        })
    }
}

impl<'a> From<&'a Mat<f32>> for Samples<'a> {
    fn from(mat: &'a Mat<f32>) -> Self {
        Samples(Kind::Matrix(mat.as_ref()))
    }
}

impl<'a> From<MatRef<'a, f32>> for Samples<'a> {
    fn from(mat: MatRef<'a, f32>) -> Self {
        Samples(Kind::Matrix(mat))
    }
}

impl<'a> Samples<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self.0 {
            Kind::Dataset(data) => data.len(),
            Kind::Matrix(mat) => mat.rows(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers per row.
    pub fn features(&self) -> usize {
        match self.0 {
            Kind::Dataset(data) => data.features(),
            Kind::Matrix(mat) => mat.cols(),
        }
    }

    /// Writes the rows in `range` to `out`, which is as wide as they are.
    pub(crate) fn rows_into(&self, range: Range<usize>, mut out: MatMut<'_, f32>) -> Result<()> {
        match self.0 {
            Kind::Dataset(data) => data.rows_into(range, out),
            Kind::Matrix(mat) => {
                out.copy_from(mat.submatrix(range, 0..mat.cols()));
                Ok(())
            }
        }
    }

    /// All of them, where they lie as `f32`.
    pub(crate) fn matrix(&self) -> Option<MatRef<'a, f32>> {
        match self.0 {
            Kind::Dataset(_) => None,
            Kind::Matrix(mat) => Some(mat),
        }
    }

    /// The rows in `range`: in place where they are `f32`, otherwise copied to
    /// `buffer`.
    pub(crate) fn rows<'b>(
        &'b self,
        range: Range<usize>,
        buffer: &'b mut Mat<f32>,
    ) -> Result<MatRef<'b, f32>> {
        if let Kind::Matrix(mat) = self.0 {
            return Ok(mat.submatrix(range, 0..mat.cols()));
        }
        *buffer = Mat::try_zeros(range.len(), self.features())?;
        self.rows_into(range, buffer.as_mut())?;
        Ok(buffer.as_ref())
    }
}
