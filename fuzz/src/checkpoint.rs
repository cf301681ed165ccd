//! Checkpoints of a training.

use autoencoder::Mat;
use autoencoder::data::Dataset;
use autoencoder::model::{Checkpoint, Trainer};

use super::message::{check_format, check_message};

/// Bytes as a checkpoint:
///
/// - they are one or an `Error::Format` of one line, never a panic;
/// - a checkpoint that was read has no more numbers than the file has room for, and
///   its model runs;
/// - a run that goes on from it (those of the corpus do, with [`samples`]) is the
///   same when it is written and read again, and trains an epoch or says why not.
pub fn check_checkpoint(data: &[u8]) {
    let checkpoint = match Checkpoint::from_safetensors(data) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return check_format(&error),
    };
    let model = checkpoint.model();
    assert!(4 * model.architecture().parameter_count() <= data.len());
    let sample = Mat::zeros(2, model.architecture().input());
    let output = model.reconstruct(&sample).expect("a sample that fits");
    assert_eq!(output.shape(), sample.shape());

    let (samples, options, note) = (
        samples(),
        checkpoint.options().clone(),
        checkpoint.note().to_owned(),
    );
    let mut trainer = match Trainer::resume(checkpoint, &samples, &options) {
        Ok(trainer) => trainer,
        Err(error) => return check_message(&error),
    };
    let written = trainer.to_safetensors(&note).expect("a run that goes on");
    let again = Checkpoint::from_safetensors(&written).expect("a file that was written");
    let again = Trainer::resume(again, &samples, &options).expect("the same run");
    assert_eq!(again.to_safetensors(&note).expect("the same run"), written);
    if let Err(error) = trainer.epoch(&mut ()) {
        check_message(&error);
    }
}

/// What the runs of the corpus were trained on: four samples of three numbers.
fn samples() -> Dataset {
    let numbers = (0..12).map(|i| i as f32 / 12.0).collect();
    Dataset::from_f32(4, 3, numbers).expect("twelve numbers")
}
