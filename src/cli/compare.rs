//! `autoencoder compare`: a model beside PCA with as many numbers, and beside no
//! code at all.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::console::{Failure, print, print_json};
use super::data_options::DataOptions;
use super::run_directory::read_records;
use super::source::{Source, ValidationOptions, split};
use crate::analysis::{Pca, Probe, ProbeOptions};
use crate::data::Dataset;
use crate::model::Distortion;
use crate::{Autoencoder, Mat, Result};

/// Where nothing is said.
const HELD_OUT: f64 = 0.1;
/// The fastest of so many is the time.
const TIMES: usize = 3;

#[derive(Args)]
pub(crate) struct Compare {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// The samples to fit PCA and probes to, best those that the model was trained
    /// on; the 9 000 embedded digits that `train` takes, if left out
    data: Option<PathBuf>,
    #[command(flatten)]
    validation: ValidationOptions,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten, next_help_heading = "Data")]
    reading: DataOptions,
}

#[derive(Serialize)]
struct Report {
    /// Samples that PCA and probes were fitted to.
    samples: usize,
    /// Samples that all figures are of.
    held_out: usize,
    codes: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    numbers: usize,
    mean_squared_error: f64,
    /// The part of the held-out samples' variance that the reconstruction tells.
    explained_variance: f64,
    /// The training steps of the model as its history says, or the fit of PCA.
    fit_seconds: Option<f64>,
    encode_microseconds_per_sample: Option<f64>,
    /// Of a linear probe, on held-out samples; `null` without labels.
    probe_accuracy: Option<f64>,
}

impl Compare {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let source = Source::default().with(self.data.clone(), &self.validation, &self.reading);
        let source = source.for_model(Some(&self.model));
        let (train, test) = match source.load()? {
            (all, None) => split(all, HELD_OUT)?,
            parts => parts,
        };
        let test = test.filter(|test| !test.is_empty()).ok_or_else(|| {
            let message = "too few samples to hold some out; give others with --validation PATH";
            Failure::Message(message.to_owned())
        })?;
        for data in [&train, &test] {
            data.min_max()?;
            let (given, input) = (data.features(), model.architecture().input());
            if given != input {
                return Err(Failure::Message(format!(
                    "the samples have {given} numbers each, expected {input}, which the model takes"
                )));
            }
        }
        let parts = Parts::new(&train, &test)?;
        let report = Report {
            samples: train.len(),
            held_out: test.len(),
            codes: vec![
                parts.model(&model, training_seconds(&self.model, &model))?,
                parts.pca(model.architecture().code())?,
                parts.raw()?,
            ],
        };
        if self.json {
            return print_json(&report);
        }
        report.print()
    }
}

/// Samples to fit to, and samples to measure on.
struct Parts<'a> {
    train: &'a Dataset,
    test: &'a Dataset,
    samples: Mat<f32>,
    /// The mean squared distance of a number in `samples` from its mean in `train`.
    variance: f64,
}

impl<'a> Parts<'a> {
    fn new(train: &'a Dataset, test: &'a Dataset) -> Result<Self> {
        let samples = test.to_mat()?;
        // No components of no use, but the mean.
        let mut mean = vec![0.0; train.features()];
        let mut row = vec![0.0; train.features()];
        for i in 0..train.len() {
            train.row_into(i, &mut row)?;
            mean.iter_mut()
                .zip(&row)
                .for_each(|(sum, &x)| *sum += f64::from(x));
        }
        mean.iter_mut().for_each(|sum| *sum /= train.len() as f64);
        let means = Mat::from_fn(samples.rows(), samples.cols(), |_, j| mean[j] as f32);
        Ok(Parts {
            train,
            test,
            variance: Distortion::of(samples.as_slice(), means.as_slice()).mean_squared_error(),
            samples,
        })
    }

    fn model(&self, model: &Autoencoder, fit_seconds: Option<f64>) -> Result<Row> {
        let (microseconds, codes) = self.time(|| model.encode(self.test))?;
        Ok(Row {
            code: "model",
            numbers: codes.cols(),
            fit_seconds,
            encode_microseconds_per_sample: Some(microseconds),
            probe_accuracy: self.accuracy(&codes, || model.encode(self.train))?,
            ..self.errors(&model.reconstruct(self.test)?)
        })
    }

    fn pca(&self, numbers: usize) -> Result<Row> {
        // There are no more components than features.
        let numbers = numbers.min(self.train.features());
        let start = Instant::now();
        let pca = Pca::fit(self.train, numbers)?;
        let fit_seconds = Some(start.elapsed().as_secs_f64());
        let (microseconds, codes) = self.time(|| pca.encode(self.test))?;
        Ok(Row {
            code: "pca",
            numbers,
            fit_seconds,
            encode_microseconds_per_sample: Some(microseconds),
            probe_accuracy: self.accuracy(&codes, || pca.encode(self.train))?,
            ..self.errors(&pca.decode(&codes)?)
        })
    }

    fn raw(&self) -> Result<Row> {
        Ok(Row {
            code: "raw",
            numbers: self.samples.cols(),
            probe_accuracy: self.accuracy(&self.samples, || self.train.to_mat())?,
            ..self.errors(&self.samples)
        })
    }

    /// A row of no more than how far reconstructions are from the samples.
    fn errors(&self, reconstructions: &Mat<f32>) -> Row {
        let distortion = Distortion::of(self.samples.as_slice(), reconstructions.as_slice());
        let mean_squared_error = distortion.mean_squared_error();
        Row {
            code: "",
            numbers: 0,
            mean_squared_error,
            explained_variance: 1.0 - mean_squared_error / self.variance,
            fit_seconds: None,
            encode_microseconds_per_sample: None,
            probe_accuracy: None,
        }
    }

    /// How long a sample takes, with the codes.
    fn time(&self, encode: impl Fn() -> Result<Mat<f32>>) -> Result<(f64, Mat<f32>)> {
        let (mut fastest, mut codes) = (f64::INFINITY, Mat::default());
        for _ in 0..TIMES {
            let start = Instant::now();
            codes = encode()?;
            fastest = fastest.min(start.elapsed().as_secs_f64());
        }
        Ok((1e6 * fastest / self.test.len() as f64, codes))
    }

    /// How many labels of `codes` a probe of the other codes reads.
    fn accuracy(
        &self,
        codes: &Mat<f32>,
        train: impl FnOnce() -> Result<Mat<f32>>,
    ) -> Result<Option<f64>> {
        let (Some(labels), Some(answers)) = (self.train.labels(), self.test.labels()) else {
            return Ok(None);
        };
        let probe = Probe::fit(&train()?, labels, &ProbeOptions::default())?;
        probe.accuracy(codes, answers).map(Some)
    }
}

impl Report {
    fn print(&self) -> Result<(), Failure> {
        print(format_args!(
            "{} samples held out; PCA and probes fitted to {} others\n",
            self.held_out, self.samples
        ))?;
        print(format_args!(
            "{:<6} {:>7} {:>10} {:>9} {:>8} {:>10} {:>14}",
            "code", "numbers", "mse", "explained", "fit s", "encode µs", "probe accuracy"
        ))?;
        let or_none = |number: Option<f64>, digits: usize| match number {
            Some(number) => format!("{number:.digits$}"),
            None => "-".to_owned(),
        };
        for row in &self.codes {
            print(format_args!(
                "{:<6} {:>7} {:>10.6} {:>7.1} % {:>8} {:>10} {:>14}",
                row.code,
                row.numbers,
                row.mean_squared_error,
                100.0 * row.explained_variance,
                or_none(row.fit_seconds, 2),
                or_none(row.encode_microseconds_per_sample, 2),
                or_none(row.probe_accuracy, 4),
            ))?;
        }
        Ok(())
    }
}

/// The time that training took, from the history beside the model.
fn training_seconds(path: &Path, model: &Autoencoder) -> Option<f64> {
    let epochs = model.training()?.epochs as usize;
    let records = read_records(&path.with_file_name("history.csv"))?;
    let (names, records) = records.split_first()?;
    let column = names.iter().position(|name| name == "seconds")?;
    let field = |record: &Vec<String>| record.get(column)?.parse::<f64>().ok();
    let seconds: Vec<f64> = records.iter().take(epochs).map_while(field).collect();
    (seconds.len() == epochs).then(|| seconds.iter().sum())
}
