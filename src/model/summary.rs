//! The table that [`Autoencoder::summary`] shows.

use std::fmt::{self, Write};

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
        for ((part, i, layer), place) in architecture.layers().zip(architecture.places()) {
            let weight = if place.transposed {
                0
            } else {
                layer.inputs * layer.outputs
            };
            rows.push([
                format!("{}.{i}", part.name()),
                format!("{} → {}", layer.inputs, layer.outputs),
                layer.activation.to_string(),
                grouped((weight + layer.outputs) as u64),
            ]);
        }
        if architecture.is_variational() {
            let head = architecture.encoder()[architecture.encoder().len() - 1];
            // Beside the encoder's last layer, which gives μ.
            let row = [
                "encoder.log_variance".to_owned(),
                format!("{} → {}", head.inputs, head.outputs),
                head.activation.to_string(),
                grouped((head.inputs * head.outputs + head.outputs) as u64),
            ];
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
