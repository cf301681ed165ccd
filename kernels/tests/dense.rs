//! The dense kernels at every level: near the f64 reference, the same bits on
//! threads, and errors for what does not fit.

mod common;

use autoencoder_kernels::activation::Saves;
use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, column_sums,
};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::reference::dense::{self as reference, Mat64};
use autoencoder_kernels::reference::loss::mean_factor;
use autoencoder_kernels::{Activation, Context, Level, Loss, Mat, MatRef, Parallelism};
use common::dense::{apply, contexts, sums_after, to_bits, vector};
use common::{Guarded, Layout, bits, noise, noisy};

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

/// The gradient of a weight of this shape.
fn gradient_bits(
    context: Context,
    (inputs, outputs): (usize, usize),
    terms: &[(MatRef<'_, f32>, MatRef<'_, f32>)],
) -> Vec<u32> {
    let mut gradient = Mat::from_fn(inputs, outputs, |_, _| f32::NAN);
    BackwardWeight {
        terms,
        gradient: gradient.as_mut(),
    }
    .run(context)
    .unwrap();
    bits(gradient.as_ref())
}

/// Two terms are one chain: the rows of the second follow those of the first. Also
/// where X is packed, in another way for a single row than for many.
#[test]
fn terms_of_a_gradient_follow_each_other() {
    for ((rows, first), (inputs, outputs)) in [((40, 17), (30, 50)), ((1001, 1000), (300, 260))] {
        let (x, delta) = (noisy(rows, inputs, 1), noisy(rows, outputs, 2));
        let (x, delta) = (x.as_ref(), delta.as_ref());
        for context in contexts() {
            let run = |terms: &[_]| gradient_bits(context, (inputs, outputs), terms);
            let part = |rows: std::ops::Range<usize>| {
                (
                    x.submatrix(rows.clone(), 0..inputs),
                    delta.submatrix(rows, 0..outputs),
                )
            };
            let whole = run(&[(x, delta)]);
            assert!(
                whole == run(&[part(0..first), part(first..rows)]),
                "{context:?}"
            );
            assert!(whole == run(&[part(0..1), part(1..rows)]), "{context:?}");
        }
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
        let run = |terms: &[_]| gradient_bits(context, (inputs, outputs), terms);
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

/// The identity has nothing to save; of any other activation, a derivative from
/// nothing is an error and not a read of nothing.
#[test]
fn a_derivative_needs_what_its_activation_saved() {
    let (delta, w) = (noisy(9, 5, 1), noisy(7, 5, 2));
    for context in contexts() {
        for activation in Activation::ALL.into_iter().filter(|a| a.is_elementwise()) {
            let mut output = Mat::from_fn(9, 7, |_, _| f32::NAN);
            let result = BackwardInput {
                delta: delta.as_ref(),
                weight_transposed: w.as_ref().transpose(),
                activation,
                saved: None,
                output: output.as_mut(),
                bias_gradient: None,
            }
            .run(context);
            if activation == Activation::Identity {
                result.unwrap();
                let mut want = Mat::zeros(9, 7);
                gemm(
                    context,
                    1.0,
                    delta.as_ref(),
                    w.as_ref().transpose(),
                    0.0,
                    want.as_mut(),
                )
                .unwrap();
                assert!(bits(output.as_ref()) == bits(want.as_ref()), "{context:?}");
            } else {
                let error = result.unwrap_err().to_string();
                assert!(error.contains("from nothing"), "{activation}: {error}");
                assert!(output.as_slice().iter().all(|x| x.is_nan()));
            }
        }
    }
}

#[test]
fn a_decay_knows_whether_it_adds_anything() {
    let columns = [0.0];
    assert!(Decay::default().is_none());
    for (all, columns) in [
        (0.1, None),
        (0.0, Some(&columns[..])),
        (-0.1, Some(&columns)),
    ] {
        assert!(!Decay { all, columns }.is_none(), "{all} {columns:?}");
    }
}
