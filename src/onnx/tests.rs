//! Graphs, evaluated naively in f64 from the bytes of their files.

use std::collections::HashMap;

use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::{Mat, reference};

use super::*;
use crate::Loss;

type Rows = Vec<Vec<f64>>;

/// Computes all values of a graph.
fn evaluate(bytes: &[u8], input: &Rows) -> (GraphProto, HashMap<String, Rows>) {
    let model = ModelProto::decode(bytes).unwrap();
    assert_eq!((model.ir_version, model.opset_import[0].version), (9, 20));
    let graph = model.graph.unwrap();
    let tensor = |name: &str| {
        let mut tensors = graph.initializer.iter().filter(|t| t.name == name);
        let tensor = tensors.next().unwrap();
        assert!(tensors.next().is_none());
        tensor
    };
    let mut values = HashMap::from([(graph.input[0].name.clone(), input.clone())]);
    for node in &graph.node {
        let x = &values[&node.input[0]];
        let map = |f: &dyn Fn(f64) -> f64| -> Rows {
            let row = |row: &Vec<f64>| row.iter().map(|&z| f(z)).collect();
            x.iter().map(row).collect()
        };
        let y: Rows = match node.op_type.as_str() {
            "Gemm" => {
                let (weight, bias) = (tensor(&node.input[1]), tensor(&node.input[2]));
                gemm(x, weight, bias, !node.attribute.is_empty())
            }
            "LayerNormalization" => {
                let epsilon = node.attribute.iter().find(|a| a.name == "epsilon").unwrap();
                assert_eq!(node.attribute.len(), 2);
                layer_norm(
                    x,
                    tensor(&node.input[1]),
                    tensor(&node.input[2]),
                    epsilon.f.unwrap(),
                )
            }
            "Mul" => {
                let product =
                    |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a * b).collect();
                x.iter().zip(&values[&node.input[1]]).map(product).collect()
            }
            "Softmax" => {
                let softmax = |row: &Vec<f64>| reference::activation::softmax(row);
                x.iter().map(softmax).collect()
            }
            other => {
                let is = |activation: &Activation| {
                    let nodes = activation::nodes(*activation, "x", "y");
                    let one = &nodes[..1.min(nodes.len())];
                    nodes.len() == 1
                        && one[0].op_type == other
                        && one[0].attribute == node.attribute
                };
                let activation = Activation::ALL.into_iter().find(is).unwrap();
                map(&|z| reference::activation::apply(activation, z))
            }
        };
        values.insert(node.output[0].clone(), y);
    }
    (graph, values)
}

fn numbers(t: &Tensor) -> Vec<f64> {
    let (numbers, rest) = t.raw_data.as_chunks::<4>();
    assert!(rest.is_empty());
    assert_eq!(t.dims.iter().product::<i64>(), numbers.len() as i64);
    let number = |&n: &[u8; 4]| f64::from(f32::from_le_bytes(n));
    numbers.iter().map(number).collect()
}

/// Over the last dimension, with a scale of exactly its length.
fn layer_norm(x: &Rows, scale: &Tensor, shift: &Tensor, epsilon: f32) -> Rows {
    let (scale, shift) = (numbers(scale), numbers(shift));
    let row = |row: &Vec<f64>| -> Vec<f64> {
        assert_eq!([scale.len(), shift.len()], [row.len(); 2]);
        let n = row.len() as f64;
        let mean = row.iter().sum::<f64>() / n;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let root = (variance + f64::from(epsilon)).sqrt();
        let each = row.iter().zip(scale.iter().zip(&shift));
        each.map(|(x, (g, b))| g * (x - mean) / root + b).collect()
    };
    x.iter().map(row).collect()
}

fn gemm(x: &Rows, weight: &Tensor, bias: &Tensor, transposed: bool) -> Rows {
    let (w, b) = (numbers(weight), numbers(bias));
    let columns = weight.dims[1] as usize;
    let at = |k: usize, n: usize| match transposed {
        true => w[n * columns + k],
        false => w[k * columns + n],
    };
    let product = |row: &Vec<f64>| -> Vec<f64> {
        let sum = |n: usize| -> f64 { (0..row.len()).map(|k| row[k] * at(k, n)).sum() };
        (0..b.len()).map(|n| sum(n) + b[n]).collect()
    };
    x.iter().map(product).collect()
}

fn rows(mat: &Mat<f32>) -> Rows {
    let row = |i: usize| (0..mat.cols()).map(|j| f64::from(mat[(i, j)])).collect();
    (0..mat.rows()).map(row).collect()
}

fn check(model: &Autoencoder) {
    let input = model.architecture().input();
    let samples = Mat::from_fn(3, input, |i, j| ((i * 7 + j * 3) % 5) as f32 / 4.0 - 0.3);
    let codes = model.encode(&samples).unwrap();
    let reconstructions = model.reconstruct(&samples).unwrap();
    for graph in Graph::ALL {
        let (given, expected, name) = match graph {
            Graph::Encoder => (&samples, &codes, "codes"),
            Graph::Decoder => (&codes, &reconstructions, "reconstructions"),
            Graph::Whole => (&samples, &reconstructions, "reconstructions"),
        };
        let bytes = to_bytes(model, graph).unwrap();
        let (proto, values) = evaluate(&bytes, &rows(given));
        assert_eq!(proto.output[0].name, name);
        let got = values[name].iter().flatten();
        assert_eq!(got.clone().count(), expected.as_slice().len());
        for (got, &want) in got.zip(expected.as_slice()) {
            let want = f64::from(want);
            assert!(
                (got - want).abs() < 1e-5 * want.abs().max(1.0),
                "{graph}: {got}, not {want}"
            );
        }
        let random = model.architecture().is_variational() && graph == Graph::Encoder;
        assert_eq!(proto.output.len(), if random { 2 } else { 1 });
        if random {
            let width = model.architecture().code();
            assert_eq!(values["log_variances"][0].len(), width);
        }
    }
}

#[test]
fn every_activation_is_what_the_model_computes() {
    for activation in Activation::ALL {
        let model = Autoencoder::builder().input(7).encoder([5, 3]);
        let model = model.hidden(activation).output(activation);
        let model = model.loss(Loss::MeanSquaredError).build().unwrap();
        check(&model);
        let nodes = activation::nodes(activation, "x", "y");
        assert_eq!(nodes.is_empty(), activation == Activation::Identity);
    }
}

#[test]
fn normalised_models_are_what_they_compute() {
    for text in [
        "7,layer-norm,5,layer-norm:keras,3",
        "7,5:tanh,layer-norm:0.25,3:linear",
    ] {
        let builder = || Autoencoder::builder().layers(text.parse().unwrap());
        check(&builder().build().unwrap());
        check(&builder().tied(true).build().unwrap());
    }
    check(
        &Autoencoder::builder()
            .layers("7,layer-norm,3".parse().unwrap())
            .variational(true)
            .build()
            .unwrap(),
    );
}

#[test]
fn tied_and_variational_models_are_what_they_compute() {
    let builder = || Autoencoder::builder().input(7).encoder([5, 3]);
    check(&builder().tied(true).build().unwrap());
    check(&builder().variational(true).build().unwrap());
    check(&builder().variational(true).tied(true).build().unwrap());
    // Tied weights are there once.
    let size = |tied| to_bytes(&builder().tied(tied).build().unwrap(), Graph::Whole);
    let (tied, untied) = (size(true).unwrap().len(), size(false).unwrap().len());
    assert!(tied + 4 * (7 * 5 + 5 * 3) < untied);
    for graph in Graph::ALL {
        assert_eq!(graph.name().parse::<Graph>().unwrap(), graph);
    }
    assert!("half".parse::<Graph>().is_err());
}
