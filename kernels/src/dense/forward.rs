//! Y = act(X·W + b).

use super::{Destination, InEpilogue, Source};
use crate::activation::{Activation, Elementwise, Identity, Relu};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::Context;
use crate::simd::{Simd, for_each_vector, load, store};

/// Y = act(X·W + b), bias and activation in the epilogue of the product.
#[derive(Debug)]
pub struct Forward<'a> {
    /// X, batch × in, any strides.
    pub x: MatRef<'a, f32>,
    /// W, in × out, any strides (Wᵀ of another layer is a transposed view).
    pub weight: MatRef<'a, f32>,
    /// b, out elements.
    pub bias: Option<&'a [f32]>,
    /// An elementwise activation.
    pub activation: Activation,
    /// Y, batch × out, rows contiguous; overwritten without being read.
    pub output: MatMut<'a, f32>,
    /// Z = X·W + b, batch × out, rows contiguous, for activations whose
    /// derivative needs it ([`Activation::saves`]).
    pub pre_activation: Option<MatMut<'a, f32>>,
}

impl Forward<'_> {
    /// Runs the layer.
    ///
    /// # Errors
    /// Shapes that do not fit; an output whose rows are not contiguous;
    /// [`Activation::Softmax`], which needs whole rows: run `Identity`, then
    /// [`crate::activation::forward`].
    pub fn run(self, context: Context) -> Result<(), Error> {
        let (batch, inputs) = self.x.shape();
        let outputs = self.weight.cols();
        check_shape("weight", self.weight.shape(), (inputs, outputs))?;
        check_shape("output", self.output.shape(), (batch, outputs))?;
        check_rows_contiguous("output", outputs, self.output.col_stride())?;
        if let Some(bias) = self.bias {
            check_length("bias", bias.len(), outputs)?;
        }
        if let Some(z) = &self.pre_activation {
            check_shape("pre_activation", z.shape(), (batch, outputs))?;
            check_rows_contiguous("pre_activation", outputs, z.col_stride())?;
        }
        check_elementwise(self.activation)?;
        let work = Work {
            context: context.for_work(flops((batch, outputs), inputs)),
            shape: (batch, outputs),
            term: Term::new(self.x, self.weight),
            bias: Source::vector(self.bias),
            y: Destination::new(self.output),
            z: self
                .pre_activation
                .map_or(Destination::NONE, Destination::new),
        };
        let level = work.context.level;
        self.activation.with_loops(level, &mut |loops| {
            let activation = InEpilogue::new(self.activation, loops);
            level.dispatch(WithLoops { activation, work });
        });
        Ok(())
    }
}

/// Fails for an activation over whole rows, or one with bad parameters.
pub(super) fn check_elementwise(activation: Activation) -> Result<(), Error> {
    activation.check()?;
    if activation.is_elementwise() {
        Ok(())
    } else {
        Err(Error::Unsupported {
            what: format!("{activation} in the epilogue of a product"),
            instead: "the identity, then activation::forward or activation::backward",
        })
    }
}

/// The checked arguments.
#[derive(Clone, Copy)]
struct Work {
    context: Context,
    shape: (usize, usize),
    term: Term<f32>,
    /// Every row is the bias.
    bias: Source,
    y: Destination,
    z: Destination,
}

struct WithLoops<'a> {
    activation: InEpilogue<'a>,
    work: Work,
}

impl Kernel for WithLoops<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let WithLoops { activation, work } = self;
        let parallelism = work.context.parallelism;
        let is_product =
            matches!(activation, InEpilogue::Identity) && work.bias.is_none() && work.z.is_none();
        let operation = BiasActivation {
            s,
            activation,
            bias: work.bias,
            y: work.y,
            z: work.z,
        };
        let sink = if is_product {
            Sink::Store(work.y.store())
        } else {
            Sink::Operation(&operation)
        };
        // SAFETY: the views are readable, Y and Z writable, at every index of
        // the checked shapes; the exclusive borrows keep Y and Z apart from
        // the operands; each tile writes its own elements.
        unsafe { multiply(s, work.shape, &[work.term], sink, parallelism) };
    }
}

/// z = tile + b; y = act(z).
struct BiasActivation<'a, S> {
    s: S,
    activation: InEpilogue<'a>,
    /// Every row is the bias; null for none.
    bias: Source,
    y: Destination,
    z: Destination,
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart where they write.
unsafe impl<S: Sync> Sync for BiasActivation<'_, S> {}

impl<S: Simd> TileOperation<f32> for BiasActivation<'_, S> {
    unsafe fn apply(&self, panel: Panel<f32>) {
        let (place, shape) = panel.rectangle();
        self.bias.check(place, shape);
        self.y.check(place, shape);
        self.z.check(place, shape);
        // SAFETY: the panel is the call's own; bias, Y and Z have its rows and columns.
        unsafe {
            let y = (self.y.at(panel.row, panel.col), self.y.row_stride);
            match self.activation {
                InEpilogue::Identity => add_bias(self.s, panel, self.bias, Identity, self.z, y),
                InEpilogue::Relu => add_bias(self.s, panel, self.bias, Relu, self.z, y),
                InEpilogue::Loops(activation) => {
                    let z = (panel.data, panel.stride);
                    add_bias(self.s, panel, self.bias, Identity, self.z, z);
                    // All rows at once, with what is behind their last columns: a row of
                    // a panel is too short for a loop over several vectors.
                    activation.forward(panel.data, panel.data, panel.rows * panel.stride);
                    add_bias(self.s, panel, Source::NONE, Identity, Destination::NONE, y);
                }
            }
        }
    }
}

/// z = panel + bias, which goes to its place in `to_z`, if that is wanted, and
/// y = act(z), which goes to (address, row stride) `to_y`, perhaps the panel itself.
///
/// # Safety
/// The bias has the panel's columns, `to_z` its rows and columns; `to_y` is writable at
/// as many.
#[inline(always)]
pub(super) unsafe fn add_bias<S: Simd, A: Elementwise>(
    s: S,
    panel: Panel<f32>,
    bias: Source,
    activation: A,
    to_z: Destination,
    to_y: (*mut f32, usize),
) {
    s.vectorize(
        #[inline(always)]
        || {
            // Copied to locals: the stores below could alias what the closure borrows.
            let (panel, bias, activation, to_z, to_y) = (panel, bias, activation, to_z, to_y);
            for_each_vector(
                s,
                panel.cols,
                #[inline(always)]
                |j, mask| {
                    let col = panel.col + j;
                    let bias = if bias.is_none() {
                        // −0.0 is the additive identity for every x, including −0.0.
                        s.splat(-0.0)
                    } else {
                        // SAFETY: columns `col ..` of the bias, by mask.
                        unsafe { load(s, bias.at(0, col), mask) }
                    };
                    for i in 0..panel.rows {
                        // SAFETY: the panel's rows hold whole vectors; the caller's
                        // contract, by mask.
                        unsafe {
                            let z = s.load(panel.data.add(i * panel.stride + j));
                            let z = s.add(z, bias);
                            if !to_z.is_none() {
                                store(s, to_z.at(panel.row + i, col), z, mask);
                            }
                            let y = activation.apply(s, z);
                            store(s, to_y.0.add(i * to_y.1 + j), y, mask);
                        }
                    }
                },
            );
        },
    );
}
