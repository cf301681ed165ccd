//! General matrix multiplication: C = α·A·B + β·C.
//!
//! | file | purpose |
//! |---|---|
//! | `blocked.rs` | the loops, from the outermost: blocks of C, parts of K |
//! | `part.rs` | what a part packs and lists before its parallel tasks |
//! | `task.rs` | one of these: tiles, panels of them, strips beside them |
//! | `plan.rs` | how a product is cut, and what is packed |
//! | `term.rs` | its operands |
//! | `tile.rs` | the micro-kernel, generic over level and element |
//! | `listed.rs` | its loop where A is mostly zeros, and the rows that share a list |
//! | `narrow.rs` | the same for columns too few to fill a vector |
//! | `epilogue.rs` | what happens to a finished tile while it is in registers or L1 |
//! | `pack.rs` | copies of operands that are read without missing the caches |
//! | `panels.rs` | a matrix that is laid out so once, for many products |
//! | `steps.rs` | which products those are: lists of where A is not 0 |

mod blocked;
pub(crate) mod epilogue;
mod listed;
mod narrow;
mod pack;
mod panels;
mod part;
mod plan;
mod steps;
mod task;
mod term;
mod tile;

pub(crate) use blocked::multiply;
pub use panels::Panels;
pub(crate) use term::Term;

use crate::error::{Error, check_shape};
use crate::extent::Extent;
use crate::level::Kernel;
use crate::mat::{MatMut, MatRef};
use crate::parallel::{Context, Parallelism};
use crate::simd::Simd;
use epilogue::{Sink, Store, StoreStrided};

/// C = α·A·B + β·C, for A m × k, B k × n and C m × n in any strides.
///
/// β = 0 overwrites C and never reads it, so that C may hold NaN. k = 0 makes
/// the product 0. Each element of A·B is a single chain of multiply-adds in
/// the order of k: its bits depend on A's row, B's column and the level alone,
/// neither on m and n nor on the number of threads. α, β and the sum are rounded
/// one after another, wherever C lies. So (α·A·B + β·C)ᵀ and α·Bᵀ·Aᵀ + β·Cᵀ have
/// the same bits.
///
/// # Numbers
/// An element of A·B is off by at most γ_k·|A|·|B|, with γ_k = k·u/(1 − k·u) and
/// u = 2⁻²⁴, and by k subnormal steps; α, β and the sum add a rounding each. It
/// is [`element`](crate::reference::gemm::element) that tells this bound, and
/// the tests assert it, up to k = 10⁵ and for magnitudes from subnormal to 10³⁰.
///
/// Sums that overflow become ±∞ or NaN. ∞ and NaN in A, B, α, or, unless β = 0,
/// in C and β, have the results of IEEE arithmetic. α = 0 is no exception: A and
/// B are read, and an element that depends on their NaN or ∞ is NaN. (BLAS would
/// not read them; `matrixmultiply` does.)
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
///
/// ```
/// use autoencoder_kernels::{Context, Mat, gemm::gemm};
///
/// let a = Mat::from_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let b = Mat::from_slice(3, 1, &[1.0, 0.0, -1.0])?;
/// let mut c = Mat::zeros(2, 1);
/// gemm(Context::default(), 1.0, a.as_ref(), b.as_ref(), 0.0, c.as_mut())?;
/// assert_eq!(c.as_slice(), [-2.0, -2.0]);
/// # Ok::<(), autoencoder_kernels::Error>(())
/// ```
pub fn gemm(
    context: Context,
    alpha: f32,
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    beta: f32,
    mut c: MatMut<'_, f32>,
) -> Result<(), Error> {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    check_shape("B", b.shape(), (k, n))?;
    check_shape("C", c.shape(), (m, n))?;
    let output = Output {
        c: c.as_mut_ptr(),
        row_stride: c.row_stride() as isize,
        col_stride: c.col_stride() as isize,
        alpha,
        beta,
    };
    // SAFETY: views are readable (C writable) at every index in range, C
    // reaches no element twice, and its exclusive borrow keeps it apart from A
    // and B.
    unsafe { gemm_raw(context, (m, n), Term::new(a, b), output) };
    Ok(())
}

/// Floating-point operations of an m × k × n product. Saturates: where one
/// dimension is 0, no memory bounds the others.
pub(crate) fn flops((m, n): (usize, usize), k: usize) -> usize {
    m.saturating_mul(n).saturating_mul(k).saturating_mul(2)
}

/// Where a product goes.
pub(crate) struct Output {
    pub(crate) c: *mut f32,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
    pub(crate) alpha: f32,
    pub(crate) beta: f32,
}

/// [`gemm`] on raw operands with any strides, negative ones too.
///
/// # Safety
/// The term is readable, and C writable (and readable unless β = 0), at every
/// index in range of an m × n product; no two elements of C are one; C
/// overlaps neither A nor B; nobody else writes A and B or touches C meanwhile.
pub(crate) unsafe fn gemm_raw(
    context: Context,
    (mut m, mut n): (usize, usize),
    mut term: Term<f32>,
    mut output: Output,
) {
    // Vectors run along C's columns. Where its rows are the neighbours,
    // Cᵀ = Bᵀ·Aᵀ is computed in its place.
    let along_rows = output.row_stride == 1 || m == 1;
    if output.col_stride != 1 && n > 1 && along_rows {
        term = Term {
            a: term.b,
            a_strides: (term.b_strides.1, term.b_strides.0),
            b: term.a,
            b_strides: (term.a_strides.1, term.a_strides.0),
            k: term.k,
            skips_zeros: false,
            a_extent: term.b_extent,
            b_extent: term.a_extent,
            panels: None,
        };
        (m, n) = (n, m);
        (output.row_stride, output.col_stride) = (output.col_stride, output.row_stride);
    }
    let context = context.for_work(flops((m, n), term.k));
    context.level.dispatch(Product {
        m,
        n,
        term,
        output,
        parallelism: context.parallelism,
    });
}

struct Product {
    m: usize,
    n: usize,
    term: Term<f32>,
    output: Output,
    parallelism: Parallelism,
}

impl Kernel for Product {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Output {
            c,
            row_stride,
            col_stride,
            alpha,
            beta,
        } = self.output;
        let (shape, terms) = ((self.m, self.n), [self.term]);
        let beta = (beta != 0.0).then_some(beta);
        let extent = Extent::new(c, shape, (row_stride, col_stride));
        // SAFETY: `gemm_raw`'s contract is `multiply`'s; the epilogues write
        // the m × n elements of C, each once.
        unsafe {
            if col_stride == 1 || self.n == 1 {
                let plain = alpha == 1.0 && beta.is_none();
                let store = Store {
                    c,
                    row_stride,
                    alpha,
                    beta,
                    plain,
                    extent,
                };
                multiply(s, shape, &terms, Sink::Store(store), self.parallelism);
            } else {
                let store = StoreStrided {
                    c,
                    row_stride,
                    col_stride,
                    alpha,
                    beta,
                    extent,
                };
                let sink = Sink::Operation(&store);
                multiply(s, shape, &terms, sink, self.parallelism);
            }
        }
    }
}
