//! δ of the layer below: (δ·Wᵀ) ⊙ act′.

use super::forward::check_elementwise;
use super::{Destination, InEpilogue, Source, column_sums};
use crate::activation::{Activation, Elementwise, Identity, Relu};
use crate::error::{Error, check_length, check_rows_contiguous, check_shape};
use crate::gemm::epilogue::{Panel, Sink, TileOperation};
use crate::gemm::{Term, flops, multiply};
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::{Context, Parallelism};
use crate::simd::{Simd, for_each_vector, load, store};

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
        let work = Work {
            context,
            shape: (batch, inputs),
            term: Term::new(self.delta, self.weight_transposed),
            saved: self.saved.map_or(Source::NONE, Source::new),
            output: Destination::new(self.output.as_mut()),
            sums: Destination::vector(fused),
        };
        self.activation.with_loops(context.level, &mut |loops| {
            let activation = InEpilogue::new(self.activation, loops);
            context.level.dispatch(WithLoops { activation, work });
        });
        match separate {
            Some(sums) => column_sums(context, self.output.as_ref(), sums),
            None => Ok(()),
        }
    }
}

/// The checked arguments.
#[derive(Clone, Copy)]
struct Work {
    context: Context,
    shape: (usize, usize),
    term: Term<f32>,
    saved: Source,
    output: Destination,
    /// None where no column sums are wanted, as always on many threads.
    sums: Destination,
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
        let is_product = matches!(activation, InEpilogue::Identity) && work.sums.is_none();
        let operation = Slope {
            s,
            activation,
            saved: work.saved,
            output: work.output,
            sums: work.sums,
        };
        let sink = if is_product {
            Sink::Store(work.output.store())
        } else {
            Sink::Operation(&operation)
        };
        // SAFETY: the views are readable, the output and the sums writable, at
        // every index of the checked shapes; exclusive borrows keep what is
        // written apart from what is read; each tile writes its own elements,
        // and sums are written on one thread only.
        unsafe { multiply(s, work.shape, &[work.term], sink, work.context.parallelism) };
    }
}

/// δ = tile ⊙ act′(saved), and its column sums.
struct Slope<'a, S> {
    s: S,
    activation: InEpilogue<'a>,
    saved: Source,
    output: Destination,
    sums: Destination,
}

// SAFETY: the pointers are dereferenced in `apply` only, whose contract keeps
// threads apart where they write `output`; `sums` is none on many threads.
unsafe impl<S: Sync> Sync for Slope<'_, S> {}

impl<S: Simd> TileOperation<f32> for Slope<'_, S> {
    unsafe fn apply(&self, panel: Panel<f32>) {
        let (s, saved) = (self.s, self.saved);
        let (place, shape) = panel.rectangle();
        if !matches!(self.activation, InEpilogue::Identity) {
            saved.check(place, shape);
        }
        self.output.check(place, shape);
        self.sums.check(place, shape);
        // SAFETY: the panel is the call's own; `saved`, unless the identity ignores it,
        // the output and the sums have its rows and columns.
        unsafe {
            match self.activation {
                InEpilogue::Identity => {
                    finish_delta(s, panel, Identity, saved, self.output, self.sums);
                }
                InEpilogue::Relu => finish_delta(s, panel, Relu, saved, self.output, self.sums),
                InEpilogue::Loops(activation) => {
                    for i in 0..panel.rows {
                        let saved = saved.at(panel.row + i, panel.col);
                        let delta = panel.data.add(i * panel.stride);
                        activation.backward(
                            std::slice::from_raw_parts(saved, panel.cols),
                            std::slice::from_raw_parts_mut(delta, panel.cols),
                        );
                    }
                    finish_delta(s, panel, Identity, saved, self.output, self.sums);
                }
            }
        }
    }
}

/// δ = panel ⊙ act′(saved), which goes to its place in `output`, and its column sums,
/// which are added to `sums`, if they are wanted.
///
/// # Safety
/// `saved`, unless it is the identity, and `output` have the panel's rows and columns,
/// `sums` its columns.
#[inline(always)]
pub(super) unsafe fn finish_delta<S: Simd, A: Elementwise>(
    s: S,
    panel: Panel<f32>,
    activation: A,
    saved: Source,
    output: Destination,
    sums: Destination,
) {
    s.vectorize(
        #[inline(always)]
        || {
            // Copied to locals: the stores below could alias what the closure borrows.
            let (panel, saved, output, sums) = (panel, saved, output, sums);
            for_each_vector(
                s,
                panel.cols,
                #[inline(always)]
                |j, mask| {
                    let col = panel.col + j;
                    let mut column = if sums.is_none() {
                        s.splat(0.0)
                    } else {
                        // SAFETY: columns `col ..` of the sums, by mask.
                        unsafe { load(s, sums.at(0, col), mask) }
                    };
                    for i in 0..panel.rows {
                        let row = panel.row + i;
                        // SAFETY: the caller's contract, by mask.
                        unsafe {
                            let delta = panel.data.add(i * panel.stride + j);
                            let mut delta = load(s, delta.cast_const(), mask);
                            if !A::IS_IDENTITY {
                                let saved = load(s, saved.at(row, col), mask);
                                delta = s.mul(delta, activation.derivative(s, saved));
                            }
                            store(s, output.at(row, col), delta, mask);
                            column = s.add(column, delta);
                        }
                    }
                    if !sums.is_none() {
                        // SAFETY: as for the load.
                        unsafe { store(s, sums.at(0, col), column, mask) };
                    }
                },
            );
        },
    );
}
