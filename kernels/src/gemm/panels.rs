//! [`Panels`]: a matrix laid out as products read their right operand.

use super::pack::pack_panel;
use crate::error::{Error, check_shape};
use crate::extent::Extent;
use crate::level::Kernel;
use crate::mat::{Mat, MatRef, PanelsRef, Tiling};
use crate::parallel::{Context, Shared, for_each};
use crate::simd::{MAX_LANES, Simd};
use crate::tuning;

/// A copy of a matrix for the products that have it as their right operand:
/// panels of as many columns as a register tile has, row after row in each. A
/// weight that many products read is packed once, and not by each of them.
///
/// ```
/// use autoencoder_kernels::{Context, Mat, gemm::{Panels, gemm}};
///
/// let context = Context::default();
/// let weight = Mat::from_fn(3, 40, |i, j| (i + j) as f32);
/// let mut panels = Panels::try_new(3, 40)?;
/// panels.pack(context, weight.as_ref())?;
/// let x = Mat::from_slice(1, 3, &[1.0, 0.0, 2.0])?;
/// let mut y = Mat::zeros(1, 40);
/// gemm(context, 1.0, x.as_ref(), weight.as_ref().with_panels(&panels), 0.0, y.as_mut())?;
/// assert_eq!(y[(0, 1)], 1.0 + 2.0 * 3.0);
/// # Ok::<(), autoencoder_kernels::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Panels {
    data: Mat<f32>,
    shape: (usize, usize),
    /// For which tiles they are packed; none before they are.
    tiling: Option<Tiling>,
}

impl Panels {
    /// Room for the panels of a matrix of this shape.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if there is no such memory.
    pub fn try_new(rows: usize, cols: usize) -> Result<Self, Error> {
        let shape = (rows, cols);
        let padded = cols.checked_next_multiple_of(MAX_LANES);
        let padded = padded.ok_or(Error::TooLarge { shape })?;
        Ok(Panels {
            data: Mat::try_zeros(rows, padded)?,
            shape,
            tiling: None,
        })
    }

    /// Rows and columns of the matrix.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Copies the matrix, for products at the context's level.
    ///
    /// # Errors
    /// [`Error::Shape`] if it has another shape.
    pub fn pack(&mut self, context: Context, from: MatRef<'_, f32>) -> Result<(), Error> {
        check_shape("from", from.shape(), self.shape)?;
        let work = self
            .data
            .as_slice()
            .len()
            .saturating_mul(tuning::PANEL_FLOPS);
        let context = context.for_work(work);
        self.tiling = Some(context.level.dispatch(Pack {
            from,
            to: self,
            context,
        }));
        Ok(())
    }

    /// The panels, once they are packed.
    fn operand(&self) -> Option<PanelsRef<f32>> {
        let data = self.data.as_slice();
        Some(PanelsRef {
            data: data.as_ptr(),
            tiling: self.tiling?,
            extent: Extent::of_slice(data.as_ptr(), data.len()),
        })
    }
}

struct Pack<'a> {
    from: MatRef<'a, f32>,
    to: &'a mut Panels,
    context: Context,
}

impl Kernel for Pack<'_> {
    type Output = Tiling;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Tiling {
        let tiling = Tiling {
            width: S::TILE_VECTORS * S::LANES,
            lanes: S::LANES,
        };
        const { assert!(MAX_LANES.is_multiple_of(S::LANES)) };
        let (rows, cols) = self.to.shape;
        // From column to column, which are the lines of a panel, and from row to row.
        let strides = (
            self.from.col_stride() as isize,
            self.from.row_stride() as isize,
        );
        let from = Shared::new(self.from.as_ptr().cast_mut());
        let extents = (
            Extent::new(from.get(), (cols, rows), strides),
            Extent::of_slice(
                self.to.data.as_slice().as_ptr(),
                self.to.data.as_slice().len(),
            ),
        );
        let to = Shared::new(self.to.data.as_mut_slice().as_mut_ptr());
        // A panel of a tall matrix is the work of several tasks.
        let (parts, panels) = (
            rows.div_ceil(tuning::PANEL_ROWS),
            cols.div_ceil(tiling.width),
        );
        for_each(self.context.parallelism, panels * parts, |task| {
            let (row, col) = (
                task % parts * tuning::PANEL_ROWS,
                task / parts * tiling.width,
            );
            let count = tuning::PANEL_ROWS.min(rows - row);
            let lines = tiling.width.min(cols - col);
            let width = lines.next_multiple_of(S::LANES);
            s.vectorize(
                #[inline(always)]
                || {
                    // SAFETY: 1. columns col … col + lines of rows row … row +
                    // count are readable; the panels before take col · rows
                    // elements, this one's rows before row · width, and all panels
                    // together no more than the room for all columns made up to whole
                    // vectors; that memory is borrowed exclusively, so that it is none
                    // of the matrix, and no other task has these rows of this panel.
                    // 2. col < cols, so that there is a line, and width is `lines`
                    // made up to whole vectors.
                    unsafe {
                        let from = from.get().cast_const().offset(col as isize * strides.0);
                        let from = from.offset(row as isize * strides.1);
                        let to = to.get().add(col * rows + row * width);
                        extents.0.check(from, (lines, count), strides);
                        extents.1.check_slice(to, count * width);
                        pack_panel(s, from, strides, lines, count, to, width);
                    }
                },
            );
        });
        tiling
    }
}

impl<'a> MatRef<'a, f32> {
    /// The same view of a matrix that has panels: products with it as the right
    /// operand read them in its place, in whole or in part, where they are packed
    /// for the products' level. Transposed views and views of a part have none.
    ///
    /// It is the caller who keeps them up to date: products may read either.
    ///
    /// # Panics
    /// If the panels are those of a matrix of another shape.
    #[must_use]
    pub fn with_panels(self, panels: &'a Panels) -> Self {
        assert_eq!(
            self.shape(),
            panels.shape,
            "panels of another matrix than the view's"
        );
        // SAFETY: the shape is that of the panels, as asserted, which `pack` has
        // packed for the tiling that it returned; they are borrowed for 'a.
        unsafe { self.with_panels_ref(panels.operand()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::gemm::gemm;

    #[test]
    fn products_read_the_panels() {
        for &level in Level::available() {
            let context = Context::default().with_level(level);
            let ones = Mat::from_fn(1, 3, |_, _| 1.0f32);
            let matrix = Mat::from_fn(3, 50, |i, j| (i * 50 + j) as f32);
            let other = Mat::from_fn(3, 50, |i, j| -((i * 50 + j) as f32));
            let mut panels = Panels::try_new(3, 50).unwrap();
            let product = |panels: &Panels, context: Context, transposed: bool| {
                let view = other.as_ref().with_panels(panels);
                let mut c = Mat::from_fn(1, 50, |_, _| f32::NAN);
                if transposed {
                    // Cᵀ = viewᵀ·1: the panels are not those of viewᵀ.
                    let c = c.as_mut().transpose();
                    gemm(
                        context,
                        1.0,
                        view.transpose(),
                        ones.as_ref().transpose(),
                        0.0,
                        c,
                    )
                } else {
                    gemm(context, 1.0, ones.as_ref(), view, 0.0, c.as_mut())
                }
                .unwrap();
                c[(0, 49)]
            };
            let sum = (49 + 99 + 149) as f32;
            // Not yet packed.
            assert_eq!(product(&panels, context, false), -sum);
            panels.pack(context, matrix.as_ref()).unwrap();
            assert_eq!(product(&panels, context, false), sum, "{level}");
            assert_eq!(product(&panels, context, true), -sum);
            // Another level's tiles are of another width, or the same.
            for &other in Level::available() {
                let context = context.with_level(other);
                let result = product(&panels, context, false);
                assert_eq!(result, if other == level { sum } else { -sum });
            }
            // A part has none.
            let part = other.as_ref().with_panels(&panels).submatrix(0..3, 1..50);
            let mut c = Mat::zeros(1, 49);
            gemm(context, 1.0, ones.as_ref(), part, 0.0, c.as_mut()).unwrap();
            assert_eq!(c[(0, 48)], -sum);
            assert!(panels.pack(context, ones.as_ref()).is_err());
        }
        assert!(Panels::try_new(usize::MAX, 2).is_err());
        assert!(Panels::try_new(2, usize::MAX).is_err());
    }

    #[test]
    #[should_panic(expected = "panels of another matrix")]
    fn panels_of_another_shape_are_refused() {
        let panels = Panels::try_new(3, 50).unwrap();
        let matrix = Mat::<f32>::zeros(50, 3);
        let _ = matrix.as_ref().with_panels(&panels);
    }
}
