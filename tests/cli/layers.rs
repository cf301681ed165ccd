//! Nets of other layers than dense ones, through every command.

use crate::program::{Folder, json};

const LAYERS: &str = "784,layer-norm,24:tanh,layer-norm:keras,6";

fn trained() -> Folder {
    let folder = Folder::with_digits(0..60);
    folder.good(&format!(
        "train digits.npy --epochs 2 --layers {LAYERS} --out run --json"
    ));
    folder
}

#[test]
fn every_command_takes_a_normalised_net() {
    let folder = trained();
    let model = "run/model.safetensors";
    for arguments in [
        format!("evaluate {model} digits.npy"),
        format!("encode {model} digits.npy -o codes.npy"),
        format!("decode {model} codes.npy -o decoded.npy"),
        format!("reconstruct {model} digits.npy -o same.npy"),
        format!("score {model} digits.npy -o scores.csv"),
        format!("generate {model} -n 4 --from around:0.1 --data digits.npy -o new.npy"),
        format!("compress digits.npy --model {model} -o small"),
        "decompress small -o large.npy".to_owned(),
        format!("export {model} -o onnx"),
    ] {
        let output = folder.run(&arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments}: {stderr}");
    }
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(read("decoded.npy"), read("same.npy"));
}

#[test]
fn info_and_presets_tell_layers_as_options_take_them() {
    let folder = trained();
    let info = json(&folder.good("info run/model.safetensors --json"));
    let encoder = "784,layer-norm,24:tanh,layer-norm:keras,6:relu";
    assert_eq!(info["encoder"], encoder);
    assert_eq!(info["decoder"], "6,24:relu,layer-norm:keras,784:sigmoid");
    let layers = info["layers"].as_array().unwrap();
    let name = |number: usize| layers[number]["name"].as_str().unwrap();
    assert_eq!([name(1), name(4)], ["encoder.1", "decoder.0"]);
    assert_eq!(layers[0]["layer"], "layer-norm");
    assert!(layers[0].get("activation").is_none());
    assert_eq!(layers[1]["activation"], "tanh");
    let table = folder.good("info run/model.safetensors");
    let row = |name: &str| {
        let mut lines = table.lines().filter(|line| line.starts_with(name));
        let line = lines.next().unwrap_or_else(|| panic!("{name}: {table}"));
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("encoder.0"), "784 → 784 layer-norm 1 568");
    assert_eq!(row("encoder.2"), "24 → 24 layer-norm:keras 48");
    assert_eq!(row("decoder.2"), "24 → 784 sigmoid 19 600");
    // What `info` says makes the same net.
    folder.good(&format!(
        "train digits.npy --epochs 2 --layers {encoder} --out again --json \
         --decoder 6,24:relu,layer-norm:keras,784:sigmoid"
    ));
    assert_eq!(
        folder.read("again", "model.safetensors"),
        folder.read("run", "model.safetensors")
    );
}

#[test]
fn a_normalised_run_is_resumed() {
    let folder = trained();
    folder.good(&format!(
        "train digits.npy --epochs 4 --layers {LAYERS} --out whole --json"
    ));
    folder.good(&format!(
        "train digits.npy --resume run --epochs 4 --layers {LAYERS} --json"
    ));
    for name in ["model.safetensors", "best.safetensors"] {
        assert_eq!(folder.read("run", name), folder.read("whole", name));
    }
    let other = "train digits.npy --resume run --epochs 5 --layers 784,24,6";
    folder.bad(
        other,
        "--layers 784,24,6 does not fit the model of --resume, which has \
         784,layer-norm,24,layer-norm:keras,6",
    );
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_read() {
    let folder = Folder::with_digits(0..20);
    for (arguments, says) in [
        (
            "--layers 784,layernorm,32",
            "one such as 128 or 128:relu, layer-norm",
        ),
        ("--layers 784,layer-norm:0,32", "a positive finite number"),
        ("--layers 784,32:lelu", "lelu"),
        (
            "--layers 784,32 --decoder 31,784",
            "the code has 32 numbers",
        ),
        (
            "--layers 784,32,layer-norm --variational",
            "variational encoder is layer-norm",
        ),
        (
            "--layers 784,layer-norm,32 --pretrain 1",
            "layers whose output can be a code",
        ),
    ] {
        let output = folder.run(&format!(
            "train digits.npy --epochs 1 --out run {arguments}"
        ));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && stderr.contains(says),
            "{arguments}: {stderr}"
        );
        assert!(!folder.path("run").join("model.safetensors").exists());
    }
}
