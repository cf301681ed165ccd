//! Models of layers that are not dense: built from a text, trained, saved, resumed, used
//! and exported as dense ones are.

use std::ops::ControlFlow;

use autoencoder::data::Dataset;
use autoencoder::layer::{Description, Layer, LayerNorm};
use autoencoder::model::{
    Builder, Callback, Checkpoint, Decoder, Epoch, FitOptions, Part, Progress, Trainer,
};
use autoencoder::{Activation, Autoencoder, Loss, Mat, Optimizer};
use safetensors::SafeTensors;

const FEATURES: usize = 12;
const SAMPLES: usize = 70;

fn data() -> Dataset {
    let value = |i: usize| (i * 7919 % 1009) as f32 / 1009.0;
    let values = (0..SAMPLES * FEATURES).map(value).collect();
    Dataset::from_f32(SAMPLES, FEATURES, values).unwrap()
}

fn layers(text: &str) -> Builder {
    let encoder: Description = text.parse().unwrap();
    Autoencoder::builder().layers(encoder).seed(7)
}

/// Nets with normalisation wherever it may stand, each also tied and variational.
fn models() -> Vec<Autoencoder> {
    let mut models = Vec::new();
    for text in [
        "12,layer-norm,8,layer-norm:keras,5",
        "12,8:tanh,layer-norm:1e-6,5:sigmoid",
        "12,9,layer-norm",
        "4x3,layer-norm,6,2",
    ] {
        for tied in [false, true] {
            let builder = layers(text).tied(tied);
            models.push(builder.build().unwrap());
            // A code that is normalised, or has an activation, is no μ.
            if let Ok(model) = builder.variational(true).build() {
                models.push(model);
            }
        }
    }
    assert_eq!(models.len(), 8 + 4);
    models
}

fn bits(model: &Autoencoder) -> Vec<u32> {
    let parameters = model.parameters();
    let values = parameters.flat_map(|(_, mat)| mat.as_slice().to_vec());
    values.map(f32::to_bits).collect()
}

#[test]
fn a_text_is_a_net_and_its_mirror() {
    for (text, encoder, decoder) in [
        (
            "784,layer-norm,128,64",
            "784,layer-norm,128:relu,64:relu",
            "64,128:relu,784:sigmoid",
        ),
        (
            "784,128:tanh,layer-norm:keras,64:identity",
            "784,128:tanh,layer-norm:keras,64:identity",
            "64,128:relu,layer-norm:keras,784:sigmoid",
        ),
        (
            "28x28,16,layer-norm",
            "28x28,16:relu,layer-norm",
            "28x16,28:sigmoid",
        ),
    ] {
        let architecture = layers(text).architecture().unwrap();
        let texts = architecture.descriptions().map(|half| half.to_string());
        assert_eq!(texts, [encoder, decoder], "{text}");
        // What is written is what is read.
        let [encoder, decoder] = architecture.descriptions();
        let again = Autoencoder::builder()
            .layers(encoder)
            .decoder_layers(decoder);
        assert_eq!(again.architecture().unwrap(), architecture);
    }
    // Widths, as ever, are dense layers.
    let widths = Autoencoder::builder().input(784).encoder([128, 64]);
    let text = layers("784,128,64");
    assert_eq!(widths.architecture().unwrap(), text.architecture().unwrap());
}

#[test]
fn scales_begin_with_one_and_shifts_with_zero() {
    let model = layers("12,layer-norm,8,layer-norm,5").build().unwrap();
    for (info, mat) in model.parameters() {
        let all = |value: f32| mat.as_slice().iter().all(|&x| x == value);
        let is_norm = ["encoder.0.", "encoder.2.", "decoder.1."];
        let is_norm = is_norm.iter().any(|name| info.name.starts_with(name));
        match (info.is_bias, is_norm) {
            (true, true) if info.name.ends_with("weight") => assert!(all(1.0)),
            (true, _) => assert!(all(0.0)),
            (false, _) => assert!(!all(0.0) && !is_norm),
        }
        if info.is_bias {
            assert_eq!(info.file_shape(), [mat.cols()]);
        }
    }
}

#[test]
fn files_hold_every_kind_of_model() {
    let data = data();
    for mut model in models() {
        let options = FitOptions {
            epochs: 2,
            batch_size: 32,
            ..FitOptions::default()
        };
        model.fit(&data, &options).unwrap();
        let bytes = model.to_safetensors().unwrap();
        let again = Autoencoder::from_safetensors(&bytes).unwrap();
        assert_eq!(again.architecture(), model.architecture());
        assert_eq!(bits(&again), bits(&model));
        assert_eq!(again.to_safetensors().unwrap(), bytes);
        // By way of the code, with the decoder alone, and from its own file.
        let codes = model.encode(&data).unwrap();
        assert_eq!(codes.cols(), model.architecture().code());
        let whole = model.reconstruct(&data).unwrap();
        assert_eq!(model.decode(&codes).unwrap(), whole);
        let decoder = Decoder::of(&model).unwrap();
        assert_eq!(decoder.decode(&codes).unwrap(), whole);
        let bytes = decoder.to_safetensors().unwrap();
        let decoder = Decoder::from_safetensors(&bytes).unwrap();
        assert_eq!(decoder.decode(&codes).unwrap(), whole);
    }
}

#[test]
fn runs_resume_to_the_same_bits() {
    let data = data();
    for model in models() {
        let options = |epochs| FitOptions {
            epochs,
            batch_size: 32,
            dropout: 0.1,
            ..FitOptions::default()
        };
        let run = |mut trainer: Trainer<'_>| {
            while trainer.epoch(&mut ()).unwrap().is_continue() {}
            (bits(trainer.model()), trainer.to_safetensors("").unwrap())
        };
        let (whole, _) = run(Trainer::new(&model, &data, &options(4)).unwrap());
        let (half, checkpoint) = run(Trainer::new(&model, &data, &options(2)).unwrap());
        assert_ne!(half, whole);
        let checkpoint = Checkpoint::from_safetensors(&checkpoint).unwrap();
        let (resumed, _) = run(Trainer::resume(checkpoint, &data, &options(4)).unwrap());
        assert_eq!(resumed, whole);
    }
}

#[test]
fn a_frozen_half_keeps_its_scales() {
    let data = data();
    let model = layers("12,layer-norm,8,layer-norm,5").build().unwrap();
    for part in [Part::Encoder, Part::Decoder] {
        let mut trained = model.clone();
        let options = FitOptions {
            epochs: 1,
            freeze: Some(part),
            ..FitOptions::default()
        };
        trained.fit(&data, &options).unwrap();
        for ((info, before), (_, after)) in model.parameters().zip(trained.parameters()) {
            let is_frozen = info.name.starts_with(part.name());
            assert_eq!(before == after, is_frozen, "{}, {part:?} frozen", info.name);
        }
    }
}

#[test]
fn a_normalised_input_does_not_see_scale_or_offset() {
    let model = layers("12,layer-norm,8,5").build().unwrap();
    let plain = Mat::from_fn(9, FEATURES, |i, j| ((i * 5 + j * 7) % 11) as f32);
    let moved = Mat::from_fn(9, FEATURES, |i, j| 1024.0 + 64.0 * plain[(i, j)]);
    let [plain, moved] = [plain, moved].map(|x| model.encode(&x).unwrap());
    for (a, b) in plain.as_slice().iter().zip(moved.as_slice()) {
        assert!((a - b).abs() < 1e-5, "{a}, {b}");
    }
    assert!(plain.as_slice().iter().any(|&x| x > 0.1));
}

#[test]
fn what_such_a_net_cannot_do_is_an_error_that_says_so() {
    let refused = |result: autoencoder::Result<()>, says: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    };
    let normalised = layers("12,9,layer-norm");
    let variational = normalised.clone().variational(true).build().map(drop);
    refused(
        variational,
        "the last layer of a variational encoder is layer-norm",
    );
    let mut model = layers("12,8,layer-norm,5").build().unwrap();
    let pretrained = model.pretrain(&data(), &FitOptions::default()).map(drop);
    refused(
        pretrained,
        "encoder.1, layer-norm, expected layers whose output can be a code",
    );
    let decoder: Description = "5,8,layer-norm".parse().unwrap();
    let odd = layers("12,8,5").decoder_layers(decoder).build().map(drop);
    refused(odd, "the last width of the decoder is 8, expected 12");
    let decoder: Description = "5,12,layer-norm".parse().unwrap();
    let bce = layers("12,5").decoder_layers(decoder.clone());
    refused(
        bce.loss(Loss::BinaryCrossEntropy).build().map(drop),
        "the output's activation is identity",
    );
    // With the mean squared error, which is the default there, it is a net.
    let model = layers("12,5").decoder_layers(decoder).build().unwrap();
    assert_eq!(model.loss(), Loss::MeanSquaredError);
    assert_eq!(
        model.architecture().output_activation(),
        Activation::Identity
    );
    for epsilon in [0.0, -1e-5, f32::NAN] {
        let norm = Layer::LayerNorm(LayerNorm { epsilon });
        let shape = norm.kind().output_shape(12.into());
        refused(shape.map(drop), "a positive finite number");
    }
}

/// The losses of the steps of a training.
#[derive(Default)]
struct Losses(Vec<f64>);

impl Callback for Losses {
    fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.0.push(progress.loss);
        ControlFlow::Continue(())
    }

    fn on_epoch(&mut self, _: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Twenty steps of a normalised net beside PyTorch 2.15: the same first weights and rows,
/// the same losses and weights at the end. `tests/python/layer_norm.py` made the file and
/// says what is in it.
#[test]
fn a_normalised_net_trains_as_in_pytorch() {
    let bytes = std::fs::read("tests/data/layer_norm.safetensors").unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        let bytes = file.tensor(name).unwrap().data().chunks_exact(4);
        bytes
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect()
    };
    let rows = Dataset::from_f32(16, 20, numbers("rows")).unwrap();
    let encoder: Description = "20,layer-norm,12,layer-norm:pytorch,5".parse().unwrap();
    let decoder: Description = "5,12,layer-norm,20".parse().unwrap();
    let start = Autoencoder::builder()
        .layers(encoder)
        .decoder_layers(decoder)
        .output(Activation::Identity)
        .build()
        .unwrap();
    // The weights come to the model as anyone's would: in a file.
    let own = start.to_safetensors().unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&own).unwrap();
    let mut own = own.clone();
    for (info, _) in start.parameters() {
        let at = 8 + header + metadata.info(&info.name).unwrap().data_offsets.0;
        let theirs = file.tensor(&format!("start.{}", info.name)).unwrap();
        assert_eq!(theirs.shape(), info.file_shape(), "{}", info.name);
        own[at..at + theirs.data().len()].copy_from_slice(theirs.data());
    }
    let start = Autoencoder::from_safetensors(&own).unwrap();
    let losses = numbers("losses");
    let options = FitOptions {
        optimizer: Optimizer::adam_pytorch(),
        learning_rate: Some(1e-2),
        epochs: losses.len() as u32,
        batch_size: 16,
        shuffle: false,
        ..FitOptions::default()
    };
    let mut trained = start.clone();
    let mut steps = Losses::default();
    trained.fit_with(&rows, &options, &mut steps).unwrap();
    assert_eq!(losses.len(), 20);
    // Their f32 is this far from their f64; ours may be some times as far.
    const NOISE: f64 = 16.0;
    let noise = |name: &str| f64::from(numbers(name)[0]);
    for (step, (&got, &want)) in steps.0.iter().zip(&losses).enumerate() {
        let error = (got - f64::from(want)).abs();
        let bound = NOISE * noise("noise.losses");
        assert!(
            error <= bound,
            "step {step}: {got}, theirs is {want}, off by {error}"
        );
    }
    for (info, mat) in trained.parameters() {
        let theirs = numbers(&format!("end.{}", info.name));
        let bound = NOISE * noise(&format!("noise.{}", info.name));
        let cols = info.file_shape().pop().unwrap();
        for (i, &want) in theirs.iter().enumerate() {
            let got = match info.is_bias {
                true => mat[(0, i)],
                false => mat[(i % cols, i / cols)],
            };
            let error = f64::from(got - want).abs();
            assert!(error <= bound, "{} {i}: {got}, theirs is {want}", info.name);
        }
    }
}

/// A net that is normalised learns from the digits, and as fast as one that is not.
#[test]
fn a_normalised_net_learns() {
    let data = autoencoder::data::digits().slice(0..512).unwrap();
    let mut losses = Vec::new();
    for text in ["784,32", "784,64,layer-norm,32"] {
        let mut model = layers(text).build().unwrap();
        let options = FitOptions {
            epochs: 15,
            batch_size: 64,
            ..FitOptions::default()
        };
        let mut steps = Losses::default();
        let history = model.fit_with(&data, &options, &mut steps).unwrap();
        assert_eq!(steps.0.len(), 15 * 8);
        losses.push(history.epochs.last().unwrap().loss);
    }
    assert!(
        losses[1] < 1.1 * losses[0] && losses[1] < 0.25,
        "{losses:?}"
    );
}
