//! `autoencoder compress`: samples as short codes, in a file with its decoder.

use std::path::PathBuf;

use clap::Args;

use super::console::{Failure, print, print_json};
use super::samples::SampleOptions;
use crate::Autoencoder;
use crate::compress::{Compressed, Precision, Report};

#[derive(Args)]
pub(crate) struct Compress {
    /// The model: a .safetensors file that `train` wrote
    #[arg(long, value_name = "MODEL")]
    model: PathBuf,
    /// Where to write the compressed samples
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// As what numbers to keep the codes: u8, f16 or f32
    #[arg(long, value_name = "NAME", default_value_t = Precision::U8)]
    codes: Precision,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    samples: SampleOptions,
}

impl Compress {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let data = self.samples.load(&self.model)?;
        let compressed = Compressed::new(&model, &data, self.codes)?;
        let report = Report::new(&compressed, &model, &data)?;
        compressed.save(&self.output)?;
        if self.json {
            return print_json(&report);
        }
        let row = |name: &str, bytes: f64| {
            let ratio = report.raw_per_sample / bytes;
            format!("{name:<22} {bytes:>10.2} {ratio:>8.2}\n")
        };
        let mut table = row("raw", report.raw_per_sample);
        table += &row("gzip, lossless", report.gzip_per_sample);
        if let Some(png) = report.png_per_sample {
            table += &row("PNG files, lossless", png);
        }
        table += &row("with the decoder", report.bytes_per_sample);
        table += &row("without the decoder", report.codes_per_sample);
        print(format_args!(
            "{:<22} {:>10} {:>8}\n{table}\
             psnr {:.2} dB, {:.2} dB before the codes were rounded to {}\n\
             {} samples in {} bytes, {} of them the decoder",
            "",
            "bytes each",
            "ratio",
            report.psnr,
            report.psnr_unrounded,
            self.codes,
            report.samples,
            report.file,
            report.decoder,
        ))
    }
}
