//! Bias, activation, loss, δ and column sums of the last layer while each vector
//! is in a register.

use super::loss::Work;
use super::{Destination, Rows, Source, for_each_rows, for_each_vector, load, store};
use crate::activation::{Elementwise, Saves};
use crate::gemm::epilogue::{MAX_PANEL_VECTORS, Panel, TileOperation};
use crate::loss::ElementwiseLoss;
use crate::simd::Simd;

/// See the module.
pub(super) struct InOnePass<'a, S, A, L> {
    pub(super) s: S,
    pub(super) activation: A,
    pub(super) loss: L,
    pub(super) work: Work<'a>,
}

// SAFETY: the sums and the total are written without synchronisation; whoever
// makes one of these runs it on one thread.
unsafe impl<S: Sync, A: Sync, L: Sync> Sync for InOnePass<'_, S, A, L> {}

impl<S: Simd, A: Elementwise, L: ElementwiseLoss> TileOperation<f32> for InOnePass<'_, S, A, L> {
    fn is_wide(&self) -> bool {
        self.work.is_wide()
    }

    unsafe fn apply(&self, panel: Panel<f32>) {
        // A panel adds this many vectors to its sum, at most.
        const { assert!(L::ADDS_BEFORE_FLUSH >= MAX_PANEL_VECTORS) };
        let (s, work) = (self.s, &self.work);
        work.check(&panel);
        let total = s.vectorize(
            #[inline(always)]
            || {
                // In registers: what is stored might else be one of these.
                let (panel, target, delta) = (panel, work.target, work.delta);
                let (bias, sums) = (work.bias, work.sums);
                let mut sum = self.loss.start(s);
                let scale = s.splat(work.scale);
                for_each_vector(
                    s,
                    panel.cols,
                    #[inline(always)]
                    |j, mask| {
                        let col = panel.col + j;
                        let read = |from: Source| {
                            if from.is_none() {
                                // x + −0 is x; −0 + 0 would be 0.
                                s.splat(-0.0)
                            } else {
                                // SAFETY: columns `col ..` of the bias and the
                                // sums exist, by mask.
                                unsafe { load(s, from.at(0, col), mask) }
                            }
                        };
                        let mut column = Column {
                            s,
                            activation: self.activation,
                            loss: self.loss,
                            panel,
                            target,
                            delta,
                            j,
                            mask,
                            scale,
                            bias: read(bias),
                            losses: sum,
                            deltas: read(sums.as_source()),
                        };
                        let worthwhile = const { !(A::IS_SHORT && L::IS_SHORT) } && mask.is_none();
                        // SAFETY: the panel, the target and δ have these rows and,
                        // by mask, columns.
                        unsafe { for_each_rows(s, panel.rows, worthwhile, &mut column) };
                        sum = column.losses;
                        if !sums.is_none() {
                            // SAFETY: as for the load.
                            unsafe { store(s, sums.at(0, col), column.deltas, mask) };
                        }
                    },
                );
                s.reduce_add(self.loss.total(s, sum))
            },
        );
        // SAFETY: `total` is borrowed exclusively by this product, which runs
        // on one thread.
        unsafe { *work.total += f64::from(total) };
    }
}

/// The columns of one vector.
struct Column<S: Simd, A, L: ElementwiseLoss> {
    s: S,
    activation: A,
    loss: L,
    panel: Panel<f32>,
    target: Source,
    delta: Destination,
    /// The first of them in the panel.
    j: usize,
    /// Which there are, if not all.
    mask: Option<S::Mask>,
    scale: S::Vector,
    bias: S::Vector,
    /// The sums so far, of the loss and of δ.
    losses: L::Sum<S>,
    deltas: S::Vector,
}

impl<S: Simd, A: Elementwise, L: ElementwiseLoss> Rows for Column<S, A, L> {
    #[inline(always)]
    unsafe fn run<const N: usize>(&mut self, i: usize) {
        let (s, panel, j) = (self.s, self.panel, self.j);
        let (row, col) = (panel.row + i, panel.col + j);
        let (mut z, mut targets) = ([self.bias; N], [self.bias; N]);
        for (r, (z, t)) in z.iter_mut().zip(&mut targets).enumerate() {
            // SAFETY: the panel's rows hold whole vectors; the target has the
            // row by the caller's contract.
            unsafe {
                let acc = s.load(panel.data.add((i + r) * panel.stride + j));
                *z = s.add(acc, self.bias);
                *t = load(s, self.target.at(row + r, col), self.mask);
            }
        }
        let y = self.activation.apply_each(s, z);
        let losses = &mut self.losses;
        let gradients = self.loss.add_each(s, losses, y, targets, self.mask);
        for (r, gradient) in gradients.into_iter().enumerate() {
            let mut v = s.mul(gradient, self.scale);
            if const { !A::IS_IDENTITY } {
                let saved = match A::SAVES {
                    Saves::Input => z[r],
                    Saves::Output => y[r],
                };
                v = s.mul(v, self.activation.derivative(s, saved));
            }
            // SAFETY: δ has the row by the caller's contract.
            unsafe { store(s, self.delta.at(row + r, col), v, self.mask) };
            self.deltas = s.add(self.deltas, v);
        }
    }
}
