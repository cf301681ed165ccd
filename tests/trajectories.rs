//! Twenty steps of the tutorials' programs, beside Keras 3 and PyTorch: the same
//! first weights, the same rows in the same order, the same losses and weights.
//!
//! `tests/python/trajectories.py` has made the file with theirs, and says what is in
//! it; `tests/python/run` compares it with what the frameworks do today.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use autoencoder::data::{Dataset, digits};
use autoencoder::model::{Callback, Epoch, FitOptions, Progress};
use autoencoder::{Activation, Autoencoder, Loss};
use safetensors::SafeTensors;
use serde_json::Value;

/// How many times as far from a framework's f32 as that is from its f64 we may be.
///
/// That distance is the noise of f32 in the very same computation: some 1e-5 of
/// what a tensor has moved by, more where an optimiser divides a gradient by its own
/// size and so makes rounding errors large, and most for Keras 3's Adadelta, which
/// hardly moves its weights at all. Ours is another such noise, from sums in another
/// order: at most 9 times as large, where PyTorch's errors happen to be small. A
/// bias correction left out, or an ε elsewhere, is at 1e4 times and beyond; Keras'
/// weight decay left out, at 50.
const NOISE: f64 = 16.0;

/// What the frameworks did.
struct Fixture {
    bytes: Vec<u8>,
    about: Value,
}

impl Fixture {
    fn read() -> Self {
        let committed = "tests/data/trajectories.safetensors";
        let path = match std::env::var_os("AUTOENCODER_TRAJECTORIES") {
            Some(path) => PathBuf::from(path),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(committed),
        };
        let bytes = fs::read(path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let text = &metadata.metadata().as_ref().unwrap()["trajectories"];
        let about = serde_json::from_str(text).unwrap();
        Fixture { bytes, about }
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        file.tensor(name).unwrap().data().to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f64> {
        let bytes = self.bytes(name);
        let numbers = bytes.chunks_exact(4);
        let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
        numbers.map(|bytes| f64::from(number(bytes))).collect()
    }

    /// The samples in their order, one after another.
    fn data(&self) -> Dataset {
        let bytes = self.bytes("order");
        let number = |bytes: &[u8]| usize::from(u16::from_le_bytes(bytes.try_into().unwrap()));
        let order: Vec<usize> = bytes.chunks_exact(2).map(number).collect();
        digits().select(&order).unwrap()
    }

    fn number(&self, name: &str) -> usize {
        self.about[name].as_u64().unwrap() as usize
    }

    fn widths(&self, program: &str) -> Vec<usize> {
        let widths = self.about["programs"][program].as_array().unwrap();
        widths
            .iter()
            .map(|width| width.as_u64().unwrap() as usize)
            .collect()
    }
}

/// The weights that the script starts from: Splitmix64 (Steele, Lea and Flood 2014)
/// between Glorot's limits.
struct Weights(u64);

impl Weights {
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// An untrained model with those weights, which come to it as anyone's would: in a
/// file, transposed.
fn untrained(widths: &[usize], loss: Loss) -> Autoencoder {
    let code = widths.len() / 2;
    let model = Autoencoder::builder()
        .input(widths[0])
        .encoder(&widths[1..=code])
        .decoder(&widths[code + 1..])
        .hidden(Activation::Relu)
        .output(Activation::Sigmoid)
        .loss(loss)
        .build()
        .unwrap();
    let mut bytes = model.to_safetensors().unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut random = Weights(0);
    for (info, _) in model.parameters().filter(|(info, _)| !info.is_bias) {
        let (inputs, outputs) = info.shape;
        let limit = (6.0 / (inputs + outputs) as f64).sqrt() as f32;
        let start = 8 + header + metadata.info(&info.name).unwrap().data_offsets.0;
        for input in 0..inputs {
            for output in 0..outputs {
                let value = limit * (2.0 * random.unit() - 1.0);
                let at = start + 4 * (output * inputs + input);
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
    Autoencoder::from_safetensors(&bytes).unwrap()
}

/// The loss of each step, from the running means that a callback is told.
#[derive(Default)]
struct Losses {
    sum: f64,
    samples: usize,
    steps: Vec<f64>,
}

impl Callback for Losses {
    fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
        let sum = progress.loss * progress.samples as f64;
        let samples = progress.samples - self.samples;
        self.steps.push((sum - self.sum) / samples as f64);
        (self.sum, self.samples) = (sum, progress.samples);
        ControlFlow::Continue(())
    }

    fn on_epoch(&mut self, _: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Some elements of each tensor from everywhere, and the root mean square of what
/// all of them moved by.
fn kept(model: &Autoencoder, start: &Autoencoder, sample: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let pairs = model.parameters().zip(start.parameters());
    let tensor =
        |((_, now), (_, first)): ((_, &autoencoder::Mat<f32>), (_, &autoencoder::Mat<f32>))| {
            let (now, first) = (now.as_slice(), first.as_slice());
            let place = |i: usize| (i as u64 * 2_654_435_761 % now.len() as u64) as usize;
            let some = (0..sample.min(now.len())).map(|i| f64::from(now[place(i)]));
            let squares = now.iter().zip(first);
            let squares = squares.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
            (
                some.collect(),
                (squares.sum::<f64>() / now.len() as f64).sqrt(),
            )
        };
    pairs.map(tensor).unzip()
}

/// Of numbers and what they should be, over the noise.
fn largest(ours: &[f64], theirs: &[f64], noise: f64) -> f64 {
    let distances = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    distances.fold(0.0, f64::max) / noise
}

fn root_mean_square(ours: &[f64], theirs: &[f64], noise: f64) -> f64 {
    let squares = ours.iter().zip(theirs).map(|(a, b)| (a - b).powi(2));
    (squares.sum::<f64>() / ours.len() as f64).sqrt() / noise
}

/// A run of ours beside one of theirs.
struct Run<'a> {
    fixture: &'a Fixture,
    key: &'a str,
    /// All that is too far away.
    faults: &'a mut Vec<String>,
}

impl Run<'_> {
    fn check(&mut self, what: &str, ratio: f64) {
        if ratio.is_nan() || ratio > NOISE {
            let key = self.key;
            self.faults
                .push(format!("{key}, {what}: {ratio:.1} times the noise"));
        }
    }

    fn theirs(&self, name: &str) -> Vec<f64> {
        self.fixture.floats(&format!("{}/{name}", self.key))
    }

    /// Trains as they did, up to each step whose weights they kept.
    fn follow(mut self, loss: Loss) {
        let fixture = self.fixture;
        let [program, _, optimizer] = self.key.split('/').collect::<Vec<_>>()[..] else {
            panic!("{}", self.key);
        };
        let start = untrained(&fixture.widths(program), loss);
        let rate = fixture.about["learning_rates"][optimizer].as_f64();
        let options = FitOptions {
            epochs: 1,
            batch_size: fixture.number("batch"),
            optimizer: optimizer.parse().unwrap(),
            learning_rate: rate.map(|rate| rate as f32),
            shuffle: false,
            ..FitOptions::default()
        };
        let data = fixture.data();
        for step in fixture.about["kept"].as_array().unwrap() {
            let steps = step.as_u64().unwrap() as usize;
            let rows = data.len().min(steps * options.batch_size);
            let (mut model, mut losses) = (start.clone(), Losses::default());
            let part = data.slice(0..rows).unwrap();
            model.fit_with(&part, &options, &mut losses).unwrap();
            let theirs = &self.theirs("losses")[..steps];
            let noise = self.theirs("losses/noise")[0];
            self.check("losses", largest(&losses.steps, theirs, noise));
            self.compare_weights(steps, &model, &start);
        }
    }

    fn compare_weights(&mut self, step: usize, model: &Autoencoder, start: &Autoencoder) {
        let (some, changes) = kept(model, start, self.fixture.number("sample"));
        let [weights, their_changes, noise] =
            ["weights", "change", "noise"].map(|name| self.theirs(&format!("{step}/{name}")));
        let mut theirs = &weights[..];
        for (i, (info, _)) in start.parameters().enumerate() {
            let (of_this, rest) = theirs.split_at(some[i].len());
            let ratio = root_mean_square(&some[i], of_this, noise[i]);
            self.check(&format!("{} after step {step}", info.name), ratio);
            // Two sizes are no farther apart than the size of the difference.
            let ratio = largest(&changes[i..=i], &their_changes[i..=i], noise[i]);
            self.check(&format!("change of {} up to step {step}", info.name), ratio);
            theirs = rest;
        }
        assert!(theirs.is_empty());
    }
}

/// Follows all runs of a framework, and returns how many there are.
fn follow_all(framework: &str) -> usize {
    let fixture = Fixture::read();
    let mut faults = Vec::new();
    let runs = fixture.about["runs"].as_array().unwrap();
    let runs = runs.iter().filter(|run| run["framework"] == framework);
    let mut count = 0;
    for run in runs {
        let key = run["key"].as_str().unwrap();
        let loss: Loss = key.split('/').nth(1).unwrap().parse().unwrap();
        let run = Run {
            fixture: &fixture,
            key,
            faults: &mut faults,
        };
        run.follow(loss);
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    count
}

/// 784-32-784 and 784-128-64-64-128-784, mean squared error and binary
/// cross-entropy, and six optimisers: Keras 2's Adadelta too.
#[test]
fn twenty_steps_are_those_of_keras() {
    assert_eq!(follow_all("Keras"), 2 * 2 * 6);
}

#[test]
fn twenty_steps_are_those_of_pytorch() {
    assert_eq!(follow_all("PyTorch"), 2 * 2 * 5);
}

/// Keras has the cross-entropy of a probability, and so have we if asked to.
#[test]
fn clipped_probabilities_are_those_of_keras() {
    let (fixture, mut faults) = (Fixture::read(), Vec::new());
    let run = Run {
        fixture: &fixture,
        key: "simple/bce/adam",
        faults: &mut faults,
    };
    run.follow(Loss::BinaryCrossEntropyClipped);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
