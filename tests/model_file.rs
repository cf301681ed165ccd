//! Model files, read by the `safetensors` crate too, and broken in every way
//! that comes to mind.

use std::fs;

use autoencoder::data::digits;
use autoencoder::model::FitOptions;
use autoencoder::{Activation, Autoencoder, Error};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

fn model(tied: bool) -> Autoencoder {
    let mut model = Autoencoder::builder()
        .sample_shape([28, 28])
        .encoder([6, 3])
        .hidden(Activation::LeakyRelu { slope: 0.2 })
        .tied(tied)
        .seed(u64::MAX)
        .build()
        .unwrap();
    let options = FitOptions {
        epochs: 2,
        seed: 5,
        validation: Some(digits().slice(500..600).unwrap()),
        ..FitOptions::default()
    };
    model
        .fit(&digits().slice(0..500).unwrap(), &options)
        .unwrap();
    model
}

fn saved(model: &Autoencoder) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::read(path).unwrap()
}

#[test]
fn a_file_is_what_pytorch_expects() {
    for tied in [false, true] {
        let model = model(tied);
        let bytes = saved(&model);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut names = file.names();
        names.sort();
        let (weights, biases) = (
            [
                "decoder.0.weight",
                "decoder.1.weight",
                "encoder.0.weight",
                "encoder.1.weight",
            ],
            [
                "decoder.0.bias",
                "decoder.1.bias",
                "encoder.0.bias",
                "encoder.1.bias",
            ],
        );
        let mut expected = [&biases[..], &weights[if tied { 2 } else { 0 }..]].concat();
        expected.sort();
        assert_eq!(names, expected);
        // PyTorch: `Linear(784, 6).weight` is 6 × 784.
        let weight = file.tensor("encoder.0.weight").unwrap();
        assert_eq!(
            (weight.shape(), weight.dtype()),
            (&[6, 784][..], Dtype::F32)
        );
        assert_eq!(file.tensor("encoder.1.weight").unwrap().shape(), [3, 6]);
        assert_eq!(file.tensor("decoder.1.bias").unwrap().shape(), [784]);

        // y = W·x, as PyTorch computes it, gives the first code layer.
        let number = |data: &[u8], i: usize| {
            f64::from(f32::from_le_bytes(data[4 * i..][..4].try_into().unwrap()))
        };
        let (_, in_memory) = model.parameters().next().unwrap();
        for (output, input) in [(0, 0), (5, 783), (2, 400)] {
            let value = number(weight.data(), output * 784 + input);
            assert_eq!(value, f64::from(in_memory[(input, output)]));
        }
    }
}

#[test]
fn the_metadata_tell_all_that_the_numbers_do_not() {
    let bytes = saved(&model(true));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().as_ref().unwrap();
    assert_eq!(metadata.len(), 1);
    let json: Value = serde_json::from_str(&metadata["autoencoder"]).unwrap();
    let training = &json["training"];
    for key in ["loss", "val_loss"] {
        assert!(training[key].as_f64().unwrap() > 0.0);
    }
    let expected = json!({
        "format": 2,
        "crate_version": env!("CARGO_PKG_VERSION"),
        "sample_shape": [28, 28],
        "encoder": "784,6:leaky_relu:0.2,3:leaky_relu:0.2",
        "decoder": "3,6:leaky_relu:0.2,784:sigmoid",
        "tied": true,
        "loss": "bce",
        "seed": u64::MAX,
        "training": {
            "optimizer": "adam",
            "learning_rate": training["learning_rate"],
            "batch_size": 256,
            "samples": 500,
            "epochs": 2,
            "shuffle": true,
            "seed": 5,
            "loss": training["loss"],
            "val_loss": training["val_loss"],
        },
    });
    assert_eq!(json, expected);
    assert_eq!(training["learning_rate"].as_f64().unwrap() as f32, 1e-3);
}

#[test]
fn loading_what_was_saved_gives_the_same_bits() {
    for tied in [false, true] {
        let model = model(tied);
        let bytes = saved(&model);
        let loaded = Autoencoder::from_safetensors(&bytes).unwrap();
        assert_eq!(loaded.architecture(), model.architecture());
        assert_eq!(loaded.training(), model.training());
        assert_eq!(loaded.seed(), u64::MAX);
        for ((_, a), (_, b)) in loaded.parameters().zip(model.parameters()) {
            let bits = |mat: &autoencoder::Mat<f32>| -> Vec<u32> {
                mat.as_slice().iter().map(|x| x.to_bits()).collect()
            };
            assert_eq!(bits(a), bits(b));
        }
        assert_eq!(saved(&loaded), bytes);
        assert_eq!(saved(&model), bytes);
    }
}

/// A file with this header and these bytes of numbers.
fn file(header: &str, numbers: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + numbers, 0);
    bytes
}

/// The header of a sound 2-1-2 model, which has 28 bytes of numbers.
fn header() -> Value {
    let metadata = json!({
        "format": 1, "crate_version": "0.1.0", "sample_shape": [2],
        "encoder": [{"kind": "dense", "inputs": 2, "outputs": 1, "activation": "relu"}],
        "decoder": [{"kind": "dense", "inputs": 1, "outputs": 2, "activation": "sigmoid"}],
        "tied": false, "loss": "bce", "seed": 0, "training": null,
    });
    json!({
        "__metadata__": {"autoencoder": metadata.to_string()},
        "encoder.0.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
        "encoder.0.bias": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
        "decoder.0.weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [12, 20]},
        "decoder.0.bias": {"dtype": "F32", "shape": [2], "data_offsets": [20, 28]},
    })
}

#[test]
fn broken_files_are_errors_that_say_why() {
    assert!(Autoencoder::from_safetensors(&file(&header().to_string(), 28)).is_ok());

    let changed = |pointer: &str, value: Value| {
        let mut header = header();
        *header.pointer_mut(pointer).unwrap() = value;
        file(&header.to_string(), 28)
    };
    let metadata = |pointer: &str, value: Value| {
        let text = header()["__metadata__"]["autoencoder"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut json: Value = serde_json::from_str(&text).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        changed("/__metadata__/autoencoder", json.to_string().into())
    };
    let without = |name: &str| {
        let mut header = header();
        header.as_object_mut().unwrap().remove(name);
        header.to_string()
    };
    let mut extra = header();
    extra["encoder.1.bias"] = json!({"dtype": "F32", "shape": [1], "data_offsets": [28, 32]});
    let huge = json!({"dtype": "F32", "shape": [1u64 << 40, 2], "data_offsets": [0, 1u64 << 43]});
    let overflow =
        json!({"dtype": "F32", "shape": [1u64 << 62, 1u64 << 62], "data_offsets": [0, 8]});
    let text = header().to_string();
    for (bytes, says) in [
        (vec![], "0 bytes"),
        (vec![0; 7], "7 bytes"),
        (vec![0xff; 64], "a header of 18446744073709551615 bytes"),
        (file(&text, 28)[..50].to_vec(), "in a file of 50"),
        (file(&text, 27), "27 bytes of numbers"),
        (file(&text, 29), "29 bytes of numbers"),
        (file("{}", 0), "no such metadata"),
        (file("no json", 0), "not understood"),
        (file(&"[".repeat(100_000), 0), "not understood"),
        (file("{\"a\":{\"dtype\":\"F32\"}}", 0), "not understood"),
        (file(&without("__metadata__"), 28), "no such metadata"),
        (file(&without("decoder.0.bias"), 20), "no such tensor"),
        (file(&extra.to_string(), 32), "encoder.1.bias"),
        (changed("/encoder.0.weight", huge), "not understood"),
        (changed("/encoder.0.weight", overflow), "not understood"),
        (changed("/encoder.0.weight/dtype", "I32".into()), "I32"),
        (changed("/encoder.0.weight/shape", json!([2, 1])), "[2, 1]"),
        (changed("/encoder.0.weight/shape", json!([2])), "shape [2]"),
        (
            changed("/encoder.0.weight/data_offsets", json!([8, 16])),
            "not understood",
        ),
        (
            changed("/__metadata__/autoencoder", "".into()),
            "metadata that is not understood",
        ),
        (
            metadata("/format", json!(3)),
            "format 3, of a later version",
        ),
        (metadata("/format", json!(0)), "format 0"),
        (
            metadata("/encoder", json!("2,1:relu,1:relu")),
            "no such tensor",
        ),
        (metadata("/encoder", json!("2,1:rela")), "rela"),
        (metadata("/encoder", json!("2,gru:1")), "gru"),
        (metadata("/encoder", json!("2")), "at least one layer"),
        (metadata("/encoder", json!("3,1:relu")), "contradict"),
        (
            metadata("/decoder", json!("2,2:sigmoid")),
            "that of the code",
        ),
        (metadata("/encoder", json!(2)), "not understood"),
        (metadata("/loss", json!("best")), "best"),
        (metadata("/loss", json!("huber:nan")), "NaN"),
        (metadata("/encoder/0/kind", json!("conv")), "conv"),
        (metadata("/encoder/0/activation", json!("elu:inf")), "inf"),
        (metadata("/encoder/0/inputs", json!(-2)), "not understood"),
        (
            metadata("/encoder/0/inputs", json!(1e300)),
            "not understood",
        ),
        (metadata("/encoder/0/outputs", json!(3)), "contradict"),
        (metadata("/encoder", json!([])), "contradict"),
        (metadata("/sample_shape", json!([1, 3])), "[1, 3]"),
        (
            metadata("/sample_shape", json!([u64::MAX, u64::MAX])),
            "contradict",
        ),
        (metadata("/tied", json!(true)), "decoder.0.weight"),
        (
            metadata("/decoder/0/activation", json!("relu")),
            "contradict",
        ),
        (
            metadata("/training", json!({"epochs": "many"})),
            "not understood",
        ),
    ] {
        let error = Autoencoder::from_safetensors(&bytes).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Format { .. }), "{message}");
        assert!(message.contains(says), "{message:?} does not say {says:?}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_wide_architecture_without_numbers_allocates_nothing() {
    let wide = 1u64 << 38;
    let text = header()
        .to_string()
        .replace("\\\"inputs\\\":2", &format!("\\\"inputs\\\":{wide}"));
    let text = text.replace("\\\"outputs\\\":2", &format!("\\\"outputs\\\":{wide}"));
    let text = text.replace(
        "\\\"sample_shape\\\":[2]",
        &format!("\\\"sample_shape\\\":[{wide}]"),
    );
    let message = Autoencoder::from_safetensors(&file(&text, 28))
        .unwrap_err()
        .to_string();
    assert!(message.contains("shape [1, 274877906944]"), "{message}");
}

#[test]
fn cutting_a_file_anywhere_is_an_error() {
    let bytes = saved(&model(false));
    for length in (0..bytes.len())
        .step_by(97)
        .chain(bytes.len() - 9..bytes.len())
    {
        assert!(
            Autoencoder::from_safetensors(&bytes[..length]).is_err(),
            "{length}"
        );
    }
}

#[test]
fn paths_that_are_no_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("nothing")] {
        let message = Autoencoder::load(&path).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
    let error = model(false)
        .save(folder.path().join("no/such/folder"))
        .unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}
