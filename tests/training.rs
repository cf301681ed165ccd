//! Training on the real digits: how far it gets, and that it is the same on any
//! number of threads.

mod common;

use std::ops::ControlFlow;

use autoencoder::data::{Dataset, digits, digits_split};
use autoencoder::model::{
    Callback, EarlyStopping, Epoch, FitOptions, Progress, Schedule, StepDecay,
};
use autoencoder::{Activation, Autoencoder, Error, Loss, Optimizer};
use common::model_bits;

/// The program of the second tutorial, with few epochs or many.
fn tutorial(epochs: u32) -> (Autoencoder, FitOptions) {
    let model = Autoencoder::builder().input(784).encoder([32]).build();
    let options = FitOptions {
        epochs,
        validation: Some(digits_split().1),
        ..FitOptions::default()
    };
    (model.unwrap(), options)
}

/// The mean binary cross-entropy of the reconstructions, from probabilities and
/// in f64.
fn cross_entropy(model: &Autoencoder, data: &Dataset) -> f64 {
    let (outputs, targets) = (model.reconstruct(data).unwrap(), data.to_mat().unwrap());
    let pairs = outputs.as_slice().iter().zip(targets.as_slice());
    let values = pairs.map(|(&y, &t)| {
        let (y, t) = (f64::from(y), f64::from(t));
        let y = y.clamp(1e-7, 1.0 - 1e-7);
        -t * y.ln() - (1.0 - t) * (1.0 - y).ln()
    });
    values.sum::<f64>() / outputs.as_slice().len() as f64
}

#[test]
fn the_tutorials_program_beats_pca() {
    let (train, validation) = digits_split();
    let (mut model, options) = tutorial(50);
    let history = model.fit(&train, &options).unwrap();
    let last = &history.epochs[49];
    // Keras 3 reaches 0.1006 on this split.
    assert!(last.val_loss.unwrap() <= 0.105, "{last:?}");
    // The error of the 32 principal components of these validation rows.
    let mse = model.evaluate(&validation).unwrap().mean_squared_error;
    assert!(mse < 0.0169, "{mse}");
    let (outputs, targets) = (model.reconstruct(&validation), validation.to_mat());
    let (outputs, targets) = (outputs.unwrap(), targets.unwrap());
    let squares = outputs.as_slice().iter().zip(targets.as_slice());
    let sum: f64 = squares.map(|(y, t)| f64::from(y - t).powi(2)).sum();
    assert!((sum / outputs.as_slice().len() as f64 - mse).abs() < 1e-6);
}

#[test]
fn the_history_is_what_predictions_say() {
    let train = digits().slice(0..700).unwrap();
    let (mut model, options) = tutorial(3);
    let validation = options.validation.clone().unwrap();
    let mut val_losses = Vec::new();
    struct Recompute<'a>(&'a mut Vec<f64>, &'a Dataset);
    impl Callback for Recompute<'_> {
        fn on_epoch(&mut self, epoch: &Epoch, model: &Autoencoder) -> ControlFlow<()> {
            assert_eq!(model.training().unwrap().epochs, epoch.epoch);
            self.0.push(cross_entropy(model, self.1));
            ControlFlow::Continue(())
        }
    }
    let mut callback = Recompute(&mut val_losses, &validation);
    let history = model.fit_with(&train, &options, &mut callback).unwrap();
    assert_eq!(val_losses.len(), 3);
    for (i, (epoch, expected)) in history.epochs.iter().zip(val_losses).enumerate() {
        assert_eq!(epoch.epoch as usize, i + 1);
        assert!((epoch.val_loss.unwrap() - expected).abs() < 1e-5);
        assert!(epoch.seconds > 0.0);
        assert!((epoch.samples_per_second * epoch.seconds - 700.0).abs() < 1e-6);
    }
    let recomputed = model.evaluate(&validation).unwrap().loss;
    assert!((history.epochs[2].val_loss.unwrap() - recomputed).abs() < 1e-6);
    assert_eq!(
        (history.weights_of, history.stopped_early),
        (Some(3), false)
    );
}

/// With a learning rate too small to move a weight, the training loss of an epoch
/// is the loss of the model: each sample counts once, in the last batch too.
#[test]
fn an_epochs_loss_counts_each_sample_once() {
    let (mut model, options) = tutorial(2);
    model.fit(&digits_split().0, &options).unwrap();
    // The last batch, of 88, is unlike the others: inverted.
    let mut mat = digits().slice(0..600).unwrap().to_mat().unwrap();
    for row in 512..600 {
        mat.row_mut(row).iter_mut().for_each(|x| *x = 1.0 - *x);
    }
    let data = Dataset::from_mat(mat.as_ref());
    let expected = model.evaluate(&data).unwrap().loss;
    let options = FitOptions {
        optimizer: Optimizer::sgd(),
        learning_rate: Some(1e-30),
        shuffle: false,
        epochs: 1,
        ..options
    };
    let history = model.fit(&data, &options).unwrap();
    assert!((history.epochs[0].loss - expected).abs() < 1e-5);
}

#[test]
fn one_seed_gives_the_same_bits_on_any_number_of_threads() {
    let data = digits().slice(0..1_000).unwrap();
    let train = |threads: usize, seed: u64, tied: bool| {
        let builder = Autoencoder::builder().input(784).encoder([128, 32]);
        let mut model = builder.tied(tied).seed(seed).build().unwrap();
        let options = FitOptions {
            epochs: 2,
            seed,
            validation: Some(data.slice(0..77).unwrap()),
            ..FitOptions::default()
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let history = pool
            .unwrap()
            .install(|| model.fit(&data, &options))
            .unwrap();
        let losses: Vec<_> = history
            .epochs
            .iter()
            .map(|epoch| (epoch.loss.to_bits(), epoch.val_loss.unwrap().to_bits()))
            .collect();
        (model_bits(&model), losses)
    };
    for tied in [false, true] {
        let one = train(1, 0, tied);
        for threads in [2, 3, 7, 64] {
            assert!(train(threads, 0, tied) == one, "{threads}, tied: {tied}");
        }
        assert_ne!(one.0, train(1, 1, tied).0);
    }
}

#[test]
fn the_order_of_the_samples_is_shuffled_unless_told_otherwise() {
    let data = digits().slice(0..300).unwrap();
    let trained = |shuffle: bool, seed: u64| {
        let (mut model, options) = tutorial(1);
        let options = FitOptions {
            shuffle,
            seed,
            validation: None,
            ..options
        };
        model.fit(&data, &options).unwrap();
        model_bits(&model)
    };
    assert_ne!(trained(true, 0), trained(false, 0));
    assert_ne!(trained(true, 0), trained(true, 1));
    assert_eq!(trained(false, 0), trained(false, 1));
}

/// Few digits and a large learning rate, so that the validation loss falls and
/// then rises.
fn rising() -> (Dataset, FitOptions) {
    let few = digits().slice(0..20).unwrap();
    let options = FitOptions {
        epochs: 60,
        batch_size: 20,
        learning_rate: Some(0.01),
        validation: Some(digits().slice(9_000..9_200).unwrap()),
        ..FitOptions::default()
    };
    (few, options)
}

#[test]
fn early_stopping_gives_back_the_best_weights() {
    let (few, options) = rising();
    let validation = options.validation.clone().unwrap();
    let run = |early_stopping: Option<EarlyStopping>, epochs: u32| {
        let (mut model, _) = tutorial(1);
        let options = FitOptions {
            early_stopping,
            epochs,
            ..options.clone()
        };
        let history = model.fit(&few, &options).unwrap();
        (model, history)
    };
    let (_, whole) = run(None, 60);
    let best = whole.best().unwrap();
    assert!(best.epoch < 55, "the loss must rise in this test: {best:?}");

    let (model, history) = run(Some(EarlyStopping::new(5)), 60);
    assert!(history.stopped_early);
    assert_eq!(history.weights_of, history.best().map(|epoch| epoch.epoch));
    let best = history.current().unwrap();
    assert_eq!(history.epochs.len() as u32, best.epoch + 5);
    let (same, _) = run(None, best.epoch);
    assert_eq!(model_bits(&model), model_bits(&same));
    assert_eq!(model.training().unwrap().epochs, best.epoch);
    let loss = model.evaluate(&validation).unwrap().loss;
    assert!((loss - best.val_loss.unwrap()).abs() < 1e-6);

    let keep = EarlyStopping {
        restore_best: false,
        ..EarlyStopping::new(5)
    };
    let (model, history) = run(Some(keep), 60);
    let last = history.epochs.len() as u32;
    assert_eq!(
        (history.stopped_early, history.weights_of),
        (true, Some(last))
    );
    assert_eq!(model_bits(&model), model_bits(&run(None, last).0));
}

#[test]
fn a_callback_may_end_training() {
    let data = digits().slice(0..600).unwrap();
    let (mut model, options) = tutorial(5);
    let mut stop = |epoch: &Epoch| {
        if epoch.epoch == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let history = model.fit_with(&data, &options, &mut stop).unwrap();
    assert_eq!((history.epochs.len(), history.stopped_early), (2, true));
    let (mut two, options) = tutorial(2);
    two.fit(&data, &options).unwrap();
    assert_eq!(model_bits(&model), model_bits(&two));

    struct Second(Vec<Progress>);
    impl Callback for Second {
        fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
            self.0.push(*progress);
            if self.0.len() == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
        fn on_epoch(&mut self, _: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    let (mut model, options) = tutorial(2);
    let mut second = Second(Vec::new());
    let history = model.fit_with(&data, &options, &mut second).unwrap();
    // Three steps an epoch, the last one of 88 samples.
    let seen: Vec<_> = second.0.iter().map(|p| (p.epoch, p.samples)).collect();
    assert_eq!(seen, [(1, 256), (1, 512), (1, 600), (2, 256), (2, 512)]);
    assert_eq!(second.0[2].loss, history.epochs[0].loss);
    let (mut one, options) = tutorial(1);
    one.fit(&data, &options).unwrap();
    assert_eq!(
        model_bits(&model),
        model_bits(&one),
        "the second epoch is undone"
    );
    assert_eq!((history.epochs.len(), history.stopped_early), (1, true));
}

#[test]
fn what_cannot_be_trained_is_an_error_and_leaves_the_model_alone() {
    let (mut model, options) = tutorial(2);
    let before = model_bits(&model);
    let good = digits().slice(0..10).unwrap();
    let with = |row: usize, column: usize, value: f32| {
        let mut mat = good.to_mat().unwrap();
        mat[(row, column)] = value;
        Dataset::from_mat(mat.as_ref())
    };
    for (data, says) in [
        (with(3, 500, 1.5), "1.5 at row 3, column 500"),
        (with(9, 783, -0.1), "-0.1 at row 9, column 783"),
        (with(0, 0, f32::NAN), "NaN at row 0, column 0"),
        (good.slice(0..0).unwrap(), "at least one sample"),
        (Dataset::from_u8(2, 3, vec![0; 6]).unwrap(), "2 × 3"),
    ] {
        let message = model.fit(&data, &options).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        let validated = FitOptions {
            validation: Some(data),
            ..options.clone()
        };
        let message = model.fit(&good, &validated).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
    let any = FitOptions {
        any_targets: true,
        ..options.clone()
    };
    model.clone().fit(&with(3, 500, 1.5), &any).unwrap();
    let nan = model.clone().fit(&with(3, 500, f32::NAN), &any);
    assert!(
        matches!(
            nan,
            Err(Error::NotFinite {
                row: 3,
                column: 500,
                ..
            })
        ),
        "{nan:?}"
    );

    for (change, says) in [
        (
            FitOptions {
                batch_size: 0,
                ..options.clone()
            },
            "batch size",
        ),
        (
            FitOptions {
                learning_rate: Some(-1.0),
                ..options.clone()
            },
            "learning rate",
        ),
        (
            FitOptions {
                learning_rate: Some(f32::NAN),
                ..options.clone()
            },
            "learning rate",
        ),
        (
            FitOptions {
                early_stopping: Some(EarlyStopping::new(0)),
                ..options.clone()
            },
            "patience",
        ),
        (
            FitOptions {
                clip_norm: Some(0.0),
                ..options.clone()
            },
            "clipped",
        ),
        (
            FitOptions {
                schedule: Schedule::Step(StepDecay {
                    every: 0,
                    factor: 0.5,
                }),
                ..options.clone()
            },
            "between steps",
        ),
        (
            FitOptions {
                optimizer: Optimizer::momentum(1.5),
                ..options.clone()
            },
            "momentum",
        ),
    ] {
        let message = model.fit(&good, &change).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
    assert_eq!(model_bits(&model), before);
}

#[test]
fn training_that_diverges_ends_with_the_epoch() {
    let builder = Autoencoder::builder().input(784).encoder([32]);
    let builder = builder
        .output(Activation::Identity)
        .loss(Loss::SumSquaredError);
    let data = digits().slice(0..2_000).unwrap();
    let train = |learning_rate: f32, epochs: u32| {
        let mut model = builder.build().unwrap();
        let options = FitOptions {
            optimizer: Optimizer::sgd(),
            learning_rate: Some(learning_rate),
            epochs,
            ..FitOptions::default()
        };
        let result = model.fit(&data, &options);
        (model, result)
    };
    // In the first epoch, and later.
    for (learning_rate, first) in [(1e30, true), (10.0, false)] {
        let (model, result) = train(learning_rate, 20);
        let error = result.unwrap_err();
        let Error::Diverged { epoch, .. } = error else {
            panic!("{error}");
        };
        assert!(error.to_string().contains(&format!("in epoch {epoch};")));
        assert_eq!(epoch == 1, first, "{epoch}");
        // The weights are those of the last good epoch.
        let (good, result) = match epoch {
            1 => (builder.build().unwrap(), Ok(Default::default())),
            _ => train(learning_rate, epoch - 1),
        };
        result.unwrap();
        assert_eq!(model_bits(&model), model_bits(&good));
        assert!(
            model_bits(&model)
                .iter()
                .all(|&x| f32::from_bits(x).is_finite())
        );
    }
}

#[test]
fn a_schedule_changes_the_learning_rate_from_epoch_to_epoch() {
    let data = digits().slice(0..600).unwrap();
    // Plain descent in one order remembers nothing from epoch to epoch.
    let plain = |learning_rate: f32, schedule: &str, epochs: u32| FitOptions {
        optimizer: Optimizer::sgd(),
        learning_rate: Some(learning_rate),
        schedule: schedule.parse().unwrap(),
        shuffle: false,
        epochs,
        ..FitOptions::default()
    };
    let (mut model, _) = tutorial(1);
    let options = plain(0.5, "step:1:0.5", 3);
    let history = model.fit(&data, &options).unwrap();
    let rates: Vec<f32> = history.epochs.iter().map(|e| e.learning_rate).collect();
    assert_eq!(rates, [0.5, 0.25, 0.125]);
    let (mut by_hand, _) = tutorial(1);
    for rate in rates {
        by_hand.fit(&data, &plain(rate, "constant", 1)).unwrap();
    }
    assert_eq!(model_bits(&model), model_bits(&by_hand));
    assert_eq!(
        model.training().unwrap().schedule.as_deref(),
        Some("step:1:0.5")
    );

    // Nothing improves on a plateau, where the steps are too small.
    let (mut model, _) = tutorial(1);
    let options = plain(1e-20, "plateau:2:0.5", 6);
    let history = model.fit(&data, &options).unwrap();
    let rates = history.epochs.iter().map(|e| e.learning_rate / 1e-20);
    let rates: Vec<f32> = rates.map(|rate| (rate * 1e3).round() / 1e3).collect();
    assert_eq!(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]);
}

#[test]
fn clipped_training_tells_the_norm() {
    let data = digits().slice(0..600).unwrap();
    let train = |clip_norm: Option<f32>| {
        let (mut model, options) = tutorial(1);
        let options = FitOptions {
            clip_norm,
            ..options
        };
        let history = model.fit(&data, &options).unwrap();
        (model_bits(&model), history.epochs[0].figures.clone())
    };
    let (free, figures) = train(None);
    assert!(figures.is_empty());
    let (loose, figures) = train(Some(1e6));
    assert_eq!(figures[0].name, "gradient_norm");
    assert!((1e-3..10.0).contains(&figures[0].value), "{figures:?}");
    assert_eq!(free, loose);
    assert_ne!(free, train(Some(1e-4)).0);
}
