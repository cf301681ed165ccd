//! Files of every format through the program: what goes in, and what comes out
//! again.

use std::fs;
use std::path::Path;

use autoencoder::Mat;
use autoencoder::data::{self, digits};

use crate::program::Folder;

/// A file that comes with the tests.
fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    folder.join(name).to_str().unwrap().to_owned()
}

fn bits(mat: &Mat<f32>) -> Vec<u32> {
    mat.as_slice().iter().map(|x| x.to_bits()).collect()
}

#[test]
fn labels_in_csv_stand_aside() {
    let folder = Folder::new();
    let rows = (0..20).map(|i| format!("{},{},{}\n", i * 3, i % 4, 60 - i));
    let text = "a,kind,b\n".to_owned() + &rows.collect::<String>();
    fs::write(folder.path("x.csv"), text).unwrap();
    folder.good_with_remarks(
        "train x.csv --label-column kind --divide-by 60 --layers 2,2 --epochs 1 --out run",
    );
    assert_eq!(folder.model().architecture().input(), 2);
    // How the data are read is part of the run.
    folder.good_with_remarks("train --resume run --epochs 2");
    let codes = folder.model().encode(&Mat::from_fn(20, 2, |i, j| {
        [i as f32 * 3.0 / 60.0, (60 - i) as f32 / 60.0][j]
    }));
    let model = "run/model.safetensors";
    folder.good(&format!(
        "encode {model} x.csv --label-column 2 --divide-by 60 -o c.npy"
    ));
    let written = data::load(folder.path("c.npy")).unwrap().to_mat().unwrap();
    assert_eq!(bits(&written), bits(&codes.unwrap()));
    folder.bad(&format!("encode {model} x.csv -o c.npy"), "given 3");
    folder.bad(
        &format!("encode {model} x.csv --label-column c -o c.npy"),
        "3 names of line 1, expected one named \"c\"",
    );
}

#[test]
fn pictures_come_back_as_pictures() {
    let folder = Folder::new();
    let pictures = example("digits");
    let read = data::load(&pictures).unwrap();
    assert_eq!(read.as_u8(), digits().slice(0..10).unwrap().as_u8());
    assert_eq!(read.sample_shape(), Some([28, 28].as_slice()));
    folder.good(&format!(
        "train {pictures} --layers 784,8 --epochs 1 --out run"
    ));
    folder.good(&format!(
        "reconstruct run/model.safetensors {pictures} -o out/"
    ));
    let expected = folder.model().reconstruct(&read).unwrap();
    let again = data::load(folder.path("out")).unwrap();
    assert_eq!(
        (again.len(), again.sample_shape()),
        (10, read.sample_shape())
    );
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 0.5 / 255.0 + 1e-6;
    let again = again.to_mat().unwrap();
    assert!(again.as_slice().iter().zip(expected.as_slice()).all(close));
    let command = format!("reconstruct run/model.safetensors {pictures} -o");
    folder.bad(&format!("{command} out/"), "expected new or empty");
    folder.bad(&format!("{command} out.wav"), "the samples were no sound");
    folder.bad(&format!("{command} out.txt"), "the samples were no text");
}

#[test]
fn sound_comes_back_as_sound() {
    let folder = Folder::new();
    let tones = example("tones.wav");
    folder.good(&format!(
        "train {tones} --frame 64 --hop 32 --output tanh --layers 64,16 --code linear \
         --epochs 200 --batch-size 16 --out run"
    ));
    let command = "reconstruct run/model.safetensors";
    folder.good(&format!("{command} {tones} --frame 64 -o out.wav"));
    let whole = |name: &str| {
        let options = data::LoadOptions {
            framing: data::Framing {
                frame: 3000,
                hop: 1,
            },
            ..data::LoadOptions::default()
        };
        let sound = data::load_with(name, &options).unwrap();
        sound.to_mat().unwrap().as_slice()[..3000].to_vec()
    };
    let (before, after) = (
        whole(&tones),
        whole(folder.path("out.wav").to_str().unwrap()),
    );
    let power = |x: &mut dyn Iterator<Item = f32>| x.map(|x| f64::from(x).powi(2)).sum::<f64>();
    let noise = power(&mut before.iter().zip(&after).map(|(a, b)| a - b));
    let signal = power(&mut before.iter().copied());
    let ratio = 10.0 * (signal / noise).log10();
    assert!(ratio > 10.0, "signal-to-noise ratio {ratio:.1} dB");
}

#[test]
fn text_comes_back_as_its_likeliest_words() {
    let folder = Folder::new();
    let passage = example("passage.txt");
    folder.good(&format!(
        "train {passage} --text words:60 --layers 60,24 --epochs 300 --batch-size 8 --out run"
    ));
    let text = "--text vocabulary:run/vocabulary.json";
    folder.good(&format!(
        "reconstruct run/model.safetensors {passage} {text} -o out.txt"
    ));
    let original = fs::read_to_string(&passage).unwrap().to_lowercase();
    let (mut right, mut all) = (0, 0);
    for (before, after) in original.lines().zip(folder.text("out.txt").lines()) {
        let words: Vec<&str> = before.split(|c: char| !c.is_alphanumeric()).collect();
        all += after.split(' ').count();
        right += after.split(' ').filter(|word| words.contains(word)).count();
    }
    assert!(right * 10 > all * 8, "{right} of {all} words");
    // Other text, with the same words.
    fs::write(folder.path("new.txt"), "nothing in common\n").unwrap();
    folder.good(&format!(
        "encode run/model.safetensors new.txt {text} -o c.csv"
    ));
    folder.bad(
        &format!("encode run/model.safetensors {passage} --text vocabulary:no.json -o c.csv"),
        "cannot open no.json",
    );
}

/// Other text has other frequent words: numbers would mean what the model never
/// saw.
#[test]
fn text_is_read_with_the_words_that_the_model_knows() {
    let folder = Folder::new();
    let passage = example("passage.txt");
    let model = "run/model.safetensors";
    let train = "--text words:3 --layers 3,2 --epochs 1";
    folder.good_with_remarks(&format!("train {passage} {train} --out run"));
    fs::write(folder.path("new.txt"), "zebra quagga okapi\nokapi\n").unwrap();
    let of_run = "--text vocabulary:run/vocabulary.json";
    for given in [of_run, ""] {
        let name = if given.is_empty() { "own" } else { "given" };
        for command in ["encode", "reconstruct", "score"] {
            folder.good(&format!(
                "{command} {model} new.txt {given} -o {name}-{command}.csv"
            ));
        }
        let loss = folder.good(&format!("evaluate {model} new.txt {given}"));
        fs::write(folder.path(&format!("{name}-evaluate.csv")), loss).unwrap();
        folder.good(&format!(
            "compress new.txt --model {model} {given} -o {name}-compress.csv"
        ));
        let from = "--from around:0.1 --rows 0 -n 4";
        folder.good(&format!(
            "generate {model} {from} --data new.txt {given} -o {name}-generate.csv"
        ));
        folder.good_with_remarks(&format!(
            "train new.txt --init {model} {given} --epochs 1 --out {name}"
        ));
    }
    let read = |name: &str| fs::read(folder.path(name)).unwrap();
    for name in [
        "encode",
        "reconstruct",
        "score",
        "evaluate",
        "compress",
        "generate",
    ] {
        let [own, given] = ["own", "given"].map(|whose| read(&format!("{whose}-{name}.csv")));
        assert!(own == given, "{name}");
    }
    let words = read("run/vocabulary.json");
    assert_eq!(read("own/vocabulary.json"), words);
    assert_eq!(
        read("own/model.safetensors"),
        read("given/model.safetensors")
    );
    // The run that began so goes on so, from another folder too.
    folder.good_with_remarks("train --resume own --epochs 2");

    // A model that lies alone says nothing of its words.
    fs::copy(folder.path(model), folder.path("alone.safetensors")).unwrap();
    for command in [
        "evaluate alone.safetensors new.txt",
        "encode alone.safetensors new.txt -o no.csv",
        "compare alone.safetensors new.txt",
        "train new.txt --init alone.safetensors --out no",
    ] {
        folder.bad(command, "--text vocabulary:FILE");
    }
    folder.good(&format!("evaluate alone.safetensors new.txt {of_run}"));
    // What is no text needs no words.
    fs::write(folder.path("new.csv"), "0,1,0\n1,0.5,0\n").unwrap();
    folder.good("evaluate alone.safetensors new.csv");
    folder.good(&format!("evaluate {model} new.csv"));
}

#[test]
fn compressed_samples_come_back_from_the_file_alone() {
    let folder = Folder::new();
    let some = digits().slice(0..200).unwrap();
    let mat = some.to_mat().unwrap();
    data::write_idx(folder.path("x.idx"), mat.as_ref(), &[28, 28], true).unwrap();
    folder.good("train x.idx --layers 784,16 --epochs 3 --batch-size 20 --out run");
    let model = folder.model();
    let reconstructed = model.reconstruct(&some).unwrap();
    let error = |other: &Mat<f32>| {
        let pairs = other.as_slice().iter().zip(mat.as_slice());
        let sum: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        sum / mat.as_slice().len() as f64
    };
    let command = "compress x.idx --model run/model.safetensors --json";
    let mut sizes = Vec::new();
    for codes in ["u8", "f16", "f32"] {
        let json = folder.good(&format!("{command} --codes {codes} -o x.{codes}"));
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        let number = |name: &str| report[name].as_f64().unwrap();
        let file = fs::read(folder.path(&format!("x.{codes}"))).unwrap();
        assert_eq!(number("file"), file.len() as f64);
        assert_eq!(number("raw_per_sample"), 784.0);
        assert_eq!(number("bytes_per_sample"), file.len() as f64 / 200.0);
        let decoder = file.len() as f64 - number("codes_per_sample") * 200.0;
        assert!((decoder - number("decoder")).abs() < 1e-6);
        // The decoder is there, and no encoder.
        assert!(decoder > 4.0 * 17.0 * 784.0 && decoder < 4.0 * 17.0 * 784.0 + 1000.0);
        assert!(number("gzip_per_sample") < number("png_per_sample"));
        folder.good(&format!("decompress x.{codes} -o {codes}.npy"));
        let back = data::load(folder.path(&format!("{codes}.npy"))).unwrap();
        let back = back.to_mat().unwrap();
        let psnr = -10.0 * error(&back).log10();
        assert!((psnr - number("psnr")).abs() < 1e-6, "{psnr}");
        let unrounded = -10.0 * error(&reconstructed).log10();
        assert!((unrounded - number("psnr_unrounded")).abs() < 1e-6);
        assert!(
            (unrounded - psnr).abs() < 0.05,
            "{codes}: {unrounded} {psnr}"
        );
        if codes == "f32" {
            assert_eq!(bits(&back), bits(&reconstructed));
        }
        sizes.push(number("codes_per_sample"));
    }
    assert!(
        sizes[0] < sizes[1] && sizes[1] < sizes[2] && sizes[0] < 20.0,
        "{sizes:?}"
    );
    // As what they were: bytes, 28 × 28.
    folder.good("decompress x.u8 -o back.idx");
    let back = data::load(folder.path("back.idx")).unwrap();
    assert_eq!(back.sample_shape(), Some([28, 28].as_slice()));
    assert!(back.as_u8().is_some());
    folder.good("decompress x.u8 -o pictures/");
    assert_eq!(
        data::load(folder.path("pictures")).unwrap().as_u8(),
        back.as_u8()
    );
    let table = folder.good("compress x.idx --model run/model.safetensors -o y");
    assert!(
        table.contains("PNG files") && table.contains("psnr"),
        "{table}"
    );

    let whole = fs::read(folder.path("x.u8")).unwrap();
    fs::write(folder.path("short"), &whole[..whole.len() / 2]).unwrap();
    folder.bad(
        "decompress short -o z.npy",
        "short: found a file that is cut off",
    );
    folder.bad("decompress x.idx -o z.npy", "another kind of file");
    folder.bad("decompress none -o z.npy", "none");
    assert!(!folder.path("z.npy").exists());
}

#[test]
fn exports_are_one_file_or_a_folder_of_three() {
    let folder = Folder::new();
    let few = digits().slice(0..20).unwrap().to_mat().unwrap();
    data::save(folder.path("x.npy"), few.as_ref()).unwrap();
    folder.good("train x.npy --layers 784,4 --epochs 1 --out run");
    folder.good("export run/model.safetensors -o all");
    for part in ["encoder", "decoder", "whole"] {
        folder.good(&format!(
            "export run/model.safetensors -o one.onnx --part {part}"
        ));
        let one = fs::read(folder.path("one.onnx")).unwrap();
        let of_all = fs::read(folder.path("all").join(format!("{part}.onnx"))).unwrap();
        assert!(one == of_all && one.len() > 4 * 784 * 4, "{part}");
    }
    folder.good("export run/model.safetensors -o whole.onnx");
    assert!(folder.path("whole.onnx").exists());
}
