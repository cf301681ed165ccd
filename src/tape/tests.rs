//! What plans look like, and what is refused. (Numbers are tested from
//! outside, in `tests/gradients.rs` and `tests/threads.rs`.)

use std::ops::Range;

use autoencoder_kernels::{Activation, Context, Loss, Mat, MatMut, Optimizer};

use super::plan::{Goal, Plan};
use super::*;
use crate::error::{Error, Result};

fn nothing(_: Value, _: Range<usize>, mut to: MatMut<'_, f32>) -> Result<()> {
    to.fill(0.5);
    Ok(())
}

/// features → widths → features, with biases.
fn net(features: usize, widths: &[usize], hidden: Activation, loss: Option<Loss>) -> (Tape, Value) {
    let mut tape = Tape::new();
    let x = tape.input(features);
    let (mut h, mut inputs) = (x, features);
    for &width in widths {
        let (w, b) = (tape.weight(inputs, width), tape.bias(width));
        h = tape.dense(h, w, Some(b), hidden).unwrap();
        inputs = width;
    }
    let (w, b) = (tape.weight(inputs, features), tape.bias(features));
    let y = tape.dense(h, w, Some(b), Activation::Sigmoid).unwrap();
    if let Some(loss) = loss {
        tape.loss(loss, y, x).unwrap();
    }
    (tape, y)
}

/// The instructions' names.
fn names(plan: &Plan) -> Vec<String> {
    let name = |text: String| text.split([' ', '{']).next().unwrap_or_default().to_owned();
    let instructions = plan.instructions.iter();
    instructions.map(|i| name(format!("{i:?}"))).collect()
}

#[test]
fn two_dense_layers_are_four_instructions() {
    let loss = Loss::BinaryCrossEntropy;
    let (tape, _) = net(784, &[32], Activation::Relu, Some(loss));
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    assert_eq!(
        names(&plan),
        ["Fill", "Forward", "LossAndDelta", "BackwardInput"]
    );
    assert_eq!(plan.backward, 3);
    // x, h and the two deltas all wait for the second region.
    assert_eq!(plan.buffers, [784, 32, 784, 32]);
    // Only the gradient of the code reads a weight the other way.
    assert_eq!(plan.copies, [false, false, true, false]);
}

#[test]
fn a_limit_that_is_refused_takes_no_memory() {
    let (tape, _) = net(20, &[5], Activation::Relu, Some(Loss::BinaryCrossEntropy));
    let mut program = Program::new(&tape, ProgramOptions::new(4)).unwrap();
    let elements = |program: &Program| -> usize {
        let gradients = program.gradients.iter();
        gradients.map(|gradient| gradient.as_slice().len()).sum()
    };
    // Those of the biases.
    assert_eq!(elements(&program), 5 + 20);
    assert!(program.clip_gradients(Some(-1.0)).is_err());
    assert_eq!(elements(&program), 5 + 20);
    program.clip_gradients(Some(1.0)).unwrap();
    assert_eq!(elements(&program), 5 + 20 + 2 * 20 * 5);
}

#[test]
fn without_fusion_each_node_runs_by_itself() {
    let loss = Loss::BinaryCrossEntropy;
    let (tape, _) = net(784, &[32], Activation::Relu, Some(loss));
    let plan = Plan::new(&tape, Goal::Training, false).unwrap();
    let want = [
        "Fill",
        "Product",
        "AddRow",
        "ForwardInPlace",
        "Product",
        "AddRow",
        "ValueAndGradient",
        "ColumnSums",
        "Product",
        "Backward",
        "ColumnSums",
    ];
    assert_eq!(names(&plan), want);
}

#[test]
fn softmax_stays_by_itself() {
    let loss = Loss::MeanSquaredError;
    let (tape, _) = net(10, &[5], Activation::Softmax, Some(loss));
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    let want = [
        "Fill",
        "Forward",
        "ForwardInPlace",
        "LossAndDelta",
        "Product",
        "Backward",
        "ColumnSums",
    ];
    assert_eq!(names(&plan), want);
}

#[test]
fn inference_shares_buffers_and_leaves_out_what_it_does_not_need() {
    let widths = [16, 8, 16, 8, 16, 8];
    let loss = Loss::MeanSquaredError;
    let (mut tape, y) = net(32, &widths, Activation::Gelu, Some(loss));
    let w = tape.weight(32, 99);
    tape.matmul(y, w).unwrap();
    let plan = Plan::new(&tape, Goal::Value(y), true).unwrap();
    let mut buffers = plan.buffers.clone();
    buffers.sort_unstable();
    assert_eq!(buffers, [8, 16, 32]);
    assert_eq!(names(&plan).len(), 1 + 7);
}

#[test]
fn a_sigmoid_before_a_loss_of_logits_is_left_out() {
    let (tape, y) = net(4, &[], Activation::Relu, Some(Loss::BinaryCrossEntropy));
    // One layer: its logits are all 0, so the loss is ln 2 and σ is ½.
    let mut program = Program::new(&tape, ProgramOptions::new(2)).unwrap();
    let parameters = Parameters::zeros(&tape).unwrap();
    let loss = program.loss(&parameters, 2, nothing).unwrap();
    assert!((loss - 2f64.ln()).abs() < 1e-6);
    let mut output = Mat::zeros(2, 4);
    program
        .forward(&parameters, y, output.as_mut(), nothing)
        .unwrap();
    assert_eq!(output.as_slice(), [0.5; 8]);
}

#[test]
fn a_value_may_be_added_to_itself() {
    let mut tape = Tape::new();
    let x = tape.input(1);
    let w = tape.weight(1, 1);
    let y = tape.matmul(x, w).unwrap();
    let twice = tape.add(y, y).unwrap();
    tape.loss(Loss::HalfSquaredNorm, twice, x).unwrap();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    parameters.get_mut(w).fill(3.0);
    let mut program = Program::new(&tape, ProgramOptions::new(1)).unwrap();
    // x = ½: y = 2·3·½ = 3, loss = ½(3 − ½)², gradient = (3 − ½)·2·½.
    let (loss, gradients) = program.gradients(&parameters, 1, nothing).unwrap();
    assert_eq!(loss, 3.125);
    assert_eq!(gradients.get(w).as_slice(), [2.5]);
}

#[test]
fn recording_refuses_what_does_not_fit() {
    let mut tape = Tape::new();
    let (x, other) = (tape.input(4), tape.input(3));
    let (w, b, b3) = (tape.weight(4, 2), tape.bias(2), tape.bias(3));
    let message = |result: Result<Value>| result.unwrap_err().to_string();
    assert_eq!(
        message(tape.matmul(other, w)),
        "weight: given 4 inputs × 2 outputs, expected 3 inputs, the features of its value"
    );
    assert!(message(tape.matmul_transposed(x, w)).contains("2 inputs × 4 outputs"));
    assert!(message(tape.matmul(x, b)).contains("a bias, expected a weight"));
    let h = tape.matmul(x, w).unwrap();
    assert!(message(tape.add_bias(h, w)).contains("a weight, expected a bias"));
    assert!(message(tape.add_bias(h, b3)).contains("3 elements"));
    assert!(message(tape.add(h, x)).contains("4 features"));
    let bad = Activation::LeakyRelu { slope: f32::NAN };
    assert!(matches!(tape.activation(h, bad), Err(Error::Kernels(_))));

    let mut refused = |loss, prediction, target| {
        let error = tape.loss(loss, prediction, target).unwrap_err();
        error.to_string()
    };
    let mse = Loss::MeanSquaredError;
    assert!(refused(mse, h, x).contains("4 features, expected 2"));
    assert!(refused(mse, h, h).contains("a computed value, expected an input"));
    assert!(refused(mse, x, x).contains("free of parameters"));
    assert!(refused(Loss::Huber { delta: -1.0 }, h, x).contains("delta"));

    let mut longer = tape.clone();
    let (unknown_value, unknown_weight) = (longer.input(1), longer.weight(4, 4));
    assert!(tape.matmul(unknown_value, w).is_err());
    assert!(tape.matmul(x, unknown_weight).is_err());
    assert!(tape.features(unknown_value).is_err());
    assert!(tape.shape(unknown_weight).is_err());
    assert!(Inference::new(&tape, unknown_value, Context::default()).is_err());

    let square = tape.weight(4, 4);
    for _ in 0..8 {
        tape.matmul(x, square).unwrap();
    }
    assert!(message(tape.matmul(x, square)).contains("9, expected at most 8"));
}

#[test]
fn what_changes_nothing_is_not_recorded() {
    let mut tape = Tape::new();
    let x = tape.input(4);
    assert_eq!(tape.activation(x, Activation::Identity).unwrap(), x);
    assert_eq!(tape.dropout(x, 0.0).unwrap(), x);
    assert_ne!(tape.dropout(x, 0.1).unwrap(), x);
}

#[test]
fn replay_refuses_what_does_not_fit() {
    let (tape, y) = net(4, &[2], Activation::Relu, None);
    let error = Program::new(&tape, ProgramOptions::new(8)).unwrap_err();
    assert!(error.to_string().contains("Tape::loss"), "{error}");

    let (tape, _) = net(4, &[2], Activation::Relu, Some(Loss::MeanSquaredError));
    assert!(Program::new(&tape, ProgramOptions::new(0)).is_err());
    let mut program = Program::new(&tape, ProgramOptions::new(8)).unwrap();
    assert_eq!(program.batch_size(), 8);
    let mut parameters = Parameters::zeros(&tape).unwrap();
    let sgd = Optimizer::sgd();
    for rows in [0, 9] {
        let result = program.step(&mut parameters, sgd, 0.1, 1, rows, nothing);
        let message = result.unwrap_err().to_string();
        assert!(message.contains("1 to 8"), "{message}");
    }
    assert!(
        program
            .step(&mut parameters, sgd, 0.1, 0, 8, nothing)
            .is_err()
    );

    let (other, _) = net(4, &[3], Activation::Relu, None);
    let mut others = Parameters::zeros(&other).unwrap();
    let message = program.step(&mut others, sgd, 0.1, 1, 8, nothing);
    assert!(message.unwrap_err().to_string().contains("4 × 3"));
    let (deeper, _) = net(4, &[2, 2], Activation::Relu, None);
    let others = Parameters::zeros(&deeper).unwrap();
    assert!(program.loss(&others, 8, nothing).is_err());

    let mut output = Mat::zeros(8, 3);
    let result = program.forward(&parameters, y, output.as_mut(), nothing);
    assert!(result.unwrap_err().to_string().contains("3 columns"));
}

#[test]
fn an_error_of_the_closure_comes_back_and_changes_nothing() {
    let (tape, y) = net(4, &[2], Activation::Relu, Some(Loss::MeanSquaredError));
    let mut program = Program::new(&tape, ProgramOptions::new(100)).unwrap();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    let refuse = |_: Value, rows: Range<usize>, _: MatMut<'_, f32>| {
        if rows.contains(&70) {
            Err(Error::RowOutOfRange { row: 70, rows: 70 })
        } else {
            Ok(())
        }
    };
    let adam = Optimizer::adam_keras();
    let result = program.step(&mut parameters, adam, 0.1, 1, 100, refuse);
    assert!(matches!(result, Err(Error::RowOutOfRange { row: 70, .. })));
    for parameter in tape.parameters() {
        assert!(
            parameters
                .get(parameter)
                .as_slice()
                .iter()
                .all(|&w| w == 0.0)
        );
        assert!(parameters.state(parameter).is_none());
    }
    let mut output = Mat::zeros(100, 4);
    let result = program.forward(&parameters, y, output.as_mut(), refuse);
    assert!(result.is_err());
}

/// 20 → 7 → 20, one half of it frozen.
fn half_frozen(encoder: bool) -> (Tape, [Parameter; 4]) {
    let mut tape = Tape::new();
    let x = tape.input(20);
    let all = [
        tape.weight(20, 7),
        tape.bias(7),
        tape.weight(7, 20),
        tape.bias(20),
    ];
    let frozen = if encoder { &all[..2] } else { &all[2..] };
    for &parameter in frozen {
        tape.freeze(parameter).unwrap();
    }
    let h = tape.dense(x, all[0], Some(all[1]), Activation::Tanh);
    let y = tape.dense(h.unwrap(), all[2], Some(all[3]), Activation::Sigmoid);
    tape.loss(Loss::BinaryCrossEntropy, y.unwrap(), x).unwrap();
    (tape, all)
}

#[test]
fn nothing_is_computed_for_frozen_parameters() {
    let (tape, _) = half_frozen(true);
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    assert_eq!(names(&plan), ["Fill", "Forward", "LossAndDelta"]);
    assert_eq!(
        Vec::from_iter(plan.terms.iter().map(Vec::len)),
        [0, 0, 1, 0]
    );
    assert!(plan.sums[1].is_none() && plan.sums[3].is_some());

    let (tape, _) = half_frozen(false);
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    assert_eq!(
        Vec::from_iter(plan.terms.iter().map(Vec::len)),
        [1, 0, 0, 0]
    );
    assert!(plan.sums[1].is_some() && plan.sums[3].is_none());
}

/// The first layer reads no weights of pixels that are always black, and has no
/// gradient for them: NaN shows that. A layer whose input a parameter takes part in
/// reads all.
#[test]
fn zeros_of_data_are_left_out_and_others_are_not() {
    let dark = |pixel: usize| !(30..50).contains(&pixel);
    let images = |_: Value, _: Range<usize>, mut to: MatMut<'_, f32>| {
        for i in 0..to.rows() {
            (0..80).for_each(|j| to.set(i, j, if dark(j) { 0.0 } else { 0.5 }));
        }
        Ok(())
    };
    let (tape, _) = net(80, &[40], Activation::Relu, Some(Loss::BinaryCrossEntropy));
    let [first, _, second, _] = [0, 1, 2, 3].map(Parameter);
    let mut parameters = Parameters::zeros(&tape).unwrap();
    let mut program = Program::new(&tape, ProgramOptions::new(32)).unwrap();
    parameters
        .get_mut(first)
        .as_mut()
        .row_mut(29)
        .unwrap()
        .fill(f32::NAN);
    let (loss, gradients) = program.gradients(&parameters, 32, images).unwrap();
    assert!((loss - f64::from(2f32.ln())).abs() < 1e-6, "{loss}");
    assert!(gradients.get(first).as_slice().iter().all(|x| *x == 0.0));

    parameters
        .get_mut(first)
        .as_mut()
        .row_mut(30)
        .unwrap()
        .fill(f32::NAN);
    let loss = program.loss(&parameters, 32, images).unwrap();
    assert!(loss.is_nan(), "{loss}");

    // Codes are all 0 with these weights, but no data.
    parameters.get_mut(first).fill(0.0);
    parameters.get_mut(second).fill(f32::NAN);
    let loss = program.loss(&parameters, 32, images).unwrap();
    assert!(loss.is_nan(), "{loss}");
}

#[test]
fn frozen_parameters_keep_their_bits() {
    // Decay would change weights even where their gradient is 0.
    let optimizer = Optimizer::adamw_keras();
    for encoder in [true, false] {
        for fused in [true, false] {
            let (tape, all) = half_frozen(encoder);
            let mut parameters = Parameters::zeros(&tape).unwrap();
            for &parameter in &all {
                parameters.get_mut(parameter).fill(0.1);
            }
            let before = parameters.clone();
            let options = ProgramOptions {
                fused,
                ..ProgramOptions::new(4)
            };
            let mut program = Program::new(&tape, options).unwrap();
            for step in 1..=3 {
                program
                    .step(&mut parameters, optimizer, 0.1, step, 4, nothing)
                    .unwrap();
            }
            for (i, &parameter) in all.iter().enumerate() {
                let same = parameters.get(parameter) == before.get(parameter);
                assert_eq!(
                    same,
                    (i < 2) == encoder,
                    "parameter {i}, {encoder}, {fused}"
                );
            }
        }
    }
}

#[test]
fn what_is_frozen_too_late_or_leaves_nothing_is_an_error() {
    let (mut tape, all) = half_frozen(true);
    let error = tape.freeze(all[3]).unwrap_err();
    assert!(
        error.to_string().contains("before its first use"),
        "{error}"
    );
    let x = tape.input(20);
    let h = tape.matmul(x, all[0]).unwrap();
    let target = tape.input(7);
    let error = tape.loss(Loss::MeanSquaredError, h, target).unwrap_err();
    assert!(error.to_string().contains("not frozen"), "{error}");
    let noise = autoencoder_kernels::Noise::Masking { probability: 0.5 };
    let weight = tape.weight(20, 2);
    let layer = tape.matmul(x, weight).unwrap();
    let error = tape.corrupt(layer, noise).unwrap_err();
    assert!(error.to_string().contains("dropout"), "{error}");
}

/// Also noise, which is a function of the row in the minibatch.
#[test]
fn gradients_of_chunks_add_up_to_those_of_the_whole() {
    let features = 9;
    let mut tape = Tape::new();
    let x = tape.input(features);
    let noise = autoencoder_kernels::Noise::Gaussian { stddev: 0.5 };
    let noisy = tape.corrupt(x, noise).unwrap();
    let (w, b) = (tape.weight(features, 4), tape.bias(4));
    let h = tape.dense(noisy, w, Some(b), Activation::Tanh).unwrap();
    let h = tape.dropout(h, 0.3).unwrap();
    let y = tape
        .dense_transposed(h, w, None, Activation::Sigmoid)
        .unwrap();
    tape.loss(Loss::BinaryCrossEntropy, y, x).unwrap();
    tape.absolute_penalty(h, 0.1).unwrap();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    let mut weight = parameters.get_mut(w);
    for i in 0..features {
        (0..4).for_each(|j| weight.set(i, j, ((i * 5 + j * 3) % 7) as f32 * 0.2 - 0.6));
    }
    let fill = |_, rows: Range<usize>, mut to: MatMut<'_, f32>| {
        for (i, row) in rows.enumerate() {
            (0..features).for_each(|j| to.set(i, j, ((row * 3 + j) % 11) as f32 / 10.0));
        }
        Ok(())
    };
    let rows = 100;
    for fused in [true, false] {
        let options = ProgramOptions {
            fused,
            ..ProgramOptions::new(rows)
        };
        let mut whole = Program::new(&tape, options).unwrap();
        assert_eq!(whole.chunk_rows, rows);
        let (loss, want) = whole.gradients(&parameters, rows, fill).unwrap();
        let mut parts = Program::new(&tape, options).unwrap();
        parts.chunk_rows = 37;
        let (sum, got) = parts.gradients(&parameters, rows, fill).unwrap();
        assert!((sum - loss).abs() < 1e-6 * loss, "{sum} {loss}");
        let near = |got: &Mat<f32>, want: &Mat<f32>| {
            for (got, want) in got.as_slice().iter().zip(want.as_slice()) {
                assert!((got - want).abs() < 1e-6, "{got} {want}");
            }
        };
        let part = parts.loss(&parameters, rows, fill).unwrap();
        let at_once = whole.loss(&parameters, rows, fill).unwrap();
        assert!((part - at_once).abs() < 1e-6 * at_once, "{part} {at_once}");
        // A step draws its own noise.
        let [by_parts, at_once] = [&mut parts, &mut whole].map(|program| {
            let mut parameters = parameters.clone();
            let step = program.step(&mut parameters, Optimizer::sgd(), 1.0, 1, rows, fill);
            assert!(step.unwrap().is_finite());
            parameters
        });
        for parameter in tape.parameters() {
            near(got.get(parameter), want.get(parameter));
            near(by_parts.get(parameter), at_once.get(parameter));
        }
        assert!(at_once.get(w) != parameters.get(w));
    }
}

#[test]
fn sums_over_the_minibatch_keep_it_whole() {
    let chunk_rows = |with_sparsity: bool| {
        let (mut tape, y) = net(
            20,
            &[5],
            Activation::Sigmoid,
            Some(Loss::BinaryCrossEntropy),
        );
        if with_sparsity {
            tape.sparsity_penalty(y, 0.05, 1.0).unwrap();
        }
        let program = Program::new(&tape, ProgramOptions::new(3000)).unwrap();
        assert_eq!(program.memory.buffers[0].rows(), program.chunk_rows);
        program.chunk_rows
    };
    assert_eq!((chunk_rows(false), chunk_rows(true)), (512, 3000));
}
