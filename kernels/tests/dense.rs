//! The fused dense kernels at every level: bit for bit what their parts
//! compute one after another, and near the f64 reference.

mod common;

use autoencoder_kernels::activation::{self, Saves};
use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, UpdateWeight, column_sums,
};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::optimizer::{self, OptimizerState};
use autoencoder_kernels::reference::dense::{self as reference, Mat64};
use autoencoder_kernels::reference::loss::mean_factor;
use autoencoder_kernels::{
    Activation, Context, Level, Loss, Mat, MatRef, Optimizer, Parallelism, loss,
};
use common::{Guarded, Layout, bits, contiguous_rows, layout, noise, noisy, size};
use proptest::prelude::*;

/// Every level, serial and on the pool; the shapes are small, so that the pool
/// is not entered by itself: [`large_layers_on_threads`] does that.
fn contexts() -> impl Iterator<Item = Context> {
    Level::available()
        .iter()
        .map(|&level| Context::serial().with_level(level))
}

fn elementwise() -> impl Strategy<Value = Activation> {
    let all: Vec<Activation> = Activation::ALL
        .into_iter()
        .filter(|activation| activation.is_elementwise())
        .collect();
    prop::sample::select(all)
}

/// Z = X·W + b by the GEMM and scalar additions.
fn pre_activation(context: Context, x: &Guarded, w: &Guarded, bias: Option<&[f32]>) -> Mat<f32> {
    let mut z = Mat::zeros(x.view().rows(), w.view().cols());
    gemm(context, 1.0, x.view(), w.view(), 0.0, z.as_mut()).unwrap();
    for i in 0..z.rows() {
        for (z, b) in z.row_mut(i).iter_mut().zip(bias.unwrap_or_default()) {
            *z += b;
        }
    }
    z
}

fn apply(context: Context, activation: Activation, z: &Mat<f32>) -> Mat<f32> {
    let mut y = Mat::zeros(z.rows(), z.cols());
    activation::forward(context.level, activation, z.as_ref(), y.as_mut()).unwrap();
    y
}

fn vector(len: usize, seed: u64) -> Vec<f32> {
    (0..len).map(|i| noise(seed, i, 9)).collect()
}

/// `start` plus the rows of `delta`, one after another.
fn sums_after(start: &[f32], delta: &Mat<f32>) -> Vec<u32> {
    let mut sums = start.to_vec();
    for i in 0..delta.rows() {
        for (sum, x) in sums.iter_mut().zip(delta.row(i)) {
            *sum += x;
        }
    }
    sums.iter().map(|x| x.to_bits()).collect()
}

fn to_bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forward_equals_its_parts(
        (batch, inputs, outputs) in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows()),
        activation in elementwise(),
        with_bias: bool,
        with_z: bool,
        seed: u64,
    ) {
        let x = Guarded::new(batch, inputs, layouts.0, |i, j| noise(seed, i, j));
        let w = Guarded::new(inputs, outputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
        let bias = vector(outputs, seed);
        let bias = with_bias.then_some(bias.as_slice());
        for context in contexts() {
            let want_z = pre_activation(context, &x, &w, bias);
            let want = apply(context, activation, &want_z);
            let mut y = Guarded::new(batch, outputs, layouts.2, |_, _| f32::NAN);
            let mut z = y.clone();
            Forward {
                x: x.view(),
                weight: w.view(),
                bias,
                activation,
                output: y.view_mut(),
                pre_activation: with_z.then(|| z.view_mut()),
            }
            .run(context)
            .unwrap();
            y.check_canaries();
            z.check_canaries();
            prop_assert_eq!(y.bits(), bits(want.as_ref()), "{:?}", context);
            if with_z {
                prop_assert_eq!(z.bits(), bits(want_z.as_ref()), "{:?}", context);
            }
        }
    }

    #[test]
    fn forward_with_loss_equals_its_parts(
        (batch, inputs, outputs) in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows(), contiguous_rows()),
        activation in elementwise(),
        loss in prop::sample::select(Loss::ALL.to_vec()),
        with_sums: bool,
        seed: u64,
    ) {
        let x = Guarded::new(batch, inputs, layouts.0, |i, j| noise(seed, i, j));
        let w = Guarded::new(inputs, outputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
        let target = Guarded::new(batch, outputs, layouts.2, |i, j| noise(seed ^ 2, i, j).abs());
        let bias = vector(outputs, seed);
        let start = vector(outputs, seed ^ 3);
        let scale = 1.0 / batch.max(1) as f32;
        for context in contexts() {
            let z = pre_activation(context, &x, &w, Some(&bias));
            let y = apply(context, activation, &z);
            let mut want = Mat::zeros(batch, outputs);
            let want_loss = loss::value_and_gradient(
                context.level, loss, y.as_ref(), target.view(), Some(want.as_mut()), scale,
            ).unwrap();
            let saved = if activation.saves() == Saves::Input { &z } else { &y };
            activation::backward(context.level, activation, saved.as_ref(), want.as_mut()).unwrap();

            let mut delta = Guarded::new(batch, outputs, layouts.3, |_, _| f32::NAN);
            let mut sums = start.clone();
            let got = ForwardLoss {
                x: x.view(),
                weight: w.view(),
                bias: Some(&bias),
                activation,
                loss,
                target: target.view(),
                scale,
                delta: delta.view_mut(),
                bias_gradient: with_sums.then_some(&mut sums),
            }
            .run(context)
            .unwrap();
            delta.check_canaries();
            prop_assert_eq!(delta.bits(), bits(want.as_ref()), "{:?}", context);
            prop_assert!(
                (got - want_loss).abs() <= 1e-5 * want_loss.abs() + 1e-9,
                "{:?}: {} and {}", context, got, want_loss
            );
            if with_sums {
                prop_assert_eq!(to_bits(&sums), sums_after(&start, &want), "{:?}", context);
            }
        }
    }

    #[test]
    fn backward_input_equals_its_parts(
        (batch, inputs, outputs) in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows(), contiguous_rows()),
        activation in elementwise(),
        with_sums: bool,
        seed: u64,
    ) {
        let delta = Guarded::new(batch, outputs, layouts.0, |i, j| noise(seed, i, j));
        let wt = Guarded::new(outputs, inputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
        let saved = Guarded::new(batch, inputs, layouts.2, |i, j| noise(seed ^ 2, i, j));
        let start = vector(inputs, seed ^ 3);
        for context in contexts() {
            let mut want = pre_activation(context, &delta, &wt, None);
            activation::backward(context.level, activation, saved.view(), want.as_mut()).unwrap();
            let mut output = Guarded::new(batch, inputs, layouts.3, |_, _| f32::NAN);
            let mut sums = start.clone();
            BackwardInput {
                delta: delta.view(),
                weight_transposed: wt.view(),
                activation,
                saved: Some(saved.view()),
                output: output.view_mut(),
                bias_gradient: with_sums.then_some(&mut sums),
            }
            .run(context)
            .unwrap();
            output.check_canaries();
            prop_assert_eq!(output.bits(), bits(want.as_ref()), "{:?}", context);
            if with_sums {
                prop_assert_eq!(to_bits(&sums), sums_after(&start, &want), "{:?}", context);
            }
        }
    }

    #[test]
    fn weight_update_equals_its_parts(
        (batch, inputs, outputs) in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows()),
        optimizer in prop::sample::select(Optimizer::ALL.to_vec()),
        two_terms: bool,
        (all, with_columns) in (prop::sample::select(vec![0.0, 0.3]), any::<bool>()),
        seed: u64,
    ) {
        let x = Guarded::new(batch, inputs, layouts.0, |i, j| noise(seed, i, j));
        let delta = Guarded::new(batch, outputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
        let columns = vector(outputs, seed ^ 3);
        let decay = Decay { all, columns: with_columns.then_some(&columns) };
        let terms = [(x.view(), delta.view()), (x.view(), delta.view())];
        let terms = &terms[..if two_terms { 2 } else { 1 }];
        for context in contexts() {
            let start = Guarded::new(inputs, outputs, layouts.2, |i, j| noise(seed ^ 2, i, j));
            let mut weight = start.clone();
            let mut want_weight = start.view().to_owned();
            let mut state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
            let mut want_state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
            for step in 1..=2 {
                let mut gradient = Guarded::new(inputs, outputs, layouts.2, |_, _| f32::NAN);
                BackwardWeight { terms, gradient: gradient.view_mut() }.run(context).unwrap();
                gradient.check_canaries();
                if !two_terms {
                    let mut product = Mat::zeros(inputs, outputs);
                    gemm(context, 1.0, x.view().transpose(), delta.view(), 0.0, product.as_mut()).unwrap();
                    prop_assert_eq!(gradient.bits(), bits(product.as_ref()));
                }
                let mut exact = gradient.view().to_owned();
                decay.add_to(context, weight.view(), gradient.view_mut()).unwrap();
                gradient.check_canaries();
                for i in 0..inputs {
                    for j in 0..outputs {
                        let factor = all + if with_columns { columns[j] } else { 0.0 };
                        exact[(i, j)] += factor * weight.view().get(i, j);
                        let (got, want) = (gradient.view().get(i, j), exact[(i, j)]);
                        prop_assert!((got - want).abs() <= 1e-5 * (1.0 + want.abs()), "{} {}", got, want);
                    }
                }
                optimizer::update(
                    context.level, optimizer, 0.1, step, want_weight.as_mut_slice(),
                    gradient.view().to_owned().as_slice(), &mut want_state,
                ).unwrap();
                UpdateWeight {
                    terms,
                    weight: weight.view_mut(),
                    state: &mut state,
                    optimizer,
                    learning_rate: 0.1,
                    step,
                    decay,
                }
                .run(context)
                .unwrap();
                weight.check_canaries();
                prop_assert_eq!(weight.bits(), bits(want_weight.as_ref()), "{:?} {:?}", context, optimizer);
                for (slot, want) in state.slots().iter().zip(want_state.slots()) {
                    prop_assert_eq!(bits(slot.as_ref()), bits(want.as_ref()));
                }
            }
        }
    }
}

/// A whole layer, forward and backward, against the naive f64 version.
#[test]
fn layers_match_the_reference() {
    let (batch, inputs, outputs) = (37, 53, 41);
    let near = |what: &str, got: MatRef<'_, f32>, want: &Mat64, bound: f64| {
        assert_eq!(got.shape(), (want.rows, want.cols));
        for i in 0..want.rows {
            for j in 0..want.cols {
                let (got, want) = (f64::from(got.get(i, j)), want.get(i, j));
                let error = (got - want).abs() / (1.0 + want.abs());
                assert!(error <= bound, "{what}[{i}, {j}] = {got}, expected {want}");
            }
        }
    };
    let wide: fn(&[f32]) -> Vec<f64> = |x| x.iter().map(|&x| x.into()).collect();
    let (x, w) = (noisy(batch, inputs, 1), noisy(inputs, outputs, 2));
    let bias = vector(outputs, 3);
    let target = Mat::from_fn(batch, outputs, |i, j| noise(4, i, j).abs());
    let (x64, w64, target64) = (
        Mat64::new(x.as_ref()),
        Mat64::new(w.as_ref()),
        Mat64::new(target.as_ref()),
    );
    // The layer below has X as its pre-activation here.
    let z64 = reference::pre_activation(&x64, &w64, &wide(&bias));
    for context in contexts() {
        for activation in Activation::ALL.into_iter().filter(|a| a.is_elementwise()) {
            let mut y = Mat::zeros(batch, outputs);
            let mut z = Mat::zeros(batch, outputs);
            Forward {
                x: x.as_ref(),
                weight: w.as_ref(),
                bias: Some(&bias),
                activation,
                output: y.as_mut(),
                pre_activation: Some(z.as_mut()),
            }
            .run(context)
            .unwrap();
            near("Z", z.as_ref(), &z64, 1e-6);
            near(
                "Y",
                y.as_ref(),
                &reference::activate(activation, &z64),
                1e-5,
            );

            let saved = match activation.saves() {
                Saves::Input => x.clone(),
                Saves::Output => apply(context, activation, &x),
            };
            let mut below = Mat::zeros(batch, inputs);
            let mut sums = vec![0.0; inputs];
            BackwardInput {
                delta: target.as_ref(),
                weight_transposed: w.as_ref().transpose(),
                activation,
                saved: Some(saved.as_ref()),
                output: below.as_mut(),
                bias_gradient: Some(&mut sums),
            }
            .run(context)
            .unwrap();
            let want = reference::delta_below(&target64, &w64, activation, &x64);
            near("δ below", below.as_ref(), &want, 1e-5);
            let want = reference::bias_gradient(&want);
            let want = Mat64 {
                rows: 1,
                cols: inputs,
                data: want,
            };
            near("∇b", MatRef::new(&sums, 1, inputs).unwrap(), &want, 1e-5);

            for loss in Loss::ALL {
                let mut delta = Mat::zeros(batch, outputs);
                let value = ForwardLoss {
                    x: x.as_ref(),
                    weight: w.as_ref(),
                    bias: Some(&bias),
                    activation,
                    loss,
                    target: target.as_ref(),
                    scale: 0.25,
                    delta: delta.as_mut(),
                    bias_gradient: None,
                }
                .run(context)
                .unwrap();
                let want = reference::delta(loss, activation, &z64, &target64, 0.25);
                // Where an f32 rounds across a kink or a clip, δ jumps.
                let clipped = loss == Loss::BinaryCrossEntropyClipped;
                if !clipped && loss.kinks().is_empty() && activation.kinks().is_empty() {
                    near("δ", delta.as_ref(), &want, 2e-5);
                }
                let y64 = reference::activate(activation, &z64);
                let factor = mean_factor(loss, outputs);
                let want: f64 = y64
                    .data
                    .iter()
                    .zip(&target64.data)
                    .map(|(y, t)| {
                        factor * autoencoder_kernels::reference::loss::value(loss, *y, *t)
                    })
                    .sum();
                let bound = if clipped { 0.02 } else { 1e-5 };
                assert!(
                    (value - want).abs() <= bound * (1.0 + want.abs()),
                    "{context:?} {activation} {loss}: {value}, expected {want}"
                );
            }
        }
        let mut gradient = Mat::zeros(inputs, outputs);
        let terms = [(x.as_ref(), target.as_ref())];
        BackwardWeight {
            terms: &terms,
            gradient: gradient.as_mut(),
        }
        .run(context)
        .unwrap();
        near(
            "∇W",
            gradient.as_ref(),
            &reference::weight_gradient(&x64, &target64),
            1e-6,
        );
    }
}

/// Two terms are one chain: the rows of the second follow those of the first.
#[test]
fn terms_of_a_gradient_follow_each_other() {
    for context in contexts() {
        let (x, delta) = (noisy(40, 30, 1), noisy(40, 50, 2));
        let run = |terms: &[_]| {
            let mut gradient = Mat::from_fn(30, 50, |_, _| f32::NAN);
            BackwardWeight {
                terms,
                gradient: gradient.as_mut(),
            }
            .run(context)
            .unwrap();
            bits(gradient.as_ref())
        };
        let whole = run(&[(x.as_ref(), delta.as_ref())]);
        let halves = run(&[
            (
                x.as_ref().submatrix(0..17, 0..30),
                delta.as_ref().submatrix(0..17, 0..50),
            ),
            (
                x.as_ref().submatrix(17..40, 0..30),
                delta.as_ref().submatrix(17..40, 0..50),
            ),
        ]);
        assert!(whole == halves, "{context:?}");
    }
}

/// Also where K is so long that it is cut into parts, and on the pool.
#[test]
fn gradients_can_be_added_to_what_is_there() {
    for (rows, inputs, outputs) in [(5, 3, 7), (40, 33, 50), (2100, 17, 19), (300, 200, 130)] {
        let (x, delta) = (noisy(rows, inputs, 1), noisy(rows, outputs, 2));
        let terms = [(x.as_ref(), delta.as_ref())];
        for context in contexts().chain([Context::default()]) {
            let mut gradient = Mat::from_fn(inputs, outputs, |_, _| f32::NAN);
            BackwardWeight {
                terms: &terms,
                gradient: gradient.as_mut(),
            }
            .run(context)
            .unwrap();
            let layout = Layout::RowMajor { gap: 3 };
            let start = |i, j| 100.0 * noise(3, i, j);
            let mut sum = Guarded::new(inputs, outputs, layout, start);
            BackwardWeight {
                terms: &terms,
                gradient: sum.view_mut(),
            }
            .accumulate(context)
            .unwrap();
            sum.check_canaries();
            for i in 0..inputs {
                for j in 0..outputs {
                    let want = start(i, j) + gradient[(i, j)];
                    assert_eq!(sum.view().get(i, j).to_bits(), want.to_bits());
                }
            }
        }
    }
}

/// A term without rows adds nothing, also where the term beside it is packed.
#[test]
fn a_term_without_rows_adds_nothing() {
    let (inputs, outputs) = (5, 70);
    let (x, turned) = (noisy(3, inputs, 1), noisy(outputs, 3, 2));
    // The columns of δ are rows in memory, so that it is packed.
    let delta = turned.as_ref().transpose();
    let (no_x, no_delta) = (Mat::zeros(0, inputs), Mat::zeros(0, outputs));
    for context in contexts() {
        let run = |terms: &[_]| {
            let mut gradient = Mat::from_fn(inputs, outputs, |_, _| f32::NAN);
            BackwardWeight {
                terms,
                gradient: gradient.as_mut(),
            }
            .run(context)
            .unwrap();
            bits(gradient.as_ref())
        };
        let (nothing, something) = ((no_x.as_ref(), no_delta.as_ref()), (x.as_ref(), delta));
        let alone = run(&[something]);
        assert!(run(&[nothing, something]) == alone, "{context:?}");
        assert!(run(&[something, nothing]) == alone, "{context:?}");
    }
}

/// Large layers, on the pool, have the bits that one thread gives them.
#[test]
fn large_layers_on_threads_equal_one_thread() {
    let (batch, inputs, outputs) = (260, 300, 410);
    let (x, w) = (noisy(batch, inputs, 1), noisy(inputs, outputs, 2));
    let target = Mat::from_fn(batch, outputs, |i, j| noise(3, i, j).abs());
    let bias = vector(outputs, 4);
    for &level in Level::available() {
        for activation in [Activation::Sigmoid, Activation::Silu] {
            let run = |parallelism| {
                let context = Context::default()
                    .with_level(level)
                    .with_parallelism(parallelism);
                let mut delta = Mat::zeros(batch, outputs);
                let mut sums = vec![0.0; outputs];
                let value = ForwardLoss {
                    x: x.as_ref(),
                    weight: w.as_ref(),
                    bias: Some(&bias),
                    activation,
                    loss: Loss::MeanSquaredError,
                    target: target.as_ref(),
                    scale: 0.01,
                    delta: delta.as_mut(),
                    bias_gradient: Some(&mut sums),
                }
                .run(context)
                .unwrap();
                let mut below = Mat::zeros(batch, inputs);
                let mut below_sums = vec![0.0; inputs];
                BackwardInput {
                    delta: delta.as_ref(),
                    weight_transposed: w.as_ref().transpose(),
                    activation,
                    saved: Some(x.as_ref()),
                    output: below.as_mut(),
                    bias_gradient: Some(&mut below_sums),
                }
                .run(context)
                .unwrap();
                let all = [
                    bits(delta.as_ref()),
                    to_bits(&sums),
                    bits(below.as_ref()),
                    to_bits(&below_sums),
                ];
                (value, all)
            };
            let (serial, parallel) = (run(Parallelism::Serial), run(Parallelism::Pool));
            assert!(
                (serial.0 - parallel.0).abs() <= 1e-6 * serial.0,
                "{} {}",
                serial.0,
                parallel.0
            );
            assert!(serial.1 == parallel.1, "{level} {activation}");
        }
    }
}

#[test]
fn column_sums_add_up() {
    for context in contexts() {
        let delta = Guarded::new(21, 37, Layout::RowMajor { gap: 3 }, |i, j| noise(1, i, j));
        let start = vector(37, 5);
        let mut sums = start.clone();
        column_sums(context, delta.view(), &mut sums).unwrap();
        assert_eq!(to_bits(&sums), sums_after(&start, &delta.view().to_owned()));
    }
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let context = Context::default();
    let (x, w) = (noisy(4, 3, 1), noisy(3, 5, 2));
    let forward = |bias: &[f32], activation, output: &mut Mat<f32>, transposed: bool| {
        let output = if transposed {
            output.as_mut().transpose()
        } else {
            output.as_mut()
        };
        Forward {
            x: x.as_ref(),
            weight: w.as_ref(),
            bias: Some(bias),
            activation,
            output,
            pre_activation: None,
        }
        .run(context)
        .map_err(|error| error.to_string())
    };
    let relu = Activation::Relu;
    let bias = [0.0; 5];
    assert_eq!(forward(&bias, relu, &mut Mat::zeros(4, 5), false), Ok(()));
    for (result, message) in [
        (
            forward(&bias[1..], relu, &mut Mat::zeros(4, 5), false),
            "bias has 4 elements, expected 5",
        ),
        (
            forward(&bias, relu, &mut Mat::zeros(5, 5), false),
            "output is 5 × 5, expected 4 × 5",
        ),
        (
            forward(&bias, relu, &mut Mat::zeros(5, 4), true),
            "output has column stride 4, expected 1: copy it into a row-major matrix",
        ),
        (
            forward(&bias, Activation::Softmax, &mut Mat::zeros(4, 5), false),
            "softmax in the epilogue of a product is not supported here; use the identity, then activation::forward or activation::backward",
        ),
    ] {
        assert_eq!(result, Err(message.to_string()));
    }
    let error = BackwardWeight {
        terms: &[],
        gradient: Mat::zeros(3, 5).as_mut(),
    }
    .run(context);
    assert_eq!(
        error.unwrap_err().to_string(),
        "number of gradient terms is 0, expected 1 to 8"
    );
}
