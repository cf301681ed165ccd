//! Clipping by the global norm, against the gradients scaled by hand.

mod nets;

use autoencoder::tape::{Parameters, Program, ProgramOptions};
use autoencoder_kernels::optimizer::{Optimizer, OptimizerState, update};
use autoencoder_kernels::{Activation, Context, Level, Loss, Mat};
use nets::{Kind, Net, Random, filler, initialise};

const ROWS: usize = 77;
const LEARNING_RATE: f32 = 0.05;

fn net(kind: Kind) -> Net {
    Net {
        kind,
        features: 131,
        hidden: 70,
        code: 33,
        activation: Activation::Tanh,
        output: Activation::Sigmoid,
        loss: Loss::BinaryCrossEntropy,
    }
}

/// All parameters after some steps of the program, and the norms it told.
fn clipped(kind: Kind, limit: f32, fused: bool, threads: usize) -> (Vec<Mat<f32>>, Vec<f64>) {
    let net = net(kind);
    let (tape, inputs, _) = net.tape();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    initialise(&mut parameters, &tape, &mut Random(7));
    let options = ProgramOptions {
        fused,
        ..ProgramOptions::new(ROWS)
    };
    let mut program = Program::new(&tape, options).unwrap();
    assert_eq!(program.gradient_norm(), None);
    program.clip_gradients(Some(limit)).unwrap();
    let (mut random, mut norms) = (Random(8), Vec::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(|| {
        for step in 1..=3 {
            let x = || random.mat(ROWS, net.features, 0.0..1.0);
            let data: Vec<Mat<f32>> = std::iter::repeat_with(x).take(inputs.len()).collect();
            let fill = filler(&inputs, &data);
            let optimizer = Optimizer::momentum(0.9);
            program
                .step(&mut parameters, optimizer, LEARNING_RATE, step, ROWS, fill)
                .unwrap();
            norms.push(program.gradient_norm().unwrap());
        }
    });
    let all = tape.parameters().map(|p| parameters.get(p).clone());
    (all.collect(), norms)
}

/// The same by hand: gradients, their norm element by element in f64, and the
/// optimiser on what is left of them.
fn by_hand(kind: Kind, limit: f32) -> (Vec<Mat<f32>>, Vec<f64>) {
    let net = net(kind);
    let (tape, inputs, _) = net.tape();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    initialise(&mut parameters, &tape, &mut Random(7));
    let options = ProgramOptions {
        fused: false,
        context: Context::serial(),
        ..ProgramOptions::new(ROWS)
    };
    let mut program = Program::new(&tape, options).unwrap();
    let optimizer = Optimizer::momentum(0.9);
    let shapes = tape.parameters().map(|p| tape.shape(p).unwrap());
    let mut states: Vec<OptimizerState> = shapes
        .map(|(rows, cols)| OptimizerState::new(optimizer, rows, cols).unwrap())
        .collect();
    let (mut random, mut norms) = (Random(8), Vec::new());
    for step in 1..=3 {
        let x = || random.mat(ROWS, net.features, 0.0..1.0);
        let data: Vec<Mat<f32>> = std::iter::repeat_with(x).take(inputs.len()).collect();
        let fill = filler(&inputs, &data);
        let (_, gradients) = program.gradients(&parameters, ROWS, fill).unwrap();
        let elements = tape.parameters().flat_map(|p| gradients.get(p).as_slice());
        let norm = elements.map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        norms.push(norm);
        let factor = (f64::from(limit) / norm).min(1.0) as f32;
        for (parameter, state) in tape.parameters().zip(&mut states) {
            let gradient = gradients.get(parameter).as_slice();
            let gradient: Vec<f32> = gradient.iter().map(|g| g * factor).collect();
            let mut weight = parameters.get(parameter).clone();
            update(
                Level::current(),
                optimizer,
                LEARNING_RATE,
                step,
                weight.as_mut_slice(),
                &gradient,
                state,
            )
            .unwrap();
            parameters.get_mut(parameter).copy_from(weight.as_ref());
        }
    }
    let all = tape.parameters().map(|p| parameters.get(p).clone());
    (all.collect(), norms)
}

#[test]
fn clipped_steps_are_those_of_scaled_gradients() {
    // A step of a noisy net and `Program::gradients` draw different numbers.
    for kind in Kind::ALL.into_iter().filter(|&kind| kind != Kind::Noisy) {
        // Far below the norms of this net, and far above.
        for limit in [0.01, 1e6] {
            let (expected, norms) = by_hand(kind, limit);
            for fused in [true, false] {
                let one = clipped(kind, limit, fused, 1);
                for (norm, expected) in one.1.iter().zip(&norms) {
                    assert!((norm / expected - 1.0).abs() < 1e-6, "{norm} {expected}");
                    assert!((0.02..1e5).contains(norm), "{norm}");
                }
                for (mat, expected) in one.0.iter().zip(&expected) {
                    for (a, b) in mat.as_slice().iter().zip(expected.as_slice()) {
                        assert!((a - b).abs() < 1e-6, "{kind:?} {limit}: {a} {b}");
                    }
                }
                let bits = |mats: &[Mat<f32>]| -> Vec<u32> {
                    let values = mats.iter().flat_map(|mat| mat.as_slice());
                    values.map(|x| x.to_bits()).collect()
                };
                for threads in [2, 3] {
                    let more = clipped(kind, limit, fused, threads);
                    assert!(bits(&more.0) == bits(&one.0), "{kind:?}, {threads} threads");
                    assert_eq!(more.1, one.1);
                }
            }
        }
    }
}

#[test]
fn a_limit_that_is_no_norm_is_an_error() {
    let (tape, _, _) = net(Kind::Plain).tape();
    let mut program = Program::new(&tape, ProgramOptions::new(1)).unwrap();
    for limit in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = program.clip_gradients(Some(limit)).unwrap_err();
        assert!(error.to_string().contains("positive"), "{error}");
    }
    program.clip_gradients(Some(1.0)).unwrap();
    program.clip_gradients(None).unwrap();
    assert_eq!(program.gradient_norm(), None);
}
