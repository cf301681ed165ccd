//! Denoising, dropout, frozen parts and layer-wise pre-training from the
//! command line.

use autoencoder::data::{self, digits};
use autoencoder::model::Samples;
use autoencoder::{Autoencoder, Noise};
use serde_json::Value;

use crate::program::{Folder, json_lines};

fn folder() -> Folder {
    Folder::with_digits(0..120)
}

fn height_of_png(path: &std::path::Path) -> u32 {
    let bytes = std::fs::read(path).unwrap();
    u32::from_be_bytes(bytes[20..24].try_into().unwrap())
}

#[test]
fn a_denoiser_reports_its_ratios_and_shows_its_work() {
    let folder = folder();
    let train = "train digits.npy --layers 784,40 --epochs 12 --learning-rate 0.01 --batch-size 20";
    let (stdout, _) =
        folder.good_with_remarks(&format!("{train} --noise gaussian:0.5 --out run --json"));
    let lines = json_lines(&stdout);
    let report = &lines.last().unwrap()["done"]["denoising"];
    assert_eq!(report["noise"], "gaussian:0.5");
    let ratio = |report: &Value, name: &str| report[name].as_f64().unwrap();
    // 10·log₁₀(1/0.5²) = 6.02.
    assert!((ratio(report, "noisy_psnr") - 6.02).abs() < 0.1, "{report}");
    assert!(
        ratio(report, "psnr") > ratio(report, "noisy_psnr") + 4.0,
        "{report}"
    );

    // The same numbers from the file.
    let evaluate = "evaluate run/model.safetensors digits.npy --noise gaussian:0.5";
    let (stdout, _) = folder.good_with_remarks(&format!("{evaluate} --json"));
    assert_eq!(&json_lines(&stdout)[0]["denoising"], report);
    let (stdout, _) = folder.good_with_remarks(&format!("{evaluate} --seed 1 --json"));
    assert_ne!(&json_lines(&stdout)[0]["denoising"], report);
    let (stdout, _) = folder.good_with_remarks(evaluate);
    assert!(stdout.contains("noise gaussian:0.5: 6.0"), "{stdout}");
    let (stdout, _) = folder.good_with_remarks("info run/model.safetensors");
    assert!(stdout.contains("with noise gaussian:0.5"), "{stdout}");

    // Three rows, where a plain model has two.
    let tall = height_of_png(&folder.path("run/reconstructions.png"));
    let (stdout, _) = folder
        .good_with_remarks(&format!("{train} --epochs 1 --out plain").replace("--epochs 12 ", ""));
    assert!(!stdout.contains("dB"), "{stdout}");
    let low = height_of_png(&folder.path("plain/reconstructions.png"));
    assert_eq!((tall + 2) * 2, (low + 2) * 3);

    // What a model is given to mend, and what it makes of it.
    let reconstruct = "reconstruct plain/model.safetensors digits.npy -o mended.npy --png rows.png \
                       --noise masking:0.3 --seed 4";
    folder.good_with_remarks(reconstruct);
    let path = folder.path("");
    let model = Autoencoder::load(path.join("plain/model.safetensors")).unwrap();
    let clean = data::load(path.join("digits.npy")).unwrap();
    let noise = Noise::Masking { probability: 0.3 };
    let noisy = Samples::from(&clean).corrupted(noise, 4).unwrap();
    let mended = data::load(path.join("mended.npy")).unwrap();
    assert_eq!(mended.to_mat().unwrap(), model.reconstruct(&noisy).unwrap());
    assert_ne!(mended.to_mat().unwrap(), model.reconstruct(&clean).unwrap());
    assert_eq!(height_of_png(&path.join("rows.png")), tall);
}

/// The table of the guide, option by option.
#[test]
fn the_guide_says_how_to_train_the_family() {
    let folder = folder();
    let guide = include_str!("../../src/guide/command_line.md");
    let of_family = |line: &&str| line.starts_with("| ") && line.contains("| `--");
    let cells = guide.lines().filter(of_family);
    let options = cells.flat_map(|line| line.split('|').nth(2).unwrap().split('`'));
    let options: Vec<&str> = options.filter(|text| text.starts_with("--")).collect();
    assert!(options.len() >= 14, "{options:?}");
    folder.good_with_remarks("train digits.npy --epochs 1 --out my-run");
    for options in options {
        let train = format!("train digits.npy {options} --epochs 1 --out run --force");
        let (_, stderr) = folder.good_with_remarks(&train);
        assert_eq!(stderr, "", "{options}");
        folder.good_with_remarks("info run/model.safetensors");
    }
}

#[test]
fn info_tells_how_steps_were_made() {
    let folder = folder();
    let train = "train digits.npy --layers 784,9 --epochs 2 --noise gaussian-clipped:0.5 --out run";
    folder.good_with_remarks(&format!("{train} --schedule cosine --clip-norm 0.5"));
    let (stdout, _) = folder.good_with_remarks("info run/model.safetensors");
    for says in [
        "learning rate 0.001 (cosine",
        "gradients clipped to 0.5",
        "with noise gaussian-clipped:0.5",
    ] {
        assert!(stdout.contains(says), "{stdout}");
    }
}

#[test]
fn a_frozen_encoder_gives_the_same_codes() {
    let folder = folder();
    folder.good_with_remarks("train digits.npy --layers 784,9 --epochs 1 --out first");
    folder.good_with_remarks(
        "train digits.npy --init first/model.safetensors --freeze encoder --epochs 2 --out second",
    );
    let load = |name: &str| Autoencoder::load(folder.path(name)).unwrap();
    let (first, second) = (
        load("first/model.safetensors"),
        load("second/model.safetensors"),
    );
    let data = digits().slice(0..20).unwrap();
    assert_eq!(first.encode(&data).unwrap(), second.encode(&data).unwrap());
    assert_ne!(
        first.reconstruct(&data).unwrap(),
        second.reconstruct(&data).unwrap()
    );
    let (stdout, _) = folder.good_with_remarks("info second/model.safetensors");
    assert!(stdout.contains("with the encoder frozen"), "{stdout}");
}

#[test]
fn layers_are_trained_one_after_another() {
    let folder = folder();
    let train = "train digits.npy --layers 784,20,9 --pretrain 2 --epochs 1";
    let (stdout, _) = folder.good_with_remarks(&format!("{train} --out run"));
    for says in [
        "layer 0 alone, 784 → 20",
        "layer 1 alone, 20 → 9",
        "all layers",
    ] {
        assert!(stdout.contains(says), "{stdout}");
    }
    let (stdout, _) = folder.good_with_remarks(&format!("{train} --out again --json"));
    let lines = json_lines(&stdout);
    let of = |line: &Value| (line["layer"].as_u64(), line["epoch"].as_u64());
    let epochs: Vec<_> = lines.iter().map(of).collect();
    let alone = |layer, epoch| (Some(layer), Some(epoch));
    assert_eq!(
        epochs,
        [
            alone(0, 1),
            alone(0, 2),
            alone(1, 1),
            alone(1, 2),
            (None, Some(1)),
            (None, None)
        ]
    );
    let output = folder.run("train digits.npy --layers 784,9 --decoder 9,20,784 --pretrain 1");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("the mirror of the encoder"), "{stderr}");
    assert!(!folder.path("autoencoder-run").exists());
}

#[test]
fn a_code_that_can_copy_is_remarked_on_unless_something_hinders_it() {
    let folder = folder();
    let train = "train digits.npy --epochs 1 --force --out run --layers";
    for (rest, says) in [
        ("784,784", "note: the code has 784 numbers"),
        ("784,784 --dropout 0.1", ""),
        ("784,784 --input-dropout 0.1", ""),
        ("784,784 --noise masking:0.2", ""),
        ("784,784 --optimizer adamw", ""),
        ("784,783", ""),
    ] {
        let (_, stderr) = folder.good_with_remarks(&format!("{train} {rest}"));
        assert!(
            stderr.starts_with(says) && stderr.is_empty() == says.is_empty(),
            "{rest}: {stderr}"
        );
    }
}

#[test]
fn values_that_make_no_sense_are_told() {
    let folder = folder();
    for (arguments, says) in [
        ("train --noise gaussian", "expected gaussian:STDDEV"),
        ("train --noise masking:2", "a probability from 0 to 1"),
        ("train --dropout 1", "from 0 to below 1"),
        ("train --input-dropout x", "from 0 to below 1"),
        ("train --freeze all", "encoder or decoder"),
        ("train --pretrain 1 --freeze encoder", "cannot be used with"),
        ("evaluate model.safetensors --seed 1", "--noise"),
    ] {
        let output = folder.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {stderr}");
        assert!(stderr.contains(says), "{arguments}: {stderr}");
    }
}

#[test]
fn a_tied_model_is_stored_once() {
    let folder = folder();
    folder.good_with_remarks("train digits.npy --layers 784,20,9 --tied --epochs 1 --out run");
    let bytes = std::fs::read(folder.path("run/model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort();
    assert_eq!(
        names,
        [
            "decoder.0.bias",
            "decoder.1.bias",
            "encoder.0.bias",
            "encoder.0.weight",
            "encoder.1.bias",
            "encoder.1.weight"
        ]
    );
    let (stdout, _) = folder.good_with_remarks("info run/model.safetensors");
    assert!(stdout.contains("tied weights"), "{stdout}");
}
