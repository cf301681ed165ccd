//! Variational models: the ELBO against its definition in f64, codes, files,
//! samples, and training that is the same however it is cut.

mod common;

use autoencoder::data::{Dataset, digits, digits_split};
use autoencoder::model::{Checkpoint, Epoch, FitOptions, Regularization, Trainer};
use autoencoder::{Activation, Autoencoder, Level, Loss, Mat};
use autoencoder_kernels::random::{Key, fill_normal};
use autoencoder_kernels::reference::{self, math::sigmoid};
use common::{bits, model_bits};
use safetensors::SafeTensors;

fn model() -> Autoencoder {
    let builder = Autoencoder::builder().sample_shape([28, 28]);
    let builder = builder.encoder([16, 5]).hidden(Activation::Tanh);
    builder.variational(true).seed(3).build().unwrap()
}

fn data() -> (Dataset, Dataset) {
    let digits = digits();
    let part = |range| digits.slice(range).unwrap();
    (part(0..600), part(600..700))
}

fn options(epochs: u32, validation: &Dataset) -> FitOptions {
    FitOptions {
        epochs,
        batch_size: 100,
        validation: Some(validation.clone()),
        regularization: Regularization {
            beta: Some(0.5),
            beta_warm_up: 4,
            ..Regularization::default()
        },
        ..FitOptions::default()
    }
}

fn figure(epoch: &Epoch, name: &str) -> f64 {
    let figure = epoch.figures.iter().find(|figure| figure.name == name);
    figure.unwrap_or_else(|| panic!("{name} is missing")).value
}

/// A parameter by name, as f64, with its columns.
fn parameter(model: &Autoencoder, name: &str) -> (Vec<f64>, usize) {
    let mut parameters = model.parameters();
    let (_, mat) = parameters.find(|(info, _)| info.name == name).unwrap();
    let numbers = mat.as_slice().iter().map(|&x| f64::from(x));
    (numbers.collect(), mat.cols())
}

/// x·W + b of the layer of that name.
fn layer(model: &Autoencoder, name: &str, x: &[f64]) -> Vec<f64> {
    let (weight, cols) = parameter(model, &format!("{name}.weight"));
    let (mut y, _) = parameter(model, &format!("{name}.bias"));
    for (i, x) in x.iter().enumerate() {
        for (y, w) in y.iter_mut().zip(&weight[i * cols..]) {
            *y += x * w;
        }
    }
    y
}

#[test]
fn the_elbo_is_its_definition() {
    let (train, test) = data();
    let mut model = model();
    model.fit(&train, &options(2, &test)).unwrap();
    let samples = test.to_mat().unwrap();
    let mut noise = Mat::zeros(samples.rows(), 5);
    let key = Key {
        seed: 7,
        stream: u16::MAX - 2,
        step: 0,
    };
    fill_normal(Level::current(), key, 0, noise.as_mut()).unwrap();
    let (mut reconstruction, mut kl) = (0.0, 0.0);
    let codes = model.encode(&test).unwrap();
    for i in 0..samples.rows() {
        let x: Vec<f64> = samples.row(i).iter().map(|&x| f64::from(x)).collect();
        let hidden = layer(&model, "encoder.0", &x);
        let hidden: Vec<f64> = hidden.into_iter().map(f64::tanh).collect();
        let mean = layer(&model, "encoder.1", &hidden);
        let log_variance = layer(&model, "encoder.log_variance", &hidden);
        let mut z = Vec::new();
        for j in 0..5 {
            let (m, l) = (mean[j], log_variance[j]);
            kl += reference::penalty::kl_divergence(m, l);
            z.push(m + (0.5 * l).exp() * f64::from(noise[(i, j)]));
            // A code is its mean.
            assert!((f64::from(codes[(i, j)]) - m).abs() < 1e-4);
        }
        let hidden = layer(&model, "decoder.0", &z);
        let hidden: Vec<f64> = hidden.into_iter().map(f64::tanh).collect();
        for (y, x) in layer(&model, "decoder.1", &hidden).into_iter().zip(&x) {
            reconstruction -= x * sigmoid(y).ln() + (1.0 - x) * sigmoid(-y).ln();
        }
    }
    let elbo = model.elbo(&test, 7).unwrap();
    let count = samples.rows() as f64;
    for (got, want) in [(elbo.reconstruction, reconstruction), (elbo.kl, kl)] {
        let want = want / count;
        assert!((got - want).abs() < 1e-5 * want, "{got}, not {want}");
    }
    assert_eq!(elbo.value(), -(elbo.reconstruction + elbo.kl));
    let evaluation = model.evaluate(&test).unwrap();
    assert_eq!(evaluation.elbo, Some(model.elbo(&test, 0).unwrap()));
    // Reconstructions come from the mean.
    let by_mean = model.decode(&codes).unwrap();
    assert_eq!(bits(&model.reconstruct(&test).unwrap()), bits(&by_mean));
}

#[test]
fn other_losses_are_sums_over_the_features_too() {
    let (_, test) = data();
    let elbo = |loss: Loss| {
        let builder = Autoencoder::builder().input(784).encoder([4]);
        let builder = builder.output(Activation::Identity).loss(loss);
        let model = builder.variational(true).build().unwrap();
        model.elbo(&test, 0).unwrap().reconstruction
    };
    let mse = elbo(Loss::MeanSquaredError);
    assert!((mse - elbo(Loss::SumSquaredError)).abs() < 1e-5 * mse);
    assert!((mse - 2.0 * elbo(Loss::HalfSquaredNorm)).abs() < 1e-5 * mse);
    assert!(mse > 10.0, "{mse}");
}

#[test]
fn epochs_report_the_parts_of_their_losses() {
    let (train, test) = data();
    let mut model = model();
    let history = model.fit(&train, &options(5, &test)).unwrap();
    for (i, epoch) in history.epochs.iter().enumerate() {
        let beta = 0.5 * f64::min((i + 1) as f64 / 4.0, 1.0);
        assert_eq!(figure(epoch, "beta"), beta);
        for (loss, parts, beta) in [
            (epoch.loss, ["reconstruction", "kl"], beta),
            // Comparable from epoch to epoch.
            (
                epoch.val_loss.unwrap(),
                ["val_reconstruction", "val_kl"],
                0.5,
            ),
        ] {
            let [reconstruction, kl] = parts.map(|name| figure(epoch, name));
            let sum = reconstruction + beta * kl;
            assert!((loss - sum).abs() < 1e-4, "{loss}, not {sum}");
            assert!(reconstruction > 100.0 && kl > 0.0);
        }
    }
    // The validation's noise is that of the options' seed.
    let elbo = model.elbo(&test, 0).unwrap();
    let last = history.epochs.last().unwrap();
    for (name, want) in [
        ("val_reconstruction", elbo.reconstruction),
        ("val_kl", elbo.kl),
    ] {
        let got = figure(last, name);
        assert!((got - want).abs() < 1e-6 * want, "{name} {got}, not {want}");
    }
}

#[test]
fn training_gives_the_same_bits_in_parts_and_on_any_threads() {
    let (train, test) = data();
    let options = options(4, &test);
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let mut model = model();
            let history = model.fit(&train, &options).unwrap();
            (model_bits(&model), history.epochs[3].val_loss)
        })
    };
    let want = with_threads(1);
    assert_eq!(with_threads(2), want);
    assert_eq!(with_threads(3), want);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let model = model();
    let mut trainer = Trainer::new(&model, &train, &options).unwrap();
    for _ in 0..2 {
        assert!(trainer.epoch(&mut ()).unwrap().is_continue());
    }
    trainer.save(&path, "").unwrap();
    drop(trainer);
    let checkpoint = Checkpoint::load(&path).unwrap();
    let mut trainer = Trainer::resume(checkpoint, &train, &options).unwrap();
    while trainer.epoch(&mut ()).unwrap().is_continue() {}
    let (model, history) = trainer.finish();
    assert_eq!((model_bits(&model), history.epochs[3].val_loss), want);
}

#[test]
fn files_have_both_heads() {
    let (train, test) = data();
    let mut model = model();
    model.fit(&train, &options(1, &test)).unwrap();
    let bytes = model.to_safetensors().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.names().len(), 10);
    for (name, shape) in [
        ("encoder.1.weight", &[5, 16][..]),
        ("encoder.log_variance.weight", &[5, 16]),
        ("encoder.log_variance.bias", &[5]),
        ("decoder.0.weight", &[16, 5]),
    ] {
        assert_eq!(file.tensor(name).unwrap().shape(), shape, "{name}");
    }
    let loaded = Autoencoder::from_safetensors(&bytes).unwrap();
    assert!(loaded.architecture().is_variational());
    assert_eq!(loaded.architecture(), model.architecture());
    assert_eq!(loaded.training(), model.training());
    assert_eq!(model_bits(&loaded), model_bits(&model));
    assert_eq!(loaded.to_safetensors().unwrap(), bytes);
    let regularization = loaded.training().unwrap().regularization;
    assert_eq!(
        (regularization.beta, regularization.beta_warm_up),
        (Some(0.5), 4)
    );
    let summary = model.summary().to_string();
    assert!(
        summary.contains("encoder.log_variance  16 → 5"),
        "{summary}"
    );
    assert!(summary.contains("; variational;"), "{summary}");
    // Two of 16 × 5.
    assert_eq!(
        model.architecture().parameter_count(),
        784 * 16 + 16 + 2 * (16 * 5 + 5) + 5 * 16 + 16 + 16 * 784 + 784
    );

    // A tied decoder uses μ's weights, and the file knows both.
    let builder = Autoencoder::builder().input(784).encoder([16, 5]);
    let mut tied = builder.variational(true).tied(true).build().unwrap();
    tied.fit(&train, &options(1, &test)).unwrap();
    let again = Autoencoder::from_safetensors(&tied.to_safetensors().unwrap()).unwrap();
    assert_eq!(model_bits(&again), model_bits(&tied));
}

#[test]
fn samples_come_from_the_prior() {
    let (train, test) = data();
    let mut model = model();
    model.fit(&train, &options(2, &test)).unwrap();
    let samples = model.sample(40, 1).unwrap();
    assert_eq!(samples.shape(), (40, 784));
    let few = model.sample(7, 1).unwrap();
    assert_eq!(bits(&few), bits(&samples)[..7 * 784]);
    assert_ne!(bits(&model.sample(7, 2).unwrap()), bits(&few));
    assert_eq!(model.sample(0, 1).unwrap().shape(), (0, 784));
    let mut codes = Mat::zeros(40, 5);
    let key = Key {
        seed: 1,
        stream: u16::MAX - 3,
        step: 0,
    };
    fill_normal(Level::current(), key, 0, codes.as_mut()).unwrap();
    assert_eq!(bits(&model.decode(&codes).unwrap()), bits(&samples));

    let plain = Autoencoder::builder()
        .input(784)
        .encoder([4])
        .build()
        .unwrap();
    for error in [
        plain.sample(1, 0).unwrap_err(),
        plain.elbo(&test, 0).unwrap_err(),
    ] {
        assert!(error.to_string().contains("--variational"), "{error}");
    }
    assert_eq!(plain.evaluate(&test).unwrap().elbo, None);
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let builder = || Autoencoder::builder().input(784).encoder([4]);
    let error = builder().variational(true).code(Activation::Relu).build();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("variational code is relu"), "{error}");
    let (train, test) = data();
    let mut plain = builder().build().unwrap();
    let error = plain.fit(&train, &options(1, &test)).unwrap_err();
    assert!(error.to_string().contains("not variational"), "{error}");
    let variational = builder().variational(true).build().unwrap();
    let architecture = variational.architecture().clone();
    let error = builder().build().unwrap().with_architecture(architecture);
    assert!(error.unwrap_err().to_string().contains("variational"));
}

/// The ELBO of 784-400-20-400-784 after 100 epochs on 9 000 digits is about
/// −108 nats (see the guide's chapter on the command line); a model that ignores its code
/// ends at −206.
#[test]
fn digits_are_learned() {
    let (train, test) = digits_split();
    let train = train.slice(0..4_000).unwrap();
    let builder = Autoencoder::builder().input(784).encoder([64, 8]);
    let mut model = builder.variational(true).build().unwrap();
    let options = FitOptions {
        epochs: 8,
        batch_size: 64,
        learning_rate: Some(2e-3),
        ..FitOptions::default()
    };
    model.fit(&train, &options).unwrap();
    let elbo = model.elbo(&test, 0).unwrap();
    assert!(elbo.value() > -165.0, "{elbo:?}");
    assert!(elbo.kl > 5.0, "{elbo:?}");
    // Samples are as dark as digits are.
    let mean = |mat: &Mat<f32>| {
        let sum: f64 = mat.as_slice().iter().map(|&x| f64::from(x)).sum();
        sum / mat.as_slice().len() as f64
    };
    let (samples, digits) = (model.sample(500, 0).unwrap(), test.to_mat().unwrap());
    let difference = mean(&samples) - mean(&digits);
    assert!(difference.abs() < 0.04, "{difference}");
}
