//! Layer-wise pre-training: `--pretrain`.

use autoencoder::Autoencoder;
use autoencoder::data::Dataset;
use autoencoder::model::FitOptions;

use super::console::{Failure, print};
use super::interrupt::Interrupt;
use super::watch::{Bar, StageLines, table};

/// Trains the layers one after another, for so many epochs each, and tells how
/// it went.
pub(crate) fn pretrain(
    model: &mut Autoencoder,
    data: &Dataset,
    options: &FitOptions,
    epochs: u32,
    json: bool,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let options = FitOptions {
        epochs,
        ..options.clone()
    };
    if json {
        let mut lines = StageLines::default();
        model.pretrain_with(data, &options, &mut interrupt.over(&mut lines))?;
        lines.end()?;
        return check(interrupt);
    }
    let mut bar = Bar::new(epochs, data.len());
    let histories = model.pretrain_with(data, &options, &mut interrupt.over(&mut bar))?;
    drop(bar);
    check(interrupt)?;
    let layers = model.architecture().encoder();
    for (number, (history, layer)) in histories.iter().zip(layers).enumerate() {
        let (inputs, outputs) = (layer.inputs, layer.outputs);
        print(format_args!("layer {number} alone, {inputs} → {outputs}"))?;
        print(table(history))?;
    }
    print("all layers")
}

/// Fails if somebody wants the end: there is nothing yet that a run could go on
/// from.
fn check(interrupt: &Interrupt) -> Result<(), Failure> {
    match interrupt.is_asked() {
        true => Err(Failure::Message(
            "interrupted in the middle of --pretrain; nothing was saved".into(),
        )),
        false => Ok(()),
    }
}
