//! `autoencoder score`: the reconstruction error of each sample, and which samples
//! it tells apart.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::console::{Failure, print, print_json};
use super::evaluate::check;
use super::matrix_file::MatrixFile;
use super::samples::{LabelledSampleOptions, labels_of};
use super::values::{Labels, contamination, finite};
use crate::analysis::{self, Detection};
use crate::{Autoencoder, Mat};

#[derive(Args)]
pub(crate) struct Score {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// Where to write mean squared error and loss, one sample a row; with a
    /// threshold, also 1 for what lies above it: .csv or .npy
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    /// Take targets outside of [0, 1] for a loss that is only defined there
    #[arg(long)]
    allow_any_target: bool,
    /// The part of the samples to take for anomalies, those with the highest
    /// scores: 0.05
    #[arg(long, value_name = "PART", value_parser = contamination, conflicts_with = "threshold")]
    contamination: Option<f64>,
    /// Take samples with a higher score for anomalies: a threshold that other
    /// samples led to
    #[arg(long, value_name = "SCORE", value_parser = finite)]
    threshold: Option<f64>,
    /// Which of the two is the score
    #[arg(long, value_name = "NAME", default_value = "mean-squared-error")]
    by: By,
    /// Samples with these labels are normal, others are anomalies, such as 0-8: how
    /// well the score sorts them (ROC AUC), and what the threshold does
    #[arg(long, value_name = "LABELS")]
    normal: Option<Labels>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    samples: LabelledSampleOptions,
}

#[derive(Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum By {
    MeanSquaredError,
    Loss,
}

#[derive(Serialize)]
struct Report {
    samples: usize,
    score: By,
    mean: f64,
    threshold: Option<f64>,
    /// Samples above the threshold.
    flagged: Option<usize>,
    /// Samples that are none of the normal ones.
    anomalies: Option<usize>,
    roc_auc: Option<f64>,
    /// Anomalies above the threshold.
    found: Option<usize>,
}

impl Score {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = self.samples.load(&self.model)?;
        check(&model, &data, self.allow_any_target)?;
        let errors = model.reconstruction_error(&data)?;
        let scores = match self.by {
            By::MeanSquaredError => &errors.mean_squared_error,
            By::Loss => &errors.loss,
        };
        let threshold = match self.contamination {
            Some(part) => Some(analysis::threshold(scores, part)?),
            None => self.threshold,
        };
        let is_above = |score: f32| threshold.is_some_and(|line| f64::from(score) > line);
        let sum: f64 = scores.iter().copied().map(f64::from).sum();
        let mut report = Report {
            samples: data.len(),
            score: self.by,
            mean: sum / data.len() as f64,
            threshold,
            flagged: threshold.map(|_| scores.iter().filter(|&&score| is_above(score)).count()),
            anomalies: None,
            roc_auc: None,
            found: None,
        };
        if let Some(normal) = &self.normal {
            let labels = labels_of(&data)?.iter();
            let anomalous: Vec<bool> = labels.map(|&label| !normal.contains(label)).collect();
            report.roc_auc = Some(analysis::roc_auc(scores, &anomalous)?);
            report.anomalies = Some(anomalous.iter().filter(|&&is| is).count());
            if let Some(threshold) = threshold {
                report.found = Some(Detection::new(scores, &anomalous, threshold)?.found);
            }
        }
        let flags: Vec<f32> = scores
            .iter()
            .map(|&score| f32::from(is_above(score)))
            .collect();
        let columns = [
            ("mean_squared_error", &errors.mean_squared_error),
            ("loss", &errors.loss),
            ("anomaly", &flags),
        ];
        let columns = &columns[..if threshold.is_some() { 3 } else { 2 }];
        let table = Mat::from_fn(data.len(), columns.len(), |i, j| columns[j].1[i]);
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        self.output.write(&table, &names)?;
        report.print(self.json)
    }
}

impl Report {
    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return print_json(self);
        }
        print(format_args!("samples    {}", self.samples))?;
        print(format_args!("mean       {:.6}", self.mean))?;
        if let (Some(threshold), Some(flagged)) = (self.threshold, self.flagged) {
            print(format_args!(
                "threshold  {threshold:.6}, {flagged} samples above it"
            ))?;
        }
        if let (Some(anomalies), Some(area)) = (self.anomalies, self.roc_auc) {
            print(format_args!("anomalies  {anomalies}, ROC AUC {area:.4}"))?;
        }
        if let (Some(found), Some(flagged), Some(anomalies)) =
            (self.found, self.flagged, self.anomalies)
        {
            print(format_args!(
                "found      {found}: {:.1} % of the anomalies, {:.1} % of what is above the threshold",
                percent(found, anomalies),
                percent(found, flagged)
            ))?;
        }
        Ok(())
    }
}

/// 0 of 0 is 0.
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
