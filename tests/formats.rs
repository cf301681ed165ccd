//! Writing samples then reading them is the identity, in every format that we both
//! write and read.

use autoencoder::data::{
    Audio, Dataset, Framing, LoadOptions, Origin, Text, Vocabulary, load, load_with, read_csv,
    write_csv, write_idx, write_npy, write_png_folder, write_text, write_wav,
};
use autoencoder::{Mat, MatRef};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

fn bits(mat: MatRef<'_, f32>) -> Vec<u32> {
    let mat = mat.to_owned();
    mat.as_slice().iter().map(|x| x.to_bits()).collect()
}

fn all_bits(data: &Dataset) -> Vec<u32> {
    bits(data.to_mat().unwrap().as_ref())
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Matrices of any floats: subnormals, infinities, zeros of both signs, NaN.
fn any_matrix() -> impl Strategy<Value = Mat<f32>> {
    let any = prop_oneof![
        8 => any::<u32>().prop_map(f32::from_bits),
        2 => -2.0f32..2.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::INFINITY, f32::NAN, f32::from_bits(1), f32::MAX]),
    ];
    let shape = (1usize..12, 1usize..12);
    shape.prop_flat_map(move |(rows, cols)| {
        let numbers = vec(any.clone(), rows * cols);
        numbers.prop_map(move |numbers| Mat::from_slice(rows, cols, &numbers).unwrap())
    })
}

/// Some samples of bytes, and their shape.
fn any_bytes() -> impl Strategy<Value = (Vec<usize>, Vec<u8>)> {
    let shape = vec(1usize..8, 2..4);
    shape.prop_flat_map(|shape| {
        let bytes = vec(any::<u8>(), shape.iter().product::<usize>());
        (Just(shape), bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_come_back_with_their_bits(mat in any_matrix(), names: bool) {
        let folder = folder();
        let npy = folder.path().join("x.npy");
        write_npy(&npy, mat.as_ref()).unwrap();
        let data = load(&npy).unwrap();
        prop_assert_eq!((data.len(), data.features()), mat.shape());
        prop_assert_eq!(all_bits(&data), bits(mat.as_ref()));

        let idx = folder.path().join("x.idx");
        write_idx(&idx, mat.as_ref(), &[mat.cols()], false).unwrap();
        prop_assert_eq!(all_bits(&load(&idx).unwrap()), bits(mat.as_ref()));

        // As text, NaN has no bits but its own.
        let (csv, columns) = (folder.path().join("x.csv"), (0..mat.cols()).map(|j| format!("c{j}")));
        let columns: Vec<String> = columns.collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        write_csv(&csv, if names { &columns } else { &[] }, mat.as_ref()).unwrap();
        let plain = |bits: Vec<u32>| -> Vec<u32> {
            bits.into_iter().map(|x| if f32::from_bits(x).is_nan() { f32::NAN.to_bits() } else { x }).collect()
        };
        let read = read_csv(&csv).unwrap();
        prop_assert_eq!(read.shape(), mat.shape());
        prop_assert_eq!(plain(bits(read.as_ref())), plain(bits(mat.as_ref())));
        prop_assert_eq!(all_bits(&load(&csv).unwrap()), bits(read.as_ref()));
    }

    #[test]
    fn bytes_come_back_with_their_shape((shape, bytes) in any_bytes()) {
        let folder = folder();
        let (rows, sample) = (shape[0], &shape[1..]);
        let data = Dataset::from_u8(rows, sample.iter().product(), bytes.clone()).unwrap();
        let mat = data.to_mat().unwrap();
        let path = folder.path().join("x.idx");
        write_idx(&path, mat.as_ref(), sample, true).unwrap();
        let again = load(&path).unwrap();
        prop_assert_eq!(again.as_u8(), Some(&bytes[..]));
        prop_assert_eq!(&again.kind().shape, sample);
    }

    #[test]
    fn pictures_come_back_with_their_pixels(
        rows in 1usize..5,
        (height, width) in (1usize..9, 1usize..9),
        color: bool,
        seed: u8,
    ) {
        let folder = folder();
        let shape = if color { vec![height, width, 3] } else { vec![height, width] };
        let features: usize = shape.iter().product();
        // Neighbours differ, so that a picture that is all grey stays one of colours.
        let byte = |i: usize| (i as u8).wrapping_mul(37).wrapping_add(seed);
        let bytes: Vec<u8> = (0..rows * features).map(byte).collect();
        let data = Dataset::from_u8(rows, features, bytes.clone()).unwrap();
        let path = folder.path().join("pictures");
        write_png_folder(&path, data.to_mat().unwrap().as_ref(), &shape).unwrap();
        let again = load(&path).unwrap();
        prop_assert_eq!(again.as_u8(), Some(&bytes[..]));
        prop_assert_eq!(again.sample_shape(), Some(&shape[..]));
    }

    #[test]
    fn sound_comes_back_frame_by_frame(
        sound in vec(any::<i16>(), 1..300),
        (frame, hop) in (1usize..40).prop_flat_map(|frame| (Just(frame), 1..=frame)),
        sample_rate in 1u32..200_000,
    ) {
        let framing = Framing { frame, hop };
        let count = 1 + sound.len().saturating_sub(frame).div_ceil(hop);
        let at = |i: usize| sound.get(i).map_or(0.0, |&x| f32::from(x) / 32768.0);
        let frames = Mat::from_fn(count, frame, |i, j| at(i * hop + j));
        let audio = Audio { sample_rate, length: sound.len(), framing };
        let folder = folder();
        let path = folder.path().join("x.wav");
        write_wav(&path, frames.as_ref(), &audio).unwrap();
        let options = LoadOptions { framing, ..LoadOptions::default() };
        let again = load_with(&path, &options).unwrap();
        prop_assert_eq!(again.origin(), Some(&Origin::Audio(audio)));
        prop_assert_eq!(all_bits(&again), bits(frames.as_ref()));
    }

    /// Lines of different words, in any order: a bag of them.
    #[test]
    fn text_comes_back_as_its_words(
        lines in vec(prop::sample::subsequence((0..9).collect::<Vec<_>>(), 1..9), 1..9),
    ) {
        let folder = folder();
        let (first, second) = (folder.path().join("first.txt"), folder.path().join("second.txt"));
        let words = |line: &Vec<usize>| -> String {
            let words = line.iter().map(|word| format!("word{word}"));
            words.collect::<Vec<_>>().join(" ")
        };
        let text: Vec<String> = lines.iter().map(words).collect();
        std::fs::write(&first, text.join("\n")).unwrap();
        let data = load(&first).unwrap();
        let Some(Origin::Text(vocabulary)) = data.origin() else {
            panic!("{:?}", data.origin());
        };
        write_text(&second, data.to_mat().unwrap().as_ref(), vocabulary, None).unwrap();

        let saved = folder.path().join("vocabulary.json");
        vocabulary.save(&saved).unwrap();
        prop_assert_eq!(&Vocabulary::load(&saved).unwrap(), vocabulary);
        let options = LoadOptions { text: Some(Text::File(saved)), ..LoadOptions::default() };
        let again = load_with(&second, &options).unwrap();
        prop_assert_eq!(again.as_u8(), data.as_u8());
        prop_assert_eq!(again.origin(), data.origin());
    }
}
