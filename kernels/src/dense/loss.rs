//! The last layer with its loss: Z = X·W + b, Y = act(Z), the loss of Y
//! against the target, and δ = ∂loss/∂Z, in one pass.

use std::mem::MaybeUninit;

use super::forward::{add_bias, check_elementwise};
use super::input::finish_delta;
use super::{Destination, Forward, Source, column_sums};
use crate::activation::{self, Activation, ActivationLoops, Identity, Saves};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{MAX_PANEL, MAX_PANEL_VECTORS, Panel, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::{Kernel, Level};
use crate::loss::{self, ElementwiseLoss, Loss, LossVisitor};
use crate::mat::{Mat, MatMut, MatRef};
use crate::parallel::{Context, Parallelism};
use crate::simd::{Simd, for_each_vector, load, store};
use crate::tuning;

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
        let context = context.for_work(flops((batch, outputs), inputs));
        if context.parallelism != Parallelism::Serial {
            return self.run_in_passes(context);
        }
        let mut total = 0.0;
        let work = Work {
            level: context.level,
            shape: (batch, outputs),
            term: Term::new(self.x, self.weight),
            bias: Source::vector(self.bias),
            target: Source::new(self.target),
            delta: Destination::new(self.delta),
            sums: Destination::vector(self.bias_gradient),
            scale: self.scale * self.loss.feature_scale(outputs),
            saves: self.activation.saves(),
            total: &raw mut total,
        };
        self.activation.with_loops(context.level, &mut |loops| {
            let activation = match self.activation {
                Activation::Identity => None,
                _ => Some(loops),
            };
            self.loss.visit(WithLoops { activation, work });
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
#[derive(Clone, Copy)]
struct Work {
    level: Level,
    shape: (usize, usize),
    term: Term<f32>,
    bias: Source,
    target: Source,
    delta: Destination,
    /// None where no column sums are wanted.
    sums: Destination,
    scale: f32,
    /// What the activation's derivative needs.
    saves: Saves,
    total: *mut f64,
}

struct WithLoops<'a> {
    /// None for the identity.
    activation: Option<&'a dyn ActivationLoops>,
    work: Work,
}

impl LossVisitor for WithLoops<'_> {
    type Output = ();

    fn visit<L: ElementwiseLoss>(self, loss: L) {
        let WithLoops { activation, work } = self;
        work.level.dispatch(WithLoss {
            activation,
            loss,
            work,
        });
    }
}

struct WithLoss<'a, L> {
    activation: Option<&'a dyn ActivationLoops>,
    loss: L,
    work: Work,
}

impl<L: ElementwiseLoss> Kernel for WithLoss<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let WithLoss {
            activation,
            loss,
            work,
        } = self;
        let operation = LossOperation {
            s,
            activation,
            loss,
            work,
        };
        run_serial(s, work.shape, work.term, &operation);
    }
}

/// Runs the product on this thread.
fn run_serial<S: Simd>(
    s: S,
    shape: (usize, usize),
    term: Term<f32>,
    operation: &dyn TileOperation<f32>,
) {
    let (sink, parallelism) = (Sink::Operation(operation), Parallelism::Serial);
    // SAFETY: the views are readable, δ and the sums writable, at every index
    // of the checked shapes; exclusive borrows keep what is written apart from
    // what is read; nobody else runs the operation.
    unsafe { multiply(s, shape, &[term], sink, parallelism) }
}

/// Bias, activation, loss, δ and column sums of the last layer. With the identity, which
/// the usual losses have in the form that takes logits, all of it in one pass while each
/// vector is in a register; other activations take passes of their own over the panel,
/// which is in L1.
struct LossOperation<'a, S, L> {
    s: S,
    activation: Option<&'a dyn ActivationLoops>,
    loss: L,
    work: Work,
}

// SAFETY: the sums and the total are written without synchronisation; whoever
// makes one of these runs it on one thread.
unsafe impl<S: Sync, L: Sync> Sync for LossOperation<'_, S, L> {}

impl<S: Simd, L: ElementwiseLoss> TileOperation<f32> for LossOperation<'_, S, L> {
    unsafe fn apply(&self, panel: Panel<f32>) {
        let (s, work) = (self.s, &self.work);
        let (place, shape) = panel.rectangle();
        work.bias.check(place, shape);
        work.target.check(place, shape);
        work.delta.check(place, shape);
        work.sums.check(place, shape);
        // SAFETY: the panel is the call's own; target and δ have its rows and columns,
        // bias and sums its columns; the rooms are as large as the largest panel.
        let total = unsafe {
            match self.activation {
                None => {
                    let delta = work.delta.at(panel.row, panel.col);
                    let delta = (delta, work.delta.row_stride);
                    self.add_loss(panel, work.bias, delta, work.sums)
                }
                Some(activation) => {
                    let mut rooms = [MaybeUninit::<[f32; MAX_PANEL]>::uninit(); 2];
                    let [y, delta] = rooms.each_mut().map(|room| Panel {
                        data: room.as_mut_ptr().cast(),
                        ..panel
                    });
                    let z = (panel.data, panel.stride);
                    add_bias(s, panel, work.bias, Identity, Destination::NONE, z);
                    // With what is behind the rows' last columns, which the loss ignores.
                    activation.forward(panel.data, y.data, panel.rows * panel.stride);
                    let to = (delta.data, panel.stride);
                    let total = self.add_loss(y, Source::NONE, to, Destination::NONE);
                    let saved = match work.saves {
                        Saves::Input => panel,
                        Saves::Output => y,
                    };
                    for i in 0..panel.rows {
                        let row = i * panel.stride;
                        activation.backward(
                            std::slice::from_raw_parts(saved.data.add(row), panel.cols),
                            std::slice::from_raw_parts_mut(delta.data.add(row), panel.cols),
                        );
                    }
                    finish_delta(s, delta, Identity, Source::NONE, work.delta, work.sums);
                    total
                }
            }
        };
        // SAFETY: `total` is borrowed exclusively by this product, which runs
        // on one thread.
        unsafe { *work.total += f64::from(total) };
    }
}

impl<S: Simd, L: ElementwiseLoss> LossOperation<'_, S, L> {
    /// The loss of the panel's elements plus the bias. Its derivatives go to (address,
    /// row stride) `delta`, and their column sums are added to `sums`, if they are wanted.
    ///
    /// # Safety
    /// The panel's rows hold whole vectors; the target has its place, rows and columns;
    /// `delta` is writable at as many; bias and sums have its columns.
    #[inline(always)]
    unsafe fn add_loss(
        &self,
        panel: Panel<f32>,
        bias: Source,
        delta: (*mut f32, usize),
        sums: Destination,
    ) -> f32 {
        // A panel adds this many vectors to its sum, at most.
        const { assert!(L::ADDS_BEFORE_FLUSH >= MAX_PANEL_VECTORS) };
        const FEW: usize = tuning::ROWS_AT_ONCE[0];
        const MANY: usize = tuning::ROWS_AT_ONCE[1];
        let (s, loss, target) = (self.s, self.loss, self.work.target);
        s.vectorize(
            #[inline(always)]
            || {
                // Copied to locals: the stores below could alias what the closure borrows.
                let (panel, bias, target, delta, sums) = (panel, bias, target, delta, sums);
                let mut sum = loss.start(s);
                let scale = s.splat(self.work.scale);
                for_each_vector(
                    s,
                    panel.cols,
                    #[inline(always)]
                    |j, mask| {
                        let col = panel.col + j;
                        let read = |from: Source| {
                            if from.is_none() {
                                // −0.0 is the additive identity for every x, including
                                // −0.0.
                                s.splat(-0.0)
                            } else {
                                // SAFETY: columns `col ..` of the bias and the sums
                                // exist, by mask.
                                unsafe { load(s, from.at(0, col), mask) }
                            }
                        };
                        let mut column = Column {
                            s,
                            loss,
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
                        let mut i = 0;
                        // SAFETY: all rows are the panel's.
                        unsafe {
                            if mask.is_some() {
                                // One by one: the code is compiled once more.
                            } else if const { !L::IS_SHORT && S::LANES < 16 } {
                                while i + FEW <= panel.rows {
                                    column.run::<FEW>(i);
                                    i += FEW;
                                }
                            } else if const { !L::IS_SHORT } {
                                while i + MANY <= panel.rows {
                                    column.run::<MANY>(i);
                                    i += MANY;
                                }
                            }
                            while i < panel.rows {
                                column.run::<1>(i);
                                i += 1;
                            }
                        }
                        sum = column.losses;
                        if !sums.is_none() {
                            // SAFETY: as for the load.
                            unsafe { store(s, sums.at(0, col), column.deltas, mask) };
                        }
                    },
                );
                s.reduce_add(loss.total(s, sum))
            },
        )
    }
}

/// One vector of a panel's columns.
struct Column<S: Simd, L: ElementwiseLoss> {
    s: S,
    loss: L,
    panel: Panel<f32>,
    target: Source,
    delta: (*mut f32, usize),
    /// Its first column in the panel.
    j: usize,
    /// Which lanes are columns, if not all.
    mask: Option<S::Mask>,
    scale: S::Vector,
    bias: S::Vector,
    /// The sums so far, of the loss and of δ.
    losses: L::Sum<S>,
    deltas: S::Vector,
}

impl<S: Simd, L: ElementwiseLoss> Column<S, L> {
    /// Rows `i .. i + N`.
    ///
    /// # Safety
    /// The panel and the operands have these rows.
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
        let losses = &mut self.losses;
        let gradients = self.loss.add_each(s, losses, z, targets, self.mask);
        for (r, gradient) in gradients.into_iter().enumerate() {
            let v = s.mul(gradient, self.scale);
            // SAFETY: δ has the row by the caller's contract.
            unsafe {
                let to = self.delta.0.add((i + r) * self.delta.1 + j);
                store(s, to, v, self.mask);
            }
            self.deltas = s.add(self.deltas, v);
        }
    }
}
