//! burn's column of the comparison: the plain loop of a burn program on `flex`,
//! its CPU backend. Takes and prints what `../common.py` says of a peer's script.
//!
//! Started by `benches/compare/run --burn`, on as many cores as burn is to have
//! threads. Its products are those of `gemm` with AVX-512.

use std::mem;

use autoencoder::{Activation, Loss};
use autoencoder_benches::peer::{
    BETA1, BETA2, EPSILON, Fallible, LEARNING_RATE, Learner, locked_version, run,
};
use autoencoder_benches::program::Program;
use autoencoder_kernels::Mat;
use burn::module::Initializer;
use burn::nn::loss::{MseLoss, Reduction};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};

fn main() -> Fallible<()> {
    let version = locked_version(include_str!("../Cargo.lock"), "burn");
    run::<Burn>("burn", version)
}

struct Burn {
    program: &'static Program,
    samples: Tensor<2>,
    layers: Vec<Linear>,
    adam: ModuleOptimizer,
}

impl Learner for Burn {
    fn new(program: &'static Program, samples: Mat<f32>) -> Fallible<Self> {
        let device = Device::flex();
        let shape = [samples.rows(), samples.cols()];
        let samples = TensorData::new(samples.as_slice().to_vec(), shape);
        let adam = AdamConfig::new()
            .with_beta_1(BETA1 as f32)
            .with_beta_2(BETA2 as f32)
            .with_epsilon(EPSILON as f32);
        Ok(Burn {
            program,
            samples: Tensor::from_data(samples, &device),
            layers: layers(program, &device.autodiff()),
            adam: adam.init(),
        })
    }

    fn step(&mut self, batch: &[u32]) -> Fallible<f32> {
        let indices = Tensor::from_data(batch, &self.samples.device());
        let x = self.samples.clone().select(0, indices);
        let loss = self.loss(x);
        let value = loss.clone().into_scalar();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.layers);
        // Moved rather than cloned, so that burn may update them in place.
        let layers = mem::take(&mut self.layers);
        self.layers = self.adam.step(LEARNING_RATE, layers, gradients);
        Ok(value)
    }
}

impl Burn {
    fn loss(&self, x: Tensor<2>) -> Tensor<1> {
        let x = x.autodiff();
        let mut z = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            z = layer.forward(z);
            if i + 1 < self.layers.len() {
                z = relu(z);
            }
        }
        if self.program.loss == Loss::BinaryCrossEntropy {
            // max(z, 0) − z·x + ln(1 + e^−|z|), in a third less time than with the
            // ln σ(z) of burn's own, which takes no targets but classes.
            let tail = (z.clone().abs().neg().exp() + 1.0).log();
            return (relu(z.clone()) - z * x + tail).mean();
        }
        let y = match self.program.output {
            Activation::Sigmoid => sigmoid(z),
            _ => z,
        };
        MseLoss::new().forward(y, x, Reduction::Mean)
    }
}

/// Layers with Glorot's uniform weights and biases of zero.
fn layers(program: &Program, device: &Device) -> Vec<Linear> {
    let layer = |pair: &[usize]| {
        let (inputs, outputs) = (pair[0], pair[1]);
        let config = LinearConfig::new(inputs, outputs)
            .with_initializer(Initializer::XavierUniform { gain: 1.0 });
        Linear {
            bias: Some(Initializer::Zeros.init([outputs], device)),
            ..config.init(device)
        }
    };
    program.widths.windows(2).map(layer).collect()
}
