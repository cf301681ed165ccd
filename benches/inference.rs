//! Encoding: many rows beside the best product of that shape, and one row beside
//! the time that it takes only to read the weights from L2.
//!
//! With the feature `products`, faer and rten-gemm take part. Give `rows` or
//! `one` to see that table only.

use std::time::Duration;

use autoencoder::data::{Dataset, digits};
use autoencoder::{Activation, Autoencoder, Level, Mat};
use autoencoder_benches::product::{Peer, shape};
use autoencoder_benches::race::{contender, race};
use autoencoder_benches::{assert_close, is_wanted, numbers, pool, thread_counts};
use autoencoder_kernels::Context;
use autoencoder_kernels::dense::Forward;
use rten_simd::SimdOp;

const INPUTS: usize = 784;
const CODE: usize = 32;

fn main() {
    println!("784 → 32 with bias and relu, level {}", Level::current());
    let model = Autoencoder::builder()
        .input(INPUTS)
        .encoder([CODE])
        .hidden(Activation::Relu)
        .build()
        .expect("the widths fit");
    if is_wanted("rows") {
        rows(&model, "random numbers", &samples(10_000).0);
        rows(&model, "digits, most of them zeros", &digits());
    }
    if is_wanted("one") {
        one(&model);
    }
}

/// The encoder's layer by the kernel alone.
fn layer(model: &Autoencoder, x: &Mat<f32>, context: Context, y: &mut Mat<f32>) {
    let parameters: Vec<_> = model.parameters().map(|(_, mat)| mat).collect();
    Forward {
        x: x.as_ref(),
        weight: parameters[0].as_ref(),
        bias: Some(parameters[1].as_slice()),
        activation: Activation::Relu,
        output: y.as_mut(),
        pre_activation: None,
    }
    .run(context)
    .expect("the shapes fit");
}

fn samples(rows: usize) -> (Dataset, Mat<f32>) {
    let bytes: Vec<u8> = numbers(rows * INPUTS, 5)
        .iter()
        .map(|x| (255.0 * (x + 0.5)) as u8)
        .collect();
    let data = Dataset::from_u8(rows, INPUTS, bytes).expect("the length fits");
    let mat = data.to_mat().expect("memory suffices");
    (data, mat)
}

fn rows(model: &Autoencoder, name: &str, bytes: &Dataset) {
    let rows = bytes.len();
    let shape = shape(rows, INPUTS, CODE);
    // All read the same rows: 31 MB, of which L3 keeps most from turn to turn.
    let problem = shape.problem_with(bytes.to_mat().expect("memory suffices"));
    let floats = problem.a_in_memory();
    // matrixmultiply has its threads from the environment, and is far behind.
    let peers = Peer::ALL
        .iter()
        .filter(|&&peer| peer != Peer::Matrixmultiply);
    let peers: Vec<Peer> = peers.copied().collect();
    println!(
        "\n| {rows} rows of {name}: GFLOP/s | product: {} | layer | encode, f32 | encode, 8 bits \
         | layer / best product | encode / best product | encode / best peer |\n|{}",
        peers
            .iter()
            .map(|peer| peer.name())
            .collect::<Vec<_>>()
            .join(" | "),
        "---|".repeat(peers.len() + 7)
    );
    for threads in thread_counts() {
        let context = if threads > 1 {
            Context::default()
        } else {
            Context::serial()
        };
        let mut y = Mat::zeros(rows, CODE);
        layer(model, floats, context, &mut y);
        for codes in [model.encode(bytes), model.encode(floats)] {
            let codes = codes.expect("the widths fit");
            assert_close("codes", codes.as_slice(), y.as_slice(), 1e-5);
        }
        let times = pool(threads).install(|| {
            let mut contenders: Vec<_> = peers
                .iter()
                .map(|&peer| {
                    problem.check(peer, threads > 1);
                    let (problem, mut c) = (&problem, problem.output());
                    contender(move || problem.multiply(peer, threads > 1, &mut c))
                })
                .collect();
            contenders.push(contender(|| layer(model, floats, context, &mut y)));
            contenders.push(contender(|| _ = model.encode(floats)));
            contenders.push(contender(|| _ = model.encode(bytes)));
            race(&mut contenders, Duration::from_secs(2))
        });
        let speeds: Vec<f64> = times
            .iter()
            .map(|time| shape.flops() / time.least / 1e9)
            .collect();
        let best = |speeds: &[f64]| speeds.iter().copied().fold(0.0, f64::max);
        // Ours is the first.
        let best_peer = best(&speeds[1..peers.len()]);
        let best = best(&speeds[..peers.len()]);
        let cells: Vec<_> = speeds.iter().map(|speed| format!("{speed:.0}")).collect();
        println!(
            "| {threads} thread(s) | {} | {:.2} | {:.2} | {:.2} |",
            cells.join(" | "),
            speeds[peers.len()] / best,
            speeds[peers.len() + 1] / best,
            speeds[peers.len() + 1] / best_peer
        );
    }
}

fn one(model: &Autoencoder) {
    let (_, x) = samples(1);
    let Some((_, weight)) = model.parameters().next() else {
        return;
    };
    let weight = weight.as_slice();
    let sum = || rten_vecmath::Sum::new(weight).dispatch();
    let expected: f64 = weight.iter().map(|&w| f64::from(w)).sum();
    assert!((f64::from(sum()) - expected).abs() < 1e-3, "{expected}");
    let mut y = Mat::zeros(1, CODE);
    layer(model, &x, Context::serial(), &mut y);
    let codes = model.encode(&x).expect("the widths fit");
    assert_close("code", codes.as_slice(), y.as_slice(), 1e-5);
    let digit = digits().to_mat().expect("memory suffices");
    let digit = Mat::from_slice(1, INPUTS, digit.row(0)).expect("the length fits");
    let problem = shape(1, INPUTS, CODE).problem();
    problem.check(Peer::Gemm, false);
    let mut c = problem.output();
    let mut contenders = [
        contender(|| _ = std::hint::black_box(sum())),
        contender(|| layer(model, &x, Context::serial(), &mut y)),
        contender(|| _ = model.encode(&x)),
        contender(|| _ = model.encode(&digit)),
        contender(|| problem.multiply(Peer::Gemm, false, &mut c)),
    ];
    let times = race(&mut contenders, Duration::from_secs(1));
    println!("\n| one row | µs | to reading the weights | GB/s of weights |\n|---|---|---|---|");
    let names = [
        "reading the weights from L2: their sum, by rten-vecmath",
        "the layer",
        "encode",
        "encode, of a digit",
        Peer::Gemm.name(),
    ];
    for (name, time) in names.into_iter().zip(&times) {
        println!(
            "| {name} | {:.2} | {:.2} | {:.0} |",
            time.least * 1e6,
            time.least / times[0].least,
            size_of_val(weight) as f64 / time.least / 1e9
        );
    }
}
