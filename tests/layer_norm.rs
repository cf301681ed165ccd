//! The kernels of layer normalisation beside PyTorch's and Keras'.
//!
//! `tests/python/layer_norm.py` has made the file with theirs, and says what is in it;
//! `tests/python/run` compares it with what the frameworks do today.

use std::fs;
use std::path::{Path, PathBuf};

use autoencoder_kernels::norm::{LayerNorm, LayerNormBackward};
use autoencoder_kernels::reference::norm as reference;
use autoencoder_kernels::{Context, Level, Mat};
use safetensors::SafeTensors;
use serde_json::Value;

struct Fixture {
    bytes: Vec<u8>,
    about: Value,
}

impl Fixture {
    fn read() -> Self {
        let path = match std::env::var_os("AUTOENCODER_LAYER_NORM") {
            Some(path) => PathBuf::from(path),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/layer_norm.safetensors"),
        };
        let bytes = fs::read(path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let text = &metadata.metadata().as_ref().unwrap()["layer_norm"];
        let about = serde_json::from_str(text).unwrap();
        Fixture { bytes, about }
    }

    /// A vector is a matrix of one row.
    fn mat(&self, name: &str) -> Mat<f32> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
        let numbers: Vec<f32> = tensor.data().chunks_exact(4).map(number).collect();
        let cols = *tensor.shape().last().unwrap();
        Mat::from_slice(numbers.len() / cols, cols, &numbers).unwrap()
    }
}

/// Fails unless each element is as near as its bound says, and half a unit in the last
/// place of theirs, which was rounded to f32.
#[track_caller]
fn assert_near(got: &[f32], want: &[f32], bound: impl Fn(usize) -> f64, what: &str) {
    assert_eq!(got.len(), want.len());
    for (j, (&got, &want)) in got.iter().zip(want).enumerate() {
        let (got, want) = (f64::from(got), f64::from(want));
        let bound = bound(j) + want.abs() * 2f64.powi(-24);
        let error = (got - want).abs();
        assert!(error <= bound, "{what}, {j}: {got}, theirs is {want}");
    }
}

#[test]
fn outputs_and_gradients_are_those_of_pytorch_and_keras() {
    let fixture = Fixture::read();
    let mut compared = 0;
    for (framework, epsilon) in fixture.about["epsilons"].as_object().unwrap() {
        let epsilon = epsilon.as_f64().unwrap();
        for width in fixture.about["widths"].as_array().unwrap() {
            for &level in Level::available() {
                check(
                    &fixture,
                    framework,
                    epsilon as f32,
                    &width.to_string(),
                    level,
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 5 * Level::available().len());
}

fn check(fixture: &Fixture, framework: &str, epsilon: f32, width: &str, level: Level) {
    let context = Context::default().with_level(level);
    let given = |name| fixture.mat(&format!("{width}/{name}"));
    let theirs = |name| fixture.mat(&format!("{framework}/{width}/{name}"));
    let what = format!("{framework}, {width}, {level}");
    let (x, delta) = (given("x"), given("delta"));
    let (weight, bias) = (given("weight"), given("bias"));
    let (weight, bias) = (weight.as_slice(), bias.as_slice());
    let (rows, features) = x.shape();

    let (mut y, mut statistics) = (Mat::zeros(rows, features), Mat::zeros(rows, 2));
    LayerNorm {
        x: x.as_ref(),
        weight,
        bias,
        epsilon,
        output: y.as_mut(),
        statistics: Some(statistics.as_mut()),
    }
    .run(context)
    .unwrap();
    let mut dx = Mat::zeros(rows, features);
    let (mut dw, mut db) = (vec![0.0; features], vec![0.0; features]);
    LayerNormBackward {
        x: x.as_ref(),
        statistics: statistics.as_ref(),
        weight,
        delta: delta.as_ref(),
        output: Some(dx.as_mut()),
        weight_gradient: Some(&mut dw),
        bias_gradient: Some(&mut db),
    }
    .run(context)
    .unwrap();

    let forward = LayerNorm::error_bound(features);
    let backward = LayerNormBackward::error_bound(features);
    let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
    let mut sizes = vec![[0.0; 2]; features];
    for i in 0..rows {
        let row = wide(x.row(i));
        let (_, scale) = reference::statistics(&row, f64::from(epsilon));
        let normalised = reference::normalised(&row, f64::from(epsilon));
        let spread = |j: usize| 1.0 + normalised[j].abs();
        let magnitude = |x: &[f32], j: usize| f64::from(x[j].abs());
        let bound = |j| forward * (magnitude(weight, j) * spread(j) + magnitude(bias, j));
        assert_near(y.row(i), theirs("y").row(i), bound, &format!("{what}, y"));

        let delta = delta.row(i);
        let g = |j| magnitude(weight, j) * magnitude(delta, j);
        let squares: f64 = (0..features).map(|j| g(j) * g(j)).sum();
        let size = (squares / features as f64).sqrt();
        let bound = |j| backward * scale * (g(j) + size * spread(j));
        assert_near(
            dx.row(i),
            theirs("dx").row(i),
            bound,
            &format!("{what}, dx"),
        );
        for (j, [weight, bias]) in sizes.iter_mut().enumerate() {
            *weight += magnitude(delta, j) * spread(j);
            *bias += magnitude(delta, j);
        }
    }
    let chain = rows as f64 * 2f64.powi(-24);
    let weight_bound = |j: usize| (backward + 2.0 * chain) * sizes[j][0];
    let theirs_dw = theirs("weight_gradient");
    assert_near(
        &dw,
        theirs_dw.as_slice(),
        weight_bound,
        &format!("{what}, dγ"),
    );
    let bias_bound = |j: usize| chain * sizes[j][1];
    let theirs_db = theirs("bias_gradient");
    assert_near(
        &db,
        theirs_db.as_slice(),
        bias_bound,
        &format!("{what}, dβ"),
    );
}
