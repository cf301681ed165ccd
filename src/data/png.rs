//! Pictures: `.png` files, one by one or a folder of them, read and written.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use autoencoder_kernels::MatRef;
use png::{BitDepth, ColorType, Decoder, DecodingError, Encoder, Transformations};

use super::array::byte;
use super::dataset::Dataset;
use super::options::LoadOptions;
use super::source::{ReadSeek, Source, read_error};
use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Deflate cannot do better.
const BEST_COMPRESSION: u64 = 1032;

/// A picture: height × width × channels, of a byte each.
struct Picture {
    height: usize,
    width: usize,
    /// 1 for gray, 3 for red, green and blue.
    channels: usize,
    pixels: Vec<u8>,
}

/// Reads one picture, which is one sample.
pub(super) fn read(source: Source<'_>, _: &LoadOptions) -> Result<Dataset> {
    Picture::read(source)?.into_dataset()
}

/// Reads all pictures of a folder, in the order of their names.
pub(super) fn read_folder(folder: &Path) -> Result<Dataset> {
    let read = |error| Error::io("read", folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let ending = path.extension().unwrap_or_default();
        if ending.eq_ignore_ascii_case("png") && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    let Some((first, others)) = paths.split_first() else {
        return Err(Error::format(
            folder,
            "a folder without .png files",
            "a folder of pictures, or a file",
        ));
    };
    let mut all = Picture::read(Source::open(first)?)?;
    for path in others {
        let other = Picture::read(Source::open(path)?)?;
        if other.shape() != all.shape() {
            return Err(Error::format(
                path,
                other.describe(),
                format_args!("{}, like {}", all.describe(), name(first)),
            ));
        }
        if all.pixels.try_reserve(other.pixels.len()).is_err() {
            let what = format_args!("the pixels of {} files", others.len() + 1);
            return Err(Error::no_memory(folder, what));
        }
        all.pixels.extend(other.pixels);
    }
    all.into_dataset()
}

fn name(path: &Path) -> String {
    let name = path.file_name().and_then(OsStr::to_str);
    name.unwrap_or("the first").to_owned()
}

impl Picture {
    fn read(source: Source<'_>) -> Result<Self> {
        let path = source.path();
        let (reader, length) = source.into_seekable()?;
        decode(path, reader, length)
    }

    fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    fn describe(&self) -> String {
        let color = if self.channels == 1 { "gray" } else { "colour" };
        format!("a {color} picture of {} × {}", self.width, self.height)
    }

    /// One sample for each picture that `pixels` has.
    fn into_dataset(self) -> Result<Dataset> {
        let [height, width, channels] = self.shape();
        let features = height * width * channels;
        let rows = self.pixels.len() / features.max(1);
        let data = Dataset::from_u8(rows, features, self.pixels)?;
        match channels {
            1 => data.with_sample_shape(&[height, width]),
            _ => data.with_sample_shape(&[height, width, channels]),
        }
    }
}

fn decode(path: &Path, reader: Box<dyn ReadSeek + '_>, length: u64) -> Result<Picture> {
    let damaged = |error: DecodingError| match error {
        DecodingError::IoError(error) => read_error(path, error),
        error => Error::format(path, error, "an intact PNG file"),
    };
    let mut decoder = Decoder::new(reader);
    // Palettes and few bits become bytes, and of 16 bits the upper ones stay.
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (height, width) = (reader.info().height, reader.info().width);
    // As they are in the file, before few bits or a palette's index become bytes.
    let row = (reader.info().bits_per_pixel() as u128 * u128::from(width)).div_ceil(8);
    if row * u128::from(height) > u128::from(length.saturating_mul(BEST_COMPRESSION)) {
        return Err(Error::format(
            path,
            format_args!("{length} bytes for a picture of {width} × {height}"),
            "as many as such a picture takes",
        ));
    }
    // Of which `png` 0.18.1 makes a panic (image-rs/image-png#694).
    let palette = reader.info().palette.as_ref().map_or(0, |it| it.len());
    if !palette.is_multiple_of(3) {
        let found = format_args!("a palette of {palette} bytes");
        return Err(Error::format(path, found, "3 for each of its colours"));
    }
    let mut pixels = Vec::new();
    let size = reader.output_buffer_size();
    let Some(size) = size.filter(|&size| pixels.try_reserve_exact(size).is_ok()) else {
        let what = format_args!("the pixels of {width} × {height}");
        return Err(Error::no_memory(path, what));
    };
    pixels.resize(size, 0);
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    let (color, pixels) = match frame.color_type {
        ColorType::GrayscaleAlpha => (1, opaque(pixels, 2)),
        ColorType::Rgba => (3, opaque(pixels, 4)),
        ColorType::Grayscale => (1, Some(pixels)),
        _ => (3, Some(pixels)),
    };
    let Some(pixels) = pixels else {
        return Err(Error::format(
            path,
            "transparent pixels",
            "an opaque picture, gray or in colour",
        ));
    };
    // Both were an u32.
    let (height, width) = (height as usize, width as usize);
    Ok(Picture {
        height,
        width,
        channels: color,
        pixels,
    })
}

/// The pixels without their last channel, if that is opaque everywhere.
fn opaque(mut pixels: Vec<u8>, channels: usize) -> Option<Vec<u8>> {
    let colors = channels - 1;
    let count = pixels.len() / channels;
    for i in 0..count {
        let color = i * channels..i * channels + colors;
        (pixels[color.end] == u8::MAX).then_some(())?;
        pixels.copy_within(color, i * colors);
    }
    pixels.truncate(count * colors);
    Some(pixels)
}

/// Writes samples as pictures in a new or empty folder: `0000.png`, `0001.png`,
/// …. 0 is black and 1 is white or full colour; other numbers are clamped, and
/// NaN is black. [`load`](super::load) reads such a folder.
///
/// # Errors
/// [`Error::Configuration`] if the folder has something in it, or unless
/// `sample_shape` is that of pictures: `[height, width]`, or
/// `[height, width, 3]` for colour. [`Error::Shape`] unless the samples have as
/// many numbers. [`Error::Io`]; then there is no folder, or it is empty, as
/// before.
pub fn write_png_folder(
    path: impl AsRef<Path>,
    mat: MatRef<'_, f32>,
    sample_shape: &[usize],
) -> Result<()> {
    let path = path.as_ref();
    let Some((size, color)) = picture(sample_shape) else {
        return Err(Error::configuration(
            "the shape of a sample to write as a picture",
            format_args!("{sample_shape:?}"),
            "[height, width] or [height, width, 3]",
        ));
    };
    if sample_shape.iter().product::<usize>() != mat.cols() {
        let expected = format!("{sample_shape:?}, the shape of a picture");
        return Err(Error::shape("numbers of a picture", mat.cols(), expected));
    }
    let existed = prepare(path)?;
    let digits = mat.rows().to_string().len().max(4);
    let mut pixels = vec![0; mat.cols()];
    let mut written = Vec::new();
    let result = (0..mat.rows()).try_for_each(|i| {
        for (j, pixel) in pixels.iter_mut().enumerate() {
            *pixel = byte(mat.get(i, j));
        }
        let file = path.join(format!("{i:0digits$}.png"));
        write_atomically(&file, |writer| encode(writer, size, color, &pixels))?;
        written.push(file);
        Ok(())
    });
    if result.is_err() {
        remove(path, &written, existed);
    }
    result
}

/// Width, height and colours of samples of this shape, if they are pictures.
pub(crate) fn picture(sample_shape: &[usize]) -> Option<((u32, u32), ColorType)> {
    let (height, width, color) = match *sample_shape {
        [height, width] | [height, width, 1] => (height, width, ColorType::Grayscale),
        [height, width, 3] => (height, width, ColorType::Rgb),
        _ => return None,
    };
    let size = (width.try_into().ok()?, height.try_into().ok()?);
    Some((size, color))
}

/// Makes a folder, or sees that there is an empty one, and says which.
fn prepare(path: &Path) -> Result<bool> {
    let failed = |error| Error::io("create", path, error);
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(true),
            Some(_) => Err(Error::configuration(
                "the folder for pictures",
                path.display(),
                "new or empty",
            )),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir(path).map_err(failed)?;
            Ok(false)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Removes what a failure left behind; the error that led here is told.
fn remove(path: &Path, files: &[PathBuf], existed: bool) {
    for file in files {
        let _ = fs::remove_file(file);
    }
    if !existed {
        let _ = fs::remove_dir(path);
    }
}

/// Writes the bytes of a picture of 8 bits a channel.
fn encode(
    writer: &mut dyn Write,
    (width, height): (u32, u32),
    color: ColorType,
    pixels: &[u8],
) -> io::Result<()> {
    let mut encoder = Encoder::new(writer, width, height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    Ok(writer.finish()?)
}

#[cfg(feature = "compress")]
/// Bytes of a picture of 8 bits a channel as a PNG file, as small as the encoder
/// makes it.
pub(crate) fn smallest(size: (u32, u32), color: ColorType, pixels: &[u8]) -> io::Result<usize> {
    let mut smallest = usize::MAX;
    for filter in [png::Filter::NoFilter, png::Filter::Adaptive] {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, size.0, size.1);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(filter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(pixels)?;
        writer.finish()?;
        smallest = smallest.min(bytes.len());
    }
    Ok(smallest)
}

#[cfg(test)]
mod tests {
    use autoencoder_kernels::Mat;

    use super::*;
    use crate::data::{from_bytes, load};
    use crate::file::tests::Folder;

    fn picture(size: (u32, u32), color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, size.0, size.1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette(&[9, 8, 7, 6, 5, 4][..]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn pictures_of_any_depth_become_bytes() {
        use BitDepth::{Eight, One, Sixteen};
        use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
        let gray = [2, 1].as_slice();
        let color = [2, 1, 3].as_slice();
        for (color_type, depth, data, shape, expected) in [
            (Grayscale, Eight, &[7, 250][..], gray, &[7, 250][..]),
            (Grayscale, One, &[0, 128], gray, &[0, 255]),
            (Grayscale, Sixteen, &[7, 200, 250, 3], gray, &[7, 250]),
            (GrayscaleAlpha, Eight, &[7, 255, 250, 255], gray, &[7, 250]),
            (Rgb, Eight, &[1, 2, 3, 4, 5, 6], color, &[1, 2, 3, 4, 5, 6]),
            (
                Rgba,
                Eight,
                &[1, 2, 3, 255, 4, 5, 6, 255],
                color,
                &[1, 2, 3, 4, 5, 6],
            ),
            (Indexed, Eight, &[1, 0], color, &[6, 5, 4, 9, 8, 7]),
        ] {
            let data = from_bytes(&picture((1, 2), color_type, depth, data)).unwrap();
            assert_eq!(data.sample_shape(), Some(shape), "{color_type:?}");
            assert_eq!(data.as_u8().unwrap(), expected, "{color_type:?}");
        }
        let seen = picture((1, 1), Rgba, Eight, &[1, 2, 3, 254]);
        assert!(
            from_bytes(&seen)
                .unwrap_err()
                .to_string()
                .contains("opaque")
        );
    }

    #[test]
    fn a_folder_comes_back_in_order() {
        let folder = Folder::new("pictures");
        let path = folder.0.join("out");
        let mat = Mat::from_fn(3, 12, |i, j| (i * 12 + j) as f32 / 255.0);
        for shape in [&[3, 4][..], &[2, 2, 3]] {
            write_png_folder(&path, mat.as_ref(), shape).unwrap();
            let read = load(&path).unwrap();
            assert_eq!(read.sample_shape(), Some(shape));
            assert_eq!(read.to_mat().unwrap().as_slice(), mat.as_slice());
            // Not into a folder with something in it.
            assert!(write_png_folder(&path, mat.as_ref(), shape).is_err());
            fs::remove_dir_all(&path).unwrap();
        }
        assert!(write_png_folder(&path, mat.as_ref(), &[12]).is_err());
        assert!(write_png_folder(&path, mat.as_ref(), &[3, 3]).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn the_picture_of_another_size_is_named() {
        let folder = Folder::new("sizes");
        let gray = |size: (u32, u32)| {
            let pixels = vec![0; (size.0 * size.1) as usize];
            picture(size, ColorType::Grayscale, BitDepth::Eight, &pixels)
        };
        let error = load(&folder.0).unwrap_err().to_string();
        assert!(error.contains("a folder without .png files"), "{error}");
        fs::write(folder.0.join("a.png"), gray((3, 2))).unwrap();
        fs::write(folder.0.join("b.PNG"), gray((2, 3))).unwrap();
        let error = load(&folder.0).unwrap_err().to_string();
        let says =
            "b.PNG: found a gray picture of 2 × 3, expected a gray picture of 3 × 2, like a.png";
        assert!(error.ends_with(says), "{error}");
    }

    #[test]
    fn a_palette_has_three_bytes_a_color() {
        for bytes in [1, 2, 3, 4, 5, 7, 8, 9] {
            let mut file = Vec::new();
            let mut encoder = Encoder::new(&mut file, 2, 1);
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(vec![9; bytes]);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&[0, 0]).unwrap();
            writer.finish().unwrap();
            match from_bytes(&file) {
                Ok(picture) => assert!(bytes % 3 == 0 && picture.as_u8() == Some(&[9; 6])),
                Err(Error::Format { .. }) => assert!(bytes % 3 != 0),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    #[test]
    fn damaged_pictures_and_bombs_are_errors() {
        let whole = picture((4, 4), ColorType::Rgb, BitDepth::Eight, &[3; 48]);
        for length in 0..whole.len() {
            let _ = from_bytes(&whole[..length]);
            assert!(length > whole.len() - 12 || from_bytes(&whole[..length]).is_err());
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                if let Err(error) = from_bytes(&flipped) {
                    assert!(matches!(error, Error::Format { .. }), "{error:?}");
                }
            }
        }
        // Headers with the right checksum that claim 2³¹ pixels a side, and a few
        // more than deflate can make of the file.
        let most = (whole.len() * 1032 / 3) as u32;
        for size in [[i32::MAX as u32; 2], [1, most + 1]] {
            let mut claim = whole[..33].to_vec();
            claim[16..24].copy_from_slice(size.map(u32::to_be_bytes).as_flattened());
            let mut crc = flate2::Crc::new();
            crc.update(&claim[12..29]);
            claim[29..33].copy_from_slice(&crc.sum().to_be_bytes());
            claim.extend(&whole[33..]);
            let error = from_bytes(&claim).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error:?}");
            let ours = error
                .to_string()
                .contains("as many as such a picture takes");
            assert_eq!(ours, size[0] == 1, "{error}");
        }
    }
}
