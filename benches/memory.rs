//! Peak resident memory of training on 60 000 8-bit images, beyond the data.
//! Each program runs in a process of its own, which reads the images from an IDX
//! file as a user's would. Linux only: the figure is the kernel's.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use autoencoder::data::load;
use autoencoder::model::FitOptions;
use autoencoder_benches::program::{IMAGES, Program, Source, images};
use autoencoder_benches::{pool, thread_counts};

/// Where a child finds what to train, on how many threads, on what.
const CHILD: &str = "AUTOENCODER_MEMORY_CHILD";

/// MB beyond the data.
const LIMIT: f64 = 24.0;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() {
    let result = match std::env::var(CHILD) {
        Ok(task) => child(&task),
        Err(_) => parent(),
    };
    if let Err(error) = result {
        eprintln!("memory: {error}");
        std::process::exit(1);
    }
}

fn parent() -> Fallible<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("images.idx3-ubyte");
    write_idx(&file)?;
    println!(
        "| training, batch 256, two epochs | threads | data, MB | peak, MB | beyond the data, MB | limit, MB |"
    );
    println!("|---|---|---|---|---|---|");
    for threads in thread_counts() {
        for program in Program::ALL.iter().filter(|p| p.source == Source::Images) {
            let task = format!("{threads}\n{}\n{}", program.name, file.display());
            let status = Command::new(std::env::current_exe()?)
                .env(CHILD, task)
                .status()?;
            if !status.success() {
                return Err("a child failed".into());
            }
        }
    }
    Ok(())
}

/// The embedded digits, over and over.
fn write_idx(file: &Path) -> Fallible<()> {
    let images = images(None)?;
    let mut to = std::fs::File::create(file)?;
    let side = 28_u32;
    // Unsigned bytes in three dimensions.
    for number in [0x0803, images.len() as u32, side, side] {
        to.write_all(&number.to_be_bytes())?;
    }
    to.write_all(images.as_u8().ok_or("the digits are bytes")?)?;
    Ok(())
}

fn child(task: &str) -> Fallible<()> {
    let mut words = task.splitn(3, '\n');
    let mut word = || words.next().ok_or("a word of the task is missing");
    let (threads, name, file) = (word()?.parse()?, word()?, word()?);
    let program = Program::ALL
        .into_iter()
        .find(|program| program.name == name)
        .ok_or("no such program")?;
    let data = load(file)?;
    if data.len() != IMAGES {
        return Err(format!("{} images were read, {IMAGES} written", data.len()).into());
    }
    let options = FitOptions {
        epochs: 2,
        ..FitOptions::default()
    };
    let mut model = program.model()?;
    let history = pool(threads).install(|| model.fit(&data, &options))?;
    let losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.loss).collect();
    if losses[1] >= losses[0] {
        return Err(format!("{name} does not learn: {losses:?}").into());
    }
    let data = (IMAGES * program.widths[0]) as f64 / 1e6;
    let peak = peak_megabytes()?;
    println!(
        "| {name} | {threads} | {data:.1} | {peak:.1} | {:.1} | {LIMIT} |",
        peak - data
    );
    Ok(())
}

/// The most memory that this process has had resident.
fn peak_megabytes() -> Fallible<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .ok_or("/proc/self/status has no VmHWM")?;
    Ok(kibibytes.trim().parse::<f64>()? * 1024.0 / 1e6)
}
