//! Seconds of a training epoch of each [`Program`], and their share of what the
//! machine's multiply-adds would allow.
//!
//! ```text
//! cargo bench -p autoencoder-benches --bench epoch -- [options]
//!     --json              a line of JSON per figure instead of a table
//!     --threads 1,2       numbers of threads; else 1 and all
//!     --program TEXT      the programs whose names contain the text; else all
//!     --images FILE       8-bit images of 784 pixels; else the embedded digits
//!     --inverted          white images with black digits: hardly a pixel is 0
//!     --save-gaussians FILE.npy
//!                         only write the rows that 10-5-8-10 learns
//! ```
//!
//! An epoch here is all of an epoch: shuffling, the steps, and what training does
//! between two epochs. GFLOP/s count all multiply-adds of the products, also those
//! with zeros of the images, which are left out.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use autoencoder::data::{Dataset, save};
use autoencoder::model::{Epoch, FitOptions};
use autoencoder::{Level, Result};
use autoencoder_benches::peak;
use autoencoder_benches::program::{BATCH_SIZE, Program, Source, gaussians, images};

fn main() {
    if let Err(error) = Arguments::from_environment().and_then(|arguments| arguments.run()) {
        eprintln!("epoch: {error}");
        std::process::exit(1);
    }
}

type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Arguments {
    json: bool,
    threads: Vec<usize>,
    program: String,
    images: Option<PathBuf>,
    inverted: bool,
    save_gaussians: Option<PathBuf>,
}

impl Arguments {
    fn from_environment() -> Fallible<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut arguments = Arguments {
            json: false,
            threads: if cores > 1 { vec![1, cores] } else { vec![1] },
            program: String::new(),
            images: None,
            inverted: false,
            save_gaussians: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--json" => arguments.json = true,
                "--threads" => {
                    let numbers = value()?;
                    let numbers = numbers.split(',').map(str::parse);
                    arguments.threads = numbers.collect::<std::result::Result<_, _>>()?;
                }
                "--program" => arguments.program = value()?,
                "--images" => arguments.images = Some(value()?.into()),
                "--inverted" => arguments.inverted = true,
                "--save-gaussians" => arguments.save_gaussians = Some(value()?.into()),
                // Cargo's own.
                "--bench" => {}
                other => return Err(format!("{other} is no option of this benchmark").into()),
            }
        }
        Ok(arguments)
    }

    fn run(&self) -> Fallible<()> {
        let gaussians = gaussians(10)?;
        if let Some(file) = &self.save_gaussians {
            return Ok(save(file, gaussians.to_mat()?.as_ref())?);
        }
        let programs = Program::ALL
            .into_iter()
            .filter(|program| program.name.contains(&self.program));
        let mut images = images(self.images.as_deref())?;
        if let (true, Some(bytes)) = (self.inverted, images.as_u8()) {
            let bytes = bytes.iter().map(|byte| u8::MAX - byte).collect();
            images = Dataset::from_u8(images.len(), images.features(), bytes)?;
        }
        if !self.json {
            println!("level {}, batch {BATCH_SIZE}\n", Level::current());
            println!(
                "| program | threads | s an epoch, median | least | µs a step | GFLOP/s | of peak | loss |"
            );
            println!("|---|---|---|---|---|---|---|---|");
        }
        for &threads in &self.threads {
            let peak = peak::flops_per_second(threads);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?;
            for program in programs.clone() {
                let data = match program.source {
                    Source::Images => &images,
                    Source::Gaussians => &gaussians,
                };
                let (seconds, loss) = pool.install(|| measure(&program, data))?;
                let figure = Figure {
                    program,
                    samples: data.len(),
                    threads,
                    peak,
                    seconds,
                    loss,
                };
                println!(
                    "{}",
                    if self.json {
                        figure.json()
                    } else {
                        figure.row()
                    }
                );
            }
        }
        Ok(())
    }
}

/// The seconds of each timed epoch, and the loss of the last one.
fn measure(program: &Program, data: &Dataset) -> Result<(Vec<f64>, f64)> {
    let options = FitOptions {
        epochs: program.warm_up + program.epochs,
        batch_size: BATCH_SIZE,
        ..FitOptions::default()
    };
    let mut ends = Vec::new();
    let mut watch = |_: &Epoch| {
        ends.push(Instant::now());
        ControlFlow::Continue(())
    };
    let history = program.model()?.fit_with(data, &options, &mut watch)?;
    let timed = &ends[program.warm_up as usize - 1..];
    let seconds = timed.windows(2).map(|two| (two[1] - two[0]).as_secs_f64());
    let loss = history.current().map_or(f64::NAN, |epoch| epoch.loss);
    Ok((seconds.collect(), loss))
}

struct Figure {
    program: Program,
    samples: usize,
    threads: usize,
    /// FLOP/s of this many threads.
    peak: Option<f64>,
    seconds: Vec<f64>,
    loss: f64,
}

impl Figure {
    fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
    }

    fn least(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// FLOP/s of the median epoch.
    fn speed(&self) -> f64 {
        self.program.flops_per_sample() * self.samples as f64 / self.median()
    }

    fn row(&self) -> String {
        let steps = Program::steps(self.samples) as f64;
        format!(
            "| {} | {} | {:.5} | {:.5} | {:.1} | {:.1} | {} | {:.4} |",
            self.program.name,
            self.threads,
            self.median(),
            self.least(),
            self.median() / steps * 1e6,
            self.speed() / 1e9,
            self.peak.map_or("–".to_string(), |peak| format!(
                "{:.0} %",
                100.0 * self.speed() / peak
            )),
            self.loss,
        )
    }

    fn json(&self) -> String {
        serde_json::json!({
            "peer": "autoencoder",
            "version": env!("CARGO_PKG_VERSION"),
            "level": Level::current().to_string(),
            "program": self.program.name,
            "warm_up": self.program.warm_up,
            "threads": self.threads,
            "median": self.median(),
            "min": self.least(),
            "seconds": self.seconds,
            "loss": self.loss,
            "flops": self.speed(),
            "peak": self.peak,
        })
        .to_string()
    }
}
