//! Numbers as text, for people and spreadsheets: `.csv`, read and written.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::path::Path;

use autoencoder_kernels::{Mat, MatRef};
use csv_core::{ReadRecordResult, Reader};

use super::dataset::Dataset;
use super::options::{Column, LoadOptions};
use super::source::{Source, read_error};
use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Reads the samples of a file, one a line.
pub(super) fn read(source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    let path = source.path();
    Table::read(path, source.into_reader(), options.label_column.as_ref())?.into_dataset()
}

/// Writes a matrix as `.csv`: one row a line, with the fewest digits that give
/// the same `f32` when read back. `names` is the first line, if it is not empty.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io); the file is written whole or not at all.
pub fn write_csv(path: impl AsRef<Path>, names: &[&str], mat: MatRef<'_, f32>) -> Result<()> {
    write_atomically(path, |writer| write_csv_to(writer, names, mat))
}

/// Writes the text of a `.csv` file.
///
/// # Errors
/// Those of the writer.
pub fn write_csv_to(
    writer: &mut dyn Write,
    names: &[&str],
    mat: MatRef<'_, f32>,
) -> io::Result<()> {
    if !names.is_empty() {
        writeln!(writer, "{}", names.join(","))?;
    }
    for i in 0..mat.rows() {
        for j in 0..mat.cols() {
            let comma = if j > 0 { "," } else { "" };
            // `{:?}` turns to an exponent where `{}` would write many zeros.
            write!(writer, "{comma}{:?}", mat.get(i, j))?;
        }
        writeln!(writer)?;
    }
    Ok(())
}

/// Reads a matrix from `.csv`: one row a line, with or without a first line of
/// names. What [`write_csv`] wrote comes back with the same bits.
///
/// # Errors
/// [`Error::Io`], or [`Error::Format`] with the line and the column that is no
/// number, or the line that is not as long as the others.
pub fn read_csv(path: impl AsRef<Path>) -> Result<Mat<f32>> {
    let path = path.as_ref();
    let source = Source::open(path)?;
    let table = Table::read(path, source.into_reader(), None)?;
    let (rows, cols) = (table.rows, table.cols);
    Ok(Mat::from_fn(rows, cols, |i, j| table.values[i * cols + j]))
}

/// The numbers of a file.
struct Table {
    rows: usize,
    /// Without that of the labels.
    cols: usize,
    values: Vec<f32>,
    labels: Option<Vec<u8>>,
}

impl Table {
    fn read(path: &Path, reader: Box<dyn BufRead + '_>, label: Option<&Column>) -> Result<Self> {
        let mut lines = Lines::new(path, reader);
        let mut more = lines.next()?;
        // Names are whatever is not all numbers, in the place of the first row.
        let named = more && lines.fields().any(|field| number(field).is_none());
        let label = match label {
            Some(column) => Some(find(column, &lines, named)?),
            None => None,
        };
        if named {
            more = lines.next()?;
        }
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        let (mut rows, mut width) = (0, 0);
        while more {
            let count = lines.fields().count();
            if rows > 0 && count != width {
                let expected = format!("{width}, as in the lines before");
                return Err(lines.error(format_args!("{count} fields"), expected));
            }
            if label.is_some_and(|label| label >= count) {
                let expected = "the column of the labels, too";
                return Err(lines.error(format_args!("{count} fields"), expected));
            }
            (rows, width) = (rows + 1, count);
            for (column, field) in lines.fields().enumerate() {
                let wrong = |expected| {
                    let field = String::from_utf8_lossy(field);
                    let found = format!("{field:?} in column {}", column + 1);
                    lines.error(found, expected)
                };
                let value = number(field).ok_or_else(|| wrong("a number"))?;
                if label == Some(column) {
                    // A cast clamps, so that only labels survive it unchanged.
                    let whole = value as u8;
                    let is_label = f32::from(whole) == value;
                    let expected = "a label: a whole number from 0 to 255";
                    labels.push(is_label.then_some(whole).ok_or_else(|| wrong(expected))?);
                } else {
                    values.push(value);
                }
            }
            more = lines.next()?;
        }
        if values.is_empty() {
            return Err(Error::format(path, "no numbers", "one row of them a line"));
        }
        Ok(Table {
            rows,
            cols: values.len() / rows,
            values,
            labels: label.map(|_| labels),
        })
    }

    fn into_dataset(self) -> Result<Dataset> {
        let data = Dataset::from_f32(self.rows, self.cols, self.values)?;
        match self.labels {
            Some(labels) => data.with_labels(labels),
            None => Ok(data),
        }
    }
}

/// The place of a column, from 0.
fn find(column: &Column, first: &Lines<'_>, named: bool) -> Result<usize> {
    let count = first.fields().count();
    let place = match column {
        Column::Number(number) => number.checked_sub(1).filter(|&place| place < count),
        Column::Name(name) => {
            let mut names = first.fields().take_while(|_| named);
            names.position(|field| field == name.as_bytes())
        }
    };
    place.ok_or_else(|| {
        let what = if named { "names" } else { "numbers" };
        let expected = match column {
            Column::Number(number) => format!("a column {number}, counted from 1"),
            Column::Name(name) => format!("one named {name:?}"),
        };
        first.error(format_args!("{count} {what}"), expected)
    })
}

fn number(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The lines of a file one after another, cut into fields. A field does not go on
/// in the next line, so that a message can tell where it is.
struct Lines<'a> {
    path: &'a Path,
    reader: Box<dyn BufRead + 'a>,
    core: Reader,
    /// Its number, from 1.
    number: u64,
    line: Vec<u8>,
    /// The fields without quotes and commas, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(path: &'a Path, reader: Box<dyn BufRead + 'a>) -> Self {
        Lines {
            path,
            reader,
            core: Reader::new(),
            number: 0,
            line: Vec::new(),
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Goes on to the next line that is not blank; false at the end.
    fn next(&mut self) -> Result<bool> {
        self.ends.clear();
        loop {
            self.line.clear();
            let read = self.reader.read_until(b'\n', &mut self.line);
            if read.map_err(|error| read_error(self.path, error))? == 0 {
                return Ok(false);
            }
            self.number += 1;
            let line = self.line.strip_prefix(b"\xef\xbb\xbf");
            let line = line.filter(|_| self.number == 1).unwrap_or(&self.line);
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            // As much as the fields can take, so that neither is ever full.
            let commas = line.iter().filter(|&&byte| byte == b',').count();
            self.text.resize(line.len() + 1, 0);
            self.ends.resize(commas + 2, 0);
            self.core.reset();
            let (result, _, written, ended) =
                self.core.read_record(line, &mut self.text, &mut self.ends);
            let mut count = ended;
            if result == ReadRecordResult::InputEmpty {
                let (text, ends) = (&mut self.text[written..], &mut self.ends[ended..]);
                count += self.core.read_record(&[], text, ends).3;
            }
            self.ends.truncate(count);
            return Ok(true);
        }
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let fields = starts.zip(&self.ends);
        fields.map(|(start, &end)| self.text[start..end].trim_ascii())
    }

    fn error(&self, found: impl fmt::Display, expected: impl fmt::Display) -> Error {
        let found = format!("{found} of line {}", self.number);
        Error::format(self.path, found, expected)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{Format, LoadOptions, from_bytes_with};
    use crate::file::tests::Folder;

    #[test]
    fn numbers_come_back_from_text() {
        let folder = Folder::new("csv");
        let path = folder.0.join("x.csv");
        let values = [0.1, -1e-30, 3.0e7, 1.0 / 3.0, 0.0, -2.5];
        let mat = Mat::from_fn(3, 2, |i, j| values[i * 2 + j]);
        for names in [&[][..], &["a", "b"]] {
            write_csv(&path, names, mat.as_ref()).unwrap();
            let read = read_csv(&path).unwrap();
            assert_eq!((read.shape(), read.as_slice()), ((3, 2), &values[..]));
        }
        for (text, says) in [
            ("", "no numbers"),
            ("a,b\n", "no numbers"),
            ("1,2\n3\n", "1 fields of line 2, expected 2"),
            (
                "1,2\n\n3,x\n",
                "\"x\" in column 2 of line 3, expected a number",
            ),
            ("1,2\n3,\n", "\"\" in column 2 of line 2"),
            ("1,b\n3,4\n5\n", "1 fields of line 3"),
            (
                "1,2\r\n\r\n\"3\",\"4,5\"\r\n",
                "\"4,5\" in column 2 of line 3",
            ),
            ("1,2\n\"3\n4\",5\n6,7", "1 fields of line 2"),
        ] {
            fs::write(&path, text).unwrap();
            let message = read_csv(&path).unwrap_err().to_string();
            assert!(message.contains(says), "{text:?}: {message}");
        }
        assert!(read_csv(folder.0.join("none")).is_err());
    }

    fn read(text: &str, label: &str) -> Result<Dataset> {
        let options = LoadOptions {
            format: Some(Format::Csv),
            label_column: (!label.is_empty()).then(|| label.parse().unwrap()),
            ..LoadOptions::default()
        };
        from_bytes_with(text.as_bytes(), &options)
    }

    #[test]
    fn labels_are_a_column_by_name_or_number() {
        let text = "\u{feff}a, class ,b\r\n1, 7.0 ,2\r\n3,255,4";
        for label in ["class", "2"] {
            let data = read(text, label).unwrap();
            assert_eq!(data.labels().unwrap(), [7, 255]);
            assert_eq!(data.to_mat().unwrap().as_slice(), [1.0, 2.0, 3.0, 4.0]);
        }
        let all = read(text, "").unwrap();
        assert_eq!((all.features(), all.labels()), (3, None));
        for (text, label, says) in [
            (text, "4", "3 names of line 1, expected a column 4"),
            (text, "0", "counted from 1"),
            (text, "klass", "one named \"klass\""),
            ("1,2\n", "a", "2 numbers of line 1, expected one named"),
            (
                "1,2\n3,0.5\n",
                "2",
                "\"0.5\" in column 2 of line 2, expected a label",
            ),
            ("1,2\n3,-1\n", "2", "expected a label"),
            ("1,2\n3,256\n", "2", "expected a label"),
            ("x,y\n1\n", "y", "1 fields of line 2"),
            ("y\n1\n", "y", "no numbers"),
        ] {
            let message = read(text, label).unwrap_err().to_string();
            assert!(message.contains(says), "{text:?}: {message}");
        }
    }
}
