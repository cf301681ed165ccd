//! Data in mapped files: the same bits as in memory, and errors where a file
//! cannot be mapped or does not stay as it is.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use autoencoder::data::{self, Dataset, LoadOptions, digits, standard_normal};
use autoencoder::model::{Checkpoint, Epoch, FitOptions, Trainer};
use autoencoder::{Autoencoder, Error, Loss, Mat};
use common::bits;
use tempfile::TempDir;

fn map(path: &Path) -> Result<Dataset, Error> {
    let options = LoadOptions {
        mmap: true,
        ..LoadOptions::default()
    };
    data::load_with(path, &options)
}

fn npy(descr: &str, fortran_order: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn idx(number: u8, shape: &[u32], numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, number, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend(numbers);
    bytes
}

/// Files of each kind that can be mapped. Headers of several lengths leave the
/// numbers at odd places; rows are shorter and longer than what is copied at a
/// time.
fn files(folder: &TempDir) -> Vec<PathBuf> {
    let numbers = standard_normal(9, 1500, 3).unwrap().to_mat().unwrap();
    let numbers = numbers.as_slice();
    let little: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let big: Vec<u8> = numbers.iter().flat_map(|x| x.to_be_bytes()).collect();
    let pixels = digits().slice(0..30).unwrap();
    let pixels = pixels.as_u8().unwrap();
    let contents = [
        ("little.npy", npy("<f4", "False", "(9, 1500)", &little)),
        ("images.npy", npy("<f4", "False", "(9, 30, 50)", &little)),
        ("big.npy", npy(">f4", "False", "(9, 1500)", &big)),
        ("long.npy", npy("<f4", "False", "(13500,)", &little)),
        ("column.npy", npy("<f4", "True", "(13500,)", &little)),
        ("short.npy", npy("<f4", "False", "(4500, 3)", &little)),
        ("bytes.npy", npy("|u1", "False", "(30, 784)", pixels)),
        ("digits.idx3-ubyte", idx(8, &[30, 28, 28], pixels)),
        ("wide.idx", idx(8, &[2, 11760], pixels)),
        ("numbers.idx", idx(0x0d, &[9, 1500], &big)),
    ];
    let write = |(name, bytes): (&str, Vec<u8>)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    contents.into_iter().map(write).collect()
}

fn assert_same(mapped: &Dataset, loaded: &Dataset, what: &str) {
    assert_eq!(mapped.len(), loaded.len(), "{what}");
    assert_eq!(mapped.kind(), loaded.kind(), "{what}");
    assert_eq!(mapped.sample_shape(), loaded.sample_shape(), "{what}");
    assert_eq!(mapped.fingerprint(), loaded.fingerprint(), "{what}");
    assert_eq!(
        mapped.min_max().unwrap(),
        loaded.min_max().unwrap(),
        "{what}"
    );
    assert_eq!(
        mapped.is_unit_interval(),
        loaded.is_unit_interval(),
        "{what}"
    );
    let all = bits(&loaded.to_mat().unwrap());
    assert_eq!(bits(&mapped.to_mat().unwrap()), all, "{what}");
    let (last, features) = (loaded.len() - 1, loaded.features());
    let indices = [last, 0, last / 2, last, 1.min(last)];
    let gather = |data: &Dataset, turned: bool| {
        let mut out = Mat::from_fn(5, features, |_, _| f32::NAN);
        if turned {
            out = Mat::from_fn(features, 5, |_, _| f32::NAN);
            data.gather(&indices, out.as_mut().transpose()).unwrap();
        } else {
            data.gather(&indices, out.as_mut()).unwrap();
        }
        bits(&out)
    };
    for turned in [false, true] {
        assert_eq!(gather(mapped, turned), gather(loaded, turned), "{what}");
    }
    let row = |data: &Dataset| {
        let mut row = vec![f32::NAN; features];
        data.row_into(last, &mut row).unwrap();
        row
    };
    assert_eq!(row(mapped), row(loaded), "{what}");
    for chosen in [
        mapped.select(&indices).unwrap(),
        mapped.to_memory().unwrap().select(&indices).unwrap(),
    ] {
        assert!(!chosen.is_mapped());
        let expected = loaded.select(&indices).unwrap();
        assert_eq!(chosen.is_u8(), loaded.is_u8(), "{what}");
        assert_eq!(chosen.fingerprint(), expected.fingerprint(), "{what}");
    }
}

#[test]
fn mapped_numbers_are_those_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(&folder) {
        let (mapped, loaded) = (map(&path).unwrap(), data::load(&path).unwrap());
        let what = path.display().to_string();
        assert!(mapped.is_mapped() && !loaded.is_mapped(), "{what}");
        assert!(
            mapped.as_f32().is_none() && mapped.as_u8().is_none(),
            "{what}"
        );
        assert_same(&mapped, &loaded, &what);
        let middle = loaded.len() / 2..loaded.len();
        let [mapped, loaded] = [mapped, loaded].map(|data| data.slice(middle.clone()).unwrap());
        assert_same(&mapped, &loaded, &what);

        let divided = |mmap| {
            let options = LoadOptions {
                mmap,
                divide_by: Some(3.0),
                ..LoadOptions::default()
            };
            data::load_with(&path, &options).unwrap()
        };
        assert_same(&divided(true), &divided(false), &what);
    }
}

/// Trains for two epochs, with the state after the first one in a checkpoint.
fn train(data: &Dataset, folder: &TempDir) -> (Vec<u32>, Vec<(f64, Option<f64>)>) {
    let (train, validation) = data.split_at(230).unwrap();
    let model = Autoencoder::builder().input(784).encoder([16]).build();
    let options = FitOptions {
        epochs: 2,
        batch_size: 50,
        validation: Some(validation),
        ..FitOptions::default()
    };
    let model = model.unwrap();
    let mut trainer = Trainer::new(&model, &train, &options).unwrap();
    assert!(trainer.epoch(&mut ()).unwrap().is_continue());
    trainer.save(folder.path().join("checkpoint"), "").unwrap();
    finish(trainer)
}

fn resume(data: &Dataset, folder: &TempDir) -> (Vec<u32>, Vec<(f64, Option<f64>)>) {
    let (train, validation) = data.split_at(230).unwrap();
    let checkpoint = Checkpoint::load(folder.path().join("checkpoint")).unwrap();
    let options = FitOptions {
        validation: Some(validation),
        ..checkpoint.options().clone()
    };
    finish(Trainer::resume(checkpoint, &train, &options).unwrap())
}

fn finish(mut trainer: Trainer<'_>) -> (Vec<u32>, Vec<(f64, Option<f64>)>) {
    assert!(trainer.epoch(&mut ()).unwrap().is_break());
    let (model, history) = trainer.finish();
    let parameters = model.parameters().flat_map(|(_, mat)| bits(mat)).collect();
    let losses = history
        .epochs
        .iter()
        .map(|epoch| (epoch.loss, epoch.val_loss));
    (parameters, losses.collect())
}

#[test]
fn training_on_a_mapped_file_has_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let some = digits().slice(0..300).unwrap();
    let (f32s, bytes) = (folder.path().join("x.npy"), folder.path().join("x.idx"));
    let mat = some.to_mat().unwrap();
    data::save(&f32s, mat.as_ref()).unwrap();
    data::write_idx(&bytes, mat.as_ref(), &[28, 28], true).unwrap();
    let expected = train(&some, &folder);
    for path in [f32s, bytes] {
        let (mapped, loaded) = (map(&path).unwrap(), data::load(&path).unwrap());
        assert_eq!(train(&loaded, &folder), expected);
        // It may go on with the other one.
        assert_eq!(resume(&mapped, &folder), expected);
        assert_eq!(train(&mapped, &folder), expected);
        assert_eq!(resume(&loaded, &folder), expected);
        let model = Autoencoder::builder().input(784).encoder([5]).build();
        let model = model.unwrap();
        assert_eq!(
            model.encode(&mapped).unwrap(),
            model.encode(&loaded).unwrap()
        );
        assert_eq!(
            model.evaluate(&mapped).unwrap(),
            model.evaluate(&loaded).unwrap()
        );
    }
}

#[test]
fn what_cannot_be_mapped_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let eight = [0; 8];
    let gzip = {
        let bytes = idx(8, &[2, 4], &eight);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    };
    for (name, bytes, says) in [
        (
            "x.csv",
            b"1,2\n3,4\n".to_vec(),
            "csv, which cannot be mapped",
        ),
        (
            "x.txt",
            b"some words\n".to_vec(),
            "text, which cannot be mapped",
        ),
        ("x.idx.gz", gzip, "within gzip"),
        ("f8.npy", npy("<f8", "False", "(1, 1)", &eight), "type F64"),
        ("i2.npy", npy("<i2", "False", "(2, 2)", &eight), "type I16"),
        (
            "fortran.npy",
            npy("|u1", "True", "(2, 4)", &eight),
            "Fortran order",
        ),
        (
            "cut.npy",
            npy("<f4", "False", "(2, 2)", &eight),
            "found 8 bytes of numbers, expected 16",
        ),
        (
            "long.npy",
            npy("<f4", "False", "(1, 1)", &eight),
            "found 8 bytes of numbers, expected 4",
        ),
        (
            "cut.idx",
            idx(8, &[3, 3], &eight),
            "found 8 bytes of numbers, expected 9",
        ),
        ("none.idx", idx(8, &[0, 3], &[]), "shape [0, 3]"),
        (
            "huge.npy",
            npy("|u1", "False", "(18446744073709551615, 2)", &eight),
            "shape",
        ),
        (
            "large.npy",
            npy("<f4", "False", "(4611686018427387904, 1)", &eight),
            "expected 18446744073709551616",
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = map(&path).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Format { .. }), "{message}");
        assert!(
            message.contains(says) && message.contains(name),
            "{says}: {message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let message = map(folder.path()).unwrap_err().to_string();
    assert!(message.contains("png, which cannot be mapped"), "{message}");
    let options = LoadOptions {
        mmap: true,
        ..LoadOptions::default()
    };
    let bytes = idx(8, &[2, 4], &eight);
    let message = data::from_bytes_with(&bytes, &options)
        .unwrap_err()
        .to_string();
    assert!(message.contains("in memory"), "{message}");
}

#[test]
fn numbers_that_cannot_be_learned_are_found_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for (value, loss, says) in [
        (f32::NAN, Loss::MeanSquaredError, "NaN at row 7, column 2"),
        (
            f32::INFINITY,
            Loss::MeanSquaredError,
            "inf at row 7, column 2",
        ),
        (1.5, Loss::BinaryCrossEntropy, "1.5 at row 7, column 2"),
    ] {
        let mat = Mat::from_fn(12, 4, |i, j| if (i, j) == (9, 2) { value } else { 0.5 });
        data::save(&path, mat.as_ref()).unwrap();
        let mapped = map(&path).unwrap().slice(2..12).unwrap();
        let model = Autoencoder::builder()
            .input(4)
            .encoder([2])
            .loss(loss)
            .build();
        let result = model.unwrap().fit(&mapped, &FitOptions::default());
        let message = result.unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

/// What others do to the file ends training with an error, and the model is that
/// of before.
#[test]
fn a_file_that_changes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let mat = Mat::from_fn(64, 4, |i, j| ((i + j) % 8) as f32 / 8.0);
    let ways: [fn(&Path); 3] = [
        // To nothing: to read it would be a fault.
        |path| {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(80)
                .unwrap()
        },
        |path| {
            File::options()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"more")
                .unwrap()
        },
        |path| {
            let mut file = File::options().write(true).open(path).unwrap();
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
            file.write_all(b"other").unwrap();
            file.set_modified(later).unwrap();
        },
    ];
    for change in ways {
        data::save(&path, mat.as_ref()).unwrap();
        let mapped = map(&path).unwrap();
        let model = Autoencoder::builder().input(4).encoder([2]).build();
        let mut model = model.unwrap();
        let before: Vec<_> = model.parameters().map(|(_, mat)| bits(mat)).collect();
        let mut disturb = |epoch: &Epoch| {
            assert_eq!(epoch.epoch, 1, "it went on");
            change(&path);
            ControlFlow::Continue(())
        };
        let result = model.fit_with(&mapped, &FitOptions::default(), &mut disturb);
        let message = result.unwrap_err().to_string();
        assert!(message.contains("changed while it was mapped"), "{message}");
        let after: Vec<_> = model.parameters().map(|(_, mat)| bits(mat)).collect();
        assert!(before == after);
        // Whatever is asked of it: an error, not a fault.
        for failed in [
            mapped.to_mat().map(drop),
            mapped.to_memory().map(drop),
            mapped.min_max().map(drop),
            mapped.check_finite(),
            mapped.row_into(63, &mut [0.0; 4]),
            model.encode(&mapped).map(drop),
        ] {
            assert!(failed.is_err());
        }
        let _ = mapped.fingerprint();
    }
    // Replaced as `save` does it, the file that was mapped is still there.
    data::save(&path, mat.as_ref()).unwrap();
    let mapped = map(&path).unwrap();
    data::save(&path, Mat::zeros(1, 1).as_ref()).unwrap();
    assert_eq!(mapped.to_mat().unwrap(), mat);
}
