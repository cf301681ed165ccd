//! [`Dataset`]: samples in memory or in a mapped file, shared by cheap clones and
//! views.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use autoencoder_kernels::convert::scale_u8;
use autoencoder_kernels::gather::gather_rows;
use autoencoder_kernels::prefetch::prefetch;
use autoencoder_kernels::{Level, Mat, MatMut, MatRef};

use super::origin::Origin;
use crate::error::{Error, Result};
use mapped::MappedValues;
pub(super) use mapped::{MappedFile, Stored};

/// Samples × features, with optional labels and an optional shape of a sample.
///
/// The numbers are `f32`, or bytes that stay bytes in memory and are read as
/// fractions of 255: `byte as f32 / 255.0`, the same bits as numpy's
/// `x.astype("float32") / 255`.
///
/// They may also stay in a file that is mapped to memory, to be copied a minibatch
/// at a time ([`LoadOptions::mmap`](super::LoadOptions::mmap)); all results have the
/// same bits.
///
/// A clone or a [`slice`](Dataset::slice) shares the numbers and copies none.
#[derive(Clone)]
pub struct Dataset {
    values: Values,
    labels: Option<Arc<Vec<u8>>>,
    sample_shape: Option<Arc<[usize]>>,
    origin: Option<Arc<Origin>>,
    features: usize,
    // The rows of `values` and `labels` that this view shows.
    rows: Range<usize>,
}

#[derive(Clone)]
enum Values {
    F32(Arc<Vec<f32>>),
    U8(Arc<Vec<u8>>),
    Mapped(MappedValues),
}

impl Dataset {
    /// `rows × features` numbers in row-major order.
    ///
    /// # Errors
    /// [`Error::Shape`] unless `values.len() == rows · features`.
    pub fn from_f32(rows: usize, features: usize, values: Vec<f32>) -> Result<Self> {
        check_length("number of values", values.len(), rows, features)?;
        Ok(Self::new(rows, features, Values::F32(Arc::new(values))))
    }

    /// `rows × features` bytes in row-major order, to be read as fractions of
    /// 255.
    ///
    /// # Errors
    /// [`Error::Shape`] unless `values.len() == rows · features`.
    pub fn from_u8(rows: usize, features: usize, values: Vec<u8>) -> Result<Self> {
        check_length("number of bytes", values.len(), rows, features)?;
        Ok(Self::new(rows, features, Values::U8(Arc::new(values))))
    }

    /// A copy of a matrix, one sample a row.
    pub fn from_mat(mat: MatRef<'_, f32>) -> Self {
        let (rows, features) = mat.shape();
        let mut values = Vec::with_capacity(rows * features);
        for i in 0..rows {
            match mat.row(i) {
                Some(row) => values.extend_from_slice(row),
                None => values.extend((0..features).map(|j| mat.get(i, j))),
            }
        }
        Self::new(rows, features, Values::F32(Arc::new(values)))
    }

    /// Numbers that stay in a file, which must have so many from byte `start` on.
    pub(super) fn mapped(
        rows: usize,
        features: usize,
        file: MappedFile,
        start: usize,
        stored: Stored,
    ) -> Self {
        let values = MappedValues::new(file, start, stored);
        Self::new(rows, features, Values::Mapped(values))
    }

    fn new(rows: usize, features: usize, values: Values) -> Self {
        Dataset {
            values,
            labels: None,
            sample_shape: None,
            origin: None,
            features,
            rows: 0..rows,
        }
    }

    /// The same samples with one label each.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are as many labels as samples.
    pub fn with_labels(self, labels: Vec<u8>) -> Result<Self> {
        if labels.len() != self.len() {
            let expected = format!("one for each of {} samples", self.len());
            return Err(Error::shape("number of labels", labels.len(), expected));
        }
        // The labels are indexed like the values, from the start of the whole.
        let mut whole = vec![0; self.rows.start];
        whole.extend(labels);
        Ok(Dataset {
            labels: Some(Arc::new(whole)),
            ..self
        })
    }

    /// The same samples, said to be arrays of this shape in row-major order:
    /// `[28, 28]` for the digits.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the product is the number of features.
    pub fn with_sample_shape(self, shape: &[usize]) -> Result<Self> {
        let size = shape
            .iter()
            .try_fold(1usize, |size, &n| size.checked_mul(n));
        if size != Some(self.features) {
            let expected = format!("a product of {}", self.features);
            return Err(Error::shape(
                "shape of a sample",
                format!("{shape:?}"),
                expected,
            ));
        }
        Ok(Dataset {
            sample_shape: Some(shape.into()),
            ..self
        })
    }

    /// The same samples, said to have been something else before.
    pub fn with_origin(self, origin: Origin) -> Self {
        Dataset {
            origin: Some(Arc::new(origin)),
            ..self
        }
    }

    /// The same samples with each number divided, but for bytes, which are
    /// fractions of 255 already.
    pub(super) fn divided_by(self, divisor: f32) -> Result<Self> {
        if let Values::Mapped(values) = &self.values {
            return Ok(Dataset {
                values: Values::Mapped(values.divided_by(divisor)),
                ..self
            });
        }
        let Some(mat) = self.as_f32() else {
            return Ok(self);
        };
        let divided = |row: usize| mat.row(row).unwrap_or_default().iter().map(|x| x / divisor);
        let values = (0..self.len()).flat_map(divided).collect();
        let new = Self::from_f32(self.len(), self.features, values)?;
        Ok(Dataset {
            labels: self.labels().map(|labels| Arc::new(labels.to_vec())),
            sample_shape: self.sample_shape.clone(),
            origin: self.origin.clone(),
            ..new
        })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers per sample.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The shape of one sample, where the source told it.
    pub fn sample_shape(&self) -> Option<&[usize]> {
        self.sample_shape.as_deref()
    }

    /// What the samples were before they became numbers, where that is needed
    /// to turn numbers back into it.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// One label per sample, where the source had them.
    pub fn labels(&self) -> Option<&[u8]> {
        self.labels
            .as_ref()
            .map(|labels| &labels[self.rows.clone()])
    }

    /// Whether the numbers are kept as bytes, fractions of 255.
    pub fn is_u8(&self) -> bool {
        match &self.values {
            Values::F32(_) => false,
            Values::U8(_) => true,
            Values::Mapped(values) => values.stored == Stored::U8,
        }
    }

    /// Whether the numbers stay in a file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.values, Values::Mapped(_))
    }

    /// The same samples in memory: a copy of those in a mapped file, themselves
    /// otherwise.
    ///
    /// # Errors
    /// [`Error::Format`] for a file that was changed meanwhile; [`Error::Kernels`]
    /// if the copy does not fit in memory.
    pub fn to_memory(&self) -> Result<Self> {
        match self.is_mapped() {
            true => self.select(&(0..self.len()).collect::<Vec<_>>()),
            false => Ok(self.clone()),
        }
    }

    /// The samples as a matrix without copying, if they are in memory as `f32`.
    pub fn as_f32(&self) -> Option<MatRef<'_, f32>> {
        match &self.values {
            Values::F32(values) => MatRef::new(self.part(values), self.len(), self.features).ok(),
            Values::U8(_) | Values::Mapped(_) => None,
        }
    }

    /// The samples as bytes in row-major order, if they are in memory as bytes.
    pub fn as_u8(&self) -> Option<&[u8]> {
        match &self.values {
            Values::F32(_) | Values::Mapped(_) => None,
            Values::U8(values) => Some(self.part(values)),
        }
    }

    fn part<'a, T>(&self, values: &'a [T]) -> &'a [T] {
        &values[self.rows.start * self.features..self.rows.end * self.features]
    }

    /// The samples in `range`, as a view that shares the numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] if the range reaches beyond the end.
    pub fn slice(&self, range: Range<usize>) -> Result<Self> {
        self.check_range(&range)?;
        let start = self.rows.start;
        Ok(Dataset {
            rows: start + range.start..start + range.end,
            ..self.clone()
        })
    }

    /// The first `n` samples and the others, as views that share the numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are less than `n`.
    pub fn split_at(&self, n: usize) -> Result<(Self, Self)> {
        self.check_range(&(0..n))?;
        Ok((self.slice(0..n)?, self.slice(n..self.len())?))
    }

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
    pub fn gather(&self, indices: &[usize], out: MatMut<'_, f32>) -> Result<()> {
        self.gather_and_prefetch(indices, &[], out)
    }

    /// [`gather`](Self::gather), while the CPU fetches the samples `next`, to be
    /// gathered soon: those of a shuffled epoch lie anywhere in memory, and
    /// waiting for each would take longer than to convert it. Numbers in `next`
    /// that are out of range mean nothing.
    ///
    /// # Errors
    /// As [`gather`](Self::gather).
    pub fn gather_and_prefetch(
        &self,
        indices: &[usize],
        next: &[usize],
        mut out: MatMut<'_, f32>,
    ) -> Result<()> {
        self.check_gather(indices, out.shape())?;
        let level = Level::current();
        let short = self.features <= SHORT && out.col_stride() == 1;
        if let (Values::F32(values), true) = (&self.values, short) {
            let all = MatRef::new(self.part(values), self.len(), self.features)?;
            return Ok(gather_rows(level, all, indices, out)?);
        }
        self.check_file()?;
        let next = if self.exceeds_caches() { next } else { &[] };
        // In turns: a CPU can wait for some tens of lines at a time.
        let mut next = next.iter();
        for (to, &from) in indices.iter().enumerate() {
            if let Some(&ahead) = next.next() {
                self.prefetch(ahead);
            }
            self.copy_to(level, from, to, &mut out)?;
        }
        next.for_each(|&ahead| self.prefetch(ahead));
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

    /// Fails if the numbers are in a file that was changed since it was mapped.
    fn check_file(&self) -> Result<()> {
        match &self.values {
            Values::Mapped(values) => values.check(),
            _ => Ok(()),
        }
    }

    fn check_range(&self, range: &Range<usize>) -> Result<()> {
        if range.start <= range.end && range.end <= self.len() {
            Ok(())
        } else {
            let expected = format!("a part of 0..{}", self.len());
            Err(Error::shape(
                "range of samples",
                format!("{range:?}"),
                expected,
            ))
        }
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

    fn exceeds_caches(&self) -> bool {
        let bytes = match &self.values {
            Values::F32(values) => size_of_val(&values[..]),
            Values::U8(values) => values.len(),
            // The system reads ahead; to touch a page that it does not have would
            // be to wait for the disk.
            Values::Mapped(_) => 0,
        };
        bytes > CACHED_BYTES
    }

    fn prefetch(&self, i: usize) {
        if i < self.len() {
            let start = (self.rows.start + i) * self.features;
            match &self.values {
                Values::F32(values) => prefetch(&values[start..][..self.features]),
                Values::U8(values) => prefetch(&values[start..][..self.features]),
                Values::Mapped(_) => {}
            }
        }
    }

    /// Row `i` must exist, and `out` must have its length.
    fn copy_row(&self, level: Level, i: usize, out: &mut [f32]) -> Result<()> {
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

/// Features up to which it costs more to call a copy of a row than to make it.
const SHORT: usize = 64;

/// Data of up to this many bytes is taken to stay in the CPU's L2 cache.
const CACHED_BYTES: usize = 1 << 20;

/// The byte that stands for 1.
const WHITE: f32 = 255.0;

/// A byte as a fraction of 255, correctly rounded.
fn unit(byte: u8) -> f32 {
    f32::from(byte) / WHITE
}

fn check_length(what: &'static str, given: usize, rows: usize, features: usize) -> Result<()> {
    if rows.checked_mul(features) == Some(given) {
        Ok(())
    } else {
        Err(Error::shape(
            what,
            given,
            format_args!("{rows} rows × {features} features"),
        ))
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("len", &self.len())
            .field("features", &self.features)
            .field("sample_shape", &self.sample_shape)
            .field("bytes", &self.is_u8())
            .field("mapped", &self.is_mapped())
            .field("labelled", &self.labels.is_some())
            .finish()
    }
}

mod check;
mod mapped;
mod select;
#[cfg(test)]
mod tests;
