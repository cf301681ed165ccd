//! The table that [`Autoencoder::summary`] shows.

use std::fmt::{self, Write};

use super::architecture::{LOG_VARIANCE, Placed};
use super::autoencoder::Autoencoder;

/// What a model is made of, as a table for people.
///
/// ```
/// # use autoencoder::Autoencoder;
/// let model = Autoencoder::builder().input(784).encoder([32]).build()?;
/// assert_eq!(model.summary().to_string(), "\
/// layer      shape     activation  parameters
/// encoder.0  784 → 32  relu            25 120
/// decoder.0  32 → 784  sigmoid         25 872
/// total                                50 992
/// loss bce; 203 968 bytes; 101 168 FLOPs per sample");
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    rows: Vec<[String; 4]>,
    last: String,
}

impl Autoencoder {
    /// What the model is made of, as a table for people.
    pub fn summary(&self) -> Summary {
        let architecture = self.architecture();
        let mut rows = vec![["layer", "shape", "activation", "parameters"].map(str::to_owned)];
        let row = |name: String, placed: &Placed| {
            let kind = placed.layer.kind();
            let parameters = kind.parameters(placed.input).into_iter().zip(&placed.slots);
            let own = parameters.filter(|(_, slot)| !slot.transposed);
            let count: usize = own.map(|(spec, _)| spec.shape.0 * spec.shape.1).sum();
            let what = match kind.activation() {
                Some(activation) => activation.to_string(),
                None => kind.name(),
            };
            let shape = format!("{} → {}", placed.input, placed.output);
            [name, shape, what, grouped(count as u64)]
        };
        let layers = architecture.layers();
        rows.extend(layers.iter().map(|placed| row(placed.name(), placed)));
        if let Some(head) = architecture.log_variance() {
            // Beside the encoder's last layer, which gives μ.
            let row = row(LOG_VARIANCE.to_owned(), &head);
            rows.insert(1 + architecture.encoder().len(), row);
        }
        let count = architecture.parameter_count() as u64;
        rows.push(["total".into(), String::new(), String::new(), grouped(count)]);
        Summary {
            rows,
            last: format!(
                "loss {}{}{}; {} bytes; {} FLOPs per sample",
                architecture.loss(),
                if architecture.is_tied() {
                    "; tied weights"
                } else {
                    ""
                },
                if architecture.is_variational() {
                    "; variational"
                } else {
                    ""
                },
                grouped(4 * count),
                grouped(architecture.flops_per_sample()),
            ),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let [a, b, c, d] = [0, 1, 2, 3].map(width);
        for [layer, shape, activation, parameters] in &self.rows {
            writeln!(
                f,
                "{layer:<a$}  {shape:<b$}  {activation:<c$}  {parameters:>d$}"
            )?;
        }
        f.write_str(&self.last)
    }
}

/// 1234567 as `1 234 567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = text.write_char(digit);
    }
    text
}
