//! All numbers of a data set, looked at one after another: their range, whether they
//! can be learned, their bytes.

use autoencoder_kernels::Level;

use super::copy::unit;
use super::{Dataset, Values};
use crate::error::{Error, Result};

impl Dataset {
    /// The smallest and the largest number; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for NaN or an infinity.
    pub fn min_max(&self) -> Result<Option<(f32, f32)>> {
        if let Some(bytes) = self.as_u8() {
            let values = bytes.iter().copied();
            return Ok(values.clone().min().map(unit).zip(values.max().map(unit)));
        }
        let mut range: Option<(f32, f32)> = None;
        self.scan(|first, values| {
            self.check_all(
                first,
                values,
                |x| x.is_finite(),
                |value, row, column| Error::NotFinite { value, row, column },
            )?;
            for &x in values {
                let (min, max) = range.unwrap_or((x, x));
                range = Some((min.min(x), max.max(x)));
            }
            Ok(())
        })?;
        Ok(range)
    }

    /// Fails unless all numbers are finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the first that is not.
    pub fn check_finite(&self) -> Result<()> {
        if self.is_u8() {
            return Ok(());
        }
        self.scan(|first, values| {
            self.check_all(
                first,
                values,
                |x| x.is_finite(),
                |value, row, column| Error::NotFinite { value, row, column },
            )
        })
    }

    /// Whether all numbers lie in [0, 1], as binary cross-entropy demands.
    pub fn is_unit_interval(&self) -> bool {
        self.check_unit_interval().is_ok()
    }

    /// Fails unless all numbers lie in [0, 1].
    ///
    /// # Errors
    /// [`Error::TargetOutOfRange`] with the first that does not; NaN does not.
    pub fn check_unit_interval(&self) -> Result<()> {
        if self.is_u8() {
            return Ok(());
        }
        let is_unit = |x: f32| (0.0..=1.0).contains(&x);
        self.scan(|first, values| {
            self.check_all(first, values, is_unit, |value, row, column| {
                Error::TargetOutOfRange { value, row, column }
            })
        })
    }

    /// Shows all numbers as `f32` to `look`, some at a time, with the number of the
    /// first.
    fn scan(&self, mut look: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        if let Values::F32(values) = &self.values {
            return look(0, self.part(values));
        }
        self.check_file()?;
        let level = Level::current();
        let mut row = vec![0.0; self.features];
        for i in 0..self.len() {
            self.copy_row(level, i, &mut row)?;
            look(i * self.features, &row)?;
        }
        Ok(())
    }

    /// Shows the bytes of all numbers as they are kept to `look`, some at a time;
    /// those of `f32` from the least significant on.
    pub(in crate::data) fn scan_bytes(&self, mut look: impl FnMut(&[u8])) -> Result<()> {
        match &self.values {
            Values::U8(values) => look(self.part(values)),
            Values::Mapped(values) if self.is_u8() => {
                self.check_file()?;
                let mut row = vec![0; self.features];
                for i in self.rows.clone() {
                    values.read_u8(i * self.features, &mut row)?;
                    look(&row);
                }
            }
            _ => {
                let mut bytes = Vec::new();
                self.scan(|_, values| {
                    for values in values.chunks(self.features.max(1)) {
                        bytes.clear();
                        bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
                        look(&bytes);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Fails for the first number that is not good; `first` is the number of the
    /// first one here.
    fn check_all(
        &self,
        first: usize,
        values: &[f32],
        is_good: impl Fn(f32) -> bool,
        error: impl Fn(f32, usize, usize) -> Error,
    ) -> Result<()> {
        match values.iter().position(|&x| !is_good(x)) {
            None => Ok(()),
            Some(at) => {
                let (row, column) = ((first + at) / self.features, (first + at) % self.features);
                Err(error(values[at], row, column))
            }
        }
    }
}
