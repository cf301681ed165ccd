//! Trains 784-32-784 on the digits inside the crate and says how well it does:
//!
//! ```sh
//! cargo run --release --example train_digits
//! ```

use std::ops::ControlFlow;

use autoencoder::model::{Autoencoder, Callback, Epoch, FitOptions};
use autoencoder::plot::{TileLayout, write_reconstructions};

/// Prints a line per epoch.
struct Progress;

impl Callback for Progress {
    fn on_epoch(&mut self, epoch: &Epoch, _: &Autoencoder) -> ControlFlow<()> {
        let validation = epoch.val_loss.unwrap_or(f64::NAN);
        println!(
            "epoch {:2}  loss {:.4}  validation loss {validation:.4}",
            epoch.epoch, epoch.loss
        );
        ControlFlow::Continue(())
    }
}

fn main() -> autoencoder::Result<()> {
    let (train, validation) = autoencoder::data::digits_split();
    let mut model = Autoencoder::builder()
        .sample_shape([28, 28])
        .encoder([32])
        .build()?;
    let options = FitOptions {
        epochs: 10,
        validation: Some(validation.clone()),
        ..FitOptions::default()
    };
    model.fit_with(&train, &options, &mut Progress)?;

    let evaluation = model.evaluate(&validation)?;
    println!(
        "held-out digits: mean squared error {:.4} with 32 numbers for 784",
        evaluation.mean_squared_error
    );
    let folder = std::env::temp_dir();
    model.save(folder.join("digits.safetensors"))?;
    let originals = validation.slice(0..10)?.to_mat()?;
    let copies = model.reconstruct(&originals)?;
    let picture = folder.join("digits.png");
    let layout = TileLayout::new(784, Some(&[28, 28])).scaled(2);
    write_reconstructions(&picture, originals.as_ref(), copies.as_ref(), layout)?;
    println!("originals over reconstructions: {}", picture.display());
    Ok(())
}
