//! Lines of text as bags of words or of byte n-grams, read and written.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;

use autoencoder_kernels::MatRef;

use super::dataset::Dataset;
use super::memory::reserve;
use super::options::LoadOptions;
use super::origin::Origin;
use super::source::{Source, read_error};
use super::tokens::{Text, Vocabulary};
use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Reads lines, each of which is a sample.
pub(super) fn read(source: Source<'_>, options: &LoadOptions) -> Result<Dataset> {
    let text = options.tokens();
    let path = source.path();
    let mut reader = source.into_reader();
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let read = reader.read_until(b'\n', &mut line);
        if read.map_err(|error| read_error(path, error))? == 0 {
            break;
        }
        let line = line.trim_ascii();
        if !line.is_empty() {
            lines.push(line.to_vec());
        }
    }
    let vocabulary = match &text {
        Text::Words { most } => Vocabulary::of(&lines, None, *most),
        Text::Bytes { length, most } => Vocabulary::of(&lines, Some(*length), *most),
        Text::File(path) => Vocabulary::load(path)?,
        Text::Vocabulary(vocabulary) => vocabulary.clone(),
    };
    if lines.is_empty() || vocabulary.is_empty() {
        return Err(Error::format(
            path,
            "no text",
            "at least one line with a token in it",
        ));
    }
    let mut values: Vec<u8> = Vec::new();
    let size = lines.len().checked_mul(vocabulary.len());
    if size.is_none_or(|size| reserve(&mut values, size).is_err()) {
        let (lines, tokens) = (lines.len(), vocabulary.len());
        let what = format_args!("{lines} lines × {tokens} tokens");
        return Err(Error::no_memory(path, what));
    }
    values.resize(lines.len() * vocabulary.len(), 0);
    let tokens = vocabulary.tokens.iter().map(Vec::as_slice);
    let indices: HashMap<&[u8], usize> = tokens.zip(0..).collect();
    for (line, out) in lines.iter().zip(values.chunks_mut(vocabulary.len())) {
        vocabulary.count(&indices, line, out);
    }
    let data = Dataset::from_u8(lines.len(), vocabulary.len(), values)?;
    Ok(data.with_origin(Origin::Text(vocabulary)))
}

impl Vocabulary {
    /// The most frequent tokens of lines; of equally frequent ones, those that
    /// come first in the order of bytes.
    fn of(lines: &[Vec<u8>], bytes: Option<usize>, most: usize) -> Self {
        let mut counts: HashMap<Vec<u8>, u64> = HashMap::new();
        for line in lines {
            each_token(line, bytes, |token| match counts.get_mut(token) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(token.to_vec(), 1);
                }
            });
        }
        let mut tokens: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
        tokens.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        tokens.truncate(most);
        Vocabulary {
            bytes,
            tokens: tokens.into_iter().map(|(token, _)| token).collect(),
        }
    }

    /// The numbers of a line, 255 for the most frequent token: what the bag of
    /// tokens has of each, as a part of what it has most of.
    fn count(&self, indices: &HashMap<&[u8], usize>, line: &[u8], out: &mut [u8]) {
        let mut counts = vec![0u64; self.len()];
        each_token(line, self.bytes, |token| {
            if let Some(&index) = indices.get(token) {
                counts[index] += 1;
            }
        });
        let largest = counts.iter().copied().max().unwrap_or(0).max(1);
        for (out, count) in out.iter_mut().zip(counts) {
            // Rounded; at least 1 where there is a token.
            *out = ((count * 255 * 2 + largest) / (2 * largest)).max(count.min(1)) as u8;
        }
    }

    /// The `count` tokens with the largest numbers, the largest first.
    fn nearest(&self, row: impl Fn(usize) -> f32, count: usize) -> Vec<String> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        // Stable, so that equal numbers stay in the vocabulary's order.
        order.sort_by(|&a, &b| row(b).total_cmp(&row(a)));
        let nearest = order.into_iter().take(count);
        nearest.filter_map(|index| self.token(index)).collect()
    }
}

/// Calls `f` with each token of a line, in order.
fn each_token(line: &[u8], bytes: Option<usize>, mut f: impl FnMut(&[u8])) {
    if let Some(length) = bytes {
        return line.windows(length).for_each(f);
    }
    let line = String::from_utf8_lossy(line).to_lowercase();
    let words = line.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        f(word.as_bytes());
    }
}

/// Writes the tokens of each row as a line, the likeliest first: those with the
/// largest numbers, as many as `counts` says; without it, those of at least ½.
///
/// # Errors
/// [`Error::Shape`] unless the rows have a number for each token, and there is a
/// count for each row; [`Error::Io`]. The file is written whole or not at all.
pub fn write_text(
    path: impl AsRef<Path>,
    mat: MatRef<'_, f32>,
    vocabulary: &Vocabulary,
    counts: Option<&[usize]>,
) -> Result<()> {
    if mat.cols() != vocabulary.len() {
        let expected = format!("{}, the tokens of the vocabulary", vocabulary.len());
        return Err(Error::shape("numbers per line", mat.cols(), expected));
    }
    if let Some(counts) = counts.filter(|counts| counts.len() != mat.rows()) {
        return Err(Error::shape("counts of tokens", counts.len(), mat.rows()));
    }
    write_atomically(path, |writer: &mut dyn Write| {
        for i in 0..mat.rows() {
            let likely = || (0..mat.cols()).filter(|&j| mat.get(i, j) >= 0.5).count();
            let count = counts.map_or_else(likely, |counts| counts[i]);
            let tokens = vocabulary.nearest(|j| mat.get(i, j), count);
            writeln!(writer, "{}", tokens.join(" "))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{Format, from_bytes_with};
    use crate::file::tests::Folder;

    fn read(text: &[u8], tokens: &str) -> Result<Dataset> {
        let options = LoadOptions {
            format: Some(Format::Text),
            text: Some(tokens.parse()?),
            ..LoadOptions::default()
        };
        from_bytes_with(text, &options)
    }

    fn vocabulary(data: &Dataset) -> &Vocabulary {
        match data.origin() {
            Some(Origin::Text(vocabulary)) => vocabulary,
            other => panic!("{other:?}"),
        }
    }

    fn tokens(data: &Dataset) -> Vec<String> {
        let vocabulary = vocabulary(data);
        let tokens = (0..vocabulary.len()).map(|i| vocabulary.token(i));
        tokens.map(Option::unwrap).collect()
    }

    #[test]
    fn what_is_saved_comes_back() {
        let data = read(b"one two\nthree\n", "words").unwrap();
        let texts = ["words:7", "bytes:2:9", "vocabulary:a/b.json"];
        let mut texts: Vec<Text> = texts.map(|text| text.parse().unwrap()).to_vec();
        texts.push(Text::Vocabulary(vocabulary(&data).clone()));
        for text in texts {
            let json = serde_json::to_string(&text).unwrap();
            assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text, "{json}");
        }
        assert!(serde_json::from_str::<Text>("\"words:0\"").is_err());
    }

    #[test]
    fn words_are_counted_by_the_line() {
        let text = "Der Bär und der Hase.\n\n  und — BÄR!\nIgel\n";
        let data = read(text.as_bytes(), "words:4").unwrap();
        assert_eq!(tokens(&data), ["bär", "der", "und", "hase"]);
        #[rustfmt::skip]
        assert_eq!(data.as_u8().unwrap(), [
            128, 255, 128, 128,
            255, 0, 255, 0,
            0, 0, 0, 0,
        ]);
    }

    #[test]
    fn runs_of_bytes_may_be_any_bytes() {
        let data = read(b"abab\xff\n a b\n", "bytes:2").unwrap();
        assert_eq!(tokens(&data), ["ab", "\\x20b", "a\\x20", "ba", "b\\xff"]);
        #[rustfmt::skip]
        assert_eq!(data.as_u8().unwrap(), [
            255, 0, 0, 128, 128,
            0, 255, 255, 0, 0,
        ]);
        assert_eq!(read(b"abab", "bytes:2:1").unwrap().features(), 1);
    }

    #[test]
    fn a_vocabulary_goes_to_a_file_and_new_text_is_counted_with_it() {
        let folder = Folder::new("text");
        let (path, out) = (folder.0.join("v.json"), folder.0.join("out.txt"));
        let data = read(b"a b b c c c\nc", "words").unwrap();
        vocabulary(&data).save(&path).unwrap();
        let again = read(b"d b a\nb", &format!("vocabulary:{}", path.display())).unwrap();
        assert_eq!(again.origin(), data.origin());
        assert_eq!(again.as_u8().unwrap(), [0, 255, 255, 0, 255, 0]);
        let mat = again.to_mat().unwrap();
        write_text(&out, mat.as_ref(), vocabulary(&data), Some(&[2, 1])).unwrap();
        assert_eq!(fs::read_to_string(&out).unwrap(), "b a\nb\n");
        write_text(&out, mat.as_ref(), vocabulary(&data), None).unwrap();
        assert_eq!(fs::read_to_string(&out).unwrap(), "b a\nb\n");
        assert!(write_text(&out, mat.as_ref(), vocabulary(&data), Some(&[2])).is_err());
        fs::write(&path, "{}").unwrap();
        assert!(matches!(Vocabulary::load(&path), Err(Error::Format { .. })));
    }

    #[test]
    fn what_is_no_text_or_no_kind_of_tokens_is_an_error() {
        for bad in [
            "",
            "word",
            "words:",
            "words:0",
            "bytes",
            "bytes:0",
            "bytes:1:x",
            "vocabulary:",
        ] {
            let error = bad.parse::<Text>().unwrap_err().to_string();
            assert!(error.contains("words:MOST"), "{error}");
        }
        for good in ["words:7", "bytes:3:9", "vocabulary:a/b.json"] {
            assert_eq!(good.parse::<Text>().unwrap().to_string(), good);
        }
        for empty in [&b""[..], b"\n \n", b"!\n"] {
            assert!(matches!(read(empty, "words"), Err(Error::Format { .. })));
        }
        assert!(read(b"a", "bytes:2").is_err());
    }
}
