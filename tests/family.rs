//! Denoising, dropout, frozen parts, tied weights and layer-wise pre-training,
//! through the library.

use autoencoder::data::{Dataset, digits};
use autoencoder::model::{Checkpoint, FitOptions, Part, Regularization, Samples, Trainer};
use autoencoder::tape::{Parameters, Program, ProgramOptions, Tape, Value};
use autoencoder::{Activation, Autoencoder, Loss, Mat, Noise, Optimizer};

type Numbers = Vec<(String, Vec<u32>)>;

/// The bits of all parameters, by name.
fn numbers(model: &Autoencoder) -> Numbers {
    model
        .parameters()
        .map(|(info, mat)| {
            let bits = mat.as_slice().iter().map(|x| x.to_bits());
            (info.name, bits.collect())
        })
        .collect()
}

fn model(widths: &[usize], tied: bool) -> Autoencoder {
    Autoencoder::builder()
        .input(784)
        .encoder(widths)
        .tied(tied)
        .seed(4)
        .build()
        .unwrap()
}

fn options() -> FitOptions {
    FitOptions {
        epochs: 2,
        batch_size: 50,
        ..FitOptions::default()
    }
}

#[test]
fn a_denoiser_mends_digits_that_it_never_saw() {
    let data = digits();
    let (train, held_out) = (
        data.slice(0..2_000).unwrap(),
        data.slice(9_500..10_000).unwrap(),
    );
    for noise in [
        Noise::Gaussian { stddev: 0.6 },
        Noise::Masking { probability: 0.5 },
        Noise::SaltAndPepper { probability: 0.4 },
    ] {
        let fit = |noise| {
            let mut model = model(&[64], false);
            let options = FitOptions {
                epochs: 15,
                learning_rate: Some(4e-3),
                noise,
                ..options()
            };
            model.fit(&train, &options).unwrap();
            model
        };
        let (denoiser, plain) = (fit(Some(noise)), fit(None));
        let mended = denoiser.evaluate_denoising(&held_out, noise, 1).unwrap();
        let by_plain = plain.evaluate_denoising(&held_out, noise, 1).unwrap();
        assert_eq!(mended.noisy_psnr, by_plain.noisy_psnr);
        assert!(mended.psnr > mended.noisy_psnr + 2.0, "{noise}: {mended:?}");
        assert!(mended.psnr > by_plain.psnr + 1.0, "{noise}: {by_plain:?}");
        assert_eq!(denoiser.training().unwrap().noise, Some(noise.to_string()));
    }
}

#[test]
fn noisy_training_has_the_same_bits_on_any_number_of_threads() {
    let data = digits().slice(0..300).unwrap();
    let run = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let mut model = model(&[100, 30], false);
            let options = FitOptions {
                noise: Some(Noise::Gaussian { stddev: 0.3 }),
                input_dropout: 0.1,
                dropout: 0.2,
                validation: Some(data.slice(0..50).unwrap()),
                seed,
                ..options()
            };
            let history = model.fit(&data, &options).unwrap();
            let losses = history.epochs.iter().map(|e| (e.loss, e.val_loss));
            (numbers(&model), losses.collect::<Vec<_>>())
        })
    };
    let one = run(1, 0);
    assert!(run(3, 0) == one);
    assert!(run(1, 1).0 != one.0, "another seed");
}

#[test]
fn noise_goes_on_where_a_training_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let data = digits().slice(0..120).unwrap();
    let options = |epochs| FitOptions {
        noise: Some(Noise::Gaussian { stddev: 0.2 }),
        input_dropout: 0.1,
        dropout: 0.2,
        freeze: Some(Part::Decoder),
        epochs,
        ..options()
    };
    let mut whole = model(&[30, 10], false);
    whole.fit(&data, &options(4)).unwrap();
    let first = options(1);
    let mut trainer = Trainer::new(&model(&[30, 10], false), &data, &first).unwrap();
    while trainer.epoch(&mut ()).unwrap().is_continue() {}
    trainer.save(&path, "").unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!(checkpoint.options().noise, first.noise);
    let rest = options(4);
    let mut trainer = Trainer::resume(checkpoint, &data, &rest).unwrap();
    while trainer.epoch(&mut ()).unwrap().is_continue() {}
    assert_eq!(numbers(&trainer.finish().0), numbers(&whole));
    let other = FitOptions {
        dropout: 0.3,
        ..options(4)
    };
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert!(Trainer::resume(checkpoint, &data, &other).is_err());
}

/// Losses on validation data, evaluations and reconstructions see no noise.
#[test]
fn nothing_is_random_but_steps() {
    let data = digits().slice(0..100).unwrap();
    let mut model = model(&[30], false);
    let options = FitOptions {
        noise: Some(Noise::Masking { probability: 0.9 }),
        dropout: 0.9,
        validation: Some(data.clone()),
        ..options()
    };
    let history = model.fit(&data, &options).unwrap();
    let evaluation = model.evaluate(&data).unwrap();
    let val_loss = history.epochs.last().unwrap().val_loss.unwrap();
    assert!((evaluation.loss - val_loss).abs() < 1e-6 * val_loss);
    assert_eq!(
        model.reconstruct(&data).unwrap(),
        model.reconstruct(&data).unwrap()
    );
}

#[test]
fn frozen_parts_keep_their_bits_and_the_others_learn() {
    let data = digits().slice(0..200).unwrap();
    for tied in [false, true] {
        for part in [Part::Encoder, Part::Decoder] {
            let mut model = model(&[20, 9], tied);
            let before = numbers(&model);
            let options = FitOptions {
                freeze: Some(part),
                optimizer: Optimizer::adamw_keras(),
                ..options()
            };
            model.fit(&data, &options).unwrap();
            for ((name, old), (_, new)) in before.iter().zip(numbers(&model)) {
                // Tied weights belong to both.
                let frozen = name.starts_with(part.name()) || tied && name.ends_with("weight");
                assert_eq!(*old == new, frozen, "{name}, {part:?}, tied: {tied}");
            }
        }
    }
}

/// Penalties on a frozen code are constants; they are reported all the same.
#[test]
fn a_decoder_learns_alone_under_any_penalty() {
    let data = digits().slice(0..100).unwrap();
    let some = |set: fn(&mut Regularization)| {
        let mut regularization = Regularization::default();
        set(&mut regularization);
        regularization
    };
    for (regularization, variational) in [
        (some(|r| r.code_l1 = Some(0.1)), false),
        (
            some(|r| r.code_kl = Some("0.05:0.1".parse().unwrap())),
            false,
        ),
        (some(|r| r.contractive = Some(0.1)), false),
        (some(|r| r.weight_decay = Some(0.1)), false),
        (Regularization::default(), true),
    ] {
        let builder = Autoencoder::builder().input(784).encoder([9]);
        let builder = builder.code(match variational {
            true => Activation::Identity,
            false => Activation::Sigmoid,
        });
        let mut model = builder.variational(variational).build().unwrap();
        let before = numbers(&model);
        let options = FitOptions {
            freeze: Some(Part::Encoder),
            noise: Some(Noise::Masking { probability: 0.1 }),
            input_dropout: 0.1,
            regularization,
            ..options()
        };
        model.fit(&data, &options).unwrap();
        for ((name, old), (_, new)) in before.iter().zip(numbers(&model)) {
            let is_frozen = name.starts_with("encoder");
            assert_eq!(*old == new, is_frozen, "{name}, {regularization}");
        }
        // And with nothing frozen.
        let options = FitOptions {
            freeze: None,
            ..options
        };
        model.fit(&data, &options).unwrap();
    }
}

#[test]
fn a_stage_is_an_autoencoder_trained_by_hand_on_the_codes() {
    let data = digits().slice(0..200).unwrap();
    let validation = digits().slice(200..250).unwrap();
    let options = FitOptions {
        validation: Some(validation.clone()),
        noise: Some(Noise::Masking { probability: 0.2 }),
        ..options()
    };
    let mut whole = model(&[40, 12], true);
    let second = whole.stage(1).unwrap();
    let histories = whole.pretrain(&data, &options).unwrap();
    let all = numbers(&whole);
    let bits = |name: &str| &all.iter().find(|(n, _)| n == name).unwrap().1;

    // By hand. With tied weights, the first weights drawn for one layer are
    // those drawn for the first of two.
    let mut first = model(&[40], true);
    let history = first.fit(&data, &options).unwrap();
    let losses = |h: &autoencoder::model::History| -> Vec<_> {
        h.epochs.iter().map(|e| (e.loss, e.val_loss)).collect()
    };
    assert_eq!(losses(&history), losses(&histories[0]));
    let by_hand = numbers(&first);
    assert_eq!(&by_hand[0].1, bits("encoder.0.weight"));
    assert_eq!(&by_hand[1].1, bits("encoder.0.bias"));
    assert_eq!(&by_hand[2].1, bits("decoder.1.bias"));

    let codes = |samples: &Dataset| Dataset::from_mat(first.encode(samples).unwrap().as_ref());
    let mut second = second;
    assert_eq!(second.loss(), Loss::MeanSquaredError);
    let options = FitOptions {
        validation: Some(codes(&validation)),
        ..options
    };
    let history = second.fit(&codes(&data), &options).unwrap();
    assert_eq!(losses(&history), losses(&histories[1]));
    let by_hand = numbers(&second);
    assert_eq!(&by_hand[0].1, bits("encoder.1.weight"));
    assert_eq!(&by_hand[1].1, bits("encoder.1.bias"));
    assert_eq!(&by_hand[2].1, bits("decoder.0.bias"));
}

#[test]
fn stages_of_untied_models_have_both_weights() {
    let mut whole = model(&[40, 12], false);
    let stage = whole.stage(1).unwrap();
    let names = [
        "encoder.1.weight",
        "encoder.1.bias",
        "decoder.0.weight",
        "decoder.0.bias",
    ];
    let all = numbers(&whole);
    for ((_, bits), name) in numbers(&stage).iter().zip(names) {
        assert_eq!(
            bits,
            &all.iter().find(|(n, _)| n == name).unwrap().1,
            "{name}"
        );
    }
    assert!(whole.stage(2).is_err());
    assert!(whole.set_stage(0, &stage).is_err());
    whole.set_stage(1, &stage).unwrap();
    assert_eq!(numbers(&whole), all);

    let builder = Autoencoder::builder().input(784).encoder([40, 12]);
    let mut skewed = builder.decoder([30, 784]).build().unwrap();
    let data = digits().slice(0..10).unwrap();
    let error = skewed.pretrain(&data, &options()).unwrap_err();
    assert!(
        error.to_string().contains("[40, 784], the mirror"),
        "{error}"
    );
    let frozen = FitOptions {
        freeze: Some(Part::Decoder),
        ..options()
    };
    assert!(whole.pretrain(&data, &frozen).is_err());
}

#[test]
fn a_callback_ends_all_stages() {
    use autoencoder::model::Epoch;
    use std::ops::ControlFlow;
    let data = digits().slice(0..100).unwrap();
    let mut whole = model(&[40, 12], false);
    let before = numbers(&whole);
    let mut end = |_: &Epoch| ControlFlow::Break(());
    let histories = whole.pretrain_with(&data, &options(), &mut end).unwrap();
    assert_eq!(histories.len(), 1);
    let after = numbers(&whole);
    assert!(before[0] != after[0] && before[2] == after[2]);
}

/// The one gradient of a tied weight is the sum of those of two weights with
/// the same numbers.
#[test]
fn tied_gradients_are_sums_of_untied_ones() {
    let net = |tied: bool| {
        let mut tape = Tape::new();
        let x = tape.input(50);
        let (w, b) = (tape.weight(50, 20), tape.bias(20));
        let c = tape.bias(50);
        let h = tape.dense(x, w, Some(b), Activation::Tanh).unwrap();
        let y = if tied {
            tape.dense_transposed(h, w, Some(c), Activation::Sigmoid)
        } else {
            let second = tape.weight(20, 50);
            tape.dense(h, second, Some(c), Activation::Sigmoid)
        };
        tape.loss(Loss::BinaryCrossEntropy, y.unwrap(), x).unwrap();
        (tape, x)
    };
    let weight = Mat::from_fn(50, 20, |i, j| ((i * 7 + j * 13) % 29) as f32 / 60.0 - 0.23);
    let data = Mat::from_fn(9, 50, |i, j| ((i * 5 + j * 3) % 17) as f32 / 16.0);
    let gradients = |tied: bool| {
        let (tape, _): (Tape, Value) = net(tied);
        let mut parameters = Parameters::zeros(&tape).unwrap();
        let all: Vec<_> = tape.parameters().collect();
        parameters.get_mut(all[0]).copy_from(weight.as_ref());
        if !tied {
            let mut second = parameters.get_mut(all[3]);
            second.copy_from(weight.as_ref().transpose());
        }
        let mut program = Program::new(&tape, ProgramOptions::new(9)).unwrap();
        let fill = |_, rows, mut to: autoencoder::MatMut<'_, f32>| {
            to.copy_from(data.as_ref().submatrix(rows, 0..50));
            Ok(())
        };
        let (_, gradients) = program.gradients(&parameters, 9, fill).unwrap();
        let mats: Vec<Mat<f32>> = all.iter().map(|&p| gradients.get(p).clone()).collect();
        mats
    };
    let (tied, untied) = (gradients(true), gradients(false));
    assert_eq!(tied[1..3], untied[1..3], "biases");
    let mut largest = 0.0f32;
    for i in 0..50 {
        for j in 0..20 {
            let sum = untied[0].row(i)[j] + untied[3].row(j)[i];
            assert!((tied[0].row(i)[j] - sum).abs() < 1e-7, "({i}, {j})");
            largest = largest.max(sum.abs());
        }
    }
    assert!(largest > 1e-3);
}

#[test]
fn options_that_make_no_sense_are_errors() {
    let data = digits().slice(0..10).unwrap();
    let noise = |stddev| Some(Noise::Gaussian { stddev });
    for (bad, says) in [
        (
            FitOptions {
                noise: noise(-1.0),
                ..options()
            },
            "gaussian is -1",
        ),
        (
            FitOptions {
                dropout: 1.0,
                ..options()
            },
            "dropout is 1",
        ),
        (
            FitOptions {
                input_dropout: f32::NAN,
                ..options()
            },
            "dropout is NaN",
        ),
    ] {
        let error = model(&[3], false).fit(&data, &bad).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!("middle".parse::<Part>().is_err());
}

#[test]
fn wide_models_are_overcomplete_unless_a_layer_is_narrow() {
    for (widths, wide) in [
        (vec![784], true),
        (vec![900, 1_000], true),
        (vec![783], false),
        (vec![30, 800], false),
    ] {
        let model = model(&widths, false);
        assert_eq!(model.architecture().is_overcomplete(), wide, "{widths:?}");
    }
    let regularised = |options: FitOptions| options.is_regularised();
    assert!(!regularised(options()));
    assert!(regularised(FitOptions {
        dropout: 0.1,
        ..options()
    }));
    assert!(regularised(FitOptions {
        input_dropout: 0.1,
        ..options()
    }));
    let noise = Some(Noise::Masking { probability: 0.1 });
    assert!(regularised(FitOptions { noise, ..options() }));
    let optimizer = Optimizer::adamw_pytorch();
    assert!(regularised(FitOptions {
        optimizer,
        ..options()
    }));
}

#[test]
fn corrupted_samples_are_those_of_the_seed() {
    let data = digits().slice(0..5).unwrap();
    let noise = Noise::SaltAndPepper { probability: 0.5 };
    let some = |seed| Samples::from(&data).corrupted(noise, seed).unwrap();
    assert_eq!(some(1), some(1));
    assert_ne!(some(1), some(2));
}
