//! Sound: `.wav` files, read and written.

use std::io::{Cursor, ErrorKind};
use std::ops::RangeInclusive;
use std::path::Path;

use autoencoder_kernels::MatRef;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::dataset::Dataset;
use super::framing::{Audio, Framing};
use super::memory::reserve;
use super::options::LoadOptions;
use super::origin::Origin;
use super::source::{Source, read_error};
use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Numbers per second that a file of 16 bits can have: its header has an `u32` for
/// the bytes per second.
const SAMPLE_RATES: RangeInclusive<u32> = 1..=u32::MAX / 2;
const EXPECTED_RATE: &str = "a sample rate from 1 to 2147483647";

pub(super) fn read(source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    let path = source.path();
    options.framing.check()?;
    let damaged = |error| damaged(path, error);
    let mut reader = WavReader::new(source.into_reader()).map_err(damaged)?;
    let spec = reader.spec();
    if !SAMPLE_RATES.contains(&spec.sample_rate) {
        let found = format_args!("a sample rate of {}", spec.sample_rate);
        return Err(Error::format(path, found, EXPECTED_RATE));
    }
    let sound = match spec.sample_format {
        SampleFormat::Float => mono(spec, reader.samples::<f32>()).map_err(damaged)?,
        SampleFormat::Int => {
            let full = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            let samples = reader.samples::<i32>().map(|x| Ok(x? as f32 / full));
            mono(spec, samples).map_err(damaged)?
        }
    };
    if sound.is_empty() {
        return Err(Error::format(path, "no sound", "at least one sample"));
    }
    frames(path, &sound, spec.sample_rate, options.framing)
}

/// The mean of the channels.
fn mono(
    spec: WavSpec,
    samples: impl Iterator<Item = hound::Result<f32>>,
) -> hound::Result<Vec<f32>> {
    let channels = usize::from(spec.channels.max(1));
    let (mut sound, mut sum, mut count) = (Vec::new(), 0.0, 0);
    for sample in samples {
        (sum, count) = (sum + sample?, count + 1);
        if count == channels {
            sound.push(sum / channels as f32);
            (sum, count) = (0.0, 0);
        }
    }
    Ok(sound)
}

fn frames(path: &Path, sound: &[f32], sample_rate: u32, framing: Framing) -> Result<Dataset> {
    let Framing { frame, hop } = framing;
    let count = framing.count(sound.len());
    let mut values = Vec::new();
    let size = count.checked_mul(frame);
    if size.is_none_or(|size| reserve(&mut values, size).is_err()) {
        let what = format_args!("{count} frames of {frame} numbers");
        return Err(Error::no_memory(path, what));
    }
    for start in (0..count).map(|i| i * hop) {
        let end = sound.len().min(start + frame);
        values.extend(&sound[start..end]);
        values.extend(std::iter::repeat_n(0.0, frame - (end - start)));
    }
    let origin = Audio {
        sample_rate,
        length: sound.len(),
        framing,
    };
    Ok(Dataset::from_f32(count, frame, values)?.with_origin(Origin::Audio(origin)))
}

fn damaged(path: &Path, error: hound::Error) -> Error {
    match error {
        // What hound says of a file that ends too early.
        hound::Error::IoError(error) if error.kind() == ErrorKind::Other => {
            Error::format(path, error, "all of a WAV file")
        }
        hound::Error::IoError(error) => read_error(path, error),
        error => Error::format(path, error, "a WAV file of integers or floats"),
    }
}

/// Writes frames, one a row, as a WAV file of 16 bits, put together by
/// [`Audio::join`]. Numbers outside of [−1, 1] are clamped; NaN is silence.
///
/// # Errors
/// As [`Audio::join`]; [`Error::Configuration`] for a sample rate of 0 or above
/// 2³¹ − 1; [`Error::Io`]. The file is written whole or not at all.
pub fn write_wav(path: impl AsRef<Path>, frames: MatRef<'_, f32>, audio: &Audio) -> Result<()> {
    let path = path.as_ref();
    // It may come from a file that was made up.
    if !SAMPLE_RATES.contains(&audio.sample_rate) {
        let what = "the sample rate of the sound";
        return Err(Error::configuration(what, audio.sample_rate, EXPECTED_RATE));
    }
    let sound = audio.join(frames)?;
    let spec = WavSpec {
        channels: 1,
        sample_rate: audio.sample_rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let encode = || {
        let mut writer = WavWriter::new(&mut bytes, spec)?;
        for x in sound {
            // The cast turns NaN into 0 and clamps.
            writer.write_sample((x * 32768.0).round() as i16)?;
        }
        writer.finalize()
    };
    encode().map_err(|error| Error::io("write", path, std::io::Error::other(error)))?;
    write_atomically(path, |writer| writer.write_all(bytes.get_ref()))
}

#[cfg(test)]
mod tests {
    use autoencoder_kernels::Mat;

    use super::*;
    use crate::data::{from_bytes, from_bytes_with, load_with};
    use crate::file::tests::Folder;

    fn wav(spec: WavSpec, samples: &[f64]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for &x in samples {
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(x as f32).unwrap(),
                SampleFormat::Int => {
                    let full = 2f64.powi(i32::from(spec.bits_per_sample) - 1);
                    writer.write_sample((x * full) as i32).unwrap();
                }
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn spec(channels: u16, bits_per_sample: u16) -> WavSpec {
        WavSpec {
            channels,
            sample_rate: 8000,
            bits_per_sample,
            sample_format: match bits_per_sample {
                32 => SampleFormat::Float,
                _ => SampleFormat::Int,
            },
        }
    }

    fn options(frame: usize, hop: usize) -> LoadOptions {
        LoadOptions {
            framing: Framing { frame, hop },
            ..LoadOptions::default()
        }
    }

    #[test]
    fn frames_lie_over_each_other_and_end_in_zeros() {
        for bits in [8, 16, 24, 32] {
            let bytes = wav(spec(1, bits), &[0.5, -1.0, 0.25, -0.5, 0.0, 0.75]);
            let data = from_bytes_with(&bytes, &options(4, 3)).unwrap();
            let frames = data.to_mat().unwrap();
            let expected = [0.5, -1.0, 0.25, -0.5, -0.5, 0.0, 0.75, 0.0];
            assert_eq!((frames.shape(), frames.as_slice()), ((2, 4), &expected[..]));
        }
        let stereo = wav(spec(2, 16), &[0.5, -0.5, 0.25, 0.75]);
        let data = from_bytes_with(&stereo, &options(4, 4)).unwrap();
        assert_eq!(data.to_mat().unwrap().as_slice(), [0.0, 0.5, 0.0, 0.0]);
        for (frame, hop) in [(0, 0), (4, 0), (4, 5)] {
            let error = from_bytes_with(&stereo, &options(frame, hop)).unwrap_err();
            assert!(matches!(error, Error::Configuration { .. }), "{error}");
        }
    }

    #[test]
    fn a_sound_comes_back_from_its_frames() {
        let folder = Folder::new("wav");
        let path = folder.0.join("x.wav");
        let sound: Vec<f64> = (0..1000)
            .map(|i| (f64::from(i) * 0.1).sin() * 0.9)
            .collect();
        let bytes = wav(spec(1, 16), &sound);
        for (frame, hop) in [(256, 128), (100, 100), (64, 7), (2000, 1)] {
            let data = from_bytes_with(&bytes, &options(frame, hop)).unwrap();
            let Some(Origin::Audio(audio)) = data.origin() else {
                panic!("{:?}", data.origin());
            };
            write_wav(&path, data.to_mat().unwrap().as_ref(), audio).unwrap();
            let again = load_with(&path, &options(frame, hop)).unwrap();
            assert_eq!(again.origin(), data.origin());
            assert_eq!(
                again.as_f32().unwrap().row(0),
                data.as_f32().unwrap().row(0)
            );
            assert_eq!(again.fingerprint(), data.fingerprint());
            assert!(write_wav(&path, Mat::zeros(2, 3).as_ref(), audio).is_err());
        }
    }

    #[test]
    fn impossible_sample_rates_are_errors() {
        let folder = Folder::new("rates");
        let path = folder.0.join("x.wav");
        // Of one byte: of two, no header can claim more than 2³¹ − 1 per second.
        let mut bytes = wav(spec(1, 8), &[0.5, -0.5]);
        for (rate, good) in [
            (0, false),
            (1, true),
            (u32::MAX / 2, true),
            (1 << 31, false),
            (u32::MAX, false),
        ] {
            // Byte 24 of a file: the samples, then the bytes, per second.
            bytes[24..28].copy_from_slice(&rate.to_le_bytes());
            bytes[28..32].copy_from_slice(&rate.to_le_bytes());
            let read = from_bytes_with(&bytes, &options(2, 2));
            assert_eq!(read.is_ok(), good, "{rate}");
            if let Err(error) = read {
                let says = format!("a sample rate of {rate}, expected a sample rate from 1");
                assert!(error.to_string().contains(&says), "{error}");
            }
            let audio = Audio {
                sample_rate: rate,
                length: 2,
                framing: Framing { frame: 2, hop: 2 },
            };
            let written = write_wav(&path, Mat::zeros(1, 2).as_ref(), &audio);
            assert_eq!(written.is_ok(), good, "{rate}");
            if let Err(error) = written {
                assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
            }
        }
    }

    #[test]
    fn damaged_sounds_are_errors() {
        let whole = wav(spec(2, 16), &[0.5, -0.5, 0.25, 0.75]);
        for length in 0..whole.len() {
            let error = from_bytes(&whole[..length]).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{length}: {error:?}");
        }
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = value;
                if let Err(error) = from_bytes(&changed) {
                    assert!(
                        matches!(error, Error::Format { .. }),
                        "byte {at}: {error:?}"
                    );
                }
            }
        }
    }
}
