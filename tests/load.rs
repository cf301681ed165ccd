//! Much data, wide layers, tiny and huge minibatches, many epochs: memory stays
//! within bounds that are known beforehand. Linux only: the figures are the
//! kernel's. Times are printed by `later_epochs`, below.
#![cfg(target_os = "linux")]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use autoencoder::Autoencoder;
use autoencoder::data::{self, Dataset, LoadOptions};
use autoencoder::model::{Epoch, FitOptions};
use common::model_bits;

const MB: usize = 1 << 20;

/// What the allocator, stacks of threads and the like may take beside what is
/// counted.
const SPARE: usize = 24 * MB;

/// One test at a time: the figures are those of the process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // What another test has failed at does not matter here.
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A figure of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

/// The most memory that was resident during `work` beyond what was before.
fn growth<R>(work: impl FnOnce() -> R) -> (R, usize) {
    // Peaks before this one are forgotten.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let result = work();
    (result, status("VmHWM:").saturating_sub(before))
}

fn assert_below(grown: usize, bound: usize) {
    let [grown, bound] = [grown, bound].map(|bytes| bytes.div_ceil(1024));
    assert!(grown <= bound, "{grown} KB, more than {bound} KB");
}

fn options(epochs: u32, batch_size: usize) -> FitOptions {
    FitOptions {
        epochs,
        batch_size,
        ..FitOptions::default()
    }
}

fn model(widths: &[usize]) -> Autoencoder {
    let builder = Autoencoder::builder().input(widths[0]);
    builder.encoder(&widths[1..]).build().unwrap()
}

fn bytes(rows: usize, features: usize) -> Dataset {
    let values = (0..rows * features).map(|i| ((i * 31) >> 4) as u8);
    Dataset::from_u8(rows, features, values.collect()).unwrap()
}

#[test]
fn a_million_rows() {
    let _alone = alone();
    let rows = 1_000_000;
    let data = bytes(rows, 12);
    let mut model = model(&[12, 4]);
    let (codes, grown) = growth(|| {
        model.fit(&data, &options(2, 4096)).unwrap();
        model.encode(&data).unwrap()
    });
    assert_eq!(codes.shape(), (rows, 4));
    // The order of the samples, the codes, and no copy of the samples as f32, which
    // would be 48 MB.
    assert_below(grown, rows * (8 + 4 * 4) + SPARE / 2);
}

#[test]
fn a_layer_of_ten_thousand() {
    let _alone = alone();
    let data = bytes(96, 100);
    let mut model = model(&[100, 10_000]);
    let parameters: usize = model
        .parameters()
        .map(|(_, mat)| mat.as_slice().len())
        .sum();
    assert_eq!(parameters, 2 * 100 * 10_000 + 10_000 + 100);
    let (history, grown) = growth(|| model.fit(&data, &options(3, 32)).unwrap());
    assert!(history.epochs[2].loss < history.epochs[0].loss);
    // Weights and two moments, as they are, as they were after the last whole
    // epoch, in the model that comes back; the best weights; weights transposed.
    // Activations of a minibatch.
    assert_below(grown, 4 * (12 * parameters + 32 * 4 * 10_200) + SPARE);
}

#[test]
fn minibatches_of_one_and_of_more_than_there_is() {
    let _alone = alone();
    let data = bytes(200, 50);
    let start = model(&[50, 7]);
    let trained = |batch_size| {
        let mut model = start.clone();
        let (history, grown) = growth(|| model.fit(&data, &options(3, batch_size)).unwrap());
        assert!(
            history.epochs[2].loss < history.epochs[0].loss,
            "{batch_size}"
        );
        assert_below(grown, SPARE);
        model_bits(&model)
    };
    let whole = trained(200);
    // Memory goes by the data, not by what was asked for.
    for batch_size in [201, 1 << 40, usize::MAX] {
        assert!(trained(batch_size) == whole, "{batch_size}");
    }
    assert!(trained(1) != whole);
}

#[test]
fn a_thousand_epochs() {
    let _alone = alone();
    let data = bytes(20, 10);
    let mut model = model(&[10, 3]);
    let mut resident = Vec::new();
    let mut watch = |epoch: &Epoch| {
        if [100, 1000].contains(&epoch.epoch) {
            resident.push(status("VmRSS:"));
        }
        ControlFlow::Continue(())
    };
    let history = model
        .fit_with(&data, &options(1000, 8), &mut watch)
        .unwrap();
    assert_eq!(history.epochs.len(), 1000);
    let [early, late] = resident[..] else {
        panic!("{resident:?}");
    };
    // The history itself is some hundred bytes an epoch.
    assert_below(late.saturating_sub(early), MB / 2);
}

/// What a mapped file brings in belongs to the file, and the system takes it back
/// when it needs room. What training itself holds does not grow with the file.
#[test]
fn a_mapped_file_is_not_copied() {
    let _alone = alone();
    let (rows, features) = (1 << 16, 4096);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.idx");
    let mut file = File::create(&path).unwrap();
    let [rows_be, features_be] = [rows, features].map(|n: usize| (n as u32).to_be_bytes());
    let header = [&[0, 0, 8, 2][..], &rows_be, &features_be].concat();
    file.write_all(&header).unwrap();
    file.set_len((header.len() + rows * features) as u64)
        .unwrap();
    let data = |mmap| {
        let options = LoadOptions {
            mmap,
            ..LoadOptions::default()
        };
        data::load_with(&path, &options).unwrap()
    };
    let mut model = model(&[features, 2]);
    let most = |data: &Dataset, model: &mut Autoencoder| {
        let before = status("RssAnon:");
        let mut most = 0;
        let mut watch = |_: &Epoch| {
            most = status("RssAnon:").saturating_sub(before);
            ControlFlow::Continue(())
        };
        model.fit_with(data, &options(1, 256), &mut watch).unwrap();
        most
    };
    let before = status("RssAnon:");
    let mapped = data(true);
    assert_below(status("RssAnon:").saturating_sub(before), MB);
    // Order, minibatch, weights; the samples would be 256 MB as bytes, 1 GB as f32.
    assert_below(most(&mapped, &mut model), SPARE + 8 * rows);
}

/// `cargo test --release --test load later_epochs -- --ignored --nocapture`: whether
/// later epochs take longer than early ones, and have more memory.
#[test]
#[ignore = "prints times, which depend on what else the machine does"]
fn later_epochs() {
    let _alone = alone();
    println!(
        "| training | epochs | one of the first tenth, ms | of the last | VmRSS then, MB | at the end |"
    );
    println!("|---|---|---|---|---|---|");
    for (rows, widths, batch_size, epochs) in [
        (1_000_000, &[12, 4][..], 4096, 20),
        (96, &[100, 10_000], 32, 20),
        (2_000, &[50, 7], 1, 50),
        (200, &[50, 7], 1 << 40, 1000),
        (20, &[10, 3], 8, 10_000),
    ] {
        let data = bytes(rows, widths[0]);
        let mut resident = Vec::new();
        let mut watch = |epoch: &Epoch| {
            if [epochs / 10, epochs].contains(&epoch.epoch) {
                resident.push(status("VmRSS:") / MB);
            }
            ControlFlow::Continue(())
        };
        let options = options(epochs, batch_size);
        let history = model(widths).fit_with(&data, &options, &mut watch).unwrap();
        let tenth = history.epochs.len() / 10;
        let median = |epochs: &[Epoch]| {
            let mut seconds: Vec<f64> = epochs.iter().map(|epoch| epoch.seconds).collect();
            seconds.sort_by(f64::total_cmp);
            seconds[seconds.len() / 2] * 1e3
        };
        println!(
            "| {rows} × {widths:?}, batch {batch_size} | {epochs} | {:.3} | {:.3} | {} | {} |",
            median(&history.epochs[..tenth]),
            median(&history.epochs[9 * tenth..]),
            resident[0],
            resident[1],
        );
    }
}
