//! Trains on the digits 1 to 9 and finds the zeros, which it has never seen, by their
//! reconstruction error:
//!
//! ```sh
//! cargo run --release --example find_anomalies
//! ```

use autoencoder::analysis::{Detection, roc_auc, threshold};
use autoencoder::data::Dataset;
use autoencoder::model::{Autoencoder, FitOptions};

/// Whether each sample is what the model must not know.
fn zeros(data: &Dataset) -> Vec<bool> {
    let labels = data.labels().unwrap_or_default();
    labels.iter().map(|&label| label == 0).collect()
}

fn main() -> autoencoder::Result<()> {
    let (train, test) = autoencoder::data::digits_split();
    let others: Vec<usize> = (0..train.len()).filter(|&i| !zeros(&train)[i]).collect();
    let train = train.select(&others)?;
    let mut model = Autoencoder::builder().input(784).encoder([32]).build()?;
    let options = FitOptions {
        epochs: 10,
        ..FitOptions::default()
    };
    model.fit(&train, &options)?;

    let scores = model.reconstruction_error(&test)?.loss;
    let anomalous = zeros(&test);
    println!(
        "area under the ROC curve: {:.3}",
        roc_auc(&scores, &anomalous)?
    );
    // One sample in ten is taken for an anomaly.
    let line = threshold(&scores, 0.1)?;
    let detection = Detection::new(&scores, &anomalous, line)?;
    println!(
        "above {line:.4}: {} of {} zeros, and {} other digits",
        detection.found,
        detection.found + detection.missed,
        detection.false_alarms
    );
    println!(
        "precision {:.2}, recall {:.2}",
        detection.precision(),
        detection.recall()
    );
    Ok(())
}
