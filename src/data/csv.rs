//! Numbers as text, for people and spreadsheets.

use std::io::{self, Write};
use std::path::Path;

use autoencoder_kernels::MatRef;

use crate::error::Result;
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
