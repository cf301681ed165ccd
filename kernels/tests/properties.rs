//! What holds for products and layers whatever the numbers: linearity,
//! transposition, permutation, and levels that agree within the error bound.

mod common;

use autoencoder_kernels::dense::Forward;
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::reference::gemm::{product, product_error};
use autoencoder_kernels::{Activation, Context, Level, Mat, MatRef};
use common::{Guarded, Layout, bits, contiguous_rows, layout, noise, size};
use proptest::prelude::*;

/// Rounding error of one operation in f32, relative.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

fn contexts() -> impl Iterator<Item = Context> {
    let levels = Level::available().iter();
    levels.map(|&level| Context::default().with_level(level))
}

/// A·B in memory of this layout.
fn multiply(context: Context, a: &Guarded, b: &Guarded, to: Layout) -> Guarded {
    let mut c = Guarded::new(a.view().rows(), b.view().cols(), to, |_, _| f32::NAN);
    gemm(context, 1.0, a.view(), b.view(), 0.0, c.view_mut()).unwrap();
    c
}

fn shapes() -> impl Strategy<Value = (usize, usize, usize)> {
    (size(), size(), size())
}

fn layouts() -> impl Strategy<Value = [Layout; 3]> {
    [layout(), layout(), layout()]
}

/// The numbers below `len` in an order that depends on the seed.
fn permutation(len: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by(|&i, &j| noise(seed, i, 1).total_cmp(&noise(seed, j, 1)));
    order
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is rounded when all exponents grow by the same number.
    #[test]
    fn powers_of_two_scale_products_exactly(
        (m, k, n) in shapes(),
        [of_a, of_b, of_c] in layouts(),
        power in -20i32..=20,
        seed: u64,
    ) {
        let scale = 2f32.powi(power);
        let a = Guarded::new(m, k, of_a, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 1, i, j));
        let scaled_a = Guarded::new(m, k, of_a, |i, j| scale * noise(seed, i, j));
        let scaled_b = Guarded::new(k, n, of_b, |i, j| scale * noise(seed ^ 1, i, j));
        for context in contexts() {
            let c = multiply(context, &a, &b, of_c).bits();
            let want: Vec<u32> = c.iter().map(|&x| (scale * f32::from_bits(x)).to_bits()).collect();
            prop_assert_eq!(&multiply(context, &scaled_a, &b, of_c).bits(), &want, "{:?}", context);
            prop_assert_eq!(&multiply(context, &a, &scaled_b, of_c).bits(), &want, "{:?}", context);
            let mut by_alpha = Guarded::new(m, n, of_c, |_, _| f32::NAN);
            gemm(context, scale, a.view(), b.view(), 0.0, by_alpha.view_mut()).unwrap();
            prop_assert_eq!(&by_alpha.bits(), &want, "{:?}", context);
        }
    }

    /// A·(B + λD) = A·B + λ·A·D within the bounds of the three products.
    #[test]
    fn products_are_linear_within_the_bound(
        (m, k, n) in shapes(),
        [of_a, of_b, of_c] in layouts(),
        factor in -2.0f32..2.0,
        seed: u64,
    ) {
        let at = |seed: u64, i, j| f64::from(noise(seed, i, j));
        let lambda = f64::from(factor);
        let a = Guarded::new(m, k, of_a, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 1, i, j));
        let d = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 2, i, j));
        let sum = Guarded::new(k, n, of_b, |i, j| {
            (at(seed ^ 1, i, j) + lambda * at(seed ^ 2, i, j)) as f32
        });
        for context in contexts() {
            let [of_sum, of_b, of_d] = [&sum, &b, &d].map(|b| multiply(context, &a, b, of_c));
            for i in 0..m {
                for j in 0..n {
                    let get = |c: &Guarded| f64::from(c.view().get(i, j));
                    let error = |b: &Guarded| {
                        let (_, magnitude) = product(a.view(), b.view(), i, j);
                        (product_error(k, magnitude), magnitude)
                    };
                    let (for_sum, magnitude) = error(&sum);
                    // B + λD has been rounded once.
                    let bound = for_sum + UNIT * magnitude
                        + error(&b).0
                        + lambda.abs() * error(&d).0;
                    let difference = get(&of_sum) - get(&of_b) - lambda * get(&of_d);
                    prop_assert!(difference.abs() <= bound, "C[{i}, {j}]: {difference} > {bound}, {context:?}");
                }
            }
        }
    }

    /// (α·A·B + β·C)ᵀ = α·Bᵀ·Aᵀ + β·Cᵀ, bit for bit, wherever all of them lie.
    #[test]
    fn transposed_products_have_the_same_bits(
        (m, k, n) in shapes(),
        [of_a, of_b, of_c] in layouts(),
        of_transposed in layout(),
        alpha in prop::sample::select(vec![1.0f32, -0.7]),
        beta in prop::sample::select(vec![0.0f32, 1.0, 0.3]),
        seed: u64,
    ) {
        let a = Guarded::new(m, k, of_a, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 1, i, j));
        for context in contexts() {
            let mut c = Guarded::new(m, n, of_c, |i, j| noise(seed ^ 2, i, j));
            let mut t = Guarded::new(n, m, of_transposed, |j, i| noise(seed ^ 2, i, j));
            gemm(context, alpha, a.view(), b.view(), beta, c.view_mut()).unwrap();
            let (bt, at) = (b.view().transpose(), a.view().transpose());
            gemm(context, alpha, bt, at, beta, t.view_mut()).unwrap();
            prop_assert_eq!(bits(t.view().transpose()), c.bits(), "{:?}", context);
        }
    }

    /// Rows of A and columns of B in another order are those of C in that order,
    /// bit for bit; fused with bias and activation too.
    #[test]
    fn rows_and_columns_keep_their_bits_in_any_order(
        (m, k, n) in shapes(),
        [of_a, of_b, _] in layouts(),
        of_c in contiguous_rows(),
        activation in elementwise(),
        seed: u64,
    ) {
        let (rows, cols) = (permutation(m, seed), permutation(n, seed ^ 1));
        let a = Guarded::new(m, k, of_a, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 1, i, j));
        let moved_a = Guarded::new(m, k, of_a, |i, j| noise(seed, rows[i], j));
        let moved_b = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 1, i, cols[j]));
        let bias: Vec<f32> = (0..n).map(|j| noise(seed ^ 2, 0, j)).collect();
        let moved_bias: Vec<f32> = cols.iter().map(|&j| bias[j]).collect();
        for context in contexts() {
            let layer = |a: &Guarded, b: &Guarded, bias: &[f32]| {
                let mut y = Guarded::new(m, n, of_c, |_, _| f32::NAN);
                Forward {
                    x: a.view(),
                    weight: b.view(),
                    bias: Some(bias),
                    activation,
                    output: y.view_mut(),
                    pre_activation: None,
                }
                .run(context)
                .unwrap();
                y
            };
            let in_order = |c: &Guarded| -> Vec<u32> {
                let places = (0..m).flat_map(|i| (0..n).map(move |j| (i, j)));
                places.map(|(i, j)| c.view().get(rows[i], cols[j]).to_bits()).collect()
            };
            let product = multiply(context, &a, &b, of_c);
            let moved = multiply(context, &moved_a, &moved_b, of_c);
            prop_assert_eq!(moved.bits(), in_order(&product), "{:?}", context);
            let output = layer(&a, &b, &bias);
            let moved = layer(&moved_a, &moved_b, &moved_bias);
            prop_assert_eq!(moved.bits(), in_order(&output), "{:?}", context);
        }
    }

    /// Two levels are no farther apart than each may be from the truth.
    #[test]
    fn levels_agree_within_the_bound(
        (m, k, n) in shapes(),
        [of_a, of_b, of_c] in layouts(),
        activation in elementwise(),
        seed: u64,
    ) {
        let a = Guarded::new(m, k, of_a, |i, j| noise(seed, i, j));
        let b = Guarded::new(k, n, of_b, |i, j| noise(seed ^ 1, i, j));
        let bias: Vec<f32> = (0..n).map(|j| noise(seed ^ 2, 0, j)).collect();
        let outputs: Vec<(Level, Guarded, Mat<f32>)> = contexts()
            .map(|context| {
                let mut y = Mat::zeros(m, n);
                Forward {
                    x: a.view(),
                    weight: b.view(),
                    bias: Some(&bias),
                    activation,
                    output: y.as_mut(),
                    pre_activation: None,
                }
                .run(context)
                .unwrap();
                (context.level, multiply(context, &a, &b, of_c), y)
            })
            .collect();
        let (first, c, y) = &outputs[0];
        for (level, other_c, other_y) in &outputs[1..] {
            for i in 0..m {
                for j in 0..n {
                    let (sum, magnitude) = product(a.view(), b.view(), i, j);
                    let error = product_error(k, magnitude);
                    let apart = |x: MatRef<'_, f32>, y: MatRef<'_, f32>| {
                        (f64::from(x.get(i, j)) - f64::from(y.get(i, j))).abs()
                    };
                    let difference = apart(c.view(), other_c.view());
                    prop_assert!(difference <= 2.0 * error, "C[{i}, {j}] at {first} and {level}: {difference}");
                    // The bias is one addition more.
                    let error = error + UNIT * (sum + f64::from(bias[j])).abs() + UNIT * error;
                    let bound = STEEPEST * error + apply_error(activation) * f64::from(y[(i, j)]).abs();
                    let difference = apart(y.as_ref(), other_y.as_ref());
                    prop_assert!(
                        difference <= 2.0 * bound,
                        "{activation}: Y[{i}, {j}] at {first} and {level}: {difference} > 2 · {bound}"
                    );
                }
            }
        }
    }
}

fn elementwise() -> impl Strategy<Value = Activation> {
    let all = Activation::ALL.into_iter();
    let all: Vec<Activation> = all.filter(|a| a.is_elementwise()).collect();
    prop::sample::select(all)
}

/// No activation is steeper: selu's λ·α.
const STEEPEST: f64 = 1.758_099_4;

/// What an activation's kernel may be off by, relative: six units in the last
/// place, and more for gelu's tanh form; see the activations' own tests.
fn apply_error(activation: Activation) -> f64 {
    match activation {
        Activation::GeluTanh => 200.0 * UNIT,
        _ => 12.0 * UNIT,
    }
}
