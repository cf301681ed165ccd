//! `autoencoder generate`: new samples, from codes that no sample has.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::console::Failure;
use super::data_options::DataOptions;
use super::matrix_file::MatrixFile;
use crate::analysis::{
    GaussianMixture, MixtureOptions, around, clamp_to_range, interpolate, standard_deviations,
};
use crate::plot::{TileLayout, write_grid};
use crate::random::{Generator, Purpose};
use crate::{Autoencoder, Mat, Result};

#[derive(Args)]
pub(crate) struct Generate {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// Where new codes come from.
    /// prior: what a variational model was trained for.
    /// gaussian, mixture:K: a normal distribution, or a sum of K, fitted to the
    /// codes of DATA.
    /// around:NOISE: the codes of some samples of DATA, and normal noise on them of
    /// NOISE standard deviations; the first of a row of the picture is without.
    /// interpolate:STEPS: the way from one sample to another, a row of the picture
    /// for each two.
    /// [default: prior for a variational model, else gaussian]
    #[arg(long, value_name = "ORIGIN", verbatim_doc_comment)]
    from: Option<Origin>,
    /// Samples that codes are made of, in any format that `train` reads; the embedded
    /// digits, if left out
    #[arg(long, value_name = "DATA")]
    data: Option<PathBuf>,
    /// The rows of DATA to go between or around, counted from 0: 3,17 [default:
    /// chosen by the seed]
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    rows: Vec<usize>,
    /// Samples to generate
    #[arg(short = 'n', long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Seed of all that is random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Where to write the samples, one a row: .npy or .csv
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    /// Where to draw them, in a square
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Data")]
    options: DataOptions,
}

/// Where codes come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Prior,
    Mixture { components: usize },
    Around { noise: f32 },
    Interpolate { steps: usize },
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let number = |least: usize| value?.parse().ok().filter(|&number| number >= least);
        let origin = match (name, value) {
            ("prior", None) => Some(Origin::Prior),
            ("gaussian", None) => Some(Origin::Mixture { components: 1 }),
            ("mixture", _) => number(1).map(|components| Origin::Mixture { components }),
            ("interpolate", _) => number(2).map(|steps| Origin::Interpolate { steps }),
            ("around", Some(noise)) => match noise.parse() {
                Ok(noise) if (0.0..f32::INFINITY).contains(&noise) => {
                    Some(Origin::Around { noise })
                }
                _ => None,
            },
            _ => None,
        };
        origin.ok_or_else(|| {
            "expected prior, gaussian, mixture:10, around:0.5 or interpolate:8".to_owned()
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Prior => f.write_str("prior"),
            Origin::Mixture { components: 1 } => f.write_str("gaussian"),
            Origin::Mixture { components } => write!(f, "mixture:{components}"),
            Origin::Around { noise } => write!(f, "around:{noise}"),
            Origin::Interpolate { steps } => write!(f, "interpolate:{steps}"),
        }
    }
}

impl Generate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let count = self.count as usize;
        let origin = match (self.from, model.architecture().is_variational()) {
            (Some(origin), _) => origin,
            (None, true) => Origin::Prior,
            (None, false) => Origin::Mixture { components: 1 },
        };
        let made_of_some = matches!(origin, Origin::Around { .. } | Origin::Interpolate { .. });
        if (self.data.is_some() && origin == Origin::Prior)
            || (!self.rows.is_empty() && !made_of_some)
        {
            return Err(Failure::Message(format!(
                "--from {origin} takes no {}",
                if made_of_some || self.rows.is_empty() {
                    "--data"
                } else {
                    "--rows"
                }
            )));
        }
        // Room for the samples, before any work is done in vain.
        let room = Mat::<f32>::try_zeros(count, model.architecture().input());
        drop(room.map_err(crate::Error::from)?);
        let (samples, columns) = match origin {
            Origin::Prior => (model.sample(count, self.seed)?, square(count)),
            _ => {
                let (codes, columns) = self.codes(&model, origin, count)?;
                (model.decode(&codes)?, columns)
            }
        };
        if let Some(png) = &self.png {
            draw_rows(png, &model, &samples, columns)?;
        }
        Ok(self.output.write(&samples, &[])?)
    }

    /// New codes made of those of samples, and how many stand in a row of a
    /// picture.
    fn codes(
        &self,
        model: &Autoencoder,
        origin: Origin,
        count: usize,
    ) -> Result<(Mat<f32>, usize), Failure> {
        let known = model.encode(&self.options.load(self.data.as_deref(), &self.model)?)?;
        let (mut codes, columns) = match origin {
            Origin::Interpolate { steps } => {
                let rows = self.choose(known.rows(), 2 * count.div_ceil(steps))?;
                let end = |end: usize| pick(&known, rows.len() / 2, |i| rows[2 * i + end]);
                let way = interpolate(&end(0)?, &end(1)?, steps)?;
                (pick(&way, count, |i| i)?, steps)
            }
            Origin::Around { noise } => {
                let columns = square(count);
                let rows = self.choose(known.rows(), count.div_ceil(columns))?;
                let origins = pick(&known, count, |i| rows[i / columns])?;
                let deviations = standard_deviations(&known)?;
                let deviations: Vec<f32> = deviations.iter().map(|d| noise * d).collect();
                let mut codes = around(&origins, &deviations, self.seed)?;
                for first in (0..count).step_by(columns) {
                    codes.row_mut(first).copy_from_slice(origins.row(first));
                }
                (codes, columns)
            }
            Origin::Mixture { components } => {
                let options = MixtureOptions {
                    components,
                    seed: self.seed,
                    ..MixtureOptions::default()
                };
                let mixture = GaussianMixture::fit(&known, &options)?;
                (mixture.sample(count, self.seed)?, square(count))
            }
            Origin::Prior => (Mat::default(), 1),
        };
        clamp_to_range(&mut codes, &known)?;
        Ok((codes, columns))
    }

    /// The rows of samples to begin with: those asked for, over and over, or
    /// random ones.
    fn choose(&self, samples: usize, count: usize) -> Result<Vec<usize>, Failure> {
        if let Some(&row) = self.rows.iter().find(|&&row| row >= samples) {
            return Err(crate::Error::RowOutOfRange { row, rows: samples }.into());
        }
        let mut rows = Vec::new();
        if rows.try_reserve_exact(count).is_err() {
            let message = format!("{count} rows to begin with do not fit in memory");
            return Err(Failure::Message(message));
        }
        let mut generator = Generator::new(self.seed, Purpose::Choice);
        match self.rows.len() {
            0 => rows.extend((0..count).map(|_| generator.below(samples))),
            given => rows.extend((0..count).map(|i| self.rows[i % given])),
        }
        Ok(rows)
    }
}

/// So many rows of a matrix: `row(i)` as row i.
fn pick(mat: &Mat<f32>, count: usize, row: impl Fn(usize) -> usize) -> Result<Mat<f32>> {
    let mut picked = Mat::try_zeros(count, mat.cols())?;
    for i in 0..count {
        picked.row_mut(i).copy_from_slice(mat.row(row(i)));
    }
    Ok(picked)
}

/// Columns of a square picture.
fn square(count: usize) -> usize {
    let root = count.isqrt();
    root + usize::from(root * root < count)
}

/// Draws samples in a square.
pub(crate) fn draw(path: &Path, model: &Autoencoder, samples: &Mat<f32>) -> Result<()> {
    draw_rows(path, model, samples, square(samples.rows()))
}

fn draw_rows(path: &Path, model: &Autoencoder, samples: &Mat<f32>, columns: usize) -> Result<()> {
    let shape = model.architecture().sample_shape();
    let layout = TileLayout::new(samples.cols(), Some(shape)).scaled(2);
    write_grid(path, samples.as_ref(), columns, layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_the_help_says() {
        for text in [
            "prior",
            "gaussian",
            "mixture:10",
            "around:0.5",
            "interpolate:8",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "priors",
            "prior:1",
            "mixture",
            "mixture:0",
            "gaussian:2",
            "around",
            "around:-1",
            "around:inf",
            "around:nan",
            "interpolate:1",
            "interpolate",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
