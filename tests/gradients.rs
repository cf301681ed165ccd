//! Gradients of whole tapes against central differences of the reference
//! formulas in f64: every activation with every loss, fused and not, at every
//! level, for parameters and values used once or several times.

mod nets;

use autoencoder::tape::{Parameter, Parameters, Program, ProgramOptions, Tape};
use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::random::Key;
use autoencoder_kernels::{Context, Level, Mat, Noise, reference};
use nets::{Kind, Net, Random, Recorder, filler, initialise};

const ROWS: usize = 3;

/// Of noise and dropout.
const SEED: u64 = 1;

/// A net computed in f64, row by row, while it is written down.
struct Reference<'a> {
    parameters: &'a [Vec<f64>],
    shapes: Vec<(usize, usize)>,
    inputs: std::slice::Iter<'a, Vec<f64>>,
    loss: f64,
    /// The row of the minibatch, and the seed of noise; without one there is
    /// none.
    row: u32,
    seed: Option<u64>,
    /// How many nodes drew random numbers.
    streams: u16,
    /// Parameters that may be frozen.
    frozen: &'static [usize],
    /// Target, factor and sums over the rows so far of sparsity penalties.
    rates: &'a mut Vec<(f64, f64, Vec<f64>)>,
    rates_seen: usize,
    /// The smallest distance of anything from a kink in its derivative.
    margin: f64,
}

/// A row, and the activation that it is the output of.
#[derive(Clone)]
struct Row {
    y: Vec<f64>,
    /// What a sigmoid read.
    logits: Option<Vec<f64>>,
    /// What an activation read, and which one.
    from: Option<(Vec<f64>, Activation)>,
}

impl From<Vec<f64>> for Row {
    fn from(y: Vec<f64>) -> Self {
        Row {
            y,
            logits: None,
            from: None,
        }
    }
}

impl Reference<'_> {
    /// What becomes of a row whose column `j` becomes `f(key, j, x)`.
    fn randomly(&mut self, x: &Row, f: impl Fn(Key, usize, f64) -> f64) -> Row {
        let stream = self.streams;
        self.streams += 1;
        let Some(seed) = self.seed else {
            return x.clone();
        };
        let step = 0;
        let key = Key { seed, stream, step };
        let row = x.y.iter().enumerate().map(|(j, &x)| f(key, j, x));
        row.collect::<Vec<_>>().into()
    }
}

impl Recorder for Reference<'_> {
    type Value = Row;

    fn input(&mut self, features: usize) -> Row {
        self.inputs.next().unwrap()[..features].to_vec().into()
    }

    fn weight(&mut self, inputs: usize, outputs: usize) -> Parameter {
        // Numbers of parameters are the order of their creation on any tape.
        self.shapes.push((inputs, outputs));
        nth_parameter(self.shapes.len() - 1)
    }

    fn bias(&mut self, features: usize) -> Parameter {
        self.weight(1, features)
    }

    fn linear(
        &mut self,
        x: &Row,
        weight: Parameter,
        transposed: bool,
        bias: Option<Parameter>,
    ) -> Row {
        let (rows, cols) = self.shapes[number(weight)];
        let w = &self.parameters[number(weight)];
        let outputs = if transposed { rows } else { cols };
        let y = (0..outputs).map(|j| {
            let product = x.y.iter().enumerate().map(|(i, x)| match transposed {
                false => x * w[i * cols + j],
                true => x * w[j * cols + i],
            });
            product.sum::<f64>() + bias.map_or(0.0, |b| self.parameters[number(b)][j])
        });
        y.collect::<Vec<_>>().into()
    }

    fn add_bias(&mut self, x: &Row, bias: Parameter) -> Row {
        let b = &self.parameters[number(bias)];
        let y = x.y.iter().zip(b).map(|(x, b)| x + b);
        y.collect::<Vec<_>>().into()
    }

    fn activation(&mut self, x: &Row, activation: Activation) -> Row {
        let z = &x.y;
        for kink in activation.kinks() {
            for z in z {
                self.margin = self.margin.min((z - f64::from(*kink)).abs());
            }
        }
        Row {
            y: match activation {
                Activation::Softmax => reference::activation::softmax(z),
                _ => z
                    .iter()
                    .map(|&z| reference::activation::apply(activation, z))
                    .collect(),
            },
            logits: (activation == Activation::Sigmoid).then(|| z.clone()),
            from: Some((z.clone(), activation)),
        }
    }

    fn add(&mut self, a: &Row, b: &Row) -> Row {
        a.y.iter()
            .zip(&b.y)
            .map(|(a, b)| a + b)
            .collect::<Vec<_>>()
            .into()
    }

    fn freeze(&mut self, parameter: Parameter) {
        assert!(self.frozen.contains(&number(parameter)));
    }

    fn corrupt(&mut self, x: &Row, noise: Noise) -> Row {
        let row = self.row;
        self.randomly(x, |key, j, x| {
            reference::noise::corrupt(noise, key, row, j, x)
        })
    }

    fn dropout(&mut self, x: &Row, p: f32) -> Row {
        let row = self.row;
        self.randomly(x, |key, j, x| reference::noise::drop_out(p, key, row, j, x))
    }

    fn scaled_loss(&mut self, loss: Loss, prediction: &Row, target: &Row, scale: f32) {
        let y = match &prediction.logits {
            Some(logits) if loss.takes_logits() => logits,
            _ => &prediction.y,
        };
        let mut sum = 0.0;
        for (&y, &t) in y.iter().zip(&target.y) {
            sum += reference::loss::value(loss, y, t);
            for &kink in loss.kinks() {
                self.margin = self.margin.min((y - t - f64::from(kink)).abs());
            }
            if loss == Loss::BinaryCrossEntropyClipped {
                // Where the clipping ends.
                self.margin = self.margin.min(y.abs()).min((1.0 - y).abs());
            }
        }
        let factor = f64::from(scale) * reference::loss::mean_factor(loss, y.len());
        self.loss += sum * factor / ROWS as f64;
    }

    fn absolute_penalty(&mut self, x: &Row, factor: f32) {
        for x in x.y.iter().filter(|&&x| x != 0.0) {
            self.loss += f64::from(factor) * x.abs() / ROWS as f64;
            self.margin = self.margin.min(x.abs());
        }
    }

    fn sparsity_penalty(&mut self, x: &Row, target: f32, factor: f32) {
        if self.rates_seen == self.rates.len() {
            let (target, factor) = (f64::from(target), f64::from(factor));
            self.rates.push((target, factor, vec![0.0; x.y.len()]));
        }
        let (_, _, sums) = &mut self.rates[self.rates_seen];
        sums.iter_mut().zip(&x.y).for_each(|(sum, x)| *sum += x);
        self.rates_seen += 1;
    }

    fn contractive_penalty(&mut self, output: &Row, weight: Parameter, factor: f32) {
        let w = &self.parameters[number(weight)];
        let (z, activation) = match &output.from {
            Some((z, activation)) => (z, *activation),
            None => (&output.y, Activation::Identity),
        };
        let norm = reference::penalty::contractive(activation, z, w);
        self.loss += f64::from(factor) * norm / ROWS as f64;
    }

    fn normal_sample(&mut self, mean: &Row, log_variance: &Row, noise: &Row) -> Row {
        let all = mean.y.iter().zip(&log_variance.y).zip(&noise.y);
        let z = all.map(|((&m, &l), &e)| reference::penalty::sample(m, l, e));
        z.collect::<Vec<_>>().into()
    }

    fn normal_divergence(&mut self, mean: &Row, log_variance: &Row, factor: f32) {
        for (&mean, &log_variance) in mean.y.iter().zip(&log_variance.y) {
            let nats = reference::penalty::kl_divergence(mean, log_variance);
            self.loss += f64::from(factor) * nats / ROWS as f64;
        }
    }
}

/// Handles of parameters, from a tape that has enough of them.
fn nth_parameter(n: usize) -> Parameter {
    let mut tape = Tape::new();
    (0..=n).map(|_| tape.bias(1)).last().unwrap()
}

fn number(parameter: Parameter) -> usize {
    (0..16).find(|&n| nth_parameter(n) == parameter).unwrap()
}

/// The mean loss in f64, and the distance from the nearest kink. Without a
/// seed, nothing is random.
fn reference_loss(
    net: &Net,
    parameters: &[Vec<f64>],
    data: &[Mat<f32>],
    seed: Option<u64>,
) -> (f64, f64) {
    let (mut loss, mut margin, mut rates) = (0.0, f64::INFINITY, Vec::new());
    for i in 0..ROWS {
        let rows: Vec<Vec<f64>> = data
            .iter()
            .map(|mat| mat.row(i).iter().map(|&x| f64::from(x)).collect())
            .collect();
        let mut reference = Reference {
            parameters,
            shapes: Vec::new(),
            inputs: rows.iter(),
            loss: 0.0,
            row: i as u32,
            seed,
            streams: 0,
            frozen: net.kind.frozen(),
            rates: &mut rates,
            rates_seen: 0,
            margin,
        };
        net.record(&mut reference);
        loss += reference.loss;
        margin = reference.margin;
    }
    for (target, factor, sums) in rates {
        let nats = |sum| reference::penalty::kl_sparsity(target, sum / ROWS as f64);
        loss += factor * sums.into_iter().map(nats).sum::<f64>();
    }
    (loss, margin)
}

/// Whether the loss is one that a person would put behind this activation: a
/// clipped cross-entropy wants probabilities.
fn is_meaningful(output: Activation, loss: Loss) -> bool {
    loss != Loss::BinaryCrossEntropyClipped
        || matches!(output, Activation::Sigmoid | Activation::Softmax)
}

#[test]
fn gradients_are_the_central_differences_of_the_reference() {
    let mut checked = 0;
    for kind in Kind::ALL {
        for activation in Activation::ALL {
            for loss in Loss::ALL {
                let hidden = match activation {
                    // A row of probabilities says little in the middle.
                    Activation::Softmax => Activation::Tanh,
                    other => other,
                };
                let output = match (activation, loss) {
                    (_, Loss::BinaryCrossEntropyClipped) if activation != Activation::Softmax => {
                        Activation::Sigmoid
                    }
                    (other, _) => other,
                };
                assert!(is_meaningful(output, loss));
                check(Net {
                    kind,
                    features: 6,
                    hidden: 5,
                    code: 3,
                    activation: hidden,
                    output,
                    loss,
                });
                checked += 1;
            }
        }
    }
    assert_eq!(checked, Kind::ALL.len() * 12 * 7);
}

#[test]
fn softmax_may_stand_between_layers() {
    for kind in Kind::ALL {
        check(Net {
            kind,
            features: 6,
            hidden: 5,
            code: 3,
            activation: Activation::Softmax,
            output: Activation::Identity,
            loss: Loss::SumSquaredError,
        });
    }
}

fn check(net: Net) {
    let (tape, inputs, _) = net.tape();
    let mut parameters = Parameters::zeros(&tape).unwrap();
    // The first seed whose numbers keep away from all kinks.
    let mut seed = 0;
    let (data, exact) = loop {
        let mut random = Random(seed);
        initialise(&mut parameters, &tape, &mut random);
        let data: Vec<_> = inputs
            .iter()
            .map(|_| random.mat(ROWS, net.features, 0.0..1.0))
            .collect();
        let exact: Vec<Vec<f64>> = tape
            .parameters()
            .map(|p| {
                let values = parameters.get(p).as_slice();
                values.iter().map(|&x| f64::from(x)).collect()
            })
            .collect();
        let (_, margin) = reference_loss(&net, &exact, &data, Some(SEED));
        if margin > 1e-3 {
            break (data, exact);
        }
        seed += 1;
        assert!(seed < 1000, "{net:?}: every seed lies on a kink");
    };
    let (want_loss, _) = reference_loss(&net, &exact, &data, Some(SEED));
    let (want_clean, _) = reference_loss(&net, &exact, &data, None);
    let want = differences(&net, exact, &data);
    for &level in Level::available() {
        for fused in [true, false] {
            let options = ProgramOptions {
                // Room for more rows than there are.
                batch_size: ROWS + 2,
                fused,
                context: Context::serial().with_level(level),
                seed: SEED,
            };
            let mut program = Program::new(&tape, options).unwrap();
            let fill = filler(&inputs, &data);
            let (loss, gradients) = program.gradients(&parameters, ROWS, &fill).unwrap();
            let what = format!("{net:?}, {level}, fused: {fused}");
            assert!(
                (loss - want_loss).abs() <= 2e-6 * want_loss.abs().max(0.1),
                "{what}: loss {loss}, expected {want_loss}"
            );
            // Nothing is left over from one run to the next.
            let again = program.gradients(&parameters, ROWS, &fill).unwrap();
            assert!(
                again == (loss, gradients.clone()),
                "{what}: the second time"
            );
            let evaluated = program.loss(&parameters, ROWS, &fill).unwrap();
            if net.kind == Kind::Noisy {
                let error = (evaluated - want_clean).abs();
                assert!(
                    error <= 2e-6 * want_clean.abs().max(0.1),
                    "{what}: {evaluated}"
                );
                assert_ne!(loss, evaluated, "{what}: no noise");
            } else {
                assert_eq!(loss.to_bits(), evaluated.to_bits(), "{what}");
            }
            for (number, parameter) in tape.parameters().enumerate() {
                let (got, want) = (gradients.get(parameter).as_slice(), &want[number]);
                assert_eq!(got.len(), want.len());
                if net.kind.frozen().contains(&number) {
                    assert!(got.iter().all(|&g| g == 0.0), "{what}: frozen");
                    continue;
                }
                // f32 rounds to 6e-8; terms of a sum may cancel.
                let size = want.iter().fold(0.1, |size: f64, w| size.max(w.abs()));
                for (element, (&got, &want)) in got.iter().zip(want).enumerate() {
                    let error = (f64::from(got) - want).abs();
                    assert!(
                        error <= 5e-6 * size,
                        "{what}: parameter {number}, element {element}: {got}, expected {want}"
                    );
                }
            }
        }
    }
}

/// The gradient of each parameter by central differences. With f64 and this
/// step they are exact to about 1e-9.
fn differences(net: &Net, mut parameters: Vec<Vec<f64>>, data: &[Mat<f32>]) -> Vec<Vec<f64>> {
    const STEP: f64 = 1e-5;
    let mut result = Vec::new();
    for number in 0..parameters.len() {
        let mut gradient = Vec::new();
        for element in 0..parameters[number].len() {
            let middle = parameters[number][element];
            parameters[number][element] = middle + STEP;
            let (above, _) = reference_loss(net, &parameters, data, Some(SEED));
            parameters[number][element] = middle - STEP;
            let (below, _) = reference_loss(net, &parameters, data, Some(SEED));
            parameters[number][element] = middle;
            gradient.push((above - below) / (2.0 * STEP));
        }
        result.push(gradient);
    }
    result
}
