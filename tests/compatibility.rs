//! Files that version 0.1.0 wrote, when it knew dense layers alone: its models load,
//! and its runs go on to the same bits.
//!
//! `cargo test --test compatibility -- --ignored` wrote them, once, at commit 3163521.
//! They stay as they are: a change that needs new ones breaks files that people have.
//!
//! A run's bits depend on the SIMD level, which sums within a register in an order of
//! its own. There are files of AVX2 and of the portable level. Every other level resumes
//! those of AVX2 and must end within rounding of them.

use std::fs;
use std::path::PathBuf;

use autoencoder::data::{Dataset, load, write_npy};
use autoencoder::model::{
    Builder, Checkpoint, FitOptions, Part, Regularization, Sparsity, Trainer,
};
use autoencoder::{Activation, Autoencoder, Level, Loss, Optimizer};

const FEATURES: usize = 13;
const SAMPLES: usize = 90;
/// The epochs of a run, and those after which its checkpoint was saved.
const EPOCHS: u32 = 6;
const SAVED: u32 = 3;

/// A model, and how it is trained.
struct Case {
    name: &'static str,
    builder: Builder,
    options: FitOptions,
}

/// Each kind of dense model; together they use every option of a training that is
/// arithmetic.
fn cases() -> Vec<Case> {
    let builder = || Autoencoder::builder().input(FEATURES).seed(3);
    let options = || FitOptions {
        learning_rate: Some(0.01),
        batch_size: 32,
        epochs: EPOCHS,
        seed: 11,
        ..FitOptions::default()
    };
    let regularization = Regularization::default();
    vec![
        Case {
            name: "deep",
            builder: builder()
                .encoder([9, 4])
                .hidden(Activation::Gelu)
                .code(Activation::Identity)
                .loss(Loss::MeanSquaredError),
            options: FitOptions {
                schedule: "cosine".parse().unwrap(),
                clip_norm: Some(0.2),
                ..options()
            },
        },
        Case {
            name: "tied",
            builder: builder().encoder([8, 5]).tied(true),
            options: FitOptions {
                optimizer: Optimizer::momentum(0.9),
                noise: Some("masking:0.3".parse().unwrap()),
                regularization: Regularization {
                    weight_decay: Some(1e-3),
                    ..regularization
                },
                ..options()
            },
        },
        Case {
            name: "variational",
            builder: builder()
                .encoder([7, 3])
                .decoder([6, FEATURES])
                .hidden(Activation::Tanh)
                .variational(true),
            options: FitOptions {
                optimizer: Optimizer::adam_pytorch(),
                regularization: Regularization {
                    beta: Some(2.0),
                    beta_warm_up: 4,
                    ..regularization
                },
                ..options()
            },
        },
        Case {
            name: "sparse",
            builder: builder().encoder([10]).hidden(Activation::Sigmoid),
            options: FitOptions {
                dropout: 0.1,
                input_dropout: 0.1,
                regularization: Regularization {
                    code_l1: Some(1e-3),
                    code_kl: Some(Sparsity {
                        target: 0.1,
                        factor: 0.01,
                    }),
                    contractive: Some(1e-2),
                    ..regularization
                },
                ..options()
            },
        },
        Case {
            name: "frozen",
            builder: builder()
                .encoder([6])
                .code(Activation::Softmax)
                .loss(Loss::BinaryCrossEntropyClipped),
            options: FitOptions {
                optimizer: Optimizer::adadelta_keras2(),
                learning_rate: None,
                freeze: Some(Part::Encoder),
                ..options()
            },
        },
    ]
}

/// Numbers in [0, 1), every third of them 0.
fn data() -> Dataset {
    let value = |i: usize| match i % 3 {
        0 => 0.0,
        _ => (i * 7919 % 1009) as f32 / 1009.0,
    };
    let values = (0..SAMPLES * FEATURES).map(value).collect();
    Dataset::from_f32(SAMPLES, FEATURES, values).unwrap()
}

fn file(level: Level, case: &str, what: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/version-0.1.0");
    folder
        .join(level.to_string())
        .join(format!("{case}.{what}.safetensors"))
}

/// The level whose files this process can be held to.
fn level_of_files() -> Level {
    match Level::current() {
        Level::Portable => Level::Portable,
        _ => Level::Avx2,
    }
}

fn numbers(model: &Autoencoder) -> Vec<f32> {
    let parameters = model.parameters();
    parameters
        .flat_map(|(_, mat)| mat.as_slice().to_vec())
        .collect()
}

/// Fails unless both are the same, or within rounding at a level that has no files.
fn check(case: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{case}");
    assert!(expected.iter().any(|&x| x != 0.0), "{case}");
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        if Level::current() == level_of_files() {
            let bits = [found, expected].map(f32::to_bits);
            assert_eq!(bits[0], bits[1], "{case}, number {i}: {found}, {expected}");
        } else {
            let error = (found - expected).abs();
            assert!(error <= 1e-5, "{case}, number {i}: {found}, {expected}");
        }
    }
}

#[test]
fn models_load_and_reconstruct_to_the_same_bits() {
    for Case { name, builder, .. } in cases() {
        let level = level_of_files();
        let model = Autoencoder::load(file(level, name, "model")).unwrap();
        let expected = builder.build().unwrap();
        assert_eq!(model.architecture(), expected.architecture(), "{name}");
        let reconstructions = model.reconstruct(&data()).unwrap();
        let expected = load(file(level, name, "output").with_extension("npy")).unwrap();
        let expected = expected.as_f32().unwrap();
        let expected: Vec<f32> = (0..SAMPLES)
            .flat_map(|row| (0..FEATURES).map(move |col| (row, col)))
            .map(|(row, col)| expected.get(row, col))
            .collect();
        check(name, reconstructions.as_slice(), &expected);
    }
}

#[test]
fn runs_go_on_to_the_same_bits() {
    let data = data();
    for Case { name, options, .. } in cases() {
        let level = level_of_files();
        let checkpoint = Checkpoint::load(file(level, name, "checkpoint")).unwrap();
        assert_eq!(checkpoint.epochs().len(), SAVED as usize, "{name}");
        let mut trainer = Trainer::resume(checkpoint, &data, &options).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        let expected = Autoencoder::load(file(level, name, "model")).unwrap();
        check(name, &numbers(trainer.model()), &numbers(&expected));
    }
}

#[test]
fn a_run_from_its_beginning_has_the_same_bits() {
    let data = data();
    for case in cases() {
        let level = level_of_files();
        let model = case.builder.build().unwrap();
        let mut trainer = Trainer::new(&model, &data, &case.options).unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        let expected = Autoencoder::load(file(level, case.name, "model")).unwrap();
        check(case.name, &numbers(trainer.model()), &numbers(&expected));
    }
}

/// Writes the files, with the version that they are of.
#[test]
#[ignore = "the files are those of version 0.1.0 and stay as they are"]
fn write_files() {
    let (data, level) = (data(), Level::current());
    for case in cases() {
        let name = case.name;
        fs::create_dir_all(file(level, name, "model").parent().unwrap()).unwrap();
        let model = case.builder.build().unwrap();
        let mut trainer = Trainer::new(&model, &data, &case.options).unwrap();
        for _ in 0..SAVED {
            assert!(trainer.epoch(&mut ()).unwrap().is_continue());
        }
        trainer.save(file(level, name, "checkpoint"), "").unwrap();
        while trainer.epoch(&mut ()).unwrap().is_continue() {}
        let model = trainer.model();
        model.save(file(level, name, "model")).unwrap();
        let output = model.reconstruct(&data).unwrap();
        let path = file(level, name, "output").with_extension("npy");
        write_npy(path, output.as_ref()).unwrap();
    }
}
