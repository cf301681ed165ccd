//! Some of the samples, copied: by their numbers or by their labels.

use std::sync::Arc;

use autoencoder_kernels::Mat;

use super::{Dataset, MappedValues, Stored, Values};
use crate::data::memory::reserve;
use crate::error::{Error, Result};

impl Dataset {
    /// The samples `indices` in that order, with their labels; one may come twice.
    /// Unlike a [`slice`](Self::slice), a copy, in memory.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`]; [`Error::Format`] for a mapped file that was
    /// changed meanwhile, [`Error::Kernels`] if a copy of its samples does not fit
    /// in memory.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        let rows = self.len();
        if let Some(&row) = indices.iter().find(|&&i| i >= rows) {
            return Err(Error::RowOutOfRange { row, rows });
        }
        let values = match &self.values {
            Values::F32(values) => Values::F32(Arc::new(self.pick(values, indices))),
            Values::U8(values) => Values::U8(Arc::new(self.pick(values, indices))),
            Values::Mapped(values) => self.copy(values, indices)?,
        };
        let labels = self.labels().map(|labels| {
            let labels = indices.iter().map(|&i| labels[i]);
            Arc::new(labels.collect())
        });
        Ok(Dataset {
            values,
            labels,
            rows: 0..indices.len(),
            ..self.clone()
        })
    }

    /// The samples whose label `keep` wants: all digits but the nines, say.
    ///
    /// ```
    /// let digits = autoencoder::data::digits().slice(0..100)?;
    /// let others = digits.filter_labels(|label| label != 9)?;
    /// let nines = digits.filter_labels(|label| label == 9)?;
    /// assert_eq!(others.len() + nines.len(), 100);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Configuration`] for samples without labels.
    pub fn filter_labels(&self, keep: impl Fn(u8) -> bool) -> Result<Self> {
        let labels = self.labels().ok_or_else(|| {
            Error::configuration("the samples to choose by label", "without labels", "labels")
        })?;
        let all = (0..labels.len()).filter(|&i| keep(labels[i]));
        self.select(&all.collect::<Vec<_>>())
    }

    /// Copies samples of a mapped file to memory.
    fn copy(&self, values: &MappedValues, indices: &[usize]) -> Result<Values> {
        self.check_file()?;
        let features = self.features;
        let first = |i: usize| (self.rows.start + i) * features;
        if values.stored != Stored::U8 {
            let mut mat = Mat::try_zeros(indices.len(), features)?;
            self.gather(indices, mat.as_mut())?;
            return Ok(Values::F32(Arc::new(mat.as_slice().to_vec())));
        }
        let too_large = || {
            Error::from(autoencoder_kernels::Error::TooLarge {
                shape: (indices.len(), features),
            })
        };
        let mut bytes = Vec::new();
        let size = indices.len().checked_mul(features).ok_or_else(too_large)?;
        reserve(&mut bytes, size).map_err(|_| too_large())?;
        for &i in indices {
            let at = bytes.len();
            bytes.resize(at + features, 0);
            values.read_u8(first(i), &mut bytes[at..])?;
        }
        Ok(Values::U8(Arc::new(bytes)))
    }

    fn pick<T: Copy>(&self, values: &[T], indices: &[usize]) -> Vec<T> {
        let part = self.part(values);
        let row = |&i: &usize| &part[i * self.features..][..self.features];
        let mut picked = Vec::new();
        // Without memory for it, the next line says so.
        _ = reserve(&mut picked, indices.len() * self.features);
        picked.extend(indices.iter().flat_map(row).copied());
        picked
    }
}
