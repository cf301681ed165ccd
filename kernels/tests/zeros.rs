//! Products that leave out zeros have the bits of those that do not, and do leave
//! them out.

mod common;

use autoencoder_kernels::dense::{BackwardWeight, Decay, Forward, UpdateWeight};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::optimizer::OptimizerState;
use autoencoder_kernels::{Activation, Mat, Optimizer};
use common::{Guarded, Layout, bits, contexts, layout, noise, size};
use proptest::prelude::*;

/// Zero but in patches, as images on a black ground are, of `patch` rows and
/// columns; every `every`th patch is not.
fn patchy(seed: u64, patch: usize, every: u64) -> impl Fn(usize, usize) -> f32 {
    move |i, j| {
        let place = noise(seed ^ 7, i / patch, j / patch).to_bits();
        if u64::from(place >> 3).is_multiple_of(every) {
            noise(seed, i, j)
        } else {
            0.0
        }
    }
}

/// Behind the last product that is not left out, and where a tile has fewer rows than
/// lists, lists hold whatever the workspace did, which is nobody's product.
#[test]
fn what_the_workspace_held_is_no_product() {
    for context in contexts() {
        for garbage in [0, 0x7fff_7fff, 0x8000_8000, 0xffff_ffff].map(f32::from_bits) {
            // Transposed, so that it is packed to the workspace.
            let many = Guarded::new(512, 512, Layout::ColMajor { gap: 0 }, |_, _| garbage);
            let mut c = Mat::zeros(512, 512);
            gemm(context, 1.0, many.view(), many.view(), 0.0, c.as_mut()).unwrap();

            // The last vector has no zero in the place of which to write.
            for rows in [40, 13, 5, 1] {
                let a = Mat::from_fn(rows, 96, |i, j| if j < 80 { 0.0 } else { noise(1, i, j) });
                let b = Mat::from_fn(96, 50, |i, j| noise(2, i, j));
                let [with, without] = [a.as_ref().skip_zeros(), a.as_ref()].map(|a| {
                    let mut c = Mat::zeros(rows, 50);
                    gemm(context, 1.0, a, b.as_ref(), 0.0, c.as_mut()).unwrap();
                    bits(c.as_ref())
                });
                assert_eq!(with, without, "{context:?}, {rows} rows");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products_have_the_same_bits(
        (m, k, n) in (size(), size(), size()),
        layouts in (layout(), layout()),
        patch in 1usize..20,
        every in 1u64..12,
        seed: u64,
    ) {
        let a = Guarded::new(m, k, layouts.0, patchy(seed, patch, every));
        let b = Guarded::new(k, n, layouts.1, |i, j| noise(seed ^ 1, i, j));
        for context in contexts() {
            let [with, without] = [a.view().skip_zeros(), a.view()].map(|a| {
                let mut c = Guarded::new(m, n, Layout::RowMajor { gap: 3 }, |_, _| f32::NAN);
                gemm(context, 1.0, a, b.view(), 0.0, c.view_mut()).unwrap();
                c.check_canaries();
                c.bits()
            });
            prop_assert_eq!(with, without, "{:?}", context);
        }
    }

    #[test]
    fn layers_have_the_same_bits(
        (batch, inputs, outputs) in (size(), size(), size()),
        patch in 1usize..20,
        every in 1u64..12,
        seed: u64,
    ) {
        let rows = Layout::RowMajor { gap: 2 };
        let x = Guarded::new(batch, inputs, rows, patchy(seed, patch, every));
        let weight = Mat::from_fn(inputs, outputs, |i, j| noise(seed ^ 1, i, j));
        let delta = Mat::from_fn(batch, outputs, |i, j| noise(seed ^ 2, i, j));
        let bias: Vec<f32> = (0..outputs).map(|j| noise(seed ^ 3, 0, j)).collect();
        for context in contexts() {
            let results = [x.view().skip_zeros(), x.view()].map(|x| {
                let mut y = Guarded::new(batch, outputs, rows, |_, _| f32::NAN);
                let forward = Forward {
                    x,
                    weight: weight.as_ref(),
                    bias: Some(&bias),
                    activation: Activation::Sigmoid,
                    output: y.view_mut(),
                    pre_activation: None,
                };
                forward.run(context).unwrap();
                y.check_canaries();
                let mut gradient = Guarded::new(inputs, outputs, rows, |_, _| f32::NAN);
                // The second pair is dense.
                let terms = [(x, delta.as_ref()), (x.submatrix(0..batch / 2, 0..inputs),
                    delta.as_ref().submatrix(0..batch / 2, 0..outputs))];
                let backward = BackwardWeight { terms: &terms, gradient: gradient.view_mut() };
                backward.run(context).unwrap();
                gradient.check_canaries();
                let optimizer = Optimizer::adam_keras();
                let mut updated = weight.clone();
                let mut state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
                let update = UpdateWeight {
                    terms: &terms,
                    weight: updated.as_mut(),
                    state: &mut state,
                    optimizer,
                    learning_rate: 0.01,
                    step: 1,
                    decay: Decay { all: 0.0, columns: None },
                };
                update.run(context).unwrap();
                (y.bits(), gradient.bits(), bits(updated.as_ref()))
            });
            prop_assert_eq!(&results[0], &results[1], "{:?}", context);
        }
    }
}

/// Sums in parts, packed operands, more rows than a block has.
#[test]
fn large_products_have_the_same_bits() {
    for (m, k, n) in [
        (300, 2500, 70),
        (300, 900, 260),
        (2000, 300, 17),
        // Rows of A that are copied: by a region of their own, and by each task.
        (300, 1024, 260),
        (800, 1024, 260),
        (13, 1025, 1),
    ] {
        let x = Mat::from_fn(m, k, patchy(1, 9, 5));
        let turned = Mat::from_fn(k, m, |i, j| x.as_slice()[j * k + i]);
        let b = Mat::from_fn(k, n, |i, j| noise(2, i, j));
        for context in contexts() {
            let product = |a| {
                let mut c = Mat::from_fn(m, n, |_, _| f32::NAN);
                gemm(context, 1.0, a, b.as_ref(), 0.0, c.as_mut()).unwrap();
                bits(c.as_ref())
            };
            let want = product(x.as_ref());
            assert_eq!(
                product(x.as_ref().skip_zeros()),
                want,
                "{context:?} {m}×{k}×{n}"
            );
            let turned = turned.as_ref().skip_zeros().transpose();
            assert_eq!(
                product(turned),
                want,
                "{context:?} {m}×{k}×{n}, A transposed"
            );
        }
    }
}

/// What A's zeros meet is not read where the hint is given: NaN shows that. What
/// other elements meet is.
#[test]
fn zeros_are_left_out() {
    let (m, k, n) = (50, 200, 40);
    // Lower rows are 0 too, so that the first row and the first column, of which
    // one is looked at, both have zeros.
    let (dark, lit_rows) = (|p: usize| (60..170).contains(&p), 25);
    let value = |i: usize, p: usize| {
        if dark(p) || i >= lit_rows {
            0.0
        } else {
            noise(1, i, p)
        }
    };
    let row_major = Mat::from_fn(m, k, value);
    let col_major = Mat::from_fn(k, m, |p, i| value(i, p));
    for context in contexts() {
        for a in [row_major.as_ref(), col_major.as_ref().transpose()] {
            let product = |skip: bool, nan: &dyn Fn(usize) -> bool| {
                let value = |p: usize, j: usize| if nan(p) { f32::NAN } else { noise(2, p, j) };
                let b = Mat::from_fn(k, n, value);
                let a = if skip { a.skip_zeros() } else { a };
                let mut c = Mat::zeros(m, n);
                gemm(context, 1.0, a, b.as_ref(), 0.0, c.as_mut()).unwrap();
                c
            };
            let want = product(false, &|_| false);
            assert_eq!(product(true, &dark), want, "{context:?}");
            let lit_are_nan = |c: Mat<f32>| c.as_slice()[..lit_rows * n].iter().all(|x| x.is_nan());
            assert!(lit_are_nan(product(false, &dark)), "{context:?}");
            assert!(lit_are_nan(product(true, &|p| p == 59)), "{context:?}");
            assert!(lit_are_nan(product(true, &|p| p == 170)), "{context:?}");
        }
    }
}
