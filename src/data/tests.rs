//! Files that numpy and Python wrote, and files that mean no good.

use std::fs;
use std::io::Write;

use autoencoder_kernels::{Mat, MatRef};
use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::file::tests::Folder;

// Written by numpy 2.4. The numbers are 0, 1, 2; -3, 4.5, 250, or what of them
// the type can hold.
const F4: &[u8] = include_bytes!("fixtures/f4.npy");
const F8_BIG_V2: &[u8] = include_bytes!("fixtures/f8_big_v2.npy");
const I2_V3: &[u8] = include_bytes!("fixtures/i2_v3.npy");
const U1: &[u8] = include_bytes!("fixtures/u1.npy");
const I8_LABELS: &[u8] = include_bytes!("fixtures/i8_labels.npy");
const F4_FORTRAN: &[u8] = include_bytes!("fixtures/f4_fortran.npy");

fn idx(number: u8, shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, number, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn labels_from(bytes: &[u8]) -> Result<Vec<u8>> {
    read_labels(Source::from_bytes(Path::new("labels"), bytes)?)
}

fn values(bytes: &[u8]) -> Vec<f32> {
    from_bytes(bytes)
        .unwrap()
        .to_mat()
        .unwrap()
        .as_slice()
        .to_vec()
}

#[test]
fn what_numpy_wrote_is_read() {
    assert_eq!(values(F4), [0.0, 1.0, 2.0, -3.0, 4.5, 250.0]);
    assert_eq!(values(F8_BIG_V2), [0.0, 1.0, 2.0, -3.0, 4.5, 250.0]);
    assert_eq!(values(I2_V3), [0.0, 1.0, 2.0, -3.0, 4.0, 250.0]);
    assert_eq!(values(&gzip(F4)), values(F4));
    let bytes = from_bytes(U1).unwrap();
    assert_eq!(bytes.as_u8().unwrap(), [0, 1, 2, 3, 4, 250]);
    assert_eq!((bytes.len(), bytes.features()), (2, 3));
    assert_eq!(bytes.sample_shape(), None);
    assert_eq!(labels_from(I8_LABELS).unwrap(), [7, 0, 255]);
    let fortran = from_bytes(F4_FORTRAN).unwrap();
    assert_eq!(fortran.sample_shape(), Some([3, 4].as_slice()));
    assert_eq!(
        values(F4_FORTRAN),
        Vec::from_iter((0..24).map(|i| i as f32))
    );
}

#[test]
fn what_is_written_is_what_numpy_writes() {
    let mut bytes = Vec::new();
    let data = [0.0, 1.0, 2.0, -3.0, 4.5, 250.0];
    write_npy_to(&mut bytes, MatRef::new(&data, 2, 3).unwrap()).unwrap();
    assert_eq!(bytes, F4);

    let folder = Folder::new("npy");
    let path = folder.0.join("codes.npy");
    let mat = Mat::from_fn(77, 1000, |i, j| (i as f32 * 0.1).exp() / (j as f32 - 3.0));
    write_npy(&path, mat.as_ref().transpose()).unwrap();
    let read = load(&path).unwrap().to_mat().unwrap();
    assert_eq!(read.as_slice(), mat.transposed().as_slice());
}

#[test]
fn the_ending_chooses_what_is_written() {
    let folder = Folder::new("save");
    let data = [0.1, 1.0, -1e-30, f32::NAN];
    let mat = MatRef::new(&data, 2, 2).unwrap();
    save(folder.0.join("x.CSV"), mat).unwrap();
    save(folder.0.join("x.npy"), mat).unwrap();
    write_csv(folder.0.join("named.csv"), &["a", "b"], mat).unwrap();
    let read = |name| fs::read_to_string(folder.0.join(name)).unwrap();
    assert_eq!(read("x.CSV"), "0.1,1.0\n-1e-30,NaN\n");
    assert_eq!(read("named.csv"), "a,b\n0.1,1.0\n-1e-30,NaN\n");
    assert_eq!(load(folder.0.join("x.npy")).unwrap().len(), 2);
    let error = save("codes.txt", mat).unwrap_err().to_string();
    assert_eq!(
        error,
        "the output file is codes.txt, expected a name that ends in .npy or .csv"
    );
}

#[test]
fn idx_comes_back_as_bytes_or_floats() {
    let folder = Folder::new("write-idx");
    let path = folder.0.join("x.idx");
    let mat = Mat::from_fn(2, 6, |i, j| (i * 6 + j) as f32 / 255.0);
    for as_bytes in [true, false] {
        write_idx(&path, mat.as_ref(), &[3, 2], as_bytes).unwrap();
        let read = load(&path).unwrap();
        assert_eq!(read.as_u8().is_some(), as_bytes);
        assert_eq!(read.sample_shape(), Some([3, 2].as_slice()));
        assert_eq!(read.to_mat().unwrap().as_slice(), mat.as_slice());
    }
    let beyond = MatRef::new(&[-1.0, 2.0, f32::NAN], 1, 3).unwrap();
    write_idx(&path, beyond, &[3], true).unwrap();
    assert_eq!(load(&path).unwrap().as_u8().unwrap(), [0, 255, 0]);
    assert!(write_idx(&path, mat.as_ref(), &[5], true).is_err());
}

#[test]
fn numbers_are_divided_and_bytes_are_not() {
    let options = LoadOptions {
        divide_by: Some(10.0),
        ..LoadOptions::default()
    };
    let divided = |bytes: &[u8]| from_bytes_with(bytes, &options).unwrap().to_mat().unwrap();
    assert_eq!(divided(F4).as_slice(), [0.0, 0.1, 0.2, -0.3, 0.45, 25.0]);
    assert_eq!(divided(U1).as_slice(), values(U1));
    for bad in [0.0, -1.0, f32::NAN] {
        let options = LoadOptions {
            divide_by: Some(bad),
            ..LoadOptions::default()
        };
        assert!(from_bytes_with(F4, &options).is_err());
    }
}

#[test]
fn every_type_of_idx_is_read_big_endian() {
    let cases: [(u8, &[u8], [f32; 2]); 6] = [
        (0x08, &[0, 255], [0.0, 1.0]),
        (0x09, &[0xff, 3], [-1.0, 3.0]),
        (0x0b, &[0xff, 0xfe, 1, 0], [-2.0, 256.0]),
        (0x0c, &[0xff, 0xff, 0xff, 0xfd, 0, 1, 0, 0], [-3.0, 65536.0]),
        (0x0d, &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], [1.0, -2.0]),
        (
            0x0e,
            &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0],
            [1.5, -2.0],
        ),
    ];
    for (number, data, expected) in cases {
        assert_eq!(values(&idx(number, &[1, 2], data)), expected, "{number:#x}");
        assert_eq!(values(&gzip(&idx(number, &[2], data))), expected);
    }
    let cube = from_bytes(&idx(8, &[2, 3, 4], &[9; 24])).unwrap();
    assert_eq!((cube.len(), cube.features()), (2, 12));
    assert_eq!(cube.sample_shape(), Some([3, 4].as_slice()));
    // More than one chunk of numbers.
    let many = (0..40_001u32).flat_map(|i| (i as f32).to_be_bytes());
    let many = idx(0x0d, &[40_001], &Vec::from_iter(many));
    assert_eq!(values(&many), Vec::from_iter((0..40_001).map(|i| i as f32)));
}

#[test]
fn other_spellings_of_a_header_are_read() {
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n",
        "{\"shape\":(1,2),\"descr\":\"<f4\",\"fortran_order\":False}",
        "  { 'shape' : ( 1L , 2L , ) , 'fortran_order' : True , 'descr' : '<f4' }  ",
    ] {
        let bytes = npy(header, &[0, 0, 128, 63, 0, 0, 0, 64]);
        assert_eq!(values(&bytes), [1.0, 2.0], "{header}");
    }
}

#[test]
fn malformed_headers_are_errors() {
    for header in [
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), 'shape': (1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)} more",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, , 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 2)}",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}",
        "{'descr': '', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': 'é4', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
    ] {
        let error = from_bytes(&npy(header, &[0; 8])).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{header}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let axes = "1, ".repeat(65);
    let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({axes})}}");
    assert!(from_bytes(&npy(&header, &[0; 4])).is_err());
}

#[test]
fn damaged_files_are_errors_and_never_panic() {
    let small_idx = idx(8, &[2, 3, 2], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let (small_gz, npy_gz) = (gzip(&small_idx), gzip(F4));
    for file in [F4, F8_BIG_V2, F4_FORTRAN, &small_idx, &small_gz, &npy_gz] {
        let whole = values(file);
        for length in 0..file.len() {
            let error = from_bytes(&file[..length]).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
        }
        let longer = [file, &[0]].concat();
        assert!(from_bytes(&longer).is_err());
        for at in 0..file.len() {
            for value in 0..=255 {
                let mut flipped = file.to_vec();
                flipped[at] = value;
                let read = from_bytes(&flipped);
                if file[0] == 0x1f && value != file[at] {
                    // A checksum guards the contents, not the gzip header.
                    assert!(read.is_err() || values(&flipped) == whole, "byte {at}");
                }
            }
        }
    }
}

#[test]
fn claims_beyond_the_file_allocate_nothing() {
    let million = 1 << 20;
    let header = |shape: &str| {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        npy(&header, &[0; 8])
    };
    for file in [
        idx(8, &[million, million, million], &[0; 100]),
        idx(0x0e, &[u32::MAX, u32::MAX], &[0; 100]),
        idx(8, &[u32::MAX; 255], &[0; 100]),
        header("(1152921504606846976,)"),
        header("(18446744073709551615, 2)"),
        header("(99999999999999999999999, 2)"),
    ] {
        for file in [gzip(&file), file] {
            let error = from_bytes(&file).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
            // Refused for the claim, not for the end after reading all there is.
            assert!(!error.to_string().contains("the end after"), "{error}");
        }
    }
    // An npy header of 4 GB.
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend([0xff; 100]);
    assert!(from_bytes(&long).is_err());
}

#[test]
fn a_gzip_bomb_is_read_no_further_than_its_header_says() {
    // 64 MB behind an array of two bytes.
    let bomb = gzip(&idx(8, &[2], &vec![0; 1 << 26]));
    assert!(bomb.len() < 1 << 17);
    let mut source = Source::from_bytes(Path::new("bomb"), &bomb).unwrap();
    let header = idx::header(&mut source).unwrap();
    Array::read(&mut source, header).unwrap();
    let error = source.end().unwrap_err().to_string();
    assert_eq!(
        error,
        "bomb: found more than 10 bytes, expected the end, as the header says"
    );
}

#[test]
fn what_is_no_data_is_an_error_that_says_so() {
    let folder = Folder::new("load");
    let path = folder.0.join("data.csv");
    let error = load(&path).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot open {}", path.display())));
    let path = folder.0.join("data.bin");
    fs::write(&path, "1,2\n").unwrap();
    assert_eq!(
        load(&path).unwrap_err().to_string(),
        format!(
            "{}: found a file of no known format, expected one of IDX, npy, npz, png, wav, csv, \
             text, perhaps compressed with gzip",
            path.display()
        )
    );
    assert!(labels_from(F4).is_err());
    assert!(labels_from(&idx(0x0b, &[1], &[1, 0])).is_err());
    assert!(labels_from(&idx(0x09, &[1], &[0xff])).is_err());
    assert!(labels_from(&idx(0x0d, &[1], &f32::NAN.to_be_bytes())).is_err());
    assert_eq!(
        labels_from(&idx(8, &[3, 1], &[1, 2, 3])).unwrap(),
        [1, 2, 3]
    );
}

/// The expected numbers come from Python's gzip and struct.
#[test]
fn the_digits_are_those_of_mnist() {
    let digits = digits();
    assert_eq!((digits.len(), digits.features()), (10_000, 784));
    assert_eq!(digits.sample_shape(), Some([28, 28].as_slice()));
    let sum = |data: &Dataset| -> u64 {
        let bytes = data.as_u8().unwrap();
        bytes.iter().map(|&byte| u64::from(byte)).sum()
    };
    assert_eq!(sum(&digits), 262_146_600);
    let first = digits.slice(0..1).unwrap();
    let weighted = first.as_u8().unwrap().iter().enumerate();
    let weighted: usize = weighted.map(|(i, &byte)| i * usize::from(byte)).sum();
    assert_eq!((sum(&first), weighted), (20_616, 8_324_722));

    let labels = digits.labels().unwrap();
    let count = |digit| labels.iter().filter(|&&label| label == digit).count();
    assert_eq!(
        Vec::from_iter((0..10).map(count)),
        [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    );
    assert_eq!(labels[..10], [9, 7, 2, 8, 4, 4, 0, 6, 0, 9]);

    let (train, validation) = digits_split();
    assert_eq!((train.len(), validation.len()), (9_000, 1_000));
    assert_eq!(sum(&validation), 26_100_324);
    assert_eq!(validation.labels().unwrap()[995..], [1, 0, 6, 2, 5]);
}
