//! The folder of a run: one process at a time, nothing overwritten unless asked
//! for, every file whole.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::console::Failure;
use super::data_options::VOCABULARY;
use super::pictures;
use crate::Result;
use crate::data::{Dataset, Origin};
use crate::file::write_atomically;
use crate::model::{Checkpoint, History, Trainer};
use crate::plot::write_loss_svg;

/// Whoever writes to the folder holds a lock on this file.
const LOCK: &str = ".lock";
const CHECKPOINT: &str = "checkpoint.safetensors";
const MODEL: &str = "model.safetensors";
const BEST: &str = "best.safetensors";
const HISTORY: &str = "history.csv";
/// Of the layers one after another, before those of the whole.
const PRETRAINING: &str = "pretraining.csv";
const LOSS: &str = "loss.svg";

/// A folder that this process alone writes to. Dropped before anything was
/// written, it leaves everything as it was.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    /// Held until the end of the run.
    _lock: File,
    made_folder: bool,
    made_lock: bool,
    written: bool,
    /// The last epoch in the checkpoint.
    saved: Option<u32>,
}

impl RunDirectory {
    /// Makes the folder, or takes an empty one; with `force` one that is not
    /// empty, too.
    pub(crate) fn prepare(path: &Path, force: bool) -> Result<Self, Failure> {
        let made_folder = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path).map_err(|error| failed("create", path, error))?;
                true
            }
            _ => false,
        };
        let directory = Self::take(path, made_folder)?;
        // Now that nobody else writes to it.
        let entries = fs::read_dir(path).map_err(|error| failed("use", path, error))?;
        let ours = |name: &OsStr| name == LOCK || is_leftover(name);
        let mut others = entries.flatten().filter(|e| !ours(&e.file_name()));
        if others.next().is_some() && !force {
            return Err(Failure::Message(format!(
                "{} holds files already; choose another folder with --out DIR, \
                 go on with that run with --resume DIR, or overwrite it with --force",
                path.display()
            )));
        }
        directory.remove_leftovers();
        Ok(directory)
    }

    /// Takes the folder of a run that is to go on, and reads its checkpoint.
    pub(crate) fn resume(path: &Path) -> Result<(Self, Checkpoint), Failure> {
        let checkpoint = path.join(CHECKPOINT);
        let exists = checkpoint.try_exists();
        if !exists.map_err(|error| failed("read", path, error))? {
            return Err(Failure::Message(format!(
                "{} holds no checkpoint.safetensors, so there is no run to go on with",
                path.display()
            )));
        }
        let mut directory = Self::take(path, false)?;
        let checkpoint = Checkpoint::load(checkpoint)?;
        directory.remove_leftovers();
        directory.saved = checkpoint.epochs().last().map(|epoch| epoch.epoch);
        Ok((directory, checkpoint))
    }

    fn take(path: &Path, made_folder: bool) -> Result<Self, Failure> {
        let made_lock = !path.join(LOCK).exists();
        Ok(RunDirectory {
            path: path.to_owned(),
            // Also finds out whether the folder can be written to: now, not after
            // hours of training.
            _lock: lock(path)?,
            made_folder,
            made_lock,
            written: false,
            saved: None,
        })
    }

    fn remove_leftovers(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if is_leftover(&entry.file_name()) {
                // If it stays, it does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The last epoch that the folder's checkpoint has; `None` before the first.
    pub(crate) fn saved(&self) -> Option<u32> {
        self.saved
    }

    /// Writes the checkpoint, the last and the best model, and the history. The
    /// checkpoint holds all of it and comes first. Before the first epoch there
    /// is no best model and no history; those of an earlier run go.
    pub(crate) fn save(&mut self, trainer: &Trainer<'_>, note: &str) -> Result<()> {
        trainer.save(self.path.join(CHECKPOINT), note)?;
        self.written = true;
        self.saved = trainer.history().epochs.last().map(|epoch| epoch.epoch);
        trainer.model().save(self.path.join(MODEL))?;
        let (best, history) = (self.path.join(BEST), self.path.join(HISTORY));
        match trainer.best() {
            Some(model) => {
                model.save(best)?;
                write_history(&history, trainer.history())?;
            }
            None => {
                let _ = fs::remove_file(best);
                let _ = fs::remove_file(history);
            }
        }
        Ok(())
    }

    /// Writes the history of a layer trained alone beside those of the layers
    /// before it: as that of a run, with the layer's number in front.
    pub(crate) fn save_pretraining(&self, layer: usize, history: &History) -> Result<()> {
        let path = self.path.join(PRETRAINING);
        let mut rows = records(history);
        for (i, row) in rows.iter_mut().enumerate() {
            let layer = if i == 0 {
                "layer".into()
            } else {
                layer.to_string()
            };
            row.insert(0, layer);
        }
        if layer > 0
            && let Some(old) = read_records(&path)
        {
            let of = |row: &[String]| row[0].parse::<usize>();
            let before = old.into_iter().skip(1);
            let before = before.filter(|row| of(row).is_ok_and(|of| of < layer));
            rows.splice(1..1, before);
        }
        write_records(&path, rows)
    }

    /// Removes what an earlier run may have left of that.
    pub(crate) fn remove_pretraining(&self) {
        let _ = fs::remove_file(self.path.join(PRETRAINING));
    }

    /// Draws the loss and what else fits the model, and writes down the tokens of
    /// text. What an earlier run left and does not fit goes.
    pub(crate) fn draw(&self, trainer: &Trainer<'_>, pictured: &Dataset) -> Result<()> {
        let epochs = &trainer.history().epochs;
        let losses: Vec<f64> = epochs.iter().map(|epoch| epoch.loss).collect();
        let val_losses: Vec<f64> = epochs.iter().filter_map(|epoch| epoch.val_loss).collect();
        write_loss_svg(self.path.join(LOSS), &losses, &val_losses)?;
        let vocabulary = self.path.join(VOCABULARY);
        match pictured.origin() {
            Some(Origin::Text(tokens)) => tokens.save(vocabulary)?,
            _ => drop(fs::remove_file(vocabulary)),
        }
        for picture in pictures::ALL {
            let path = self.path.join(picture.name);
            if !(picture.draw)(&path, trainer.model(), pictured)? {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if self.written {
            return;
        }
        if self.made_lock || self.made_folder {
            let _ = fs::remove_file(self.path.join(LOCK));
        }
        if self.made_folder {
            // It is empty. If not, somebody else put something there.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Whether this is a file that a process left half-written when it was killed.
fn is_leftover(name: &OsStr) -> bool {
    let names = [
        CHECKPOINT,
        MODEL,
        BEST,
        HISTORY,
        PRETRAINING,
        LOSS,
        VOCABULARY,
    ];
    let mut names = names.into_iter().chain(pictures::ALL.map(|p| p.name));
    let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".tmp")) else {
        return false;
    };
    names.any(|whole| name.starts_with(&format!(".{whole}.")))
}

/// The lock of the folder, unless another process has it.
fn lock(path: &Path) -> Result<File, Failure> {
    let name = path.join(LOCK);
    loop {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(|error| failed("write to", path, error))?;
        match file.try_lock() {
            // A process that had nothing to write has removed it meanwhile, and
            // the next one locks another file.
            Ok(()) if !is_same(&file, &name) => {}
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Message(format!(
                    "another process is training in {}; wait for its end, or choose another \
                     folder with --out DIR",
                    path.display()
                )));
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                return Ok(file);
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", path, error)),
        }
    }
}

/// Whether an open file still has this name.
#[cfg(unix)]
fn is_same(file: &File, name: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(name)) {
        (Ok(open), Ok(named)) => id(open) == id(named),
        _ => false,
    }
}

/// An open file cannot be removed.
#[cfg(not(unix))]
fn is_same(_: &File, _: &Path) -> bool {
    true
}

fn failed(what: &str, path: &Path, error: io::Error) -> Failure {
    Failure::Message(format!(
        "cannot {what} the folder {}: {error}",
        path.display()
    ))
}

fn write_history(path: &Path, history: &History) -> Result<()> {
    write_records(path, records(history))
}

/// The epochs of one run, which have the same columns, under their names.
fn records(history: &History) -> Vec<Vec<String>> {
    let names = history.epochs.first().map(|first| {
        let names = first.columns().map(|(name, _)| name.to_owned());
        ["epoch".to_owned()].into_iter().chain(names).collect()
    });
    let numbers = history.epochs.iter().map(|epoch| {
        let number = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:?}"));
        let values = epoch.columns().map(|(_, value)| number(value));
        [epoch.epoch.to_string()]
            .into_iter()
            .chain(values)
            .collect()
    });
    names.into_iter().chain(numbers).collect()
}

fn write_records(path: &Path, records: Vec<Vec<String>>) -> Result<()> {
    write_atomically(path, |file: &mut dyn Write| {
        let mut lines = records.iter().map(|record| record.join(","));
        lines.try_for_each(|line| writeln!(file, "{line}"))
    })
}

/// The records of a file that this program wrote, the first of them names: names and
/// numbers, which have no commas.
pub(crate) fn read_records(path: &Path) -> Option<Vec<Vec<String>>> {
    let text = fs::read_to_string(path).ok()?;
    let records = text
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect());
    Some(records.collect())
}
