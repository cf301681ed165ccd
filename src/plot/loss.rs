//! The loss per epoch, as an SVG picture.

use std::error::Error as StdError;
use std::path::Path;

use plotters::prelude::*;

use super::axes::{FONT, INK, is_drawable, range};
use crate::error::{Error, Result};
use crate::file::write_atomically;

const SIZE: (u32, u32) = (800, 480);
const TRAINING: RGBColor = RGBColor(0x00, 0x77, 0xbb);
const VALIDATION: RGBColor = RGBColor(0xee, 0x77, 0x33);
const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// Writes [`loss_svg`] to a file.
///
/// # Errors
/// [`Error::Io`]; the file is written whole or not at all.
pub fn write_loss_svg(path: impl AsRef<Path>, training: &[f64], validation: &[f64]) -> Result<()> {
    let svg = loss_svg(training, validation)?;
    write_atomically(path, |writer| writer.write_all(svg.as_bytes()))
}

/// Draws the training loss and the validation loss over the epochs, which count
/// from 1. Either may be empty. Epochs whose loss is NaN or beyond ±10³⁰ are left
/// out of the curve. The lowest validation loss is marked.
///
/// # Errors
/// [`Error::Configuration`] if the picture cannot be drawn.
pub fn loss_svg(training: &[f64], validation: &[f64]) -> Result<String> {
    let mut svg = String::new();
    draw(&mut svg, training, validation)
        .map_err(|error| Error::configuration("the loss curve", error, "losses to draw"))?;
    Ok(svg)
}

fn draw(svg: &mut String, training: &[f64], validation: &[f64]) -> Result<(), Box<dyn StdError>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let epochs = training.len().max(validation.len());
    let mut chart = ChartBuilder::on(&area)
        .margin(18)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(
            1..epochs.max(2),
            range(
                points(training)
                    .chain(points(validation))
                    .map(|(_, loss)| loss),
                0.05,
            ),
        )?;
    let text = (FONT, 14).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text.clone())
        .axis_desc_style((FONT, 15).into_font().color(&INK))
        .x_desc("epoch")
        .y_desc("loss")
        .x_labels(10)
        .y_labels(8)
        .draw()?;
    let mut curve = |values: &[f64], color: RGBColor, name: String| {
        let points = Vec::from_iter(points(values));
        if let [point] = points[..] {
            chart.draw_series([Circle::new(point, 3, color.filled())])?;
        }
        let series = LineSeries::new(points, color.stroke_width(2));
        chart
            .draw_series(series)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], color.stroke_width(2)));
        Ok::<_, Box<dyn StdError>>(())
    };
    if !training.is_empty() {
        curve(training, TRAINING, "training".to_owned())?;
    }
    let best = points(validation).min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((epoch, loss)) = best {
        let name = format!("validation, lowest {loss:.4} at epoch {epoch}");
        curve(validation, VALIDATION, name)?;
        chart.draw_series([Circle::new((epoch, loss), 4, VALIDATION.filled())])?;
    }
    if epochs > 0 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .margin(12)
            .legend_area_size(30)
            .background_style(WHITE)
            .border_style(GRID)
            .label_font(text)
            .draw()?;
    }
    area.present()?;
    Ok(())
}

/// Epochs and losses, where they can be drawn.
fn points(values: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    let epochs = (1..).zip(values.iter().copied());
    epochs.filter(|&(_, loss)| is_drawable(loss))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tests::Folder;

    #[test]
    fn both_curves_their_names_and_the_best_epoch_are_drawn() {
        let training: Vec<f64> = (1..=50).map(|e| 0.1 + 0.2 / f64::from(e)).collect();
        let mut validation: Vec<f64> = training.iter().map(|loss| loss + 0.004).collect();
        validation[40] = 0.0987654;
        let folder = Folder::new("loss");
        let path = folder.0.join("loss.svg");
        write_loss_svg(&path, &training, &validation).unwrap();
        assert_eq!(folder.names(), ["loss.svg"]);
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in [
            "epoch",
            "loss",
            "training",
            "validation, lowest 0.0988 at epoch 41",
        ] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
        assert_eq!(longest_curve(&svg, "#0077BB"), 50);
        assert_eq!(longest_curve(&svg, "#EE7733"), 50);
        let alone = loss_svg(&training, &[]).unwrap();
        assert!(!alone.contains("validation") && !alone.contains("#EE7733"));
    }

    #[test]
    fn hostile_losses_are_drawn_or_left_out() {
        let nan = f64::NAN;
        for (losses, drawn) in [
            (vec![], 0),
            (vec![nan, nan], 0),
            (vec![1.0, nan, 0.5, f64::INFINITY, 0.25], 3),
            (vec![0.5], 1),
            (vec![0.5; 3], 3),
            (vec![0.0; 3], 3),
            (vec![-2.0, 3.0], 2),
            (vec![0.1, 0.1 + 1e-16], 2),
            (vec![1.0, 1e300, 0.5], 2),
            (vec![1.0, 1e30], 2),
            (vec![-1e30, 1e30], 2),
            (vec![1e-300, 2e-300], 2),
            (vec![5e-324, 0.0], 2),
            (vec![f64::MAX, f64::MIN], 0),
            (vec![1e30; 2], 2),
            ((0..10_000).map(f64::from).collect(), 10_000),
        ] {
            let svg = loss_svg(&losses, &losses).unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{losses:?}");
            if drawn > 1 {
                assert_eq!(longest_curve(&svg, "#0077BB"), drawn, "{losses:?}");
            }
        }
    }

    /// Points of the longest line of this colour.
    fn longest_curve(svg: &str, color: &str) -> usize {
        let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
        let lines = lines.filter(|line| line.contains(color));
        let points = lines.map(|line| {
            let (_, points) = line.split_once("points=\"").unwrap();
            points.split('"').next().unwrap().split_whitespace().count()
        });
        points.max().unwrap_or(0)
    }
}
