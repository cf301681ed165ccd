//! Some of the samples, copied: by their numbers or by their labels.

use std::sync::Arc;

use super::{Dataset, Values};
use crate::error::{Error, Result};

impl Dataset {
    /// The samples `indices` in that order, with their labels; one may come twice.
    /// Unlike a [`slice`](Self::slice), a copy.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`].
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        let rows = self.len();
        if let Some(&row) = indices.iter().find(|&&i| i >= rows) {
            return Err(Error::RowOutOfRange { row, rows });
        }
        let values = match &self.values {
            Values::F32(values) => Values::F32(Arc::new(self.pick(values, indices))),
            Values::U8(values) => Values::U8(Arc::new(self.pick(values, indices))),
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

    fn pick<T: Copy>(&self, values: &[T], indices: &[usize]) -> Vec<T> {
        let part = self.part(values);
        let row = |&i: &usize| &part[i * self.features..][..self.features];
        indices.iter().flat_map(row).copied().collect()
    }
}
