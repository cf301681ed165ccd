//! Trains a variational autoencoder and draws new digits from its prior:
//!
//! ```sh
//! cargo run --release --example sample_variational
//! ```

use autoencoder::model::{Autoencoder, FitOptions};

fn main() -> autoencoder::Result<()> {
    let (train, test) = autoencoder::data::digits_split();
    let mut model = Autoencoder::builder()
        .input(784)
        .encoder([256, 16])
        .variational(true)
        .build()?;
    let options = FitOptions {
        epochs: 10,
        ..FitOptions::default()
    };
    model.fit(&train, &options)?;

    let elbo = model.elbo(&test, 0)?;
    println!(
        "evidence lower bound of held-out digits: {:.1} nats each",
        elbo.value()
    );

    // Three new digits side by side; their codes are standard normal numbers.
    let digits = model.sample(3, 7)?;
    for row in (0..28).step_by(2) {
        let line = (0..3).flat_map(|i| &digits.row(i)[28 * row..28 * (row + 1)]);
        let ink = |pixel: &f32| " .:-=+*#%@".chars().nth((pixel * 9.99) as usize);
        println!("{}", line.filter_map(ink).collect::<String>());
    }
    Ok(())
}
