//! The program itself, each subcommand run in a temporary folder.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use autoencoder::data::{self, digits};
use autoencoder::model::Preset;
use autoencoder::{Autoencoder, Mat};
use serde_json::Value;
use tempfile::TempDir;

/// A folder in which the program runs.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoencoder"));
        command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace());
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program with arguments without spaces in them.
    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs what must succeed without a word on stderr.
    fn good(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments}: {stderr}");
        assert_eq!(stderr, "", "{arguments}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs what must fail with one line and leave the folder as it was.
    fn bad(&self, arguments: &str, says: &str) {
        let before = self.names();
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments}: {stderr}");
        assert!(stderr.starts_with("error: "), "{arguments}: {stderr}");
        assert!(stderr.contains(says), "{arguments}: {stderr}");
        assert_eq!(output.stdout, b"", "{arguments}");
        assert_eq!(self.names(), before, "{arguments}");
    }

    /// Names of the files here.
    fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    /// 60 digits as `digits.npy`, and a model of them in `run/`.
    fn with_model() -> Self {
        let folder = Folder::new();
        let few = digits().slice(0..60).unwrap().to_mat().unwrap();
        data::save(folder.path("digits.npy"), few.as_ref()).unwrap();
        folder.good("train digits.npy --epochs 1 --layers 784,8 --out run --json");
        folder
    }

    fn model(&self) -> Autoencoder {
        Autoencoder::load(self.path("run/model.safetensors")).unwrap()
    }

    fn read(&self, name: &str) -> Mat<f32> {
        data::load(self.path(name)).unwrap().to_mat().unwrap()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

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
fn wrong_usage_has_status_2() {
    let folder = Folder::new();
    for arguments in [
        "",
        "fly",
        "train --epochs 0",
        "train --epochs many",
        "train --batch-size 0",
        "train --learning-rate nan",
        "train --layers 784",
        "train --layers 784,0",
        "train --hidden best",
        "train --loss huber:-1",
        "train --optimizer best",
        "train --validation-split 1",
        "train --schedule linear",
        "train --schedule step:0",
        "train --clip-norm 0",
        "train --patience 0",
        "train --min-delta 0.1",
        "train --resume a --out b",
        "train --resume a --force",
        "train --resume a --init b",
        "train --patience 3 --min-delta -1",
        "train --validation a --validation-split 0.1",
        "train --threads 0",
        "train a b",
        "evaluate",
        "encode m d",
        "encode m d -o x.txt",
        "decode m -o x.npy",
        "score m d -o x",
        "info",
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty(),
            "{arguments}"
        );
    }
    assert!(folder.names().is_empty());
    assert!(folder.good("--help").contains("reconstruct"));
    assert!(folder.good("train --help").contains("--validation-split"));
    assert!(folder.good("--version").contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn evaluate_prints_the_losses() {
    let folder = Folder::with_model();
    let line = json(&folder.good("evaluate run/model.safetensors digits.npy --json"));
    let expected = folder.model().evaluate(&folder.read("digits.npy")).unwrap();
    assert_eq!(line["samples"], 60);
    assert_eq!(line["loss_name"], "bce");
    for (key, value) in [
        ("loss", expected.loss),
        ("mean_squared_error", expected.mean_squared_error),
        ("mean_absolute_error", expected.mean_absolute_error),
    ] {
        assert_eq!(line[key].as_f64().unwrap(), value, "{key}");
    }
    let text = folder.good("evaluate run/model.safetensors digits.npy");
    assert!(text.contains(&format!("{:.6}", expected.loss)), "{text}");
    assert!(
        folder
            .good("evaluate run/model.safetensors")
            .contains("10000")
    );

    folder.bad("evaluate run/model.safetensors nothing", "nothing");
    folder.bad("evaluate nothing digits.npy", "nothing");
    folder.bad("evaluate digits.npy digits.npy", "safetensors");
    let narrow = Mat::<f32>::zeros(3, 5);
    data::save(folder.path("narrow.npy"), narrow.as_ref()).unwrap();
    folder.bad("evaluate run/model.safetensors narrow.npy", "784");
}

#[test]
fn codes_go_out_and_come_back() {
    let folder = Folder::with_model();
    let (model, x) = (folder.model(), folder.read("digits.npy"));
    folder.good("encode run/model.safetensors digits.npy -o codes.npy");
    let codes = model.encode(&x).unwrap();
    assert_eq!(folder.read("codes.npy").as_slice(), codes.as_slice());
    folder.good("encode run/model.safetensors digits.npy --output codes.csv");
    let csv = fs::read_to_string(folder.path("codes.csv")).unwrap();
    let numbers = csv.lines().flat_map(|line| line.split(','));
    let numbers: Vec<f32> = numbers.map(|field| field.parse().unwrap()).collect();
    assert_eq!(numbers, codes.as_slice());

    folder.good("decode run/model.safetensors codes.npy -o decoded.npy");
    folder.good("decode run/model.safetensors codes.csv -o from-csv.npy");
    let (one, other) = (folder.read("decoded.npy"), folder.read("from-csv.npy"));
    assert_eq!(one.as_slice(), other.as_slice());
    folder.good("reconstruct run/model.safetensors digits.npy -o x.npy --png x.png");
    let expected = model.reconstruct(&x).unwrap();
    assert_eq!(folder.read("decoded.npy").as_slice(), expected.as_slice());
    assert_eq!(folder.read("x.npy").as_slice(), expected.as_slice());
    assert!(
        fs::read(folder.path("x.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    folder.bad("decode run/model.safetensors digits.npy -o y.npy", "784");
    folder.bad("encode run/model.safetensors codes.npy -o y.npy", "8");
    folder.bad(
        "encode run/model.safetensors digits.npy -o no/folder/y.npy",
        "no/folder",
    );
    folder.bad(
        "reconstruct run/model.safetensors digits.npy -o run.npy --png no/x.png",
        "no/x.png",
    );
}

#[test]
fn score_has_a_row_for_each_sample() {
    let folder = Folder::with_model();
    folder.good("score run/model.safetensors digits.npy -o scores.csv");
    let errors = folder
        .model()
        .reconstruction_error(&folder.read("digits.npy"))
        .unwrap();
    let csv = fs::read_to_string(folder.path("scores.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("mean_squared_error,loss"));
    for (i, line) in lines.enumerate() {
        let row: Vec<f32> = line
            .split(',')
            .map(|field| field.parse().unwrap())
            .collect();
        assert_eq!(row, [errors.mean_squared_error[i], errors.loss[i]]);
    }
    assert_eq!(csv.lines().count(), 61);
    folder.good("score run/model.safetensors digits.npy -o scores.npy");
    assert_eq!(folder.read("scores.npy").shape(), (60, 2));
    folder.bad("score run/model.safetensors nothing -o y.csv", "nothing");
}

#[test]
fn variational_models_generate_samples() {
    let folder = Folder::with_model();
    let lines = folder.good(
        "train digits.npy --variational --layers 784,16,3 --beta 2 --beta-warm-up 2 \
         --epochs 3 --validation digits.npy --out vae --json",
    );
    for (line, beta) in lines.lines().zip([1.0, 2.0, 2.0]) {
        let epoch = json(line);
        let number = |name: &str| epoch[name].as_f64().unwrap_or_else(|| panic!("{line}"));
        let sum = number("reconstruction") + beta * number("kl");
        assert!((number("loss") - sum).abs() < 1e-4, "{line}");
        let sum = number("val_reconstruction") + 2.0 * number("val_kl");
        assert!((number("val_loss") - sum).abs() < 1e-4, "{line}");
        assert_eq!(number("beta"), beta);
    }
    let names = names(&folder.path("vae"));
    assert!(names.contains(&"samples.png".to_owned()), "{names:?}");
    let history = fs::read_to_string(folder.path("vae/history.csv")).unwrap();
    assert!(
        history
            .lines()
            .next()
            .unwrap()
            .contains(",reconstruction,kl,")
    );

    let model = "vae/model.safetensors";
    folder.good(&format!("generate {model} -n 9 -o x.npy --png x.png"));
    let samples = folder.read("x.npy");
    assert_eq!(samples.shape(), (9, 784));
    let loaded = Autoencoder::load(folder.path(model)).unwrap();
    assert_eq!(samples, loaded.sample(9, 0).unwrap());
    folder.good(&format!("generate {model} --seed 1 -o y.csv"));
    let rows = fs::read_to_string(folder.path("y.csv")).unwrap();
    assert_eq!(rows.lines().count(), 64);

    let evaluation = json(&folder.good(&format!("evaluate {model} digits.npy --json")));
    let nats = |name: &str| evaluation[name].as_f64().unwrap();
    let sum = nats("reconstruction") + nats("kl");
    assert!((nats("elbo") + sum).abs() < 1e-9 && sum > 100.0);
    let text = folder.good(&format!("evaluate {model} digits.npy"));
    assert!(text.contains("kl divergence"), "{text}");
    let text = folder.good(&format!("info {model}"));
    assert!(text.contains("encoder.log_variance"), "{text}");
    assert!(text.contains("beta 2, beta_warm_up 2"), "{text}");

    folder.good(&format!(
        "train digits.npy --init {model} --epochs 1 --out again"
    ));
    folder.bad(
        "generate run/model.safetensors --from prior -o z.npy",
        "--variational",
    );
    folder.bad(
        "train digits.npy --variational --init run/model.safetensors --out z",
        "--variational does not fit",
    );
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

#[test]
fn info_describes_the_model_for_people() {
    let folder = Folder::with_model();
    let text = folder.good("info run/model.safetensors");
    for says in [
        "encoder.0",
        "784 → 8",
        "relu",
        "bytes",
        "FLOPs",
        "1 epoch with adam",
        "60 samples",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    folder.bad("info run/history.csv", "history.csv");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let folder = Folder::with_model();
    let mut command = folder.command("train digits.npy --epochs 4000000000 --out x --json");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(json(&line)["epoch"], 1);
    drop(stdout);
    assert!(child.wait().unwrap().success());
    let mut stderr = String::new();
    child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
    // What was trained so far is there.
    folder.good("train --resume x --epochs 1");
}
