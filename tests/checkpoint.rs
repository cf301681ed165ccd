//! Training that stops and goes on is the training that never stopped, bit for
//! bit; and what is no checkpoint of it is refused.

use std::fs;
use std::path::Path;

use autoencoder::data::{Dataset, digits};
use autoencoder::model::{
    Checkpoint, EarlyStopping, Epoch, FitOptions, Part, Regularization, Trainer,
};
use autoencoder::{Autoencoder, Error, Optimizer};
use tempfile::TempDir;

fn data() -> Dataset {
    digits().slice(0..300).unwrap()
}

fn model(tied: bool) -> Autoencoder {
    let builder = Autoencoder::builder().sample_shape([28, 28]);
    builder.encoder([12, 5]).tied(tied).build().unwrap()
}

fn options(optimizer: Optimizer, epochs: u32) -> FitOptions {
    FitOptions {
        optimizer,
        learning_rate: Some(0.01),
        // Reached within 36 epochs: a test sees it.
        schedule: "plateau:2:0.5".parse().unwrap(),
        clip_norm: Some(0.01),
        batch_size: 64,
        epochs,
        seed: 5,
        validation: Some(digits().slice(9_000..9_100).unwrap()),
        early_stopping: Some(EarlyStopping {
            restore_best: false,
            ..EarlyStopping::new(30)
        }),
        ..FitOptions::default()
    }
}

fn bits(model: &Autoencoder) -> Vec<u32> {
    let parameters = model.parameters();
    let values = parameters.flat_map(|(_, mat)| mat.as_slice().to_vec());
    values.map(f32::to_bits).collect()
}

/// All that is no time.
fn timeless(epochs: &[Epoch]) -> Vec<Vec<Option<u64>>> {
    let numbers = |epoch: &Epoch| {
        let columns = epoch.columns().filter(|(name, _)| !name.contains("second"));
        columns.map(|(_, value)| value.map(f64::to_bits)).collect()
    };
    epochs.iter().map(numbers).collect()
}

/// A file with a checkpoint after some epochs.
fn saved(folder: &TempDir, epochs: u32) -> std::path::PathBuf {
    let path = folder.path().join("checkpoint.safetensors");
    let (data, options) = (data(), options(Optimizer::adam_keras(), epochs));
    let mut trainer = Trainer::new(&model(false), &data, &options).unwrap();
    while trainer.epoch(&mut ()).unwrap().is_continue() {}
    trainer.save(&path, "a note").unwrap();
    path
}

#[test]
fn three_times_twelve_epochs_are_thirty_six() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let data = data();
    for (optimizer, tied) in [
        (Optimizer::adam_keras(), false),
        (Optimizer::adadelta_keras2(), true),
        (Optimizer::momentum(0.9), false),
    ] {
        let whole = options(optimizer, 36);
        let mut trainer = Trainer::new(&model(tied), &data, &whole).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        let best = trainer.best().unwrap();
        let (whole, history) = trainer.finish();
        assert_eq!(history.epochs.len(), 36);

        let first = options(optimizer, 12);
        let mut trainer = Trainer::new(&model(tied), &data, &first).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        trainer.save(&path, "").unwrap();
        for epochs in [24, 36] {
            let checkpoint = Checkpoint::load(&path).unwrap();
            let options = FitOptions {
                validation: first.validation.clone(),
                epochs,
                ..checkpoint.options().clone()
            };
            let mut trainer = Trainer::resume(checkpoint, &data, &options).unwrap();
            while trainer.epoch(&mut ()).unwrap().is_continue() {}
            trainer.save(&path, "").unwrap();
        }
        let checkpoint = Checkpoint::load(&path).unwrap();
        assert_eq!(timeless(checkpoint.epochs()), timeless(&history.epochs));
        assert_eq!(bits(checkpoint.model()), bits(&whole), "{optimizer}");
        assert_eq!(checkpoint.model().training(), whole.training());
        let options = options(optimizer, 36);
        let trainer = Trainer::resume(checkpoint, &data, &options).unwrap();
        assert!(trainer.is_done());
        assert_eq!(bits(&trainer.best().unwrap()), bits(&best), "{optimizer}");

        // The test would not see a plateau or a norm that are never reached.
        let rates = history.epochs.iter().map(|e| e.learning_rate);
        if optimizer == Optimizer::adam_keras() {
            assert!(rates.clone().any(|rate| rate != 0.01), "{history:?}");
        }
        let norms = history.epochs.iter().map(|e| e.figures[0].value);
        assert!(norms.clone().any(|norm| norm > 0.01), "{optimizer}");
    }
}

#[test]
fn noise_dropout_and_random_codes_go_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let data = data();
    let noisy = |epochs| FitOptions {
        noise: Some("gaussian:0.3".parse().unwrap()),
        dropout: 0.2,
        ..options(Optimizer::adam_keras(), epochs)
    };
    let frozen = |epochs| FitOptions {
        freeze: Some(Part::Encoder),
        ..options(Optimizer::adam_keras(), epochs)
    };
    let warming = |epochs| FitOptions {
        regularization: Regularization {
            beta_warm_up: 5,
            ..Regularization::default()
        },
        ..options(Optimizer::adam_keras(), epochs)
    };
    let builder = Autoencoder::builder()
        .sample_shape([28, 28])
        .encoder([12, 5]);
    let variational = builder.variational(true).build().unwrap();
    let cases: [(Autoencoder, &dyn Fn(u32) -> FitOptions); 3] = [
        (model(false), &noisy),
        (model(true), &frozen),
        (variational, &warming),
    ];
    for (model, options) in cases {
        let (whole, half) = (options(6), options(3));
        let mut trainer = Trainer::new(&model, &data, &whole).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        let (expected, history) = trainer.finish();

        let mut trainer = Trainer::new(&model, &data, &half).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        trainer.save(&path, "").unwrap();
        let checkpoint = Checkpoint::load(&path).unwrap();
        let mut trainer = Trainer::resume(checkpoint, &data, &whole).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        let resumed = trainer.history().epochs.clone();
        assert_eq!(timeless(&resumed), timeless(&history.epochs));
        assert_eq!(bits(&trainer.finish().0), bits(&expected));
    }
}

#[test]
fn patience_may_be_thought_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let data = data();
    // Steps too small to matter: nothing ever improves.
    let with = |patience: u32| FitOptions {
        learning_rate: Some(1e-30),
        early_stopping: Some(EarlyStopping::new(patience)),
        ..options(Optimizer::sgd(), 20)
    };
    let short = with(3);
    let mut trainer = Trainer::new(&model(false), &data, &short).unwrap();
    while trainer.epoch(&mut ()).unwrap().is_continue() {}
    assert_eq!(trainer.history().epochs.len(), 4);
    trainer.save(&path, "").unwrap();
    let resume = |options| {
        let checkpoint = Checkpoint::load(&path).unwrap();
        let mut trainer = Trainer::resume(checkpoint, &data, options).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        trainer.history().epochs.len()
    };
    assert_eq!(resume(&short), 4, "it has ended");
    assert_eq!(resume(&with(5)), 6);
}

#[test]
fn a_checkpoint_before_the_first_epoch_is_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let (data, options) = (data(), options(Optimizer::adam_keras(), 2));
    let trainer = Trainer::new(&model(false), &data, &options).unwrap();
    trainer.save(&path, "hello").unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!(checkpoint.note(), "hello");
    assert!(checkpoint.epochs().is_empty());
    assert_eq!(bits(checkpoint.model()), bits(&model(false)));
}

#[test]
fn other_data_and_options_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&folder, 2);
    let resume = |data: &Dataset, options: &FitOptions| -> String {
        let error = Trainer::resume(Checkpoint::load(&path).unwrap(), data, options)
            .err()
            .unwrap();
        assert!(matches!(error, Error::Resume { .. }), "{error}");
        error.to_string()
    };
    let (same, adam) = (data(), Optimizer::adam_keras());
    let good = options(adam, 4);
    let mut changed = data().to_mat().unwrap();
    changed[(7, 300)] += 0.25;
    for data in [
        Dataset::from_mat(changed.as_ref()),
        data().slice(0..299).unwrap(),
        digits().slice(1..301).unwrap(),
    ] {
        let message = resume(&data, &good);
        assert!(message.contains("the training data"), "{message}");
    }
    for (options, says) in [
        (options(Optimizer::adam_pytorch(), 4), "adam-pytorch"),
        (
            FitOptions {
                batch_size: 32,
                ..good.clone()
            },
            "batch size: given 32, but it began with 64",
        ),
        (
            FitOptions {
                learning_rate: None,
                ..good.clone()
            },
            "learning rate",
        ),
        (
            FitOptions {
                schedule: "cosine".parse().unwrap(),
                ..good.clone()
            },
            "schedule",
        ),
        (
            FitOptions {
                validation: None,
                ..good.clone()
            },
            "the validation data: given none",
        ),
    ] {
        let message = resume(&same, &options);
        assert!(message.contains(says), "{message}");
    }
}

fn refused(path: &Path) -> String {
    let error = Checkpoint::load(path).err().unwrap();
    assert!(
        matches!(error, Error::Format { .. } | Error::Io { .. }),
        "{error}"
    );
    error.to_string()
}

#[test]
fn what_is_no_checkpoint_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&folder, 2);
    let bytes = fs::read(&path).unwrap();
    let broken = folder.path().join("broken");
    // Cut off anywhere, and with something behind it.
    for length in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
        fs::write(&broken, &bytes[..length]).unwrap();
        refused(&broken);
    }
    fs::write(&broken, [&bytes[..], b"x"].concat()).unwrap();
    assert!(refused(&broken).contains("bytes of numbers"));
    // Any byte of the header changed: an error or another text, and no panic.
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for place in (0..8 + header).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        fs::write(&broken, bytes).unwrap();
        let _ = Checkpoint::load(&broken);
    }
    let text = String::from_utf8(bytes[8..8 + header].to_vec()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        // The options stand behind the model, which names some of them, too.
        let at = match from.starts_with('{') {
            true => text.find(from),
            false => text.rfind(from),
        };
        let mut header = text.clone();
        header.replace_range(at.unwrap()..at.unwrap() + from.len(), to);
        let parts = [&bytes[..8], header.as_bytes(), &bytes[8 + header.len()..]];
        fs::write(&broken, parts.concat()).unwrap();
        refused(&broken)
    };
    for (from, to, says) in [
        ("\\\"steps\\\":10", "\\\"steps\\\":11", "5 steps an epoch"),
        ("{\\\"format\\\":1", "{\\\"format\\\":2", "format 2"),
        ("adam", "aham", "optimizer"),
        ("plateau:2", "plateau:0", "plateau"),
        ("batch_size", "botch_size", "botch_size"),
    ] {
        let message = replaced(from, to);
        assert!(message.contains(says), "{message}");
    }
    // A model is no checkpoint.
    model(false).save(&broken).unwrap();
    assert!(refused(&broken).contains("metadata key `checkpoint`"));
    refused(&folder.path().join("nothing"));
    refused(folder.path());
}
