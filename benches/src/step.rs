//! Training steps of any dense autoencoder: data on which it can run, the
//! program, and its state from step to step.

use autoencoder::data::Dataset;
use autoencoder::random::{Generator, Purpose};
use autoencoder::tape::{Parameter, Parameters, Program, ProgramOptions, Tape};
use autoencoder::{Activation, Loss, Optimizer};
use autoencoder_kernels::Context;

/// Minibatches of an epoch, over and over.
const MINIBATCHES: usize = 4;

/// A net with relu between its layers, trained by Adam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// From the input to the output, which are equal.
    pub widths: Vec<usize>,
    /// Rows of a minibatch.
    pub batch: usize,
    /// Whether it ends linearly with the mean squared error and learns f32
    /// samples, rather than with a sigmoid and binary cross-entropy on 8-bit
    /// ones.
    pub linear: bool,
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(usize::to_string).collect();
        write!(f, "{}, batch {}", widths.join("-"), self.batch)
    }
}

impl Net {
    /// A net of these widths for images.
    pub fn new(widths: &[usize], batch: usize) -> Self {
        Net {
            widths: widths.to_vec(),
            batch,
            linear: false,
        }
    }

    /// The tiny, linear one of the comparison.
    pub fn tiny() -> Self {
        Net {
            linear: true,
            ..Net::new(&[10, 5, 8, 10], 256)
        }
    }

    /// Multiplications and additions of a step's matrix products.
    pub fn flops(&self) -> f64 {
        crate::program::training_flops(&self.widths) * self.batch as f64
    }

    /// Bytes of the parameters with Adam's two moments, which a step reads and
    /// writes.
    pub fn parameter_bytes(&self) -> usize {
        let layer = |pair: &[usize]| pair[0] * pair[1] + pair[1];
        3 * 4 * self.widths.windows(2).map(layer).sum::<usize>()
    }

    /// Bytes of the minibatch, of all layers' outputs and of all δ.
    pub fn row_bytes(&self) -> usize {
        let all: usize = self.widths.iter().sum();
        4 * self.batch * (2 * all - self.widths[0])
    }

    fn tape(&self) -> Tape {
        let mut tape = Tape::new();
        let x = tape.input(self.widths[0]);
        let mut y = x;
        let (output, loss) = match self.linear {
            true => (Activation::Identity, Loss::MeanSquaredError),
            false => (Activation::Sigmoid, Loss::BinaryCrossEntropy),
        };
        let layers = self.widths.len() - 1;
        for (layer, pair) in self.widths.windows(2).enumerate() {
            let (weight, bias) = (tape.weight(pair[0], pair[1]), tape.bias(pair[1]));
            let activation = if layer + 1 < layers {
                Activation::Relu
            } else {
                output
            };
            y = tape
                .dense(y, weight, Some(bias), activation)
                .expect("the widths fit");
        }
        tape.loss(loss, y, x)
            .expect("the output is as wide as the input");
        tape
    }
}

/// A net in training.
pub struct Training {
    net: Net,
    program: Program,
    parameters: Parameters,
    names: Vec<Parameter>,
    data: Dataset,
    order: Vec<usize>,
    steps: u64,
}

impl Training {
    /// Before the first step, with Glorot's weights and random data.
    ///
    /// # Panics
    /// If memory is short.
    pub fn new(net: &Net, context: Context, fused: bool) -> Self {
        let tape = net.tape();
        let options = ProgramOptions {
            fused,
            context,
            ..ProgramOptions::new(net.batch)
        };
        let mut parameters = Parameters::zeros(&tape).expect("memory suffices");
        let mut generator = Generator::new(0, Purpose::Weights);
        for parameter in tape.parameters() {
            let mut mat = parameters.get_mut(parameter);
            let (rows, cols) = mat.shape();
            let limit = (6.0 / (rows + cols) as f32).sqrt();
            for i in (0..rows).filter(|_| rows > 1) {
                for j in 0..cols {
                    mat.set(i, j, limit * (2.0 * generator.unit() - 1.0));
                }
            }
        }
        let (rows, features) = (MINIBATCHES * net.batch, net.widths[0]);
        let data = if net.linear {
            Dataset::from_f32(rows, features, crate::numbers(rows * features, 1))
        } else {
            let byte = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) as u8;
            Dataset::from_u8(rows, features, (0..rows * features).map(byte).collect())
        };
        let mut order: Vec<usize> = (0..rows).collect();
        generator.shuffle(&mut order);
        Training {
            net: net.clone(),
            program: Program::new(&tape, options).expect("memory suffices"),
            parameters,
            names: tape.parameters().collect(),
            data: data.expect("the length fits"),
            order,
            steps: 0,
        }
    }

    /// One step, as a training loop makes it; returns the loss.
    ///
    /// # Panics
    /// Never: the shapes fit.
    pub fn step(&mut self) -> f64 {
        let batch = self.net.batch;
        let minibatch = |number: u64| number as usize % MINIBATCHES * batch;
        let at = minibatch(self.steps);
        self.steps += 1;
        let (data, order) = (&self.data, &self.order);
        self.program
            .step(
                &mut self.parameters,
                Optimizer::adam_keras(),
                1e-3,
                self.steps,
                batch,
                |_, rows, out| data.gather(&order[at + rows.start..at + rows.end], out),
            )
            .expect("the shapes fit")
    }

    /// Panics unless steps on each of the pools have the bits of the tape's
    /// parts run one by one on one thread.
    ///
    /// # Panics
    /// See above.
    pub fn check(net: &Net, pools: &[rayon::ThreadPool]) {
        let mut expected = Training::new(net, Context::serial(), false);
        let losses = [expected.step(), expected.step()];
        assert!(losses.iter().all(|&loss| loss > 0.0), "{net}: {losses:?}");
        for pool in pools {
            let mut training = Training::new(net, Context::default(), true);
            let ours = pool.install(|| [training.step(), training.step()]);
            for (ours, expected) in ours.iter().zip(losses) {
                assert!((ours - expected).abs() <= 1e-5 * expected, "{net}: {ours}");
            }
            for &name in &expected.names {
                let values = [&training, &expected].map(|t| t.parameters.get(name).as_slice());
                assert_eq!(values[0], values[1], "{net}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_agree_on_one_thread_and_two() {
        let pools = [crate::pool(1), crate::pool(2)];
        Training::check(&Net::new(&[20, 7, 20], 70), &pools);
        Training::check(&Net::tiny(), &pools);
    }
}
