//! `autoencoder encode`: the codes of samples.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Failure;
use super::matrix_file::MatrixFile;
use super::samples::LabelledSampleOptions;
use crate::analysis::Pca;
use crate::plot::write_scatter_svg;
use crate::{Autoencoder, Mat, Result};

#[derive(Args)]
pub(crate) struct Encode {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// Where to write the codes, one a row: .npy or .csv
    #[arg(short, long, value_name = "FILE", value_parser = MatrixFile::parse)]
    output: MatrixFile,
    /// Where to draw the codes as points in the plane, in the colours of their
    /// labels; of codes of more than two numbers, the two principal components
    #[arg(long, value_name = "FILE.svg")]
    scatter: Option<PathBuf>,
    #[command(flatten)]
    samples: LabelledSampleOptions,
}

impl Encode {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = self.samples.load(&self.model)?;
        let codes = model.encode(&data)?;
        if let Some(path) = &self.scatter {
            scatter(path, &codes, data.labels())?;
        }
        Ok(self.output.write(&codes, &[])?)
    }
}

/// Draws codes in the plane.
fn scatter(path: &Path, codes: &Mat<f32>, labels: Option<&[u8]>) -> Result<()> {
    match codes.cols() {
        2 => write_scatter_svg(path, codes.as_ref(), labels, ["code 0", "code 1"]),
        // A line.
        1 => {
            let points = Mat::from_fn(
                codes.rows(),
                2,
                |i, j| if j == 0 { codes[(i, 0)] } else { 0.0 },
            );
            write_scatter_svg(path, points.as_ref(), labels, ["code 0", ""])
        }
        _ => {
            let points = Pca::fit(codes, 2)?.encode(codes)?;
            let axes = ["principal component 1", "principal component 2"];
            write_scatter_svg(path, points.as_ref(), labels, axes)
        }
    }
}
