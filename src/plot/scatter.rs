//! Points in the plane, coloured by label, as an SVG picture.

use std::error::Error as StdError;
use std::path::Path;

use autoencoder_kernels::MatRef;
use plotters::prelude::*;

use super::axes::{FONT, INK, is_drawable, range};
use crate::error::{Error, Result};
use crate::file::write_atomically;

const SIZE: (u32, u32) = (860, 720);
/// More points than these would cover each other: some, evenly chosen, are drawn.
const MOST: usize = 5_000;

/// One a label; the eleventh label has the first colour again.
const COLORS: [RGBColor; 10] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xff, 0x7f, 0x0e),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0xbc, 0xbd, 0x22),
    RGBColor(0x17, 0xbe, 0xcf),
];

/// Writes [`scatter_svg`] to a file.
///
/// # Errors
/// As [`scatter_svg`], and [`Error::Io`]; the file is written whole or not at all.
pub fn write_scatter_svg(
    path: impl AsRef<Path>,
    points: MatRef<'_, f32>,
    labels: Option<&[u8]>,
    axes: [&str; 2],
) -> Result<()> {
    let svg = scatter_svg(points, labels, axes)?;
    write_atomically(path, |writer| writer.write_all(svg.as_bytes()))
}

/// Draws points, one a row of two numbers, in the colours of their labels, with
/// the names of the two axes. Of more than 5 000 points some are drawn, evenly
/// chosen; points that are not finite or beyond ±10³⁰ are left out.
///
/// # Errors
/// [`Error::Shape`] unless there are two numbers a row and a label for each;
/// [`Error::Configuration`] if the picture cannot be drawn.
pub fn scatter_svg(
    points: MatRef<'_, f32>,
    labels: Option<&[u8]>,
    axes: [&str; 2],
) -> Result<String> {
    if points.cols() != 2 {
        return Err(Error::shape("numbers of a point", points.cols(), 2));
    }
    if let Some(labels) = labels.filter(|labels| labels.len() != points.rows()) {
        let expected = format!("one for each of {} points", points.rows());
        return Err(Error::shape("number of labels", labels.len(), expected));
    }
    let stride = points.rows().div_ceil(MOST).max(1);
    let all = (0..points.rows()).step_by(stride).map(|i| Point {
        at: (f64::from(points.get(i, 0)), f64::from(points.get(i, 1))),
        label: labels.map(|labels| labels[i]),
    });
    let all: Vec<Point> = all.filter(Point::is_drawable).collect();
    let mut svg = String::new();
    draw(&mut svg, &all, axes)
        .map_err(|error| Error::configuration("the picture of points", error, "points to draw"))?;
    Ok(svg)
}

struct Point {
    at: (f64, f64),
    label: Option<u8>,
}

impl Point {
    fn is_drawable(&self) -> bool {
        is_drawable(self.at.0) && is_drawable(self.at.1)
    }
}

fn draw(svg: &mut String, points: &[Point], axes: [&str; 2]) -> Result<(), Box<dyn StdError>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let text = (FONT, 14).into_font().color(&INK);
    let mut chart = ChartBuilder::on(&area)
        .margin(18)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(
            range(points.iter().map(|point| point.at.0), 0.04),
            range(points.iter().map(|point| point.at.1), 0.04),
        )?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(text.clone())
        .axis_desc_style((FONT, 15).into_font().color(&INK))
        .x_desc(axes[0])
        .y_desc(axes[1])
        .draw()?;
    // Not label by label, or the last would cover the first.
    chart.draw_series(
        points
            .iter()
            .map(|point| Circle::new(point.at, 3, color(point.label).mix(0.7).filled())),
    )?;
    let mut labels: Vec<u8> = points.iter().filter_map(|point| point.label).collect();
    labels.sort_unstable();
    labels.dedup();
    for &label in &labels {
        let color = color(Some(label));
        // A series of no points has a name in the legend all the same.
        chart
            .draw_series(std::iter::empty::<Circle<(f64, f64), i32>>())?
            .label(label.to_string())
            .legend(move |(x, y)| Circle::new((x + 8, y), 5, color.filled()));
    }
    if !labels.is_empty() {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .margin(6)
            .legend_area_size(20)
            .background_style(WHITE.mix(0.8))
            .border_style(INK.mix(0.3))
            .label_font(text)
            .draw()?;
    }
    area.present()?;
    Ok(())
}

fn color(label: Option<u8>) -> RGBColor {
    COLORS[usize::from(label.unwrap_or(0)) % COLORS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoencoder_kernels::Mat;

    #[test]
    fn each_point_has_the_colour_of_its_label() {
        let points = Mat::from_fn(30, 2, |i, j| (i * (j + 1)) as f32);
        let labels: Vec<u8> = (0..30).map(|i| [3, 3, 7][i % 3]).collect();
        let svg = scatter_svg(points.as_ref(), Some(&labels), ["first", "second"]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        let circles = |svg: &str, color: &str, radius: &str| {
            let lines = svg.lines().filter(|line| line.starts_with("<circle"));
            lines
                .filter(|line| line.contains(color) && line.contains(radius))
                .count()
        };
        assert_eq!(circles(&svg, "#D62728", "r=\"3\""), 20);
        assert_eq!(circles(&svg, "#7F7F7F", "r=\"3\""), 10);
        // And one of each in the legend.
        assert_eq!(circles(&svg, "#D62728", "r=\"5\""), 1);
        for text in ["first", "second", "3", "7"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
        let plain = scatter_svg(points.as_ref(), None, ["a", "b"]).unwrap();
        assert_eq!(circles(&plain, "#1F77B4", "r=\"3\""), 30);

        let many = Mat::from_fn(12_000, 2, |i, _| i as f32);
        let svg = scatter_svg(many.as_ref(), None, ["a", "b"]).unwrap();
        assert_eq!(circles(&svg, "", ""), 4_000);
        let hostile = [f32::NAN, 1.0, f32::MAX, 2.0, 3.0, 4.0];
        for rows in 0..=3 {
            let points = Mat::from_slice(rows, 2, &hostile[..2 * rows]).unwrap();
            let svg = scatter_svg(points.as_ref(), None, ["a", "b"]).unwrap();
            assert_eq!(circles(&svg, "", ""), usize::from(rows == 3));
        }
        assert!(scatter_svg(points.as_ref(), Some(&[1]), ["a", "b"]).is_err());
        assert!(scatter_svg(Mat::zeros(1, 3).as_ref(), None, ["a", "b"]).is_err());
    }
}
