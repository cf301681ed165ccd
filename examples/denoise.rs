//! Trains a denoising autoencoder and measures how well it mends digits that it has
//! never seen:
//!
//! ```sh
//! cargo run --release --example denoise
//! ```

use autoencoder::Noise;
use autoencoder::model::{Autoencoder, FitOptions, Samples};

fn main() -> autoencoder::Result<()> {
    let noise: Noise = "gaussian:0.5".parse()?;
    let (train, test) = autoencoder::data::digits_split();
    // As wide as this the code need not leave much out: the noise keeps the model from
    // learning to copy.
    let mut model = Autoencoder::builder().input(784).encoder([256]).build()?;
    let options = FitOptions {
        epochs: 5,
        noise: Some(noise),
        ..FitOptions::default()
    };
    model.fit(&train, &options)?;

    let report = model.evaluate_denoising(&test, noise, 0)?;
    println!(
        "peak signal-to-noise ratio of {} digits: {:.1} dB with noise, {:.1} dB mended",
        report.samples, report.noisy_psnr, report.psnr
    );

    let one = test.slice(0..1)?;
    let noisy = Samples::from(&one).corrupted(noise, 0)?;
    let mended = model.reconstruct(&noisy)?;
    for row in (0..28).step_by(2) {
        let line = |pixels: &[f32]| -> String {
            let ink = |pixel: &f32| " .:-=+*#%@".chars().nth((pixel * 9.99) as usize);
            let pixels = pixels[28 * row..28 * (row + 1)].iter();
            pixels.map(|pixel| ink(pixel).unwrap_or('@')).collect()
        };
        println!("{} | {}", line(noisy.row(0)), line(mended.row(0)));
    }
    Ok(())
}
