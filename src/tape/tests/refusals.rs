//! What recording and replay refuse, and that nothing has changed then.

use super::*;

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
