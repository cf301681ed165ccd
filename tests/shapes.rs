//! Values with a shape: sequences and pictures, their steps, layer normalisation.
//! Losses against formulas in f64, gradients against their central differences, at every
//! level; plans with and without fusion and any number of threads, bit against bit.

mod nets;

use std::ops::Range;

use autoencoder::tape::{
    Gradients, Inference, Parameter, Parameters, Program, ProgramOptions, Shape, Tape, Value,
};
use autoencoder::{Activation, Error, Level, Loss, Mat, MatMut, Optimizer};
use autoencoder_kernels::{Context, MatRef, Parallelism};
use nets::Random;

/// A net: how it is recorded, and its loss for one sample in f64.
struct Net {
    name: &'static str,
    shape: Shape,
    record: fn(&mut Tape, Value) -> autoencoder::Result<()>,
    loss: fn(&[f64], &[Vec<f64>]) -> f64,
}

const STEPS: usize = 5;
const FEATURES: usize = 3;
const HIDDEN: usize = 4;
const EPSILON: f32 = 0.01;
/// Steps of the long recurrence, each of which uses the same two weights.
const LONG: usize = 200;

/// x·W + b of one row.
fn affine(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let outputs = bias.len();
    let column = |j: usize| -> f64 { (0..x.len()).map(|i| x[i] * weight[i * outputs + j]).sum() };
    (0..outputs).map(|j| column(j) + bias[j]).collect()
}

fn tanh(x: Vec<f64>) -> Vec<f64> {
    x.into_iter().map(f64::tanh).collect()
}

fn softmax(x: Vec<f64>) -> Vec<f64> {
    let sum: f64 = x.iter().map(|x| x.exp()).sum();
    x.into_iter().map(|x| x.exp() / sum).collect()
}

fn norm(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let scale = 1.0 / (variance + f64::from(EPSILON)).sqrt();
    let each = x.iter().zip(weight.iter().zip(bias));
    each.map(|(x, (w, b))| w * (x - mean) * scale + b).collect()
}

fn mean_square(y: &[f64], x: &[f64]) -> f64 {
    let sum: f64 = y.iter().zip(x).map(|(y, x)| (y - x).powi(2)).sum();
    sum / x.len() as f64
}

fn nets() -> Vec<Net> {
    vec![
        Net {
            name: "a dense net at each step, normalised within",
            shape: Shape::from([STEPS, FEATURES]),
            record: |tape, x| {
                let (w1, b1) = (tape.weight(FEATURES, HIDDEN), tape.bias(HIDDEN));
                let (gamma, beta) = (tape.bias(HIDDEN), tape.bias(HIDDEN));
                let (w2, b2) = (tape.weight(HIDDEN, HIDDEN), tape.bias(HIDDEN));
                let (w3, b3) = (tape.weight(HIDDEN, FEATURES), tape.bias(FEATURES));
                let h = tape.dense(x, w1, Some(b1), Activation::Tanh)?;
                let h = tape.layer_norm(h, gamma, beta, EPSILON)?;
                let h = tape.dense(h, w2, Some(b2), Activation::Tanh)?;
                let y = tape.dense(h, w3, Some(b3), Activation::Softmax)?;
                assert_eq!(tape.value_shape(y)?, Shape::from([STEPS, FEATURES]));
                tape.loss(Loss::MeanSquaredError, y, x)?;
                Ok(())
            },
            loss: |x, p| {
                let step = |x: &[f64]| {
                    let h = norm(&tanh(affine(x, &p[0], &p[1])), &p[2], &p[3]);
                    softmax(affine(&tanh(affine(&h, &p[4], &p[5])), &p[6], &p[7]))
                };
                let y: Vec<f64> = x.chunks(FEATURES).flat_map(step).collect();
                mean_square(&y, x)
            },
        },
        Net {
            name: "normalised input, tied weights, a picture flattened",
            shape: Shape::from([STEPS, FEATURES, 1]),
            record: |tape, x| {
                let n = STEPS * FEATURES;
                let (gamma, beta) = (tape.bias(n), tape.bias(n));
                let (w, b, c) = (tape.weight(n, HIDDEN), tape.bias(HIDDEN), tape.bias(n));
                let flat = tape.reshape(x, n)?;
                let h = tape.layer_norm(flat, gamma, beta, EPSILON)?;
                let h = tape.dense(h, w, Some(b), Activation::Tanh)?;
                let y = tape.dense_transposed(h, w, Some(c), Activation::Identity)?;
                tape.loss(Loss::MeanSquaredError, y, x)?;
                Ok(())
            },
            loss: |x, p| {
                let h = tanh(affine(&norm(x, &p[0], &p[1]), &p[2], &p[3]));
                let row =
                    |i: usize| -> f64 { (0..HIDDEN).map(|j| h[j] * p[2][i * HIDDEN + j]).sum() };
                let y: Vec<f64> = (0..x.len()).map(|i| row(i) + p[4][i]).collect();
                mean_square(&y, x)
            },
        },
        Net {
            name: "a recurrence over steps, then dense layers over pairs of them",
            shape: Shape::from([STEPS + 1, FEATURES]),
            record: |tape, x| record_recurrence(tape, x, STEPS + 1),
            loss: |x, p| recurrence(x, p),
        },
    ]
}

/// h ← tanh(x_t·W + h·U + b) over the steps, and back to the mean step; the two halves of
/// the sequence are read as shorter sequences, too, which are copied to be folded.
fn record_recurrence(tape: &mut Tape, x: Value, steps: usize) -> autoencoder::Result<()> {
    let (w, u) = (tape.weight(FEATURES, HIDDEN), tape.weight(HIDDEN, HIDDEN));
    let (b, v, c) = (
        tape.bias(HIDDEN),
        tape.weight(HIDDEN, FEATURES),
        tape.bias(FEATURES),
    );
    let half = steps / 2;
    let first = tape.columns(x, 0..half * FEATURES)?;
    let first = tape.reshape(first, [half, FEATURES])?;
    let second = tape.columns(x, half * FEATURES..2 * half * FEATURES)?;
    let second = tape.reshape(second, [half, FEATURES])?;
    let inner = [tape.matmul(first, w)?, tape.matmul(second, w)?];
    let mut h: Option<Value> = None;
    for t in 0..2 * half {
        let inner = inner[t / half];
        let columns = t % half * HIDDEN..(t % half + 1) * HIDDEN;
        let from_x = tape.columns(inner, columns)?;
        let sum = match h {
            Some(h) => {
                let from_h = tape.matmul(h, u)?;
                tape.add(from_x, from_h)?
            }
            None => from_x,
        };
        let sum = tape.add_bias(sum, b)?;
        h = Some(tape.activation(sum, Activation::Tanh)?);
    }
    let y = tape.dense(h.unwrap(), v, Some(c), Activation::Identity)?;
    let target = tape.input(FEATURES);
    tape.loss(Loss::MeanSquaredError, y, target)?;
    Ok(())
}

/// The same in f64; the target is the first step.
fn recurrence(x: &[f64], p: &[Vec<f64>]) -> f64 {
    let mut h: Option<Vec<f64>> = None;
    for step in x.chunks(FEATURES) {
        let mut sum = affine(step, &p[0], &p[2]);
        if let Some(h) = &h {
            let from_h = affine(h, &p[1], &[0.0; HIDDEN]);
            sum.iter_mut().zip(from_h).for_each(|(sum, h)| *sum += h);
        }
        h = Some(tanh(sum));
    }
    let y = affine(&h.unwrap(), &p[3], &p[4]);
    mean_square(&y, &x[..FEATURES])
}

/// Fills an input with samples, or with the first columns of them.
fn fill(
    data: &Mat<f32>,
) -> impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> autoencoder::Result<()> {
    |_, rows, mut to| {
        let cols = to.cols();
        to.copy_from(data.as_ref().submatrix(rows, 0..cols));
        Ok(())
    }
}

fn parameters(tape: &Tape, random: &mut Random) -> Parameters {
    let mut parameters = Parameters::zeros(tape).unwrap();
    for parameter in tape.parameters() {
        let (rows, cols) = tape.shape(parameter).unwrap();
        let values = random.mat(rows, cols, -0.8..0.9);
        parameters.get_mut(parameter).copy_from(values.as_ref());
    }
    parameters
}

fn in_f64(tape: &Tape, parameters: &Parameters) -> Vec<Vec<f64>> {
    let numbers = |p: Parameter| parameters.get(p).as_slice().iter().map(|&x| f64::from(x));
    tape.parameters().map(|p| numbers(p).collect()).collect()
}

fn mean_loss(net: &Net, data: &Mat<f32>, p: &[Vec<f64>]) -> f64 {
    let row = |i: usize| -> Vec<f64> { data.row(i).iter().map(|&x| f64::from(x)).collect() };
    let sum: f64 = (0..data.rows()).map(|i| (net.loss)(&row(i), p)).sum();
    sum / data.rows() as f64
}

fn recorded(net: &Net) -> Tape {
    let mut tape = Tape::new();
    let x = tape.input(net.shape);
    (net.record)(&mut tape, x).unwrap();
    tape
}

fn options(batch_size: usize, fused: bool, context: Context) -> ProgramOptions {
    ProgramOptions {
        fused,
        context,
        ..ProgramOptions::new(batch_size)
    }
}

#[test]
fn losses_and_gradients_are_those_of_the_formulas() {
    const ROWS: usize = 7;
    for net in nets() {
        let tape = recorded(&net);
        let mut random = Random(1);
        let parameters = parameters(&tape, &mut random);
        let data = random.mat(ROWS, net.shape.len(), -1.0..1.0);
        let p = in_f64(&tape, &parameters);
        let want = mean_loss(&net, &data, &p);
        for &level in Level::available() {
            for fused in [true, false] {
                let context = Context::serial().with_level(level);
                let mut program = Program::new(&tape, options(ROWS, fused, context)).unwrap();
                let (loss, gradients) = program.gradients(&parameters, ROWS, fill(&data)).unwrap();
                let name = format!("{}, {level}, fused: {fused}", net.name);
                assert!(
                    (loss - want).abs() < 1e-6 * want.max(1.0),
                    "{name}: {loss}, {want}"
                );
                check_gradients(&name, &net, &tape, &gradients, &p, &data);
            }
        }
    }
}

/// Against central differences of the formula.
fn check_gradients(
    name: &str,
    net: &Net,
    tape: &Tape,
    gradients: &Gradients,
    p: &[Vec<f64>],
    data: &Mat<f32>,
) {
    const H: f64 = 1e-5;
    let mut largest = 0.0f64;
    for (number, parameter) in tape.parameters().enumerate() {
        for (element, &got) in gradients.get(parameter).as_slice().iter().enumerate() {
            let at = |delta: f64| {
                let mut p = p.to_vec();
                p[number][element] += delta;
                mean_loss(net, data, &p)
            };
            let want = (at(H) - at(-H)) / (2.0 * H);
            largest = largest.max(want.abs());
            assert!(
                (f64::from(got) - want).abs() < 1e-6 + 1e-4 * want.abs(),
                "{name}: parameter {number}, element {element}: {got}, not {want}"
            );
        }
    }
    assert!(largest > 1e-2, "{name}: nothing to see");
}

fn bits(tape: &Tape, parameters: &Parameters) -> Vec<u32> {
    let numbers = tape
        .parameters()
        .flat_map(|p| parameters.get(p).as_slice().to_vec());
    numbers.map(f32::to_bits).collect()
}

#[test]
fn fusion_and_threads_change_no_bit() {
    const ROWS: usize = 150;
    for net in nets() {
        let tape = recorded(&net);
        let mut random = Random(2);
        let start = parameters(&tape, &mut random);
        let data = random.mat(ROWS, net.shape.len(), -1.0..1.0);
        let mut seen = Vec::new();
        for fused in [true, false] {
            for parallelism in [Parallelism::Serial, Parallelism::Pool] {
                let context = Context::default().with_parallelism(parallelism);
                let mut program = Program::new(&tape, options(ROWS, fused, context)).unwrap();
                let mut parameters = start.clone();
                for step in 1..=3 {
                    let adam = Optimizer::adam_keras();
                    program
                        .step(&mut parameters, adam, 0.01, step, ROWS, fill(&data))
                        .unwrap();
                }
                seen.push(bits(&tape, &parameters));
            }
        }
        assert!(seen.iter().all(|bits| *bits == seen[0]), "{}", net.name);
        assert_ne!(seen[0], bits(&tape, &start), "{}", net.name);
    }
}

/// A weight that 200 steps use has 200 terms of its gradient.
#[test]
fn two_hundred_steps_use_the_same_weights() {
    const ROWS: usize = 2;
    let net = Net {
        name: "two hundred steps",
        shape: Shape::from([LONG, FEATURES]),
        record: |tape, x| record_recurrence(tape, x, LONG),
        loss: |x, p| recurrence(x, p),
    };
    let tape = recorded(&net);
    let mut random = Random(3);
    let mut parameters = parameters(&tape, &mut random);
    let data = random.mat(ROWS, net.shape.len(), -1.0..1.0);
    let p = in_f64(&tape, &parameters);
    let context = Context::default();
    for fused in [true, false] {
        let mut program = Program::new(&tape, options(ROWS, fused, context)).unwrap();
        let (_, gradients) = program.gradients(&parameters, ROWS, fill(&data)).unwrap();
        check_gradients(net.name, &net, &tape, &gradients, &p, &data);
    }
    let mut program = Program::new(&tape, options(ROWS, true, context)).unwrap();
    let mut losses = Vec::new();
    for step in 1..=60 {
        let adam = Optimizer::adam_keras();
        let loss = program.step(&mut parameters, adam, 0.02, step, ROWS, fill(&data));
        losses.push(loss.unwrap());
    }
    assert!(losses[59] < 0.1 * losses[0], "{losses:?}");
}

#[test]
fn samples_are_read_where_they_lie_even_with_gaps() {
    let (rows, features) = (40, STEPS * FEATURES);
    let mut tape = Tape::new();
    let x = tape.input([STEPS, FEATURES]);
    let (w, b) = (tape.weight(FEATURES, HIDDEN), tape.bias(HIDDEN));
    let (gamma, beta) = (tape.bias(HIDDEN), tape.bias(HIDDEN));
    let h = tape.dense(x, w, Some(b), Activation::Tanh).unwrap();
    let y = tape.layer_norm(h, gamma, beta, EPSILON).unwrap();
    let step = tape.columns(y, HIDDEN..2 * HIDDEN).unwrap();
    let mut random = Random(4);
    let parameters = parameters(&tape, &mut random);
    let wide = random.mat(rows, features + 3, -1.0..1.0);
    let gaps: MatRef<'_, f32> = wide.as_ref().submatrix(0..rows, 1..features + 1);
    let mut dense = Mat::zeros(rows, features);
    dense.as_mut().copy_from(gaps);
    for value in [y, step] {
        let inference = Inference::new(&tape, value, Context::default()).unwrap();
        let [with, without] =
            [gaps, dense.as_ref()].map(|input| inference.run_on(&parameters, input).unwrap());
        assert_eq!(with, without);
        // A row alone, and rows that the caller fills.
        let filled = inference.run(&parameters, rows, fill(&dense)).unwrap();
        assert_eq!(filled, without);
        let alone = dense.as_ref().submatrix(7..8, 0..features);
        let alone = inference.run_on(&parameters, alone).unwrap();
        assert_eq!(alone.as_slice(), without.row(7));
    }
    let [all, one] = [y, step].map(|value| {
        let inference = Inference::new(&tape, value, Context::default()).unwrap();
        inference.run_on(&parameters, gaps).unwrap()
    });
    for i in 0..rows {
        assert_eq!(all.row(i)[HIDDEN..2 * HIDDEN], *one.row(i));
    }
}

/// γ and β stay where they are frozen, and the layers below still learn.
#[test]
fn frozen_scales_let_gradients_pass() {
    let mut tape = Tape::new();
    let x = tape.input(6);
    let (w, gamma, beta) = (tape.weight(6, 6), tape.bias(6), tape.bias(6));
    tape.freeze(gamma).unwrap();
    tape.freeze(beta).unwrap();
    let h = tape.matmul(x, w).unwrap();
    let y = tape.layer_norm(h, gamma, beta, EPSILON).unwrap();
    tape.loss(Loss::MeanSquaredError, y, x).unwrap();
    let mut random = Random(5);
    let start = parameters(&tape, &mut random);
    let data = random.mat(9, 6, -1.0..1.0);
    let mut program = Program::new(&tape, ProgramOptions::new(9)).unwrap();
    let mut after = start.clone();
    let sgd = Optimizer::sgd();
    program
        .step(&mut after, sgd, 0.1, 1, 9, fill(&data))
        .unwrap();
    assert_ne!(after.get(w), start.get(w));
    assert_eq!(
        [after.get(gamma), after.get(beta)],
        [start.get(gamma), start.get(beta)]
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut tape = Tape::new();
    let x = tape.input([4, 3]);
    let (v3, v4, w) = (tape.bias(3), tape.bias(4), tape.weight(3, 3));
    let refused = |result: autoencoder::Result<Value>, says: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    };
    refused(
        tape.layer_norm(x, v4, v3, 1e-5),
        "γ: given 4 elements, expected 3",
    );
    refused(
        tape.layer_norm(x, v3, v4, 1e-5),
        "β: given 4 elements, expected 3",
    );
    refused(tape.layer_norm(x, w, v3, 1e-5), "a weight");
    for epsilon in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        refused(tape.layer_norm(x, v3, v3, epsilon), "ε");
    }
    refused(tape.reshape(x, 11), "12 numbers");
    refused(tape.columns(x, 3..3), "at least one of 12");
    refused(tape.columns(x, 3..13), "at least one of 12");
    refused(tape.add_bias(x, v4), "4 elements, expected 3");
    let w = tape.weight(12, 2);
    let message = tape.matmul(x, w).unwrap_err();
    assert!(matches!(message, Error::Shape { .. }), "{message}");
}
