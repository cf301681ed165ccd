//! Numbers as text, for people and spreadsheets.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use autoencoder_kernels::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::file::write_atomically;

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
/// [`Error::Io`], or [`Error::Format`] with the line that is no row of numbers,
/// or not as long as the others.
pub fn read_csv(path: impl AsRef<Path>) -> Result<Mat<f32>> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    let mut values = Vec::new();
    let (mut rows, mut cols) = (0, 0);
    for (line, number) in text.lines().zip(1usize..) {
        let before = values.len();
        for field in line.split(',') {
            match field.trim().parse::<f32>() {
                Ok(value) => values.push(value),
                // Names, in the place of the first row.
                Err(_) if number == 1 => break,
                Err(_) => {
                    let found = format!("{:?} in line {number}", field.trim());
                    return Err(Error::format(path, found, "numbers between commas"));
                }
            }
        }
        if number == 1 && line.split(',').count() != values.len() {
            values.clear();
            continue;
        }
        let given = values.len() - before;
        if rows > 0 && given != cols {
            let found = format!("{given} numbers in line {number}");
            let expected = format!("{cols}, as in the lines before");
            return Err(Error::format(path, found, expected));
        }
        (rows, cols) = (rows + 1, given);
    }
    if rows == 0 {
        return Err(Error::format(path, "no numbers", "one row of them a line"));
    }
    Ok(Mat::from_fn(rows, cols, |i, j| values[i * cols + j]))
}

#[cfg(test)]
mod tests {
    use super::*;
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
            ("1,2\n3\n", "1 numbers in line 2"),
            ("1,2\n3,x\n", "\"x\" in line 2"),
            ("1,2\n3,\n", "\"\" in line 2"),
            ("1,b\n3,4\n5\n", "1 numbers in line 3"),
        ] {
            fs::write(&path, text).unwrap();
            let message = read_csv(&path).unwrap_err().to_string();
            assert!(message.contains(says), "{text:?}: {message}");
        }
        assert!(read_csv(folder.0.join("none")).is_err());
    }
}
