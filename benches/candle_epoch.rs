//! candle's column of the comparison: the plain loop of a candle program. Takes
//! and prints what `compare/common.py` says of a peer's script.
//!
//! Started by `benches/compare/run --candle`, on as many cores as candle is to
//! have threads. Its products are those of `gemm`, with AVX-512 where this
//! package's features turn it on.

use autoencoder::{Activation, Loss};
use autoencoder_benches::peer::{
    BETA1, BETA2, EPSILON, Fallible, LEARNING_RATE, Learner, locked_version, run,
};
use autoencoder_benches::program::Program;
use autoencoder_kernels::Mat;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW};

fn main() -> Fallible<()> {
    let version = locked_version(include_str!("../Cargo.lock"), "candle-nn");
    run::<Candle>("candle", version)
}

struct Candle {
    program: &'static Program,
    samples: Tensor,
    layers: Vec<Linear>,
    adam: AdamW,
}

impl Learner for Candle {
    fn new(program: &'static Program, samples: Mat<f32>) -> Fallible<Self> {
        let shape = (samples.rows(), samples.cols());
        let samples = Tensor::from_vec(samples.as_slice().to_vec(), shape, &Device::Cpu)?;
        let (layers, parameters) = layers(program)?;
        let adam = ParamsAdamW {
            lr: LEARNING_RATE,
            beta1: BETA1,
            beta2: BETA2,
            eps: EPSILON,
            weight_decay: 0.0,
        };
        Ok(Candle {
            program,
            samples,
            layers,
            adam: AdamW::new(parameters, adam)?,
        })
    }

    fn step(&mut self, batch: &[u32]) -> Fallible<f32> {
        let batch = Tensor::new(batch, &Device::Cpu)?;
        let x = self.samples.index_select(&batch, 0)?;
        let loss = self.loss(&x)?;
        self.adam.backward_step(&loss)?;
        Ok(loss.to_scalar()?)
    }
}

impl Candle {
    fn loss(&self, x: &Tensor) -> Result<Tensor> {
        let mut z = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            z = layer.forward(&z)?;
            if i + 1 < self.layers.len() {
                z = z.relu()?;
            }
        }
        if self.program.loss == Loss::BinaryCrossEntropy {
            // max(z, 0) − z·x + ln(1 + e^−|z|): candle_nn's own form gives NaN where
            // a sigmoid has become 1.
            let tail = (z.abs()?.neg()?.exp()? + 1.0)?.log()?;
            return ((z.relu()? - (&z * x)?)? + tail)?.mean_all();
        }
        let y = match self.program.output {
            Activation::Sigmoid => candle_nn::ops::sigmoid(&z)?,
            _ => z,
        };
        candle_nn::loss::mse(&y, x)
    }
}

/// Layers with Glorot's uniform weights and biases of zero.
fn layers(program: &Program) -> Result<(Vec<Linear>, Vec<Var>)> {
    let (mut layers, mut parameters) = (Vec::new(), Vec::new());
    for pair in program.widths.windows(2) {
        let (inputs, outputs) = (pair[0], pair[1]);
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        let weight = Var::rand(-limit, limit, (outputs, inputs), &Device::Cpu)?;
        let bias = Var::zeros(outputs, DType::F32, &Device::Cpu)?;
        layers.push(Linear::new(
            weight.as_tensor().clone(),
            Some(bias.as_tensor().clone()),
        ));
        parameters.extend([weight, bias]);
    }
    Ok((layers, parameters))
}
