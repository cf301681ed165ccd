//! GEMM at every level against the f64 reference and against matrixmultiply.

mod common;

use autoencoder_kernels::gemm::{Panels, gemm};
use autoencoder_kernels::reference::gemm::{element, product};
use autoencoder_kernels::{Context, Level, Mat, MatRef, Parallelism};
use common::{Guarded, Layout, bits, contexts, layout, noise, noisy, size, small_integer};
use proptest::prelude::*;

fn check_against_reference(
    context: Context,
    (alpha, beta): (f32, f32),
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    old: MatRef<'_, f32>,
    new: MatRef<'_, f32>,
) {
    for i in 0..a.rows() {
        for j in 0..b.cols() {
            let (want, bound, _) = element((alpha, beta), a, b, old, (i, j));
            let got = f64::from(new.get(i, j));
            assert!(
                (got - want).abs() <= bound,
                "{context:?} {:?}·{:?} α {alpha} β {beta}: C[{i}, {j}] = {got}, expected {want} ± {bound:e}",
                a.shape(),
                b.shape()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_level_matches_the_reference(
        (m, k, n) in (size(), size(), size()),
        layouts in (layout(), layout(), layout()),
        alpha in prop::sample::select(vec![1.0f32, 0.0, -0.75]),
        beta in prop::sample::select(vec![0.0f32, 1.0, 0.5]),
        seed: u64,
    ) {
        let a = Guarded::new(m, k, layouts.0, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, layouts.1, |i, j| noise(seed ^ 1, i, j));
        let old = Guarded::new(m, n, layouts.2, |i, j| {
            if beta == 0.0 { f32::NAN } else { noise(seed ^ 2, i, j) }
        });
        for context in contexts() {
            let mut c = old.clone();
            gemm(context, alpha, a.view(), b.view(), beta, c.view_mut()).unwrap();
            c.check_canaries();
            check_against_reference(context, (alpha, beta), a.view(), b.view(), old.view(), c.view());
        }
    }

    #[test]
    fn small_integers_give_the_same_bits_everywhere(
        (m, k, n) in (size(), size(), size()),
        layouts in (layout(), layout(), layout()),
        seed: u64,
    ) {
        let a = Guarded::new(m, k, layouts.0, |i, j| small_integer(seed, i, j));
        let b = Guarded::new(k, n, layouts.1, |i, j| small_integer(seed ^ 1, i, j));
        // The naive sum of integers, exact.
        let want: Vec<u32> = (0..m * n)
            .map(|at| (product(a.view(), b.view(), at / n, at % n).0 as f32 + 0.0).to_bits())
            .collect();
        for context in contexts() {
            let mut c = Guarded::new(m, n, layouts.2, |_, _| f32::NAN);
            gemm(context, 1.0, a.view(), b.view(), 0.0, c.view_mut()).unwrap();
            let got: Vec<u32> = c.bits().iter().map(|&x| (f32::from_bits(x) + 0.0).to_bits()).collect();
            prop_assert_eq!(&got, &want, "{:?}", context);
        }
    }

    #[test]
    fn matrixmultiply_agrees(
        (m, k, n) in (size(), size(), size()),
        layouts in (layout(), layout(), layout()),
        (alpha, beta) in (-2.0f32..2.0, prop::sample::select(vec![0.0f32, 1.0, -0.5])),
        seed: u64,
    ) {
        let a = Guarded::new(m, k, layouts.0, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, layouts.1, |i, j| noise(seed ^ 1, i, j));
        let mut ours = Guarded::new(m, n, layouts.2, |i, j| noise(seed ^ 2, i, j));
        let mut theirs = ours.clone();
        for (sgemm, c) in [
            (autoencoder_kernels::matrixmultiply::sgemm as unsafe fn(_, _, _, _, _, _, _, _, _, _, _, _, _, _), &mut ours),
            (matrixmultiply::sgemm as unsafe fn(_, _, _, _, _, _, _, _, _, _, _, _, _, _), &mut theirs),
        ] {
            let (a, b, mut c) = (a.view(), b.view(), c.view_mut());
            // SAFETY: the views are checked, and C is exclusively borrowed.
            unsafe {
                sgemm(
                    m, k, n, alpha,
                    a.as_ptr(), a.row_stride() as isize, a.col_stride() as isize,
                    b.as_ptr(), b.row_stride() as isize, b.col_stride() as isize,
                    beta,
                    c.as_mut_ptr(), c.row_stride() as isize, c.col_stride() as isize,
                );
            }
        }
        ours.check_canaries();
        for i in 0..m {
            for j in 0..n {
                let (x, y) = (ours.view().get(i, j), theirs.view().get(i, j));
                let bound = 1e-6 * (k as f32 + 4.0);
                prop_assert!((x - y).abs() <= bound, "C[{}, {}]: {} and {}", i, j, x, y);
            }
        }
    }
}

/// Beyond one block in every direction, with K in several parts.
#[test]
fn blocked_products_match_the_reference() {
    for (m, k, n, a_layout, b_layout) in [
        (
            70,
            2500,
            90,
            Layout::RowMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
        (
            130,
            1100,
            300,
            Layout::ColMajor { gap: 1 },
            Layout::ColMajor { gap: 0 },
        ),
        (
            2000,
            40,
            33,
            Layout::RowMajor { gap: 0 },
            Layout::RowMajor { gap: 3 },
        ),
        (
            1925,
            150,
            40,
            Layout::ColMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
        // A whose rows lie a multiple of 4 KB apart, in one part and in two; and one
        // whose p are no neighbours.
        (
            300,
            1024,
            260,
            Layout::RowMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
        (
            300,
            1100,
            260,
            Layout::RowMajor { gap: 948 },
            Layout::RowMajor { gap: 0 },
        ),
        (
            300,
            1100,
            260,
            Layout::ColMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
        // More rows than a block has, copied; and read where they lie, beside a packed B.
        (
            1930,
            1024,
            260,
            Layout::RowMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
        (
            2000,
            150,
            600,
            Layout::RowMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
        (
            13,
            300,
            2100,
            Layout::RowMajor { gap: 0 },
            Layout::ColMajor { gap: 0 },
        ),
        (
            100,
            3000,
            2049,
            Layout::RowMajor { gap: 0 },
            Layout::RowMajor { gap: 0 },
        ),
    ] {
        let a = Guarded::new(m, k, a_layout, |i, j| noise(1, i, j));
        let b = Guarded::new(k, n, b_layout, |i, j| noise(2, i, j));
        let old = Guarded::new(m, n, Layout::RowMajor { gap: 2 }, |i, j| noise(3, i, j));
        for context in contexts() {
            let mut c = old.clone();
            gemm(context, 0.5, a.view(), b.view(), -1.0, c.view_mut()).unwrap();
            c.check_canaries();
            // Every 7th row and 5th column, and the last ones.
            for i in (0..m).step_by(7).chain([m - 1]) {
                for j in (0..n).step_by(5).chain([n - 1]) {
                    let row = a.view().submatrix(i..i + 1, 0..k);
                    let col = b.view().submatrix(0..k, j..j + 1);
                    let at = |c: &Guarded| c.view().submatrix(i..i + 1, j..j + 1).to_owned();
                    check_against_reference(
                        context,
                        (0.5, -1.0),
                        row,
                        col,
                        at(&old).as_ref(),
                        at(&c).as_ref(),
                    );
                }
            }
        }
    }
}

/// An element's bits depend on its row of A and its column of B alone.
#[test]
fn elements_are_chains_whatever_surrounds_them() {
    let (m, k, n) = (300, 1500, 130);
    let (a, b) = (noisy(m, k, 1), noisy(k, n, 2));
    for &level in Level::available() {
        let context = Context::default().with_level(level);
        let mut whole = Mat::zeros(m, n);
        gemm(context, 1.0, a.as_ref(), b.as_ref(), 0.0, whole.as_mut()).unwrap();
        for (rows, cols) in [
            (0..1, 0..1),
            (17..30, 5..97),
            (299..300, 0..130),
            (0..300, 129..130),
        ] {
            let mut part = Mat::zeros(rows.len(), cols.len());
            let (left, right) = (
                a.as_ref().submatrix(rows.clone(), 0..k),
                b.as_ref().submatrix(0..k, cols.clone()),
            );
            gemm(context, 1.0, left, right, 0.0, part.as_mut()).unwrap();
            assert_eq!(
                bits(part.as_ref()),
                bits(whole.as_ref().submatrix(rows, cols)),
                "{level}"
            );
        }
        // (A·B)ᵀ = Bᵀ·Aᵀ
        let mut transposed = Mat::zeros(n, m);
        let (bt, at) = (b.as_ref().transpose(), a.as_ref().transpose());
        gemm(context, 1.0, bt, at, 0.0, transposed.as_mut()).unwrap();
        assert_eq!(
            bits(transposed.as_ref().transpose()),
            bits(whole.as_ref()),
            "{level}"
        );
    }
}

#[cfg(feature = "parallel")]
#[test]
fn thread_count_never_changes_a_bit() {
    let shapes = [
        (256, 784, 32),
        (784, 256, 33),
        (65, 2100, 200),
        (500, 40, 784),
        // Rows of A that a task packs for itself, and that are packed before.
        (800, 1024, 260),
        (500, 1024, 260),
    ];
    for &level in Level::available() {
        let context = Context::default().with_level(level);
        for (m, k, n) in shapes {
            let (a, b) = (noisy(m, k, 1), noisy(k, n, 2));
            let run = |context: Context| {
                let mut c = Mat::zeros(m, n);
                gemm(context, 1.0, a.as_ref(), b.as_ref(), 0.0, c.as_mut()).unwrap();
                bits(c.as_ref())
            };
            let serial = run(context.with_parallelism(Parallelism::Serial));
            for threads in [1, 2, 3, 7, 64] {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                assert!(
                    pool.install(|| run(context)) == serial,
                    "{level} {threads} {m} {k} {n}"
                );
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let mat = |rows, cols| Mat::<f32>::zeros(rows, cols);
    let context = Context::default();
    let run = |a: Mat<f32>, b: Mat<f32>, mut c: Mat<f32>| {
        gemm(context, 1.0, a.as_ref(), b.as_ref(), 0.0, c.as_mut())
    };
    let error = run(mat(2, 3), mat(4, 5), mat(2, 5)).unwrap_err();
    assert_eq!(error.to_string(), "B is 4 × 5, expected 3 × 5");
    assert!(run(mat(2, 3), mat(3, 5), mat(2, 4)).is_err());
    assert!(run(mat(2, 0), mat(0, 5), mat(2, 5)).is_ok());
}

/// A packed right operand, in parts of K and blocks of columns too: the same bits,
/// wherever the matrix lies that it was packed from.
#[test]
fn panels_have_the_bits_of_the_matrix() {
    for &level in Level::available() {
        for parallelism in [Parallelism::Serial, Parallelism::Pool] {
            let context = Context::default()
                .with_level(level)
                .with_parallelism(parallelism);
            for (m, k, n) in [
                (1, 1, 1),
                (3, 0, 5),
                (0, 3, 5),
                (5, 3, 0),
                (13, 17, 31),
                (40, 70, 33),
                (40, 70, 42),
                (40, 70, 49),
                (33, 9, 50),
                (25, 1030, 65),
                (14, 3, 2100),
                (30, 2050, 2081),
            ] {
                let a = Mat::from_fn(m, k, |i, j| noise(1, i, j));
                for layout in [Layout::RowMajor { gap: 3 }, Layout::ColMajor { gap: 1 }] {
                    let b = Guarded::new(k, n, layout, |i, j| noise(2, i, j));
                    let mut panels = Panels::try_new(k, n).unwrap();
                    panels.pack(context, b.view()).unwrap();
                    let [with, without] = [b.view().with_panels(&panels), b.view()].map(|b| {
                        let mut c =
                            Guarded::new(m, n, Layout::RowMajor { gap: 2 }, |_, _| f32::NAN);
                        gemm(context, 1.0, a.as_ref(), b, 0.0, c.view_mut()).unwrap();
                        c.check_canaries();
                        c.bits()
                    });
                    assert_eq!(with, without, "{context:?} {m}×{k}×{n}");
                }
            }
        }
    }
}

/// One column or two beyond whole vectors are computed with the rows along the
/// lanes: with the bits that each row has alone.
#[test]
fn narrow_columns_have_the_bits_of_single_rows() {
    for context in contexts() {
        for (m, k, n) in [
            (32, 1, 1),
            (33, 7, 2),
            (47, 8, 17),
            (48, 9, 18),
            (49, 40, 33),
            (97, 0, 34),
            (100, 1000, 9),
            (300, 31, 10),
            (400, 500, 49),
            // Beside a large A that is read where it lies.
            (600, 500, 257),
        ] {
            for (layout, beta) in [
                (Layout::RowMajor { gap: 3 }, 0.0),
                (Layout::ColMajor { gap: 1 }, 0.5),
            ] {
                let a = Guarded::new(m, k, Layout::RowMajor { gap: 5 }, |i, j| noise(1, i, j));
                let b = Guarded::new(k, n, layout, |i, j| noise(2, i, j));
                let fill = |i: usize, j: usize| match beta {
                    0.0 => f32::NAN,
                    _ => noise(3, i, j),
                };
                let mut c = Guarded::new(m, n, Layout::RowMajor { gap: 2 }, fill);
                let mut expected = Mat::from_fn(m, n, fill);
                gemm(context, 1.5, a.view(), b.view(), beta, c.view_mut()).unwrap();
                c.check_canaries();
                for i in 0..m {
                    let row = a.view().submatrix(i..i + 1, 0..k);
                    let to = expected.as_mut().submatrix(i..i + 1, 0..n);
                    gemm(context, 1.5, row, b.view(), beta, to).unwrap();
                }
                let shape = format!("{context:?} {m}×{k}×{n} {layout:?}");
                assert_eq!(c.bits(), bits(expected.as_ref()), "{shape}");
            }
        }
    }
}
