//! What the peers in Rust share of the comparison: options, data, the loop over
//! epochs, the report; as `compare/common.py` does for those in Python.

use std::collections::HashMap;
use std::time::Instant;

use autoencoder::random::{Generator, Purpose};
use autoencoder_kernels::Mat;

use crate::pool;
use crate::program::{BATCH_SIZE, Program, Source, gaussians, images};

/// Of Adam, the same for all.
pub const LEARNING_RATE: f64 = 1e-3;
/// Of Adam, the same for all.
pub const BETA1: f64 = 0.9;
/// Of Adam, the same for all.
pub const BETA2: f64 = 0.999;
/// Of Adam, the same for all.
pub const EPSILON: f64 = 1e-7;

/// What may fail in a peer.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// A model in training, as a program of the peer's would hold it.
pub trait Learner: Sized {
    /// The program's model before training, with Glorot's uniform weights and biases
    /// of zero, and the samples that it is to learn, one a row.
    ///
    /// # Errors
    /// The peer's.
    fn new(program: &'static Program, samples: Mat<f32>) -> Fallible<Self>;

    /// One step of Adam on the samples with these numbers; their mean loss before it.
    ///
    /// # Errors
    /// The peer's.
    fn step(&mut self, batch: &[u32]) -> Fallible<f32>;
}

/// Trains the program that the command line names and prints the line of JSON that
/// `compare/common.py` describes.
///
/// # Errors
/// An option is missing or wrong, the images cannot be read, or the peer fails.
pub fn run<L: Learner>(peer: &str, version: &str) -> Fallible<()> {
    // Cargo's own option has no value.
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let line = measure::<L>(peer, version, &words.collect::<Vec<_>>())?;
    println!("{line}");
    Ok(())
}

fn measure<L: Learner>(peer: &str, version: &str, words: &[String]) -> Fallible<String> {
    let options: HashMap<&str, &str> = words
        .chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    let option = |name| {
        let value = options.get(name).copied();
        value.ok_or_else(|| format!("{name} is missing: use benches/compare/run --{peer}"))
    };
    let name = option("--program")?;
    let program = Program::ALL.iter().find(|program| program.name == name);
    let program = program.ok_or_else(|| format!("{name} is no program of the comparison"))?;
    let data = match program.source {
        Source::Images => images(Some(option("--images")?.as_ref()))?,
        Source::Gaussians => gaussians(program.widths[0])?,
    };
    let warm_up: usize = option("--warm-up")?.parse()?;
    let epochs: usize = option("--epochs")?.parse()?;
    let threads: usize = option("--threads")?.parse()?;
    let samples = data.to_mat()?;
    // On the pool, as ours: entering it anew for each product costs burn a quarter of
    // 784-128-64-128-784's epoch.
    let (seconds, loss) = pool(threads).install(|| {
        let trained = train::<L>(program, samples, warm_up + epochs);
        trained.map_err(|error| error.to_string())
    })?;
    Ok(serde_json::json!({
        "peer": peer,
        "version": version,
        "program": name,
        "threads": threads,
        "seconds": seconds[warm_up..],
        "loss": loss,
    })
    .to_string())
}

/// The seconds of each epoch, and the loss of the last one.
fn train<L: Learner>(
    program: &'static Program,
    samples: Mat<f32>,
    epochs: usize,
) -> Fallible<(Vec<f64>, f64)> {
    let mut order: Vec<u32> = (0..samples.rows() as u32).collect();
    let mut learner = L::new(program, samples)?;
    let (mut seconds, mut loss) = (Vec::new(), f64::NAN);
    for epoch in 1..=epochs as u32 {
        let start = Instant::now();
        Generator::new(0, Purpose::Shuffle { epoch }).shuffle(&mut order);
        let mut total = 0.0;
        for batch in order.chunks(BATCH_SIZE) {
            total += f64::from(learner.step(batch)?) * batch.len() as f64;
        }
        loss = total / order.len() as f64;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok((seconds, loss))
}

/// The version of a package in a `Cargo.lock`.
///
/// # Panics
/// The package is not in it.
pub fn locked_version<'a>(lock: &'a str, package: &str) -> &'a str {
    let mut lines = lock.lines();
    let name = format!("name = \"{package}\"");
    lines
        .find(|line| **line == name)
        .and_then(|_| {
            lines
                .next()?
                .strip_prefix("version = \"")?
                .strip_suffix('"')
        })
        .unwrap_or_else(|| panic!("{package} is not in Cargo.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its loss is the mean of the first numbers of the samples.
    struct Mean(Mat<f32>);

    impl Learner for Mean {
        fn new(_: &'static Program, samples: Mat<f32>) -> Fallible<Self> {
            Ok(Mean(samples))
        }

        fn step(&mut self, batch: &[u32]) -> Fallible<f32> {
            assert!(batch.len() <= BATCH_SIZE);
            let sum: f32 = batch
                .iter()
                .map(|&i| self.0.as_ref().get(i as usize, 0))
                .sum();
            Ok(sum / batch.len() as f32)
        }
    }

    fn words(text: &str) -> Vec<String> {
        text.split(',').map(str::to_string).collect()
    }

    #[test]
    fn an_epochs_loss_counts_each_sample_once() {
        let words = words("--program,10-5-8-10 mse,--threads,2,--warm-up,1,--epochs,3");
        let line = measure::<Mean>("peer", "1.2", &words).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let data = gaussians(10).unwrap();
        let mat = data.as_f32().unwrap();
        let mean = (0..data.len())
            .map(|i| f64::from(mat.get(i, 0)))
            .sum::<f64>()
            / 1000.0;
        assert!((line["loss"].as_f64().unwrap() - mean).abs() < 1e-6);
        assert_eq!(line["seconds"].as_array().unwrap().len(), 3);
        assert_eq!(line["version"], "1.2");
    }

    #[test]
    fn a_missing_option_is_named() {
        let words = words("--program,10-5-8-10 mse,--epochs,3");
        let error = measure::<Mean>("peer", "1.2", &words).unwrap_err();
        assert!(
            error.to_string().contains("--warm-up is missing"),
            "{error}"
        );
    }

    #[test]
    fn a_version_is_that_of_the_package_with_all_of_the_name() {
        let lock = "[[package]]\nname = \"burn-nn\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"burn\"\nversion = \"0.22.1\"\n";
        assert_eq!(locked_version(lock, "burn"), "0.22.1");
        assert_eq!(locked_version(lock, "burn-nn"), "1.0.0");
    }
}
