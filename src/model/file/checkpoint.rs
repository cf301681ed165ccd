//! Checkpoint files: a training between two epochs, in one `.safetensors` file.
//!
//! | tensors | what |
//! |---|---|
//! | `model.encoder.0.weight`, … | the parameters, as in a model file |
//! | `optimizer.m.encoder.0.weight`, … | what the optimiser remembers of each, by the names of its formula |
//! | `best.encoder.0.weight`, … | the parameters of the best epoch |
//! | `history` | `[epochs, columns]` in f64; the JSON names the columns |
//!
//! The metadata key `checkpoint` holds all else as JSON. The random generator has
//! no state of its own: seed and epoch are all of it. Neither have schedules and
//! early stopping: theirs follows from the history.

use std::io;
use std::path::Path;

use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::container::{Container, Form, matrix_bytes, to_bytes};
use super::read::{architecture, forms};
use super::record::Record;
use crate::data::Fingerprint;
use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::model::architecture::Architecture;
use crate::model::autoencoder::Autoencoder;
use crate::model::checkpoint::Checkpoint;
use crate::model::fit::FitOptions;
use crate::model::history::{Epoch, Figure};
use crate::model::trainer::Trainer;
use crate::tape::Parameters;

const METADATA_KEY: &str = "checkpoint";
/// The only version of the JSON so far.
const FORMAT: u32 = 1;
const HISTORY: &str = "history";
/// In the place of a path.
const IN_MEMORY: &str = "checkpoint in memory";

/// The JSON of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Metadata {
    format: u32,
    model: Record,
    options: FitOptions,
    steps: u64,
    columns: Vec<String>,
    data: Fingerprint,
    validation: Option<Fingerprint>,
    note: String,
}

impl Trainer<'_> {
    /// Writes a checkpoint: all that is needed to go on after the last whole
    /// epoch, for [`Checkpoint::load`]. `note` is for the caller, who gets it
    /// back with the checkpoint.
    ///
    /// The file is written whole or not at all: a crash at any moment leaves
    /// the old or the new one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>, note: &str) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.serialize(note);
        let bytes = bytes.map_err(|error| Error::io("write", path, error))?;
        write_atomically(path, |writer| writer.write_all(&bytes))
    }

    /// [`save`](Self::save) to memory, for [`Checkpoint::from_safetensors`].
    ///
    /// # Errors
    /// [`Error::Io`], which does not happen in practice.
    pub fn to_safetensors(&self, note: &str) -> Result<Vec<u8>> {
        let path = Path::new(IN_MEMORY);
        let bytes = self.serialize(note);
        bytes.map_err(|error| Error::io("write", path, error))
    }

    fn serialize(&self, note: &str) -> io::Result<Vec<u8>> {
        let model = self.model();
        let epochs = &self.history().epochs;
        let (data, validation) = self.fingerprints();
        let metadata = Metadata {
            format: FORMAT,
            model: Record::new(model.architecture(), model.seed(), model.training()),
            options: self.options.clone(),
            steps: self.steps,
            columns: epochs.first().map(columns).unwrap_or_default(),
            data,
            validation,
            note: note.to_owned(),
        };
        let mut tensors = Vec::new();
        let mut add = |prefix: &str, mats: &[Vec<u8>]| {
            let forms = forms(prefix, model.architecture()).into_iter();
            tensors.extend(forms.zip(mats.iter().cloned()));
        };
        let values = model.values();
        let bytes = |values: &Parameters| -> Vec<Vec<u8>> {
            model
                .graph()
                .tape
                .parameters()
                .map(|p| matrix_bytes(values.get(p)))
                .collect()
        };
        add("model.", &bytes(values));
        if let Some((_, best)) = &self.best {
            add("best.", &bytes(best));
        }
        if self.steps > 0 {
            for (slot, name) in self.options.optimizer.state_names().iter().enumerate() {
                let states = model.graph().tape.parameters().map(|p| values.state(p));
                let states = states
                    .flatten()
                    .map(|state| matrix_bytes(&state.slots()[slot]));
                add(&format!("optimizer.{name}."), &states.collect::<Vec<_>>());
            }
        }
        if !epochs.is_empty() {
            let numbers = epochs.iter().flat_map(|epoch| {
                let present = epoch.columns().filter_map(|(_, value)| value);
                present.flat_map(f64::to_le_bytes)
            });
            let form = history_form(epochs.len(), metadata.columns.len());
            tensors.push((form, numbers.collect()));
        }
        to_bytes(&tensors, METADATA_KEY, serde_json::to_string(&metadata)?)
    }
}

impl Checkpoint {
    /// Reads what [`Trainer::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] for a file that is malformed, cut off,
    /// no checkpoint, or contradicts itself. No file makes this panic, or
    /// allocate more than a few times its own size.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        read(Container::open(path.as_ref())?)
    }

    /// [`load`](Self::load) for the bytes of a file in memory.
    ///
    /// # Errors
    /// [`Error::Format`], as [`load`](Self::load).
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        let (path, length) = (Path::new(IN_MEMORY), bytes.len() as u64);
        read(Container::new(path, Box::new(bytes), length)?)
    }
}

fn read(mut file: Container<'_>) -> Result<Checkpoint> {
    let metadata = read_metadata(&file)?;
    let architecture = architecture(&file, &metadata.model)?;
    let layout = Layout::new(&file, &metadata, &architecture)?;
    let order = file.check(&layout.forms)?;

    let mut model = Autoencoder::zeros(architecture, metadata.model.seed)?;
    let parameters: Vec<_> = model.graph().tape.parameters().collect();
    let mut best = model.values().clone();
    if metadata.steps > 0 {
        model.values_mut().prepare(metadata.options.optimizer)?;
    }
    let mut numbers = Vec::new();
    for index in order {
        let (part, parameter) = (index / parameters.len(), index % parameters.len());
        match layout.parts.get(part) {
            Some(Part::Model) => file.matrix(model.values_mut().get_mut(parameters[parameter]))?,
            Some(Part::Best) => file.matrix(best.get_mut(parameters[parameter]))?,
            Some(&Part::State(slot)) => {
                // `prepare` has made all of it.
                if let Some(state) = model.values_mut().state_mut(parameters[parameter]) {
                    file.matrix(state.slots_mut()[slot].as_mut())?;
                }
            }
            None => numbers = file.doubles(layout.epochs * metadata.columns.len())?,
        }
    }
    let epochs = numbers.chunks(metadata.columns.len().max(1)).zip(1..);
    let history: Vec<Epoch> = epochs
        .map(|(values, number)| epoch(number, &metadata.columns, values))
        .collect();
    model.set_training(metadata.model.training);
    Ok(Checkpoint {
        model,
        best: (!history.is_empty()).then_some(best),
        history,
        steps: metadata.steps,
        options: metadata.options,
        data: metadata.data,
        validation: metadata.validation,
        note: metadata.note,
    })
}

fn read_metadata(file: &Container<'_>) -> Result<Metadata> {
    let expected = "the state of a training as JSON under the metadata key `checkpoint`";
    let failed = |found: String| Error::format(file.path, found, expected);
    let json = file.text(METADATA_KEY);
    let json = json.ok_or_else(|| failed("no such metadata".into()))?;
    let describe = |error| failed(format!("metadata that are not understood: {error}"));

    /// The part of the JSON that tells whether the rest can be understood.
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let version: Version = serde_json::from_str(json).map_err(describe)?;
    if version.format != FORMAT {
        return Err(failed(format!("metadata of format {}", version.format)));
    }
    serde_json::from_str(json).map_err(describe)
}

/// Which tensors a checkpoint has: those of each part, then the history.
struct Layout {
    parts: Vec<Part>,
    forms: Vec<Form>,
    epochs: usize,
}

enum Part {
    Model,
    Best,
    /// A slot of the optimiser's state.
    State(usize),
}

impl Layout {
    fn new(file: &Container<'_>, metadata: &Metadata, architecture: &Architecture) -> Result<Self> {
        let epochs = file.shape(HISTORY).and_then(|shape| shape.first());
        let epochs = epochs.copied().unwrap_or(0);
        let batch_size = metadata
            .options
            .batch_size
            .clamp(1, metadata.data.samples().max(1));
        let steps_per_epoch = metadata.data.samples().div_ceil(batch_size) as u64;
        if steps_per_epoch.checked_mul(epochs as u64) != Some(metadata.steps) {
            return Err(Error::format(
                file.path,
                format_args!("{} steps and {epochs} epochs", metadata.steps),
                format_args!("{steps_per_epoch} steps an epoch"),
            ));
        }
        let mut layout = Layout {
            parts: vec![Part::Model],
            forms: forms("model.", architecture),
            epochs,
        };
        if epochs > 0 {
            layout.parts.push(Part::Best);
            layout.forms.extend(forms("best.", architecture));
            let names = metadata.options.optimizer.state_names();
            for (slot, name) in names.iter().enumerate() {
                let prefix = format!("optimizer.{name}.");
                layout.parts.push(Part::State(slot));
                layout.forms.extend(forms(&prefix, architecture));
            }
            let columns = metadata.columns.len();
            layout.forms.push(history_form(epochs, columns));
        }
        Ok(layout)
    }
}

fn history_form(epochs: usize, columns: usize) -> Form {
    Form {
        name: HISTORY.into(),
        dtype: Dtype::F64,
        shape: vec![epochs, columns],
    }
}

/// The names of the columns that hold a number.
fn columns(epoch: &Epoch) -> Vec<String> {
    let present = epoch.columns().filter(|(_, value)| value.is_some());
    present.map(|(name, _)| name.to_owned()).collect()
}

fn epoch(number: u32, columns: &[String], values: &[f64]) -> Epoch {
    let mut epoch = Epoch {
        epoch: number,
        ..Epoch::default()
    };
    for (column, &value) in columns.iter().zip(values) {
        match column.as_str() {
            "loss" => epoch.loss = value,
            "val_loss" => epoch.val_loss = Some(value),
            "seconds" => epoch.seconds = value,
            "samples_per_second" => epoch.samples_per_second = value,
            // The nearest one is the one that it was written from.
            "learning_rate" => epoch.learning_rate = value as f32,
            name => epoch.figures.push(Figure::new(name.to_owned(), value)),
        }
    }
    epoch
}
