//! `--mmap`: every command that takes samples does the same with those that stay in
//! their file.

use std::fs;

use crate::program::Folder;

#[test]
fn samples_may_stay_in_their_file() {
    let folder = Folder::with_digits(0..80);
    let digits = autoencoder::data::digits().slice(0..80).unwrap();
    let idx = folder.path("digits.idx");
    autoencoder::data::write_idx(idx, digits.to_mat().unwrap().as_ref(), &[28, 28], true).unwrap();
    for data in ["digits.npy", "digits.idx"] {
        let train = format!("train {data} --layers 784,8 --validation-split 0.2 --json");
        folder.good(&format!("{train} --epochs 3 --out loaded"));
        folder.good(&format!("{train} --epochs 2 --out mapped --mmap"));
        // It is known that they are mapped.
        folder.good("train --resume mapped --epochs 3");
        for name in [
            "model.safetensors",
            "best.safetensors",
            "reconstructions.png",
        ] {
            assert_eq!(
                folder.read("mapped", name),
                folder.read("loaded", name),
                "{name}"
            );
        }
        assert_eq!(folder.history("mapped"), folder.history("loaded"));
        let model = "loaded/model.safetensors";
        for (command, output) in [
            (format!("evaluate {model} {data}"), None),
            (format!("encode {model} {data} -o out.npy"), Some("out.npy")),
            (
                format!("reconstruct {model} {data} -o out.idx --png out.png"),
                Some("out.idx"),
            ),
            (
                format!("reconstruct {model} {data} -o out.idx --png out.png"),
                Some("out.png"),
            ),
            (format!("score {model} {data} -o out.csv"), Some("out.csv")),
            (format!("compare {model} {data} --json"), None),
            (
                format!("compress {data} --model {model} -o out.aec"),
                Some("out.aec"),
            ),
        ] {
            let run = |mmap: &str| {
                let (stdout, _) = folder.good_with_remarks(&format!("{command} {mmap}"));
                // But for what tells of time.
                let stdout = match command.starts_with("compare") {
                    true => String::new(),
                    false => stdout,
                };
                (
                    stdout,
                    output.map(|name| fs::read(folder.path(name)).unwrap()),
                )
            };
            assert!(run("") == run("--mmap"), "{command}");
        }
        for run in ["loaded", "mapped"] {
            fs::remove_dir_all(folder.path(run)).unwrap();
        }
    }
    fs::write(folder.path("x.csv"), "1,2\n3,4\n").unwrap();
    folder.bad(
        "train x.csv --mmap --out run",
        "x.csv: found csv, which cannot be mapped",
    );
}
