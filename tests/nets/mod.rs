//! Small nets for the tests of the tape: each can be recorded on a tape, or
//! computed in f64 by the reference formulas.
#![allow(dead_code, reason = "each test uses some of it")]

use std::ops::Range;

use autoencoder::Result;
use autoencoder::tape::{Parameter, Parameters, Tape, Value};
use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::{Mat, MatMut, Noise};

/// Splitmix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(crate) fn mat(&mut self, rows: usize, cols: usize, range: Range<f32>) -> Mat<f32> {
        Mat::from_fn(rows, cols, |_, _| {
            range.start + self.unit() * (range.end - range.start)
        })
    }
}

/// Who listens while a net is written down.
pub(crate) trait Recorder {
    type Value: Clone;
    fn input(&mut self, features: usize) -> Self::Value;
    fn weight(&mut self, inputs: usize, outputs: usize) -> Parameter;
    fn bias(&mut self, features: usize) -> Parameter;
    /// x·W (or x·Wᵀ) + b.
    fn linear(
        &mut self,
        x: &Self::Value,
        weight: Parameter,
        transposed: bool,
        bias: Option<Parameter>,
    ) -> Self::Value;
    fn add_bias(&mut self, x: &Self::Value, bias: Parameter) -> Self::Value;
    fn activation(&mut self, x: &Self::Value, activation: Activation) -> Self::Value;
    fn add(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;
    fn freeze(&mut self, parameter: Parameter);
    fn corrupt(&mut self, x: &Self::Value, noise: Noise) -> Self::Value;
    fn dropout(&mut self, x: &Self::Value, probability: f32) -> Self::Value;
    fn scaled_loss(
        &mut self,
        loss: Loss,
        prediction: &Self::Value,
        target: &Self::Value,
        scale: f32,
    );
    fn loss(&mut self, loss: Loss, prediction: &Self::Value, target: &Self::Value) {
        self.scaled_loss(loss, prediction, target, 1.0);
    }
    fn absolute_penalty(&mut self, x: &Self::Value, factor: f32);
    fn sparsity_penalty(&mut self, x: &Self::Value, target: f32, factor: f32);
    /// Of the layer that the weight belongs to.
    fn contractive_penalty(&mut self, output: &Self::Value, weight: Parameter, factor: f32);
    fn normal_sample(
        &mut self,
        mean: &Self::Value,
        log_variance: &Self::Value,
        noise: &Self::Value,
    ) -> Self::Value;
    fn normal_divergence(&mut self, mean: &Self::Value, log_variance: &Self::Value, factor: f32);
}

/// A net: its shape, and what it is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    pub(crate) kind: Kind,
    pub(crate) features: usize,
    pub(crate) hidden: usize,
    pub(crate) code: usize,
    pub(crate) activation: Activation,
    pub(crate) output: Activation,
    pub(crate) loss: Loss,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Three layers: features, hidden, code, features.
    Plain,
    /// features, hidden, code and back through the same two weights.
    Tied,
    /// Values that several nodes read, sums, biases and weights used several
    /// times, layers without a bias, another target, two losses, and a layer
    /// that leads nowhere.
    Branched,
    /// As plain, with noise and dropout on the input and dropout on the layers,
    /// one of which is read without it too. The target is clean.
    Noisy,
    /// As tied, with the first weight, the second bias and the last bias
    /// frozen.
    Frozen,
    /// Three layers with every penalty: on the first one, on the code, and on
    /// the code through a sigmoid.
    Penalised,
    /// Two heads, a sample, and its divergence.
    Variational,
    /// What no model does: biases behind an activation and behind each other,
    /// inputs in sums and as means, penalties on layers that nothing else reads
    /// or that are frozen.
    Unusual,
}

impl Kind {
    pub(crate) const ALL: [Kind; 8] = [
        Kind::Plain,
        Kind::Tied,
        Kind::Branched,
        Kind::Noisy,
        Kind::Penalised,
        Kind::Variational,
        Kind::Frozen,
        Kind::Unusual,
    ];

    /// The numbers of its frozen parameters.
    pub(crate) fn frozen(self) -> &'static [usize] {
        match self {
            Kind::Frozen => &[0, 3, 5],
            Kind::Unusual => &[6],
            _ => &[],
        }
    }
}

impl Net {
    /// Writes the net down and returns its inputs and its output.
    pub(crate) fn record<R: Recorder>(&self, r: &mut R) -> (Vec<R::Value>, R::Value) {
        let Net {
            features,
            hidden,
            code,
            activation,
            output,
            loss,
            ..
        } = *self;
        let x = r.input(features);
        let w1 = r.weight(features, hidden);
        let b1 = r.bias(hidden);
        let w2 = r.weight(hidden, code);
        let b2 = r.bias(code);
        if self.kind == Kind::Frozen {
            r.freeze(w1);
            r.freeze(b2);
        }
        let h = r.linear(&x, w1, false, Some(b1));
        let h = r.activation(&h, activation);
        match self.kind {
            Kind::Plain => {
                let w3 = r.weight(code, features);
                let b3 = r.bias(features);
                let c = r.linear(&h, w2, false, Some(b2));
                let c = r.activation(&c, activation);
                let z = r.linear(&c, w3, false, Some(b3));
                let y = r.activation(&z, output);
                r.loss(loss, &y, &x);
                (vec![x], y)
            }
            Kind::Tied | Kind::Frozen => {
                let b3 = r.bias(hidden);
                let b4 = r.bias(features);
                if self.kind == Kind::Frozen {
                    r.freeze(b4);
                }
                let c = r.linear(&h, w2, false, Some(b2));
                let c = r.activation(&c, activation);
                let d = r.linear(&c, w2, true, Some(b3));
                let d = r.activation(&d, activation);
                let z = r.linear(&d, w1, true, Some(b4));
                let y = r.activation(&z, output);
                r.loss(loss, &y, &x);
                (vec![x], y)
            }
            Kind::Noisy => {
                let w3 = r.weight(code, features);
                let b3 = r.bias(features);
                let w4 = r.weight(hidden, features);
                let other = r.input(features);
                let noisy_other = r.corrupt(&other, Noise::Gaussian { stddev: 0.1 });
                let w5 = r.weight(features, features);
                let noisy = r.corrupt(&x, Noise::Gaussian { stddev: 0.3 });
                let noisy = r.corrupt(&noisy, Noise::SaltAndPepper { probability: 0.2 });
                let noisy = r.dropout(&noisy, 0.1);
                let h = r.linear(&noisy, w1, false, Some(b1));
                let h = r.activation(&h, activation);
                let some = r.dropout(&h, 0.25);
                let c = r.linear(&some, w2, false, Some(b2));
                let c = r.activation(&c, activation);
                let c = r.dropout(&c, 0.5);
                let past = r.linear(&h, w4, false, None);
                let z = r.linear(&c, w3, false, Some(b3));
                let z = r.add(&z, &past);
                let more = r.linear(&noisy_other, w5, false, None);
                let z = r.add(&z, &more);
                let y = r.activation(&z, output);
                r.loss(loss, &y, &x);
                (vec![x, other], y)
            }
            Kind::Branched => {
                let target = r.input(features);
                let w3 = r.weight(hidden, hidden);
                let a = r.linear(&h, w3, false, Some(b1));
                let a = r.activation(&a, activation);
                let twice = r.linear(&a, w3, false, None);
                let s = r.add(&twice, &h);
                // z is read by an activation and by a sum, and an activation
                // reads an activation.
                let z = r.linear(&s, w3, false, Some(b1));
                let once = r.activation(&z, activation);
                let bent = r.activation(&once, Activation::Tanh);
                let s = r.add(&bent, &z);
                let _nowhere = r.linear(&h, w2, false, Some(b2));
                let z = r.linear(&s, w1, true, None);
                let y = r.activation(&z, output);
                r.loss(loss, &y, &target);
                // The identity's own loss is defined for any prediction.
                let c = r.linear(&a, w2, false, Some(b2));
                let back = r.linear(&c, w2, true, Some(b1));
                let z = r.linear(&back, w1, true, None);
                r.loss(Loss::MeanSquaredError, &z, &x);
                (vec![x, target], y)
            }
            Kind::Penalised => {
                let w3 = r.weight(code, features);
                let b3 = r.bias(features);
                let c = r.linear(&h, w2, false, Some(b2));
                let c = r.activation(&c, activation);
                let z = r.linear(&c, w3, false, Some(b3));
                let y = r.activation(&z, output);
                r.loss(loss, &y, &x);
                if activation.is_elementwise() {
                    r.contractive_penalty(&h, w1, 0.05);
                }
                r.absolute_penalty(&c, 0.2);
                let rates = r.activation(&c, Activation::Sigmoid);
                r.sparsity_penalty(&rates, 0.2, 0.3);
                (vec![x], y)
            }
            Kind::Variational => {
                let noise = r.input(code);
                let w3 = r.weight(hidden, code);
                let b3 = r.bias(code);
                let w4 = r.weight(code, features);
                let b4 = r.bias(features);
                let mean = r.linear(&h, w2, false, Some(b2));
                let log_variance = r.linear(&h, w3, false, Some(b3));
                let sample = r.normal_sample(&mean, &log_variance, &noise);
                let z = r.linear(&sample, w4, false, Some(b4));
                let y = r.activation(&z, output);
                r.loss(loss, &y, &x);
                r.normal_divergence(&mean, &log_variance, 0.7);
                (vec![x, noise], y)
            }
            Kind::Unusual => {
                let (other, mean, noise) = (r.input(features), r.input(code), r.input(code));
                let b3 = r.bias(hidden);
                let w3 = r.weight(code, features);
                let fixed = r.weight(features, code);
                r.freeze(fixed);
                let w4 = r.weight(features, code);
                // Its buffer is soon free for others.
                let early = r.linear(&x, fixed, false, None);
                r.absolute_penalty(&early, 0.1);
                let h = r.add_bias(&h, b3);
                let h = r.add_bias(&h, b1);
                let c = r.linear(&h, w2, false, Some(b2));
                let c = r.add_bias(&c, b2);
                let sample = r.normal_sample(&mean, &c, &noise);
                let z = r.linear(&sample, w3, false, None);
                let z = r.add(&x, &z);
                let z = r.add(&z, &other);
                let y = r.activation(&z, output);
                r.scaled_loss(loss, &y, &x, 3.0);
                let fixed = r.linear(&x, fixed, false, None);
                let lone = |r: &mut R| r.linear(&x, w4, false, None);
                let l1 = lone(r);
                r.absolute_penalty(&l1, 0.2);
                if activation.is_elementwise() {
                    let bent = r.activation(&l1, activation);
                    r.contractive_penalty(&bent, w4, 0.05);
                }
                let rates = lone(r);
                let rates = r.activation(&rates, Activation::Sigmoid);
                r.sparsity_penalty(&rates, 0.2, 0.3);
                let kl = lone(r);
                r.normal_divergence(&kl, &mean, 0.1);
                let kl = lone(r);
                r.normal_divergence(&fixed, &kl, 0.1);
                (vec![x, other, mean, noise], y)
            }
        }
    }

    /// The net on a tape.
    pub(crate) fn tape(&self) -> (Tape, Vec<Value>, Value) {
        let mut tape = Tape::new();
        let (inputs, output) = self.record(&mut tape);
        (tape, inputs, output)
    }
}

impl Recorder for Tape {
    type Value = Value;

    fn input(&mut self, features: usize) -> Value {
        Tape::input(self, features)
    }

    fn weight(&mut self, inputs: usize, outputs: usize) -> Parameter {
        Tape::weight(self, inputs, outputs)
    }

    fn bias(&mut self, features: usize) -> Parameter {
        Tape::bias(self, features)
    }

    fn linear(
        &mut self,
        x: &Value,
        weight: Parameter,
        transposed: bool,
        bias: Option<Parameter>,
    ) -> Value {
        match transposed {
            false => self.dense(*x, weight, bias, Activation::Identity),
            true => self.dense_transposed(*x, weight, bias, Activation::Identity),
        }
        .unwrap()
    }

    fn add_bias(&mut self, x: &Value, bias: Parameter) -> Value {
        Tape::add_bias(self, *x, bias).unwrap()
    }

    fn activation(&mut self, x: &Value, activation: Activation) -> Value {
        Tape::activation(self, *x, activation).unwrap()
    }

    fn add(&mut self, a: &Value, b: &Value) -> Value {
        Tape::add(self, *a, *b).unwrap()
    }

    fn freeze(&mut self, parameter: Parameter) {
        Tape::freeze(self, parameter).unwrap();
    }

    fn corrupt(&mut self, x: &Value, noise: Noise) -> Value {
        Tape::corrupt(self, *x, noise).unwrap()
    }

    fn dropout(&mut self, x: &Value, probability: f32) -> Value {
        Tape::dropout(self, *x, probability).unwrap()
    }

    fn scaled_loss(&mut self, loss: Loss, prediction: &Value, target: &Value, scale: f32) {
        Tape::scaled_loss(self, loss, *prediction, *target, scale).unwrap();
    }

    fn absolute_penalty(&mut self, x: &Value, factor: f32) {
        Tape::absolute_penalty(self, *x, factor).unwrap();
    }

    fn sparsity_penalty(&mut self, x: &Value, target: f32, factor: f32) {
        Tape::sparsity_penalty(self, *x, target, factor).unwrap();
    }

    fn contractive_penalty(&mut self, output: &Value, _: Parameter, factor: f32) {
        Tape::contractive_penalty(self, *output, factor).unwrap();
    }

    fn normal_sample(&mut self, mean: &Value, log_variance: &Value, noise: &Value) -> Value {
        Tape::normal_sample(self, *mean, *log_variance, *noise).unwrap()
    }

    fn normal_divergence(&mut self, mean: &Value, log_variance: &Value, factor: f32) {
        Tape::normal_divergence(self, *mean, *log_variance, factor).unwrap();
    }
}

/// Fills all parameters, biases too.
pub(crate) fn initialise(parameters: &mut Parameters, tape: &Tape, random: &mut Random) {
    for parameter in tape.parameters() {
        let (rows, cols) = tape.shape(parameter).unwrap();
        let limit = (6.0 / (rows + cols) as f32).sqrt();
        let mat = random.mat(rows, cols, -limit..limit);
        parameters.get_mut(parameter).copy_from(mat.as_ref());
    }
}

/// A closure that fills each input from the first columns of the matrix of the
/// same place.
pub(crate) fn filler<'a>(
    inputs: &'a [Value],
    data: &'a [Mat<f32>],
) -> impl Fn(Value, Range<usize>, MatMut<'_, f32>) -> Result<()> + Sync + 'a {
    move |input, rows, mut to| {
        let place = inputs.iter().position(|&value| value == input).unwrap();
        let from = data[place].as_ref();
        let columns = 0..to.as_ref().cols();
        to.copy_from(from.submatrix(rows, columns));
        Ok(())
    }
}
