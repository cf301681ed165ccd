//! The folder that a run leaves behind.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use autoencoder::data::Dataset;
use autoencoder::file::write_atomically;
use autoencoder::model::History;
use autoencoder::plot::write_loss_svg;
use autoencoder::{Autoencoder, Result};

use super::console::Failure;
use super::generate;
use super::reconstruct::draw;

/// A folder that is ready to be written to. Dropped while it is empty, it
/// vanishes if it was made for this run.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    remove: bool,
}

impl RunDirectory {
    /// Makes the folder, or takes an empty one; with `force` one that is not
    /// empty, too.
    pub(crate) fn prepare(path: &Path, force: bool) -> Result<Self, Failure> {
        let remove = match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() && !force {
                    return Err(Failure::Message(format!(
                        "{} holds files already; choose another folder with --out DIR, \
                         or overwrite that run with --force",
                        path.display()
                    )));
                }
                false
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path).map_err(|error| failed("create", path, error))?;
                true
            }
            Err(error) => return Err(failed("use", path, error)),
        };
        let directory = RunDirectory {
            path: path.to_owned(),
            remove,
        };
        // Now, not after hours of training.
        let probe = path.join(format!(".writable-{}", std::process::id()));
        fs::File::create_new(&probe)
            .and_then(|_| fs::remove_file(&probe))
            .map_err(|error| failed("write to", path, error))?;
        Ok(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the files of a run. The model comes first and stays even if a
    /// picture cannot be drawn: it is what all the time went into.
    pub(crate) fn fill(
        mut self,
        model: &Autoencoder,
        history: &History,
        pictured: &Dataset,
    ) -> Result<()> {
        model.save(self.path.join("model.safetensors"))?;
        self.remove = false;
        write_history(&self.path.join("history.csv"), history)?;
        let losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.loss).collect();
        let val_losses = history.epochs.iter().filter_map(|epoch| epoch.val_loss);
        let val_losses: Vec<f64> = val_losses.collect();
        write_loss_svg(self.path.join("loss.svg"), &losses, &val_losses)?;
        if model.architecture().is_variational() {
            let samples = model.sample(64, 0)?;
            generate::draw(&self.path.join("samples.png"), model, &samples)?;
        }
        draw(&self.path.join("reconstructions.png"), model, pictured)
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if self.remove {
            // It is empty. If not, somebody else put something there.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn failed(what: &str, path: &Path, error: io::Error) -> Failure {
    Failure::Message(format!(
        "cannot {what} the folder {}: {error}",
        path.display()
    ))
}

fn write_history(path: &Path, history: &History) -> Result<()> {
    write_atomically(path, |file: &mut dyn Write| {
        let mut csv = csv::Writer::from_writer(file);
        // Epochs of one run have the same columns.
        if let Some(first) = history.epochs.first() {
            let names = first.columns().map(|(name, _)| name);
            csv.write_record(["epoch"].into_iter().chain(names))?;
        }
        for epoch in &history.epochs {
            let number = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:?}"));
            let values = epoch.columns().map(|(_, value)| number(value));
            csv.write_record([epoch.epoch.to_string()].into_iter().chain(values))?;
        }
        csv.flush()
    })
}
