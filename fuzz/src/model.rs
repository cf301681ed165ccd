//! Model files.

use autoencoder::{Autoencoder, Mat};

use super::message::check_format;

/// Bytes as a model file:
///
/// - they are a model or an `Error::Format` of one line, never a panic;
/// - a model that was read has no more numbers than the file has room for, runs,
///   and when it is written and read again is the same, bit for bit.
pub fn check_model_file(data: &[u8]) {
    let model = match Autoencoder::from_safetensors(data) {
        Ok(model) => model,
        Err(error) => return check_format(&error),
    };
    let architecture = model.architecture();
    assert!(4 * architecture.parameter_count() <= data.len());
    let written = model.to_safetensors().expect("a model that was read");
    let again = Autoencoder::from_safetensors(&written).expect("a file that was written");
    assert_eq!(again.architecture(), architecture);
    assert_eq!(again.seed(), model.seed());
    assert_eq!(again.training(), model.training());
    assert_eq!(bits(&again), bits(&model));
    assert_eq!(again.to_safetensors().expect("the same model"), written);

    let _ = model.summary().to_string();
    let sample = Mat::zeros(2, architecture.input());
    let output = model.reconstruct(&sample).expect("a sample that fits");
    assert_eq!(output.shape(), sample.shape());
}

fn bits(model: &Autoencoder) -> Vec<u32> {
    let numbers = model.parameters().flat_map(|(_, mat)| mat.as_slice());
    numbers.map(|x| x.to_bits()).collect()
}
