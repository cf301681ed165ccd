//! `train` and `presets`.

use std::fs;

use autoencoder::Autoencoder;
use autoencoder::data::{self, digits};
use autoencoder::model::Preset;
use serde_json::Value;

use crate::program::{Folder, json, names};
#[test]
fn train_leaves_a_run_behind() {
    let folder = Folder::new();
    let table = folder.good("train --epochs 2");
    assert!(
        table.contains("val_loss") && table.contains("autoencoder-run"),
        "{table}"
    );
    let run = folder.path("autoencoder-run");
    let expected = [
        ".lock",
        "best.safetensors",
        "checkpoint.safetensors",
        "history.csv",
        "loss.svg",
        "model.safetensors",
        "reconstructions.png",
        "weights.png",
    ];
    assert_eq!(names(&run), expected);

    let history = fs::read_to_string(run.join("history.csv")).unwrap();
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(
        lines[0],
        "epoch,loss,val_loss,seconds,samples_per_second,learning_rate"
    );
    assert_eq!(lines.len(), 3);
    let model = Autoencoder::load(run.join("model.safetensors")).unwrap();
    let training = model.training().unwrap();
    let row: Vec<f64> = lines[2]
        .split(',')
        .map(|field| field.parse().unwrap())
        .collect();
    assert_eq!(row[..3], [2.0, training.loss, training.val_loss.unwrap()]);
    assert_eq!(
        (training.samples, training.batch_size, training.epochs),
        (9_000, 256, 2)
    );
    assert_eq!(model.architecture().sample_shape(), [28, 28]);
    assert!(
        fs::read(run.join("reconstructions.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    assert!(
        fs::read_to_string(run.join("loss.svg"))
            .unwrap()
            .contains("<svg")
    );

    let before = fs::read(run.join("model.safetensors")).unwrap();
    folder.bad("train --epochs 1", "--force");
    assert_eq!(fs::read(run.join("model.safetensors")).unwrap(), before);
    folder.good("train --epochs 1 --force");
    assert_ne!(fs::read(run.join("model.safetensors")).unwrap(), before);
    assert_eq!(names(&run), expected);
}

#[test]
fn train_prints_an_object_for_each_epoch() {
    let folder = Folder::new();
    fs::create_dir(folder.path("empty")).unwrap();
    let stdout = folder.good("train --epochs 2 --validation-split 0.95 --json --out empty");
    let lines: Vec<Value> = stdout.lines().map(json).collect();
    assert_eq!(lines.len(), 3);
    for (i, line) in lines[..2].iter().enumerate() {
        assert_eq!(line["epoch"], i + 1);
        for key in [
            "loss",
            "val_loss",
            "seconds",
            "samples_per_second",
            "learning_rate",
        ] {
            assert!(line[key].as_f64().unwrap() > 0.0, "{line}");
        }
    }
    let done = &lines[2]["done"];
    assert_eq!(
        (&done["epochs"], &done["out"]),
        (&2.into(), &"empty".into())
    );
    assert_eq!(done["val_loss"], lines[1]["val_loss"]);
}

#[test]
fn one_seed_gives_one_file_on_any_number_of_threads() {
    let folder = Folder::new();
    let few = digits().slice(0..300).unwrap().to_mat().unwrap();
    data::save(folder.path("x.npy"), few.as_ref()).unwrap();
    let train = |out: &str, more: &str| {
        folder.good(&format!("train x.npy --epochs 1 --json --out {out} {more}"));
        fs::read(folder.path(out).join("model.safetensors")).unwrap()
    };
    let one = train("a", "--threads 1");
    if cfg!(feature = "parallel") {
        assert_eq!(one, train("b", "--threads 2"));
    } else {
        folder.bad("train x.npy --threads 2 --out b", "without threads");
    }
    assert_ne!(one, train("c", "--seed 1"));
    assert_ne!(one, train("d", "--no-shuffle"));
}

#[test]
fn train_takes_the_options_of_a_model() {
    let folder = Folder::with_model();
    folder.good(
        "train digits.npy --layers 784,20,6 --decoder 6,30,784 --hidden tanh --code linear \
         --output linear --loss huber:0.5 --optimizer sgd:0.8 --learning-rate 0.05 \
         --batch-size 7 --epochs 1 --validation digits.npy --out other",
    );
    let info = json(&folder.good("info other/model.safetensors --json"));
    let layers = info["layers"].as_array().unwrap();
    let words: Vec<String> = layers
        .iter()
        .map(|layer| {
            format!(
                "{} {} {}",
                layer["inputs"], layer["outputs"], layer["activation"]
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "784 20 \"tanh\"",
            "20 6 \"identity\"",
            "6 30 \"tanh\"",
            "30 784 \"identity\"",
        ]
    );
    assert_eq!(info["loss"], "huber:0.5");
    assert_eq!(info["training"]["optimizer"], "sgd:0.8");
    assert_eq!(info["training"]["batch_size"], 7);
    assert!(info["training"]["val_loss"].is_number());

    folder.good("train digits.npy --layers 784,5 --tied --epochs 1 --out tied");
    let info = json(&folder.good("info tied/model.safetensors --json"));
    assert_eq!(info["parameters"], 784 * 5 + 5 + 784);
    assert_eq!(info["bytes"], 4 * (784 * 5 + 5 + 784));
    assert_eq!(info["flops_per_sample"], 2 * 2 * 784 * 5 + 5 + 784);
}

#[test]
fn train_takes_the_options_of_training() {
    let folder = Folder::with_model();
    // Steps too small to change a bit: nothing ever improves.
    let lines = folder.good(
        "train digits.npy --optimizer sgd --learning-rate 1e-30 --patience 2 --min-delta 0.001 \
         --schedule step:1:0.5 --clip-norm 0.5 --epochs 9 --json --out other",
    );
    let lines: Vec<Value> = lines.lines().map(json).collect();
    assert_eq!(lines.len(), 4, "the best epoch and two more, and the end");
    assert_eq!(lines[3]["done"]["stopped_early"], true);
    let said = folder.good("train --resume other");
    assert!(
        said.contains("early stopping ended the run after epoch 3"),
        "{said}"
    );
    assert!(said.contains("nothing was left to do"), "{said}");
    for (i, line) in lines[..3].iter().enumerate() {
        let rate = line["learning_rate"].as_f64().unwrap();
        assert!((rate / 1e-30 * 2f64.powi(i as i32) - 1.0).abs() < 1e-6);
        assert!(line["gradient_norm"].as_f64().unwrap() > 0.0, "{line}");
    }
    let history = fs::read_to_string(folder.path("other/history.csv")).unwrap();
    assert!(history.starts_with("epoch,loss,val_loss,seconds,"));
    assert!(
        history
            .lines()
            .next()
            .unwrap()
            .ends_with("learning_rate,gradient_norm")
    );
    let table = folder.good("train digits.npy --schedule cosine --clip-norm 1 --epochs 2 --out t");
    assert!(
        table.contains("learning_rate  gradient_norm"),
        "columns that say something: {table}"
    );
    let info = json(&folder.good("info t/model.safetensors --json"));
    assert_eq!(info["training"]["schedule"], "cosine:0");
    assert_eq!(info["training"]["clip_norm"], 1.0);
}

#[test]
fn presets_are_listed_and_trained() {
    let folder = Folder::new();
    let text = folder.good("presets");
    assert!(text.contains("784-128-64-64-128-784 (relu, relu, relu, relu, sigmoid)"));
    let lines: Vec<Value> = folder.good("presets --json").lines().map(json).collect();
    let named = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(named("keras-simple-adam")["parameters"], 50_992);
    assert_eq!(named("keras-simple-adadelta")["learning_rate"], 0.001);
    assert_eq!(named("gaussian-10")["loss"], "bce");
    assert_eq!(named("tied")["tied"], true);
    folder.good("train --preset tied --epochs 1 --out tied");
    let tied = json(&folder.good("info tied/model.safetensors --json"));
    assert_eq!(tied["tied"], true);
    assert_eq!(tied["parameters"], 25_904);

    // The warning, on stderr, and only where it is true.
    let slow = folder.run("train --preset keras-simple-adadelta --epochs 1 --json --out slow");
    let stderr = String::from_utf8(slow.stderr).unwrap();
    assert!(slow.status.success());
    assert!(
        stderr.starts_with("warning: Adadelta with learning rate 0.001"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let train = "train --preset keras-simple-adadelta --epochs 1 --out";
    folder.good(&format!("{train} fast --learning-rate 1"));
    folder.good(&format!(
        "{train} adam --optimizer adam --layers 784,16 --hidden tanh"
    ));
    let info = json(&folder.good("info adam/model.safetensors --json"));
    assert_eq!(info["layers"][0]["activation"], "tanh");
    assert_eq!(info["layers"][0]["outputs"], 16);
    assert_eq!(info["training"]["optimizer"], "adam");

    // Data of their own, with which a run goes on.
    folder.good("train --preset gaussian-10-mse --epochs 2 --out twin");
    let names = names(&folder.path("twin"));
    assert!(
        !names.iter().any(|name| name.ends_with(".png")),
        "no images: {names:?}"
    );
    folder.good("train --resume twin --epochs 3");
    folder.good("train --preset keras-deep-mse --layers 784,20 --epochs 1 --out shallow");
    let info = json(&folder.good("info shallow/model.safetensors --json"));
    assert_eq!(info["layers"].as_array().unwrap().len(), 2, "the mirror");

    folder.bad(
        "train --preset gaussian-10 --optimizer adam --out x",
        "no lower bound",
    );
    let literally = "train --preset gaussian-10 --optimizer adam --allow-any-target --epochs 1";
    folder.good(&format!("{literally} --out any"));
    let (normal, _) = Preset::named("gaussian-10").unwrap().data().unwrap();
    data::save(folder.path("normal.npy"), normal.to_mat().unwrap().as_ref()).unwrap();
    let allowed = "any/model.safetensors normal.npy --allow-any-target";
    let evaluation = json(&folder.good(&format!("evaluate {allowed} --json")));
    let any = Autoencoder::load(folder.path("any/model.safetensors")).unwrap();
    assert_eq!(evaluation["loss"], any.evaluate(&normal).unwrap().loss);
    folder.good(&format!("score {allowed} -o scores.csv"));
    folder.bad(
        "evaluate any/model.safetensors normal.npy",
        "no lower bound",
    );
    folder.bad(
        "score any/model.safetensors normal.npy -o x.csv",
        "no lower bound",
    );
    folder.bad("train --preset best --out x", "keras-deep-mse");
}

#[test]
fn train_goes_on_from_a_model() {
    let folder = Folder::with_model();
    // Steps too small to change a bit of the weights.
    folder.good(
        "train digits.npy --init run/model.safetensors --optimizer sgd --learning-rate 1e-30 \
         --epochs 1 --out again --loss mse --hidden tanh",
    );
    let again = Autoencoder::load(folder.path("again/model.safetensors")).unwrap();
    let (old, weights) = (folder.model(), |model: &Autoencoder| -> Vec<Vec<f32>> {
        let parameters = model.parameters();
        parameters.map(|(_, mat)| mat.as_slice().to_vec()).collect()
    });
    assert_eq!(weights(&again), weights(&old));
    assert_eq!(again.loss().to_string(), "mse");
    let init = "train digits.npy --init run/model.safetensors --out x";
    folder.bad(&format!("{init} --layers 784,9"), "784,8");
    folder.bad(&format!("{init} --decoder 8,9,784"), "8,784");
    folder.bad(&format!("{init} --tied"), "--tied");
    folder.bad("train digits.npy --init nothing --out x", "nothing");
    folder.bad("train digits.npy --init digits.npy --out x", "safetensors");
}

#[test]
fn train_refuses_what_it_cannot_do() {
    let folder = Folder::with_model();
    fs::write(folder.path("garbage"), b"garbage").unwrap();
    let mut wild = digits().slice(0..5).unwrap().to_mat().unwrap();
    wild[(3, 4)] = 1.5;
    data::save(folder.path("wild.npy"), wild.as_ref()).unwrap();
    for (arguments, says) in [
        ("train nothing --out x", "nothing"),
        ("train garbage --out x", "garbage"),
        ("train . --out x", "a folder without .png files"),
        ("train wild.npy --out x", "1.5 at row 3, column 4"),
        (
            "train --validation wild.npy --out x",
            "1.5 at row 3, column 4",
        ),
        ("train --layers 783,32 --out x", "784"),
        ("train --layers 784,32 --decoder 31,784 --out x", "31"),
        ("train --layers 784,32 --decoder 32,783 --out x", "783"),
        (
            "train --layers 784,64,32 --decoder 32,784 --tied --out x",
            "mirror",
        ),
        ("train --layers 784,1152921504606846976 --out x", "memory"),
        ("train --layers 784,9999999999999 --out x", "memory"),
        ("train --output relu --loss bce --out x", "bce-clipped"),
        ("train --out digits.npy", "digits.npy"),
        ("train --out run", "--force"),
        ("train --out /proc/none", "/proc/none"),
        (
            "train digits.npy --validation-split 0.999 --out x",
            "none to train on",
        ),
        (
            "train --optimizer sgd --learning-rate 1e6 --output linear --loss sse --out x",
            "in epoch 1",
        ),
    ] {
        folder.bad(arguments, says);
    }
    for level in ["avx9000", "portable,"] {
        let mut command = folder.command("train --out x");
        let output = command.env("AUTOENCODER_LEVEL", level).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains(level));
    }
}

#[test]
fn train_takes_penalties() {
    let folder = Folder::with_model();
    for (options, name) in [
        ("--code-l1 1e-4", "code_l1"),
        ("--code sigmoid --code-kl 0.05:0.1", "code_kl"),
        ("--contractive 0.1", "contractive"),
    ] {
        let command = "train digits.npy --layers 784,5 --epochs 1 --out x --force --json";
        let lines = folder.good(&format!("{command} {options}"));
        let epoch = json(lines.lines().next().unwrap());
        assert!(epoch[name].as_f64().unwrap() > 0.0, "{epoch}");
        assert!(epoch["reconstruction"].as_f64() < epoch["loss"].as_f64());
    }
    folder.good("train digits.npy --weight-decay 0.1 --epochs 1 --out x --force");
    let text = folder.good("info x/model.safetensors");
    assert!(text.contains("weight_decay 0.1"), "{text}");
    for (options, says) in [
        ("--code-kl 0.05:0.1", "expected sigmoid"),
        ("--layers 784,9,5 --contractive 0.1", "encoder layers"),
        ("--beta 1", "not variational"),
        ("--variational --code relu", "variational code is relu"),
    ] {
        folder.bad(&format!("train digits.npy --out z {options}"), says);
    }
}
