//! [`View`]: a register as an instruction sees it.

use std::ops::Range;

use autoencoder_kernels::{MatMut, MatRef};

use super::id::Register;

/// Some numbers of each sample of a register, as one row or as several.
///
/// A register has a row for each sample. An instruction may read or write a range of its
/// columns, such as one step of a sequence, or see each sample's numbers *folded* into
/// as many rows as it has positions: a block of `rows` samples of shape `[T, F]` then is
/// a matrix of `(rows·T) × F`. Neither copies anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) register: Register,
    /// The first column.
    start: usize,
    /// The number of columns.
    width: usize,
    /// Rows of the folded matrix for each sample; 1 where it is not folded.
    folds: usize,
}

impl View {
    /// All columns of a register that has so many.
    pub(super) fn whole(register: Register, width: usize) -> Self {
        View {
            register,
            start: 0,
            width,
            folds: 1,
        }
    }

    /// The number of columns, before folding.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// Some of the columns.
    pub(super) fn columns(self, columns: Range<usize>) -> Self {
        debug_assert!(self.folds == 1 && columns.end <= self.width);
        View {
            start: self.start + columns.start,
            width: columns.len(),
            ..self
        }
    }

    /// Each sample's numbers as `folds` rows. Only of a whole register: the rows of a
    /// range of columns do not follow each other in memory.
    pub(super) fn folded(self, folds: usize) -> Self {
        View { folds, ..self }
    }

    /// What it sees of a register's rows.
    ///
    /// # Panics
    /// If it is folded and the rows do not follow each other in memory; the planner
    /// folds buffers alone.
    pub(super) fn of(self, rows: MatRef<'_, f32>) -> MatRef<'_, f32> {
        let rows = match self.width == rows.cols() {
            true => rows,
            false => rows.submatrix(0..rows.rows(), self.start..self.start + self.width),
        };
        match self.folds {
            1 => rows,
            folds => rows.folded(folds).expect("buffers have no gaps"),
        }
    }

    /// The same to write.
    ///
    /// # Panics
    /// As [`View::of`].
    pub(super) fn of_mut(self, rows: MatMut<'_, f32>) -> MatMut<'_, f32> {
        let (count, width) = rows.shape();
        let rows = match self.width == width {
            true => rows,
            false => rows.submatrix(0..count, self.start..self.start + self.width),
        };
        match self.folds {
            1 => rows,
            folds => rows.folded(folds).expect("buffers have no gaps"),
        }
    }
}
