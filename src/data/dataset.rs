//! [`Dataset`]: samples in memory or in a mapped file, shared by cheap clones and
//! views. `dataset/copy.rs` copies them out as `f32`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use autoencoder_kernels::MatRef;

use super::origin::{Origin, SampleKind};
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

    /// What the samples have in common.
    pub fn kind(&self) -> SampleKind {
        let shape = self.sample_shape().map(<[usize]>::to_vec);
        SampleKind {
            shape: shape.unwrap_or_else(|| vec![self.features()]),
            bytes: self.is_u8(),
            origin: self.origin().cloned(),
        }
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
mod copy;
mod mapped;
mod select;
#[cfg(test)]
mod tests;
