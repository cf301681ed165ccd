//! What holds for any model, any samples and any way to cut a training in two:
//! rows do not see each other, saving then loading is the identity, and so is
//! stopping then going on.

mod common;

use autoencoder::compress::{Compressed, Precision};
use autoencoder::data::Dataset;
use autoencoder::model::{Checkpoint, Decoder, Epoch, FitOptions, Trainer};
use autoencoder::{Activation, Autoencoder, Loss, Mat, Noise, Optimizer};
use common::{bits, model_bits};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Samples of these rows of a matrix.
fn pick(mat: &Mat<f32>, rows: &[usize]) -> Mat<f32> {
    Mat::from_fn(rows.len(), mat.cols(), |i, j| mat[(rows[i], j)])
}

fn activation() -> impl Strategy<Value = Activation> {
    select(Activation::ALL.to_vec())
}

/// What a decoder is to its encoder.
#[derive(Clone, Debug)]
enum Kind {
    Mirrored,
    Own(Vec<usize>),
    Tied,
    Variational,
}

/// Models of every kind, each with its first weights.
fn model() -> impl Strategy<Value = Autoencoder> {
    let kind = prop_oneof![
        Just(Kind::Mirrored),
        vec(1usize..20, 0..3).prop_map(Kind::Own),
        Just(Kind::Tied),
        Just(Kind::Variational),
    ];
    let shape = vec(1usize..7, 1..3);
    let activations = (activation(), activation(), activation());
    let loss = select(Loss::ALL.to_vec());
    let parts = (
        shape,
        vec(1usize..40, 1..4),
        kind,
        activations,
        loss,
        any::<u64>(),
    );
    parts.prop_map(
        |(shape, widths, kind, (hidden, code, output), loss, seed)| {
            let features = shape.iter().product();
            let builder = Autoencoder::builder()
                .sample_shape(shape)
                .encoder(widths)
                .hidden(hidden)
                .code(code)
                .output(match loss.takes_logits() {
                    true => Activation::Sigmoid,
                    false => output,
                })
                .loss(loss)
                .seed(seed);
            let builder = match kind {
                Kind::Mirrored => builder,
                Kind::Own(mut widths) => {
                    widths.push(features);
                    builder.decoder(widths)
                }
                Kind::Tied => builder.tied(true),
                Kind::Variational => builder.code(Activation::Identity).variational(true),
            };
            builder.build().unwrap()
        },
    )
}

/// As many samples as asked for, in [0, 1], for a model.
fn samples(model: &Autoencoder, rows: usize, seed: u64) -> Mat<f32> {
    let mut random = seed;
    Mat::from_fn(rows, model.architecture().input(), |_, _| {
        // Knuth's linear congruential generator for 64 bits.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 40) as f32 / (1u64 << 24) as f32
    })
}

fn any_options() -> impl Strategy<Value = FitOptions> {
    let noise = select(vec![
        Noise::Gaussian { stddev: 0.3 },
        Noise::Masking { probability: 0.2 },
    ]);
    let random = (option::of(noise), select(vec![0.0f32, 0.2]), any::<u64>());
    let schedule = select(vec![
        "constant",
        "step:2:0.5",
        "plateau:1:0.5",
        "cosine:0:9",
    ]);
    let steps = (
        1usize..50,
        any::<bool>(),
        schedule,
        option::of(1e-3f32..1.0),
    );
    let optimizer = select(Optimizer::ALL.to_vec());
    (optimizer, random, steps).prop_map(|(optimizer, random, steps)| {
        let (noise, dropout, seed) = random;
        let (batch_size, shuffle, schedule, clip_norm) = steps;
        FitOptions {
            optimizer,
            noise,
            dropout,
            seed,
            batch_size,
            shuffle,
            schedule: schedule.parse().unwrap(),
            clip_norm,
            any_targets: true,
            ..FitOptions::default()
        }
    })
}

/// All that is no time.
fn timeless(epochs: &[Epoch]) -> Vec<Vec<Option<u64>>> {
    let numbers = |epoch: &Epoch| {
        let columns = epoch.columns().filter(|(name, _)| !name.contains("second"));
        columns.map(|(_, value)| value.map(f64::to_bits)).collect()
    };
    epochs.iter().map(numbers).collect()
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(64))]

    /// Rows in another order, and rows cut into minibatches anywhere, have the same
    /// codes and reconstructions, bit for bit; and shapes are what they should be.
    #[test]
    fn rows_do_not_see_each_other(
        model in model(),
        order in (0usize..140).prop_flat_map(|rows| {
            Just((0..rows).collect::<Vec<_>>()).prop_shuffle()
        }),
        lengths in vec(0usize..70, 1..6),
        seed: u64,
    ) {
        let rows = order.len();
        let x = samples(&model, rows, seed);
        let codes = model.encode(&x).unwrap();
        let decoded = model.decode(&codes).unwrap();
        let architecture = model.architecture();
        prop_assert_eq!(codes.shape(), (rows, architecture.code()));
        prop_assert_eq!(decoded.shape(), (rows, architecture.input()));
        prop_assert_eq!(bits(&model.reconstruct(&x).unwrap()), bits(&decoded));

        let mut ranges = vec![order.clone()];
        let mut start = 0;
        for length in lengths {
            let end = rows.min(start + length);
            ranges.push((start..end).collect());
            start = end;
        }
        ranges.push((start..rows).collect());
        for range in ranges {
            let some = model.encode(&pick(&x, &range)).unwrap();
            prop_assert_eq!(bits(&some), bits(&pick(&codes, &range)));
            let back = model.decode(&some).unwrap();
            prop_assert_eq!(bits(&back), bits(&pick(&decoded, &range)));
        }
    }

    /// A model, its decoder alone and what it compressed, from their files.
    #[test]
    fn saving_then_loading_is_the_identity(model in model(), rows in 1usize..20, seed: u64) {
        let x = samples(&model, rows, seed);
        let data = Dataset::from_mat(x.as_ref());
        let mut model = model;
        // Biases are zero before; some nets diverge, and stay as they were then.
        let options = FitOptions { epochs: 1, batch_size: 7, any_targets: true, ..FitOptions::default() };
        let _ = model.fit(&data, &options);

        let bytes = model.to_safetensors().unwrap();
        let again = Autoencoder::from_safetensors(&bytes).unwrap();
        prop_assert_eq!(again.architecture(), model.architecture());
        prop_assert_eq!(again.training(), model.training());
        prop_assert_eq!(again.seed(), model.seed());
        prop_assert_eq!(model_bits(&again), model_bits(&model));
        prop_assert_eq!(&again.to_safetensors().unwrap(), &bytes);
        let codes = model.encode(&x).unwrap();
        prop_assert_eq!(bits(&again.encode(&x).unwrap()), bits(&codes));

        let decoder = Decoder::of(&model).unwrap();
        let bytes = decoder.to_safetensors().unwrap();
        let again = Decoder::from_safetensors(&bytes).unwrap();
        prop_assert_eq!(again.layers(), decoder.layers());
        prop_assert_eq!(&again.to_safetensors().unwrap(), &bytes);
        let decoded = model.decode(&codes).unwrap();
        prop_assert_eq!(bits(&again.decode(&codes).unwrap()), bits(&decoded));

        for precision in Precision::ALL {
            let compressed = Compressed::new(&model, &data, precision).unwrap();
            let bytes = compressed.to_bytes().unwrap();
            let again = Compressed::from_bytes(&bytes).unwrap();
            prop_assert_eq!(again.kind(), compressed.kind());
            prop_assert_eq!(again.precision(), precision);
            prop_assert_eq!(bits(&again.codes().unwrap()), bits(&compressed.codes().unwrap()));
            prop_assert_eq!(&again.to_bytes().unwrap(), &bytes);
            if precision == Precision::F32 {
                prop_assert_eq!(bits(&again.decompress().unwrap()), bits(&decoded));
            }
        }
    }
}

proptest! {
    #![proptest_config(config(32))]

    /// A training that was stopped after any epoch and went on from its checkpoint.
    #[test]
    fn resuming_is_the_identity(
        model in model(),
        options in any_options(),
        (epochs, stop) in (1u32..7).prop_flat_map(|epochs| (Just(epochs), 0..=epochs)),
        rows in 1usize..90,
    ) {
        let data = Dataset::from_mat(samples(&model, rows, options.seed).as_ref());
        let validation = Dataset::from_mat(samples(&model, 11, !options.seed).as_ref());
        let options = FitOptions { epochs, validation: Some(validation), ..options };
        let mut trainer = Trainer::new(&model, &data, &options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        loop {
            if trainer.history().epochs.len() == stop as usize {
                trainer.save(&path, "a note").unwrap();
            }
            if trainer.is_done() {
                break;
            }
            // Some of these trainings diverge, and are of no use here.
            if trainer.epoch(&mut ()).is_err() {
                return Err(TestCaseError::reject("diverges"));
            }
        }
        let best = trainer.best().map(|best| model_bits(&best));
        let (whole, history) = trainer.finish();

        let checkpoint = Checkpoint::load(&path).unwrap();
        prop_assert_eq!(checkpoint.note(), "a note");
        let mut trainer = Trainer::resume(checkpoint, &data, &options).unwrap();
        // What was loaded is saved as the same bytes.
        let again = folder.path().join("again.safetensors");
        trainer.save(&again, "a note").unwrap();
        prop_assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&path).unwrap());

        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        prop_assert_eq!(trainer.best().map(|best| model_bits(&best)), best);
        let (model, resumed) = trainer.finish();
        prop_assert_eq!(model_bits(&model), model_bits(&whole));
        prop_assert_eq!(timeless(&resumed.epochs), timeless(&history.epochs));
        prop_assert_eq!(model.training(), whole.training());
    }
}
