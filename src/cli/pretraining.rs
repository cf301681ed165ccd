//! Layer-wise pre-training: `--pretrain`.

use autoencoder_kernels::{Parallelism, parallel};

use super::console::{Failure, print};
use super::interrupt::Interrupt;
use super::note::{Note, Pretraining};
use super::run_directory::RunDirectory;
use super::watch::{Bar, StageLines, table};
use crate::data::Dataset;
use crate::model::{Callback, FitOptions, Trainer};

/// Trains the layers that are left one after another, tells how it went and
/// saves each. If somebody wants the end, what is saved goes on with the layer that
/// was not done.
pub(crate) fn pretrain<'a>(
    mut trainer: Trainer<'a>,
    data: &'a Dataset,
    options: &'a FitOptions,
    note: &mut Note,
    directory: &mut RunDirectory,
    json: bool,
    interrupt: &Interrupt,
) -> Result<Trainer<'a>, Failure> {
    let Some(Pretraining { epochs, layers }) = note.pretraining else {
        return Ok(trainer);
    };
    let of_stages = FitOptions {
        epochs,
        ..options.clone()
    };
    let stages = trainer.model().stages()?;
    if layers < stages {
        directory.save(&trainer, &note.text()?)?;
    }
    for number in layers..stages {
        let mut model = trainer.model().clone();
        let mut stage = |callback: &mut dyn Callback| {
            let mut callback = interrupt.over(callback);
            parallel::in_pool(Parallelism::Pool, || {
                model.pretrain_stage(number, data, &of_stages, &mut callback)
            })
        };
        let history = if json {
            let mut lines = StageLines::new(number);
            let history = stage(&mut lines)?;
            lines.end()?;
            history
        } else {
            stage(&mut Bar::new(epochs, data.len()))?
        };
        if interrupt.is_asked() {
            return Ok(trainer);
        }
        directory.save_pretraining(number, &history)?;
        note.pretraining = Some(Pretraining {
            epochs,
            layers: number + 1,
        });
        trainer = Trainer::new(&model, data, options)?;
        // Before a word of it: nobody may be there to read that.
        directory.save(&trainer, &note.text()?)?;
        if !json {
            let placed = &model.architecture().layers()[number];
            let (inputs, outputs) = (placed.input, placed.output);
            print(format_args!("layer {number} alone, {inputs} → {outputs}"))?;
            print(table(&history))?;
        }
    }
    if layers < stages && !json {
        print("all layers")?;
    }
    Ok(trainer)
}
