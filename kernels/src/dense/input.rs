//! δ of the layer below: (δ·Wᵀ) ⊙ act′.

use super::forward::check_elementwise;
use super::{Destination, Source, column_sums, for_each_vector, load, store};
use crate::activation::{Activation, ActivationVisitor, Elementwise};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::{Context, Parallelism};
use crate::simd::Simd;

/// The gradient that a layer hands down, through the activation of the layer
/// below: δ_below = (δ·Wᵀ) ⊙ act′(saved). With [`Activation::Identity`] it is
/// plain ∂loss/∂X.
#[derive(Debug)]
pub struct BackwardInput<'a> {
    /// δ, batch × out, any strides.
    pub delta: MatRef<'a, f32>,
    /// Wᵀ, out × in, any strides. Fastest with panels
    /// ([`MatRef::with_panels`]), which, packed once a step, serve every block
    /// of rows.
    pub weight_transposed: MatRef<'a, f32>,
    /// The activation of the layer below, elementwise.
    pub activation: Activation,
    /// What that activation saved ([`Activation::saves`]), batch × in, rows
    /// contiguous. Not needed for [`Activation::Identity`].
    pub saved: Option<MatRef<'a, f32>>,
    /// δ of the layer below, batch × in, rows contiguous; overwritten without
    /// being read.
    pub output: MatMut<'a, f32>,
    /// ∇b of the layer below: the column sums of `output` are **added** to it,
    /// row after row.
    pub bias_gradient: Option<&'a mut [f32]>,
}

impl BackwardInput<'_> {
    /// Runs the layer.
    ///
    /// # Errors
    /// Shapes that do not fit, rows that are not contiguous, an activation
    /// over whole rows, or one without what it saved.
    pub fn run(mut self, context: Context) -> Result<(), Error> {
        let (batch, outputs) = self.delta.shape();
        let inputs = self.weight_transposed.cols();
        let shape = self.weight_transposed.shape();
        check_shape("weight_transposed", shape, (outputs, inputs))?;
        check_shape("output", self.output.shape(), (batch, inputs))?;
        check_rows_contiguous("output", inputs, self.output.col_stride())?;
        check_elementwise(self.activation)?;
        match self.saved {
            Some(saved) => {
                check_shape("saved", saved.shape(), (batch, inputs))?;
                check_rows_contiguous("saved", inputs, saved.col_stride())?;
            }
            None if self.activation == Activation::Identity => {}
            None => {
                return Err(Error::Unsupported {
                    what: format!("the derivative of {} from nothing", self.activation),
                    instead: "the output or input of the activation, as `Activation::saves` says",
                });
            }
        }
        if let Some(sums) = &self.bias_gradient {
            check_length("bias_gradient", sums.len(), inputs)?;
        }
        let context = context.for_work(flops((batch, inputs), outputs));
        let serial = context.parallelism == Parallelism::Serial;
        let sums = self.bias_gradient.take();
        // On many threads the sums over rows would need an order: they are a
        // second pass then.
        let (fused, separate) = if serial { (sums, None) } else { (None, sums) };
        self.activation.visit(Work {
            context,
            shape: (batch, inputs),
            term: Term::new(self.delta, self.weight_transposed),
            saved: self.saved.map_or(Source::NONE, Source::new),
            output: Destination::new(self.output.as_mut()),
            sums: Destination::vector(fused),
        });
        match separate {
            Some(sums) => column_sums(context, self.output.as_ref(), sums),
            None => Ok(()),
        }
    }
}

/// The checked arguments.
struct Work {
    context: Context,
    shape: (usize, usize),
    term: Term<f32>,
    saved: Source,
    output: Destination,
    /// None where no column sums are wanted, as always on many threads.
    sums: Destination,
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
        let (terms, parallelism) = ([work.term], work.context.parallelism);
        // SAFETY: the views are readable, the output and the sums writable, at
        // every index of the checked shapes; exclusive borrows keep what is
        // written apart from what is read; each tile writes its own elements,
        // and sums are written on one thread only.
        unsafe {
            if A::IS_IDENTITY && work.sums.is_none() {
                let store = work.output.store();
                multiply(s, work.shape, &terms, Sink::Store(store), parallelism);
            } else {
                let operation = Slope {
                    s,
                    activation: self.activation,
                    saved: work.saved,
                    output: work.output,
                    sums: work.sums,
                    is_wide: work
                        .output
                        .is_wide(work.shape, 2 - usize::from(A::IS_IDENTITY)),
                };
                let sink = Sink::Operation(&operation);
                multiply(s, work.shape, &terms, sink, parallelism);
            }
        }
    }
}

/// δ = tile ⊙ act′(saved), and its column sums.
struct Slope<S, A> {
    s: S,
    activation: A,
    saved: Source,
    output: Destination,
    sums: Destination,
    is_wide: bool,
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart where they write `output`; `sums` is none on many threads.
unsafe impl<S: Sync, A: Sync> Sync for Slope<S, A> {}

impl<S: Simd, A: Elementwise> TileOperation<f32> for Slope<S, A> {
    fn is_wide(&self) -> bool {
        self.is_wide
    }

    unsafe fn apply(&self, panel: Panel<f32>) {
        let s = self.s;
        let (place, shape) = panel.rectangle();
        if !A::IS_IDENTITY {
            self.saved.check(place, shape);
        }
        self.output.check(place, shape);
        self.sums.check(place, shape);
        s.vectorize(
            #[inline(always)]
            || {
                // In registers: what is stored might else be one of these.
                let (panel, saved, output) = (panel, self.saved, self.output);
                for_each_vector(
                    s,
                    panel.cols,
                    #[inline(always)]
                    |j, mask| {
                        let col = panel.col + j;
                        let mut column = if self.sums.is_none() {
                            s.splat(0.0)
                        } else {
                            // SAFETY: columns `col ..` of the sums, by mask.
                            unsafe { load(s, self.sums.at(0, col), mask) }
                        };
                        for i in 0..panel.rows {
                            let row = panel.row + i;
                            // SAFETY: the tile's rows hold whole vectors;
                            // `saved` (unless the identity ignores it) and the
                            // output hold the tile's elements.
                            unsafe {
                                let mut delta = s.load(panel.data.add(i * panel.stride + j));
                                if !A::IS_IDENTITY {
                                    let saved = load(s, saved.at(row, col), mask);
                                    let slope = self.activation.derivative(s, saved);
                                    delta = s.mul(delta, slope);
                                }
                                store(s, output.at(row, col), delta, mask);
                                column = s.add(column, delta);
                            }
                        }
                        if !self.sums.is_none() {
                            // SAFETY: as for the load.
                            unsafe { store(s, self.sums.at(0, col), column, mask) };
                        }
                    },
                );
            },
        );
    }
}
