//! What the SVG pictures share: ink, font, and ranges of axes.

use std::ops::Range;

use plotters::style::RGBColor;

pub(super) const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
pub(super) const FONT: &str = "sans-serif";

/// Numbers beyond this are not drawn, and nothing smaller than [`SMALLEST`] gets an
/// axis of its own: the arithmetic of the axes stays far from overflow.
const LARGEST: f64 = 1e30;
const SMALLEST: f64 = 1e-30;

/// Whether a number can be drawn.
pub(super) fn is_drawable(number: f64) -> bool {
    number.abs() <= LARGEST
}

/// The range that shows all of these numbers, with `air` of its width at each end.
pub(super) fn range(numbers: impl Iterator<Item = f64>, air: f64) -> Range<f64> {
    let ends = numbers.map(|x| (x, x));
    let ends = ends.reduce(|(min, max), (x, _)| (min.min(x), max.max(x)));
    let Some((min, max)) = ends else {
        return 0.0..1.0;
    };
    let size = max.abs().max(min.abs()).max(SMALLEST);
    let air = if max - min > 1e-6 * size {
        air * (max - min)
    } else {
        0.1 * size
    };
    min - air..max + air
}
