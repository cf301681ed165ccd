//! Models through the public interface: shapes, activations, losses and tying,
//! each against a few lines of f64 arithmetic.

mod common;

use autoencoder::data::{Dataset, digits};
use autoencoder::model::{Architecture, FitOptions, Part};
use autoencoder::{Activation, Autoencoder, Error, Loss, Mat};
use common::bits;

/// Numbers in [0, 1] without a pattern that a layer could hide.
fn samples(rows: usize, features: usize) -> Mat<f32> {
    Mat::from_fn(rows, features, |i, j| {
        ((i * 31 + j * 17 + 7) * 2_654_435_761 % 1_000) as f32 / 1_000.0
    })
}

/// One sample through the layers of a part, in f64.
fn forward(model: &Autoencoder, part: Part, sample: &[f64]) -> Vec<f64> {
    let parameter = |name: String| {
        let mut parameters = model.parameters();
        parameters
            .find(|(info, _)| info.name == name)
            .map(|(_, mat)| mat)
    };
    let architecture = model.architecture();
    let mut x = sample.to_vec();
    let layers = architecture.layers();
    for placed in layers.iter().filter(|placed| placed.part == part) {
        let (i, name) = (placed.number, placed.name());
        let weight = |input: usize, output: usize| match parameter(format!("{name}.weight")) {
            Some(weight) => f64::from(weight[(input, output)]),
            None => {
                let mirror = architecture.encoder().len() - 1 - i;
                let weight = parameter(format!("encoder.{mirror}.weight")).unwrap();
                f64::from(weight[(output, input)])
            }
        };
        let bias = parameter(format!("{name}.bias")).unwrap();
        x = (0..placed.output.len())
            .map(|output| {
                let products = x
                    .iter()
                    .enumerate()
                    .map(|(input, x)| x * weight(input, output));
                let z = products.sum::<f64>() + f64::from(bias[(0, output)]);
                match placed.layer.kind().activation().unwrap() {
                    Activation::Relu => z.max(0.0),
                    Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
                    Activation::Tanh => z.tanh(),
                    Activation::Identity => z,
                    other => panic!("not used here: {other}"),
                }
            })
            .collect();
    }
    x
}

fn f64s(row: &[f32]) -> Vec<f64> {
    row.iter().copied().map(f64::from).collect()
}

fn assert_close(given: &[f32], expected: &[f64]) {
    assert_eq!(given.len(), expected.len());
    for (given, expected) in given.iter().zip(expected) {
        assert!(
            (f64::from(*given) - expected).abs() < 1e-5,
            "{given} {expected}"
        );
    }
}

/// Untied, tied, deep, and with a decoder of its own; trained a little, so that
/// no bias is zero.
fn models() -> Vec<Autoencoder> {
    let builder = || Autoencoder::builder().input(12).hidden(Activation::Tanh);
    let deep = builder().encoder([9, 4]).code(Activation::Identity);
    let models = [
        Autoencoder::builder().input(12).encoder([5]),
        deep.clone(),
        deep.clone().tied(true),
        deep.decoder([5, 7, 12])
            .output(Activation::Identity)
            .loss(Loss::Huber { delta: 0.5 }),
        builder()
            .encoder([3])
            .loss(Loss::BinaryCrossEntropyClipped)
            .tied(true),
    ];
    let data = Dataset::from_mat(samples(40, 12).as_ref());
    let options = FitOptions {
        epochs: 2,
        batch_size: 16,
        learning_rate: Some(0.02),
        ..FitOptions::default()
    };
    models
        .into_iter()
        .enumerate()
        .map(|(seed, builder)| {
            let mut model = builder.seed(seed as u64).build().unwrap();
            model.fit(&data, &options).unwrap();
            assert!(
                model
                    .parameters()
                    .all(|(_, mat)| mat.as_slice().iter().any(|&x| x != 0.0))
            );
            model
        })
        .collect()
}

#[test]
fn codes_and_reconstructions_are_those_of_the_formula() {
    // Two blocks of rows and a bit.
    let samples = samples(67, 12);
    for model in models() {
        let codes = model.encode(&samples).unwrap();
        let decoded = model.decode(&codes).unwrap();
        let reconstructed = model.reconstruct(&samples).unwrap();
        for i in 0..samples.rows() {
            let code = forward(&model, Part::Encoder, &f64s(samples.row(i)));
            assert_close(codes.row(i), &code);
            let output = forward(&model, Part::Decoder, &code);
            assert_close(reconstructed.row(i), &output);
        }
        assert_eq!(bits(&decoded), bits(&reconstructed));
    }
}

#[test]
fn losses_are_those_of_the_formula() {
    let samples = samples(300, 12);
    for model in models() {
        let output = model.reconstruct(&samples).unwrap();
        let errors = model.reconstruction_error(&samples).unwrap();
        let (mut own, mut squared, mut absolute) = (0.0, 0.0, 0.0);
        for i in 0..samples.rows() {
            let mean = |value: &dyn Fn(f64, f64) -> f64| {
                let pairs = f64s(output.row(i)).into_iter().zip(f64s(samples.row(i)));
                pairs.map(|(y, t)| value(y, t)).sum::<f64>() / 12.0
            };
            let mse = mean(&|y, t| (y - t).powi(2));
            let loss = match model.loss() {
                Loss::Huber { delta } => mean(&|y, t| {
                    let (d, delta) = ((y - t).abs(), f64::from(delta));
                    if d <= delta {
                        d * d / 2.0
                    } else {
                        delta * (d - delta / 2.0)
                    }
                }),
                _ => mean(&|y, t| -t * y.ln() - (1.0 - t) * (1.0 - y).ln()),
            };
            assert!((f64::from(errors.mean_squared_error[i]) - mse).abs() < 1e-5);
            assert!((f64::from(errors.loss[i]) - loss).abs() < 1e-5);
            own += loss / 300.0;
            squared += mse / 300.0;
            absolute += mean(&|y, t| (y - t).abs()) / 300.0;
        }
        let evaluation = model.evaluate(&samples).unwrap();
        assert_eq!(evaluation.samples, 300);
        assert!((evaluation.loss - own).abs() < 1e-6);
        assert!((evaluation.mean_squared_error - squared).abs() < 1e-6);
        assert!((evaluation.mean_absolute_error - absolute).abs() < 1e-6);
    }
}

/// Whether they are bytes or lie in a matrix, few or many, the last of a task too.
#[test]
fn a_row_has_the_same_bits_whatever_its_neighbours() {
    let all = digits().slice(0..264).unwrap();
    let matrix = all.to_mat().unwrap();
    for encoder in [&[64, 32][..], &[32]] {
        let builder = Autoencoder::builder().input(784).encoder(encoder);
        let model = builder.build().unwrap();
        let together = model.reconstruct(&all).unwrap();
        assert_eq!(bits(&model.reconstruct(&matrix).unwrap()), bits(&together));
        for range in [0..1, 7..17, 7..18, 31..65, 199..200] {
            let rows = together.as_ref().submatrix(range.clone(), 0..784);
            let bytes = model.reconstruct(&all.slice(range.clone()).unwrap());
            let floats = model.reconstruct(matrix.as_ref().submatrix(range, 0..784));
            for some in [bytes, floats] {
                assert_eq!(bits(&some.unwrap()), bits(&rows.to_owned()));
            }
        }
        let none = model.encode(&all.slice(0..0).unwrap()).unwrap();
        assert_eq!(none.shape(), (0, 32));
    }
}

#[test]
fn rows_of_another_width_are_an_error() {
    let model = Autoencoder::builder()
        .input(12)
        .encoder([5])
        .build()
        .unwrap();
    for result in [
        model.encode(&samples(3, 11)),
        model.reconstruct(&samples(3, 13)),
        model.decode(&samples(3, 12)),
    ] {
        assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
    }
    assert!(model.evaluate(&samples(3, 11)).is_err());
    assert!(model.reconstruction_error(&samples(3, 11)).is_err());
}

#[test]
fn the_builder_fills_in_what_is_left_out_and_names_what_is_missing() {
    let built = |builder: &autoencoder::model::Builder| builder.architecture();
    let builder = Autoencoder::builder()
        .sample_shape([28, 28])
        .encoder([128, 64]);
    let architecture = built(&builder).unwrap();
    let widths = |architecture: &Architecture| -> Vec<usize> {
        let layers = architecture.layers();
        layers.iter().map(|placed| placed.output.len()).collect()
    };
    assert_eq!(widths(&architecture), [128, 64, 128, 784]);
    assert_eq!((architecture.input(), architecture.code()), (784, 64));
    let layers = architecture.layers();
    let activations = layers.iter().map(|placed| placed.layer.kind().activation());
    let activations: Vec<_> = activations.flatten().collect();
    use Activation::{Identity, Relu, Sigmoid};
    assert_eq!(activations, [Relu, Relu, Relu, Sigmoid]);
    assert_eq!(architecture.loss(), Loss::BinaryCrossEntropy);
    let linear = built(&builder.clone().output(Identity)).unwrap();
    assert_eq!(linear.loss(), Loss::MeanSquaredError);
    let own = built(&builder.clone().decoder([100, 784]).code(Identity)).unwrap();
    assert_eq!(widths(&own), [128, 64, 100, 784]);
    assert_eq!(own.encoder()[1].kind().activation(), Some(Identity));

    for (builder, says) in [
        (Autoencoder::builder().encoder([3]), "input"),
        (Autoencoder::builder().input(3), "encoder"),
        (
            Autoencoder::builder().input(0).encoder([3]),
            "the input is 0",
        ),
        (builder.clone().decoder([]), "at least one"),
        (builder.clone().decoder([64, 783]), "783"),
        (builder.clone().decoder([99, 784]).tied(true), "mirror"),
        (
            builder.clone().output(Relu).loss(Loss::BinaryCrossEntropy),
            "bce-clipped",
        ),
        (builder.clone().loss(Loss::Huber { delta: -1.0 }), "delta"),
        (
            builder.clone().hidden(Activation::Elu { alpha: f32::NAN }),
            "alpha",
        ),
        (
            Autoencoder::builder()
                .sample_shape([usize::MAX, 2])
                .encoder([1]),
            "memory",
        ),
        (
            Autoencoder::builder().input(1 << 30).encoder([1 << 30]),
            "memory",
        ),
    ] {
        let message = builder.build().unwrap_err().to_string();
        assert!(
            message.contains(says) && !message.contains('\n'),
            "{message}"
        );
    }
}
