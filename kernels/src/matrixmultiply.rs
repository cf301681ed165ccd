//! A drop-in for the `matrixmultiply` crate's `sgemm`: the same signature, the
//! same contract, on the kernels of this crate.

use crate::extent::Extent;
use crate::gemm::{Output, Term, gemm_raw};
use crate::parallel::Context;

/// C = α·A·B + β·C for raw matrices: A is m × k, B is k × n, C is m × n;
/// element (i, j) of X lies at `x + i·rsx + j·csx`, and strides may be
/// negative. β = 0 never reads C; α = 0 reads A and B, see
/// [`gemm`](crate::gemm::gemm()). Threads come from the current rayon pool.
///
/// # Safety
/// * A and B are readable, and C is writable (and, unless β = 0, readable), at
///   every index in range.
/// * No two indices of C reach one element, and C overlaps neither A nor B.
/// * Nobody else writes A or B, or touches C, during the call.
///
/// # Panics
/// In debug builds, if two indices of C obviously reach one element: a stride
/// of 0 in a dimension longer than 1.
// The signature is the other crate's.
#[expect(clippy::too_many_arguments, reason = "matrixmultiply's signature")]
pub unsafe fn sgemm(
    m: usize,
    k: usize,
    n: usize,
    alpha: f32,
    a: *const f32,
    rsa: isize,
    csa: isize,
    b: *const f32,
    rsb: isize,
    csb: isize,
    beta: f32,
    c: *mut f32,
    rsc: isize,
    csc: isize,
) {
    debug_assert!(m == 0 || n == 0 || ((m == 1 || rsc != 0) && (n == 1 || csc != 0)));
    let term = Term {
        a,
        a_strides: (rsa, csa),
        b,
        b_strides: (rsb, csb),
        k,
        skips_zeros: false,
        a_extent: Extent::new(a, (m, k), (rsa, csa)),
        b_extent: Extent::new(b, (k, n), (rsb, csb)),
        panels: None,
    };
    let output = Output {
        c,
        row_stride: rsc,
        col_stride: csc,
        alpha,
        beta,
    };
    // SAFETY: the caller's contract is `gemm_raw`'s.
    unsafe { gemm_raw(Context::default(), (m, n), term, output) }
}
