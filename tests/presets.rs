//! The tutorials' programs: what they are made of, and how far they get.

use autoencoder::data::Dataset;
use autoencoder::model::{FitOptions, History, Preset};
use autoencoder::{Autoencoder, Error};

/// Trains a preset, for fewer epochs than its own if that is asked for.
fn train(name: &str, epochs: Option<u32>) -> (Autoencoder, History) {
    let preset = Preset::named(name).unwrap();
    let (data, validation) = preset.data().unwrap();
    let options = preset.options();
    let options = FitOptions {
        epochs: epochs.unwrap_or(options.epochs),
        validation,
        ..options
    };
    let mut model = preset.builder().build().unwrap();
    let history = model.fit(&data, &options).unwrap();
    (model, history)
}

fn val_loss(history: &History) -> f64 {
    history.epochs.last().unwrap().val_loss.unwrap()
}

#[test]
fn presets_are_what_the_tutorials_wrote() {
    let simple = (784 * 32 + 32) + (32 * 784 + 784);
    let deep = (784 * 128 + 128) + (128 * 64 + 64) + (64 * 64 + 64);
    let deep = deep + (64 * 128 + 128) + (128 * 784 + 784);
    let gaussian = (10 * 5 + 5) + (5 * 8 + 8) + (8 * 10 + 10);
    let mut expected = vec![
        ("keras-simple-adadelta", simple, "bce", "adadelta", 0.001),
        (
            "keras-simple-adadelta-keras2",
            simple,
            "bce",
            "adadelta-keras2",
            1.0,
        ),
        ("keras-simple-adam", simple, "bce", "adam", 0.001),
        ("keras-deep-mse", deep, "mse", "adam", 0.001),
        ("tied", 784 * 32 + 32 + 784, "bce", "adam", 0.001),
        ("gaussian-10", gaussian, "bce", "adadelta", 0.001),
        ("gaussian-10-mse", gaussian, "mse", "adam", 0.01),
    ];
    for preset in Preset::ALL {
        let (architecture, options) = (preset.builder().architecture().unwrap(), preset.options());
        let (data, validation) = preset.data().unwrap();
        assert_eq!(data.features(), architecture.input());
        assert!(validation.is_some() && !preset.about.is_empty());
        expected.retain(|&(name, parameters, loss, optimizer, rate)| {
            if name != preset.name {
                return true;
            }
            assert_eq!(architecture.parameter_count(), parameters, "{name}");
            assert_eq!(architecture.loss().to_string(), loss, "{name}");
            assert_eq!(options.optimizer.to_string(), optimizer, "{name}");
            assert_eq!(options.effective_learning_rate(), rate, "{name}");
            assert_eq!(
                options.warnings().len(),
                usize::from(optimizer == "adadelta")
            );
            false
        });
    }
    assert!(expected.is_empty(), "no preset: {expected:?}");
    let message = Preset::named("keras").unwrap_err().to_string();
    assert!(message.contains("keras-deep-mse"), "{message}");
}

#[test]
fn keras_3s_adadelta_hardly_learns_and_keras_2s_does() {
    // 0.693 is ln 2, the loss of a model that knows nothing.
    let (_, history) = train("keras-simple-adadelta", Some(2));
    assert!(
        (0.6925..0.6945).contains(&val_loss(&history)),
        "{history:?}"
    );
    let (_, history) = train("keras-simple-adadelta-keras2", Some(4));
    assert!(val_loss(&history) < 0.28, "{history:?}");
}

#[test]
fn a_tied_decoder_is_the_transposed_encoder() {
    let (model, history) = train("tied", Some(5));
    assert!(model.architecture().is_tied());
    let names: Vec<String> = model.parameters().map(|(info, _)| info.name).collect();
    assert_eq!(
        names,
        ["encoder.0.weight", "encoder.0.bias", "decoder.0.bias"]
    );
    // The mean digit, the same for all, has 0.263.
    assert!(val_loss(&history) < 0.25, "{history:?}");
}

/// Whole trainings, beside what Keras 3 reaches on the same split from other
/// first weights.
#[test]
#[ignore = "200 epochs: with `cargo test --test presets -- --ignored`"]
fn fifty_epochs_reach_what_keras_reaches() {
    for (name, keras, tolerance) in [
        ("keras-simple-adadelta", 0.692, 0.001),
        ("keras-simple-adadelta-keras2", 0.178, 0.004),
        ("keras-simple-adam", 0.1006, 0.0025),
        ("keras-deep-mse", 0.0122, 0.0012),
    ] {
        let (model, history) = train(name, None);
        let given = val_loss(&history);
        assert!((given - keras).abs() < tolerance, "{name}: {given} {keras}");
        // The second tutorial evaluates and predicts, the third one wants an
        // error for each sample.
        let (_, validation) = Preset::named(name).unwrap().data().unwrap();
        let validation = validation.unwrap();
        let evaluation = model.evaluate(&validation).unwrap();
        assert!((evaluation.loss - given).abs() < 1e-5);
        let errors = model.reconstruction_error(&validation).unwrap();
        let errors = errors.mean_squared_error.iter().map(|&e| f64::from(e));
        let mean = errors.sum::<f64>() / validation.len() as f64;
        assert!((mean - evaluation.mean_squared_error).abs() < 1e-6);
    }
}

#[test]
fn cross_entropy_of_normal_numbers_is_refused_unless_it_is_meant() {
    let preset = Preset::named("gaussian-10").unwrap();
    let (data, _) = preset.data().unwrap();
    assert_eq!((data.len(), data.features()), (1_000, 10));
    let mut model = preset.builder().build().unwrap();
    let error = model.fit(&data, &preset.options()).unwrap_err();
    assert!(matches!(error, Error::TargetOutOfRange { .. }), "{error}");
    assert!(error.to_string().contains("no lower bound"), "{error}");
    let options = FitOptions {
        any_targets: true,
        learning_rate: Some(1.0),
        epochs: 50,
        ..preset.options()
    };
    let history = model.fit(&data, &options).unwrap();
    // Of targets in [0, 1] it would be positive.
    assert!(history.epochs[49].loss < 0.0, "{:?}", history.epochs[49]);
}

/// The variances along the principal axes, from the least on, by Jacobi's
/// rotations.
fn principal_variances(data: &Dataset) -> Vec<f64> {
    let (x, n, d) = (data.to_mat().unwrap(), data.len(), data.features());
    let at = |i: usize, j: usize| f64::from(x.as_ref().get(i, j));
    let mean = |j: usize| (0..n).map(|i| at(i, j)).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..d).map(mean).collect();
    let products = |j: usize, k: usize| {
        let products = (0..n).map(|i| (at(i, j) - means[j]) * (at(i, k) - means[k]));
        products.sum::<f64>() / n as f64
    };
    let row = |j: usize| (0..d).map(|k| products(j, k)).collect();
    let mut a: Vec<Vec<f64>> = (0..d).map(row).collect();
    for _ in 0..20 {
        for p in 0..d {
            for q in p + 1..d {
                let (sin, cos) = (0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p])).sin_cos();
                for row in &mut a {
                    (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
                }
                let (above, below) = a.split_at_mut(q);
                for (p, q) in above[p].iter_mut().zip(&mut below[0]) {
                    (*p, *q) = (cos * *p - sin * *q, sin * *p + cos * *q);
                }
            }
        }
    }
    let mut variances: Vec<f64> = (0..d).map(|j| a[j][j]).collect();
    variances.sort_by(f64::total_cmp);
    variances
}

/// Ten independent numbers of variance 1 through a linear code of five: half of
/// the variance is lost at best. On the samples trained on it is less, that along
/// their own five least axes, and nothing linear loses less than that.
#[test]
fn the_sane_twin_comes_near_what_a_code_of_five_can_do() {
    let (model, history) = train("gaussian-10-mse", None);
    let (data, validation) = Preset::named("gaussian-10-mse").unwrap().data().unwrap();
    let least = principal_variances(&data)[..5].iter().sum::<f64>() / 10.0;
    let trained = model.evaluate(&data).unwrap().mean_squared_error;
    assert!(
        (least..least + 0.004).contains(&trained),
        "{trained}, {least}"
    );
    // 10 000 others, with a standard error of √(2 · 5)/10/√10 000.
    assert_eq!(validation.unwrap().len(), 10_000);
    let other = val_loss(&history);
    assert!((0.5 - 0.01..0.5 + 0.01).contains(&other), "{other}");
}
