//! candle's column of the comparison: the plain loop of a candle program. Takes
//! and prints what `compare/common.py` says of a peer's script.
//!
//! Started by `benches/compare/run --candle`, on as many cores as candle is to
//! have threads. Its products are those of `gemm`, with AVX-512 where this
//! package's features turn it on.

use std::collections::HashMap;
use std::time::Instant;

use autoencoder::data::Dataset;
use autoencoder::random::{Generator, Purpose};
use autoencoder::{Activation, Loss};
use autoencoder_benches::program::{BATCH_SIZE, Program, Source, gaussians, images};
use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW};

type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let options: HashMap<&str, &str> = words
        .chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    let option = |name| {
        let value = options.get(name).copied();
        value.ok_or_else(|| format!("{name} is missing: use benches/compare/run --candle"))
    };
    let name = option("--program")?;
    let program = Program::ALL.iter().find(|program| program.name == name);
    let program = program.ok_or_else(|| format!("{name} is no program of the comparison"))?;
    let data = match program.source {
        Source::Images => images(Some(option("--images")?.as_ref()))?,
        Source::Gaussians => gaussians(program.widths[0])?,
    };
    let warm_up: usize = option("--warm-up")?.parse()?;
    let epochs: usize = option("--epochs")?.parse()?;
    let (seconds, loss) = train(program, &data, warm_up + epochs)?;
    let line = serde_json::json!({
        "peer": "candle",
        "version": "0.11.1",
        "program": name,
        "threads": option("--threads")?.parse::<usize>()?,
        "seconds": seconds[warm_up..],
        "loss": loss,
    });
    println!("{line}");
    Ok(())
}

/// The seconds of each epoch, and the loss of the last one.
fn train(program: &Program, data: &Dataset, epochs: usize) -> Fallible<(Vec<f64>, f64)> {
    let values = data.to_mat()?.as_slice().to_vec();
    let rows = Tensor::from_vec(values, (data.len(), data.features()), &Device::Cpu)?;
    let (layers, parameters) = layers(program)?;
    let adam = ParamsAdamW {
        lr: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-7,
        weight_decay: 0.0,
    };
    let mut optimizer = AdamW::new(parameters, adam)?;
    let mut order: Vec<u32> = (0..data.len() as u32).collect();
    let (mut seconds, mut loss) = (Vec::new(), f64::NAN);
    for epoch in 1..=epochs as u32 {
        let start = Instant::now();
        Generator::new(0, Purpose::Shuffle { epoch }).shuffle(&mut order);
        let mut total = 0.0;
        for batch in order.chunks(BATCH_SIZE) {
            let x = rows.index_select(&Tensor::new(batch, &Device::Cpu)?, 0)?;
            let batch_loss = batch_loss(program, &layers, &x)?;
            optimizer.backward_step(&batch_loss)?;
            total += f64::from(batch_loss.to_scalar::<f32>()?) * batch.len() as f64;
        }
        loss = total / data.len() as f64;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok((seconds, loss))
}

/// Layers with Glorot's uniform weights and biases of zero.
fn layers(program: &Program) -> Result<(Vec<Linear>, Vec<Var>)> {
    let (mut layers, mut parameters) = (Vec::new(), Vec::new());
    for pair in program.widths.windows(2) {
        let (inputs, outputs) = (pair[0], pair[1]);
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        let weight = Var::rand(-limit, limit, (outputs, inputs), &Device::Cpu)?;
        let bias = Var::zeros(outputs, candle_core::DType::F32, &Device::Cpu)?;
        layers.push(Linear::new(
            weight.as_tensor().clone(),
            Some(bias.as_tensor().clone()),
        ));
        parameters.extend([weight, bias]);
    }
    Ok((layers, parameters))
}

fn batch_loss(program: &Program, layers: &[Linear], x: &Tensor) -> Result<Tensor> {
    let mut z = x.clone();
    for (i, layer) in layers.iter().enumerate() {
        z = layer.forward(&z)?;
        if i + 1 < layers.len() {
            z = z.relu()?;
        }
    }
    if program.loss == Loss::BinaryCrossEntropy {
        // max(z, 0) − z·x + ln(1 + e^−|z|): candle_nn's own form gives NaN where
        // a sigmoid has become 1.
        let tail = (z.abs()?.neg()?.exp()? + 1.0)?.log()?;
        return ((z.relu()? - (&z * x)?)? + tail)?.mean_all();
    }
    let y = match program.output {
        Activation::Sigmoid => candle_nn::ops::sigmoid(&z)?,
        _ => z,
    };
    candle_nn::loss::mse(&y, x)
}
