//! Small tapes from within: their plans, what is refused, what needs no other
//! model. (Numbers are tested from outside, in `tests/gradients.rs` and
//! `tests/threads.rs`.)

mod plans;
mod refusals;

use std::ops::Range;

use autoencoder_kernels::{Activation, Context, Loss, Mat, MatMut, Optimizer};

use super::planner::{Goal, Plan};
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
fn what_changes_nothing_is_not_recorded() {
    let mut tape = Tape::new();
    let x = tape.input(4);
    assert_eq!(tape.activation(x, Activation::Identity).unwrap(), x);
    assert_eq!(tape.dropout(x, 0.0).unwrap(), x);
    assert_ne!(tape.dropout(x, 0.1).unwrap(), x);
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
fn inputs_are_read_and_results_written_where_they_lie_with_the_same_bits() {
    // Layers as wide as the result share its buffer.
    for widths in [&[9][..], &[300, 7], &[40, 40, 40]] {
        let (mut tape, y) = net(40, widths, Activation::Gelu, None);
        let x = tape.input(5);
        // What would be computed in place, were the input its own.
        let activated = tape.activation(x, Activation::Tanh).unwrap();
        // What reads the result's own rows: a sum, and a function of whole rows.
        let sum = tape.add(activated, x).unwrap();
        let share = tape.activation(y, Activation::Softmax).unwrap();
        let mut parameters = Parameters::zeros(&tape).unwrap();
        for number in 0..tape.parameters().len() {
            let mut weight = parameters.get_mut(Parameter(number));
            let (rows, cols) = weight.shape();
            for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
                weight.set(i, j, ((i * 31 + j * 37) % 101) as f32 / 200.0 - 0.25);
            }
        }
        for (value, features) in [(y, 40), (share, 40), (activated, 5), (sum, 5), (x, 5)] {
            let inference = Inference::new(&tape, value, Context::default()).unwrap();
            for rows in [1, 31, 700] {
                let wide = Mat::from_fn(rows, features + 3, |i, j| ((i * 7 + j) % 13) as f32 / 9.0);
                let input = wide.as_ref().submatrix(0..rows, 2..features + 2);
                let turned = Mat::from_fn(features, rows, |j, i| input.get(i, j));
                let fill = |_: Value, rows: Range<usize>, mut out: MatMut<'_, f32>| {
                    out.copy_from(input.submatrix(rows, 0..features));
                    Ok(())
                };
                let want = inference.run(&parameters, rows, fill).unwrap();
                let mut into = Mat::from_fn(rows, inference.features(), |_, _| f32::NAN);
                inference
                    .run_into(&parameters, into.as_mut(), fill)
                    .unwrap();
                assert_eq!(into, want, "{rows} rows, {widths:?}, {value:?}");
                for input in [input, turned.as_ref().transpose()] {
                    let got = inference.run_on(&parameters, input).unwrap();
                    assert_eq!(got, want, "{rows} rows, {widths:?}, {value:?}");
                }
                // Where rows are no neighbours of each other, or elements of a row none,
                // the result is copied from a buffer.
                let out = inference.features();
                let (inner_rows, inner_cols) = (1..rows + 1, 2..out + 2);
                let mut framed = Mat::from_fn(rows + 2, out + 3, |_, _| f32::NAN);
                let inner = framed.as_mut();
                let inner = inner.submatrix(inner_rows.clone(), inner_cols.clone());
                inference.run_into(&parameters, inner, fill).unwrap();
                let inner = framed.as_ref().submatrix(inner_rows, inner_cols);
                assert_eq!(inner.to_owned(), want, "{rows} rows, {widths:?}, {value:?}");
                let written = framed.as_slice().iter().filter(|x| !x.is_nan()).count();
                assert_eq!(written, rows * out, "nothing else is written");
                // Where they follow each other: between rows that nobody writes.
                let mut framed = Mat::from_fn(rows + 2, out, |_, _| f32::NAN);
                let inner = framed.as_mut().submatrix(1..rows + 1, 0..out);
                inference.run_into(&parameters, inner, fill).unwrap();
                let inner = framed.as_ref().submatrix(1..rows + 1, 0..out);
                assert_eq!(inner.to_owned(), want);
                let written = framed.as_slice().iter().filter(|x| !x.is_nan()).count();
                assert_eq!(written, rows * out, "nothing else is written");
                let mut turned = Mat::from_fn(out, rows, |_, _| f32::NAN);
                let to = turned.as_mut().transpose();
                inference.run_into(&parameters, to, fill).unwrap();
                assert_eq!(turned.transposed(), want);
                let narrow = input.submatrix(0..rows, 1..features);
                assert!(inference.run_on(&parameters, narrow).is_err());
            }
        }
    }
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
    let loss = Some(Loss::BinaryCrossEntropy);
    let (tape, _) = net(80, &[40, 40], Activation::Relu, loss);
    let [first, second] = [0, 2].map(Parameter);
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
