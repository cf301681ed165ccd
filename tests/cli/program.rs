//! Runs the program in a temporary folder.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use autoencoder::data::{self, digits};
use autoencoder::{Autoencoder, Mat};
use serde_json::Value;
use tempfile::TempDir;

/// A folder in which the program runs. Arguments have no spaces in them.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    /// With some of the digits as `digits.npy`.
    pub(crate) fn with_digits(which: Range<usize>) -> Self {
        let folder = Folder::new();
        folder.write_digits(which);
        folder
    }

    pub(crate) fn write_digits(&self, which: Range<usize>) {
        let some = digits().slice(which).unwrap().to_mat().unwrap();
        data::save(self.path("digits.npy"), some.as_ref()).unwrap();
    }

    /// 60 digits as `digits.npy`, and a model of them in `run/`.
    pub(crate) fn with_model() -> Self {
        let folder = Folder::with_digits(0..60);
        folder.good("train digits.npy --epochs 1 --layers 784,8 --out run --json");
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Names of the files here.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoencoder"));
        command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs what must succeed: what it wrote to stdout and to stderr.
    pub(crate) fn good_with_remarks(&self, arguments: &str) -> (String, String) {
        let output = self.run(arguments);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{arguments}: {stderr}");
        (stdout, stderr)
    }

    /// Runs what must succeed without a word on stderr.
    pub(crate) fn good(&self, arguments: &str) -> String {
        let (stdout, stderr) = self.good_with_remarks(arguments);
        assert_eq!(stderr, "", "{arguments}");
        stdout
    }

    /// Runs what must fail with one line and leave the folder as it was.
    pub(crate) fn bad(&self, arguments: &str, says: &str) {
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

    /// Runs what no run can do: usage that is wrong has status 2.
    pub(crate) fn misused(&self, arguments: &str, says: &str) {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {stderr}");
        assert!(stderr.contains(says), "{arguments}: {stderr}");
        assert_eq!(output.stdout, b"", "{arguments}");
    }

    /// The model in `run/`.
    pub(crate) fn model(&self) -> Autoencoder {
        Autoencoder::load(self.path("run/model.safetensors")).unwrap()
    }

    pub(crate) fn mat(&self, name: &str) -> Mat<f32> {
        data::load(self.path(name)).unwrap().to_mat().unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

/// Names of the files in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A line of JSON.
pub(crate) fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// JSON lines.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(json).collect()
}
