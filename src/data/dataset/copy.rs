//! Samples copied out as `f32`: the rows of a minibatch, in any order, each while
//! those after it are fetched from memory.

use std::ops::Range;

use autoencoder_kernels::convert::scale_u8;
use autoencoder_kernels::gather::gather_rows;
use autoencoder_kernels::prefetch::prefetch;
use autoencoder_kernels::{Level, Mat, MatMut, MatRef};

use super::mapped::WHITE;
use super::{Dataset, Values};
use crate::error::{Error, Result};

/// Features up to which it costs more to call a copy of a row than to make it.
const SHORT: usize = 64;

/// Samples between the one that is copied and the one that is fetched meanwhile.
const AHEAD: usize = 2;

impl Dataset {
    /// Writes sample `i` to `out`.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`], or [`Error::Shape`] unless `out` has one place
    /// per feature.
    pub fn row_into(&self, i: usize, out: &mut [f32]) -> Result<()> {
        if i >= self.len() {
            return Err(Error::RowOutOfRange {
                row: i,
                rows: self.len(),
            });
        }
        if out.len() != self.features {
            return Err(Error::shape("length of a sample", out.len(), self.features));
        }
        self.check_file()?;
        self.copy_row(Level::current(), i, out)
    }

    /// Writes the samples `indices` to the rows of `out`, in that order: a
    /// minibatch. Bytes are scaled on the way; nothing is allocated.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`], or [`Error::Shape`] unless `out` is
    /// `indices.len() × features`; [`Error::Format`] for a mapped file that was
    /// changed meanwhile. Nothing is written then.
    pub fn gather(&self, indices: &[usize], mut out: MatMut<'_, f32>) -> Result<()> {
        self.check_gather(indices, out.shape())?;
        let level = Level::current();
        let short = self.features <= SHORT && out.col_stride() == 1;
        if let (Values::F32(values), true) = (&self.values, short) {
            let all = MatRef::new(self.part(values), self.len(), self.features)?;
            return Ok(gather_rows(level, all, indices, out)?);
        }
        self.check_file()?;
        for (to, &from) in indices.iter().enumerate() {
            if let Some(&ahead) = indices.get(to + AHEAD) {
                self.prefetch(ahead);
            }
            self.copy_to(level, from, to, &mut out)?;
        }
        Ok(())
    }

    /// Writes the samples in `range` to the rows of `out`. Bytes are scaled on
    /// the way; nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Shape`] if the range reaches beyond the end, or unless `out` is
    /// `range.len() × features`; [`Error::Format`] for a mapped file that was
    /// changed meanwhile.
    pub fn rows_into(&self, range: Range<usize>, mut out: MatMut<'_, f32>) -> Result<()> {
        self.check_range(&range)?;
        self.check_out(range.len(), out.shape())?;
        self.check_file()?;
        let level = Level::current();
        for (to, from) in range.enumerate() {
            self.copy_to(level, from, to, &mut out)?;
        }
        Ok(())
    }

    /// A copy of the samples in `range`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the range reaches beyond the end;
    /// [`Error::Kernels`] if the copy does not fit in memory.
    pub fn rows(&self, range: Range<usize>) -> Result<Mat<f32>> {
        self.check_range(&range)?;
        let mut mat = Mat::try_zeros(range.len(), self.features)?;
        self.rows_into(range, mat.as_mut())?;
        Ok(mat)
    }

    /// A copy of all samples.
    ///
    /// # Errors
    /// [`Error::Kernels`] if the copy does not fit in memory.
    pub fn to_mat(&self) -> Result<Mat<f32>> {
        self.rows(0..self.len())
    }

    fn check_gather(&self, indices: &[usize], out: (usize, usize)) -> Result<()> {
        match indices.iter().find(|&&i| i >= self.len()) {
            Some(&row) => Err(Error::RowOutOfRange {
                row,
                rows: self.len(),
            }),
            None => self.check_out(indices.len(), out),
        }
    }

    fn check_out(&self, rows: usize, out: (usize, usize)) -> Result<()> {
        let expected = (rows, self.features);
        if out == expected {
            Ok(())
        } else {
            Err(Error::shape(
                "matrix for samples",
                format_args!("{} × {}", out.0, out.1),
                format_args!("{} × {}", expected.0, expected.1),
            ))
        }
    }

    /// Sample `from`, which must exist, to row `to`.
    fn copy_to(
        &self,
        level: Level,
        from: usize,
        to: usize,
        out: &mut MatMut<'_, f32>,
    ) -> Result<()> {
        match out.row_mut(to) {
            Some(row) => self.copy_row(level, from, row)?,
            None => {
                for j in 0..self.features {
                    out.set(to, j, self.value(level, from, j)?);
                }
            }
        }
        Ok(())
    }

    /// Lets the CPU fetch sample `i`, which must exist.
    fn prefetch(&self, i: usize) {
        let start = (self.rows.start + i) * self.features;
        match &self.values {
            Values::F32(values) => prefetch(&values[start..][..self.features]),
            Values::U8(values) => prefetch(&values[start..][..self.features]),
            // The system reads ahead; to touch a page that it does not have would
            // be to wait for the disk.
            Values::Mapped(_) => {}
        }
    }

    /// Row `i` must exist, and `out` must have its length.
    pub(super) fn copy_row(&self, level: Level, i: usize, out: &mut [f32]) -> Result<()> {
        let start = (self.rows.start + i) * self.features;
        match &self.values {
            Values::F32(values) => out.copy_from_slice(&values[start..][..self.features]),
            Values::U8(values) => {
                scale_u8(level, &values[start..][..self.features], WHITE, out)?;
            }
            Values::Mapped(values) => values.read(level, start, out)?,
        }
        Ok(())
    }

    fn value(&self, level: Level, i: usize, j: usize) -> Result<f32> {
        let at = (self.rows.start + i) * self.features + j;
        Ok(match &self.values {
            Values::F32(values) => values[at],
            Values::U8(values) => unit(values[at]),
            Values::Mapped(values) => {
                let mut value = [0.0];
                values.read(level, at, &mut value)?;
                value[0]
            }
        })
    }
}

/// A byte as a fraction of 255, correctly rounded.
pub(super) fn unit(byte: u8) -> f32 {
    f32::from(byte) / WHITE
}
