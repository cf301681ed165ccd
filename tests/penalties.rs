//! Parts of a loss and their factors, weight decay, and what a tape refuses to
//! penalise. (Gradients are tested in `gradients.rs`.)

mod nets;

use std::ops::Range;

use autoencoder::tape::{Parameters, Program, ProgramOptions, Tape, Value};
use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::optimizer::Optimizer;
use autoencoder_kernels::{Mat, MatMut, Noise, reference};
use nets::{Kind, Net, Random, filler, initialise};

const ROWS: usize = 67;

fn net(kind: Kind) -> Net {
    Net {
        kind,
        features: 9,
        hidden: 7,
        code: 4,
        activation: Activation::Tanh,
        output: Activation::Sigmoid,
        loss: Loss::BinaryCrossEntropy,
    }
}

fn data(net: &Net, inputs: usize, random: &mut Random) -> Vec<Mat<f32>> {
    (0..inputs)
        .map(|_| random.mat(ROWS, net.features, 0.0..1.0))
        .collect()
}

#[test]
fn the_loss_is_the_sum_of_its_parts_times_their_factors() {
    for (kind, factors) in [
        (Kind::Penalised, &[1.0, 0.05, 0.2, 0.3][..]),
        (Kind::Variational, &[1.0, 0.7]),
    ] {
        let net = net(kind);
        let (tape, inputs, _) = net.tape();
        let mut parameters = Parameters::zeros(&tape).unwrap();
        let mut random = Random(1);
        initialise(&mut parameters, &tape, &mut random);
        let data = data(&net, inputs.len(), &mut random);
        let mut program = Program::new(&tape, ProgramOptions::new(ROWS)).unwrap();
        let fill = filler(&inputs, &data);
        let loss = program.loss(&parameters, ROWS, &fill).unwrap();
        let parts = program.parts().to_vec();
        assert_eq!(parts.len(), factors.len());
        let sum: f64 = parts.iter().zip(factors).map(|(p, f)| p * f).sum();
        assert!((loss - sum).abs() < 1e-6 * sum, "{loss}, {parts:?}");
        assert!(parts.iter().all(|&part| part > 1e-3), "{parts:?}");
        // The same parts on the way to gradients.
        program.gradients(&parameters, ROWS, &fill).unwrap();
        assert_eq!(program.parts(), parts);
    }
}

#[test]
fn a_factor_changes_the_loss_and_its_gradient_but_no_part() {
    let mut tape = Tape::new();
    let x = tape.input(5);
    let (w, v) = (tape.weight(5, 3), tape.weight(5, 3));
    let mean = tape.matmul(x, w).unwrap();
    let log_variance = tape.matmul(x, v).unwrap();
    let beta = tape.normal_divergence(mean, log_variance, 0.0).unwrap();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    let mut random = Random(3);
    initialise(&mut parameters, &tape, &mut random);
    let data = [random.mat(8, 5, 0.0..1.0)];
    let inputs = [x];
    let fill = filler(&inputs, &data);
    let mut program = Program::new(&tape, ProgramOptions::new(8)).unwrap();
    let (loss, gradients) = program.gradients(&parameters, 8, &fill).unwrap();
    assert_eq!(loss, 0.0);
    assert!(gradients.get(w).as_slice().iter().all(|&g| g == 0.0));

    // Naively, in f64.
    let dot = |weight: &Mat<f32>, i: usize, j: usize| -> f64 {
        let terms = (0..5).map(|k| f64::from(data[0][(i, k)]) * f64::from(weight[(k, j)]));
        terms.sum()
    };
    let mut want = 0.0;
    for i in 0..8 {
        for j in 0..3 {
            let (m, l) = (dot(parameters.get(w), i, j), dot(parameters.get(v), i, j));
            want += reference::penalty::kl_divergence(m, l) / 8.0;
        }
    }
    let part = program.parts()[0];
    assert!((part - want).abs() < 1e-6 * want, "{part}, not {want}");
    let gradients = [1.0, 4.0].map(|factor| {
        program.set_factor(beta, factor);
        let (loss, gradients) = program.gradients(&parameters, 8, &fill).unwrap();
        assert_eq!(loss, f64::from(factor) * part);
        assert_eq!(program.parts(), [part]);
        gradients
    });
    for parameter in [w, v] {
        let [one, four] = [0, 1].map(|i| gradients[i].get(parameter).as_slice());
        // A power of two is exact.
        assert!(one.iter().zip(four).all(|(one, four)| 4.0 * one == *four));
    }
}

#[test]
fn weight_decay_is_added_to_the_gradients_of_weights_alone() {
    let net = net(Kind::Tied);
    let (tape, inputs, _) = net.tape();
    let mut random = Random(5);
    let mut start = Parameters::zeros(&tape).unwrap();
    initialise(&mut start, &tape, &mut random);
    let data = data(&net, inputs.len(), &mut random);
    for fused in [true, false] {
        for limit in [None, Some(0.01)] {
            let options = ProgramOptions {
                fused,
                ..ProgramOptions::new(ROWS)
            };
            let step = |decay: f32| {
                let mut program = Program::new(&tape, options).unwrap();
                program.clip_gradients(limit).unwrap();
                program.set_weight_decay(decay);
                let (mut parameters, sgd) = (start.clone(), Optimizer::sgd());
                let fill = filler(&inputs, &data);
                let step = program.step(&mut parameters, sgd, 0.5, 1, ROWS, fill);
                (step.unwrap(), parameters)
            };
            let (plain, decayed) = (step(0.0), step(0.1));
            assert_eq!(plain.0, decayed.0);
            for parameter in tape.parameters() {
                let is_bias = tape.shape(parameter).unwrap().0 == 1;
                let all = [&start, &plain.1, &decayed.1].map(|p| p.get(parameter).as_slice());
                for ((start, plain), decayed) in all[0].iter().zip(all[1]).zip(all[2]) {
                    // w − lr·(g + decay·w)
                    let want = if is_bias {
                        *plain
                    } else {
                        plain - 0.05 * start
                    };
                    assert!((decayed - want).abs() < 1e-6, "{decayed}, not {want}");
                }
            }
        }
    }
}

/// Units that are always on or always off are as far from their target as an f32
/// can tell, not infinitely far.
#[test]
fn a_rate_of_nothing_or_of_all_has_a_finite_penalty() {
    let mut tape = Tape::new();
    let x = tape.input(1);
    let (w, b) = (tape.weight(1, 2), tape.bias(2));
    let rates = tape.dense(x, w, Some(b), Activation::Sigmoid).unwrap();
    tape.sparsity_penalty(rates, 0.25, 1.0).unwrap();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    parameters.get_mut(b).set(0, 0, 100.0);
    parameters.get_mut(b).set(0, 1, -100.0);
    let mut program = Program::new(&tape, ProgramOptions::new(4)).unwrap();
    let (inputs, data) = ([x], [Mat::zeros(4, 1)]);
    let fill = filler(&inputs, &data);
    let (loss, gradients) = program.gradients(&parameters, 4, &fill).unwrap();
    let nats = |rate| reference::penalty::kl_sparsity(0.25, rate);
    let want = nats(1.0 - 1e-7) + nats(1e-7);
    assert!((loss - want).abs() < 1e-9 * want, "{loss}, not {want}");
    let gradients = gradients.get(b).as_slice();
    assert!(gradients.iter().all(|g| g.is_finite()), "{gradients:?}");
}

#[test]
fn what_cannot_be_penalised_is_an_error_that_says_so() {
    let mut tape = Tape::new();
    let x = tape.input(4);
    let (w, b) = (tape.weight(4, 3), tape.bias(3));
    let h = tape.dense(x, w, Some(b), Activation::Relu).unwrap();
    let w2 = tape.weight(3, 3);
    let deep = tape.dense(h, w2, None, Activation::Sigmoid).unwrap();
    let soft = tape.dense(x, w, None, Activation::Softmax).unwrap();
    tape.contractive_penalty(h, 0.1).unwrap();
    let noisy = tape.corrupt(x, Noise::Gaussian { stddev: 0.1 }).unwrap();
    let dropped = tape.dropout(noisy, 0.1).unwrap();
    for (result, says) in [
        (tape.absolute_penalty(x, 0.1), "free of parameters"),
        (tape.absolute_penalty(h, 0.0), "positive"),
        (tape.absolute_penalty(h, f32::NAN), "positive"),
        (tape.sparsity_penalty(h, 0.1, 1.0), "relu, expected sigmoid"),
        (tape.sparsity_penalty(deep, 1.0, 1.0), "between 0 and 1"),
        (tape.sparsity_penalty(deep, 0.0, 1.0), "between 0 and 1"),
        (tape.absolute_penalty(noisy, 0.1), "free of parameters"),
        (tape.absolute_penalty(dropped, 0.1), "free of parameters"),
        (tape.sparsity_penalty(deep, 0.1, -1.0), "positive"),
        (tape.contractive_penalty(deep, 0.1), "one dense layer"),
        (tape.contractive_penalty(soft, 0.1), "softmax"),
        (tape.contractive_penalty(h, 0.1), "is 2, expected one"),
        (tape.normal_divergence(h, x, 1.0), "4 features"),
        (tape.normal_divergence(h, h, -1.0), "positive"),
        (tape.normal_divergence(x, x, 1.0), "free of parameters"),
        (
            tape.scaled_loss(Loss::MeanSquaredError, h, x, 0.0),
            "factor",
        ),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(says), "{message:?} does not say {says:?}");
    }
    for (mean, log_variance, noise, says) in [
        (h, x, h, "log σ² of a sample"),
        (h, h, x, "4 features"),
        (h, h, h, "a computed value"),
    ] {
        let error = tape.normal_sample(mean, log_variance, noise).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    // An input with noise is one to a layer.
    let w3 = tape.weight(4, 2);
    let h = tape.dense(dropped, w3, None, Activation::Tanh).unwrap();
    tape.contractive_penalty(h, 0.1).unwrap();
}

#[test]
fn a_loss_may_have_any_number_of_parts() {
    const PENALTIES: usize = 20;
    let mut tape = Tape::new();
    let x = tape.input(4);
    let w = tape.weight(4, 4);
    let y = tape.dense(x, w, None, Activation::Identity).unwrap();
    tape.loss(Loss::MeanSquaredError, y, x).unwrap();
    for _ in 0..PENALTIES {
        tape.absolute_penalty(y, 0.25).unwrap();
    }
    let mut parameters = Parameters::zeros(&tape).unwrap();
    parameters.get_mut(w).fill(0.5);
    let mut program = Program::new(&tape, ProgramOptions::new(8)).unwrap();
    let fill = |_: Value, _: Range<usize>, mut to: MatMut<'_, f32>| {
        to.fill(1.0);
        Ok(())
    };
    // y = 2 in each of four features: (y − 1)² and 4·|y|.
    let loss = program.loss(&parameters, 8, fill).unwrap();
    assert_eq!(program.parts().len(), 1 + PENALTIES);
    assert_eq!(program.parts()[0], 1.0);
    assert!(program.parts()[1..].iter().all(|&part| part == 8.0));
    assert_eq!(loss, 1.0 + PENALTIES as f64 * 0.25 * 8.0);
}
