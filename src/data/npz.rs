//! `.npz`, numpy's format for several arrays: a zip archive of `.npy` files.
//! <https://numpy.org/doc/stable/reference/generated/numpy.savez.html>

use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder,
};

use super::array::Array;
use super::dataset::Dataset;
use super::npy;
use super::options::LoadOptions;
use super::source::{ReadSeek, Source, read_error};
use crate::error::{Error, Result};

/// Bytes read at a time.
const BUFFER: usize = 1 << 16;

/// Names that arrays of samples usually have, the likeliest first.
const SAMPLES: [&str; 6] = ["x_train", "x", "X", "data", "images", "arr_0"];

/// Reads the array of samples of an archive, and its labels.
pub(super) fn read(source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    let path = source.path();
    let (reader, length) = source.into_seekable()?;
    let archive = open(path, reader, length)?;
    let names = archive.names();
    let name = choose(path, &names, options.array.as_deref())?;
    let data = archive.array(name)?.into_dataset()?;
    let Some(labels) = names.iter().find(|other| are_labels(other, name)) else {
        return Ok(data);
    };
    // An array of that name may hold something else, such as other numbers.
    match archive.array(labels)?.into_labels(path) {
        Ok(labels) if labels.len() == data.len() => data.with_labels(labels),
        _ => Ok(data),
    }
}

/// The array of samples among those of an archive.
fn choose<'a>(path: &Path, names: &'a [String], asked: Option<&'a str>) -> Result<&'a str> {
    let has = |name: &&str| names.iter().any(|known| known == name);
    let chosen = match (asked, names) {
        (Some(asked), _) => Some(asked).filter(has),
        (None, [only]) => Some(only.as_str()),
        (None, _) => SAMPLES.into_iter().find(has),
    };
    chosen.ok_or_else(|| {
        let expected = match asked {
            Some(asked) => format!("one named {asked:?}"),
            None => "a single array, or one named x, x_train, data, images or arr_0; say \
                     which with --array (`LoadOptions::array`)"
                .to_owned(),
        };
        let found = match names {
            [] => "no arrays".to_owned(),
            _ => format!("the arrays {}", names.join(", ")),
        };
        Error::format(path, found, expected)
    })
}

/// Whether an array has the name that labels of `samples` usually have:
/// `y_train` for `x_train`, else `labels`.
fn are_labels(name: &str, samples: &str) -> bool {
    let twin = samples.strip_prefix(['x', 'X']).is_some_and(|rest| {
        let own = name.strip_prefix(['y', 'Y']);
        own.is_some_and(|own| own == rest)
    });
    twin || (name == "labels" && name != samples)
}

struct Archive<'a, R> {
    path: &'a Path,
    archive: ZipArchive<R>,
    /// Its `.npy` files.
    entries: Vec<Entry>,
    /// Bytes of the file.
    length: u64,
}

/// A `.npy` file in an archive.
struct Entry {
    /// Without the ending.
    name: String,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

/// Reads the list of an archive's files.
fn open<'a>(
    path: &'a Path,
    reader: Box<dyn ReadSeek + 'a>,
    length: u64,
) -> Result<Archive<'a, impl ReaderAt + use<'a>>> {
    let damaged = |error| damaged(path, error);
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = ZipArchive::from_seekable(reader, &mut buffer).map_err(damaged)?;
    let mut entries = Vec::new();
    let mut records = archive.entries(&mut buffer);
    while let Some(record) = records.next_entry().map_err(damaged)? {
        let name = String::from_utf8_lossy(record.file_path().as_ref()).into_owned();
        if let Some(name) = name.strip_suffix(".npy") {
            entries.push(Entry {
                name: name.to_owned(),
                method: record.compression_method(),
                place: record.wayfinder(),
            });
        }
    }
    Ok(Archive {
        path,
        archive,
        entries,
        length,
    })
}

impl<R: ReaderAt> Archive<'_, R> {
    /// The names of its arrays, in the order of the file.
    fn names(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(|entry| entry.name.clone())
            .collect()
    }

    fn array(&self, name: &str) -> Result<Array> {
        // Of two with one name, the later one counts, as for numpy.
        let mut entries = self.entries.iter().rev();
        let entry = entries.find(|entry| entry.name == name);
        let Some(Entry { method, place, .. }) = entry else {
            let expected = format!("one named {name:?}");
            return Err(Error::format(self.path, "no such array", expected));
        };
        let file = self.archive.get_entry(*place);
        let file = file.map_err(|error| damaged(self.path, error))?;
        let packed = BufReader::with_capacity(BUFFER, file.reader());
        let unpacked: Box<dyn Read> = match *method {
            CompressionMethod::STORE => Box::new(packed),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
            method => {
                let found = format!("an array within {method}");
                let expected = "one that is stored or deflated, as numpy.savez writes";
                return Err(Error::format(self.path, found, expected));
            }
        };
        // The archive may claim what it likes, but not to be longer than itself.
        let claimed = place.compressed_size_hint().min(self.length);
        let size = place.uncompressed_size_hint();
        let verified = file.verifying_reader(unpacked);
        let mut source = Source::unpacked(self.path, verified, claimed, size);
        let header = npy::header(&mut source)?;
        let array = Array::read(&mut source, header)?;
        source.end()?;
        Ok(array)
    }
}

fn damaged(path: &Path, error: rawzip::Error) -> Error {
    if let ErrorKind::IO(error) = error.kind()
        && let Some(code) = error.raw_os_error()
    {
        return read_error(path, io::Error::from_raw_os_error(code));
    }
    Error::format(path, error, "an intact npz file, as numpy.savez writes")
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use autoencoder_kernels::Mat;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::{Error, LoadOptions};
    use crate::data::{from_bytes, from_bytes_with, write_npy_to};

    fn archive(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in files {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn npy(rows: usize, cols: usize, first: f32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mat = Mat::from_fn(rows, cols, |i, j| first + (i * cols + j) as f32);
        write_npy_to(&mut bytes, mat.as_ref()).unwrap();
        bytes
    }

    // numpy.savez_compressed("x.npz", x=arange(6, dtype="u1").reshape(2, 3),
    // y=array([7, 1])), by numpy 2.4.
    const NUMPY: &[u8] = include_bytes!("fixtures/labelled.npz");

    #[test]
    fn what_numpy_wrote_is_read_with_its_labels() {
        let data = from_bytes(NUMPY).unwrap();
        assert_eq!(data.as_u8().unwrap(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(data.labels().unwrap(), [7, 1]);
    }

    #[test]
    fn the_array_is_the_one_asked_for_or_the_likeliest() {
        let files = [
            ("x_test.npy", npy(1, 2, 5.0)),
            ("notes.txt", b"?".to_vec()),
            ("x_train.npy", npy(2, 2, 0.0)),
            ("y_train.npy", npy(2, 1, 3.0)),
            ("y_test.npy", npy(1, 1, 0.5)),
        ];
        let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (*n, &b[..])).collect();
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let bytes = archive(&files, method);
            let data = from_bytes(&bytes).unwrap();
            assert_eq!(data.as_f32().unwrap().row(1).unwrap(), [2.0, 3.0]);
            assert_eq!(data.labels().unwrap(), [3, 4]);
            let ask = |array: &str| {
                let array = Some(array.to_owned());
                from_bytes_with(
                    &bytes,
                    &LoadOptions {
                        array,
                        ..LoadOptions::default()
                    },
                )
            };
            let test = ask("x_test").unwrap();
            // ½ is no label.
            assert_eq!((test.len(), test.labels()), (1, None));
            let error = ask("z").unwrap_err().to_string();
            assert!(
                error.contains("x_test, x_train") && error.contains("\"z\""),
                "{error}"
            );
        }
        let two = archive(&[("a.npy", b""), ("b.npy", b"")], CompressionMethod::Stored);
        let error = from_bytes(&two).unwrap_err().to_string();
        assert!(
            error.contains("the arrays a, b") && error.contains("--array"),
            "{error}"
        );
    }

    #[test]
    fn damaged_archives_and_bombs_are_errors() {
        let whole = archive(&[("x.npy", &npy(2, 3, 0.0))], CompressionMethod::Deflated);
        for length in 0..whole.len() {
            assert!(matches!(
                from_bytes(&whole[..length]),
                Err(Error::Format { .. })
            ));
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                // The checksum guards the numbers, not all that is about them.
                if let Ok(data) = from_bytes(&flipped) {
                    assert_eq!(data.as_f32().unwrap().get(1, 2), 5.0, "byte {at}");
                }
            }
        }
        // An array of a terabyte, in a file that could hold a megabyte at best.
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,)}";
        let mut claim = b"\x93NUMPY\x01\x00".to_vec();
        claim.extend((header.len() as u16).to_le_bytes());
        claim.extend(header.as_bytes());
        let claim = archive(&[("x.npy", &claim)], CompressionMethod::Deflated);
        let error = from_bytes(&claim).unwrap_err().to_string();
        assert!(error.contains("as the header says"), "{error}");
        // 16 MB behind an array of six numbers.
        let mut bomb = npy(2, 3, 0.0);
        bomb.resize(1 << 24, 0);
        let bomb = archive(&[("x.npy", &bomb)], CompressionMethod::Deflated);
        let error = from_bytes(&bomb).unwrap_err().to_string();
        assert!(error.contains("expected the end"), "{error}");
    }
}
