//! Y = act(X·W + b).

use super::{Destination, Rows, Source, for_each_rows, for_each_vector, load, store};
use crate::activation::{Activation, ActivationVisitor, Elementwise};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::Context;
use crate::simd::Simd;

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
        self.activation.visit(work);
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
struct Work {
    context: Context,
    shape: (usize, usize),
    term: Term<f32>,
    /// Every row is the bias.
    bias: Source,
    y: Destination,
    z: Destination,
}

impl ActivationVisitor for Work {
    type Output = ();

    fn visit<A: Elementwise>(self, activation: A) {
        let level = self.context.level;
        level.dispatch(Typed {
            activation,
            work: self,
        });
    }
}

struct Typed<A> {
    activation: A,
    work: Work,
}

impl<A: Elementwise> Kernel for Typed<A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let work = self.work;
        let parallelism = work.context.parallelism;
        // SAFETY: the views are readable, Y and Z writable, at every index of
        // the checked shapes; the exclusive borrows keep Y and Z apart from
        // the operands; each tile writes its own elements.
        unsafe {
            if A::IS_IDENTITY && work.bias.is_none() && work.z.is_none() {
                let store = work.y.store();
                multiply(s, work.shape, &[work.term], Sink::Store(store), parallelism);
            } else {
                let operation = BiasActivation {
                    s,
                    activation: self.activation,
                    bias: work.bias,
                    y: work.y,
                    z: work.z,
                    is_wide: work
                        .y
                        .is_wide(work.shape, 1 + usize::from(!work.z.is_none())),
                };
                let sink = Sink::Operation(&operation);
                multiply(s, work.shape, &[work.term], sink, parallelism);
            }
        }
    }
}

/// z = tile + b; y = act(z).
struct BiasActivation<S, A> {
    s: S,
    activation: A,
    /// Every row is the bias; null for none.
    bias: Source,
    y: Destination,
    z: Destination,
    is_wide: bool,
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart where they write.
unsafe impl<S: Sync, A: Sync> Sync for BiasActivation<S, A> {}

impl<S: Simd, A: Elementwise> TileOperation<f32> for BiasActivation<S, A> {
    fn is_wide(&self) -> bool {
        self.is_wide
    }

    unsafe fn apply(&self, panel: Panel<f32>) {
        let s = self.s;
        let (place, shape) = panel.rectangle();
        self.bias.check(place, shape);
        self.y.check(place, shape);
        self.z.check(place, shape);
        s.vectorize(
            #[inline(always)]
            || {
                // In registers: what is stored might else be one of these.
                let (panel, to_y, to_z) = (panel, self.y, self.z);
                for_each_vector(
                    s,
                    panel.cols,
                    #[inline(always)]
                    |j, mask| {
                        let col = panel.col + j;
                        let bias = if self.bias.is_none() {
                            // x + −0 is x; −0 + 0 would be 0.
                            s.splat(-0.0)
                        } else {
                            // SAFETY: columns `col ..` of the bias, by mask.
                            unsafe { load(s, self.bias.at(0, col), mask) }
                        };
                        let mut column = Column {
                            s,
                            activation: self.activation,
                            panel,
                            to_y,
                            to_z,
                            j,
                            mask,
                            bias,
                        };
                        let worthwhile = const { !A::IS_SHORT } && mask.is_none();
                        // SAFETY: the panel and the outputs have these rows and,
                        // by mask, columns.
                        unsafe { for_each_rows(s, panel.rows, worthwhile, &mut column) };
                    },
                );
            },
        );
    }
}

/// The columns of one vector.
struct Column<S: Simd, A> {
    s: S,
    activation: A,
    panel: Panel<f32>,
    to_y: Destination,
    to_z: Destination,
    /// The first of them in the panel.
    j: usize,
    /// Which there are, if not all.
    mask: Option<S::Mask>,
    bias: S::Vector,
}

impl<S: Simd, A: Elementwise> Rows for Column<S, A> {
    #[inline(always)]
    unsafe fn run<const N: usize>(&mut self, i: usize) {
        let (s, panel, j) = (self.s, self.panel, self.j);
        let (row, col) = (panel.row + i, panel.col + j);
        let mut z = [self.bias; N];
        for (r, z) in z.iter_mut().enumerate() {
            // SAFETY: the panel's rows hold whole vectors.
            let acc = unsafe { s.load(panel.data.add((i + r) * panel.stride + j)) };
            *z = s.add(acc, self.bias);
        }
        if !self.to_z.is_none() {
            for (r, &z) in z.iter().enumerate() {
                // SAFETY: Z has the row by the caller's contract.
                unsafe { store(s, self.to_z.at(row + r, col), z, self.mask) };
            }
        }
        for (r, y) in self.activation.apply_each(s, z).into_iter().enumerate() {
            // SAFETY: as for Z.
            unsafe { store(s, self.to_y.at(row + r, col), y, self.mask) };
        }
    }
}
