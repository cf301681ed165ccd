//! Samples as grayscale pictures in one PNG file.

use std::io::{self, Write};
use std::path::Path;

use autoencoder_kernels::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Pixels between two tiles, and their gray.
const GAP: usize = 2;
const GAP_GRAY: u8 = 128;

/// How one sample becomes a tile: `height × width` numbers in row-major order,
/// each a square of `scale × scale` pixels.
///
/// 0 is black and 1 is white. Numbers outside of [0, 1] are clamped, NaN is
/// black, and so are places beyond the sample's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileLayout {
    /// Numbers from top to bottom.
    pub height: usize,
    /// Numbers from left to right.
    pub width: usize,
    /// Pixels per number, in both directions.
    pub scale: usize,
}

impl TileLayout {
    /// The layout for samples of `features` numbers. A shape with two axes
    /// longer than 1 is a picture and is drawn as such; all else fills a square,
    /// as nearly as it can, row by row. The scale is 1.
    pub fn new(features: usize, sample_shape: Option<&[usize]>) -> Self {
        let axes = sample_shape.unwrap_or(&[]).iter().copied();
        let axes = Vec::from_iter(axes.filter(|&size| size != 1));
        let (height, width) = match axes[..] {
            [height, width] if height.checked_mul(width) == Some(features) => (height, width),
            _ => {
                let root = features.isqrt();
                let width = root + usize::from(root * root < features);
                (features.div_ceil(width.max(1)), width)
            }
        };
        TileLayout {
            height,
            width,
            scale: 1,
        }
    }

    /// The layout for samples that are images: those whose shape has two axes
    /// longer than 1, or a single one whose length is a square of at least 8 × 8,
    /// as of images that a file has flattened. `None` for others.
    pub fn of_images(features: usize, sample_shape: &[usize]) -> Option<Self> {
        let axes = sample_shape.iter().filter(|&&size| size != 1).count();
        let side = features.isqrt();
        let layout = Self::new(features, Some(sample_shape));
        let fits = layout.height * layout.width == features;
        let is_image = match axes {
            2 => fits,
            0 | 1 => side * side == features && side >= 8,
            _ => false,
        };
        is_image.then_some(layout)
    }

    /// The same layout with squares of `scale × scale` pixels.
    pub fn scaled(self, scale: usize) -> Self {
        TileLayout { scale, ..self }
    }
}

/// Writes a PNG with the originals, one sample a row of the matrix, side by side
/// above their reconstructions.
///
/// # Errors
/// [`Error::Shape`] unless both matrices have the same shape, not empty, and fit
/// in the layout and the picture in a PNG; [`Error::Io`].
pub fn write_reconstructions(
    path: impl AsRef<Path>,
    originals: MatRef<'_, f32>,
    reconstructions: MatRef<'_, f32>,
    layout: TileLayout,
) -> Result<()> {
    if originals.shape() != reconstructions.shape() {
        return Err(Error::shape(
            "reconstructions",
            shape(reconstructions),
            format_args!("{}, like the originals", shape(originals)),
        ));
    }
    write_rows(path, [originals, reconstructions], layout)
}

/// Writes a PNG with a row of tiles for each matrix, one image a row of the
/// matrix: originals, what noise made of them, and reconstructions, say.
///
/// # Errors
/// [`Error::Shape`] unless all matrices have the same shape, not empty, and fit
/// in the layout and the picture in a PNG; [`Error::Io`].
pub fn write_rows<const N: usize>(
    path: impl AsRef<Path>,
    rows: [MatRef<'_, f32>; N],
    layout: TileLayout,
) -> Result<()> {
    let Some(&first) = rows.first() else {
        return Err(Error::shape("rows of a picture", 0, "at least 1"));
    };
    if let Some(&other) = rows.iter().find(|row| row.shape() != first.shape()) {
        return Err(Error::shape(
            "a row of images",
            shape(other),
            format_args!("{}, like the first", shape(first)),
        ));
    }
    let mut canvas = Canvas::new(first, layout, N, first.rows())?;
    for (row, images) in rows.into_iter().enumerate() {
        for i in 0..images.rows() {
            canvas.draw(row, i, images, i);
        }
    }
    canvas.write(path.as_ref())
}

/// Writes a PNG with the images, one a row of the matrix, in rows of `columns`
/// tiles.
///
/// # Errors
/// [`Error::Shape`] if there are no images or columns, or if the images do not
/// fit in the layout or the picture in a PNG; [`Error::Io`].
pub fn write_grid(
    path: impl AsRef<Path>,
    images: MatRef<'_, f32>,
    columns: usize,
    layout: TileLayout,
) -> Result<()> {
    if columns == 0 {
        return Err(Error::shape("columns of a picture", 0, "at least 1"));
    }
    let columns = columns.min(images.rows());
    let rows = images.rows().div_ceil(columns.max(1));
    let mut canvas = Canvas::new(images, layout, rows, columns)?;
    for i in 0..images.rows() {
        canvas.draw(i / columns, i % columns, images, i);
    }
    canvas.write(path.as_ref())
}

/// Writes a PNG with the weights of units, one unit a row of the matrix, in rows
/// of `columns` tiles. Of each unit, 0 is gray, the weight that is farthest from
/// it black or white: what is bright in a tile is what the unit looks for.
///
/// # Errors
/// As [`write_grid`].
pub fn write_weights(
    path: impl AsRef<Path>,
    units: MatRef<'_, f32>,
    columns: usize,
    layout: TileLayout,
) -> Result<()> {
    let (rows, cols) = units.shape();
    let largest = |i: usize| {
        let magnitudes = (0..cols).map(|j| units.get(i, j).abs());
        magnitudes.fold(f32::MIN_POSITIVE, f32::max)
    };
    let scales: Vec<f32> = (0..rows).map(largest).collect();
    let images = Mat::from_fn(rows, cols, |i, j| 0.5 + 0.5 * units.get(i, j) / scales[i]);
    write_grid(path, images.as_ref(), columns, layout)
}

struct Canvas {
    layout: TileLayout,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// Room for `rows × columns` tiles.
    fn new(
        images: MatRef<'_, f32>,
        layout: TileLayout,
        rows: usize,
        columns: usize,
    ) -> Result<Self> {
        let TileLayout {
            height,
            width,
            scale,
        } = layout;
        let places = height.checked_mul(width);
        if images.rows() == 0 || images.cols() == 0 || places.is_none_or(|n| n < images.cols()) {
            return Err(Error::shape(
                "images",
                shape(images),
                format_args!("at least one, of 1 to {height} · {width} numbers"),
            ));
        }
        let pixels = || {
            let width = side(columns, width, scale)?;
            let height = side(rows, height, scale)?;
            let size = width.checked_mul(height)?;
            let mut pixels = Vec::new();
            pixels.try_reserve_exact(size).ok()?;
            pixels.resize(size, GAP_GRAY);
            Some((width, height, pixels))
        };
        let (width, height, pixels) = pixels().ok_or_else(|| {
            Error::shape(
                "size of a picture",
                format_args!("{rows} × {columns} tiles of {height} × {width} at scale {scale}"),
                "a scale of at least 1, and a width and height that fit in memory",
            )
        })?;
        Ok(Canvas {
            layout,
            width,
            height,
            pixels,
        })
    }

    /// Draws row `i` of `images` as tile (`row`, `column`).
    fn draw(&mut self, row: usize, column: usize, images: MatRef<'_, f32>, i: usize) {
        let TileLayout {
            height,
            width,
            scale,
        } = self.layout;
        let top = row * (height * scale + GAP);
        let left = column * (width * scale + GAP);
        for y in 0..height * scale {
            let line = &mut self.pixels[(top + y) * self.width + left..][..width * scale];
            for (x, pixel) in line.iter_mut().enumerate() {
                let j = y / scale * width + x / scale;
                *pixel = if j < images.cols() {
                    gray(images.get(i, j))
                } else {
                    0
                };
            }
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, |writer| self.encode(writer))
    }

    fn encode(&self, writer: &mut dyn Write) -> io::Result<()> {
        // `side` keeps both below 2³¹.
        let mut encoder = png::Encoder::new(writer, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        Ok(writer.finish()?)
    }
}

/// Pixels of `tiles` tiles in one direction, if a PNG can have so many.
fn side(tiles: usize, size: usize, scale: usize) -> Option<usize> {
    let pixels = size.checked_mul(scale)?.checked_add(GAP)?;
    let pixels = pixels.checked_mul(tiles)?.checked_sub(GAP)?;
    (scale > 0 && pixels < 1 << 31).then_some(pixels)
}

/// The cast turns NaN into 0 and clamps.
fn gray(value: f32) -> u8 {
    (value * 255.0).round() as u8
}

fn shape(mat: MatRef<'_, f32>) -> String {
    format!("{} × {}", mat.rows(), mat.cols())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tests::Folder;
    use std::fs::File;
    use std::io::BufReader;

    fn read(path: &Path) -> (u32, u32, Vec<u8>) {
        let decoder = png::Decoder::new(BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.color_type, png::ColorType::Grayscale);
        (info.width, info.height, pixels)
    }

    #[test]
    fn originals_stand_above_their_reconstructions() {
        let folder = Folder::new("reconstructions");
        let path = folder.0.join("x.png");
        let originals = [0.0, 1.0, -7.0, f32::NAN];
        let reconstructions = [0.2, 0.4, 0.6, f32::INFINITY];
        write_reconstructions(
            &path,
            MatRef::new(&originals, 2, 2).unwrap(),
            MatRef::new(&reconstructions, 2, 2).unwrap(),
            TileLayout::new(2, Some(&[2, 1])),
        )
        .unwrap();
        // [2, 1] is no picture: one row of two.
        #[rustfmt::skip]
        let expected = [
              0, 255, 128, 128,   0,   0,
            128, 128, 128, 128, 128, 128,
            128, 128, 128, 128, 128, 128,
             51, 102, 128, 128, 153, 255,
        ];
        assert_eq!(read(&path), (6, 4, expected.to_vec()));
        assert_eq!(folder.names(), ["x.png"]);
    }

    #[test]
    fn a_grid_breaks_after_its_columns() {
        let folder = Folder::new("grid");
        let path = folder.0.join("x.png");
        let images = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.2, 0.2, 0.2];
        let layout = TileLayout::new(3, None).scaled(2);
        write_grid(&path, MatRef::new(&images, 3, 3).unwrap(), 2, layout).unwrap();
        let (width, height, pixels) = read(&path);
        assert_eq!((width, height), (10, 10));
        let row = |y: usize| &pixels[y * 10..][..10];
        assert_eq!(row(1), [0, 0, 51, 51, 128, 128, 153, 153, 204, 204]);
        assert_eq!(row(2), [102, 102, 0, 0, 128, 128, 255, 255, 0, 0]);
        assert_eq!(row(4), [128; 10]);
        assert_eq!(row(6), [51, 51, 51, 51, 128, 128, 128, 128, 128, 128]);
    }

    #[test]
    fn samples_without_a_shape_are_nearly_square() {
        for (features, shape, expected) in [
            (784, Some([28, 28].as_slice()), (28, 28)),
            (784, Some(&[1, 14, 56]), (14, 56)),
            (784, Some(&[784]), (28, 28)),
            (3072, Some(&[3, 32, 32]), (55, 56)),
            (784, None, (28, 28)),
            (32, None, (6, 6)),
            (30, None, (5, 6)),
            (1, None, (1, 1)),
            (0, None, (0, 0)),
        ] {
            let layout = TileLayout::new(features, shape);
            assert_eq!(
                (layout.height, layout.width),
                expected,
                "{features} {shape:?}"
            );
            assert!(layout.height * layout.width >= features);
        }
    }

    #[test]
    fn images_are_told_from_other_samples() {
        let sides = |features, shape: &[usize]| {
            TileLayout::of_images(features, shape).map(|layout| (layout.height, layout.width))
        };
        assert_eq!(sides(784, &[28, 28]), Some((28, 28)));
        assert_eq!(sides(6, &[2, 3, 1]), Some((2, 3)));
        assert_eq!(sides(784, &[784]), Some((28, 28)));
        for (features, shape) in [(10, &[10][..]), (9, &[9]), (783, &[783]), (48, &[3, 4, 4])] {
            assert_eq!(sides(features, shape), None, "{shape:?}");
        }
    }

    #[test]
    fn weights_are_bright_and_dark_round_gray() {
        let folder = Folder::new("weights");
        let path = folder.0.join("x.png");
        let units = [0.0, 2.0, -1.0, -0.1, 0.0, 0.05];
        let layout = TileLayout::new(3, Some(&[1, 3]));
        let layout = TileLayout {
            height: 1,
            width: 3,
            ..layout
        };
        write_weights(&path, MatRef::new(&units, 2, 3).unwrap(), 1, layout).unwrap();
        let (width, height, pixels) = read(&path);
        assert_eq!((width, height), (3, 4));
        assert_eq!(
            (&pixels[..3], &pixels[9..]),
            (&[128, 255, 64][..], &[0, 128, 191][..])
        );
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        let folder = Folder::new("no-picture");
        let path = folder.0.join("x.png");
        let data = [0.0; 6];
        let mat = |rows, cols| MatRef::new(&data, rows, cols).unwrap();
        let layout = TileLayout::new(3, None);
        assert!(write_reconstructions(&path, mat(2, 3), mat(1, 3), layout).is_err());
        assert!(write_reconstructions(&path, mat(0, 3), mat(0, 3), layout).is_err());
        assert!(write_grid(&path, mat(2, 3), 0, layout).is_err());
        assert!(write_grid(&path, mat(0, 3), 4, layout).is_err());
        assert!(write_grid(&path, mat(1, 6), 4, layout).is_err());
        assert!(write_grid(&path, mat(2, 3), 4, layout.scaled(0)).is_err());
        assert!(write_grid(&path, mat(2, 3), 4, layout.scaled(1 << 30)).is_err());
        assert!(write_grid(&path, mat(2, 3), 4, layout.scaled(usize::MAX)).is_err());
        assert!(folder.names().is_empty());
    }
}
