//! Views and products.

use std::collections::HashSet;

use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::reference::gemm::scaled;
use autoencoder_kernels::{Context, MatMut, MatRef};

use super::bytes::{Bytes, contexts};
use super::guarded::{Guarded, Values};

/// C = α·A·B + β·C for shapes, strides, factors and numbers made of the bytes,
/// at every level, on one thread and on the pool:
///
/// - each element is within the error bound of the f64 reference, and NaN if it
///   depends on a NaN;
/// - nothing round C is written, and C is not read if β = 0;
/// - threads change no bit, levels none where all sums are exact;
/// - a view is made exactly if all that it reaches is there, and a mutable one
///   reaches nothing twice; no shape and no strides make anything panic.
pub fn check_gemm(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    if bytes.byte() % 4 == 3 {
        check_views(&mut bytes);
    } else {
        check_product(&mut bytes);
    }
}

fn check_product(bytes: &mut Bytes<'_>) {
    let [m, k, n] = bytes.sizes();
    let (alpha, beta) = (bytes.factor(), bytes.factor());
    let values = bytes.values();
    let layouts = [bytes.layout(), bytes.layout(), bytes.layout()];
    let seed = bytes.seed();
    let nan = (bytes.flag() && m * k > 0).then(|| (seed as usize % m, seed as usize / m % k));
    // A with patches of zeros, which may be left out.
    let patch = usize::from(bytes.byte());
    let is_zero = |i, j| {
        let noise = |patch| Values::Noise.at(seed ^ 3, i / patch, j / patch);
        patch > 0 && noise(patch) < 0.5
    };
    let a = Guarded::new((m, k), layouts[0], |i, j| {
        if nan == Some((i, j)) {
            f32::NAN
        } else if is_zero(i, j) {
            0.0
        } else {
            values.at(seed, i, j)
        }
    });
    let a_view = if patch > 0 {
        a.view().skip_zeros()
    } else {
        a.view()
    };
    let b = Guarded::random((k, n), layouts[1], values, seed ^ 1);
    let old = if beta == 0.0 {
        Guarded::unread((m, n), layouts[2])
    } else {
        Guarded::random((m, n), layouts[2], values, seed ^ 2)
    };
    let expected = expected((alpha, beta), a.view(), b.view(), old.view());
    let mut serial: Option<(Context, Vec<u32>)> = None;
    let mut exact: Option<Vec<u32>> = None;
    for context in contexts() {
        let mut c = old.clone();
        gemm(context, alpha, a_view, b.view(), beta, c.view_mut()).expect("the shapes fit");
        let bits = c.bits();
        let about = || format!("{context:?} {m} × {k} × {n}, α {alpha}, β {beta}, {layouts:?}");
        for (at, (&bits, &(want, bound))) in bits.iter().zip(&expected).enumerate() {
            let got = f64::from(f32::from_bits(bits));
            let good = if want.is_nan() {
                got.is_nan()
            } else {
                (got - want).abs() <= bound
            };
            let (i, j) = (at / n, at % n);
            assert!(
                good,
                "{}: C[{i}, {j}] is {got}, expected {want} ± {bound:e}",
                about()
            );
        }
        match &serial {
            Some((other, same)) if other.level == context.level => {
                assert!(*same == bits, "{}: bits differ from {other:?}", about());
            }
            _ => serial = Some((context, bits.clone())),
        }
        if values == Values::SmallIntegers && (alpha, beta) == (1.0, 0.0) {
            let same = exact.get_or_insert_with(|| bits.clone());
            assert!(*same == bits, "{}: bits differ between levels", about());
        }
    }
}

/// Each element of α·A·B + β·C as `reference::gemm::element` has it, and its bound.
/// A million terms one at a time, each looked at by the sanitizer and the fuzzer,
/// would take a second: these are slices' products.
fn expected(
    factors: (f32, f32),
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    c: MatRef<'_, f32>,
) -> Vec<(f64, f64)> {
    let (a, columns, c) = (a.to_owned(), b.transpose().to_owned(), c.to_owned());
    let mut expected = Vec::with_capacity(c.rows() * c.cols());
    for i in 0..c.rows() {
        for j in 0..c.cols() {
            let (mut sum, mut magnitude) = (0.0, 0.0);
            for (&x, &y) in a.row(i).iter().zip(columns.row(j)) {
                let term = f64::from(x) * f64::from(y);
                sum += term;
                magnitude += term.abs();
            }
            // β = 0 does not read C.
            let c = if factors.1 == 0.0 { 0.0 } else { c.row(i)[j] };
            let (want, error, _) = scaled(factors, a.cols(), (sum, magnitude), c);
            expected.push((want, error));
        }
    }
    expected
}

/// Views of a few numbers with sizes and strides up to the largest there are.
fn check_views(bytes: &mut Bytes<'_>) {
    const SIZES: [usize; 12] = [
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        12,
        1 << 31,
        1 << 62,
        usize::MAX / 2 + 1,
        usize::MAX,
    ];
    let [m, k, n] = [(); 3].map(|()| bytes.pick(&SIZES));
    let mut strides = || (bytes.pick(&SIZES), bytes.pick(&SIZES));
    let (a_strides, b_strides, c_strides) = (strides(), strides(), strides());
    let (one, two) = ([1.0f32; 64], [2.0f32; 64]);
    let mut three = [3.0f32; 64];
    let a = MatRef::with_strides(&one, m, k, a_strides.0, a_strides.1);
    let b = MatRef::with_strides(&two, k, n, b_strides.0, b_strides.1);
    for (view, shape, strides) in [(&a, (m, k), a_strides), (&b, (k, n), b_strides)] {
        let inside = last(shape, strides).is_none_or(|last| last < 64);
        assert!(view.is_ok() == inside, "{shape:?} {strides:?}: {view:?}");
    }
    let c = MatMut::with_strides(&mut three, m, n, c_strides.0, c_strides.1);
    let Ok(mut c) = c else {
        let whole = c_strides.1 == 1 && c_strides.0 >= n;
        let inside = last((m, n), c_strides).is_none_or(|last| last < 64);
        assert!(!(whole && inside), "{m} × {n}, {c_strides:?} was refused");
        return;
    };
    let mut reached = HashSet::new();
    if m > 0 && n > 0 {
        for i in 0..m {
            for j in 0..n {
                let at = i * c_strides.0 + j * c_strides.1;
                assert!(at < 64 && reached.insert(at), "{m} × {n}, {c_strides:?}");
            }
        }
    }
    let (Ok(a), Ok(b)) = (a, b) else { return };
    // A stride of 0 makes long sums of few numbers.
    if k <= 12 || m == 0 || n == 0 {
        for context in contexts() {
            gemm(context, 1.0, a, b, 0.0, c.as_mut()).expect("the shapes fit");
        }
        for (at, x) in three.into_iter().enumerate() {
            let sum = 2.0 * k as f32;
            let want = if reached.contains(&at) { sum } else { 3.0 };
            assert!(x == want, "{m} × {k} × {n}, element {at} is {x}");
        }
    }
}

/// The largest index of a view, `u128::MAX` where it is beyond that; none of an
/// empty one.
fn last((rows, cols): (usize, usize), (row, col): (usize, usize)) -> Option<u128> {
    let [rows, cols, row, col] = [rows, cols, row, col].map(|x| x as u128);
    (rows > 0 && cols > 0).then(|| ((rows - 1) * row).saturating_add((cols - 1) * col))
}
