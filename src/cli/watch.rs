//! What is seen of training while it goes on: a bar for people, lines of JSON
//! for programs; and the table at the end.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::console::{Failure, print_json};
use crate::Autoencoder;
use crate::model::{Callback, Epoch, History, Progress};

/// Rows of the table at the end, at most, besides the last and the best epoch.
const ROWS: u32 = 12;

/// How often the bar changes: a step may take microseconds, and a message costs
/// some of its own.
const PERIOD: Duration = Duration::from_millis(50);

/// A progress bar on stderr, which hides itself where that is no terminal.
pub(crate) struct Bar {
    bar: ProgressBar,
    drawn: Option<Instant>,
    val_loss: Option<f64>,
}

impl Bar {
    pub(crate) fn new(epochs: u32, samples: usize) -> Self {
        let bar = ProgressBar::new(u64::from(epochs) * samples as u64);
        let style = ProgressStyle::with_template("{bar:30} {msg}  {elapsed} of {duration}");
        // A template that did not parse would still leave a bar.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Bar {
            bar,
            drawn: None,
            val_loss: None,
        }
    }
}

impl Callback for Bar {
    fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
        let recent = self.drawn.is_some_and(|drawn| drawn.elapsed() < PERIOD);
        if self.bar.is_hidden() || recent {
            return ControlFlow::Continue(());
        }
        self.drawn = Some(Instant::now());
        let before = u64::from(progress.epoch - 1) * progress.samples_per_epoch as u64;
        self.bar.set_position(before + progress.samples as u64);
        let mut message = format!(
            "epoch {}/{}  loss {:.4}",
            progress.epoch, progress.epochs, progress.loss
        );
        if let Some(val_loss) = self.val_loss {
            // Writing to a string cannot fail.
            let _ = write!(message, "  val_loss {val_loss:.4}");
        }
        let speed = progress.samples as f64 / progress.seconds;
        let _ = write!(message, "  {speed:.0} samples/s");
        self.bar.set_message(message);
        ControlFlow::Continue(())
    }

    fn on_epoch(&mut self, epoch: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        self.val_loss = epoch.val_loss;
        ControlFlow::Continue(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// One JSON object a line on stdout, for each epoch.
#[derive(Default)]
pub(crate) struct Lines {
    failure: Option<Failure>,
}

impl Lines {
    /// Fails if a line could not be printed, which ended training.
    pub(crate) fn end(self) -> Result<(), Failure> {
        self.failure.map_or(Ok(()), Err)
    }

    fn print(&mut self, line: &impl Serialize) -> ControlFlow<()> {
        match print_json(line) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

impl Callback for Lines {
    fn on_epoch(&mut self, epoch: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        self.print(epoch)
    }
}

/// One JSON object a line on stdout, for each epoch of a layer alone:
/// `{"layer":0,"epoch":1,…}`.
pub(crate) struct StageLines {
    layer: usize,
    lines: Lines,
}

#[derive(Serialize)]
struct StageEpoch<'a> {
    layer: usize,
    #[serde(flatten)]
    epoch: &'a Epoch,
}

impl StageLines {
    pub(crate) fn new(layer: usize) -> Self {
        StageLines {
            layer,
            lines: Lines::default(),
        }
    }

    /// Fails if a line could not be printed, which ended training.
    pub(crate) fn end(self) -> Result<(), Failure> {
        self.lines.end()
    }
}

impl Callback for StageLines {
    fn on_epoch(&mut self, epoch: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        let layer = self.layer;
        self.lines.print(&StageEpoch { layer, epoch })
    }
}

/// A table of the epochs; of many, some, with the best and the last.
pub(crate) fn table(history: &History) -> String {
    let mut table = format!(
        "{:>5}  {:>9}  {:>9}  {:>8}  {:>10}",
        "epoch", "loss", "val_loss", "seconds", "samples/s"
    );
    let more = more_columns(history);
    for name in &more {
        // Writing to a string cannot fail.
        let _ = write!(table, "  {name:>9}");
    }
    let count = history.epochs.len() as u32;
    let stride = count.div_ceil(ROWS).max(1);
    let best = history.best().map(|epoch| epoch.epoch);
    for epoch in &history.epochs {
        let number = epoch.epoch;
        let is_best = best == Some(number);
        if number != 1 && number != count && !number.is_multiple_of(stride) && !is_best {
            continue;
        }
        let val_loss = epoch.val_loss.map(|loss| format!("{loss:.6}"));
        let _ = write!(
            table,
            "\n{number:>5}  {:>9.6}  {:>9}  {:>8.3}  {:>10.0}",
            epoch.loss,
            val_loss.as_deref().unwrap_or("-"),
            epoch.seconds,
            epoch.samples_per_second,
        );
        for name in &more {
            let (width, value) = (name.len().max(9), value(epoch, name));
            let _ = write!(table, "  {:>width$}", value);
        }
        if is_best {
            table.push_str("  best");
        }
    }
    table
}

/// The columns that not every run has: the learning rate where it changes, and
/// whatever else there is.
fn more_columns(history: &History) -> Vec<&str> {
    let Some(first) = history.epochs.first() else {
        return Vec::new();
    };
    let changes = |epoch: &Epoch| epoch.learning_rate != first.learning_rate;
    let rate = history.epochs.iter().any(changes);
    let rate = rate.then_some("learning_rate");
    let figures = first.figures.iter().map(|figure| &*figure.name);
    rate.into_iter().chain(figures).collect()
}

fn value(epoch: &Epoch, name: &str) -> String {
    let mut columns = epoch.columns();
    match columns.find(|(column, _)| *column == name) {
        Some((_, Some(value))) if value != 0.0 && value.abs() < 1e-3 => format!("{value:.3e}"),
        Some((_, Some(value))) => format!("{value:.6}"),
        _ => "-".into(),
    }
}
