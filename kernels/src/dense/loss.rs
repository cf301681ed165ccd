//! The last layer with its loss: Z = X·W + b, Y = act(Z), the loss of Y
//! against the target, and δ = ∂loss/∂Z, in one pass.

use std::marker::PhantomData;

use super::forward::check_elementwise;
use super::one_pass::InOnePass;
use super::{Destination, Forward, Source, column_sums};
use crate::activation::{self, Activation, ActivationVisitor, Elementwise, Saves};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{MAX_PANEL, MAX_PANEL_VECTORS, Panel, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::{Kernel, Level};
use crate::loss::{self, ElementwiseLoss, Loss, LossVisitor};
use crate::mat::{Mat, MatMut, MatRef};
use crate::parallel::{Context, Parallelism};
use crate::simd::{Simd, map_into, map_with, zip_into};

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
            total: &raw mut total,
            lifetime: PhantomData,
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
pub(super) struct Work<'a> {
    level: Level,
    shape: (usize, usize),
    term: Term<f32>,
    pub(super) bias: Source,
    pub(super) target: Source,
    pub(super) delta: Destination,
    /// None where no column sums are wanted.
    pub(super) sums: Destination,
    pub(super) scale: f32,
    pub(super) total: *mut f64,
    lifetime: PhantomData<&'a mut [f32]>,
}

impl Work<'_> {
    /// Whether the operation, which reads the target and writes δ, is wide.
    pub(super) fn is_wide(&self) -> bool {
        self.delta.is_wide(self.shape, 2)
    }

    /// Panics in debug builds if an operand lacks elements of the panel.
    #[inline(always)]
    pub(super) fn check(&self, panel: &Panel<f32>) {
        let (place, shape) = panel.rectangle();
        self.bias.check(place, shape);
        self.target.check(place, shape);
        self.delta.check(place, shape);
        self.sums.check(place, shape);
    }
}

struct WithActivation<'a> {
    activation: Activation,
    work: Work<'a>,
}

impl LossVisitor for WithActivation<'_> {
    type Output = ();

    fn visit<L: ElementwiseLoss>(self, loss: L) {
        let level = self.work.level;
        level.dispatch(Typed {
            activation: self.activation,
            loss,
            work: self.work,
        });
    }
}

struct Typed<'a, L> {
    activation: Activation,
    loss: L,
    work: Work<'a>,
}

impl<L: ElementwiseLoss> Kernel for Typed<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Typed { loss, work, .. } = self;
        self.activation.visit(WithLoss { s, loss, work });
    }
}

struct WithLoss<'a, S, L> {
    s: S,
    loss: L,
    work: Work<'a>,
}

impl<S: Simd, L: ElementwiseLoss> ActivationVisitor for WithLoss<'_, S, L> {
    type Output = ();

    fn visit<A: Elementwise>(self, activation: A) {
        let WithLoss { s, loss, work } = self;
        let (shape, term) = (work.shape, work.term);
        if const { A::FUSES_WITH_LOSS } {
            let operation = InOnePass {
                s,
                activation,
                loss,
                work,
            };
            run(s, shape, term, &operation);
        } else {
            let operation = InPasses {
                s,
                activation: &OnPanel { s, activation },
                loss,
                work,
            };
            run(s, shape, term, &operation);
        }
    }
}

/// Runs the product on this thread.
fn run<S: Simd>(s: S, shape: (usize, usize), term: Term<f32>, operation: &dyn TileOperation<f32>) {
    // SAFETY: the views are readable, δ and the sums writable, at every index
    // of the checked shapes; exclusive borrows keep what is written apart from
    // what is read; nobody else runs the operation.
    unsafe {
        multiply(
            s,
            shape,
            &[term],
            Sink::Operation(operation),
            Parallelism::Serial,
        )
    }
}

/// An activation over all elements of a panel in L1.
///
/// The identity, which the usual losses have in the form that takes logits, and
/// the sigmoid fuse with the loss in one pass. For the others, activation and
/// derivative are passes of their own over 6 KB: a function for each pair of
/// activation and loss would be 200 more of them.
trait PanelActivation: Sync {
    fn saves(&self) -> Saves;
    fn forward(&self, z: &[f32], y: &mut [f32]);
    fn backward(&self, saved: &[f32], delta: &mut [f32]);
}

struct OnPanel<S, A> {
    s: S,
    activation: A,
}

impl<S: Simd, A: Elementwise> PanelActivation for OnPanel<S, A> {
    fn saves(&self) -> Saves {
        A::SAVES
    }

    fn forward(&self, z: &[f32], y: &mut [f32]) {
        let s = self.s;
        s.vectorize(
            #[inline(always)]
            || {
                map_into(
                    s,
                    z,
                    y,
                    #[inline(always)]
                    |z| self.activation.apply(s, z),
                );
            },
        );
    }

    fn backward(&self, saved: &[f32], delta: &mut [f32]) {
        let s = self.s;
        s.vectorize(
            #[inline(always)]
            || {
                map_with(
                    s,
                    saved,
                    delta,
                    #[inline(always)]
                    |saved, delta| s.mul(delta, self.activation.derivative(s, saved)),
                );
            },
        );
    }
}

/// A pass each for bias, activation, loss, derivative, output.
struct InPasses<'a, S, L> {
    s: S,
    activation: &'a dyn PanelActivation,
    loss: L,
    work: Work<'a>,
}

// SAFETY: the sums and the total are written without synchronisation; `run`
// is the only user, on one thread.
unsafe impl<S: Sync, L: Sync> Sync for InPasses<'_, S, L> {}

impl<S: Simd, L: ElementwiseLoss> TileOperation<f32> for InPasses<'_, S, L> {
    fn is_wide(&self) -> bool {
        self.work.is_wide()
    }

    unsafe fn apply(&self, panel: Panel<f32>) {
        const { assert!(L::ADDS_BEFORE_FLUSH >= MAX_PANEL_VECTORS) };
        let (s, work) = (self.s, &self.work);
        work.check(&panel);
        let len = panel.rows * panel.stride;
        let (mut y_room, mut delta_room) = ([0.0; MAX_PANEL], [0.0; MAX_PANEL]);
        let (y, delta) = (&mut y_room[..len], &mut delta_room[..len]);
        // SAFETY: the panel holds rows · stride elements, all written by the
        // micro-kernel, and is this call's own.
        let z = unsafe { std::slice::from_raw_parts_mut(panel.data, len) };
        // SAFETY: the bias has the panel's columns.
        let bias = (!work.bias.is_none())
            .then(|| unsafe { std::slice::from_raw_parts(work.bias.at(0, panel.col), panel.cols) });
        // SAFETY: the sums have the panel's columns; nobody else holds them.
        let mut sums = (!work.sums.is_none()).then(|| unsafe {
            std::slice::from_raw_parts_mut(work.sums.at(0, panel.col), panel.cols)
        });
        let rows = |room: usize| room * panel.stride..room * panel.stride + panel.cols;

        if let Some(bias) = bias {
            s.vectorize(
                #[inline(always)]
                || {
                    for i in 0..panel.rows {
                        map_with(
                            s,
                            bias,
                            &mut z[rows(i)],
                            #[inline(always)]
                            |b, z| s.add(z, b),
                        );
                    }
                },
            );
        }
        self.activation.forward(z, y);
        let total = s.vectorize(
            #[inline(always)]
            || {
                let mut sum = self.loss.start(s);
                let scale = s.splat(work.scale);
                for i in 0..panel.rows {
                    // SAFETY: the target holds the panel's elements, a row's
                    // as neighbours.
                    let target = unsafe {
                        let from = work.target.at(panel.row + i, panel.col);
                        std::slice::from_raw_parts(from, panel.cols)
                    };
                    zip_into(
                        s,
                        &y[rows(i)],
                        target,
                        &mut delta[rows(i)],
                        #[inline(always)]
                        |y, t, mask| s.mul(self.loss.add(s, &mut sum, y, t, mask), scale),
                    );
                }
                s.reduce_add(self.loss.total(s, sum))
            },
        );
        let saved = match self.activation.saves() {
            Saves::Input => z,
            Saves::Output => y,
        };
        self.activation.backward(saved, delta);
        s.vectorize(
            #[inline(always)]
            || {
                for i in 0..panel.rows {
                    // SAFETY: δ holds the panel's elements, a row's as
                    // neighbours, and they are nobody else's.
                    let to = unsafe {
                        let to = work.delta.at(panel.row + i, panel.col);
                        std::slice::from_raw_parts_mut(to, panel.cols)
                    };
                    to.copy_from_slice(&delta[rows(i)]);
                    if let Some(sums) = &mut sums {
                        map_with(
                            s,
                            to,
                            sums,
                            #[inline(always)]
                            |delta, sum| s.add(sum, delta),
                        );
                    }
                }
            },
        );
        // SAFETY: `total` is borrowed exclusively by this product, which runs
        // on one thread.
        unsafe { *work.total += f64::from(total) };
    }
}
