//! The last layer with its loss: Z = X·W + b, Y = act(Z), the loss of Y
//! against the target, and δ = ∂loss/∂Z, in one pass.

use super::forward::check_elementwise;
use super::{
    Destination, Forward, Source, check_rows_contiguous, column_sums, for_each_vector, load, store,
};
use crate::activation::{self, Activation, ActivationVisitor, Elementwise, Saves};
use crate::error::{Error, check_length, check_shape};
use crate::gemm::epilogue::{InCache, Tile, TileOperation};
use crate::gemm::{Term, multiply};
use crate::level::{Kernel, Level};
use crate::loss::{self, ElementwiseLoss, Loss, LossVisitor};
use crate::mat::{Mat, MatMut, MatRef};
use crate::parallel::{Context, Parallelism};
use crate::simd::Simd;

/// The last layer of a net with its loss. Neither Z nor Y goes to memory.
///
/// For binary cross-entropy of a sigmoid, give [`Loss::BinaryCrossEntropy`],
/// which takes logits, and [`Activation::Identity`].
#[derive(Debug)]
pub struct ForwardLoss<'a> {
    /// X, batch × in, any strides.
    pub x: MatRef<'a, f32>,
    /// W, in × out, any strides.
    pub weight: MatRef<'a, f32>,
    /// b, out elements.
    pub bias: Option<&'a [f32]>,
    /// An elementwise activation.
    pub activation: Activation,
    /// What Y is compared with.
    pub loss: Loss,
    /// The target, batch × out, rows contiguous.
    pub target: MatRef<'a, f32>,
    /// Factor of δ beside the loss's own: 1/batch for the mean over a batch.
    pub scale: f32,
    /// δ, batch × out, rows contiguous; overwritten without being read.
    pub delta: MatMut<'a, f32>,
    /// ∇b: the column sums of δ are **added** to it, row after row.
    pub bias_gradient: Option<&'a mut [f32]>,
}

impl ForwardLoss<'_> {
    /// Runs the layer and returns the sum over the rows of each sample's loss.
    ///
    /// # Errors
    /// Shapes that do not fit, rows that are not contiguous, an activation
    /// over whole rows, or parameters that the loss refuses.
    pub fn run(self, context: Context) -> Result<f64, Error> {
        let (batch, inputs) = self.x.shape();
        let outputs = self.weight.cols();
        check_shape("weight", self.weight.shape(), (inputs, outputs))?;
        check_shape("target", self.target.shape(), (batch, outputs))?;
        check_shape("delta", self.delta.shape(), (batch, outputs))?;
        check_rows_contiguous("target", outputs, self.target.col_stride())?;
        check_rows_contiguous("delta", outputs, self.delta.col_stride())?;
        if let Some(bias) = self.bias {
            check_length("bias", bias.len(), outputs)?;
        }
        if let Some(sums) = &self.bias_gradient {
            check_length("bias_gradient", sums.len(), outputs)?;
        }
        check_elementwise(self.activation)?;
        self.loss.check()?;
        let context = context.for_work(2 * batch * inputs * outputs);
        if context.parallelism != Parallelism::Serial {
            return self.run_in_passes(context);
        }
        let mut total = 0.0;
        let work = Work {
            level: context.level,
            shape: (batch, outputs),
            term: Term::new(self.x, self.weight),
            bias: self.bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
            target: Source::new(self.target),
            delta: Destination::new(self.delta),
            sums: self
                .bias_gradient
                .map_or(std::ptr::null_mut(), <[f32]>::as_mut_ptr),
            scale: self.scale * self.loss.feature_scale(outputs),
            total: &mut total,
        };
        self.loss.visit(WithActivation {
            activation: self.activation,
            work,
        });
        Ok(total * f64::from(self.loss.feature_scale(outputs)))
    }

    /// On many threads the sums over rows would need an order: a large product
    /// hides a second pass over its result.
    fn run_in_passes(mut self, context: Context) -> Result<f64, Error> {
        let (level, activation) = (context.level, self.activation);
        let (batch, outputs) = self.delta.shape();
        let mut y = Mat::try_zeros(batch, outputs)?;
        let mut z = match activation.saves() {
            Saves::Input => Some(Mat::try_zeros(batch, outputs)?),
            Saves::Output => None,
        };
        Forward {
            x: self.x,
            weight: self.weight,
            bias: self.bias,
            activation,
            output: y.as_mut(),
            pre_activation: z.as_mut().map(Mat::as_mut),
        }
        .run(context)?;
        let delta = self.delta.as_mut();
        let total = loss::value_and_gradient(
            level,
            self.loss,
            y.as_ref(),
            self.target,
            Some(delta),
            self.scale,
        )?;
        let saved = z.as_ref().unwrap_or(&y).as_ref();
        if activation != Activation::Identity {
            activation::backward(level, activation, saved, self.delta.as_mut())?;
        }
        if let Some(sums) = self.bias_gradient {
            column_sums(context, self.delta.as_ref(), sums)?;
        }
        Ok(total)
    }
}

/// The checked arguments.
struct Work<'a> {
    level: Level,
    shape: (usize, usize),
    term: Term<f32>,
    bias: *const f32,
    target: Source,
    delta: Destination,
    /// Null where no column sums are wanted.
    sums: *mut f32,
    scale: f32,
    total: &'a mut f64,
}

struct WithActivation<'a> {
    activation: Activation,
    work: Work<'a>,
}

impl LossVisitor for WithActivation<'_> {
    type Output = ();

    fn visit<L: ElementwiseLoss>(self, loss: L) {
        self.activation.visit(WithLoss {
            loss,
            work: self.work,
        });
    }
}

struct WithLoss<'a, L> {
    loss: L,
    work: Work<'a>,
}

impl<L: ElementwiseLoss> ActivationVisitor for WithLoss<'_, L> {
    type Output = ();

    fn visit<A: Elementwise>(self, activation: A) {
        let level = self.work.level;
        level.dispatch(Typed {
            activation,
            loss: self.loss,
            work: self.work,
        });
    }
}

struct Typed<'a, A, L> {
    activation: A,
    loss: L,
    work: Work<'a>,
}

impl<A: Elementwise, L: ElementwiseLoss> Kernel for Typed<'_, A, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let work = self.work;
        let operation = LossDelta {
            s,
            activation: self.activation,
            loss: self.loss,
            bias: work.bias,
            target: work.target,
            delta: work.delta,
            sums: work.sums,
            scale: work.scale,
            total: work.total,
        };
        let epilogue = InCache {
            operation: &operation,
        };
        let terms = [work.term];
        // SAFETY: the views are readable, δ and the sums writable, at every
        // index of the checked shapes; exclusive borrows keep what is written
        // apart from what is read; the product runs on this thread alone.
        unsafe { multiply(s, work.shape, &terms, &epilogue, Parallelism::Serial) }
    }
}

/// From a tile of X·W: loss, δ, column sums of δ.
struct LossDelta<S, A, L> {
    s: S,
    activation: A,
    loss: L,
    bias: *const f32,
    target: Source,
    delta: Destination,
    sums: *mut f32,
    scale: f32,
    total: *mut f64,
}

// SAFETY: `sums` and `total` are written without synchronisation; the only
// place that makes a `LossDelta` runs the product on one thread.
unsafe impl<S: Sync, A: Sync, L: Sync> Sync for LossDelta<S, A, L> {}

impl<S: Simd, A: Elementwise, L: ElementwiseLoss> TileOperation<f32> for LossDelta<S, A, L> {
    unsafe fn apply(&self, tile: Tile<f32>) {
        let s = self.s;
        s.vectorize(
            #[inline(always)]
            || {
                let mut sum = self.loss.start(s);
                let scale = s.splat(self.scale);
                for_each_vector(
                    s,
                    tile.cols,
                    #[inline(always)]
                    |j, mask| {
                        let col = tile.col + j;
                        // SAFETY: columns `col ..` of the bias and the sums
                        // exist, by mask.
                        let (bias, mut column) = unsafe {
                            (
                                if self.bias.is_null() {
                                    s.splat(0.0)
                                } else {
                                    load(s, self.bias.add(col), mask)
                                },
                                if self.sums.is_null() {
                                    s.splat(0.0)
                                } else {
                                    load(s, self.sums.add(col), mask)
                                },
                            )
                        };
                        for i in 0..tile.rows {
                            let row = tile.row + i;
                            // SAFETY: the tile's rows hold whole vectors;
                            // target and δ hold the tile's elements.
                            unsafe {
                                let acc = s.load(tile.data.add(i * tile.stride + j));
                                let z = s.add(acc, bias);
                                let y = self.activation.apply(s, z);
                                let target = load(s, self.target.at(row, col), mask);
                                let gradient = self.loss.add(s, &mut sum, y, target, mask);
                                let mut delta = s.mul(gradient, scale);
                                if !A::IS_IDENTITY {
                                    let saved = match A::SAVES {
                                        Saves::Input => z,
                                        Saves::Output => y,
                                    };
                                    let slope = self.activation.derivative(s, saved);
                                    delta = s.mul(delta, slope);
                                }
                                store(s, self.delta.at(row, col), delta, mask);
                                column = s.add(column, delta);
                            }
                        }
                        // A column of vectors has at most 12 rows, a tile two.
                        const { assert!(L::ADDS_BEFORE_FLUSH >= 24) };
                        if !self.sums.is_null() {
                            // SAFETY: as for the load.
                            unsafe { store(s, self.sums.add(col), column, mask) };
                        }
                    },
                );
                let lanes = self.loss.total(s, sum);
                // SAFETY: `total` is borrowed exclusively by the one thread
                // that runs the product.
                unsafe { *self.total += f64::from(s.reduce_add(lanes)) };
            },
        );
    }
}
