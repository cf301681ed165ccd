//! The fuzzer's checks, for a second or two: over its corpora, over what
//! becomes of those when bytes are changed, cut or added, and over random bytes.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library, included as a module")]
mod checks;

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

/// Something that happens to a file.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Truncate(Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Change::Set(index, byte) => {
                let at = at(index);
                bytes.splice(at..bytes.len().min(at + 1), [*byte]);
            }
            Change::Flip(index, bit) => {
                let at = at(index);
                bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= 1 << bit);
            }
            Change::Insert(index, new) => {
                let at = at(index);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Remove(index, count) => {
                let at = at(index);
                bytes.drain(at..bytes.len().min(at + count));
            }
            Change::Truncate(index) => bytes.truncate(at(index)),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(i, byte)| Change::Set(i, byte)),
        3 => (any::<Index>(), 0..8u8).prop_map(|(i, bit)| Change::Flip(i, bit)),
        1 => (any::<Index>(), vec(any::<u8>(), 1..9)).prop_map(|(i, new)| Change::Insert(i, new)),
        1 => (any::<Index>(), 1..9usize).prop_map(|(i, count)| Change::Remove(i, count)),
        1 => any::<Index>().prop_map(Change::Truncate),
    ]
}

/// Runs a check over the corpus of its name and some hundred byte strings more.
fn run(name: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(&folder).expect("each check has a corpus") {
        let path = entry.expect("a file's name").path();
        // What a fuzzer on this machine found has no ending.
        if path.extension().is_some() {
            corpus.push(fs::read(&path).expect("a file of the corpus"));
        }
    }
    assert!(!corpus.is_empty(), "{} is empty", folder.display());
    for bytes in &corpus {
        check(bytes);
    }
    let changed = (select(corpus), vec(change(), 1..4)).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    });
    let inputs = prop_oneof![2 => changed, 1 => vec(any::<u8>(), 0..48)];
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let checked = TestRunner::new(config).run(&inputs, |bytes| {
        check(&bytes);
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

#[test]
fn idx() {
    run("idx", checks::check_idx);
}

#[test]
fn npy() {
    run("npy", checks::check_npy);
}

#[test]
fn npz() {
    run("npz", checks::check_npz);
}

#[test]
fn csv() {
    run("csv", checks::check_csv);
}

#[test]
fn png() {
    run("png", checks::check_png);
}

#[test]
fn wav() {
    run("wav", checks::check_wav);
}

#[test]
fn text() {
    run("text", checks::check_text);
}

#[test]
fn compressed() {
    run("compressed", checks::check_compressed);
}

#[test]
fn model_file() {
    run("model_file", checks::check_model_file);
}

#[test]
fn checkpoint() {
    run("checkpoint", checks::check_checkpoint);
}

#[test]
fn arguments() {
    run("arguments", checks::check_arguments);
}

#[test]
fn gemm() {
    run("gemm", checks::check_gemm);
}

#[test]
fn dense() {
    run("dense", checks::check_dense);
}
