//! The program stopped, killed, disturbed and resumed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use autoencoder::Autoencoder;
use serde_json::Value;

use crate::program::{Folder, json};

/// 300 digits.
fn folder() -> Folder {
    Folder::with_digits(0..300)
}

impl Folder {
    /// A training that takes for ever, after its first epoch. The reader must
    /// live as long as it.
    fn endless(&self, out: &str) -> (Child, impl BufRead) {
        let arguments =
            format!("train digits.npy --layers 784,8 --epochs 4000000000 --json --out {out}");
        let mut child = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        (child, stdout)
    }

    /// The history without times.
    pub(crate) fn history(&self, run: &str) -> Vec<Vec<String>> {
        self.table(run, "history.csv")
    }

    fn table(&self, run: &str, name: &str) -> Vec<Vec<String>> {
        let csv = fs::read_to_string(self.path(run).join(name)).unwrap();
        let mut lines = csv.lines().map(|line| line.split(',').collect());
        let names: Vec<&str> = lines.next().unwrap();
        let timeless = |line: Vec<&str>| {
            let named = names.iter().zip(line);
            let kept = named.filter(|(name, _)| !name.contains("second"));
            kept.map(|(_, value)| value.to_owned()).collect()
        };
        lines.map(timeless).collect()
    }

    pub(crate) fn read(&self, run: &str, name: &str) -> Vec<u8> {
        fs::read(self.path(run).join(name)).unwrap()
    }
}

#[test]
fn three_times_twelve_epochs_are_thirty_six() {
    let folder = folder();
    for (number, options) in [
        "--schedule plateau:2:0.5 --clip-norm 0.05 --validation-split 0.1",
        "--optimizer adadelta-keras2 --tied --batch-size 64",
        "--optimizer sgd:0.9 --learning-rate 0.5 --no-shuffle --patience 36",
        "--noise gaussian:0.3 --dropout 0.1 --batch-size 100 --schedule cosine:0:36",
        "--variational --beta 2 --beta-warm-up 20 --noise masking:0.2",
    ]
    .into_iter()
    .enumerate()
    {
        let (whole, parts) = (format!("whole{number}"), format!("parts{number}"));
        let train = format!("train digits.npy --layers 784,8 --json {options}");
        folder.good(&format!("{train} --epochs 36 --out {whole}"));
        folder.good(&format!("{train} --epochs 12 --out {parts} --threads 1"));
        // On as many threads as there are, and told again what is known.
        let stdout = folder.good(&format!("train --resume {parts} --epochs 24 --json"));
        assert_eq!(json(stdout.lines().next().unwrap())["epoch"], 13);
        folder.good(&format!("{train} --epochs 36 --resume {parts}"));
        for name in ["model.safetensors", "best.safetensors"] {
            assert_eq!(
                folder.read(&whole, name),
                folder.read(&parts, name),
                "{name}"
            );
        }
        let history = folder.history(&whole);
        assert_eq!(history.len(), 36);
        assert_eq!(history, folder.history(&parts));
        // It has all its epochs already.
        let model = folder.read(&parts, "model.safetensors");
        folder.good(&format!("train --resume {parts}"));
        assert_eq!(folder.read(&parts, "model.safetensors"), model);
    }
}

/// The epochs that are done went down a shorter wave.
#[test]
fn a_cosine_keeps_its_length() {
    let folder = folder();
    let train = "train digits.npy --layers 784,8 --batch-size 100";
    folder.good(&format!("{train} --schedule cosine --epochs 2 --out run"));
    for (epochs, given) in [("--epochs 4", "given 4"), ("--epochs 1", "given 1")] {
        let resume = format!("train --resume run {epochs}");
        folder.bad(&resume, "cosine:LOWEST:EPOCHS");
        folder.bad(&resume, given);
    }
    folder.good("train --resume run");
    folder.good(&format!(
        "{train} --schedule cosine:0:4 --epochs 2 --out open"
    ));
    folder.good("train --resume open --epochs 4");
    folder.good(&format!("{train} --schedule cosine --epochs 4 --out whole"));
    let [open, whole] = ["open", "whole"]
        .map(|run| Autoencoder::load(folder.path(run).join("model.safetensors")).unwrap());
    let codes = |model: Autoencoder| model.encode(&folder.mat("digits.npy")).unwrap();
    assert_eq!(codes(open), codes(whole));
}

#[test]
fn what_cannot_go_on_is_an_error() {
    let folder = folder();
    let train = "train digits.npy --layers 784,8 --epochs 2 --out run";
    folder.good(train);
    for (arguments, says) in [
        (
            "--batch-size 7",
            "batch size: given 7, but it began with 256",
        ),
        ("--optimizer sgd", "optimizer"),
        ("--seed 1", "seed"),
        ("--schedule cosine", "schedule"),
        ("--layers 784,9", "784,8"),
        ("--hidden tanh", "activations"),
        ("--loss mse", "loss"),
        ("--validation-split 0.5", "the training data"),
        (
            "--validation digits.npy",
            "the validation data: given 300 × 784",
        ),
    ] {
        folder.bad(&format!("train --resume run --epochs 4 {arguments}"), says);
    }
    folder.bad("train --resume nothing", "no checkpoint");
    folder.write_digits(1..301);
    folder.bad(
        "train --resume run --epochs 4",
        "the training data: given 300 × 784",
    );
    fs::remove_file(folder.path("digits.npy")).unwrap();
    folder.bad("train --resume run --epochs 4", "digits.npy");
    folder.write_digits(0..300);

    // A foreign file and a damaged one in the place of the checkpoint.
    let path = folder.path("run/checkpoint.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    folder.bad("train --resume run --epochs 4", "bytes of numbers");
    fs::copy(folder.path("run/model.safetensors"), &path).unwrap();
    folder.bad("train --resume run --epochs 4", "metadata key `checkpoint`");
    fs::write(&path, bytes).unwrap();
    let before = folder.history("run");
    folder.good("train --resume run --epochs 3");
    assert_eq!(folder.history("run")[..2], before);
}

#[test]
fn a_training_that_diverges_keeps_its_last_good_epoch() {
    let folder = folder();
    let train = "train digits.npy --layers 784,8 --optimizer sgd --output linear --loss sse \
                 --learning-rate 2 --batch-size 300 --epochs 50 --out run";
    let output = folder.run(train);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let good = folder.history("run").len();
    assert!(
        stderr.contains(&format!("in epoch {};", good + 1)),
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!("after epoch {good} is in run")),
        "{stderr}"
    );
    let model = Autoencoder::load(folder.path("run/model.safetensors")).unwrap();
    assert_eq!(model.training().unwrap().epochs as usize, good);
    for (_, mat) in model.parameters() {
        assert!(mat.as_slice().iter().all(|x| x.is_finite()));
    }
}

#[test]
fn one_process_at_a_time_trains_in_a_folder() {
    let folder = folder();
    let (mut child, stdout) = folder.endless("run");
    for arguments in [
        "train --out run",
        "train --out run --force",
        "train --resume run",
    ] {
        folder.bad(arguments, "another process is training in run");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdout);
    // Killed, it holds no lock.
    folder.good("train --resume run --epochs 1");
    folder.good("train --force --epochs 1 --out run");
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_training_in_good_order() {
    let folder = folder();
    for name in ["INT", "TERM"] {
        let (mut child, stdout) = folder.endless(name);
        signal(&child, name);
        let lines: Vec<Value> = stdout.lines().map(|line| json(&line.unwrap())).collect();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let done = &lines[lines.len() - 1]["done"];
        assert_eq!(done["interrupted"], true);
        let epochs = done["epochs"].as_u64().unwrap();
        let before = folder.history(name);
        assert_eq!(before.len() as u64, epochs);

        let more = epochs + 2;
        folder.good(&format!("train --resume {name} --epochs {more}"));
        let train = "train digits.npy --layers 784,8 --json";
        folder.good(&format!("{train} --epochs {more} --out whole{name}"));
        assert_eq!(
            folder.history(name),
            folder.history(&format!("whole{name}"))
        );
    }
}

/// A pipe in the place of the data, which nobody writes to, keeps the program
/// from seeing that it is asked to end.
#[cfg(unix)]
#[test]
fn a_second_signal_ends_the_program_at_once() {
    let folder = folder();
    folder.good("train digits.npy --layers 784,8 --epochs 1 --out run");
    let before = folder.read("run", "checkpoint.safetensors");
    let status = Command::new("mkfifo").arg(folder.path("pipe.npy")).status();
    assert!(status.unwrap().success());
    let mut child = folder
        .command("train --resume run pipe.npy --epochs 2")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Opened once both ends are: the program listens by then.
    let pipe = fs::File::options()
        .write(true)
        .open(folder.path("pipe.npy"));
    let pipe = pipe.unwrap();
    signal(&child, "INT");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(child.try_wait().unwrap(), None, "the first one only asks");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    drop(pipe);
    assert_eq!(folder.read("run", "checkpoint.safetensors"), before);
    folder.good("train --resume run digits.npy --epochs 2");
}

/// Stopped in the middle of a layer, it goes on with that layer.
#[cfg(unix)]
#[test]
fn pretraining_goes_on_too() {
    let folder = folder();
    let train =
        "train digits.npy --layers 784,16,4 --pretrain 150 --epochs 2 --noise masking:0.1 --json";
    folder.good(&format!("{train} --out whole"));
    let layers = |run: &str| folder.table(run, "pretraining.csv");
    assert_eq!(layers("whole").len(), 2 * 150);
    for (name, layer) in [("INT", 1), ("KILL", 1), ("KILL", 0)] {
        let run = format!("{name}{layer}");
        let mut child = folder
            .command(&format!("{train} --out {run}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.lines().map(|line| json(&line.unwrap()));
        assert!(lines.any(|line| line["layer"] == layer));
        signal(&child, name);
        lines.for_each(drop);
        child.wait().unwrap();
        // What there is can be used.
        folder.good(&format!("info {run}/model.safetensors"));
        assert!(!folder.path(&run).join("history.csv").exists());
        let stdout = folder.good(&format!("train --resume {run} --json"));
        let first = json(stdout.lines().next().unwrap());
        assert_eq!(
            (&first["layer"], &first["epoch"]),
            (&layer.into(), &1.into())
        );
        for file in ["model.safetensors", "best.safetensors"] {
            assert_eq!(folder.read(&run, file), folder.read("whole", file), "{run}");
        }
        assert_eq!(folder.history(&run), folder.history("whole"));
        assert_eq!(layers(&run), layers("whole"));
    }
    // A run without pre-training in the same folder has no such file.
    folder.good("train digits.npy --layers 784,4 --epochs 1 --out whole --force");
    assert!(!folder.path("whole/pretraining.csv").exists());
}

#[test]
fn what_a_killed_training_had_begun_to_write_goes() {
    let folder = folder();
    folder.good("train digits.npy --layers 784,4 --epochs 1 --out run");
    let names = || {
        let entries = fs::read_dir(folder.path("run")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
    };
    let whole: Vec<String> = names().filter(|name| !name.starts_with('.')).collect();
    assert!(whole.iter().any(|name| name.ends_with(".png")), "{whole:?}");
    for name in &whole {
        fs::write(folder.path(&format!("run/.{name}.99-0.tmp")), "half").unwrap();
    }
    folder.good("train --resume run --epochs 2");
    let left: Vec<String> = names().filter(|name| name.ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}
