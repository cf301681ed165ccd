//! What models are used for, from the command line: beside PCA, for anomalies, for
//! new samples, for pictures of codes.

use std::fs;

use autoencoder::Mat;
use autoencoder::analysis::Pca;
use autoencoder::data::{self, digits, digits_split};
use serde_json::Value;

use crate::program::{Folder, json};

/// A folder with 1 200 digits as `digits.npy` and their labels as `labels.npy`.
fn folder() -> Folder {
    let folder = Folder::with_digits(0..1_200);
    let some = digits().slice(0..1_200).unwrap();
    let labels = some.labels().unwrap();
    let labels = Mat::from_fn(1_200, 1, |i, _| f32::from(labels[i]));
    data::save(folder.path("labels.npy"), labels.as_ref()).unwrap();
    folder
}

/// The last line.
fn last(text: &str) -> Value {
    json(text.lines().last().unwrap())
}

#[test]
fn codes_are_compared_with_pca_and_pixels() {
    let folder = folder();
    folder.good("train digits.npy --layers 784,16 --epochs 20 --validation-split 0.25 --batch-size 64 --out run",
    );
    let compare = "compare run/model.safetensors digits.npy --validation-split 0.25";
    let report = last(&folder.good(&format!("{compare} --labels labels.npy --json")));
    assert_eq!(
        (&report["samples"], &report["held_out"]),
        (&900.into(), &300.into())
    );
    let rows = report["codes"].as_array().unwrap();
    let figure = |row: usize, name: &str| rows[row][name].as_f64().unwrap();

    let (train, test) = digits().slice(0..1_200).unwrap().split_at(900).unwrap();
    let mse = folder.model().evaluate(&test).unwrap().mean_squared_error;
    assert!((figure(0, "mean_squared_error") - mse).abs() < 1e-6);
    // By the library, as the command does not go: on all components but 16.
    let whole = Pca::fit(&train, 784).unwrap();
    let codes = whole.encode(&test).unwrap();
    let squares = codes
        .as_slice()
        .chunks_exact(784)
        .flat_map(|row| &row[16..]);
    let expected = squares.map(|&x| f64::from(x).powi(2)).sum::<f64>() / (300.0 * 784.0);
    assert!(
        (figure(1, "mean_squared_error") - expected).abs() < 1e-5,
        "{expected}"
    );
    assert_eq!(figure(1, "numbers"), 16.0);
    assert!(
        (0.55..0.7).contains(&figure(1, "explained_variance")),
        "{report}"
    );
    assert_eq!(
        (
            figure(2, "mean_squared_error"),
            figure(2, "explained_variance")
        ),
        (0.0, 1.0)
    );
    for (row, least) in [(0, 0.7), (1, 0.75), (2, 0.82)] {
        let accuracy = figure(row, "probe_accuracy");
        assert!((least..0.96).contains(&accuracy), "{row}: {report}");
    }
    assert!(figure(0, "fit_seconds") > 0.0 && figure(1, "fit_seconds") > 0.0);
    assert!(figure(0, "encode_microseconds_per_sample") > 0.0);

    // Without labels there is nothing to read.
    let table = folder.good(compare);
    assert!(
        table.contains("300 samples held out") && table.contains("pca"),
        "{table}"
    );
    let report = last(&folder.good(&format!("{compare} --json")));
    assert!(report["codes"][0]["probe_accuracy"].is_null());
    folder.bad(
        "compare run/model.safetensors digits.npy --labels digits.npy",
        "digits.npy",
    );
    folder.bad(
        "compare run/model.safetensors digits.npy --validation labels.npy",
        "expected 784",
    );
}

#[test]
fn the_digit_that_training_left_out_scores_higher() {
    let folder = folder();
    folder.good(
        "train --without-labels 0 --epochs 3 --layers 784,24 --learning-rate 0.003 --out run",
    );
    let (train, test) = digits_split();
    let others = train
        .labels()
        .unwrap()
        .iter()
        .filter(|&&label| label != 0)
        .count();
    assert_eq!(folder.model().training().unwrap().samples, others);

    let score = "score run/model.safetensors --held-out --normal 1-9 -o scores.csv";
    let report = last(&folder.good(&format!("{score} --contamination 0.1 --json")));
    let scores = fs::read_to_string(folder.path("scores.csv")).unwrap();
    assert!(scores.starts_with("mean_squared_error,loss,anomaly\n"));
    let rows: Vec<Vec<f64>> = scores
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .map(|field| field.parse().unwrap())
                .collect()
        })
        .collect();
    let zeros: Vec<bool> = test
        .labels()
        .unwrap()
        .iter()
        .map(|&label| label == 0)
        .collect();
    let (mut right, mut pairs) = (0.0, 0.0);
    for (high, _) in rows.iter().zip(&zeros).filter(|(_, is)| **is) {
        for (low, _) in rows.iter().zip(&zeros).filter(|(_, is)| !**is) {
            right += if high[0] > low[0] {
                1.0
            } else {
                0.5 * f64::from(u8::from(high[0] == low[0]))
            };
            pairs += 1.0;
        }
    }
    let area = report["roc_auc"].as_f64().unwrap();
    assert!(
        (area - right / pairs).abs() < 1e-9 && area > 0.8,
        "{report}"
    );
    assert_eq!(report["anomalies"], zeros.iter().filter(|is| **is).count());
    assert_eq!(report["flagged"], 100);
    let flagged = |zero: bool| {
        let rows = rows
            .iter()
            .zip(&zeros)
            .filter(|(row, is)| row[2] == 1.0 && **is == zero);
        rows.count()
    };
    assert_eq!(flagged(true) + flagged(false), 100);
    assert_eq!(report["found"], flagged(true));

    // The same threshold, given.
    let threshold = report["threshold"].as_f64().unwrap();
    let again = last(&folder.good(&format!("{score} --threshold {threshold} --json")));
    assert_eq!(again, report);
    let lines = folder.good(&format!("{score} --contamination 0.1"));
    assert!(
        lines.contains("100 samples above it") && lines.contains("ROC AUC"),
        "{lines}"
    );
    let by_loss = last(&folder.good(&format!("{score} --by loss --json")));
    assert!(by_loss["threshold"].is_null() && by_loss["roc_auc"] != report["roc_auc"]);

    let score = "score run/model.safetensors digits.npy -o x.csv";
    folder.bad(&format!("{score} --normal 1-9"), "--labels FILE");
    folder.bad(
        &format!("{score} --labels labels.npy --normal 0-9"),
        "0 anomalies",
    );
    folder.misused(&format!("{score} --contamination 0.6"), "0.5");
    for bad in ["nan", "inf", "1e999"] {
        let score = format!("{score} --threshold {bad}");
        folder.misused(&score, "expected a finite number");
    }
    folder.bad("train digits.npy --only-labels 1 --out no", "--labels FILE");
    folder.bad("train --only-labels 77 --out no", "no sample");
    assert!(!folder.path("no").exists() && !folder.path("x.csv").exists());
}

#[test]
fn new_digits_come_from_codes() {
    let folder = folder();
    folder.good("train digits.npy --layers 784,12 --epochs 3 --batch-size 32 --out run");
    let read = |name: &str| {
        let samples = data::load(folder.path(name)).unwrap();
        samples.to_mat().unwrap()
    };
    let generate = |options: &str| {
        folder.good(&format!(
            "generate run/model.safetensors --data digits.npy -o x.npy {options}"
        ));
        read("x.npy")
    };
    let model = folder.model();
    let some = digits().slice(0..1_200).unwrap();
    let codes = model.encode(&some).unwrap();
    let reconstructions = model.decode(&codes).unwrap();

    // On the way from 3 to 8 both ends are their reconstructions, the middle is the
    // mean of their codes.
    let way = generate("--from interpolate:5 --rows 3,8,1,2 -n 10 --png way.png");
    assert_eq!(way.shape(), (10, 784));
    for (step, row) in [(0, 3), (4, 8), (5, 1), (9, 2)] {
        assert_eq!(way.row(step), reconstructions.row(row), "{step}");
    }
    let middle = Mat::from_fn(1, 12, |_, j| 0.5 * (codes[(3, j)] + codes[(8, j)]));
    let middle = model.decode(&middle).unwrap();
    let pairs = way.row(2).iter().zip(middle.as_slice());
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
    // Two rows of five tiles of 56 pixels.
    let png = fs::read(folder.path("way.png")).unwrap();
    let sides = [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()));
    assert_eq!(sides, [5 * 58 - 2, 2 * 58 - 2]);

    // Without noise, the reconstructions; with some, others about them.
    assert_eq!(
        generate("--from around:0 --rows 7 -n 4").row(3),
        reconstructions.row(7)
    );
    let near = generate("--from around:0.1 --rows 7 -n 9");
    let far = generate("--from around:1 --rows 7 -n 9");
    let distance = |mat: &Mat<f32>, row: usize| {
        let pairs = mat.row(row).iter().zip(reconstructions.row(7));
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>()
    };
    assert_eq!(distance(&near, 3), 0.0);
    for row in [1, 2, 4, 5] {
        assert!(0.0 < distance(&near, row) && distance(&near, row) < distance(&far, row));
    }

    // Codes drawn from a distribution decode to what looks like digits: in the mean,
    // they have the ink of digits, and each differs.
    let mean = |mat: &Mat<f32>| mat.as_slice().iter().sum::<f32>() / mat.as_slice().len() as f32;
    for from in ["gaussian", "mixture:4"] {
        let new = generate(&format!("--from {from} -n 50"));
        assert!(
            (mean(&new) / mean(&reconstructions) - 1.0).abs() < 0.2,
            "{from}"
        );
        assert_ne!(new.row(0), new.row(1));
        assert_eq!(generate(&format!("--from {from} -n 50")), new, "{from}");
        assert_ne!(
            generate(&format!("--from {from} -n 50 --seed 1")),
            new,
            "{from}"
        );
    }
    // Gaussian is the choice where nothing is said.
    assert_eq!(generate("-n 50"), generate("--from gaussian -n 50"));

    let generate = "generate run/model.safetensors -o y.npy";
    folder.bad(&format!("{generate} --from prior"), "not variational");
    folder.bad(
        &format!("{generate} --from prior --data digits.npy"),
        "takes no --data",
    );
    folder.bad(&format!("{generate} --rows 1"), "takes no --rows");
    folder.bad(&format!("{generate} --from around:1 --rows 10000"), "10000");
    folder.bad(&format!("{generate} --from mixture:99999"), "Gaussians");
    for from in ["around:0.1", "interpolate:2", "interpolate:8", "gaussian"] {
        let many = format!("{generate} --from {from} -n 4000000000");
        folder.bad(&many, "does not fit in memory");
    }
    folder.misused(&format!("{generate} --from elsewhere"), "interpolate:8");
    assert!(!folder.path("y.npy").exists());
}

#[test]
fn codes_are_drawn_in_the_plane() {
    let folder = folder();
    for (width, name) in [(2, "code 0"), (5, "principal component 1"), (1, "code 0")] {
        let train = format!("train digits.npy --layers 784,{width} --epochs 1 --force --out run");
        folder.good(&train);
        let encode = "encode run/model.safetensors digits.npy -o codes.csv --scatter codes.svg";
        folder.good(&format!("{encode} --labels labels.npy"));
        let svg = fs::read_to_string(folder.path("codes.svg")).unwrap();
        assert!(svg.contains(&format!("\n{name}\n")), "{width}");
        let points = |svg: &str, color: &str| {
            let lines = svg.lines().filter(|line| line.starts_with("<circle"));
            lines
                .filter(|line| line.contains("r=\"3\"") && line.contains(color))
                .count()
        };
        let labels = digits().slice(0..1_200).unwrap();
        let zeros = labels.labels().unwrap().iter().filter(|&&label| label == 0);
        assert_eq!(
            (points(&svg, ""), points(&svg, "#1F77B4")),
            (1_200, zeros.count())
        );
        folder.good(encode);
        let svg = fs::read_to_string(folder.path("codes.svg")).unwrap();
        assert_eq!(points(&svg, "#1F77B4"), 1_200);
    }
}
