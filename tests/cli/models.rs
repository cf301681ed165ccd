//! The commands on a model, and how wrong usage ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use autoencoder::data::{self};
use autoencoder::{Autoencoder, Mat};

use crate::program::{Folder, json, names};
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
        let says = if arguments.is_empty() {
            "Usage: "
        } else {
            "error: "
        };
        folder.misused(arguments, says);
    }
    assert!(folder.names().is_empty());
    assert!(folder.good("--help").contains("reconstruct"));
    assert!(folder.good("train --help").contains("--validation-split"));
    assert!(folder.good("--version").contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn negative_values_get_the_error_of_their_option() {
    let folder = Folder::new();
    for (arguments, says) in [
        (
            "train --layers -784,32",
            "invalid value '-784,32' for '--layers <LAYERS>': a shape is \"-784\"",
        ),
        ("train --schedule -3:0.1", "'-3:0.1' for '--schedule"),
        ("train --epochs -5", "'-5' for '--epochs"),
        ("generate m -n -5 -o x.npy", "'-5' for '--count"),
        // Another option is no value.
        (
            "train --layers --epochs 3",
            "value is required for '--layers",
        ),
        ("train --tied -5", "unexpected argument '-5'"),
    ] {
        folder.misused(arguments, says);
    }
    assert!(folder.names().is_empty());
}

#[test]
fn evaluate_prints_the_losses() {
    let folder = Folder::with_model();
    let line = json(&folder.good("evaluate run/model.safetensors digits.npy --json"));
    let expected = folder.model().evaluate(&folder.mat("digits.npy")).unwrap();
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

    // The last thousand of the embedded digits, as for `score`.
    let held_out = "run/model.safetensors --held-out";
    let digits = folder.good(&format!("evaluate {held_out}"));
    assert!(digits.contains("samples              1000\n"), "{digits}");
    folder.good(&format!("reconstruct {held_out} -o held-out.npy"));
    let mat = folder.mat("held-out.npy");
    let last = autoencoder::data::digits_split().1;
    assert_eq!(mat, folder.model().reconstruct(&last).unwrap());
    folder.misused(&format!("evaluate {held_out} digits.npy"), "--held-out");

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
    let (model, x) = (folder.model(), folder.mat("digits.npy"));
    folder.good("encode run/model.safetensors digits.npy -o codes.npy");
    let codes = model.encode(&x).unwrap();
    assert_eq!(folder.mat("codes.npy").as_slice(), codes.as_slice());
    folder.good("encode run/model.safetensors digits.npy --output codes.csv");
    let csv = fs::read_to_string(folder.path("codes.csv")).unwrap();
    let numbers = csv.lines().flat_map(|line| line.split(','));
    let numbers: Vec<f32> = numbers.map(|field| field.parse().unwrap()).collect();
    assert_eq!(numbers, codes.as_slice());

    folder.good("decode run/model.safetensors codes.npy -o decoded.npy");
    folder.good("decode run/model.safetensors codes.csv -o from-csv.npy");
    let (one, other) = (folder.mat("decoded.npy"), folder.mat("from-csv.npy"));
    assert_eq!(one.as_slice(), other.as_slice());
    folder.good("reconstruct run/model.safetensors digits.npy -o x.npy --png x.png");
    let expected = model.reconstruct(&x).unwrap();
    assert_eq!(folder.mat("decoded.npy").as_slice(), expected.as_slice());
    assert_eq!(folder.mat("x.npy").as_slice(), expected.as_slice());
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
        .reconstruction_error(&folder.mat("digits.npy"))
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
    assert_eq!(folder.mat("scores.npy").shape(), (60, 2));
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
    let samples = folder.mat("x.npy");
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
    // As if SIGPIPE had ended it.
    assert_eq!(child.wait().unwrap().code(), Some(128 + 13));
    let mut stderr = String::new();
    child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
    // What was trained so far is there.
    folder.good("train --resume x --epochs 1");
}
