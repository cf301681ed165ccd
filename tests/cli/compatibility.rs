//! A run that the program of version 0.1.0 left behind goes on with this one.

use std::fs;
use std::path::Path;

use autoencoder::{Autoencoder, Level};

use crate::program::Folder;

fn numbers(path: &Path) -> Vec<f32> {
    let model = Autoencoder::load(path).unwrap();
    let parameters = model.parameters();
    parameters
        .flat_map(|(_, mat)| mat.as_slice().to_vec())
        .collect()
}

/// `train table.csv --layers 8,5,3 --noise masking:0.2 --epochs 3 --batch-size 16` made
/// the run, and `--resume` with 6 epochs `run.resumed.safetensors`, at each level.
#[test]
fn a_run_of_version_0_1_0_is_resumed_to_the_same_bits() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/version-0.1.0");
    let level = match Level::current() {
        Level::Portable => Level::Portable,
        _ => Level::Avx2,
    };
    let files = data.join(level.to_string());
    let folder = Folder::new();
    fs::copy(data.join("table.csv"), folder.path("table.csv")).unwrap();
    fs::create_dir(folder.path("run")).unwrap();
    for entry in fs::read_dir(files.join("run")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path("run").join(entry.file_name())).unwrap();
    }
    folder.good("train table.csv --resume run --epochs 6 --json");
    let found = numbers(&folder.path("run").join("model.safetensors"));
    let expected = numbers(&files.join("run.resumed.safetensors"));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        let same = found.to_bits() == expected.to_bits();
        // A level without files of its own is held to those of AVX2 within rounding.
        let near = Level::current() != level && (found - expected).abs() <= 1e-5;
        assert!(same || near, "{found}, {expected}");
    }
}
