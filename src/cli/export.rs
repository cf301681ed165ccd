//! `autoencoder export`: a model as ONNX, for other programs to run.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::console::Failure;
use crate::Autoencoder;
use crate::onnx::{self, Graph};

#[derive(Args)]
pub(crate) struct Export {
    /// The model: a .safetensors file that `train` wrote
    model: PathBuf,
    /// A file that ends with .onnx; or a folder, for encoder.onnx, decoder.onnx and
    /// whole.onnx
    #[arg(short, long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// What to write: encoder, decoder or whole [default: whole; all of them to a
    /// folder]
    #[arg(long, value_name = "PART")]
    part: Option<Graph>,
}

impl Export {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let model = Autoencoder::load(&self.model)?;
        let ending = self.output.extension().and_then(OsStr::to_str);
        if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) {
            return Ok(onnx::save(
                &self.output,
                &model,
                self.part.unwrap_or(Graph::Whole),
            )?);
        }
        let folder = &self.output;
        fs::create_dir_all(folder).map_err(|error| {
            Failure::Message(format!("cannot create {}: {error}", folder.display()))
        })?;
        let all = Graph::ALL.into_iter();
        for graph in all.filter(|&graph| self.part.is_none_or(|part| part == graph)) {
            onnx::save(folder.join(format!("{}.onnx", graph.name())), &model, graph)?;
        }
        Ok(())
    }
}
